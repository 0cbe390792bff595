"""The databases of the story: nodes that share one, what it holds, and time that passes in it."""

import json
import sqlite3

from harness.postgres import Cluster
from harness.signet import Signet

# What waits for a time, in words that both databases understand. A notice
# waits for others of its cause and a try for the next, what a killed process
# had in hand for its lease to end, what is wrong for ten minutes and its grace.
PASSING = """
    UPDATE domain SET dns_since = dns_since - {0}, dns_unaligned_since = dns_unaligned_since - {0},
        dns_deadline = dns_deadline - {0} WHERE dns_state IN ('suspect', 'at_risk');
    UPDATE domain SET review_due_at = review_due_at - {0} WHERE review = 'due';
    UPDATE look SET due_at = due_at - {0} WHERE due_at IS NOT NULL;
    UPDATE notice SET due_at = due_at - {0}, told_at = told_at - {0};
    UPDATE outbox SET due_at = due_at - {0}, lease_until = lease_until - {0}, queued_at = queued_at - {0};
    UPDATE webhook SET retry_at = retry_at - {0};
    UPDATE delivery_line SET due_at = due_at - {0}, lease_until = lease_until - {0};
"""

# Each counts what somebody is still to do.
UNDER_WAY = {
    "notices to be told": "SELECT count(*) FROM notice WHERE due_at IS NOT NULL",
    "messages to be sent": "SELECT count(*) FROM outbox WHERE due_at IS NOT NULL",
    "deliveries that wait": "SELECT count(*) FROM delivery WHERE state = 'waiting'",
    "reviews that are due": "SELECT count(*) FROM domain WHERE review = 'due'",
    "domains that something is wrong with": "SELECT count(*) FROM domain WHERE dns_state IN ('suspect', 'at_risk')",
}


class Database:
    """What both have in common; `nodes` share it. Each node serves our zone where `listening` says."""

    def pass_time(self, seconds):
        """All that waits has waited so much longer."""
        self.write(PASSING.format(int(seconds * 1_000_000)))

    def under_way(self):
        counts = {what: int(self.rows(query)[0][0]) for what, query in UNDER_WAY.items()}
        return {what: count for what, count in counts.items() if count}


class Sqlite(Database):
    def __init__(self, processes, listening, **settings):
        self.nodes = [Signet(processes, dns_listen=listening[0], **settings)]
        self.path = self.nodes[0].folder / "signet.db"

    def rows(self, query):
        with sqlite3.connect(f"file:{self.path}?mode=ro", uri=True, timeout=20) as connection:
            return [[str(value) for value in row] for row in connection.execute(query)]

    def table(self, columns, rest):
        """Rows as dictionaries of texts; a NULL is None."""
        names = columns.split()
        with sqlite3.connect(f"file:{self.path}?mode=ro", uri=True, timeout=20) as connection:
            rows = connection.execute(f"SELECT {', '.join(names)} FROM {rest}").fetchall()
        text = lambda value: None if value is None else str(value)
        return [{name: text(value) for name, value in zip(names, row, strict=True)} for row in rows]

    def write(self, statements):
        connection = sqlite3.connect(self.path, timeout=20, isolation_level=None)
        try:
            connection.execute("BEGIN IMMEDIATE")
            for statement in statements.split(";"):
                connection.execute(statement)
            connection.execute("COMMIT")
        finally:
            connection.close()


class Postgres(Database):
    def __init__(self, processes, listening, **settings):
        self.cluster = Cluster(processes)
        shared = {"database_url": self.cluster.create("signet"), **settings}
        self.nodes = [Signet(processes, f"node{at}", dns_listen=place, **shared) for at, place in enumerate(listening)]
        for name in ("key_file", "mail_dir"):
            self.nodes[1].settings[name] = self.nodes[0].settings[name]

    def rows(self, query):
        return self.cluster.rows("signet", query)

    def table(self, columns, rest):
        names = columns.split()
        wanted = ", ".join(f"CAST({name} AS TEXT)" for name in names)
        # One column of JSON, in which no separator matters.
        rows = self.rows(f"SELECT json_build_array({wanted}) FROM {rest}")
        return [dict(zip(names, json.loads("|".join(row)), strict=True)) for row in rows]

    def pass_time(self, seconds):
        super().pass_time(seconds)
        # Which node looks at what; on SQLite only the process knows (ADR 7).
        self.write(f"UPDATE look SET lease_until = lease_until - {int(seconds * 1_000_000)} WHERE lease_until > 0")

    def write(self, statements):
        # In one transaction, as psql runs what it is given at once. It takes its
        # rows in no order, so it and a node may wait for one another.
        for again in reversed(range(5)):
            try:
                return self.cluster.rows("signet", statements)
            except RuntimeError as error:
                if not again or "deadlock detected" not in str(error):
                    raise
