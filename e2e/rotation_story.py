"""DKIM keys that turn by themselves, seen from outside, on a clock that is moved.

NSD serves a customer's zone with the two CNAMEs, Signet its own, Unbound finds
both. libfaketime gives Signet a clock that the story moves on by days; DNS keeps
real time. Messages signed before, during and after are verified by dkimpy with
what Unbound sees, and Signet is killed at every step.
"""

import glob
import json
import re
import subprocess
import time
import unittest.mock

import dkim

from dns_story import NAME, NS1, NS2, OURS, PARENTS, TOP_LEVEL, Customer, all_of, looks
from harness.checks import Story
from harness.nameservers import ROOT, Nsd, Unbound
from harness.processes import Processes, free_port, run, tool
from harness.signet import Signet, binary

DAY = 24 * 3600
MESSAGE = f"From: Anna <anna@{NAME}>\nTo: bob@example.org\nSubject: Hello\nDate: Tue, 24 Nov 2026 10:00:00 +0000\n\nHello Bob\n"


class Clock:
    """Signet's, moved by the story."""

    def __init__(self, folder):
        self.file = folder / "clock"
        self.ahead = 0
        self.move(0)

    def move(self, seconds):
        self.ahead += seconds
        # Read with every look at the clock: never half of it.
        fresh = self.file.with_suffix(".new")
        fresh.write_text(f"+{self.ahead}\n")
        fresh.replace(self.file)

    def environment(self):
        library = next(iter(glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")), None)
        if library is None:
            raise RuntimeError("libfaketime is missing; on Debian: apt-get install faketime")
        return {
            "LD_PRELOAD": library,
            "FAKETIME_TIMESTAMP_FILE": str(self.file),
            "FAKETIME_NO_CACHE": "1",
            # Timers run as they do; it is the date that moves.
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "DONT_FAKE_MONOTONIC": "1",
        }


class World:
    """The story's pieces, and what it looks at."""

    def __init__(self, story, processes):
        self.story = story
        self.port = free_port(NS1, NS2, OURS, PARENTS)
        self.customer = Customer([])
        empty = {f"{NAME}.": self.customer.zone([])}
        servers = [Nsd(processes, f"nsd{host[-1]}", host, self.port, empty).start() for host in (NS1, NS2)]
        self.customer.servers = servers
        Nsd(processes, "parents", PARENTS, self.port, {".": ROOT, "test.": TOP_LEVEL}).start()
        stubs = {zone: [(PARENTS, self.port)] for zone in (".", "test.")}
        stubs[f"{NAME}."] = [(NS1, self.port), (NS2, self.port)]
        stubs["signet.test."] = [(OURS, self.port)]
        self.resolver = Unbound(processes, stubs)
        self.clock = Clock(processes.folder)
        self.signet = Signet(
            processes,
            zone="signet.test",
            sending_ips=OURS,
            dns_listen=f"{OURS}:{self.port}",
            dns_resolvers=self.resolver.address,
            dns_authority_port=self.port,
            dns_allow_private="true",
        )
        self.signet.more_environment = self.clock.environment()
        self.signet.start()
        self.domain = None

    def restart(self):
        """As after a power cut."""
        self.signet.kill()
        self.signet.start()

    def keys(self):
        """By record, the stage of what stands there."""
        listed = json.loads(self.signet.command("keys", "list", str(self.domain["id"]), "--json").stdout)
        return {key["record"]: key["stage"] for key in listed[0]["keys"]} if listed else {}

    def clear(self, record):
        """Whether the key there was seen by everybody, once."""
        listed = json.loads(self.signet.command("keys", "list", str(self.domain["id"]), "--json").stdout)
        return next(key["clear_at"] for key in listed[0]["keys"] if key["record"] == record)

    def rotate(self, *words, check=True):
        return self.signet.command("keys", "rotate", str(self.domain["id"]), "--reason", "the story", *words, check=check)

    def sign(self):
        """The message as Signet signs it now; the selectors beside it."""
        done = subprocess.run(
            [str(binary()), "keys", "sign", str(self.domain["id"])],
            input=MESSAGE.encode(),
            capture_output=True,
            env=self.signet.environment(),
            cwd=self.signet.folder,
            timeout=300,
        )
        if done.returncode:
            raise RuntimeError(done.stderr.decode())
        signed = done.stdout
        return signed, re.findall(rb"\bs=(sg[12])-", signed)

    def texts(self, name):
        words = ["@127.0.0.1", "-p", self.resolver.port, "+short", "+tries=5", "+time=5", name, "TXT"]
        lines = run([tool("dig"), *words]).stdout.splitlines()
        return [line.replace('" "', "").strip('"') for line in lines if line.startswith('"')]

    def verifies(self, message):
        """What a receiver makes of it, asking Unbound."""

        def look(name, timeout=5):
            texts = self.texts(name.decode())
            return texts[0].encode() if texts else None

        now = time.time() + self.clock.ahead
        # The receiver lives when Signet does: a signature of tomorrow is refused.
        with unittest.mock.patch("time.time", lambda: now):
            try:
                return dkim.verify(message, dnsfunc=look)
            except dkim.DKIMException:
                return False

    def target(self, number):
        owner = next(record["domain"] for record in self.domain["dns_records"] if record["key"] == f"dkim{number}")
        return "".join(self.texts(owner))

    def becomes(self, what, wanted):
        self.story.becomes(what, self.keys, wanted)


def first_keys(story, world):
    api = world.signet.api()
    world.domain = api.create(NAME)
    world.customer.publish(world.domain["dns_records"])
    looks(story, "every record passes", api, world.domain, all_of("pass"))
    world.becomes("the first key is proven and signs, the next stands ready", {"dkim1": "active", "dkim2": "next"})
    story.eventually("the next key is seen by everybody", lambda: world.clear("dkim2"))
    message, selectors = world.sign()
    story.equal("a message is signed with the first selector", selectors, [b"sg1"])
    story.holds("dkimpy verifies it", world.verifies(message))
    return message


def turned(story, world, before):
    world.restart()
    # What stood there before the next key is forgotten by now.
    world.clock.move(DAY)
    during, _ = world.sign()
    world.rotate()
    world.restart()
    world.becomes("asked for, the next key takes over", {"dkim1": "retired", "dkim2": "active"})
    world.restart()
    after, selectors = world.sign()
    story.equal("messages are signed with the second selector", selectors, [b"sg2"])
    for when, message in [("before", before), ("during", during), ("after", after)]:
        story.holds(f"what was signed {when} is verified", world.verifies(message))
    refused = world.rotate(check=False)
    story.holds("another rotation is refused while the old key verifies mail under way", refused.returncode != 0, refused)
    return after


def forgotten(story, world, before, after):
    world.clock.move(7 * DAY - 600)
    world.restart()
    story.holds("for seven days its record stays", world.verifies(before))
    world.clock.move(1200)
    world.becomes("then the key before is revoked", {"dkim1": "revoked", "dkim2": "active"})
    story.becomes("which its record says", lambda: world.target(1), "v=DKIM1; k=rsa; p=")
    story.holds("what it signed is verified no more", not world.verifies(before))
    story.holds("what the present key signed is", world.verifies(after))
    world.restart()
    world.clock.move(30 * DAY + 600)
    world.becomes("after thirty more the next key stands there", {"dkim1": "next", "dkim2": "active"})
    story.becomes("and is published", lambda: world.target(1)[:21], "v=DKIM1; k=rsa; p=MII")
    story.holds("the present key goes on", world.verifies(after))


def by_itself(story, world, after):
    world.restart()
    world.clock.move(60)
    story.eventually("the next key is seen by everybody", lambda: world.clear("dkim1"))
    # The turns of many domains are spread over some days.
    world.clock.move(190 * DAY)
    world.becomes("after its period the key is replaced by itself", {"dkim1": "active", "dkim2": "retired"})
    message, selectors = world.sign()
    story.equal("messages are signed with the first selector again", selectors, [b"sg1"])
    story.holds("and verified, like those before", world.verifies(message) and world.verifies(after))


def refused(story, world):
    world.clock.move(8 * DAY)
    world.becomes("the key before is revoked", {"dkim1": "active", "dkim2": "revoked"})
    world.clock.move(31 * DAY)
    world.becomes("the standby is free again", {"dkim1": "active", "dkim2": "next"})
    world.clock.move(60)
    story.eventually("the next key is seen by everybody", lambda: world.clear("dkim2"))
    world.customer.publish([record for record in world.domain["dns_records"] if record["key"] != "dkim2"])
    api = world.signet.api()
    looks(story, "the customer took the standby's CNAME away", api, world.domain, {**all_of("pass"), "dkim2": "missing"})
    story.holds("that the key was seen counts no more", not world.clear("dkim2"))
    done = world.rotate(check=False)
    story.holds("a rotation is refused and says why", done.returncode != 0 and "dkim2" in done.stderr + done.stdout, done)
    world.customer.publish(world.domain["dns_records"])
    looks(story, "it is back", api, world.domain, all_of("pass"))
    world.clock.move(3600)
    story.eventually("it is seen by everybody anew", lambda: world.clear("dkim2"))


def compromised(story, world):
    message, _ = world.sign()
    world.clock.move(3 * DAY)
    world.rotate("--compromised")
    world.restart()
    world.becomes("a key in wrong hands is revoked at once", {"dkim1": "revoked", "dkim2": "active"})
    story.becomes("which its record says", lambda: world.target(1), "v=DKIM1; k=rsa; p=")
    story.holds("what it signed is verified no more", not world.verifies(message))
    message, _ = world.sign()
    story.holds("what is signed now is", world.verifies(message))


def main():
    with Story("DKIM keys on a clock that is moved") as story, Processes() as processes:
        world = World(story, processes)
        story.chapter("the first keys")
        before = first_keys(story, world)
        story.chapter("a rotation, asked for, with kill -9")
        after = turned(story, world, before)
        story.chapter("what becomes of the key before")
        forgotten(story, world, before, after)
        story.chapter("a rotation by itself")
        by_itself(story, world, after)
        story.chapter("a standby that is not right")
        refused(story, world)
        story.chapter("a key in wrong hands")
        compromised(story, world)
        events = world.signet.api().events(world.domain["id"])
        turns = [event for event in events if event["type"] == "dkim.rotated" and event["from"]]
        story.equal("the history tells of each turn once", len(turns), 3)
        story.equal("Signet stops cleanly", world.signet.stop(), 0)


if __name__ == "__main__":
    main()
