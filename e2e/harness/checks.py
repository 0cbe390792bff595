"""Assertions that tell a story: each says what holds, the first that does not ends it."""

import faulthandler
import sys
import time
import traceback

# How long anything is waited for that comes by itself, on the slowest of machines.
PATIENCE = 600
# No story takes as long; one that hangs says where.
HANGS = 1800


class Unmet(Exception):
    """A check that does not hold."""


class Story:
    """Counts what was checked. As a context manager it prints the closing line and exits."""

    def __init__(self, title):
        self.title = title
        self.passed = 0
        self.began = time.monotonic()

    def say(self, text):
        print(f"    {text}", flush=True)

    def chapter(self, text):
        print(f"  {text} ({time.monotonic() - self.began:.1f} s)", flush=True)

    def holds(self, what, condition, detail=""):
        if not condition:
            raise Unmet(f"{what}\n{detail}" if detail else what)
        self.passed += 1
        print(f"    ok  {what}", flush=True)

    def equal(self, what, got, wanted):
        self.holds(what, got == wanted, f"  wanted {wanted!r}\n  got    {got!r}")

    def eventually(self, what, probe):
        """`probe` returns something true after a while; what it returned."""
        got, took = self._awaited(probe, bool)
        self.holds(f"{what} (after {took:.1f} s)", got, f"  last seen: {got!r}")
        return got

    def becomes(self, what, probe, wanted):
        """`probe` returns `wanted` after a while."""
        got, took = self._awaited(probe, lambda got: got == wanted)
        self.equal(f"{what} (after {took:.1f} s)", got, wanted)

    def _awaited(self, probe, good):
        """What `probe` returned once that was good, or last; the seconds it took."""
        began = time.monotonic()
        while True:
            got, took = probe(), time.monotonic() - began
            if good(got) or took > PATIENCE:
                return got, took
            time.sleep(0.1)

    def __enter__(self):
        faulthandler.dump_traceback_later(HANGS, exit=True)
        print(f"{self.title}", flush=True)
        return self

    def __exit__(self, kind, error, trace):
        faulthandler.cancel_dump_traceback_later()
        if kind is None:
            print(f"{self.passed} passed, 0 failed", flush=True)
            return False
        if not issubclass(kind, Exception):
            return False
        text = str(error) if kind is Unmet else "".join(traceback.format_exception(kind, error, trace))
        print(f"    FAILED  {text}", flush=True)
        print(f"{self.passed} passed, 1 failed", flush=True)
        sys.exit(1)
