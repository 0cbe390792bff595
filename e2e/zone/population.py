"""A zone worth asking: domains with keys and without, and demo domains of many accounts."""

import concurrent.futures
import json
import threading
import time

from harness.customers import Customers
from harness.signet import Api, Signet

APEX = "signet.test"
CONSENT = f"_report._dmarc.dmarc.{APEX}"
PLACE = "shops"


# How old what the zone server knows may be, and a little.
STALENESS = 6


def at_rest(story, signet, apexes, keys):
    """The exports once they have so many keys, change no more, and are what is served."""
    export = lambda: {apex: signet.command("zone", "export", "--apex", apex).stdout for apex in apexes}
    seen = export()

    def settled():
        nonlocal seen
        before = seen
        time.sleep(STALENESS)
        seen = export()
        return seen == before and sum(text.count('"v=DKIM1;') for text in seen.values()) >= keys and seen

    return story.eventually(f"at least {keys} keys are published and the zone is at rest", settled)


class Population:
    """Signet with `keyed` domains that are verified and so have keys, and `others` that nobody publishes."""

    def __init__(self, processes, keyed, others, accounts):
        self.customers = Customers(processes, [PLACE])
        self.signet = Signet(
            processes,
            zone=APEX,
            dmarc_rua=f"reports@dmarc.{APEX}",
            dns_listen=self.customers.places[0],
            # All questions come from one address.
            dns_rate_limit=0,
            **self.customers.settings,
        ).start()
        host, port = self.customers.places[0].split(":")
        self.address = (host, int(port))
        self.here = threading.local()
        self.accounts(accounts)
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            self.domains = list(pool.map(self.create, range(keyed + others)))
            self.keyed = self.domains[:keyed]
            self.customers.publish(f"{PLACE}.test", [record for domain in self.keyed for record in domain["dns_records"]])
            list(pool.map(lambda domain: self.api().check(domain["id"], 60), self.keyed))

    def api(self):
        """A connection for this thread."""
        if not hasattr(self.here, "api"):
            self.here.api = Api(self.signet.url, self.signet.token)
        return self.here.api

    def create(self, number):
        return self.api().create(f"shop-{number}.{PLACE}.test")

    def accounts(self, count):
        for number in range(count):
            words = ("account", "create", "--name", f"Account {number}", "--owner-email", f"owner{number}@example.com")
            json.loads(self.signet.command(*words, "--json").stdout)

    def export(self, apex=APEX):
        return self.signet.command("zone", "export", "--apex", apex).stdout
