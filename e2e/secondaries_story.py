"""Our zone on other name servers: NSD and Knot take it by AXFR, and hear of changes by NOTIFY.

Both prove who they are with TSIG. Signet can be hidden behind them: killed, it is
not missed.
"""

import base64
import json
import os

from dns_story import ask
from harness.checks import Story
from harness.nameservers import Knot, Nsd, wait_for
from harness.processes import Processes, free_port, run, tool
from harness.signet import Signet

OURS, NSD, KNOT, STRANGER = (f"127.0.0.{last}" for last in range(11, 15))
ZONE = "signet.test"
SECRET = base64.b64encode(os.urandom(32)).decode()
KEY = "xfr.signet.test"


class Secondary:
    """Starts without a zone: it has yet to come."""

    def start(self):
        self.process = self.processes.start(self.name, self._command(), cwd=self.folder)
        wait_for(self.host, self.port, self.process)
        return self


class NsdSecondary(Secondary, Nsd):
    def __init__(self, processes, name, host, port, primary, secret=SECRET):
        self.primary, self.secret = primary, secret
        super().__init__(processes, name, host, port, {})

    def _config(self):
        return [
            *super()._config(),
            f'key:\n  name: "{KEY}"\n  algorithm: hmac-sha256\n  secret: "{self.secret}"',
            f'zone:\n  name: "{ZONE}"\n  zonefile: "secondary.zone"',
            f"  request-xfr: AXFR {self.primary}@{self.port} {KEY}\n  allow-notify: 127.0.0.0/8 {KEY}",
            f"  outgoing-interface: {self.host}",
        ]


class KnotSecondary(Secondary, Knot):
    def __init__(self, processes, name, host, port, primary):
        self.primary = primary
        super().__init__(processes, name, host, port, {})

    def _config(self):
        keys = f'key:\n  - id: {KEY}.\n    algorithm: hmac-sha256\n    secret: "{SECRET}"'
        remote = f"remote:\n  - id: signet\n    address: {self.primary}@{self.port}\n    key: {KEY}.\n    via: {self.host}"
        allowed = f"acl:\n  - id: notified\n    key: {KEY}.\n    action: notify"
        *before, zones = super()._config()
        zone = f"  - domain: {ZONE}.\n    master: signet\n    acl: notified\n    zonefile-load: none\n    journal-content: all"
        return [*before, keys, remote, allowed, zones, zone]


def serial(host, port):
    status, records = ask(host, port, ZONE, "SOA")
    return int(records[0][3].split()[2]) if status == "NOERROR" and records else None


def transfer(port, secret=SECRET, algorithm="hmac-sha256"):
    words = [f"@{OURS}", "-p", port, "+tcp", "+noall", "+answer", "+onesoa", ZONE, "AXFR"]
    key = ["-y", f"{algorithm}:{KEY}:{secret}"] if secret else []
    done = run([tool("dig"), *key, *words], check=False)
    return sorted(line.split(None, 4)[:1] + line.split(None, 4)[3:] for line in done.stdout.splitlines() if line[:1] not in ("", ";"))


def main():
    with Story("Our zone on NSD and Knot") as story, Processes() as processes:
        port = free_port(OURS, NSD, KNOT, STRANGER)
        signet = Signet(
            processes,
            zone=ZONE,
            dns_listen=f"{OURS}:{port}",
            dns_name_servers=f"ns1.{ZONE}={OURS},ns2.{ZONE}={NSD},ns3.{ZONE}={KNOT}",
            dns_secondaries=f"{NSD}:{port},{KNOT}:{port}",
            dns_tsig=f"{KEY}:hmac-sha256:{SECRET}",
            dns_rate_limit=0,
        ).start()
        api = signet.api()
        story.chapter("taken over")
        NsdSecondary(processes, "nsd", NSD, port, OURS).start()
        KnotSecondary(processes, "knot", KNOT, port, OURS).start()
        for name, host in (("NSD", NSD), ("Knot", KNOT)):
            story.eventually(f"{name} has the zone", lambda: serial(host, port))
        story.chapter("a change")
        targets = []
        for number in range(20):
            domain = api.create(f"shop{number}.example.com")
            targets.append(next(r["value"] for r in domain["dns_records"] if r["key"] == "dkim1"))
        for name, host in (("Signet", OURS), ("NSD", NSD), ("Knot", KNOT)):
            has = lambda: all(ask(host, port, target, "A")[0] == "NOERROR" for target in targets)
            story.eventually(f"{name} has the new domains", has)
        story.becomes("all have one serial", lambda: len({serial(host, port) for host in (OURS, NSD, KNOT)}), 1)
        deleted = api.domains()[-1]
        status = api.call("DELETE", f"/api/domains/{deleted['id']}").status
        story.equal("a domain is deleted", status, 204)
        gone = next(r["value"] for r in deleted["dns_records"] if r["key"] == "dkim1")
        for name, host in (("Signet", OURS), ("NSD", NSD), ("Knot", KNOT)):
            story.becomes(f"{name} has it no more", lambda: ask(host, port, gone, "A")[0], "NXDOMAIN")

        story.chapter("who may have it")
        exported = json.loads(signet.command("zone", "export", "--json").stdout)["lines"]
        exported = sorted([words[0], *words[3:]] for words in (line.split(None, 4) for line in exported))
        taken = transfer(port)
        story.equal("a transfer has word for word what the export has", taken, exported)
        story.equal("without a signature there is none", transfer(port, None), [])
        story.equal("nor with another secret", transfer(port, base64.b64encode(b"x" * 32).decode()), [])
        story.equal("nor with another algorithm", transfer(port, algorithm="hmac-sha512"), [])
        other = base64.b64encode(b"y" * 32).decode()
        NsdSecondary(processes, "stranger", STRANGER, port, OURS, other).start()
        refused = lambda: "Bad Signature" in processes.log("stranger")
        story.eventually("a secondary with another secret is refused for it", refused)
        story.equal("and gets nothing", serial(STRANGER, port), None)

        story.chapter("Signet is killed")
        signet.kill()
        for name, host in (("NSD", NSD), ("Knot", KNOT)):
            story.equal(f"{name} goes on", ask(host, port, targets[0], "A")[0], "NOERROR")
        before = serial(NSD, port)
        signet.start()
        api = signet.api()
        domain = api.create("later.example.com")
        target = next(r["value"] for r in domain["dns_records"] if r["key"] == "dkim1")
        for name, host in (("NSD", NSD), ("Knot", KNOT)):
            story.becomes(f"{name} hears of what comes after", lambda: ask(host, port, target, "A")[0], "NOERROR")
        story.holds("the serial has grown", serial(NSD, port) > before, (before, serial(NSD, port)))
        for name, host in (("NSD", NSD), ("Knot", KNOT)):
            kinds = ["TXT", "A", "AAAA", "SOA", "NS", "CAA", "MX"]
            names = [ZONE, f"track.{ZONE}", f"bounce.{ZONE}", f"_spf.{ZONE}", target, f"absent.{ZONE}", f"x.{target}"]
            for asked in names:
                ours, theirs = ([ask(at, port, asked, kind) for kind in kinds] for at in (OURS, host))
                story.equal(f"Signet and {name} agree on {asked}", theirs, ours)
        story.equal("Signet stops cleanly", signet.stop(), 0)


if __name__ == "__main__":
    main()
