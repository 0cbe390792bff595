"""Who may send, under random facts: each change has one history row, one message and one webhook, whatever dies.

    python lifecycle_story.py sqlite|postgres [rounds]

Two accounts with domains on NSD. Owners, operators and a DNS host make facts
all at once, over the API, at the command line and in zone files, while a node
is killed at a moment nobody chose; with PostgreSQL another goes on. When it is
quiet, the history, the table of COMPLIANCE, what a webhook received and the
messages that left must agree.

Nobody waits for minutes: that time passes is written into the database (see
lifecycle/database.py).
"""

import json
import os
import random
import sys
import time

from harness.checks import PATIENCE, Story
from harness.customers import Customers
from harness.processes import Processes
from harness.receiver import Receiver, Website
from harness.signet import Api
from lifecycle.acts import AtThePrompt, DnsHost, Operator, Owner
from lifecycle.database import Postgres, Sqlite
from lifecycle.judge import Judge

OWNER = "owner@one.example"
NAMES = ["mill", "forge", "bakery", "inn", "farm", "quarry"]
POLICY = """\
after_questionnaire = "pass"

[[rule]]
check = "website_unreachable"
then = "ask_questionnaire"

[[rule]]
check = "website_unrelated"
then = "ask_card"
"""
PAGES = {
    "/fine": "<title>Mill GmbH</title><p>Mill GmbH, formerly Mills AG, grinds since 1820.",
    "/unrelated": f"<title>Garden centre</title><p>{'Everything for your garden. ' * 20}",
}


class World:
    """All there is, by number."""

    def __init__(self, processes, kind, seed):
        self.customers = Customers(processes, NAMES, hosts=["pages A 127.0.0.1"])
        self.receiver, self.site = Receiver(seed), Website(PAGES)
        policy = processes.folder / "review-policy.toml"
        policy.write_text(POLICY)
        self.database = {"sqlite": Sqlite, "postgres": Postgres}[kind](
            processes,
            self.customers.places,
            **self.customers.settings,
            review_policy=policy,
            review_allow_private="true",
            webhook_allow_private="true",
            owner_email=OWNER,
            grace="5m",
        )
        self.nodes = self.database.nodes
        self.node = self.nodes[0].start()
        for node in self.nodes[1:]:
            node.start()
        self.outbox = self.node.settings["mail_dir"]
        self.make_accounts()
        self.make_domains()

    def website(self, path):
        """Under a name of its own, since it must not go with a domain that sends."""
        return f"http://pages.test:{self.site.port}{path}"

    def token(self, account, *words):
        made = self.node.command("token", "create", "--account", str(account), "--name", "story", *words)
        return made.stdout.strip()

    def make_accounts(self):
        words = ("--name", "Two", "--owner-email", "owner@two.example", "--json")
        second = json.loads(self.node.command("account", "create", *words).stdout)["id"]
        self.accounts = [self.node.account, second]
        self.tokens = {account: self.token(account) for account in self.accounts}
        self.operators_token = self.token(self.accounts[0], "--access", "operator")
        self.webhooks = {}
        self.path_of = {account: f"/{account}" for account in self.accounts}
        for account, path in self.path_of.items():
            answer = self.api(account).call("POST", "/api/webhooks", {"webhook": {"url": self.receiver.url(path)}})
            if answer.status != 200:
                raise RuntimeError(f"making a webhook: {answer!r}")
            self.receiver.secrets[path] = answer.json["data"]["signing_secret"]
            self.webhooks[account] = answer.json["data"]["id"]
        self.from_event = int(self.database.rows("SELECT max(id) FROM event")[0][0])

    def make_domains(self):
        self.domains_of = {account: [] for account in self.accounts}
        self.account_of, self.registered = {}, {}
        for at, name in enumerate(NAMES):
            account = self.accounts[at % 2]
            domain = self.api(account).create(f"{name}.test")
            self.registered[domain["id"]] = domain
            self.domains_of[account].append(domain["id"])
            self.account_of[domain["id"]] = account
        self.all_domains = list(self.account_of)

    def publish(self, domain, removed=None):
        """All records of the domain, but for the one that is removed, or `all`."""
        registered = self.registered[domain]
        records = [record for record in registered["dns_records"] if removed not in ("all", record["key"])]
        self.customers.publish(registered["domain_name"], records)

    def api(self, account, node=None):
        return Api((node or self.node).url, self.tokens[account])

    def operators_api(self, node):
        return Api(node.url, self.operators_token)


def actors(world, label, chance):
    """One of each, on different nodes where there are several."""
    first, last = world.nodes[0], world.nodes[-1]
    one, two = world.accounts
    seed = lambda who: f"{chance.random()} {who}"
    made = [
        Owner(world, f"{label}1", seed("one"), world.api(one, first), world.domains_of[one]),
        Owner(world, f"{label}2", seed("two"), world.api(two, last), world.domains_of[two]),
        Operator(world, f"{label}3", seed("operator"), world.operators_api(last)),
        AtThePrompt(world, f"{label}4", seed("prompt")),
        DnsHost(world, f"{label}5", seed("dns"), {account: world.api(account, first) for account in world.accounts}),
    ]
    for actor in made:
        actor.start()
    return made


def one_round(story, world, number, chance):
    victim = world.nodes[number % len(world.nodes)]
    made = actors(world, f"r{number}-", chance)
    time.sleep(chance.uniform(0.4, 1.4))
    victim.kill()
    if len(world.nodes) > 1:
        # The others have it all to themselves for a while.
        time.sleep(chance.uniform(0.2, 0.6))
    for actor in made:
        actor.stopping.set()
    for actor in made:
        actor.join(PATIENCE)
        if actor.is_alive():
            raise RuntimeError(f"{actor.label} still waits for an answer")
        if actor.failure:
            raise actor.failure
    victim.start()
    acts = [act for actor in made for act in actor.acts]
    done, unanswered = (sum(act.came_of_it == what for act in acts) for what in ("done", "unanswered"))
    story.holds(f"round {number + 1}: {len(acts)} acts, {done} done, {unanswered} unanswered", done > 0)
    return acts


def first_light(story, world):
    """Everything is published, one account says who it is: there are domains in every state to begin with."""
    for domain, account in world.account_of.items():
        world.publish(domain)
        api = world.api(account)
        story.eventually(f"domain {domain} is verified", lambda: api.check(domain)["dns_verified"])


def quiet(story, world):
    """Waits until nobody has anything left to do; what waits for a time does not wait long."""
    world.receiver.well = True
    deadline = time.monotonic() + PATIENCE
    calm = 0
    # Looks under way are not seen there, and may still change something.
    while calm < 8:
        left = world.database.under_way()
        calm = 0 if left else calm + 1
        if left:
            world.database.pass_time(11 * 60)
            if time.monotonic() > deadline:
                story.holds("it becomes quiet", False, str(left))
        time.sleep(0.4)
    story.holds("it is quiet: nothing is due, nothing waits", True)


def again(story, world):
    """All events once more, as a customer asks for them who has lost them."""
    world.asked_through = int(world.database.rows("SELECT max(id) FROM event")[0][0])
    quiet(story, world)
    world.first_time = len(world.receiver.arrivals)
    for account, webhook in world.webhooks.items():
        body = {"replay": {"from_event": world.from_event + 1}}
        answer = world.api(account).call("POST", f"/api/webhooks/{webhook}/replay", body)
        story.equal(f"account {account} has its events sent again", answer.status, 200)
    quiet(story, world)


def judged(story, world, acts):
    shown = {}
    for account in world.accounts:
        shown.update({domain["id"]: domain["compliance_status"] for domain in world.api(account).domains()})
    story.equal("all stop cleanly", [node.stop() for node in world.nodes], [0] * len(world.nodes))
    judge = Judge(story, world, acts)
    story.chapter("the history")
    judge.statuses(shown)
    judge.acknowledged()
    story.chapter("the webhooks")
    judge.webhooks()
    story.chapter("the messages")
    judge.notices_and_messages()


def main():
    kind = sys.argv[1]
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 8
    seed = int(os.environ.get("SEED") or 11)
    with Story(f"Who may send, under random facts, {kind} (SEED={seed})") as story, Processes() as processes:
        chance = random.Random(seed)
        world = World(processes, kind, seed)
        story.chapter("verified on NSD")
        first_light(story, world)
        story.chapter("facts, all at once, and kill -9")
        acts = [act for number in range(rounds) for act in one_round(story, world, number, chance)]
        story.chapter("until it is quiet")
        quiet(story, world)
        again(story, world)
        judged(story, world, acts)
        if kind == "postgres":
            deadlocks = processes.log("postgres").count("deadlock detected")
            story.say(f"{deadlocks} transactions had to begin again because of a deadlock")
        world.receiver.stop()
        world.site.stop()


if __name__ == "__main__":
    main()
