"""A customer whose zone is on BIND and can be written to, the zones above it, a resolver, and Signet with a zone of its own."""

from .nameservers import ROOT, Nsd, Unbound, Updatable
from .processes import free_port
from .signet import Signet

# BIND listens only where an interface is.
CUSTOMER, OURS, PARENTS = (f"127.0.0.{last}" for last in (1, 4, 6))
NAME = "bakery.test"
TOP_LEVEL = f"""\
$ORIGIN test.
$TTL 5
@ SOA ns.nic hostmaster 1 300 60 86400 1
@ NS ns.nic
ns.nic A {PARENTS}
a.root A {PARENTS}
bakery NS ns1.bakery
ns1.bakery A {CUSTOMER}
signet NS ns1.signet
ns1.signet A {OURS}
"""


class Bakery:
    def __init__(self, processes, zone, keys):
        """`zone` is what BIND has of bakery.test, `keys` who may write to it (see `Updatable`)."""
        self.port = free_port(CUSTOMER, OURS, PARENTS)
        self.bind = Updatable(processes, "bind", CUSTOMER, self.port, {f"{NAME}.": zone}, keys).start()
        Nsd(processes, "parents", PARENTS, self.port, {".": ROOT, "test.": TOP_LEVEL}).start()
        places = {".": PARENTS, "test.": PARENTS, f"{NAME}.": CUSTOMER, "signet.test.": OURS}
        self.resolver = Unbound(processes, {zone: [(host, self.port)] for zone, host in places.items()})
        self.signet = Signet(
            processes,
            zone="signet.test",
            sending_ips=OURS,
            dns_listen=f"{OURS}:{self.port}",
            dns_resolvers=self.resolver.address,
            dns_authority_port=self.port,
            dns_allow_private="true",
        ).start()
