"""Webhooks as a receiver sees them: verified by the official library, in order, and none lost over kill -9.

The receiver checks every request with the `standardwebhooks` package. It is
down for a while, for one domain or for all, and Signet is killed meanwhile.
"""

import http.server
import threading

import standardwebhooks

from harness.checks import Story
from harness.processes import Processes
from harness.signet import Signet

# Not what looks at DNS find, which is another story.
TYPES = ["domain.created", "domain.compliance_changed", "domain.deleted"]


class Receiver(http.server.ThreadingHTTPServer):
    """Verifies what comes, and keeps it; refuses what it is told to."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.secrets, self.kept, self.refused, self.wrong = [], [], [], []
        self.refuses = lambda event: False
        self.url = f"http://127.0.0.1:{self.server_address[1]}/hooks"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def verified(self, body, headers):
        """The event, if each of the secrets in use verifies it."""
        for secret in self.secrets:
            event = standardwebhooks.Webhook(secret).verify(body, headers)
        return event

    def of(self, domain):
        """Events kept about a domain, each once, in the order they came first."""
        mine = [event for event in self.kept if event["data"]["domain"] and event["data"]["domain"]["id"] == domain]
        return list({event["data"]["id"]: event for event in mine}.values())

    def types(self, domain):
        return [event["type"] for event in self.of(domain)]


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        try:
            event = self.server.verified(body, dict(self.headers.items()))
        except standardwebhooks.WebhookVerificationError as error:
            self.server.wrong.append((str(error), body, dict(self.headers.items())))
            return self.answer(401)
        if self.server.refuses(event):
            self.server.refused.append(event)
            return self.answer(503)
        self.server.kept.append(event)
        return self.answer(204)

    def answer(self, status):
        self.send_response(status)
        self.end_headers()

    def log_message(self, *args):
        pass


def signed(story, receiver, api):
    story.chapter("A webhook is made, and told what happens")
    answer = api.call("POST", "/api/webhooks", {"webhook": {"url": receiver.url, "event_types": TYPES}})
    story.equal("it is made", answer.status, 200)
    webhook = answer.json["data"]
    receiver.secrets = [webhook["signing_secret"]]
    domain = api.create("bakery.test")["id"]
    story.becomes("its first event comes", lambda: receiver.types(domain), ["domain.created"])
    tested = api.call("POST", f"/api/webhooks/{webhook['id']}/test").json["data"]["delivery_id"]
    story.eventually("a test comes", lambda: any(event["type"] == "test" for event in receiver.kept))
    history = api.get(f"/api/webhooks/{webhook['id']}/deliveries")["data"]
    story.holds("and is in the list", any(row["id"] == tested for row in history), history)
    rotated = api.call("POST", f"/api/webhooks/{webhook['id']}/rotate_secret").json["data"]
    receiver.secrets = [webhook["signing_secret"], rotated["signing_secret"]]
    return webhook["id"], domain


def decide(signet, domain, times):
    for n in range(times):
        signet.command("review", "lift" if n % 2 else "suspend", str(domain), "--reason", "the story wants it")


def in_order(story, receiver, api, domain):
    history = [event["id"] for event in reversed(api.events(domain)) if event["type"] in TYPES]
    story.equal("all of its history, in order", [event["data"]["id"] for event in receiver.of(domain)], history)


def one_domain_fails(story, receiver, signet, api, domain):
    story.chapter("One domain's events are refused for a while")
    other = api.create("florist.test")["id"]
    story.becomes("the other's first comes", lambda: receiver.types(other), ["domain.created"])
    receiver.refuses = lambda event: event["data"]["domain"]["id"] == domain
    decide(signet, domain, 3)
    decide(signet, other, 2)
    story.eventually("the other's go on", lambda: len(receiver.of(other)) == 3)
    story.eventually("the first is tried again", lambda: len(receiver.refused) >= 2)
    story.equal("and nothing behind it", len({event["data"]["id"] for event in receiver.refused}), 1)
    receiver.refuses = lambda event: False
    story.eventually("then all of them come", lambda: len(receiver.of(domain)) == 4)
    in_order(story, receiver, api, domain)
    return other


def killed(story, receiver, signet, domain, other):
    story.chapter("The receiver is down, and Signet is killed")
    receiver.refuses = lambda event: True
    before = len(receiver.refused)
    decide(signet, domain, 2)
    decide(signet, other, 2)
    story.eventually("they are tried", lambda: len(receiver.refused) > before)
    signet.kill()
    receiver.refuses = lambda event: False
    api = signet.start().api()
    # It is suspended already, so that of the two only the lifting happened to the first.
    story.eventually("all come afterwards", lambda: (len(receiver.of(domain)), len(receiver.of(other))) == (5, 5))
    for each in (domain, other):
        in_order(story, receiver, api, each)
    return api


def the_end(story, receiver, api, webhook, domain):
    story.chapter("The domain goes, and all is told once more")
    story.equal("it is deleted", api.call("DELETE", f"/api/domains/{domain}").status, 204)
    story.eventually("which is told, too", lambda: receiver.types(domain)[-1] == "domain.deleted")
    # That it was is written down a moment later; what waits is not queued again.
    waiting = lambda: api.get(f"/api/webhooks/{webhook}/deliveries?state=waiting")["data"]
    story.becomes("and noted", waiting, [])
    count = len(receiver.kept)
    first = receiver.of(domain)[0]
    replay = {"replay": {"from_event": first["data"]["id"]}}
    queued = api.call("POST", f"/api/webhooks/{webhook}/replay", replay).json["data"]["queued"]
    story.eventually("as often as it says", lambda: len(receiver.kept) >= count + queued)
    again = {event["data"]["id"]: event for event in receiver.kept[count:] if event["data"]["domain"]["id"] == domain}
    story.equal("the same again, in order", list(again.values()), receiver.of(domain))
    story.equal("no request was signed wrongly", receiver.wrong, [])


def main():
    with Story("Webhooks, verified by the official library") as story, Processes() as processes:
        receiver = Receiver()
        signet = Signet(processes, webhook_allow_private="true")
        api = signet.start().api()
        webhook, domain = signed(story, receiver, api)
        other = one_domain_fails(story, receiver, signet, api, domain)
        api = killed(story, receiver, signet, domain, other)
        the_end(story, receiver, api, webhook, domain)
        story.equal("Signet stops as asked", signet.stop(), 0)


if __name__ == "__main__":
    main()
