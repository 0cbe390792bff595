"""Records into a customer's zone on a real BIND, by DNS UPDATE, and out again.

BIND serves bakery.test and takes updates signed with a key. The zone has an SPF
record, a DMARC policy and a text of its customer's; Signet plans, is given keys
that do not work and one that does, writes, verifies what it has written, and in
the end leaves the zone as it was, byte for byte.
"""

from harness.bakery import CUSTOMER, NAME, Bakery
from harness.checks import Story
from harness.nameservers import secret
from harness.processes import Processes

ZONE = f"""\
$ORIGIN {NAME}.
$TTL 300
@ SOA ns1 hostmaster 1 300 60 86400 1
@ NS ns1
@ MX 10 mail
@ 600 TXT "v=spf1 ip4:192.0.2.200 mx -all"
@ 600 TXT "site-verification=4711"
_dmarc TXT "v=DMARC1; p=quarantine; rua=mailto:dmarc@{NAME}"
ns1 A {CUSTOMER}
mail A 192.0.2.25
www A 192.0.2.80
*.shop A 192.0.2.81
cakes MX 10 mail
cakes TXT "v=spf1 ~all"
_dmarc.cakes TXT "v=DMARC1; p=none"
"""
MERGED = "v=spf1 ip4:192.0.2.200 mx include:_spf.signet.test -all"
ACTIONS = {
    "verification": "add",
    "spf": "merge",
    "dkim1": "add",
    "dkim2": "add",
    "dmarc": "in_place",
    "link_verification": "add",
}


REMOVED = {
    "verification": "remove",
    "spf": "merge",
    "dkim1": "remove",
    "dkim2": "remove",
    "dmarc": "keep",
    "link_verification": "remove",
}


class Keys:
    """What BIND knows: a key that may change the zone, and one that may not."""

    may = ("signet.bakery.test", "hmac-sha256", secret())
    may_not = ("stranger.bakery.test", "hmac-sha512", secret())


def access(server, key, test=True):
    name, algorithm, text = key
    credentials = {"server": server, "key_name": name, "algorithm": algorithm, "key_secret": text}
    return {"dns_access": {"zone": NAME, "provider": "rfc2136", "test": test, "credentials": credentials}}


class Zone:
    """The customer's zone as one domain's owner works on it over the API."""

    def __init__(self, api, domain):
        self.api = api
        self.path = f"/api/domains/{domain['id']}"

    def plan(self):
        answer = self.api.call("POST", f"{self.path}/dns/plan")
        if answer.status != 200:
            raise RuntimeError(f"planning: {answer!r}")
        return answer.json["data"]

    def apply(self, digest):
        return self.api.call("POST", f"{self.path}/dns/apply", {"plan": {"digest": digest}})

    def give(self, *arguments, **options):
        return self.api.call("POST", "/api/dns_access", access(*arguments, **options))


def actions(plan):
    return {change["key"]: change["action"] for change in plan["changes"]}


def said(answer):
    return " ".join(message for messages in answer.json["errors"].values() for message in messages)


def planned(story, bind, zone, before):
    plan = zone.plan()
    story.equal("what is missing is added, SPF is merged, DMARC stays", actions(plan), ACTIONS)
    spf = next(change for change in plan["changes"] if change["key"] == "spf")
    story.equal("the merged record is shown", [e["value"] for e in spf["after"]], [MERGED])
    story.equal("so is what it takes the place of", [e["value"] for e in spf["before"]], ["v=spf1 ip4:192.0.2.200 mx -all"])
    story.equal("the zone is found, and that there is no key to it", plan["zones"], [{"zone": NAME, "provider": None}])
    story.equal("planning wrote nothing", bind.lines(), before)
    refused = zone.apply(plan["digest"])
    story.equal("without a key nothing can be applied", refused.status, 422)
    story.holds("and it says what to do about it", f"no key to the zone {NAME}" in said(refused), refused)


def wrong_keys(story, bind, zone, server, before):
    name, algorithm, text = Keys.may
    wrong = {
        "BADSIG": (name, algorithm, secret()),
        "BADKEY": ("unknown.bakery.test", algorithm, text),
    }
    for word, key in wrong.items():
        refused = zone.give(server, key)
        story.equal(f"a key that BIND answers {word} to is not taken", refused.status, 422)
        story.holds("the reason is given", word in said(refused), refused)
        zone.give(server, key, test=False)
        refused = zone.apply(zone.plan()["digest"])
        story.equal("taken untried, nothing is written with it", (refused.status, bind.lines()), (422, before))
        story.holds("the reason is given", word in said(refused) and "Nothing was written" in said(refused), refused)
    given = zone.give(server, Keys.may_not)
    story.equal("a key that BIND knows passes the test", given.status, 200)
    refused = zone.apply(zone.plan()["digest"])
    story.equal("but may not write", (refused.status, bind.lines()), (422, before))
    story.holds("the reason is given", "REFUSED" in said(refused), refused)


def changed_in_between(story, bind, zone):
    digest = zone.plan()["digest"]
    bind.edit(f'update add {NAME} 600 TXT "another=1"')
    changed = bind.lines()
    refused = zone.apply(digest)
    story.equal("a zone that has changed since is refused", (refused.status, bind.lines()), (409, changed))
    story.holds("under the digest", "no longer as it was shown" in said(refused), refused)
    bind.edit(f'update delete {NAME} TXT "another=1"')


def applied(story, bind, zone, domain, before):
    answer = zone.apply(zone.plan()["digest"])
    story.equal("the plan is applied", answer.status, 200)
    wanted = [line.replace("v=spf1 ip4:192.0.2.200 mx -all", MERGED) for line in before]
    for record in domain["dns_records"]:
        if record["type"] == "CNAME":
            wanted.append(f"{record['domain']}. 3600 IN CNAME {record['value']}.")
    story.equal("dig shows exactly that and nothing else changed", bind.lines(), sorted(wanted))
    look = lambda: zone.api.get(zone.path)["dns_verified"]
    story.becomes("Signet verifies the domain by itself", look, True)
    plan = zone.plan()
    story.equal("a second plan has nothing to do", set(actions(plan).values()), {"in_place"})
    answer = zone.apply(plan["digest"])
    story.equal("applied, it writes nothing", [c["key"] for c in answer.json["data"]["changes"] if c["written"]], [])
    kinds = [event["type"] for event in zone.api.events(domain["id"])]
    story.equal("the history has it once", kinds.count("dns.applied"), 1)


def by_hand(story, bind, zone, signet, domain):
    """The same on the command line, which mends a record of ours that somebody broke."""
    right = bind.lines()
    number = str(domain["id"])
    done = signet.command("domains", "plan", number)
    story.holds("the command line has nothing to do, either", "Nothing to write." in done.stdout, done.stdout)
    owner = next(r["domain"] for r in domain["dns_records"] if r["key"] == "verification")
    bind.edit(f"update delete {owner} CNAME", f"update add {owner} 60 CNAME elsewhere.test.")
    done = signet.command("domains", "plan", number, check=False)
    story.equal("what is not as it should be is exit status 1", done.returncode, 1)
    story.holds(
        "it is shown as a difference",
        "- CNAME elsewhere.test" in done.stdout and "+ CNAME bounce.signet.test" in done.stdout,
        done.stdout,
    )
    done = signet.command("domains", "apply", number, check=False)
    story.holds("without a terminal nobody is asked", done.returncode == 2 and "--yes" in done.stderr, done.stderr)
    signet.command("domains", "apply", number, "--yes")
    story.equal("applied, the zone is right again", bind.lines(), right)
    listed = signet.command("dns-access", "list", "--account", "1").stdout
    story.holds("the key is listed", NAME in listed and Keys.may[0] in listed, listed)
    story.holds("without its secret", Keys.may[2] not in listed, listed)


def silence(story, bind, zone):
    bind.stop()
    plan = zone.plan()
    story.equal("of a server that is stopped everything is blocked", set(actions(plan).values()), {"blocked"})
    reasons = " ".join(change["reason"] for change in plan["changes"])
    story.holds("what could not be asked is named", NAME in reasons, reasons)
    answer = zone.apply(plan["digest"])
    story.equal("nothing is written", [c["key"] for c in answer.json["data"]["changes"] if c["written"]], [])
    refused = zone.api.call("DELETE", f"{zone.path}?remove_dns_records=true")
    story.equal("a removal that cannot be done refuses the deletion", refused.status, 422)
    story.holds("and says so", "was not deleted" in said(refused), refused)
    bind.start()
    story.holds("the domain is still there", zone.api.get(zone.path)["id"])


def removed(story, bind, zone, before):
    gone = zone.api.call("DELETE", f"{zone.path}?remove_dns_records=true")
    story.equal("deleted, with its records", gone.status, 200)
    story.equal("it says what was taken out and what was kept", actions(gone.json["data"]), REMOVED)
    story.equal("the zone is as it was, byte for byte", bind.lines(), before)
    story.equal("the domain is gone", zone.api.call("GET", zone.path).status, 404)


def under_a_wildcard(story, bind, api, before):
    """A shop that only a wildcard answers for: the first record below it would take it offline."""
    domain = api.create(f"cups.shop.{NAME}")
    zone = Zone(api, domain)
    plan = zone.plan()
    writes = {change["action"] for change in plan["changes"]} - {"in_place", "blocked"}
    story.equal("nothing is written where a wildcard answers", (writes, plan["zones"]), (set(), []))
    reason = next(change["reason"] for change in plan["changes"] if change["key"] == "verification")
    story.holds("what to enter first is said", f"`cups.shop.{NAME} A 192.0.2.81`" in reason, reason)
    bind.edit(f"update add cups.shop.{NAME} 300 A 192.0.2.81")
    story.equal("entered, the rest can be added", actions(zone.plan())["verification"], "add")
    bind.edit(f"update delete cups.shop.{NAME} A")
    story.equal("the zone is as at first", bind.lines(), before)
    zone.api.call("DELETE", zone.path)


def what_was_theirs(story, bind, api, before):
    """SPF and DMARC of the customer's that are word for word what is asked for, or nearly."""
    zone = Zone(api, api.create(f"cakes.{NAME}"))
    plan = zone.plan()
    story.equal("their DMARC is all right as it is", actions(plan)["dmarc"], "in_place")
    story.equal("applied", zone.apply(plan["digest"]).status, 200)
    merged = f'cakes.{NAME}. 300 IN TXT "v=spf1 include:_spf.signet.test ~all"'
    story.holds("their SPF is now the one we ask for", merged in bind.lines(), bind.lines())
    gone = zone.api.call("DELETE", f"{zone.path}?remove_dns_records=true")
    story.equal("both stay when the domain is deleted", (gone.status, bind.lines()), (200, before))


def main():
    with Story("A zone on BIND, updated") as story, Processes() as processes:
        world = Bakery(processes, ZONE, [Keys.may, Keys.may_not])
        bind, signet = world.bind, world.signet
        api = signet.api()
        before = bind.lines()
        domain = api.create(NAME)
        zone = Zone(api, domain)
        server = f"{CUSTOMER}:{world.port}"
        story.chapter("planned")
        planned(story, bind, zone, before)
        story.chapter("keys that do not work")
        wrong_keys(story, bind, zone, server, before)
        story.equal("the right key is taken in their place", zone.give(server, Keys.may).status, 200)
        story.chapter("changed between plan and apply")
        changed_in_between(story, bind, zone)
        story.equal("the zone is as at first", bind.lines(), before)
        story.chapter("applied")
        applied(story, bind, zone, domain, before)
        story.chapter("on the command line")
        by_hand(story, bind, zone, signet, domain)
        story.chapter("the server is stopped")
        silence(story, bind, zone)
        story.chapter("under a wildcard")
        as_applied = bind.lines()
        under_a_wildcard(story, bind, api, as_applied)
        story.chapter("what was the customer's before")
        what_was_theirs(story, bind, api, as_applied)
        story.chapter("deleted")
        removed(story, bind, zone, before)
        story.equal("Signet stops cleanly", signet.stop(), 0)


if __name__ == "__main__":
    main()
