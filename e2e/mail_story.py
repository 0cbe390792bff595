"""Set-up instructions over real SMTP: STARTTLS, implicit TLS, authentication, and a server that is away.

The receiving server is aiosmtpd with a certificate of our own authority, which
Signet finds where every program finds its trust anchors (SSL_CERT_FILE).
"""

import email
import email.policy
import hashlib
import logging
import ssl
import warnings

import dns.rdatatype
import dns.zone
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

from harness.certificates import Authority
from harness.checks import Story
from harness.processes import Processes, free_port
from harness.signet import Signet

NAME = "bakery.test"
USER, PASSWORD = "signet", "a p@ss/word"
ESCAPED = "signet:a%20p%40ss%2Fword"


class Inbox:
    """Keeps what arrives; refuses for now while `busy`."""

    def __init__(self):
        self.messages = []
        self.busy = 0

    async def handle_DATA(self, server, session, envelope):
        if self.busy:
            self.busy -= 1
            return "451 4.3.2 come back later"
        self.messages.append((envelope.mail_from, envelope.rcpt_tos, envelope.content, session))
        return "250 2.0.0 kept"


def login(server, session, envelope, mechanism, data):
    good = isinstance(data, LoginPassword) and (data.login, data.password) == (USER.encode(), PASSWORD.encode())
    return AuthResult(success=good, handled=False, auth_data=USER if good else None)


def listen(inbox, authority, implicit, port=None):
    """A server that takes mail over TLS, and after AUTH, only."""
    chain, key = authority.issue("localhost")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(chain, key)
    shared = {
        "hostname": "127.0.0.1",
        "port": port or free_port(),
        "authenticator": login,
        "auth_required": True,
    }
    if implicit:
        # The whole conversation is inside TLS, which the server does not see.
        controller = Controller(inbox, ssl_context=context, auth_require_tls=False, **shared)
    else:
        controller = Controller(inbox, tls_context=context, require_starttls=True, **shared)
    controller.start()
    return controller


def settings(controller, implicit, secret=ESCAPED):
    scheme, query = ("smtps", "") if implicit else ("smtp", "?tls=required")
    return f"{scheme}://{secret}@localhost:{controller.port}{query}"


def instruct(story, api, domain, recipient):
    answer = api.call("POST", f"/api/domains/{domain['id']}/send_setup_instructions", {"email": recipient})
    story.equal(f"instructions for {recipient} are queued", (answer.status, answer.body), (204, b""))


def examine(story, domain, recipient, received):
    mail_from, recipients, content, _ = received
    story.equal("the envelope names sender and recipient", (mail_from, recipients), ("signet@signet.test", [recipient]))
    message = email.message_from_bytes(content, policy=email.policy.default)
    story.equal("there are no defects", [part.defects for part in message.walk() if part.defects], [])
    story.equal("the subject names the domain", message["Subject"], f"DNS records to set up for {NAME}")
    story.equal("To is the recipient", [str(a) for a in message["To"].addresses], [recipient])
    story.equal("automatic replies are off", message["Auto-Submitted"], "auto-generated")
    story.holds("Date and Message-ID are there", message["Date"].datetime and message["Message-ID"].endswith("@signet.test>"))
    text = message.get_body(("plain",)).get_content()
    html = message.get_body(("html",)).get_content()
    for record in domain["dns_records"]:
        there = all(record[member] in text for member in ("domain", "value", "type"))
        story.holds(f"the text has {record['key']}", there, text)
        story.holds("so has the page", record["domain"] in html and record["value"] in html, html)
    [attachment] = message.iter_attachments()
    story.equal("the attachment is a zone file", attachment.get_content_type(), "text/dns")
    zone = dns.zone.from_text(attachment.get_content(), NAME, relativize=False, check_origin=False)
    published = {
        (str(name).rstrip("."), dns.rdatatype.to_text(rdata.rdtype), value(rdata))
        for name, _, rdata in zone.iterate_rdatas()
    }
    wanted = {(record["domain"], record["type"], record["value"]) for record in domain["dns_records"]}
    story.equal("loaded, it holds what the API shows", published, wanted)
    return message["Message-ID"]


def value(rdata):
    if rdata.rdtype == dns.rdatatype.TXT:
        return b"".join(rdata.strings).decode()
    return str(rdata.target).rstrip(".")


def over(story, processes, authority, implicit):
    inbox = Inbox()
    controller = listen(inbox, authority, implicit)
    signet = Signet(processes, f"signet-{'tls' if implicit else 'starttls'}", smtp_url=settings(controller, implicit))
    signet.more_environment["SSL_CERT_FILE"] = authority.certificate
    api = signet.start().api()
    domain = api.create(NAME)
    instruct(story, api, domain, "hostmaster@example.com")
    story.eventually("it arrives", lambda: inbox.messages)
    examine(story, domain, "hostmaster@example.com", inbox.messages[0])
    return inbox, controller, signet, api, domain


def patience(story, inbox, controller, authority, api, domain):
    inbox.busy = 1
    instruct(story, api, domain, "later@example.com")
    story.eventually("a server that is busy is asked again", lambda: len(inbox.messages) == 2)
    controller.stop()
    instruct(story, api, domain, "away@example.com")
    answer = api.call("GET", f"/api/domains/{domain['id']}")
    story.equal("meanwhile the API answers", answer.status, 200)
    again = listen(inbox, authority, False, controller.port)
    story.eventually("a server that was away gets it when it is back", lambda: len(inbox.messages) == 3)
    seen = [hashlib.sha256(content).hexdigest() for _, _, content, _ in inbox.messages]
    story.equal("nothing is sent twice", len(set(seen)), 3)
    return again


def refusals(story, processes, authority):
    """Neither an unknown authority nor a wrong password gets a message, or a password, through."""
    inbox = Inbox()
    controller = listen(inbox, authority, False)
    stranger = Authority(processes.folder, "stranger")
    for name, certificate, secret in (
        ("untrusted", stranger.certificate, ESCAPED),
        ("wrong-password", authority.certificate, "signet:wrong"),
    ):
        signet = Signet(processes, name, smtp_url=settings(controller, False, secret))
        signet.more_environment["SSL_CERT_FILE"] = certificate
        api = signet.start().api()
        instruct(story, api, api.create(NAME), "hostmaster@example.com")
        log = lambda: "was not handed over" in processes.log(name)
        story.eventually(f"{name}: the log says that it was not handed over", log)
        for word in ("wrong", PASSWORD, ESCAPED):
            if f"signet:{word}" in processes.log(name):
                story.holds(f"{name}: the log keeps the password to itself", False, processes.log(name))
        signet.stop()
    story.equal("nothing arrived", inbox.messages, [])
    controller.stop()


def main():
    # It warns of the settings that an implicit TLS server needs.
    warnings.filterwarnings("ignore", module="aiosmtpd")
    logging.getLogger("mail.log").setLevel(logging.CRITICAL)
    with Story("Set-up instructions over SMTP") as story, Processes() as processes:
        authority = Authority(processes.folder)
        story.chapter("STARTTLS")
        inbox, controller, signet, api, domain = over(story, processes, authority, implicit=False)
        story.chapter("a busy server, and none")
        controller = patience(story, inbox, controller, authority, api, domain)
        signet.stop()
        controller.stop()
        story.chapter("implicit TLS")
        _, controller, signet, _, _ = over(story, processes, authority, implicit=True)
        signet.stop()
        controller.stop()
        story.chapter("a stranger's certificate, a wrong password")
        refusals(story, processes, authority)


if __name__ == "__main__":
    main()
