"""Reading `scenarios/`, and making zones of them; `scenarios/README.md` describes the format."""

import base64
import copy
import pathlib
import re

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "scenarios"
KEYS = ["verification", "spf", "dkim1", "dkim2", "dmarc", "link_verification"]
TEXT_KEYS = ("spf", "dmarc")
ORG, CUSTOMER, OTHERS, RESOLVERS = "{org}", [2, 3], [5], {1, 253}
# What every customer's zone has; see the same list in dns/tests/scenarios/world.rs.
BASE = ["@ A 192.0.2.80", "www A 192.0.2.80", "@ MX 10 mx", "mx A 192.0.2.81"]


def lines(file):
    """The lines of a file without comments."""
    text = (FOLDER / file).read_text(encoding="utf-8")
    return [line for line in text.splitlines() if not line.startswith("#")]


def keys():
    """The keys of the scenarios, in base64, by name."""
    return dict(line.split(" ", 1) for line in lines("keys.txt") if " " in line)


class Section:
    """One zone, or one server's version of it."""

    def __init__(self, apex, servers=()):
        self.apex, self.servers = apex, [int(server) for server in servers]
        self.without, self.bare, self.records = set(), False, []


class Scenario:
    def __init__(self, name, title):
        self.name, self.title = name, title
        self.about, self.domain, self.sections = [], "", [Section(ORG)]
        self.faults, self.bogus_at = {}, set()
        self.delegated_to, self.undelegated, self.signed = None, False, False
        self.forged, self.pending = None, None
        self.expected = {key: ("pass", "ok") for key in KEYS}
        self.texts = []
        # Filled in for a run.
        self.number = 0
        self.id, self.records, self.variables = None, [], {}

    @property
    def org(self):
        return f"{self.name}.test"

    @property
    def sending_domain(self):
        return f"{self.domain}.{self.org}" if self.domain else self.org

    @property
    def needs_keys(self):
        return any("{key" in record for section in self.sections for record in section.records)

    def read(self, line):
        words = line.split()
        if len(words) > 1 and re.fullmatch("[A-Z]+", words[1]):
            self.sections[-1].records.append(line)
            return
        match words:
            case ["about", *rules]:
                self.about += rules
            case ["domain", labels]:
                self.domain = labels
            case ["without", *which]:
                section = self.sections[-1]
                section.bare |= "base" in which
                section.without |= set(KEYS) if "all" in which else set(which) - {"base"}
            case ["zone", apex]:
                self.sections.append(Section(apex))
            case ["zone", apex, "on", *servers]:
                self.sections.append(Section(apex, servers))
            case ["server", *servers, "finding-bogus", "below", _]:
                self.bogus_at |= {int(server) for server in servers}
            case ["server", *servers, fault]:
                self.faults.update({int(server): fault for server in servers if server.isdigit()})
            case ["delegated", "to", *servers]:
                self.delegated_to = [int(server) for server in servers]
            case ["undelegated"]:
                self.undelegated = True
            case ["signed"]:
                self.signed = True
            case ["forged", *why]:
                self.forged = " ".join(why)
            case ["raw", *_]:
                self.forged = "the API issues CNAMEs"
            case ["pending", *why]:
                self.pending = " ".join(why)
            case ["expect", which, status, code]:
                for key in KEYS if which == "all" else [which]:
                    self.expected[key] = (status, code)
            case ["fix" | "remark" as part, key, *_]:
                self.texts.append((key, part, line.split(None, 2)[2]))
            # What follows these takes a forger; `forged` says so.
            case ["guarded"] | ["resolvers", *_] | ["server", *_]:
                pass
            case _:
                raise ValueError(f"{self.name}: {line!r} makes no sense")

    def fill(self, text):
        for variable, value in self.variables.items():
            text = text.replace(variable, value)
        return text

    def servers_of(self, apex):
        """Every server of a zone, whichever version it has."""
        named = {server for section in self.sections if section.apex == apex for server in section.servers}
        return sorted(named.union(CUSTOMER)) if apex == ORG else sorted(named) or OTHERS

    def having(self, section):
        """The servers that have this version."""
        if section.servers:
            return section.servers
        taken = {server for other in self.sections if other.apex == section.apex for server in other.servers}
        return [server for server in self.servers_of(section.apex) if server not in taken]

    def zones(self, address):
        """[(apex, servers, lines)], and the lines of `test.` above them; `address(server)` is where a server is."""
        apexes = [self.fill(section.apex) for section in self.sections]
        owners = {record["key"]: record["domain"] for record in self.records}
        found, above, told = [], [], set()
        for section, apex in zip(self.sections, apexes):
            records = [self.fill(line) for line in section.records]
            for record in self.records:
                around = [zone for zone in apexes if f".{record['domain']}".endswith(f".{zone}")]
                if record["key"] in section.without or not around or max(around, key=len) != apex:
                    continue
                dot = "" if record["key"] in TEXT_KEYS else "."
                records.append(f"{owners[record['key']]}. {record['type']} {record['value']}{dot}")
            records += BASE if section.apex == ORG and not section.bare else []
            if not any(line.startswith("@ NS ") for line in records):
                records += delegation("@", "", self.servers_of(section.apex), address)
            for cut, its in {zone: its for zone, its in zip(apexes, self.sections)}.items():
                if cut.endswith(f".{apex}"):
                    label = cut.removesuffix(f".{apex}")
                    records += delegation(label, f".{label}", self.servers_of(its.apex), address)
            if self.undelegated and section.apex == ORG:
                continue
            if not any(apex.endswith(f".{other}") for other in apexes) and apex not in told:
                told.add(apex)
                label = apex.removesuffix(".test")
                servers = self.delegated_to if section.apex == ORG and self.delegated_to else self.servers_of(section.apex)
                above += delegation(label, f".{label}", servers, address)
            found.append((apex, self.having(section), records))
        return found, above


def delegation(owner, suffix, servers, address):
    lines = []
    for server in servers:
        where = address(server)
        kind = "AAAA" if ":" in where else "A"
        lines += [f"{owner} NS ns{server}{suffix}", f"ns{server}{suffix} {kind} {where}"]
    return lines


def presented(line):
    """A record's line as a zone file has it."""
    owner, kind, data = line.split(" ", 2)
    if kind in ("TXT", "SPF"):
        octets = data.encode()
        if not data.startswith('"'):
            chunks = [octets[at : at + 255] for at in range(0, len(octets), 255)]
            data = " ".join('"' + "".join(map(escaped, chunk)) + '"' for chunk in chunks)
    return f"{owner} {kind} {data}"


def escaped(octet):
    if octet in b'"\\':
        return "\\" + chr(octet)
    return chr(octet) if 0x20 <= octet < 0x7F else f"\\{octet:03}"


def zone_file(apex, records):
    head = [f"$ORIGIN {apex}.", "$TTL 3600", "@ SOA ns hostmaster 1 3600 600 86400 300"]
    return "\n".join(head + [presented(line) for line in records]) + "\n"


def variables(scenario, given):
    """`given` are the keys by name, in base64."""
    found = {
        ORG: scenario.org,
        "{domain}": scenario.sending_domain,
        "{zone}": "signet.test",
        "{ip4}": "192.0.2.1",
        "{ip6}": "2001:db8::1",
        "{200}": "x" * 200,
        **{f"{{{other}}}": f"{scenario.name}-{other}.test" for other in ("other", "third")},
    }
    target = next((record["value"] for record in scenario.records if record["key"] == "dkim1"), "")
    if target:
        found["{t}"] = target.split(".")[1]
    for name, key in given.items():
        half = len(key) // 2
        found[f"{{{name}}}"] = key
        found[f"{{{name}.front}}"], found[f"{{{name}.back}}"] = key[:half], key[half:]
        found[f"{{{name}.spaced}}"] = f"{key[:half]} {key[half:]}"
        found[f"{{{name}.cut}}"] = key[: 255 - len("v=DKIM1; k=rsa; p=")]
        # The bare key without the octets that say it is RSA.
        if len(base64.b64decode(key)) > 290:
            found[f"{{{name}.pkcs1}}"] = base64.b64encode(base64.b64decode(key)[24:]).decode()
    return found


def all_scenarios():
    """All of them, file by file."""
    found = []
    for path in sorted(FOLDER.glob("*.txt")):
        if path.name in ("clauses.txt", "keys.txt"):
            continue
        group = []
        for line in lines(path.name):
            if line and not line.startswith(" "):
                group.append(Scenario(f"{path.stem}-{len(group) + 1:02}", line))
            elif line.strip():
                group[-1].read(line.strip())
        found += group
    for number, scenario in enumerate(found):
        scenario.number = number
    return found


def right(scenario):
    """The same domain without its mistake."""
    plain = Scenario(scenario.name, scenario.title)
    plain.domain, plain.id, plain.number = scenario.domain, scenario.id, scenario.number
    plain.records, plain.variables = copy.copy(scenario.records), scenario.variables
    return plain
