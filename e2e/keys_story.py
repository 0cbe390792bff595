"""The key-encryption key is replaced while a server runs, killed again and again; messages are signed.

    python keys_story.py sqlite|postgres [rounds]
"""

import base64
import json
import random
import re
import shutil
import subprocess
import sys
import threading
import time

import dkim

from harness.checks import Story
from harness.postgres import Cluster
from harness.processes import Processes
from harness.signet import Signet, binary

ACCOUNTS = 12
MESSAGE = b"From: Anna <anna@%s>\nTo: bob@example.org\nSubject: Hello\n  there\n\nHello \t Bob\n \n\n"


class Busy(threading.Thread):
    """Has the server seal secrets, and open them, all the time."""

    def __init__(self, signet):
        super().__init__(daemon=True)
        self.api = signet.api()
        self.stopping = threading.Event()
        self.rounds = 0
        self.refused = None

    def run(self):
        while not self.stopping.is_set() and not self.refused:
            made = self.api.call("POST", "/api/webhooks", {"webhook": {"url": "https://example.com/hook"}})
            if made.status != 200:
                self.refused = repr(made)
                return
            webhook = made.json["data"]["id"]
            for method, path in [
                ("POST", f"/api/webhooks/{webhook}/rotate_secret"),
                ("DELETE", f"/api/webhooks/{webhook}"),
            ]:
                answer = self.api.call(method, path)
                if answer.status not in (200, 204):
                    self.refused = f"{method} {path}: {answer!r}"
                    return
            self.rounds += 1


def keys(signet):
    """The key records of our zone, by name."""
    lines = signet.command("zone", "export", "--json").stdout
    found = {}
    for line in json.loads(lines)["lines"]:
        match = re.match(r"(\S+\.dkim\.\S+?)\.?\s.*\bTXT\s+(.*)", line)
        if match and "p=" in match[2].replace('" "', ""):
            found[match[1]] = "".join(re.findall(r'"([^"]*)"', match[2]))
    return found


def added(text, field):
    """A signed message with a field before its own."""
    end = text.index(b"\r\nFrom:" if b"\r\nFrom:" in text else b"\r\nTo:") + 2
    return text[:end] + field + text[end:]


def lags(story, signet):
    """Another node replaces the key, and nobody brings the server the file."""
    path, ahead = signet.folder / "signet.key", signet.folder / "ahead.key"
    shutil.copy(path, ahead)
    rewrap = ["keys", "rewrap", "--json", "--retire-old", "--key-file", str(ahead)]
    done = json.loads(signet.command(*rewrap).stdout)
    story.equal("another node replaces the key", done["in_file"], [done["version"]])

    def webhook():
        return signet.api().call("POST", "/api/webhooks", {"webhook": {"url": "https://example.com/hook"}})

    refused = webhook()
    story.equal("what the server would seal is refused", refused.status, 503)
    story.holds("for a moment, as far as it knows", refused.headers.get("Retry-After") == "1")
    log = signet.processes.log("signet")
    story.holds("the log says what to do", "bring this node the file that signet keys rewrap has changed" in log)
    shutil.copy(ahead, path)
    story.becomes("with the file it works again", lambda: webhook().status, 200)
    again = json.loads(signet.command("keys", "rewrap", "--json", "--retire-old").stdout)
    story.equal("nothing was lost", (again["unreadable"], again["in_file"]), (0, [done["version"] + 1]))


def killed_rewraps(story, signet, rounds):
    left = 0
    for _ in range(rounds):
        process = subprocess.Popen(
            [str(binary()), "keys", "rewrap", "--json", "--retire-old"],
            env=signet.environment(),
            cwd=signet.folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        time.sleep(random.uniform(0.0, 1.2))
        left += process.poll() is None
        process.kill()
        process.wait()
    story.say(f"{left} of {rounds} runs were killed under way")


def main():
    database, rounds = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 12
    with Story(f"Keys at rest, and signing, on {database}") as story, Processes() as processes:
        url = Cluster(processes).create("signet") if database == "postgres" else None
        signet = Signet(processes, **({"database_url": url} if url else {})).start()
        for number in range(ACCOUNTS):
            signet.command("account", "create", "--name", f"a{number}", "--owner-email", "a@example.org")

        story.chapter("Keys are made")
        wanted = 2 * (ACCOUNTS + 1)
        story.becomes("every demo domain gets two", lambda: len(keys(signet)), wanted)
        before = keys(signet)

        story.chapter("The key-encryption key is replaced, killed at moments nobody chose")
        first = (signet.folder / "signet.key").read_text()
        shutil.copy(signet.folder / "signet.key", signet.folder / "old.key")
        busy = Busy(signet)
        busy.start()
        killed_rewraps(story, signet, rounds)
        done = json.loads(signet.command("keys", "rewrap", "--json", "--retire-old").stdout)
        story.eventually("the server is asked meanwhile", lambda: busy.refused or busy.rounds > 5)
        busy.stopping.set()
        busy.join(300)
        story.holds("it seals and opens", not busy.refused, busy.refused)
        story.equal("nothing is left that does not open", done["unreadable"], 0)
        story.equal("one version is left in the file", done["in_file"], [done["version"]])
        text = (signet.folder / "signet.key").read_text()
        story.holds("the first key is out of the file", first.splitlines()[1] not in text)
        story.equal("what is published is the same", keys(signet), before)
        log = processes.log("signet")
        story.holds("the server has nothing to complain of", "does not open" not in log, log[-2000:])

        story.chapter("A server starts with the right file only")
        story.equal("it stops in good order", signet.stop(), 0)
        shutil.copy(signet.folder / "signet.key", signet.folder / "new.key")
        shutil.copy(signet.folder / "old.key", signet.folder / "signet.key")
        refused = signet.command("serve", check=False)
        story.holds("with the old file it does not", refused.returncode == 1 and "signet.key" in refused.stderr)
        shutil.copy(signet.folder / "new.key", signet.folder / "signet.key")
        signet.start()

        story.chapter("Messages are signed")
        domain = json.loads(signet.command("domains", "list", "--json").stdout)[0]
        name = domain["domain_name"].encode()
        signed = []

        def sign(message=MESSAGE % name):
            done = subprocess.run(
                [str(binary()), "keys", "sign", str(domain["id"])],
                env=signet.environment(),
                cwd=signet.folder,
                input=message,
                timeout=300,
                capture_output=True,
                check=False,
            )
            signed[:] = [done.stdout, done.stderr]
            return done.returncode == 0

        story.eventually("as soon as a key is proven", sign)
        text = signed[0]
        story.holds("lines end as in SMTP", b"\n" not in text.replace(b"\r\n", b""), text)

        def record(name, timeout=5):
            label = name.decode().split(".")[0]
            target = label.replace("-", ".", 1)
            texts = [text for owner, text in before.items() if owner.startswith(f"{target}.")]
            return texts[0].encode() if texts else None

        story.holds("dkimpy verifies it", dkim.verify(text, dnsfunc=record), text)
        many = b"".join(b"To: b%d@example.org\n" % number for number in range(33))
        story.holds("with many fields of one name, too", sign((MESSAGE % name).replace(b"To: bob@example.org\n", many)))
        story.holds("dkimpy verifies that", dkim.verify(signed[0], dnsfunc=record), signed[0])
        story.holds("and not with one more", not dkim.verify(added(signed[0], b"To: eve@x.net\r\n"), dnsfunc=record))
        story.holds("that a key is opened is logged", b"a DKIM key is decrypted" in signed[1], signed[1])
        noted = json.loads(signet.command("audit", "--type", "dkim.opened", "--json").stdout)
        story.holds("and in the history", noted and noted[0]["actor"] == "operator", noted)
        story.holds("and not when it was changed", not dkim.verify(text.replace(b"Bob", b"Eve"), dnsfunc=record))
        for change in [b"From: eve@example.net\r\n", b"Subject: x\r\n", b"Content-Type: text/html\r\n"]:
            story.holds(f"or {change!r} added", not dkim.verify(added(text, change), dnsfunc=record))
        story.chapter("A node without the new key file loses nothing")
        lags(story, signet)

        private = (signet.folder / "signet.key").read_text().splitlines()[-1]
        log = processes.log("signet")
        story.holds("the log has no key", private not in log and base64.b64decode(private).hex() not in log)


if __name__ == "__main__":
    main()
