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
from lifecycle.acts import ANSWERS

OWNER, TOKEN = "owner@example.com", "the shop's <server> & co"
STATUSES = [
    *("suspended", "demo_exhausted", "demo", "unverified_dns", "missing_company_info", "non_compliant", "compliant"),
    *("awaiting_questionnaire", "awaiting_card_verification", "under_review"),
]
ALONE = ["at-risk", "deadline-moved", "reminder", "lost", "mended", "recovered", "rotation", "asked"]
DIGEST = [f"{number}.digest.example" for number in ("one", "two", "three")]
DOMAINS = [f"{name}.example" for name in ALONE] + DIGEST + [f"{name.replace('_', '-')}.status.example" for name in STATUSES]
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

    def notice(self, name, kind, cause=None, /, compliance=None, **about):
        body = {"domain": name, "about": {"kind": kind, **about}, "compliance": compliance}
        add = "INSERT INTO notice (account_id, domain_id, kind, cause, body, at, due_at) VALUES (?, ?, ?, ?, ?, ?, 0)"
        self.execute(add, 1, self.ids.get(name), kind, cause or name or kind, json.dumps(body), micros(self.now))

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
    for name in DIGEST:
        prepared.state(name, "at_risk", ends)
        prepared.notice(name, "at_risk", "Example DNS", deadline=shown(ends), wrong=WRONG[:1])
    expect("digest", "3 domains", False)
    for status in STATUSES:
        name = f"{status.replace('_', '-')}.status.example"
        before = "under_review" if status != "under_review" else "unverified_dns"
        prepared.notice(name, "compliance", reason="The story says so.", compliance={"from": before, "to": status})
        expect(f"status-{status}", f"{name}: ", False)
    asked = prepared.ids["awaiting-questionnaire.status.example"]
    prepared.execute("UPDATE domain SET questionnaire = 'open', review = 'open' WHERE id = ?", asked)
    prepared.execute("INSERT INTO questionnaire (domain_id, account_id, asked_at) VALUES (?, 1, ?)", asked, micros(prepared.now))
    for name in DIGEST[:2]:
        change = {"from": "compliant", "to": "suspended"}
        prepared.notice(name, "compliance", "suspended all", reason="Complaints about all of them.", compliance=change)
    expect("status-digest", "2 domains: ", False)
    for what in ("questionnaire", "card_check"):
        prepared.notice("asked.example", "asked", what, what=what, reason="The website answers with the error 404.")
    expect("asked-questionnaire", "asked.example: please answer", False)
    expect("asked-card", "asked.example: a card", False)
    # A token for 90 days, made 83 days ago: whoever looks for such finds it.
    late = int(83 * day.total_seconds()) * 1_000_000
    prepared.execute("UPDATE token SET created_at = created_at - ?, expires_at = expires_at - ? WHERE name = ?", late, late, TOKEN)
    expect("token", f"The API token “{TOKEN}” ends", False)
    return to_come


def many_at_risk(prepared, api):
    """So many that would be lost within the hour that none is; none of them is reminded of its short grace."""
    soon = prepared.now + datetime.timedelta(minutes=40)
    for number in range(20):
        prepared.domain(f"held{number}.example", api)
    for number in range(20):
        prepared.state(f"held{number}.example", "at_risk", soon, grace=datetime.timedelta(hours=20))


def real(story, customers, api, other, third):
    """What happens within seconds: instructions, verified domains, a webhook whose receiver is gone."""
    for account, name, records in ((other, "bakery.test", None), (third, "orchard.test", "reject")):
        domain = account.create(name)
        published = [dict(record) for record in domain["dns_records"]]
        for record in published:
            if records == "reject" and record["key"] == "dmarc":
                record["value"] = "v=DMARC1; p=reject; rua=mailto:dmarc@orchard.test"
        customers.publish(name, published)
        story.eventually(f"{name} is verified", lambda: account.check(domain["id"])["dns_verified"])
    answer = api.call("POST", f"/api/domains/{api.create('instructions.example')['id']}/send_setup_instructions", {"email": OWNER})
    story.equal("set-up instructions are queued", answer.status, 204)
    gone = Website({}, status=410)
    answer = api.call("POST", "/api/webhooks", {"webhook": {"url": f"http://127.0.0.1:{gone.port}/hooks"}})
    story.equal("a webhook is made", answer.status, 200)
    id = answer.json["data"]["id"]
    api.create("told.example")
    disabled = lambda: not api.get(f"/api/webhooks/{id}")["data"]["active"]
    story.eventually("it is disabled when its receiver says 410", disabled)
    gone.stop()


class Received:
    """A message as it arrived."""

    def __init__(self, raw):
        # A defect is an exception.
        policy = email.policy.SMTP.clone(raise_on_defect=True)
        # Mailboxes have the line ends of Unix.
        self.message = email.message_from_bytes(raw.replace(b"\n", b"\r\n"), policy=policy)
        self.raw = raw
        self.subject = self.message["Subject"]
        self.to = self.message["Delivered-To"]
        self.text = self.message.get_body(("plain",)).get_content()
        self.html = self.message.get_body(("html",)).get_content()

    @property
    def mute(self):
        return self.message["List-Unsubscribe"]


def headers(story, name, received, unsubscribe):
    message = received.message
    wrong = []
    if message["Auto-Submitted"] != "auto-generated":
        wrong.append("Auto-Submitted")
    if [str(address) for address in message["To"].addresses] != [received.to]:
        wrong.append(f"To {message['To']}, delivered to {received.to}")
    if str(message["From"].addresses[0].addr_spec) != "signet@signet.test":
        wrong.append(f"From {message['From']}")
    if not re.fullmatch(r"<\S+@signet\.test>", message["Message-ID"] or ""):
        wrong.append(f"Message-ID {message['Message-ID']}")
    age = datetime.datetime.now(datetime.UTC) - message["Date"].datetime
    if not datetime.timedelta(minutes=-1) < age < datetime.timedelta(hours=1):
        wrong.append(f"Date {message['Date']}")
    if any(len(line) > 998 for line in received.raw.split(b"\n")):
        wrong.append("a line is longer than RFC 5322 allows")
    if not received.subject.isprintable() or len(received.subject) > 200:
        wrong.append(f"Subject {received.subject!r}")
    once = (received.mute, message["List-Unsubscribe-Post"])
    good = once == (None, None)
    if unsubscribe:
        good = re.fullmatch(r"<http://127\.0\.0\.1:\d+/mute/\S+>", once[0] or "") and once[1] == "List-Unsubscribe=One-Click"
    if not good:
        wrong.append(f"List-Unsubscribe {once}")
    story.holds(f"{name}: {received.subject}", not wrong, wrong)


def words(text):
    # What is to be copied is between backticks in both, and marked otherwise in the page.
    found = re.sub(r"[`“”\"]", " ", text).split()
    return {word.strip(".,:;()") for word in found if not DECORATION.match(word)} - {""}


def agree(story, name, received, seen):
    """The text and the page say the same."""
    text = words(received.text) - words("What to do:")
    page = words(seen["text"]) | words(" ".join(seen["links"]))
    lacking = {"in the text": sorted(page - words(received.text)), "in the page": sorted(text - page)}
    story.equal(f"{name}: text and page have the same words", {where: what for where, what in lacking.items() if what}, {})


def look_at(story, browser, folder, name, html):
    """A message or a page, on a telephone and a screen, by day and by night; what there is to see."""
    page = folder / f"{name}.html"
    page.write_text(html)
    for width in (800, 360):
        for dark in (False, True):
            picture = folder / f"{name}-{width}-{'dark' if dark else 'light'}.png"
            seen = browser.show(page, width, dark, picture)
            wrong = {what: seen[what] for what in ("pale", "tiny", "fetched") if seen[what]}
            if seen["width"] > width or not seen["text"].strip() or picture.stat().st_size < 4000:
                wrong["rendered"] = (seen["width"], picture.stat().st_size)
            story.holds(f"{picture.stem} is readable", not wrong, wrong)
    return seen


def ask(url, method, body=None):
    parts = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=30)
    kind = {"Content-Type": "application/x-www-form-urlencoded"} if body else {}
    connection.request(method, parts.path, body, kind)
    answer = connection.getresponse()
    return answer.status, answer.read().decode()


def one_click(story, browser, folder, api, domain, received, setting):
    """RFC 8058: a POST and nothing else turns messages off."""
    url = received.mute.strip("<>")
    enabled = lambda: api.get(f"/api/domains/{domain}")[setting]
    for method in ("GET", "HEAD", "GET"):
        story.equal(f"{method} finds the page", ask(url, method)[0], 200)
    story.equal("which changes nothing", enabled(), True)
    seen = look_at(story, browser, folder, f"page-{setting}", ask(url, "GET")[1])
    story.holds("which has a button", "Turn off" in seen["text"], seen)
    broken = url[:-4] + ("AAAA" if not url.endswith("AAAA") else "BBBB")
    story.equal("a link that is not ours leads nowhere", ask(broken, "POST", "List-Unsubscribe=One-Click")[0], 404)
    story.equal("nor does that change anything", enabled(), True)
    for again in ("", ", and again"):
        story.equal(f"one click{again}", ask(url, "POST", "List-Unsubscribe=One-Click")[0], 200)
        story.equal("turns it off", enabled(), False)


def button(story, browser, folder, api, domain, received):
    """The questionnaire is answered by whoever follows the link in the message that asks for it."""
    [url] = re.findall(r'href="(http://[^"]+/questionnaire/[^"]+)"', received.html)
    look_at(story, browser, folder, "page-questions", ask(url, "GET")[1])
    answers = {id: {True: "yes", False: "no"}.get(answer, answer) for id, answer in ANSWERS.items()}
    some = {id: answer for id, answer in answers.items() if id != "content"}
    status, page = ask(url, "POST", urllib.parse.urlencode(some))
    story.equal("an answer that lacks is asked for", status, 422)
    look_at(story, browser, folder, "page-lacking", page)
    story.equal("with all of them the form is taken", ask(url, "POST", urllib.parse.urlencode(answers))[0], 303)
    seen = look_at(story, browser, folder, "page-thanks", ask(url, "GET")[1])
    story.holds("the page thanks", "Thank you" in seen["text"], seen["text"])
    given = api.get(f"/api/domains/{domain}/questionnaire")["data"]
    story.equal("the API has the answers", given["answers"]["content"], ANSWERS["content"])


def arrived(story, boxes, to_come):
    """The messages by name, when all are there, and whether there is none too many."""
    # An alert waits 20 seconds for others of its cause.
    story.eventually(f"{len(to_come)} messages arrive", lambda: len(boxes.messages()) >= len(to_come))
    found, strangers = {}, []
    for raw in boxes.messages():
        received = Received(raw)
        names = [name for name, (words, _) in to_come.items() if words in received.subject and name not in found]
        if names:
            found[names[0]] = received
        else:
            strangers.append(f"{received.to}: {received.subject}")
    lacking = sorted(set(to_come) - set(found))
    story.holds("each is one that was expected, once", not strangers and not lacking, f"not there: {lacking}\ntoo many: {strangers}")
    return found


def started(processes, customers, boxes):
    port = free_port()
    return Signet(
        processes,
        listen=f"127.0.0.1:{port}",
        public_url=f"http://127.0.0.1:{port}",
        smtp_url=f"smtp://127.0.0.1:{boxes.port}",
        dns_listen=customers.places[0],
        webhook_allow_private="true",
        owner_email=OWNER,
        **customers.settings,
    ).start()


def account(signet, name):
    words = ("--name", name, "--owner-email", f"{name}@example.com", "--json")
    id = json.loads(signet.command("account", "create", *words).stdout)["id"]
    return id, Api(signet.url, signet.command("token", "create", "--account", str(id), "--name", "story").stdout.strip())


def main():
    folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else None
    with Story("Every message there is") as story, Processes() as processes:
        folder = folder or processes.folder / "pictures"
        folder.mkdir(exist_ok=True)
        browser = Browser(processes)
        customers = Customers(processes, ["bakery", "orchard"], silent=["example"])
        with Mailboxes(processes) as boxes:
            signet = started(processes, customers, boxes)
            api = signet.api()
            (two, other), (three, third), (_, many) = (account(signet, name) for name in ("two", "three", "many"))
            signet.command("token", "create", "--account", "1", "--name", TOKEN, "--expires", "90d")
            story.chapter("what happens within seconds")
            real(story, customers, api, other, third)
            prepared = Prepared(signet.folder / "signet.db", api)
            story.chapter("what takes days")
            for name in DOMAINS:
                prepared.domain(name)
            to_come = prepare(prepared)
            many_at_risk(prepared, many)
            prepared.execute("UPDATE account SET health_due_at = 0 WHERE id IN (?, ?)", two, three)
            story.equal("Signet stops cleanly", signet.stop(), 0)
            prepared.write()
            signet.start()
            # Connections do not outlive it.
            api, other = signet.api(), Api(signet.url, other.token)
            to_come |= {
                "instructions": ("DNS records to set up for instructions.example", False),
                "webhook": ("ebhook", False),
                "verified-bakery": ("bakery.test: DNS is verified", False),
                "verified-orchard": ("orchard.test: DNS is verified", False),
                "health-fragile": ("could do better", True),
                "health-fine": ("in good order", True),
                "frozen": ("held back", False),
            }
            found = arrived(story, boxes, to_come)
            story.chapter("their headers")
            for name, received in sorted(found.items()):
                headers(story, name, received, to_come[name][1])
            story.chapter("as a reader sees them")
            for name, received in sorted(found.items()):
                seen = look_at(story, browser, folder, name, received.html)
                if name != "instructions":
                    agree(story, name, received, seen)
            story.chapter("the button")
            asked = "awaiting-questionnaire.status.example"
            button(story, browser, folder, api, prepared.ids[asked], found["status-awaiting_questionnaire"])
            story.chapter("one click")
            one_click(story, browser, folder, api, prepared.ids["at-risk.example"], found["at_risk"], "critical_alerts_enabled")
            bakery = next(domain["id"] for domain in other.domains() if domain["domain_name"] == "bakery.test")
            fragile = next(found[name] for name in ("health-fragile", "health-fine") if found[name].to.startswith("two@"))
            one_click(story, browser, folder, other, bakery, fragile, "health_alerts_enabled")
            story.equal("Signet stops cleanly", signet.stop(), 0)
        browser.stop()


if __name__ == "__main__":
    main()
