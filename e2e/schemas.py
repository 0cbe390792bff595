"""Schemathesis against a live server: what the served document says, and what the contract says.

    python schemas.py [served|contract]

All checks but `positive_data_acceptance`: not everything a schema allows is
acceptable (a domain may be taken, a day's cap reached).
"""

import json
import os
import pathlib
import sys
import time

from harness.checks import Story
from harness.processes import Processes, environment, run
from harness.signet import Api, Signet

LIVING, DOOMED, FRESH = 12, 120, 300
EXAMPLES = os.environ.get("EXAMPLES", "50")
SEED = os.environ.get("SEED", "20260401")
# Seconds for one document at most, on the slowest of machines; without a load it takes a tenth.
TIME = 1800

CONFIG = """\
hooks = "{hooks}"
headers = {{ Api-Token = "{token}" }}
request-timeout = 70.0
continue-on-failure = true

[dictionaries]
living.values = {living}
doomed.values = {doomed}
accounts.values = [{account}]
names.values = {names}
addresses.values = ["dns@example.com", "hostmaster@example.org"]
waits.values = [0, 1]

# Mostly real numbers, so that what lies behind them is reached.
[parameters]
"path.domain_id" = {{ dictionary = "living", probability = 0.8 }}
"path.account_id" = {{ dictionary = "accounts", probability = 0.9 }}
"query.wait" = {{ dictionary = "waits", probability = 1.0 }}
"body.domain.domain_name" = {{ dictionary = "names", probability = 0.5 }}
"body.sending_domain.domain_name" = {{ dictionary = "names", probability = 0.5 }}
"body.email" = {{ dictionary = "addresses", probability = 0.5 }}

# What is deleted is nobody else's.
[[operations]]
include-method = "DELETE"
[operations.parameters]
"path.domain_id" = {{ dictionary = "doomed", probability = 0.8 }}
"path.account_id" = {{ dictionary = "accounts", probability = 0.9 }}
"""


def operator(signet, name):
    """A token that may do everything, and its number."""
    words = ["token", "create", "--account", str(signet.account), "--name", name, "--access", "operator", "--json"]
    made = json.loads(signet.command(*words).stdout)
    return made["token"], made["id"]


def fuzz(story, processes, signet, name, location):
    token, token_id = operator(signet, name)
    api = Api(signet.url, token)
    create = lambda kind, count: [api.create(f"{kind}{n}.{name}.example.com")["id"] for n in range(count)]
    config = processes.folder / f"{name}.toml"
    numbers = {"living": create("living", LIVING), "doomed": create("doomed", DOOMED)}
    names = [f"fresh{n}.{name}.example.com" for n in range(FRESH)]
    hooks = pathlib.Path(__file__).resolve().parent / "hooks.py"
    known = {"token": token, "account": signet.account, "names": names, "hooks": hooks}
    config.write_text(CONFIG.format(**known, **numbers))
    words = ["--exclude-checks", "positive_data_acceptance", "--phases", "examples,coverage,fuzzing,stateful"]
    words += ["--max-examples", EXAMPLES, "--seed", SEED, "--generation-database", "none"]
    began = time.monotonic()
    program = pathlib.Path(sys.executable).parent / "schemathesis"
    done = run(
        [program, "--config-file", config, "run", location, "--url", signet.url, "--no-color", *words],
        environment(COLUMNS="120", OWN_TOKEN=str(token_id), HYPOTHESIS_STORAGE_DIRECTORY=processes.folder / "hypothesis"),
        seconds=TIME,
        cwd=processes.folder,
        check=False,
    )
    print(done.stdout[-20000:] + done.stderr[-5000:], flush=True)
    story.say(f"{name}: {time.monotonic() - began:.0f} s")
    story.equal(f"schemathesis finds nothing wrong with the {name} document", done.returncode, 0)


def main():
    wanted = sys.argv[1:] or ["served", "contract"]
    contract = pathlib.Path(__file__).resolve().parents[1] / "contract" / "domains.openapi.json"
    with Story("The API against its documents") as story, Processes() as processes:
        signet = Signet(processes).start()
        for name, location in (("served", f"{signet.url}/api/openapi.json"), ("contract", contract)):
            if name in wanted:
                fuzz(story, processes, signet, name, location)
        story.equal("the server is still ready", Api(signet.url, "").call("GET", "/readyz").status, 200)
        log = processes.log("signet")
        story.holds("nothing panicked", "panicked" not in log)
        story.equal("it stops cleanly", signet.stop(), 0)


if __name__ == "__main__":
    main()
