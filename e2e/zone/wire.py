"""DNS messages as octets: questions made by hand, replies read strictly.

Written out rather than left to a library, which would refuse to make half of
the questions and forgive what a reply must not have: octets left over, another
case, the same record twice.
"""

import dataclasses
import struct

QUERY, STATUS, NOTIFY, UPDATE = 0, 2, 4, 5
IN, CH, NONE, ANY_CLASS = 1, 3, 254, 255
TYPES = {
    "A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "PTR": 12, "HINFO": 13, "MX": 15, "TXT": 16, "AAAA": 28, "SRV": 33,
    "NAPTR": 35, "OPT": 41, "DS": 43, "RRSIG": 46, "NSEC": 47, "DNSKEY": 48, "TLSA": 52, "TYPE65": 65, "SPF": 99,
    "TKEY": 249, "TSIG": 250, "IXFR": 251, "AXFR": 252, "MAILB": 253, "MAILA": 254, "ANY": 255, "CAA": 257,
    "TYPE65280": 65280,
}  # fmt: skip
TYPE_NAMES = {number: name for name, number in TYPES.items()}
# Where names stand in the data of a record, and so may be compressed (RFC 3597, section 4).
NAMES_IN_DATA = {2: (0, 1), 5: (0, 1), 12: (0, 1), 15: (2, 1), 6: (0, 2)}
QR, AA, TC, RD, RA, Z, AD, CD = 0x8000, 0x0400, 0x0200, 0x0100, 0x0080, 0x0040, 0x0020, 0x0010


def labels(text):
    """The labels of a name in text, without escapes."""
    return tuple(label.encode() for label in text.rstrip(".").split(".") if label)


def packed(name):
    """A tuple of labels, or text, as octets."""
    name = labels(name) if isinstance(name, str) else name
    return b"".join(bytes([len(label)]) + label for label in name) + b"\0"


def shown(name):
    """A tuple of labels for people."""
    plain = lambda byte: chr(byte) if 0x21 <= byte < 0x7F and byte not in b".\\" else f"\\{byte:03}"
    return ".".join("".join(map(plain, label)) for label in name) + "."


@dataclasses.dataclass
class Question:
    """One message to a name server. `kind` is the reason it is asked."""

    kind: str
    name: tuple | str
    type: int
    rclass: int = IN
    opcode: int = QUERY
    flags: int = 0
    # Octets the client takes by EDNS; None: no EDNS.
    payload: int | None = 1232
    do: bool = False
    version: int = 0
    options: bytes = b""
    tcp: bool = False
    # More entries of the question section, and what else is in the message.
    questions: int = 1
    tail: bytes = b""
    counts: tuple = (0, 0, 0)

    def octets(self, number):
        flags = self.opcode << 11 | self.flags
        entry = packed(self.name) + struct.pack("!2H", self.type, self.rclass)
        answers, authorities, additionals = self.counts
        opt = b""
        if self.payload is not None:
            ttl = self.version << 16 | (0x8000 if self.do else 0)
            opt = b"\0" + struct.pack("!2HIH", TYPES["OPT"], self.payload, ttl, len(self.options)) + self.options
            additionals += 1
        header = struct.pack("!6H", number, flags, self.questions, answers, authorities, additionals)
        return header + entry * self.questions + self.tail + opt

    def __str__(self):
        name = labels(self.name) if isinstance(self.name, str) else self.name
        words = [self.kind, shown(name), TYPE_NAMES.get(self.type, f"TYPE{self.type}")]
        plain = Question("", "", 0)
        for field in ("rclass", "opcode", "flags", "payload", "do", "version", "options", "tcp", "questions", "counts"):
            if (value := getattr(self, field)) != getattr(plain, field):
                words.append(f"{field}={value!r}")
        return " ".join(words)


class Malformed(Exception):
    """A reply that is none."""


@dataclasses.dataclass(frozen=True)
class Record:
    """The owner and the names in the data are in lower case; `spelled` is the owner as it came."""

    owner: tuple
    type: int
    rclass: int
    ttl: int
    data: bytes
    spelled: tuple = dataclasses.field(compare=False)

    def __str__(self):
        return f"{shown(self.owner)} {self.ttl} {TYPE_NAMES.get(self.type, self.type)} {self.data!r}"


class Reply:
    """A reply, read to its last octet."""

    def __init__(self, octets):
        self.octets, self.at = octets, 0
        self.id, flags, questions, *counts = struct.unpack("!6H", self._take(12))
        self.flags = flags & ~0x780F
        self.opcode, self.rcode = flags >> 11 & 15, flags & 15
        self.questions = [(self._name(), *struct.unpack("!2H", self._take(4))) for _ in range(questions)]
        self.sections = [[self._record() for _ in range(count)] for count in counts]
        if self.at != len(octets):
            raise Malformed(f"{len(octets) - self.at} octets left over")
        self.edns = None
        opts = [record for record in self.sections[2] if record.type == TYPES["OPT"]]
        if opts:
            [opt] = opts
            self.sections[2].remove(opt)
            self.rcode |= opt.ttl >> 24 << 4
            self.edns = {"payload": opt.rclass, "version": opt.ttl >> 16 & 255, "flags": opt.ttl & 0xFFFF, "options": opt.data}
        self.answer, self.authority, self.additional = self.sections
        for section in self.sections:
            if len(set(section)) != len(section):
                raise Malformed("a record stands there twice")

    def has(self, flag):
        return bool(self.flags & flag)

    def _take(self, count):
        if self.at + count > len(self.octets):
            raise Malformed("it ends too early")
        self.at += count
        return self.octets[self.at - count : self.at]

    def _name(self):
        found, self.at = self._name_at(self.at)
        return found

    def _name_at(self, at):
        """The labels from there on, and where what follows begins."""
        found, after, limit = [], None, at
        while True:
            if at >= len(self.octets):
                raise Malformed("a name goes past the end")
            length = self.octets[at]
            if length >= 0xC0:
                after = after or at + 2
                at = (length & 0x3F) << 8 | self.octets[at + 1]
                # Backwards only, or it might never end.
                if at >= limit or at < 12:
                    raise Malformed(f"a pointer to {at}")
                limit = at
            elif length > 63:
                raise Malformed("a label of an unknown kind")
            elif length == 0:
                return tuple(found), after or at + 1
            else:
                found.append(self.octets[at + 1 : at + 1 + length])
                at += 1 + length

    def _record(self):
        spelled = self._name()
        rtype, rclass, ttl, length = struct.unpack("!2HIH", self._take(10))
        begin, end = self.at, self.at + length
        self._take(length)
        data = self.octets[begin:end]
        if rtype in NAMES_IN_DATA:
            skipped, count = NAMES_IN_DATA[rtype]
            at, whole = begin + skipped, data[:skipped]
            for _ in range(count):
                name, at = self._name_at(at)
                whole += packed(lower(name))
            data = whole + self.octets[at:end]
        return Record(lower(spelled), rtype, rclass, ttl, data, spelled)

    def __str__(self):
        names = {AA: "AA", TC: "TC", RD: "RD", RA: "RA", Z: "Z", AD: "AD", CD: "CD"}
        words = [f"opcode {self.opcode}, rcode {self.rcode}, flags {' '.join(n for f, n in names.items() if self.has(f))}"]
        words += [f"question {shown(name)} {rtype} {rclass}" for name, rtype, rclass in self.questions]
        for title, section in zip(("answer", "authority", "additional"), self.sections):
            words += [f"{title} {record}" for record in section]
        return "\n      ".join([*words, f"EDNS {self.edns}, {len(self.octets)} octets"])


def lower(name):
    return tuple(label.lower() for label in name)
