"""Assertions that tell a story: each says what holds, the first that does not ends it."""

import sys
import time
import traceback


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

    def eventually(self, what, probe, seconds):
        """`probe` returns something true within `seconds`; what it returned."""
        deadline = time.monotonic() + seconds
        while True:
            got = probe()
            if got or time.monotonic() >= deadline:
                self.holds(f"{what} (within {seconds} s)", got, f"  last seen: {got!r}")
                return got
            time.sleep(0.1)

    def becomes(self, what, probe, wanted, seconds):
        """`probe` returns `wanted` within `seconds`."""
        deadline = time.monotonic() + seconds
        while (got := probe()) != wanted and time.monotonic() < deadline:
            time.sleep(0.1)
        self.equal(f"{what} (within {seconds} s)", got, wanted)

    def __enter__(self):
        print(f"{self.title}", flush=True)
        return self

    def __exit__(self, kind, error, trace):
        if kind is None:
            print(f"{self.passed} passed, 0 failed", flush=True)
            return False
        if not issubclass(kind, Exception):
            return False
        text = str(error) if kind is Unmet else "".join(traceback.format_exception(kind, error, trace))
        print(f"    FAILED  {text}", flush=True)
        print(f"{self.passed} passed, 1 failed", flush=True)
        sys.exit(1)
