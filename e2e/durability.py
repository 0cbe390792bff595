"""What was acknowledged survives kill -9, and a backup taken under load is whole.

    python durability.py sqlite|postgres [rounds]

Clients create, change and delete domains; the server is killed at a moment
nobody chose; what it had acknowledged must be there afterwards, what it had
not may be there wholly or not at all. With PostgreSQL two nodes share the
database, and one of them is killed under the other's eyes.
"""

import http.client
import os
import random
import shutil
import sqlite3
import sys
import threading
import time

from harness.checks import Story
from harness.postgres import Cluster
from harness.processes import Processes
from harness.signet import Signet

CLIENTS = 8
# Requests a client makes in one round at most.
MOST = 2000
LOST = (OSError, http.client.HTTPException)


class Told:
    """What one client was told about one domain it made."""

    def __init__(self, id, name):
        self.id, self.name = id, name
        self.open_tracking = True
        self.updates = 0
        self.deleted = False
        # A request about it was never answered: `update`, `delete`.
        self.unanswered = None


class Client(threading.Thread):
    """Makes requests one after the other until told to stop, or the server is gone."""

    def __init__(self, api, name, seed):
        super().__init__(daemon=True)
        self.api, self.label, self.random = api, name, random.Random(seed)
        self.told = []
        self.refused = None
        self.stopping = threading.Event()

    def run(self):
        for count in range(MOST):
            if self.stopping.is_set() or not self.step(count):
                return

    def step(self, count):
        living = [told for told in self.told if not told.deleted]
        choice = self.random.random()
        if not living or choice < 0.7:
            return self.create(f"{self.label}-{count}.example.com")
        return (self.update if choice < 0.85 else self.delete)(self.random.choice(living))

    def create(self, name):
        answer = self.call("POST", "/api/domains", {"domain": {"domain_name": name}}, 200)
        if answer:
            self.told.append(Told(answer.json["id"], name))
        return bool(answer)

    def update(self, told):
        told.unanswered = "update"
        wanted = not told.open_tracking
        body = {"domain": {"open_tracking_enabled": wanted}}
        if not self.call("PATCH", f"/api/domains/{told.id}", body, 200):
            return False
        told.unanswered, told.open_tracking = None, wanted
        told.updates += 1
        return True

    def delete(self, told):
        told.unanswered = "delete"
        if not self.call("DELETE", f"/api/domains/{told.id}", None, 204):
            return False
        told.unanswered, told.deleted = None, True
        return True

    def call(self, method, path, body, wanted):
        try:
            answer = self.api.call(method, path, body)
        except LOST:
            return None
        if answer.status != wanted:
            self.refused = f"{method} {path}: {answer!r}"
            return None
        return answer


class Sqlite:
    def __init__(self, processes):
        self.nodes = [Signet(processes)]
        self.path = self.nodes[0].folder / "signet.db"

    def rows(self, query):
        with sqlite3.connect(f"file:{self.path}?mode=ro", uri=True, timeout=10) as connection:
            return [[str(value) for value in row] for row in connection.execute(query)]

    def intact(self, story):
        story.equal("SQLite finds its file intact", self.rows("PRAGMA integrity_check"), [["ok"]])
        story.equal("and every reference good", self.rows("PRAGMA foreign_key_check"), [])

    def restored(self, processes):
        return Signet(processes, "restored")


class Postgres:
    def __init__(self, processes):
        self.cluster = Cluster(processes)
        url = self.cluster.create("signet")
        self.nodes = [Signet(processes, f"node{number}", database_url=url) for number in (1, 2)]
        self.nodes[1].settings["key_file"] = self.nodes[0].settings["key_file"]

    def rows(self, query):
        return self.cluster.rows("signet", query)

    def intact(self, story):
        # Those of living nodes are open for moments only.
        waiting = """
            SELECT count(*) FROM pg_stat_activity WHERE datname = 'signet'
                AND state = 'idle in transaction' AND state_change < now() - interval '3 seconds'"""
        story.becomes("no transaction is left open", lambda: self.rows(waiting), [["0"]])

    def restored(self, processes):
        return Signet(processes, "restored", database_url=self.cluster.create("restored"))


# Each counts rows that no completed transaction leaves behind.
HALF_DONE = {
    "domains whose history does not begin with exactly one creation": """
        SELECT count(*) FROM domain d WHERE NOT demo AND 1 <>
            (SELECT count(*) FROM event e WHERE e.domain_id = d.id AND e.kind = 'domain.created')""",
    "created domains that are gone without a deletion": """
        SELECT count(*) FROM event e WHERE kind = 'domain.created'
            AND NOT EXISTS (SELECT 1 FROM domain d WHERE d.id = e.domain_id)
            AND NOT EXISTS (SELECT 1 FROM event x WHERE x.domain_id = e.domain_id AND x.kind = 'domain.deleted')""",
    "deletions of domains that are still there": """
        SELECT count(*) FROM event e JOIN domain d ON d.id = e.domain_id WHERE e.kind = 'domain.deleted'""",
    "deletions whose record id was not retired": """
        SELECT count(*) FROM event e WHERE kind = 'domain.deleted'
            AND NOT EXISTS (SELECT 1 FROM retired_record_id r WHERE r.domain_id = e.domain_id)""",
    "domains that will never be looked at": """
        SELECT count(*) FROM domain d WHERE NOT demo
            AND NOT EXISTS (SELECT 1 FROM look l WHERE l.domain_id = d.id AND l.due_at IS NOT NULL)""",
}


def clients(nodes, label, seed):
    made = []
    for number in range(CLIENTS):
        node = nodes[number % len(nodes)]
        made.append(Client(node.api(), f"{label}-{number}", f"{seed}-{label}-{number}"))
    for client in made:
        client.start()
    return made


def finish(made, after_kill=False):
    for client in made:
        client.stopping.set()
    for client in made:
        client.join(60)
        if client.is_alive():
            raise RuntimeError("a client still waits for its answer after a minute")
        # A node that dies may still answer what it was doing with an error.
        if client.refused and not (after_kill and ": 5" in client.refused):
            raise RuntimeError(f"refused: {client.refused}")


def wrong_about(api, told):
    """What does not agree with what a client was told, as a sentence; or nothing."""
    answer = api.call("GET", f"/api/domains/{told.id}")
    if told.deleted:
        return None if answer.status == 404 else f"{told.name} was deleted: {answer!r}"
    if told.unanswered == "delete" and answer.status == 404:
        return None
    if answer.status != 200 or answer.json["domain_name"] != told.name:
        return f"{told.name} was acknowledged as {told.id}: {answer!r}"
    pending = told.unanswered == "update"
    if not pending and answer.json["open_tracking_enabled"] != told.open_tracking:
        return f"{told.name}: open tracking was acknowledged as {told.open_tracking}: {answer!r}"
    kinds = [event["type"] for event in api.events(told.id)]
    if kinds.count("domain.created") != 1:
        return f"{told.name} has the history {kinds}"
    updates = kinds.count("domain.updated")
    if updates not in ((told.updates, told.updates + 1) if pending else (told.updates,)):
        return f"{told.name} was updated {told.updates} times, its history tells of {updates}"
    return None


def one_round(story, database, number, chance):
    victim = database.nodes[number % len(database.nodes)]
    if number % 5 == 4:
        # Once in a while it is killed again while it starts.
        victim.kill()
        victim.launch()
        time.sleep(chance.uniform(0.0, 0.3))
        victim.kill()
        victim.start()
    load = clients(database.nodes, f"r{number}", chance.random())
    time.sleep(chance.uniform(0.1, 0.9))
    victim.kill()
    others = [node for node in database.nodes if node is not victim]
    finish(load, after_kill=True)
    witness = others[0] if others else victim.start()
    api = witness.api()
    told = [told for client in load for told in client.told]
    wrong = [sentence for sentence in (wrong_about(api, one) for one in told) if sentence]
    if others:
        victim.start()
    for what, query in HALF_DONE.items():
        count = database.rows(query)[0][0]
        if count != "0":
            wrong.append(f"{count} {what}")
    deleted = sum(one.deleted for one in told)
    unanswered = sum(1 for one in told if one.unanswered)
    tale = f"{len(told)} created, {deleted} deleted, {unanswered} unanswered"
    story.holds(f"round {number + 1}: all that was acknowledged is there ({tale})", not wrong, "\n".join(wrong[:10]))
    return told


def backed_up(story, processes, database, before):
    node = database.nodes[0]
    load = clients(database.nodes, "backup", 1)
    time.sleep(0.5)
    early = [told for client in load for told in client.told[:] if not told.deleted]
    file = processes.folder / "backup"
    began = time.monotonic()
    node.command("backup", file)
    story.say(f"the backup took {time.monotonic() - began:.2f} s, {file.stat().st_size} bytes")
    late = sum(len(client.told) for client in load)
    time.sleep(0.3)
    finish(load)
    told = [one for client in load for one in client.told]
    story.holds(f"clients were at work all the time ({len(early)}, {late}, {len(told)})", len(early) < late < len(told))
    original = {domain["id"]: domain for domain in node.api().domains()}
    second = node.command("backup", file, check=False)
    story.holds("a backup never overwrites a file", second.returncode != 0, second.stdout)

    restored = database.restored(processes)
    shutil.copy(node.settings["key_file"], restored.settings["key_file"])
    restored.command("restore", file)
    again = restored.command("restore", file, check=False)
    story.holds("only an empty database is restored into", again.returncode != 0, again.stdout)
    restored.start()
    restored.token = node.token
    api = restored.api()
    found = {domain["id"]: domain for domain in api.domains()}
    # What was there before it began and is there still was there in between.
    still = [one for one in [*before, *early] if one.id in original]
    story.equal(
        f"it has the {len(still)} domains acknowledged before it began",
        [one.name for one in still if found.get(one.id, {}).get("domain_name") != one.name],
        [],
    )
    gone = {one.id for one in told if one.deleted or one.unanswered}
    story.equal("it has no others than those", set(found) - set(original) - gone, set())
    members = ("domain_name", "demo")
    differing = [
        id
        for id in set(found) & set(original)
        if any(found[id][m] != original[id][m] for m in members) or records(found[id]) != records(original[id])
    ]
    story.equal("names and records are the same", differing, [])
    histories = [id for id, domain in found.items() if not domain["demo"] and creations(api, id) != 1]
    story.equal("each has its history from the beginning", histories, [])
    fresh = api.create("after-the-restore.example.com")
    story.holds("numbers go on after the highest", fresh["id"] > max(found), fresh["id"])
    restored.stop()


def records(domain):
    return [(record["key"], record["domain"], record["value"]) for record in domain["dns_records"]]


def creations(api, id):
    return [event["type"] for event in api.events(id)].count("domain.created")


def main():
    which = sys.argv[1]
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else {"sqlite": 15, "postgres": 10}[which]
    seed = int(os.environ.get("SEED") or 5)
    with Story(f"Acknowledged writes survive kill -9, {which} (SEED={seed})") as story, Processes() as processes:
        database = {"sqlite": Sqlite, "postgres": Postgres}[which](processes)
        chance = random.Random(seed)
        for node in database.nodes:
            node.start()
            node.token = database.nodes[0].token
        told = []
        for number in range(rounds):
            told += one_round(story, database, number, chance)
        story.chapter("after the last round")
        found = {domain["id"] for domain in database.nodes[0].api().domains()}
        expected = {one.id for one in told if not one.deleted and one.unanswered != "delete"}
        story.equal(f"all {len(expected)} are still there", expected - found, set())
        database.intact(story)
        story.chapter("a backup under load")
        backed_up(story, processes, database, [one for one in told if one.id in expected])
        for node in database.nodes:
            story.equal(f"{node.name} stops cleanly", node.stop(), 0)


if __name__ == "__main__":
    main()
