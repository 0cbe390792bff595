"""What must be true when it is quiet, whatever happened before."""

import collections
import json
import re

# The kinds of history rows that webhooks are told of (README).
PUBLISHED = (
    "domain.created",
    "domain.verified",
    "domain.at_risk",
    "domain.unverified",
    "domain.recovered",
    "domain.deleted",
    "domain.compliance_changed",
    "domain.record_changed",
    "dkim.rotated",
)
# Those about DNS may be outdated before they are told; what came of it since has its own.
ALERTS = ("at_risk", "deadline_moved", "reminder", "lost", "mended", "recovered", "rotation_stuck")
VERIFIED = {"domain.verified": True, "domain.recovered": True, "domain.unverified": False}
DECIDED = {"review.approved": "approved", "review.rejected": "rejected", "review.reopened": None}
SUSPENDED = {"review.suspended": True, "review.lifted": False}
YES = ("1", "true")


def status(facts):
    """COMPLIANCE's table, from the top."""
    table = [
        ("suspended", facts["suspended"]),
        ("demo_exhausted", facts["demo"] and facts["left"] == 0),
        ("demo", facts["demo"]),
        ("unverified_dns", not facts["verified"]),
        ("missing_company_info", not facts["company"]),
        ("non_compliant", facts["decision"] == "rejected"),
        ("compliant", facts["decision"] == "approved"),
        ("awaiting_questionnaire", facts["questionnaire"] == "open"),
        ("awaiting_card_verification", facts["card"] == "open"),
        ("under_review", True),
    ]
    return next(name for name, holds in table if holds)


class Judge:
    def __init__(self, story, world, acts):
        self.story, self.world, self.acts = story, world, acts
        table = world.database.table
        self.events = table("id account_id domain_id kind from_value to_value reason domain_name", "event ORDER BY id")
        self.domains = table("id account_id name demo demo_messages_left dns_state questionnaire card", "domain ORDER BY id")
        self.notices = table("id account_id domain_id kind cause body at told_at", "notice ORDER BY id")
        self.messages = table("id account_id queued_at sent_at message", "outbox ORDER BY id")
        self.deliveries = table("webhook_id account_id event_id state", "delivery ORDER BY id")

    def none(self, what, wrong):
        self.story.holds(what, not wrong, "\n".join(str(one) for one in wrong[:10]))

    def last(self, kinds, domain, account=None):
        """What the last history row of these kinds says, of the domain or of the account itself."""
        said = None
        for event in self.events:
            of = event["domain_id"] == domain if domain else event["domain_id"] is None and event["account_id"] == account
            if of and event["kind"] in kinds:
                said = kinds[event["kind"]]
        return said

    def statuses(self, shown):
        """The chains of each domain, what the API shows (`shown`, by number), and what follows from the facts."""
        chains = collections.defaultdict(list)
        for event in self.events:
            if event["kind"] == "domain.compliance_changed":
                chains[event["domain_id"]].append(event)
        broken, still = [], []
        for chain in chains.values():
            broken += [(one, two) for one, two in zip(chain, chain[1:]) if one["to_value"] != two["from_value"]]
            still += [one for one in chain if one["from_value"] == one["to_value"]]
        changes = sum(len(chain) for chain in chains.values())
        seen = collections.Counter(one["to_value"] for chain in chains.values() for one in chain)
        self.story.say(f"{changes} changes: {', '.join(f'{count} {name}' for name, count in seen.most_common())}")
        self.none("each change of compliance begins where the one before ended", broken)
        self.none("and is one", still)
        companies = {e["account_id"] for e in self.events if e["kind"] == "company_info.created"}
        wrong = []
        for domain in self.domains:
            id, account = domain["id"], domain["account_id"]
            facts = {
                "suspended": self.last(SUSPENDED, id) or self.last(SUSPENDED, None, account),
                "demo": domain["demo"] in YES,
                "left": int(domain["demo_messages_left"]),
                "verified": self.last(VERIFIED, id),
                "company": account in companies,
                "decision": self.last(DECIDED, id),
                "questionnaire": domain["questionnaire"],
                "card": domain["card"],
            }
            chain = chains.get(id)
            first = "demo" if facts["demo"] else "unverified_dns"
            begins, told = (chain[0]["from_value"], chain[-1]["to_value"]) if chain else (first, first)
            if chain or not self.born_suspended(domain):
                begun = begins == first or self.born_suspended(domain)
                if not (begun and status(facts) == shown[int(id)] == told):
                    wrong.append((domain["name"], facts, status(facts), shown[int(id)], begins, told))
        self.none("the first begins it all, the last is what the API shows, and what follows from the facts of the history", wrong)

    def born_suspended(self, domain):
        """Whether it may have been: it was registered in the middle of it all."""
        return int(domain["id"]) not in self.world.registered and domain["demo"] not in YES

    def acknowledged(self):
        """Each act has the rows it must have, and no more than it may."""
        by_reason = collections.Counter((e["kind"], e["reason"]) for e in self.events)
        by_name = collections.Counter((e["kind"], e["domain_name"]) for e in self.events)
        wrong, done, maybe = [], collections.Counter(), collections.Counter()
        for act in self.acts:
            if act.kind.startswith("review."):
                rows = by_reason[act.kind, act.reason]
                # Suspending what is suspended is nothing, and lifting what is not.
                least = 1 if act.came_of_it == "done" and act.kind not in SUSPENDED else 0
            elif act.kind in ("domain.created", "domain.deleted"):
                rows = by_name[act.kind, act.reason]
                least = 1 if act.came_of_it == "done" else 0
            else:
                done[act.kind] += act.came_of_it == "done"
                maybe[act.kind] += act.came_of_it != "refused"
                continue
            if not least <= rows <= (0 if act.came_of_it == "refused" else 1):
                wrong.append((act.kind, act.reason, act.came_of_it, rows))
        kinds = collections.Counter(event["kind"] for event in self.events)
        wrong += [(kind, done[kind], kinds[kind], maybe[kind]) for kind in maybe if not done[kind] <= kinds[kind] <= maybe[kind]]
        tale = collections.Counter(act.came_of_it for act in self.acts)
        self.none(f"every act has its history row, and no second ({dict(tale)})", wrong)
        reasons = collections.Counter()
        for event in self.events:
            if event["kind"] == "domain.compliance_changed" and re.fullmatch(r"\S+ \d+ \d+", event["reason"] or ""):
                reasons[event["domain_id"], event["reason"]] += 1
        self.none("and changes each domain once at most", [one for one, count in reasons.items() if count > 1])

    def webhooks(self):
        """Every published row arrived, once or more, always the same; and nothing else did."""
        arrivals = self.world.receiver.arrivals
        self.none("every signature is right", [(a.id, a.wrong) for a in arrivals if a.wrong])
        bodies = collections.defaultdict(set)
        for arrival in arrivals:
            bodies[arrival.path, arrival.id].add(arrival.body)
        self.none("a webhook-id has one body", [id for id, different in bodies.items() if len(different) > 1])
        wanted = {}
        for event in self.events:
            path = self.world.path_of.get(int(event["account_id"]))
            if path and event["kind"] in PUBLISHED and event["domain_id"] and int(event["id"]) > self.world.from_event:
                wanted[path, f"evt_{event['id']}"] = event
        # A key may still be proven while everything is asked for again: what
        # happened then is still on its way when all stop.
        asked = {key for key, event in wanted.items() if int(event["id"]) <= self.world.asked_through}
        # Before they were asked for again, and then.
        arrived, again = arrivals[: self.world.first_time], arrivals[self.world.first_time :]
        once = {(arrival.path, arrival.id) for arrival in arrived}
        tale = f"{len(arrived) - len(once)} came again"
        self.none(f"all {len(asked)} events arrived ({tale})", sorted(asked - once))
        self.none("and once more when asked for", sorted(asked - {(arrival.path, arrival.id) for arrival in again}))
        self.none("nothing arrived that did not happen", sorted(set(bodies) - set(wanted)))
        wrong, order = [], collections.defaultdict(list)
        for (path, id), event in wanted.items():
            if (path, id) not in bodies:
                continue
            content = json.loads(next(iter(bodies[path, id])))
            data = content["data"]
            said = (content["type"], data["id"], data["account_id"], data["domain"], data["from"], data["to"], data["reason"])
            domain = {"id": int(event["domain_id"]), "name": event["domain_name"]}
            reason = event["reason"] or None
            meant = (event["kind"], int(event["id"]), int(event["account_id"]), domain, event["from_value"], event["to_value"], reason)
            if said != meant:
                wrong.append((said, meant))
        self.none("each says what the history says", wrong)
        seen = set()
        for arrival in arrivals:
            if (arrival.path, arrival.id) not in seen:
                seen.add((arrival.path, arrival.id))
                order[arrival.path, wanted[arrival.path, arrival.id]["domain_id"]].append(int(arrival.id.removeprefix("evt_")))
        self.none("each domain's came in order", [ids for ids in order.values() if ids != sorted(ids)])
        undone = [row for row in self.deliveries if row["state"] != "delivered" and int(row["event_id"]) <= self.world.asked_through]
        self.none("and Signet knows that all were taken", undone)

    def notices_and_messages(self):
        """Every change has one notice, every notice is in one message or outdated, every message left once."""
        changed = collections.Counter()
        for event in self.events:
            if event["kind"] == "domain.compliance_changed":
                changed[event["domain_id"], event["from_value"], event["to_value"]] += 1
        there = {domain["id"] for domain in self.domains}
        told_of, latest, outdated, telling = collections.Counter(), {}, [], collections.defaultdict(set)
        asked = {}
        for notice in self.notices:
            change = json.loads(notice["body"])["compliance"]
            if change:
                told_of[notice["domain_id"], change["from"], change["to"]] += 1
            if notice["told_at"] is None and notice["domain_id"] not in there:
                # Of a domain that is deleted nobody wants to hear any more.
                continue
            if notice["told_at"] is None:
                outdated.append((notice, change))
            else:
                latest[notice["domain_id"]] = int(notice["id"])
                asked[notice["domain_id"], json.loads(notice["body"])["about"].get("what")] = int(notice["id"])
                telling[notice["account_id"], notice["kind"], notice["cause"], notice["told_at"]].add(notice["id"])
        self.none("every change of compliance has one notice", list((changed - told_of).items()) + list((told_of - changed).items()))
        again = lambda n: asked.get((n["domain_id"], json.loads(n["body"])["about"].get("what")), 0) > int(n["id"])
        # What is asked for twice before anybody was told, is asked for in one message.
        unheard = [n["body"] for n, _ in outdated if n["kind"] not in ALERTS and not (n["kind"] == "asked" and again(n))]
        # A loss that is over before anybody was told is told of by the recovery.
        unheard += [n["body"] for n, change in outdated if change and latest.get(n["domain_id"], 0) < int(n["id"])]
        self.none(f"of {len(self.notices)} notices all are told that are not outdated ({len(outdated)})", unheard)
        unsent = [message["id"] for message in self.messages if message["sent_at"] is None]
        self.none(f"all {len(self.messages)} messages are handed over", unsent)
        ours = collections.Counter()
        for (account, kind, _, told_at), those in telling.items():
            # Status changes and alerts of one cause share a message.
            ours[account, told_at] += len(those) if kind == "asked" else 1
        theirs = collections.Counter((m["account_id"], m["queued_at"]) for m in self.messages)
        odd = sorted(((ours - theirs) + (theirs - ours)).items())
        odd = [(key, ours[key], theirs[key], [one for one in telling if (one[0], one[3]) == key]) for key, _ in odd]
        self.none("each telling is one message, and there are no others", odd)
        texts = collections.defaultdict(str)
        for message in self.messages:
            content = json.loads(message["message"])
            texts[message["account_id"], message["queued_at"]] += content["subject"] + content["text"]
        bodies = {notice["id"]: json.loads(notice["body"]) for notice in self.notices}
        silent = []
        for (account, _, _, at), ids in telling.items():
            silent += [bodies[id] for id in ids if bodies[id]["domain"] not in texts[account, at]]
        self.none("which names its domains", silent)
        ids = {json.loads(message["message"])["message_id"] for message in self.messages}
        self.story.equal("no two messages have one id", len(ids), len(self.messages))
        files = {file.stem for file in self.world.outbox.glob("*.eml")}
        self.none("and those left, and no others", sorted(ids ^ files))
