"""Those who make facts, all at once: owners, operators over the API and at the command line, and whoever edits DNS."""

import http.client
import random
import threading
import time

LOST = (OSError, http.client.HTTPException)
# What is answered when somebody else was faster: has ruled, has closed what was open.
OVERTAKEN = {"review": (409,), "questionnaire": (404, 422), "card": (404, 422)}
COMPANY = {"address": "Ring 1", "city": "Wien", "country": "Austria", "zip_code": "1010"}
ANSWERS = {
    "content": "Order confirmations",
    "recipients": "Customers of our shop",
    "address_source": "customers",
    "address_source_details": "At the checkout",
    "monthly_volume": 5000,
    "marketing": False,
    "unsubscribe": "They are not of that kind",
    "ever_suspended": False,
}
KINDS = {
    "approve": "review.approved",
    "reject": "review.rejected",
    "reopen": "review.reopened",
    "suspend": "review.suspended",
    "lift": "review.lifted",
}
# A ruling as often as its share.
RULINGS = ["approve"] * 3 + ["reject"] * 3 + ["reopen"] * 6 + ["suspend"] * 2 + ["lift"] * 5


class Act:
    """One attempt to make a fact, and what came of it."""

    def __init__(self, kind, domain=None, reason=None):
        # The history row that it makes, about which domain (None: the account), with which reason.
        self.kind, self.domain, self.reason = kind, domain, reason
        # `done`, `refused`, or `unanswered`.
        self.came_of_it = "unanswered"


class Actor(threading.Thread):
    """Makes facts one after the other until told to stop, or its server is gone."""

    def __init__(self, world, label, seed, api=None):
        super().__init__(daemon=True)
        self.world, self.label, self.api = world, label, api
        self.random = random.Random(seed)
        self.acts, self.failure = [], None
        self.stopping = threading.Event()
        self.number = 0

    def run(self):
        try:
            while not self.stopping.is_set():
                self.step()
        except LOST:
            # The server is gone; what was under way stays unanswered.
            pass
        except Exception as error:
            self.failure = error

    def reason(self):
        self.number += 1
        return f"{self.label} {self.number}"

    def act(self, act, method, path, body):
        self.acts.append(act)
        self.judge(act, self.api.call(method, path, body), f"{method} {path}")

    def judge(self, act, answer, what):
        if answer.status in (200, 201):
            act.came_of_it = "done"
        elif answer.status in OVERTAKEN.get(act.kind.split(".")[0], ()):
            act.came_of_it = "refused"
        elif answer.status < 500:
            raise RuntimeError(f"{self.label}: {what}: {answer!r}")
        # A node that dies may still answer what it was doing with an error.

    def read(self, path):
        """What is there, or None."""
        answer = self.api.call("GET", path)
        return answer.json if answer.status == 200 else None


class Owner(Actor):
    """Says who the account's company is, and answers what is asked."""

    def __init__(self, world, label, seed, api, domains):
        super().__init__(world, label, seed, api)
        self.domains = domains

    def step(self):
        domain = self.random.choice(self.domains)
        choice = self.random.random()
        if choice < 0.4:
            self.company(domain)
        elif choice < 0.5:
            self.other_domain()
        else:
            self.answer()
            time.sleep(0.05)

    def company(self, domain):
        name = self.reason()
        # What the review finds there follows from the path.
        website = self.world.website(self.random.choice(("/fine", "/fine", "/unrelated", "/gone")))
        info = {"name": self.random.choice(("Mill GmbH", "Mill GmbH", "Mills AG")), "website_url": website, "address": name}
        path = f"/api/domains/{domain}/company_info"
        there = self.read(path)
        if there is None:
            self.act(Act("company_info.created"), "POST", path, {"company_info": {**COMPANY, **info}})
        else:
            self.act(Act("company_info.updated"), "PATCH", path, {"company_info": info})

    def other_domain(self):
        """Registers a domain, and deletes it."""
        name = f"{self.reason().replace(' ', '-')}.example.com"
        act = Act("domain.created", reason=name)
        self.acts.append(act)
        answer = self.api.call("POST", "/api/domains", {"domain": {"domain_name": name}})
        self.judge(act, answer, name)
        if act.came_of_it == "done":
            gone = Act("domain.deleted", reason=name)
            self.acts.append(gone)
            answer = self.api.call("DELETE", f"/api/domains/{answer.json['id']}")
            gone.came_of_it = "done" if answer.status == 204 else "unanswered"

    def answer(self):
        for domain in self.domains:
            asked = self.read(f"/api/domains/{domain}")
            if asked and asked["compliance_status"] == "awaiting_questionnaire":
                body = {"questionnaire": {"answers": ANSWERS}}
                self.act(Act("questionnaire.answered", domain), "POST", f"/api/domains/{domain}/questionnaire", body)


class Operator(Actor):
    """Rules over the API, with the version that was read."""

    def step(self):
        domain = self.random.choice(self.world.all_domains)
        choice = self.random.random()
        if choice < 0.1:
            self.account(self.random.choice(self.world.accounts))
        elif choice < 0.5:
            self.card()
        else:
            self.rule(domain)
        time.sleep(0.02)

    def rule(self, domain):
        case = self.read(f"/api/reviews/{domain}")
        if case is None:
            return
        ruling = self.random.choice(RULINGS)
        act = Act(KINDS[ruling], domain, self.reason())
        review = {"reason": act.reason, "version": case["data"]["version"]}
        if ruling == "suspend":
            review["hold"] = self.random.random() < 0.5
        self.act(act, "POST", f"/api/reviews/{domain}/{ruling}", {"review": review})

    def account(self, account):
        case = self.read(f"/api/reviews/{self.world.domains_of[account][0]}")
        if case is None:
            return
        suspended = case["data"]["account_suspension"]
        ruling = "lift" if suspended or self.random.random() < 0.5 else "suspend"
        act = Act(KINDS[ruling], None, self.reason())
        review = {"reason": act.reason, "version": case["data"]["account"]["version"]}
        self.act(act, "POST", f"/api/accounts/{account}/{ruling}", {"review": review})

    def card(self):
        waiting = self.read("/api/reviews?state=open")
        for case in (waiting or {"data": []})["data"]:
            if case["compliance_status"] == "awaiting_card_verification":
                result = "passed" if self.random.random() < 0.8 else "failed"
                act = Act(f"card.{result}", case["domain_id"], self.reason())
                body = {"card_check": {"result": result, "reason": act.reason}}
                self.act(act, "POST", f"/api/reviews/{act.domain}/card_check", body)


class AtThePrompt(Actor):
    """Rules with commands: another process on the same database."""

    def step(self):
        domain = self.random.choice(self.world.all_domains)
        ruling = self.random.choice(RULINGS)
        words = [str(domain)]
        if self.random.random() < 0.3:
            account = self.random.choice(self.world.accounts)
            ruling, words, domain = self.random.choice(("suspend", "lift", "lift", "lift")), ["--account", str(account)], None
        if ruling == "suspend" and self.random.random() < 0.5:
            words.append("--hold")
        act = Act(KINDS[ruling], domain, self.reason())
        self.acts.append(act)
        done = self.world.node.command("review", ruling, *words, "--reason", act.reason, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"signet review {ruling} {words}: {done.stdout}{done.stderr}")
        act.came_of_it = "done"


class DnsHost(Actor):
    """Takes records out of zones and puts them back, has Signet look, and lets time pass."""

    def __init__(self, world, label, seed, apis):
        """`apis` has one for each account."""
        super().__init__(world, label, seed)
        self.apis = apis

    def step(self):
        domain = self.random.choice(self.world.all_domains)
        choice = self.random.random()
        if choice < 0.3:
            self.world.publish(domain, removed="all")
        elif choice < 0.4:
            self.world.publish(domain, removed="verification")
        elif choice < 0.75:
            self.world.publish(domain)
        elif choice < 0.85:
            self.world.database.pass_time(11 * 60)
        answer = self.apis[self.world.account_of[domain]].call("POST", f"/api/domains/{domain}/check?wait=3")
        if 400 <= answer.status < 500:
            raise RuntimeError(f"checking {domain}: {answer!r}")
