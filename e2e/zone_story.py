"""Our zone server and NSD with the same zone say the same, and nothing that is sent to ours harms it.

    python zone_story.py [domains]

A zone with domains that have keys, domains that have none and demo domains is
exported and loaded into NSD. Both are asked the same some twenty thousand
questions, made from what is in the zone (zone/questions.py); each difference must
be one that zone/differences.py gives a reason for. Then come those who mean harm
(zone/hostile.py).

`SEED=…` asks other questions.
"""

import os
import random
import sys

from harness.checks import Story
from harness.nameservers import Nsd
from harness.processes import Processes, free_port
from harness.signet import Signet
from zone.asking import ask_all, unanswered
from zone.differences import TABLE, Comparison
from zone.hostile import Hostile
from zone.population import APEX, CONSENT, Population, at_rest
from zone.questions import Questions, Zone
from zone.wire import TYPES, Reply

DOMAINS = 60
KEYED = 80
ACCOUNTS = 6
NSD, NSD_FULL, APART = "127.0.0.9", "127.0.0.10", "127.0.0.11"
DEMO_APART = "try.demo-host.test"
# So many that SPF takes several records and answers are long.
ADDRESSES = [f"192.0.2.{7 * number}" for number in range(1, 31)] + [f"2001:db8::{number:x}:1" for number in range(1, 16)]


def compared(story, ours, theirs, questions, comparison):
    for question, mine, other in zip(questions, ask_all(ours, questions), ask_all(theirs, questions), strict=True):
        comparison.add(question, mine, other)
    for text in comparison.unexplained[:6]:
        story.say(f"without a reason: {text}")
    story.equal(f"of {len(questions)} questions no answer differs without a reason", len(comparison.unexplained), 0)


def volunteered(story, ours, full, questions):
    """What we add to an answer unasked, NSD adds, too, when it may."""
    questions = [question for question in questions if question.type in (TYPES["MX"], TYPES["NS"]) and question.opcode == 0]
    pairs = zip(*(map(Reply, ask_all(address, questions)) for address in (ours, full)), strict=True)
    pairs = [(set(mine.additional), set(other.additional)) for mine, other in pairs]
    story.holds("NSD volunteers the same addresses", all(mine <= other for mine, other in pairs) and any(m for m, _ in pairs))


def silent(story, ours, theirs, names):
    """To a reply nobody replies, or two servers could be set on each other for ever."""
    questions = Questions.replies(names)
    story.equal("no server replies to replies", [unanswered(address, questions) for address in (ours, theirs)], [len(questions)] * 2)


def same_zone(story, processes, population, rng):
    """All questions; the zone must not have changed meanwhile."""
    text = population.export()
    zone = Zone(APEX, text)
    story.say(f"{len(text.splitlines())} records, {len(zone.owners)} owners, {len(zone.keyed)} with keys, {len(zone.between)} between")
    port = free_port(NSD)
    # One says only what it is asked for, one all that it may.
    theirs = Nsd(processes, "same", NSD, port, {f"{APEX}.": text}, minimal=True).start()
    full = Nsd(processes, "full", NSD_FULL, port, {f"{APEX}.": text}).start()
    questions = Questions(zone, f"demo.{APEX}", CONSENT, rng)
    comparison = Comparison()
    compared(story, population.address, (NSD, port), questions.all(), comparison)
    volunteered(story, population.address, (NSD_FULL, port), questions.made)
    silent(story, population.address, (NSD, port), [APEX, zone.keyed[0], f"no.{APEX}", "example.com"])
    story.equal("the zone is what it was", population.export(), text)
    theirs.stop()
    full.stop()
    return comparison


def demo_zone_apart(story, processes, rng, comparison):
    """The demo zone elsewhere, with an SOA of its own, and a provider who sends from many addresses."""
    port = free_port(APART)
    signet = Signet(
        processes, "apart", zone=APEX, demo_zone=DEMO_APART, sending_ips=",".join(ADDRESSES), dns_listen=f"{APART}:{port}", dns_rate_limit=0
    ).start()  # fmt: skip
    for number in range(3):
        signet.command("account", "create", "--name", f"Account {number}", "--owner-email", f"owner{number}@example.com")
    texts = at_rest(story, signet, [APEX, DEMO_APART], 8)
    theirs = Nsd(processes, "both", NSD, port, {f"{apex}.": text for apex, text in texts.items()}, minimal=True).start()
    for apex, text in texts.items():
        story.say(f"{apex} has {len(text.splitlines())} records")
        questions = Questions(Zone(apex, text), DEMO_APART, None, rng)
        compared(story, (APART, port), (NSD, port), questions.all(), comparison)
    theirs.stop()
    story.equal("Signet stops cleanly", signet.stop(), 0)


def main():
    domains = int(sys.argv[1]) if len(sys.argv) > 1 else DOMAINS
    seed = int(os.environ.get("SEED") or 7)
    with Story(f"Our zone server beside NSD (SEED={seed})") as story, Processes() as processes:
        rng = random.Random(seed)
        population = Population(processes, min(KEYED, domains), domains - min(KEYED, domains), ACCOUNTS)
        story.chapter(f"{domains} domains and {ACCOUNTS + 1} demo domains, {len(population.keyed)} of them verified")
        at_rest(story, population.signet, [APEX], 2 * (len(population.keyed) + ACCOUNTS + 1))
        story.chapter("asked the same as NSD")
        comparison = same_zone(story, processes, population, rng)
        story.chapter("the demo zone apart")
        demo_zone_apart(story, processes, rng, comparison)
        for line in comparison.table():
            story.say(line)
        unused = {row.why for row in TABLE} - set(comparison.explained)
        story.equal("every reason for a difference has been one", unused, set())
        story.chapter("those who mean harm")
        Hostile(story, population, rng).all()
        story.equal("Signet stops cleanly", population.signet.stop(), 0)


if __name__ == "__main__":
    main()
