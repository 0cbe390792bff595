"""What both servers are asked: made from the exported zone, so that whatever is in it is asked for."""

import dataclasses
import struct

from .wire import AA, AD, ANY_CLASS, CD, CH, IN, NONE, NOTIFY, QR, QUERY, RA, RD, STATUS, TC, TYPES, UPDATE, Z, Question, labels, packed

# Types that stand somewhere in the zone, that could, and that nobody has heard of.
ASKED = [
    "A", "AAAA", "TXT", "MX", "NS", "SOA", "CNAME", "CAA", "ANY", "PTR", "SRV", "DS", "DNSKEY", "TYPE65", "TYPE65280",
    "HINFO", "NAPTR", "RRSIG", "NSEC", "TLSA", "SPF",
]  # fmt: skip
META = ["OPT", "TKEY", "TSIG", "IXFR", "AXFR", "MAILB", "MAILA"]
SIZES = [None, 0, 100, 511, 512, 513, 600, 900, 1231, 1232, 1233, 4096, 65535]
ODD_LABELS = [b"\0", b".", b"a.b", b"\\", b"\xff\xfe", b" ", b"*", b"\x07example", b'"', b"\xc3\xbc", b"a" * 63, b"xn--a", b"@", b"-", b"_"]
LETTERS = b"abcdefghijklmnopqrstuvwxyz234567"


class Zone:
    """What an export holds: the owners with their types, and the names between."""

    def __init__(self, apex, text):
        self.apex = apex
        self.owners = {}
        for line in text.splitlines():
            owner, _, _, rtype, _ = line.split(" ", 4)
            self.owners.setdefault(owner.rstrip("."), set()).add(rtype)
        self.between = set()
        for owner in self.owners:
            while owner != apex and (owner := owner.split(".", 1)[1]) not in self.owners:
                self.between.add(owner)
        self.targets = [owner for owner in self.owners if owner.endswith(f".dkim.{apex}")]
        self.keyed = [owner for owner in self.targets if "TXT" in self.owners[owner]]
        self.others = sorted(set(self.owners) - set(self.targets))

    def ids(self):
        return sorted({target.split(".")[1] for target in self.targets})


class Questions:
    """`consent` is the name below which there is nothing but consent, if there is any."""

    def __init__(self, zone, demo_zone, consent, rng):
        self.zone, self.demo_zone, self.consent, self.rng = zone, demo_zone, consent, rng
        self.made = []
        self.some = sorted(zone.keyed or zone.others)[0]

    @staticmethod
    def replies(names):
        """What is no question but says that it is a reply."""
        return [Question("a reply", name, TYPES["TXT"], flags=QR | flags) for name in names for flags in (0, RD, AA)]

    def consenting(self, name):
        return bool(self.consent) and (name == self.consent or name.endswith(f".{self.consent}"))

    def add(self, kind, name, rtype, **fields):
        self.made.append(Question(kind, name, TYPES[rtype], **fields))

    def all(self):
        self.hits()
        self.between()
        self.misses()
        if self.zone.targets:
            self.near_misses()
        if self.consent:
            self.consents()
        self.odd_labels()
        self.long_names()
        self.elsewhere()
        self.sizes()
        self.flags()
        self.messages()
        self.spelled()
        self.over_tcp()
        return self.made

    def sample(self, names, count):
        names = sorted(names)
        return self.rng.sample(names, min(count, len(names)))

    def letters(self, count):
        return bytes(self.rng.choice(LETTERS) for _ in range(count)).decode()

    def hits(self):
        for owner in [*self.zone.others, *self.sample(self.zone.keyed, 40), *self.sample(self.zone.targets, 40)]:
            for rtype in ASKED:
                self.add("hit", owner, rtype)
        for owner in self.zone.targets:
            self.add("hit", owner, "TXT")
            self.add("hit", owner, self.rng.choice(ASKED))

    def between(self):
        for name in self.zone.between:
            self.add("empty non-terminal", name, "TXT")
            self.add("empty non-terminal", name, self.rng.choice(ASKED))
        few = [name for name in self.zone.between if not name.endswith(f".dkim.{self.zone.apex}")]
        for name in [*few, *self.sample(self.zone.between, 20)]:
            for rtype in ASKED:
                self.add("empty non-terminal", name, rtype)

    def misses(self):
        above = [*self.zone.others, *self.sample(self.zone.targets, 60), *self.sample(self.zone.between, 60)]
        for name in above:
            if self.consenting(name):
                continue
            kind = "below a leaf" if name in self.zone.owners and name != self.zone.apex else "miss"
            for depth in (1, 2, 3, 5):
                label = ".".join(self.letters(self.rng.randint(1, 12)) for _ in range(depth))
                self.add(kind, f"{label}.{name}", self.rng.choice(ASKED))
                self.add(kind, f"{label}.{name}", "TXT")
        for _ in range(400):
            self.add("id that nobody has", f"sg{self.rng.choice('12')}.{self.letters(16)}.dkim.{self.zone.apex}", "TXT")
            self.add("id that nobody has", f"{self.letters(16)}.dkim.{self.zone.apex}", self.rng.choice(ASKED))

    def near_misses(self):
        """Names that are nearly there: whoever compares parts of names takes them for it."""
        apex, demo = self.zone.apex, self.demo_zone
        for record in self.sample(self.zone.ids(), 60):
            changed = list(record)
            changed[self.rng.randrange(16)] = self.letters(1)
            names = [
                f"sg3.{record}.dkim", f"sg.{record}.dkim", f"sg11.{record}.dkim", f"{record}.sg1.dkim", f"sg1.{record}",
                f"sg1.{record}.dkim.dkim", f"sg1.{record}.{record}.dkim", f"{record}.{record}.dkim", f"sg1.sg1.{record}.dkim",
                f"sg1.{record[:-1]}.dkim", f"sg1.{record}a.dkim", f"sg1-{record}._domainkey", f"sg-{record}", record,
                f"sg1.{''.join(changed)}.dkim", f"x.sg1.{record}.dkim", f"sg1.{record}.xdkim", f"sg1.{record}.dkim.{demo}.x",
            ]  # fmt: skip
            for name in names:
                self.add("near miss", f"{name}.{apex}", self.rng.choice(["TXT", "A", "ANY"]))
            for name in (f"sg1.{record}.dkim.{demo}", f"sg1-{record}._domainkey.{demo}", f"{record}.{demo}", f"sg-{record}.{demo}"):
                self.add("near miss", name, self.rng.choice(["TXT", "CNAME", "ANY"]))

    def consents(self):
        """Every name below consents, however deep; the name itself and those above have nothing."""
        base = self.consent
        for depth in range(1, 40):
            name = ".".join(self.letters(self.rng.randint(1, 3)) for _ in range(depth))
            for rtype in ("TXT", "A", "ANY", "CNAME", "TYPE65280"):
                self.add("consent", f"{name}.{base}", rtype)
        for name in (base, f"*.{base}", f"x.*.{base}", f"*.*.{base}", f"_report._dmarc.{base}", f"{self.zone.apex}.{base}"):
            for rtype in ASKED:
                self.add("consent", name, rtype)
        for label in ODD_LABELS:
            for name in ((label, *labels(base)), (b"a", label, *labels(base)), (label, b"a", *labels(base))):
                self.add("consent, odd labels", name, "TXT")
                self.add("consent, odd labels", name, self.rng.choice(ASKED))
        above = base
        while above != self.zone.apex:
            above = above.split(".", 1)[1]
            self.add("consent", f"bakery.test.{above}", "TXT")

    def odd_labels(self):
        places = [self.zone.apex, self.demo_zone, f"dkim.{self.zone.apex}", *self.sample(self.zone.targets, 3)]
        places += [*self.sample(self.zone.between, 3), *self.sample(self.zone.others, 10)]
        for place in places:
            if self.consenting(place):
                continue
            for label in ODD_LABELS:
                self.add("odd labels", (label, *labels(place)), self.rng.choice(["TXT", "A", "ANY", "SOA"]))
                self.add("odd labels", (b"a", label, *labels(place)), "TXT")
        # Two labels that read like one with a dot in it, and the other way.
        for target in self.sample(self.zone.targets, 20):
            first, second, *rest = labels(target)
            self.add("odd labels", (first + b"." + second, *rest), "TXT")
            self.add("odd labels", (b".".join([first, second, rest[0]]), *rest[1:]), "TXT")
            self.add("odd labels", (first, second + b"\0", *rest), "TXT")

    def long_names(self):
        places = [self.zone.apex, self.demo_zone, f"dkim.{self.zone.apex}", self.some, self.consent or self.zone.apex]
        for place in places:
            room = 255 - len(packed(place))
            for size in (1, 2, 31, 62, 63):
                parts, left = [], room
                while left > 1:
                    length = min(size, left - 1)
                    parts.append(self.letters(length))
                    left -= length + 1
                for rtype in ("TXT", "A", "SOA", "ANY"):
                    self.add("255 octets", ".".join([*parts, place]), rtype)
                self.add("254 octets", ".".join([*parts, place])[1:] if len(parts[0]) > 1 else ".".join([*parts[1:], place]), "TXT")

    def elsewhere(self):
        apex = self.zone.apex
        names = ["", "test", "com", "example.com", f"x{apex}", f"x.x{apex}", f"{apex}.x", f"{apex}.example", apex.split(".", 1)[0]]
        names += ["localhost", "1.0.0.127.in-addr.arpa", "version.bind", "a.b.c.d.e.f.g", f"dkim.{apex}.{apex}x"]
        for name in names:
            for rtype in [*ASKED, *META]:
                self.add("elsewhere", name, rtype)
        for rclass in (CH, NONE, ANY_CLASS, 4, 0, 65280):
            for name in (apex, "version.bind", "id.server", "version.server", "x.test", self.some, f"no.{apex}"):
                for rtype in ("TXT", "A", "ANY", "SOA"):
                    self.add("another class", name, rtype, rclass=rclass)
        for name in (apex, self.demo_zone, self.some, f"no.{apex}", f"dkim.{apex}"):
            for rtype in META:
                for tcp in (False, True):
                    self.add("meta type", name, rtype, tcp=tcp)

    def sizes(self):
        names = [self.zone.apex, self.demo_zone]
        names += [f"bounce.{self.zone.apex}", f"no.{self.zone.apex}", f"dkim.{self.zone.apex}", "example.com"]
        names += [f"a.b.{self.consent}"] if self.consent else []
        names += [*self.sample(self.zone.keyed, 8), *self.sample(self.zone.others, 20)]
        for name in names:
            for payload in SIZES:
                for rtype in ("TXT", "MX", "NS", "ANY"):
                    self.add("EDNS size", name, rtype, payload=payload, do=bool(payload and self.rng.random() < 0.5))
        for name in names[:12]:
            for version in (1, 2, 255):
                self.add("EDNS version", name, "TXT", version=version)
            # NSID, client subnet, cookie, keepalive, padding, one that nobody has heard of.
            for code, data in ((3, b""), (8, b"\0\x01\x18\0\xc0\0\x02"), (10, b"12345678"), (11, b""), (12, b"\0" * 64), (65001, b"x")):
                self.add("EDNS option", name, "TXT", options=struct.pack("!2H", code, len(data)) + data)

    def flags(self):
        names = [self.zone.apex, self.some, f"no.{self.zone.apex}", f"dkim.{self.zone.apex}", "example.com", f"track.{self.zone.apex}"]
        for name in names:
            for flag in (RD, CD, AD, Z, AA, TC, RA, RD | CD, RD | AD, RD | CD | AD | Z | AA | TC | RA, 3, 15):
                for payload in (None, 1232):
                    self.add("flags", name, "TXT", flags=flag, payload=payload)

    def messages(self):
        names = [self.zone.apex, self.some, f"no.{self.zone.apex}", "example.com"]
        record = packed(self.zone.apex) + struct.pack("!2HIH", TYPES["A"], IN, 60, 4) + b"\xc0\0\x02\x01"
        for name in names:
            for opcode in (1, STATUS, 3, NOTIFY, UPDATE, 6, 7, 15):
                for rtype in ("SOA", "A"):
                    for payload in (None, 1232):
                        self.add("opcode", name, rtype, opcode=opcode, payload=payload)
            for count in (0, 2, 3):
                for payload in (None, 1232):
                    self.add("QDCOUNT", name, "TXT", questions=count, payload=payload)
            for counts in ((1, 0, 0), (0, 1, 0), (0, 0, 1)):
                self.add("records in a question", name, "TXT", counts=counts, tail=record)

    def spelled(self):
        """Some of all that has been asked, in another case (draft-vixie-dnsext-dns0x20)."""
        mixed = lambda label: bytes(byte ^ 0x20 if 65 <= byte & 0xDF <= 90 and self.rng.random() < 0.5 else byte for byte in label)
        for question in self.rng.sample(self.made, min(len(self.made), 3000)):
            name = labels(question.name) if isinstance(question.name, str) else question.name
            self.made.append(dataclasses.replace(question, kind=f"{question.kind}, mixed case", name=tuple(map(mixed, name))))

    def over_tcp(self):
        # Where NSD finds fault with a message it ends the connection, sometimes before it says so.
        faults = lambda question: question.opcode != QUERY or question.questions != 1 or any(question.counts) or question.flags & 15
        able = [question for question in self.made if not question.tcp and not faults(question)]
        for question in self.rng.sample(able, min(len(able), 3000)):
            self.made.append(dataclasses.replace(question, tcp=True))
