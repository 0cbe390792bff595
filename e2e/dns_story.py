"""A domain's life on real name servers.

NSD serves the customer's zone on two addresses, Signet serves its own zone,
Unbound finds them. The records come from the API and are published as a zone
file, one step of the story at a time. At the end our zone is exported, loaded
into NSD, compared with what Signet answers, and takes Signet's place; the doctor
looks at it in both places, and finds a key that somebody has changed there.
"""

import json
import re

from harness.checks import Story
from harness.nameservers import ROOT, Nsd, Unbound
from harness.processes import Processes, free_port, run, tool
from harness.signet import Signet

NS1, NS2, OURS, EXPORTED, PARENTS = (f"127.0.0.{last}" for last in range(2, 7))
NAME = "bakery.test"
KEYS = ["verification", "spf", "dkim1", "dkim2", "dmarc", "link_verification"]
KINDS = ["A", "AAAA", "MX", "TXT", "CNAME", "NS", "SOA"]
TOP_LEVEL = f"""\
$ORIGIN test.
$TTL 5
@ SOA ns.nic hostmaster 1 300 60 86400 1
@ NS ns.nic
ns.nic A {PARENTS}
a.root A {PARENTS}
bakery NS ns1.bakery
bakery NS ns2.bakery
ns1.bakery A {NS1}
ns2.bakery A {NS2}
signet NS ns1.signet
ns1.signet A {OURS}
"""
# What the address our mail leaves from is called: a name that our zone has.
REVERSE = f"""\
$ORIGIN 127.in-addr.arpa.
$TTL 5
@ SOA ns.nic.test. hostmaster.test. 1 300 60 86400 1
@ NS ns.nic.test.
{'.'.join(reversed(OURS.split('.')[1:]))} PTR bounce.signet.test.
"""
# A closed network, one name server, no mail server: worth a remark, and right.
REMARKS = {"address_not_public", "mail_to_files", "one_server", "public_url_plain", "resolver_not_validating"}


class Customer:
    """Somebody who edits the zone file of bakery.test."""

    def __init__(self, servers):
        self.servers = servers
        self.serial = 1

    def zone(self, records):
        lines = [
            f"$ORIGIN {NAME}.",
            "$TTL 5",
            f"@ SOA ns1 hostmaster {self.serial} 300 60 86400 1",
            *("@ NS ns1", "@ NS ns2", f"ns1 A {NS1}", f"ns2 A {NS2}", "@ A 192.0.2.80", "www A 192.0.2.80"),
        ]
        for record in records:
            value = record["value"]
            text = f'"{value}"' if record["type"] == "TXT" else f"{value}."
            lines.append(f"{record['domain']}. {record['type']} {text}")
        return "\n".join(lines) + "\n"

    def publish(self, records, servers=None):
        self.serial += 1
        for server in servers or self.servers:
            server.publish(f"{NAME}.", self.zone(records))


def statuses(domain):
    return {record["key"]: record["status"] for record in domain["dns_records"]}


def all_of(status):
    return dict.fromkeys(KEYS, status)


def ask(host, port, name, kind):
    """What a server answers, as comparable text: rcode (`None` where it does not), and the records of the answer."""
    words = [f"@{host}", "-p", port, "+norec", "+noall", "+comments", "+answer", "+tries=5", "+time=5", name, kind]
    lines = run([tool("dig"), *words], check=False).stdout.splitlines()
    status = next((line.split("status: ")[1].split(",")[0] for line in lines if "status: " in line), None)
    records = [line.split() for line in lines if line and not line.startswith(";")]
    return status, sorted((r[0].lower(), r[1], r[3], " ".join(r[4:]).replace('" "', "")) for r in records)


def looks(story, what, api, domain, wanted):
    """The domain once a look finds these statuses. One that met silence says nothing, and another is asked for."""
    story.becomes(what, lambda: api.sees(domain["id"]), wanted)
    return api.get(f"/api/domains/{domain['id']}")


def registered(story, api):
    domain = api.create(NAME)
    story.equal("the records have the keys of the contract, in its order", [r["key"] for r in domain["dns_records"]], KEYS)
    story.equal("it is not verified", (domain["dns_verified"], domain["dns_verified_at"]), (False, None))

    look = lambda: statuses(api.get(f"/api/domains/{domain['id']}"))
    story.becomes("the first look finds everything missing", look, all_of("missing"))
    for key, verdict in api.report(domain["id"]).items():
        story.holds(f"the report on {key} has a reason and a fix", verdict["reason"] and verdict["fix"], verdict)
    return domain


def split(story, api, customer, domain):
    customer.publish(domain["dns_records"], customer.servers[:1])
    seen = api.check(domain["id"])
    story.holds("what one of two servers has verifies nothing", not seen["dns_verified"], seen)
    verdict = api.report(domain["id"])["verification"]
    story.equal("the report calls the disagreement what it is", verdict["status"], "network_error")


def verified(story, api, customer, domain):
    customer.publish(domain["dns_records"])
    domain = looks(story, "every record passes", api, domain, all_of("pass"))
    story.holds("it is verified", domain["dns_verified"] and domain["dns_verified_at"], domain)
    kinds = [event["type"] for event in api.events(domain["id"])]
    story.equal("the history tells of it once", kinds.count("domain.verified"), 1)
    return domain


def one_removed(story, api, customer, domain):
    kept = [record for record in domain["dns_records"] if record["key"] != "dkim2"]
    customer.publish(kept)
    wanted = {**all_of("pass"), "dkim2": "missing"}
    seen = looks(story, "the removed record is missing, the others pass", api, domain, wanted)
    story.holds("within the grace it stays verified", seen["dns_verified"], seen)
    customer.publish([record for record in domain["dns_records"] if record["key"] != "verification"])
    wanted = {**all_of("pass"), "verification": "missing"}
    seen = looks(story, "so it is with the record that proves ownership", api, domain, wanted)
    story.holds("within the grace it stays verified", seen["dns_verified"], seen)
    customer.publish(domain["dns_records"])
    looks(story, "put back, everything passes", api, domain, all_of("pass"))


def outage(story, api, customer, domain):
    for server in customer.servers:
        server.stop()
    # The resolver's memory of the zone is one second long.
    seen = api.check(domain["id"])
    verdicts = api.report(domain["id"])
    story.equal("the report says that nobody answered", {v["status"] for v in verdicts.values()}, {"network_error"})
    story.equal("the contract's statuses keep what was last seen", statuses(seen), all_of("pass"))
    story.equal("verification is untouched", seen["dns_verified_at"], domain["dns_verified_at"])
    for server in customer.servers:
        server.start()

    def back():
        api.check(domain["id"])
        return {verdict["status"] for verdict in api.report(domain["id"]).values()}

    story.becomes("when they answer again, everything passes", back, {"pass"})
    seen = api.get(f"/api/domains/{domain['id']}")
    story.equal("it was verified all the time", seen["dns_verified_at"], domain["dns_verified_at"])
    kinds = [event["type"] for event in api.events(domain["id"])]
    losses = {"domain.at_risk", "domain.unverified"}
    story.equal("the history tells of no loss", losses.intersection(kinds), set())


def doctor(story, signet, what, wanted, code):
    """What the doctor finds, beside what it has to remark on here."""
    findings = []

    def looked():
        done = signet.command("doctor", "--all", "--json", check=False)
        findings[:] = json.loads(done.stdout)["findings"]
        return {finding["code"] for finding in findings} - {"ok"} - REMARKS, done.returncode

    # A question that met silence is a finding, too.
    story.becomes(what, looked, (wanted, code))
    return findings


def exported(story, processes, signet, api, domain, port):
    keys_made = lambda: "dkim.keys_created" in [event["type"] for event in api.events(domain["id"])]
    story.eventually("a verified domain has keys", keys_made)
    text = signet.command("zone", "export").stdout
    story.say(f"the export has {len(text.splitlines())} lines")
    # Writing it runs NSD's checker, which must have nothing to say.
    nsd = Nsd(processes, "exported", EXPORTED, port, {"signet.test.": text}).start()
    hosts = [f"{host}.signet.test" for host in ("bounce", "_spf", "track", "absent", "absent.dkim", "dkim", "demo")]
    targets = [record["value"] for record in domain["dns_records"] if record["key"] in ("dkim1", "dkim2")]
    names = ["signet.test", *hosts, *targets, f"below.{targets[0]}", "ns1.signet.test"]
    for name in names:
        ours, theirs = ({kind: ask(host, port, name, kind) for kind in KINDS} for host in (OURS, EXPORTED))
        story.equal(f"Signet and NSD agree on {name} {' '.join(KINDS)}", ours, theirs)
    status, records = ask(EXPORTED, port, targets[0], "TXT")
    story.holds("a DKIM target carries a key", status == "NOERROR" and "v=DKIM1" in str(records), records)
    nsd.stop()
    found = doctor(story, signet, "the doctor finds nothing wrong with what Signet serves", set(), 0)
    served = next(finding["reason"] for finding in found if finding["subject"] == "dkim")
    story.holds("it has looked at every key", served.startswith("4 keys of 2 domains are served"), served)
    return text


def replaced(story, processes, signet, domain, port, text):
    story.equal("Signet stops cleanly", signet.stop(), 0)
    signet.settings["dns_listen"] = None
    signet.start()
    ours = Nsd(processes, "ours", OURS, port, {"signet.test.": text}).start()
    api = signet.api()
    looks(story, "with our zone on NSD everything passes", api, domain, all_of("pass"))
    doctor(story, signet, "the doctor finds nothing wrong with what NSD serves", set(), 0)
    changed = re.sub(r"( SOA \S+ \S+) \d+", r"\1 2147483000", text, count=1)
    changed = re.sub(r"(TXT \"v=DKIM1; k=rsa; p=)MII", r"\1MIX", changed, count=1)
    ours.publish("signet.test.", changed)
    found = doctor(story, signet, "the doctor finds the one key that is another one", {"key_differs"}, 1)
    wrong = next(finding for finding in found if finding["code"] == "key_differs")
    right = re.search(r"^(\S+) \d+ IN TXT \"v=DKIM1; k=rsa; p=MII", text, re.MULTILINE)[1]
    story.holds("it says which, and who has it", right in wrong["reason"] and OURS in wrong["server"], wrong)
    story.equal("Signet stops cleanly", signet.stop(), 0)


def main():
    with Story("A domain on NSD, found through Unbound") as story, Processes() as processes:
        port = free_port(NS1, NS2, OURS, EXPORTED, PARENTS)
        customer = Customer([])
        empty = {f"{NAME}.": customer.zone([])}
        first = Nsd(processes, "nsd1", NS1, port, empty).start()
        second = Nsd(processes, "nsd2", NS2, port, empty).start()
        # The root and test. live elsewhere, as they do: an outage of the
        # customer's servers is not one of the parent's.
        Nsd(processes, "parents", PARENTS, port, {".": ROOT, "test.": TOP_LEVEL, "127.in-addr.arpa.": REVERSE}).start()
        customer.servers = [first, second]
        resolver = Unbound(
            processes,
            {
                ".": [(PARENTS, port)],
                "test.": [(PARENTS, port)],
                "127.in-addr.arpa.": [(PARENTS, port)],
                f"{NAME}.": [(NS1, port), (NS2, port)],
                "signet.test.": [(OURS, port)],
            },
        )
        signet = Signet(
            processes,
            zone="signet.test",
            # Our name server and the hosts that records point to are at the
            # addresses mail leaves from.
            sending_ips=OURS,
            dns_listen=f"{OURS}:{port}",
            dns_resolvers=resolver.address,
            dns_authority_port=port,
            dns_allow_private="true",
        ).start()
        api = signet.api()
        story.chapter("registered, nothing published")
        domain = registered(story, api)
        story.chapter("published at one of two servers")
        split(story, api, customer, domain)
        story.chapter("published")
        domain = verified(story, api, customer, domain)
        story.chapter("one record removed")
        one_removed(story, api, customer, domain)
        story.chapter("the customer's servers are gone")
        outage(story, api, customer, domain)
        story.chapter("our zone, exported and served by NSD")
        text = exported(story, processes, signet, api, domain, port)
        story.chapter("our zone on NSD in Signet's place")
        replaced(story, processes, signet, domain, port, text)


if __name__ == "__main__":
    main()
