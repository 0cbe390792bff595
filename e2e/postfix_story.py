"""The sending gate, asked by a real Postfix.

Two Signets on one PostgreSQL: Postfix asks the first over TCP, the second over
a Unix socket, and on a third port both, one after the other. Every answer is
seen as the SMTP reply that a client of Postfix gets. What is let through
arrives in an inbox behind it.

Verification comes from real name servers. Losing it takes days, so that this
one state is written into the database.
"""

import json
import os
import pwd
import time
import warnings
from concurrent.futures import ThreadPoolExecutor

from aiosmtpd.controller import Controller

from harness.checks import Story
from harness.nameservers import ROOT, Nsd, Unbound
from harness.postfix import AWAY, Postfix
from harness.postgres import Cluster
from harness.processes import Processes, free_port
from harness.signet import Api, Signet

NS, OURS, PARENTS = (f"127.0.0.{last}" for last in (2, 4, 6))
OWNER = "postmaster@example.org"
STRANGER = "ann@example.net"
ALLOWANCE = 3
SOCKETS = ("tcp", "unix")
COMPANY = {
    "name": "Bakery GmbH",
    "address": "Ring 1",
    "city": "Wien",
    "country": "Austria",
    "zip_code": "1010",
    "website_url": "https://bakery.example",
}
# Ours, all of them verified but the last; and one of another account.
MINE = ["good", "lost", "rejected", "held", "abused", "pending"]
THEIRS = "foreign"


class Inbox:
    """Keeps what Postfix lets through."""

    def __init__(self):
        self.messages = []

    async def handle_DATA(self, server, session, envelope):
        self.messages.append((envelope.mail_from, envelope.rcpt_tos, envelope.content.decode()))
        return "250 2.0.0 kept"

    def got(self, name):
        return [(sender, to) for sender, to, text in self.messages if f"Subject: {name}\r\n" in text]


def zone(name, records=()):
    lines = [f"$ORIGIN {name}.test.", "$TTL 5", f"@ SOA ns hostmaster {1 + len(records)} 300 60 86400 1", "@ NS ns", f"ns A {NS}"]
    for record in records:
        value = f'"{record["value"]}"' if record["type"] == "TXT" else f"{record['value']}."
        lines.append(f"{record['domain']}. {record['type']} {value}")
    return "\n".join(lines) + "\n"


def name_servers(processes):
    """The customers' server, a resolver that finds it, and the port all name servers listen at."""
    port = free_port(NS, OURS, PARENTS)
    names = [*MINE, THEIRS]
    above = ["$ORIGIN test.", "$TTL 5", "@ SOA ns.nic hostmaster 1 300 60 86400 1", "@ NS ns.nic", f"ns.nic A {PARENTS}"]
    above += [f"a.root A {PARENTS}", "signet NS ns1.signet", f"ns1.signet A {OURS}"]
    above += [line for name in names for line in (f"{name} NS ns.{name}", f"ns.{name} A {NS}")]
    Nsd(processes, "parents", PARENTS, port, {".": ROOT, "test.": "\n".join(above) + "\n"}).start()
    customers = Nsd(processes, "customers", NS, port, {f"{name}.test.": zone(name) for name in names}).start()
    stubs = {".": PARENTS, "test.": PARENTS, "signet.test.": OURS, **{f"{name}.test.": NS for name in names}}
    return port, customers, Unbound(processes, {zone: [(host, port)] for zone, host in stubs.items()})


def two_signets(processes, cluster, port, resolver):
    """One that answers at a TCP port and serves our zone, one at a Unix socket; the socket's path with it."""
    folder = processes.folder / "gate"
    folder.mkdir()
    # The socket has mode 0660: it gets the group of its folder.
    os.chown(folder, 0, pwd.getpwnam("postfix").pw_gid)
    folder.chmod(0o2750)
    shared = {
        "database_url": cluster.create("signet"),
        "key_file": processes.folder / "signet.key",
        "sending_ips": OURS,
        "dns_resolvers": resolver.address,
        "dns_authority_port": port,
        "dns_allow_private": "true",
        "owner_email": OWNER,
        "demo_allowance": ALLOWANCE,
    }
    first = Signet(processes, "first", dns_listen=f"{OURS}:{port}", policy_listen="tcp:127.0.0.1:0", **shared).start()
    second = Signet(processes, "second", policy_listen=f"unix:{folder / 'policy.sock'}", **shared).start()
    return first, second


def rule(signet, word, domain, *more):
    signet.command("review", word, str(domain["id"]), "--reason", "the story says so", *more)


def another_account(signet):
    """An account that the operator makes, with a token of its own."""
    made = signet.command("account", "create", "--name", "Other", "--owner-email", "owner@other.example", "--json")
    account = json.loads(made.stdout)["id"]
    token = signet.command("token", "create", "--account", str(account), "--name", "story").stdout.strip()
    return account, Api(signet.url, token)


def verified(story, api, customers, domain):
    name = domain["domain_name"].removesuffix(".test")
    customers.publish(f"{name}.test.", zone(name, domain["dns_records"]))
    story.eventually(f"{name}.test is verified", lambda: api.check(domain["id"])["dns_verified"])


def company(story, api, domain):
    answer = api.call("POST", f"/api/domains/{domain['id']}/company_info", {"company_info": COMPANY})
    story.equal("the company information is complete", answer.status, 200)


class Told:
    """What Postfix tells its clients, checked."""

    def __init__(self, story, postfix, inbox):
        self.story, self.postfix, self.inbox = story, postfix, inbox
        self.number = 0

    def submit(self, sender, recipients=(STRANGER,), **options):
        self.number += 1
        name = f"message {self.number}"
        gate = options.pop("gate", "tcp")
        return name, self.postfix.submit(gate, sender, list(recipients), name=name, **options)

    def passes(self, what, sender, recipients=(STRANGER,), **options):
        name, replies = self.submit(sender, recipients, **options)
        good = all(line.startswith("250") for line in replies) and "queued as" in replies[-1]
        self.story.holds(f"{what}: accepted", good, replies)
        return name

    def refused(self, what, sender, said, recipients=(STRANGER,), **options):
        """`said` is the code and the enhanced status, and then the end of the reply."""
        _, replies = self.submit(sender, recipients, **options)
        last, (code, text) = replies[-1], said
        self.story.holds(f"{what}: {code}", last.startswith(f"{code} ") and last.endswith(text), replies)


def never(domain, why):
    return "550 5.7.1", f"Sending from domain {domain} is not allowed: {why}"


def later(domain, why):
    return "450 4.7.1", f"Sending from domain {domain} is not allowed at the moment: {why}"


def senders(told, domains, gate):
    """Sender by sender, over one of the two sockets."""
    options = {"gate": gate}
    record = next(r for r in domains["good"]["dns_records"] if r["key"] == "verification")["domain"]
    told.passes("a domain that may send", "jo@good.test", **options)
    told.passes("its return path", f"bounce+17@{record}", **options)
    unknown = lambda name: never(name, "it is not registered")
    told.refused("a subdomain of it", "jo@sub.good.test", unknown("sub.good.test"), **options)
    elsewhere = record.replace(".good.test", ".sub.good.test")
    told.refused("a return path below a subdomain", f"jo@{elsewhere}", unknown(elsewhere), **options)
    told.refused("a domain nobody has registered", "jo@example.com", unknown("example.com"), **options)
    dns = "its DNS records are not verified"
    told.refused("never verified", "jo@pending.test", never("pending.test", dns), **options)
    told.refused("verification lost, approved once", "jo@lost.test", later("lost.test", dns), **options)
    rejected = never("rejected.test", "a review has rejected it")
    told.refused("rejected", "jo@rejected.test", rejected, **options)
    told.refused("held", "jo@held.test", later("held.test", "it is held by the operator"), **options)
    told.refused("suspended", "jo@abused.test", never("abused.test", "it is suspended"), **options)


def customers_and_bounces(told, account, other):
    told.passes("the null sender, nobody logged in", "")
    nobody = "550 5.7.1", "Sending is not allowed: the null sender does not tell from which domain the message is"
    told.refused("the null sender, a customer logged in", "", nobody, user=account)
    told.passes("their own domain", "jo@good.test", user=account)
    foreign = lambda name, of: never(name, f"it is not registered in account {of}")
    told.refused("another account's", "jo@foreign.test", foreign("foreign.test", account), user=account)
    told.passes("which is fine for that one", "jo@foreign.test", user=other)
    told.refused("and not the other way round", "jo@good.test", foreign("good.test", other), user=other)
    told.passes("a login that is no account's number", "jo@foreign.test", user="jo")


def several_recipients(told):
    recipients = [f"to{n}@example.net" for n in range(5)]
    name = told.passes("five recipients", "jo@good.test", recipients)
    told.story.becomes("arrive as one message", lambda: told.inbox.got(name), [("jo@good.test", recipients)])


def demo(told, cluster):
    [[name]] = cluster.rows("signet", "SELECT name FROM domain WHERE demo AND account_id = 1")
    left = lambda: int(cluster.rows("signet", f"SELECT demo_messages_left FROM domain WHERE name = '{name}'")[0][0])
    sender = f"jo@{name}"
    owner_only = "a demo domain may write to its account's owner only"
    told.refused("to a stranger", sender, never(name, owner_only))
    told.refused("to the owner and a stranger", sender, never(name, owner_only), [OWNER, STRANGER])
    told.story.equal("nothing of that is counted", left(), ALLOWANCE)
    name_of = told.passes("to its owner", sender, [OWNER])
    told.story.equal("one message is counted, though it was looked at before", left(), ALLOWANCE - 1)
    told.story.becomes("it arrives", lambda: told.inbox.got(name_of), [(sender, [OWNER])])
    told.passes("asked about twice, at two servers, by one instance", sender, [OWNER], gate="both")
    told.story.equal("it is counted once", left(), ALLOWANCE - 2)
    twice = never(name, f"{owner_only}, as the one recipient")
    told.refused("the owner twice, which Postfix does not tell at the end", sender, twice, [OWNER, OWNER.upper()])
    told.story.equal("that is not counted", left(), ALLOWANCE - 2)
    told.passes("the last one", sender, [OWNER], gate="unix")
    told.story.equal("the allowance is used up", left(), 0)
    for gate in SOCKETS:
        told.refused(f"one more, {gate}", sender, never(name, "the demo domain has used up its messages"), [OWNER], gate=gate)


def suspended_meanwhile(told, signet, domain):
    """The command line is another process: the servers see it in the database."""
    for gate in SOCKETS:
        told.passes(f"before, {gate}", "jo@good.test", gate=gate)
    rule(signet, "suspend", domain, "--hold")
    held = lambda gate: told.submit("jo@good.test", gate=gate)[1][-1].startswith("450 4.7.1 ")
    for gate in SOCKETS:
        told.story.eventually(f"the hold is in force, {gate}", lambda: held(gate))
    rule(signet, "lift", domain)
    for gate in SOCKETS:
        told.passes(f"lifted, at once, {gate}", "jo@good.test", gate=gate)


def trouble(told, cluster, signets):
    cluster.stop()
    # What was read a moment before is good for two seconds.
    time.sleep(2)
    text = "The sending gate cannot decide at the moment; try again later"
    gone = ("451 4.3.0", text)
    # Side by side: each waits for the database for a while.
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda gate: told.refused(f"the database is gone, {gate}", "jo@good.test", gone, gate=gate), SOCKETS))
        stopped = list(pool.map(Signet.stop, signets))
    told.story.equal("both Signets stop cleanly", stopped, [0, 0])
    away = ("451 4.3.0", AWAY.removeprefix("451 4.3.0 "))
    for gate in SOCKETS:
        told.refused(f"nobody is at the policy port, {gate}", "jo@good.test", away, gate=gate)


def main():
    # It warns of a server without TLS.
    warnings.filterwarnings("ignore", module="aiosmtpd")
    with Story("The sending gate behind Postfix") as story, Processes() as processes:
        inbox = Inbox()
        sink = Controller(inbox, hostname="127.0.0.1", port=free_port())
        sink.start()
        port, customers, resolver = name_servers(processes)
        cluster = Cluster(processes)
        first, second = two_signets(processes, cluster, port, resolver)
        story.chapter("domains, in every state there is")
        api = first.api()
        domains = {name: api.create(f"{name}.test") for name in MINE}
        company(story, api, domains["good"])
        other, other_api = another_account(first)
        domains[THEIRS] = other_api.create(f"{THEIRS}.test")
        company(story, other_api, domains[THEIRS])
        for name, domain in domains.items():
            if name != "pending":
                verified(story, other_api if name == THEIRS else api, customers, domain)
                rule(first, "reject" if name == "rejected" else "approve", domain)
        rule(first, "suspend", domains["held"], "--hold")
        rule(first, "suspend", domains["abused"])
        cluster.rows("signet", "UPDATE domain SET dns_state = 'lost' WHERE name = 'lost.test'")
        tcp = first.policy.replace("tcp:", "inet:")
        gates = {"tcp": [tcp], "unix": [second.policy], "both": [tcp, second.policy]}
        with Postfix(processes, sink.port, gates) as postfix:
            told = Told(story, postfix, inbox)
            for gate in SOCKETS:
                story.chapter(f"sender by sender, over {gates[gate][0].split(':')[0]}:")
                senders(told, domains, gate)
            story.chapter("customers who log in, bounces")
            customers_and_bounces(told, first.account, other)
            story.chapter("several recipients")
            several_recipients(told)
            story.chapter("the demo domain")
            demo(told, cluster)
            story.chapter("a hold while mail flows")
            suspended_meanwhile(told, first, domains["good"])
            story.chapter("no database, no Signet")
            trouble(told, cluster, [first, second])
            log = processes.log("postfix")
            story.holds("Postfix has no complaints", "fatal:" not in log and "panic:" not in log and "postfix/" in log, log)
        sink.stop()


if __name__ == "__main__":
    main()
