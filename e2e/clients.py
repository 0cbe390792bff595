"""The official clients, unmodified, against Signet over TLS.

Signet gets a certificate for the host name the clients call; each client runs
in a process of its own in which that name leads here.
"""

import os
import pathlib
import sys
import urllib.parse

from harness.certificates import Authority
from harness.checks import Story
from harness.processes import Processes, environment, run, tool
from harness.signet import Signet

HOST = "mailtrap.io"
HERE = pathlib.Path(__file__).resolve().parent
# Where `npm ci` was run.
NODE_MODULES = pathlib.Path(os.environ.get("SIGNET_NODE_MODULES", HERE / "node_modules"))


def through(story, processes, authority, name, words):
    """One client's turn, on a database of its own: company information belongs to the account."""
    chain, key = authority.issue(HOST)
    signet = Signet(processes, name, tls_cert=chain, tls_key=key).start()
    story.equal(f"{name}: Signet speaks TLS", urllib.parse.urlsplit(signet.url).scheme, "https")
    given = environment(
        SIGNET_PORT=urllib.parse.urlsplit(signet.url).port,
        SIGNET_TOKEN=signet.token,
        SIGNET_ACCOUNT=signet.account,
        SIGNET_NODE_MODULES=NODE_MODULES,
        REQUESTS_CA_BUNDLE=authority.certificate,
        NODE_EXTRA_CA_CERTS=authority.certificate,
    )
    done = run(words, given, seconds=120, check=False)
    print(done.stdout, end="", flush=True)
    story.holds(f"{name}: everything went as documented", done.returncode == 0, done.stderr)
    story.passed += done.stdout.count("    ok  ")
    story.equal(f"{name}: Signet stops cleanly", signet.stop(), 0)


def main():
    with Story("The official clients") as story, Processes() as processes:
        authority = Authority(processes.folder)
        story.chapter("Python")
        through(story, processes, authority, "python", [sys.executable, HERE / "clients" / "python_client.py"])
        story.chapter("Node")
        script = [tool("node"), "--require", HERE / "clients" / "redirect.js", HERE / "clients" / "node_client.js"]
        through(story, processes, authority, "node", script)


if __name__ == "__main__":
    main()
