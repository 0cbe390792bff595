"""The zones of customers under `test.`, on an NSD, with a resolver that finds them and us."""

import threading

from .nameservers import ROOT, Nsd, Unbound
from .processes import free_port

NS, OURS, OURS_TOO, PARENTS, NOBODY = (f"127.0.0.{last}" for last in (2, 4, 5, 6, 8))


def zone(name, serial=1, records=()):
    lines = [f"$ORIGIN {name}.", "$TTL 5", f"@ SOA ns hostmaster {serial} 300 60 86400 1", "@ NS ns", f"ns A {NS}"]
    for record in records:
        value = f'"{record["value"]}"' if record["type"] == "TXT" else f"{record['value']}."
        lines.append(f"{record['domain']}. {record['type']} {value}")
    return "\n".join(lines) + "\n"


class Customers:
    """May be used by several threads. Signet itself is to listen at `places`, one or both."""

    def __init__(self, processes, names, hosts=(), silent=()):
        """`names` are labels under `test.` with a zone each; `hosts` are lines of that zone itself.

        The top-level domains of `silent` are delegated to where nobody answers:
        of names below them a look finds out nothing, which is not that they are gone.
        """
        port = free_port(NS, OURS, OURS_TOO, PARENTS)
        above = ["$ORIGIN test.", "$TTL 5", "@ SOA ns.nic hostmaster 1 300 60 86400 1", "@ NS ns.nic", f"ns.nic A {PARENTS}"]
        above += [f"a.root A {PARENTS}", "signet NS ns1.signet", f"ns1.signet A {OURS}", *hosts]
        above += [line for name in names for line in (f"{name} NS ns.{name}", f"ns.{name} A {NS}")]
        nowhere = "".join(f"{name}. NS ns.{name}.\nns.{name}. A {NOBODY}\n" for name in silent)
        Nsd(processes, "parents", PARENTS, port, {".": ROOT + nowhere, "test.": "\n".join(above) + "\n"}).start()
        zones = {f"{name}.test.": zone(f"{name}.test") for name in names}
        self.server = Nsd(processes, "customers", NS, port, zones).start()
        stubs = {".": [PARENTS], "test.": [PARENTS], "signet.test.": [OURS, OURS_TOO], **dict.fromkeys(zones, [NS])}
        resolver = Unbound(processes, {name: [(host, port) for host in hosts] for name, hosts in stubs.items()})
        self.places = [f"{host}:{port}" for host in (OURS, OURS_TOO)]
        # Of a Signet that asks here.
        self.settings = {
            "sending_ips": OURS,
            "dns_resolvers": resolver.address,
            "dns_authority_port": port,
            "dns_allow_private": "true",
        }
        self.lock, self.serial = threading.Lock(), 1

    def publish(self, name, records):
        """`name` has these records, as the API shows them, and no others."""
        with self.lock:
            self.serial += 1
            self.server.publish(f"{name}.", zone(name, self.serial, records))
