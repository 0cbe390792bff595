"""The scenarios judged by others beside Signet, and who is right where they differ.

On the same NSD and Unbound, `checkdmarc` judges the SPF and DMARC scenarios,
`pyspf` evaluates SPF for our sending addresses and one that is not ours, and
`dkimpy` loads the keys. What differs must be explained in `differences.txt`,
and nothing else may be; with `--write` the tables go to
`docs/comparisons.md`, without it that file must say the same.
"""

import importlib.metadata
import pathlib
import re
import sys
import warnings

import checkdmarc.dmarc
import checkdmarc.spf
import dkim
import dns.exception
import dns.nameserver
import dns.resolver
import spf as pyspf

from harness.checks import Story
from harness.processes import Processes
from scenarios import Run, make_keys

HERE = pathlib.Path(__file__).resolve().parent
PAGE = HERE.parent / "docs" / "comparisons.md"
OURS = ["192.0.2.1", "2001:db8::1"]
NOT_OURS = "198.51.100.7"
LONGEST = 300
HEAD = """\
# Beside others

The scenarios of [`scenarios/`](../scenarios) judged by others on the same zones, on NSD through Unbound:
`cargo xtask e2e compare` does it again and compares with this page, `compare-write` writes it.
Where the verdicts differ the last column says who is right, and by what.

The tools answer different questions. checkdmarc reads records and warns; it does not ask whether our servers may
send. pyspf evaluates one sender at a time, as a receiver does. dkimpy loads a key, as a verifier does. A row differs
where what the tool says and what Signet says cannot both be acted upon.
"""


def resolver_at(address):
    host, port = address.split(":")
    resolver = dns.resolver.Resolver(configure=False)
    resolver.nameservers, resolver.port, resolver.lifetime, resolver.timeout = [host], int(port), 4, 4
    return resolver


class CheckDmarc:
    name, package, groups = "checkdmarc", "checkdmarc", ("spf", "dmarc")

    def __init__(self, resolver):
        # Given a resolver it asks the system's about some things all the same.
        self.nameservers = [dns.nameserver.Do53Nameserver(resolver.nameservers[0], resolver.port)]

    def judge(self, scenario, key):
        check = checkdmarc.spf.check_spf if key == "spf" else checkdmarc.dmarc.check_dmarc
        try:
            found = check(scenario.sending_domain, nameservers=self.nameservers, timeout=4, retries=0)
        except dns.exception.DNSException as error:
            return "unknown", type(error).__name__
        if not found["valid"]:
            error = first_line(found["error"])
            missing = error.startswith(("An SPF record does not exist", "A DMARC record does not exist"))
            return ("missing" if missing else "broken"), error
        lookups = found.get("dns_lookups")
        if lookups and lookups > 10:
            return "broken", f"{lookups} look-ups"
        warned = [first_line(text) for text in found["warnings"]]
        return ("warned", warned[0]) if warned else ("good", "valid")

    def agrees(self, code, status, said):
        kind = said[0]
        return {
            "pass": kind in ("good", "warned"),
            # It does not ask whether our servers may send.
            "fail": kind == "broken" or (code in ("spf_not_included", "spf_after_all") and kind in ("good", "warned")),
            "softfail": kind in ("good", "warned"),
            "missing": kind == "missing",
            "network_error": kind == "unknown",
        }[status]


class PySpf:
    name, package, groups = "pyspf", "pyspf", ("spf",)

    def __init__(self, resolver):
        self.resolver = resolver
        # Its own look-ups ask the system's resolver.
        pyspf.DNSLookup = self.look_up

    def look_up(self, name, kind, tcpfallback=True, timeout=4):
        try:
            answer = self.resolver.resolve(name, kind, lifetime=timeout, raise_on_no_answer=False)
        except dns.resolver.NXDOMAIN:
            return []
        except dns.exception.DNSException as error:
            raise pyspf.TempError(f"DNS {error}") from error
        read = {
            "A": lambda data: data.address,
            "AAAA": lambda data: data.address,
            "MX": lambda data: (data.preference, data.exchange.to_text(True)),
            "PTR": lambda data: data.target.to_text(True),
            "TXT": lambda data: data.strings,
            "SPF": lambda data: data.strings,
        }
        return [((name, kind), read[kind](data)) for data in answer.rrset or []]

    def judge(self, scenario, _):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            results = [self.evaluate(ip, scenario.sending_domain) for ip in [*OURS, NOT_OURS]]
        ours, other = results[:2], results[2]
        told = ours[0] if ours[0] == ours[1] else f"{ours[0]} over IPv4, {ours[1]} over IPv6"
        return results, f"{told}; others {other}"

    def evaluate(self, ip, domain):
        return pyspf.check2(ip, f"postmaster@{domain}", "bounce.signet.test", timeout=4)[0]

    def agrees(self, code, status, said):
        *ours, other = said[0]
        passes = ours.count("pass")
        match status:
            case "pass":
                return passes == 2 and other not in ("pass", "permerror")
            case "softfail" if code == "spf_partial" or passes == 1:
                return 1 <= passes <= 2
            case "softfail" if code in ("spf_neutral", "spf_ptr", "pinned", "spf_near_limit"):
                return passes == 2
            case "softfail":
                return passes == 2 and other in ("permerror", "temperror", "fail", "softfail")
            case "missing":
                return ours == ["none", "none"]
            case "network_error":
                return "temperror" in ours
        return {
            "spf_allows_anyone": other == "pass",
            "malformed": ours == ["none", "none"],
            "name_is_cname": ours == ["none", "none"],
            "spf_not_included": passes == 0 and "permerror" not in ours,
            "spf_after_all": passes == 0 and "permerror" not in ours,
        }.get(code, "permerror" in ours)


class DkimPy:
    name, package, groups = "dkimpy", "dkimpy", ("dkim",)

    def __init__(self, resolver):
        self.resolver = resolver

    def texts(self, name):
        try:
            answer = self.resolver.resolve(f"{name}.", "TXT", lifetime=4)
        except dns.exception.DNSException:
            return []
        return [b"".join(data.strings) for data in answer]

    def judge(self, scenario, key):
        owner = next(record["domain"] for record in scenario.records if record["key"] == key)
        texts = self.texts(owner)
        if len(texts) > 1:
            return "any", "takes whichever comes last"
        try:
            loaded, bits, kind, for_reports = dkim.evaluate_pk(owner, *texts or [None])
        except Exception as error:
            return "broken", f"{type(error).__name__}: {first_line(str(error))}"
        if for_reports:
            return "broken", "a key for TLS reports"
        ours = dkim.evaluate_pk(owner, f"p={scenario.variables['{' + key.replace('dkim', 'key') + '}']}")[0]
        if kind == b"rsa" and loaded == ours:
            return "ours", f"our key, {bits} bits"
        return "other", f"another key, {bits} bits"

    def agrees(self, code, status, said):
        right = status in ("pass", "softfail")
        return said[0] != "any" and right == (said[0] == "ours")


def first_line(text):
    return str(text).splitlines()[0] if str(text) else ""


def cell(scenario, text):
    """A cell of the page: nothing in it is of this run alone."""
    for name, shown in {
        f"{scenario.name}-other.test": "example.net",
        f"{scenario.name}-third.test": "example.org",
        scenario.org: "example.com",
        scenario.variables["{t}"]: "ID",
    }.items():
        text = text.replace(name, shown)
    text = re.sub(r"127\.0\.0\.1@\d+", "the resolver", text).replace("|", "\\|")
    return text if len(text) <= LONGEST else text[:LONGEST].rstrip() + "…"


def explained():
    """{(tool, scenario, key): explanation}"""
    found = {}
    for line in (HERE / "differences.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            tool, scenario, key, explanation = line.split(" ", 3)
            found[tool, scenario, key] = explanation
    return found


def keys_of(scenario):
    group = scenario.name.split("-")[0]
    return {"spf": ["spf"], "dmarc": ["dmarc"], "dkim": ["dkim1", "dkim2"]}[group]


def judge(story, run, tools):
    """The page's tables, and what is wrong with `differences.txt`."""
    chosen = [scenario for scenario in run.scenarios if scenario.name.split("-")[0] in ("spf", "dmarc", "dkim")]
    reports = dict(zip([scenario.name for scenario in chosen], run.each(run.check, chosen)))
    reasons, used, wrong, tables = explained(), set(), [], []
    for tool in tools:
        rows, differing = [], 0
        for scenario in chosen:
            if scenario.name.split("-")[0] not in tool.groups:
                continue
            for key in keys_of(scenario):
                verdict = reports[scenario.name][key]
                said = tool.judge(scenario, key)
                agree = tool.agrees(verdict["code"], verdict["status"], said)
                reason = reasons.get((tool.name, scenario.name, key))
                if not agree and reason is None:
                    wrong.append(f"{tool.name} {scenario.name} {key} {scenario.title}: {verdict['status']} {verdict['code']}; {said}")
                if not agree:
                    used.add((tool.name, scenario.name, key))
                    differing += 1
                # Of the two selectors only the one the scenario is about is worth a row.
                elif key.startswith("dkim") and scenario.expected[key] == ("pass", "ok"):
                    continue
                title = f"{scenario.title} ({key})" if key.startswith("dkim") else scenario.title
                cells = [title, f"{verdict['status']} `{verdict['code']}`", said[1], "" if agree else reason or "?"]
                rows.append("| " + " | ".join(cell(scenario, text) for text in cells) + " |")
        version = importlib.metadata.version(tool.package)
        head = f"## {tool.name} {version}\n\n{len(rows)} verdicts, {differing} differ.\n\n| | Signet | {tool.name} | who is right |\n|---|---|---|---|"
        tables.append("\n".join([head, *rows]))
        story.say(f"{tool.name}: {len(rows)} verdicts, {differing} differ")
    wrong += [f"explained but not different: {' '.join(left)}" for left in sorted(set(reasons) - used)]
    return "\n\n".join([HEAD.rstrip(), *tables]) + "\n", wrong


def main():
    with Story("Beside others") as story, Processes() as processes:
        run = Run(processes, "nsd")
        run.register()
        keyed = [scenario for scenario in run.scenarios if scenario.name.startswith("dkim-")]
        published = make_keys(story, run, keyed)
        internet = run.internet(run.scenarios, "all", published)
        resolver = resolver_at(run.resolvers[1])
        page, wrong = judge(story, run, [CheckDmarc(resolver), PySpf(resolver), DkimPy(resolver)])
        internet.stop()
        story.holds("every difference is explained, and nothing else", not wrong, "\n".join(wrong))
        if "--write" in sys.argv:
            PAGE.write_text(page)
        story.equal("docs/comparisons.md says the same", PAGE.read_text(), page)


if __name__ == "__main__":
    main()
