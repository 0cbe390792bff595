"""Domain Connect from the link to records that verify.

A DNS host on BIND that takes part: it says so in the zones it serves, knows the
template that Signet prints, and handles links with the reference implementation
(`domainconnectzone`): that verifies the signature with the key in Signet's own
zone, merges SPF, and says what to add and what to take out.
"""

import http.server
import json
import threading
import urllib.error
import urllib.parse
import urllib.request

import dns.resolver
import domainconnectzone as reference

from dns_story import all_of, looks
from harness.bakery import CUSTOMER, NAME, Bakery
from harness.checks import Story
from harness.nameservers import secret
from harness.processes import Processes

KEY = ("host.bakery.test", "hmac-sha256", secret())
ALL = ["verification", "spf", "dkim1", "dkim2", "dmarc", "link_verification"]


def zone(place):
    return f"""\
$ORIGIN {NAME}.
$TTL 300
@ SOA ns1 hostmaster 1 300 60 86400 1
@ NS ns1
@ MX 10 mail
@ 6000 TXT "v=spf1 mx -all"
@ 6000 TXT "site-verification=4711"
_domainconnect TXT "{place}"
_dmarc TXT "v=DMARC1; p=quarantine"
ns1 A {CUSTOMER}
mail A 192.0.2.25
_dmarc.news TXT "v=DMARC1; p=reject"
"""


class Host:
    """The DNS host's service: its settings, the templates it knows, and the page a link leads to."""

    def __init__(self, templates):
        # BIND serves its address, so it comes afterwards.
        self.bind, self.templates = None, templates
        host = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                url = urllib.parse.urlsplit(self.path)
                try:
                    status, body = host.answer(url.path.strip("/").split("/"), url.query)
                except reference.InvalidSignature as error:
                    status, body = 403, {"error": str(error)}
                self.send_response(status)
                self.end_headers()
                self.wfile.write(json.dumps(body).encode())

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, path, query):
        match path:
            case ["dc", "v2", zone, "settings"] if zone == NAME:
                return 200, {
                    "providerId": "host.test",
                    "providerName": "host",
                    "providerDisplayName": "The Host",
                    "urlSyncUX": f"{self.url}/pages",
                    "urlAPI": f"{self.url}/api",
                    "width": 600,
                    "height": "500",
                }
            case ["api", "v2", "domainTemplates", "providers", provider, "services", service]:
                return (200 if self._template(provider, service).exists() else 404), {}
            case ["pages", "v2", "domainTemplates", "providers", provider, "services", service, "apply"]:
                return self._apply(provider, service, query)
        return 404, {}

    def _template(self, provider, service):
        return self.templates / f"{provider}.{service}.json"

    def _apply(self, provider, service, query):
        """As its customer has just agreed."""
        given = {key: urllib.parse.unquote(value) for key, value in reference.qs2dict(query).items()}
        signed = reference.qsfilter(query, ["sig", "key"])
        template = reference.DomainConnect(provider, service, str(self.templates))
        asked = {"domain": given.pop("domain"), "host": given.pop("host", None)}
        groups = given.pop("groupId", None)
        options = {"group_ids": groups and groups.split(","), "qs": signed}
        options |= {"sig": given.pop("sig", None), "key": given.pop("key", None)}
        new, gone, _ = template.apply_template(self._records(), *asked.values(), given, **options)
        lines = [f"update delete {owner(record)} {record['type']} {data(record)}" for record in gone]
        lines += [f"update add {owner(record)} {record['ttl']} {record['type']} {data(record)}" for record in new]
        if lines:
            self.bind.edit(*lines)
        return 200, {"added": len(new), "removed": len(gone)}

    def _records(self):
        """The zone as the reference implementation wants it."""
        found = []
        for line in self.bind.lines():
            name, ttl, _, rtype, value = line.split(" ", 4)
            if rtype in ("A", "CNAME", "TXT"):
                host = name.removesuffix(f"{NAME}.").rstrip(".") or "@"
                # One string each, in this zone.
                found.append({"type": rtype, "name": host, "data": value.strip('"').rstrip("."), "ttl": int(ttl)})
        return found


def owner(record):
    return f"{NAME}." if record["name"] == "@" else f"{record['name']}.{NAME}."


def data(record):
    return f'"{record["data"]}"' if record["type"] == "TXT" else f"{record['data'].rstrip('.')}."


def offer(api, domain):
    return api.get(f"/api/domains/{domain['id']}/domain_connect")["data"]


def follow(link):
    """What the customer's browser does; the status, and what the page says."""
    try:
        with urllib.request.urlopen(link, timeout=60) as page:
            return page.status, json.load(page)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def one_yes(story, signet, api, bind, before):
    domain = api.create(NAME)
    api.check(domain["id"])
    link = offer(api, domain)
    story.equal("after a look there is", (link["supported"], link["dns_host"]), (True, "The Host"))
    story.equal("with the host's window", (link["width"], link["height"]), (600, 500))
    story.equal("their DMARC policy is left alone", link["records"], [key for key in ALL if key != "dmarc"])
    printed = signet.command("domains", "connect", str(domain["id"])).stdout.strip()
    story.equal("the command line prints the same link", printed, link["url"])

    token = next(r["domain"] for r in domain["dns_records"] if r["key"] == "verification").split(".")[0].removeprefix("sg-")
    forged = link["url"].replace(token, "a" * len(token))
    story.equal("a link to somebody else's keys is refused", (follow(forged)[0], bind.lines()), (403, before))
    unsigned = link["url"].split("&sig=")[0]
    story.equal("so is one without a signature", (follow(unsigned)[0], bind.lines()), (403, before))

    status, done = follow(link["url"])
    story.equal("the customer agrees", (status, done), (200, {"added": 5, "removed": 1}))
    merged = f'{NAME}. 6000 IN TXT "v=spf1 include:_spf.signet.test mx -all"'
    story.holds("SPF is merged, with their policy", merged in bind.lines(), bind.lines())
    kept = [line for line in before if "v=spf1" not in line]
    story.holds("all else of theirs is as it was", set(kept) < set(bind.lines()), bind.lines())
    domain = looks(story, "Signet finds every record", api, domain, all_of("pass"))
    story.equal("and the domain verified", domain["dns_verified"], True)
    as_applied, again = bind.lines(), offer(api, domain)
    story.equal("SPF, now right, is asked for no more", again["records"], [key for key in link["records"] if key != "spf"])
    story.equal("that link changes nothing", (follow(again["url"])[0], bind.lines()), (200, as_applied))


def without_a_policy(story, api, bind):
    """Theirs is gone: ours is asked for, and found."""
    bind.edit(f"update delete _dmarc.{NAME} TXT")
    domain = next(domain for domain in api.domains() if domain["domain_name"] == NAME)
    looks(story, "without a DMARC policy the domain is not right", api, domain, {**all_of("pass"), "dmarc": "missing"})
    link = offer(api, domain)
    story.holds("the link asks for ours then", "dmarc" in link["records"], link)
    story.equal("the customer agrees", follow(link["url"])[0], 200)
    ours = f'_dmarc.{NAME}. 3600 IN TXT "v=DMARC1; p=none"'
    story.holds("it is in the zone", ours in bind.lines(), bind.lines())
    looks(story, "Signet finds it", api, domain, all_of("pass"))


def below_the_zone(story, api, bind, name):
    domain = api.create(name)
    api.check(domain["id"])
    link = offer(api, domain)
    query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(link["url"]).query))
    host = name.removesuffix(f".{NAME}")
    story.equal(f"{name} is named by its zone and host", (query["domain"], query["host"]), (NAME, host))
    story.equal("its DMARC policy is theirs", link["records"], [key for key in ALL if key != "dmarc"])
    story.equal("the customer agrees", follow(link["url"])[0], 200)
    story.eventually("Signet finds it verified", lambda: api.check(domain["id"])["dns_verified"])
    story.holds("and did not touch the policy", "p=none" not in " ".join(bind.lines()), bind.lines())


def not_known(story, host, signet):
    for template in host.templates.iterdir():
        template.unlink()
    # What was found is remembered by the process.
    signet.stop()
    signet.start()
    api = signet.api()
    domain = api.create(f"late.{NAME}")
    api.check(domain["id"])
    nothing = offer(api, domain)
    story.equal("there is no link", (nothing["supported"], nothing["url"], nothing["code"]), (False, None, "template_unknown"))
    story.holds("the reason names the host", "The Host" in nothing["reason"], nothing)


def main():
    with Story("Domain Connect") as story, Processes() as processes:
        templates = processes.folder / "templates"
        templates.mkdir()
        host = Host(templates)
        world = Bakery(processes, zone(f"{host.url}/dc"), [KEY])
        host.bind, signet = world.bind, world.signet
        # The host's view of the world, too.
        dns.resolver.default_resolver = dns.resolver.Resolver(configure=False)
        dns.resolver.default_resolver.nameservers = ["127.0.0.1"]
        dns.resolver.default_resolver.port = world.resolver.port
        template = json.loads(signet.command("domain-connect", "template").stdout)
        (templates / f"{template['providerId']}.{template['serviceId']}.json").write_text(json.dumps(template))
        api, bind = signet.api(), world.bind
        before = bind.lines()
        story.chapter("one yes")
        one_yes(story, signet, api, bind, before)
        story.chapter("below the zone's name")
        # One inherits the zone's policy, one has its own.
        below_the_zone(story, api, bind, f"shop.{NAME}")
        below_the_zone(story, api, bind, f"news.{NAME}")
        story.chapter("without a policy")
        without_a_policy(story, api, bind)
        story.chapter("a host that does not know us")
        not_known(story, host, signet)
        story.equal("Signet stops cleanly", signet.stop(), 0)
        host.server.shutdown()


if __name__ == "__main__":
    main()
