"""An Internet of scenarios on loopback: authoritative servers, two validating resolvers, and servers that fail."""

import socket
import threading

from .dnssec import Signer
from .nameservers import ROOT, Bind, Knot, Nsd, Unbound
from .processes import free_port
from .scenarios import ORG, RESOLVERS, zone_file

PARENT, OURS, SILENT, EMPTY, BROKEN = (f"127.0.0.{last}" for last in (9, 4, 17, 18, 19))
# Several addresses for each server, since no single one is pressed hard.
WAYS = 4
OUR_ZONE = [
    "@ NS ns1",
    f"ns1 A {OURS}",
    "bounce TXT v=spf1 ip4:192.0.2.1 ip6:2001:db8::1 -all",
    "bounce A 192.0.2.1",
    "bounce MX 10 bounce",
    "_spf TXT v=spf1 ip4:192.0.2.1 ip6:2001:db8::1 ~all",
    "track A 192.0.2.90",
    "track AAAA 2001:db8::90",
]
ROOT_ZONE = ROOT.replace("127.0.0.6", PARENT)


class Silent:
    """An address where questions arrive and nothing ever comes back."""

    def __init__(self, host, port):
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind((host, port))
        self.tcp = socket.create_server((host, port))


class Places:
    """Where the servers of the scenarios are. `kind` is `nsd` or `bind`."""

    def __init__(self, kind):
        self.kind = kind
        hosts = {server: [f"127.0.{way}.{server}" for way in range(1, WAYS + 1)] for server in (2, 3, 5, 6)}
        if kind == "bind":
            # BIND listens at addresses that an interface has, and no others.
            hosts[2] = ["127.0.0.1"] + (["::1"] if has_ipv6() else [])
        self.hosts = hosts

    @property
    def all(self):
        return [host for hosts in self.hosts.values() for host in hosts] + [PARENT, OURS, SILENT, EMPTY, BROKEN]

    def of(self, scenario):
        """A function from a server of the scenario to its address."""

        def address(server):
            match scenario.faults.get(server):
                case "silent":
                    return SILENT
                case "refused":
                    return EMPTY
                case "servfail":
                    return BROKEN
                case "lame":
                    # It has the zone above and refers to where it is itself.
                    return PARENT
                case None:
                    return self.hosts[server][scenario.number % len(self.hosts[server])]
                case fault:
                    raise ValueError(f"{scenario.name}: no real server is {fault}")

        return address


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
            probe.bind(("::1", 0))
        return True
    except OSError:
        return False


class Internet:
    """All zones of `scenarios`, served. `stage` keeps the folders of two of them apart, `ours` is more of our zone."""

    def __init__(self, processes, scenarios, places, port, resolver_ports, stage, ours=()):
        self.processes, self.places, self.port, self.stage = processes, places, port, stage
        self.signer = Signer(processes.folder / f"dnssec-{stage}")
        self.zones = {2: {}, 3: {}, 5: {}, 6: {}}
        self.broken, self.stubs, self.insecure = {}, {}, []
        self.above = ["@ NS ns.nic", f"ns.nic A {PARENT}", f"a.root A {PARENT}", "signet NS ns1.signet", f"ns1.signet A {OURS}"]
        for scenario in scenarios:
            self._add(scenario, places.of(scenario))
        self.stubs["signet.test."] = [OURS]
        self.ours = [*OUR_ZONE, *ours]
        self.running = []
        self._start(resolver_ports)

    def _add(self, scenario, address):
        zones, above = scenario.zones(address)
        self.above += above
        for apex, servers, records in zones:
            text = zone_file(apex, records)
            if apex == scenario.org and (scenario.signed or scenario.bogus_at):
                text, keys = self.signer.sign(apex, text)
                self.above += self.signer.vouched(apex, keys, right=not scenario.bogus_at)
                if scenario.bogus_at and scenario.bogus_at != RESOLVERS:
                    self.insecure.append(apex)
            for server in servers:
                if scenario.faults.get(server) is None:
                    self.zones[server][f"{apex}."] = text
                elif scenario.faults[server] == "servfail":
                    self.broken[f"{apex}."] = text
        for section in scenario.sections:
            apex = scenario.fill(section.apex)
            if not (scenario.undelegated and section.apex == ORG):
                hosts = {address(server) for server in scenario.servers_of(section.apex)}
                # Following delegations, a resolver finds lame servers out; told
                # of them, it takes their word.
                self.stubs[f"{apex}."] = sorted(EMPTY if host == PARENT else host for host in hosts)

    def _start(self, resolver_ports):
        parent, anchor = self.signer.sign("test", zone_file("test", self.above))
        kinds = {"nsd": [Nsd] * 4, "bind": [Bind, Knot, Knot, Nsd]}[self.places.kind]
        for kind, (server, zones) in zip(kinds, self.zones.items()):
            self._serve(kind, f"server{server}", self.places.hosts[server], zones)
        self._serve(Nsd, "parents", [PARENT], {".": ROOT_ZONE, "test.": parent})
        self._serve(Nsd, "ours", [OURS], {"signet.test.": zone_file("signet.test", self.ours)})
        self._serve(Nsd, "empty", [EMPTY], {"nothing.invalid.": zone_file("nothing.invalid", ["@ NS ns", f"ns A {EMPTY}"])})
        broken = self._serve(Nsd, "broken", [BROKEN], self.broken, start=False)
        broken.forget()
        broken.start()
        self.silent = Silent(SILENT, self.port)
        stubs = {".": [PARENT], "test.": [PARENT], **self.stubs}
        stubs = {zone: [(host, self.port) for host in hosts] for zone, hosts in stubs.items()}
        self.resolvers = []
        for number, port in enumerate(resolver_ports):
            insecure = self.insecure if number == 0 else []
            name = f"unbound{number}-{self.stage}"
            anchors = self.signer.anchors("test", anchor)
            unbound = Unbound(self.processes, stubs, name=name, port=port, anchors=anchors, insecure=insecure)
            self.resolvers.append(unbound.address)
            self.running.append(unbound)

    def _serve(self, kind, name, hosts, zones, start=True):
        server = kind(self.processes, f"{name}-{self.stage}", hosts, self.port, zones)
        self.running.append(server)
        return server.start() if start else server

    def stop(self):
        # Side by side: each takes its time.
        threads = [threading.Thread(target=server.stop) for server in self.running]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.silent.udp.close()
        self.silent.tcp.close()


def port_for(places):
    """A port free at all of them."""
    return free_port(*places.all)
