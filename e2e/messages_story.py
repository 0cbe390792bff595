"""Every kind of message there is, through a Postfix into a mailbox, and as a reader sees it.

    python messages_story.py [folder for the pictures]

What happens within seconds happens: a domain is verified on NSD, instructions
are asked for, a webhook says 410. What takes days is written into the database
beforehand, as whatever would have caused it does: rows of `notice`, a domain's
state, a deadline. From there on all is real: the workers that tell, remind and
report, the outbox, SMTP. One thing is not told, since it is remembered by the
process and takes an hour: that no look at any domain gets an answer.
"""

import datetime
import email
import email.policy
import http.client
import json
import pathlib
import re
import sqlite3
import sys
import urllib.parse

from harness.browser import Browser
from harness.checks import Story
from harness.customers import Customers
from harness.mailboxes import Mailboxes
from harness.processes import Processes, free_port
from harness.receiver import Website
from harness.signet import Api, Signet

OWNER, RECIPIENT = "owner@example.com", "alerts@example.net"
STATUSES = {
    "suspended": "sending is suspended",
    "demo_exhausted": "",
    "demo": "",
    "unverified_dns": "",
    "missing_company_info": "",
    "non_compliant": "",
    "compliant": "",
    "awaiting_questionnaire": "",
    "awaiting_card_verification": "",
    "under_review": "",
}
WRONG = [
    {
        "owner": "sg-9f2kq7w3mx8v4rtd.shop.example",
        "reason": "There is no CNAME record: two of your name servers were asked, and both say that nothing is there.",
        "fix": "Add a CNAME record named `sg-9f2kq7w3mx8v4rtd` with the value `bounce.signet.test`.",
    },
    {
        "owner": "shop.example",
        "reason": "The SPF record `v=spf1 include:_spf.mail.example ~all` does not name us.",
        "fix": "Replace it by `v=spf1 include:_spf.signet.test include:_spf.mail.example ~all`.",
    },
]
# Words that only the text has, or only the page.
DECORATION = re.compile(r"^[-–—*>:.]*$")


def micros(at):
    return int(at.timestamp()) * 1_000_000


class Prepared:
    """Writes into the database what takes days to come about. Signet is stopped meanwhile."""

    def __init__(self, path, api):
        self.path, self.api = path, api
        self.now = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
        self.ids, self.statements = {}, []

    def domain(self, name, api=None):
        self.ids[name] = (api or self.api).create(name)["id"]

    def execute(self, statement, *values):
        self.statements.append((statement, values))

    def state(self, name, state, deadline=None, informed=(), grace=datetime.timedelta(hours=72)):
        since = deadline - grace if deadline else None
        verified = self.now - datetime.timedelta(days=40)
        times = [time and micros(time) for time in (verified, since, deadline)]
        change = "UPDATE domain SET dns_state = ?, dns_at = ?, dns_since = ?, dns_deadline = ?, informed = ? WHERE id = ?"
        self.execute(change, state, *times, json.dumps(list(informed)), self.ids[name])

    def notice(self, name, kind, cause=None, account=1, compliance=None, **about):
        body = {"domain": name, "about": {"kind": kind, **about}, "compliance": compliance}
        add = "INSERT INTO notice (account_id, domain_id, kind, cause, body, at, due_at) VALUES (?, ?, ?, ?, ?, ?, 0)"
        self.execute(add, account, self.ids.get(name), kind, cause or name or kind, json.dumps(body), micros(self.now))

    def write(self):
        connection = sqlite3.connect(self.path)
        with connection:
            for statement, values in self.statements:
                connection.execute(statement, values)
        connection.close()
        self.statements.clear()


def shown(at):
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def prepare(prepared):
    """Returns, for each message to come, its name, the subject's beginning, and whether it can be unsubscribed from."""
    to_come = {}
    day = datetime.timedelta(days=1)
    ends = prepared.now + 3 * day

    def expect(name, words, unsubscribe):
        to_come[name] = (words, unsubscribe)

    for kind, deadline in (("at_risk", ends), ("deadline_moved", ends - day)):
        name = f"{kind.replace('_', '-')}.example"
        prepared.state(name, "at_risk", deadline)
        prepared.notice(name, kind, deadline=shown(deadline), wrong=WRONG)
        expect(kind, name, True)
    # The worker that reminds finds this one by itself.
    prepared.state("reminder.example", "at_risk", prepared.now + day / 2)
    expect("reminder", "reminder.example", True)
    prepared.state("lost.example", "lost")
    change = {"from": "compliant", "to": "unverified_dns"}
    prepared.notice("lost.example", "lost", compliance=change, wrong=WRONG)
    expect("lost", "lost.example", True)
    prepared.state("mended.example", "verified", informed=[OWNER])
    prepared.notice("mended.example", "mended")
    expect("mended", "mended.example", True)
    prepared.state("recovered.example", "verified", informed=[OWNER])
    prepared.notice("recovered.example", "recovered", compliance={"from": "unverified_dns", "to": "compliant"})
    expect("recovered", "recovered.example", True)
    prepared.state("rotation.example", "verified")
    prepared.notice("rotation.example", "rotation_stuck", wrong=WRONG[:1])
    expect("rotation_stuck", "rotation.example", True)
    for name in ("one.digest.example", "two.digest.example", "three.digest.example"):
        prepared.state(name, "at_risk", ends)
        prepared.notice(name, "at_risk", "Example DNS", deadline=shown(ends), wrong=WRONG[:1])
    expect("digest", "3 domains", False)
    for status in STATUSES:
        name = f"{status.replace('_', '-')}.status.example"
        before = "under_review" if status != "under_review" else "unverified_dns"
        prepared.notice(name, "compliance", reason="The story says so.", compliance={"from": before, "to": status})
        expect(f"status-{status}", f"{name}: ", False)
    for name in ("one.digest.example", "two.digest.example"):
        change = {"from": "compliant", "to": "suspended"}
        prepared.notice(name, "compliance", "suspended all", reason="Complaints about all of them.", compliance=change)
    expect("status-digest", "2 domains: ", False)
    for what in ("questionnaire", "card_check"):
        prepared.notice("asked.example", "asked", what, what=what, reason="The website answers with the error 404.")
    expect("asked-questionnaire", "asked.example: please answer", False)
    expect("asked-card", "asked.example: a card", False)
    expires = shown(prepared.now + 7 * day)
    prepared.notice(None, "token_expiring", name="the shop's <server> & co", expires_at=expires, last4="x7Qk")
    expect("token", "", False)
    return to_come


def many_at_risk(prepared, api):
    """So many that would be lost within the hour that none is; none of them is reminded of its short grace."""
    soon = prepared.now + datetime.timedelta(minutes=40)
    for number in range(20):
        prepared.domain(f"held{number}.example", api)
    for number in range(20):
        prepared.state(f"held{number}.example", "at_risk", soon, grace=datetime.timedelta(hours=20))
