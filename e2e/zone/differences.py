"""What may differ between our replies and NSD's, and why; whatever is not in the table may not."""

import collections
import dataclasses
import struct
import typing

from .wire import ANY_CLASS, AA, AD, CD, CH, IN, NOTIFY, QUERY, RA, RD, TC, TYPES, Z, Malformed, Reply, labels, lower

NOERROR, FORMERR, NXDOMAIN, NOTIMP, REFUSED, NOTAUTH = 0, 1, 3, 4, 5, 9
TRANSFERS = (TYPES["AXFR"], TYPES["IXFR"])
META = tuple(TYPES[name] for name in ("OPT", "TKEY", "TSIG", "MAILB", "MAILA"))
EXTENDED_ERROR = b"\0\x0f"
ADDRESSES = (TYPES["A"], TYPES["AAAA"])


@dataclasses.dataclass
class Pair:
    """One question, our reply and NSD's."""

    question: object
    ours: Reply
    theirs: Reply

    def facets(self):
        """All in which they differ."""
        ours, theirs = self.ours, self.theirs
        found = {name for name in ("rcode", "opcode", "edns") if getattr(ours, name) != getattr(theirs, name)}
        found |= {name for name, flag in FLAGS.items() if ours.has(flag) != theirs.has(flag)}
        if ours.questions != theirs.questions:
            found.add("question")
        sections = ("answer", "authority", "additional")
        found |= {name for name in sections if set(getattr(ours, name)) != set(getattr(theirs, name))}
        if not found and self.spelling(ours) != self.spelling(theirs):
            found.add("spelling")
        return found

    def spelling(self, reply):
        """The owners as they came, and how the name that was asked for did."""
        return sorted(record.spelled for section in reply.sections for record in section)

    def owns(self, record):
        """Whether this record stands at the name that was asked for."""
        return record.owner == lower(self.name())

    def name(self):
        name = self.question.name
        return labels(name) if isinstance(name, str) else name


FLAGS = {"AA": AA, "TC": TC, "RD": RD, "RA": RA, "AD": AD, "CD": CD, "Z": Z}


class Row(typing.NamedTuple):
    """`facets` may differ where `holds`, of which `why` is the reason."""

    why: str
    facets: str
    holds: typing.Callable


def minimal_any(pair):
    """RFC 8482, section 4.2, but for an alias, which both show; a reply too long for UDP is not needed then."""
    ours, theirs = pair.ours, pair.theirs
    if pair.question.type != TYPES["ANY"] or ours.rcode != theirs.rcode or not (theirs.answer or theirs.has(TC)):
        return False
    [only] = ours.answer
    return only.data == b"\x07RFC8482\0" and only.type == TYPES["HINFO"] and pair.owns(only) and not ours.has(TC)


def volunteered(pair):
    """Addresses of hosts that the answer names; NSD is told to volunteer nothing."""
    # Where the name stands in the data of MX and NS.
    hosts = [record.data[2 if record.type == TYPES["MX"] else 0 :] for record in pair.ours.answer]
    packed = lambda owner: b"".join(bytes([len(label)]) + label for label in owner) + b"\0"
    named = [packed(record.owner) in hosts and record.type in ADDRESSES for record in pair.ours.additional]
    return named and all(named) and not pair.theirs.additional


def zone_case(pair):
    """Owners other than the name asked for have the zone's case here, and there the case of the question."""
    asked = lower(pair.name())
    right = lambda reply: all(record.spelled == pair.name() for record in reply.answer if record.owner == asked)
    apart = all(r.spelled == r.owner for section in pair.ours.sections for r in section if r.owner != asked)
    return right(pair.ours) and right(pair.theirs) and apart


def extended_error(pair):
    """RFC 8914 allows an explanation with any reply. All else of EDNS is equal."""
    ours, theirs = pair.ours.edns, pair.theirs.edns
    if pair.ours.rcode != REFUSED or not ours or not theirs or not theirs["options"].startswith(EXTENDED_ERROR):
        return False
    return len(theirs["options"]) == 6 and {**theirs, "options": b""} == ours


def cookie(pair):
    """RFC 7873: ours is behind the client's, sixteen octets. NSD sends one when it is told to."""
    ours, theirs, asked = pair.ours.edns, pair.theirs.edns, pair.question.options
    if not asked.startswith(b"\0\x0a") or not ours or not theirs:
        return False
    sent = ours["options"]
    right = sent[:4] == struct.pack("!2H", 10, len(sent) - 4) and sent[4:12] == asked[4:12] and len(sent) == 28
    # To what it refuses NSD adds an error, as always.
    return right and {**ours, "options": b""} == {**theirs, "options": b""} and theirs["options"][:2] in (b"", EXTENDED_ERROR)


def unknown_opcode(pair):
    other = pair.question.opcode not in (QUERY, NOTIFY)
    return other and pair.ours.rcode == pair.theirs.rcode == NOTIMP and header_only(pair.theirs)


def notified(pair):
    return pair.question.opcode == NOTIFY and pair.ours.rcode in (NOTIMP, REFUSED, NOTAUTH) and header_only(pair.theirs)


def meta_type(pair):
    """RFC 6895, section 3.1: of these there are no records to have or to miss."""
    refused = pair.ours.rcode == REFUSED and not pair.ours.authority
    return pair.question.type in META and refused and pair.theirs.rcode in (NOERROR, NXDOMAIN)


def transfer(pair):
    """To nobody here, with one refusal or another."""
    refusals = (REFUSED, NOTAUTH, NOTIMP, FORMERR)
    both = pair.ours.rcode in refusals and pair.theirs.rcode in refusals
    return pair.question.type in TRANSFERS and both and not pair.theirs.answer and not pair.ours.answer


def server_told(pair):
    """NSD says who it is (RFC 4892); we do not."""
    return pair.question.rclass == CH and pair.ours.rcode == REFUSED and bool(pair.theirs.answer)


def class_any(pair):
    return pair.question.rclass == ANY_CLASS and pair.ours.rcode == REFUSED and pair.theirs.rcode in (NOERROR, NXDOMAIN)


def class_unknown(pair):
    return pair.question.rclass not in (IN, CH) and pair.ours.rcode == pair.theirs.rcode == REFUSED and not pair.theirs.questions


def no_question(pair):
    """RFC 9619: a query has one question. NSD says nothing is wrong, which RFC 7873 wants for cookies alone."""
    return pair.question.questions == 0 and pair.ours.rcode == FORMERR and pair.theirs.rcode == NOERROR


def several_questions(pair):
    return pair.question.questions > 1 and pair.ours.rcode == pair.theirs.rcode == FORMERR and header_only(pair.theirs)


def rcode_asked(pair):
    """A query's rcode means nothing (RFC 1035, section 4.1.1). NSD finds fault with it; we answer."""
    return pair.question.flags & 15 and pair.theirs.rcode == FORMERR and header_only(pair.theirs) and answered(pair.ours)


def records_asked(pair):
    """Records in the other sections of a query are passed over here; NSD finds fault with them."""
    return any(pair.question.counts) and pair.theirs.rcode == FORMERR and header_only(pair.theirs) and answered(pair.ours)


def cut_short(pair):
    """What does not fit is asked for again over TCP, so that a part of it is of no use; NSD sends the aliases that fit."""
    ours, theirs = pair.ours, pair.theirs
    return ours.has(TC) and theirs.has(TC) and not any(ours.sections) and all(r.type == TYPES["CNAME"] for r in theirs.answer)


def header_only(reply):
    return not reply.questions and not reply.edns and not any(reply.sections)


def answered(reply):
    return reply.rcode in (NOERROR, NXDOMAIN, REFUSED)


TABLE = [
    Row("ANY is answered with one record (RFC 8482)", "answer TC authority", minimal_any),
    Row("the addresses of an answer's hosts come along", "additional", volunteered),
    Row("other owners than the one asked for are in the zone's case", "spelling", zone_case),
    Row("NSD adds an extended error to what it refuses", "edns", extended_error),
    Row("a cookie is answered with one (RFC 7873)", "edns", cookie),
    Row("NSD repeats no question when it does not know the opcode", "question edns", unknown_opcode),
    Row("NOTIFY is for secondaries", "rcode question edns", notified),
    Row("NSD looks for records of types that have none", "rcode AA authority", meta_type),
    Row("transfers are denied in other words", "rcode edns", transfer),
    Row("NSD tells its name and version", "rcode answer", server_told),
    Row("NSD answers class ANY, without authority", "rcode answer authority AA", class_any),
    Row("NSD repeats no question of another class", "question edns", class_unknown),
    Row("no question at all is an error here", "rcode", no_question),
    Row("NSD leaves EDNS out when there are several questions", "edns", several_questions),
    Row("NSD does not take queries with an rcode", "rcode AA TC CD RD question answer authority additional edns", rcode_asked),
    Row("NSD does not take queries with records", "rcode AA TC question answer authority additional edns", records_asked),
    Row("what is cut short is empty here", "answer", cut_short),
]  # fmt: skip


class Comparison:
    """Counts what was equal, what differed by which rows, and keeps what nothing explains."""

    def __init__(self):
        self.asked = self.equal = 0
        self.explained = collections.Counter()
        self.unexplained = []
        self.kinds = collections.Counter()

    def add(self, question, ours, theirs):
        self.asked += 1
        self.kinds[question.kind.removesuffix(", mixed case")] += 1
        if ours is None and theirs is None:
            self.unexplained.append(f"nobody answers: {question}")
            return
        try:
            pair = Pair(question, *(octets and Reply(octets) for octets in (ours, theirs)))
        except Malformed as error:
            self.unexplained.append(f"{question}\n    {error}: ours {ours!r}\n    NSD's {theirs!r}")
            return
        if not (pair.ours and pair.theirs):
            self.unexplained.append(f"{question}\n    ours: {pair.ours}\n    NSD's: {pair.theirs}")
            return
        facets = pair.facets()
        if not facets:
            self.equal += 1
            return
        rows = [row for row in TABLE if facets & set(row.facets.split()) and row.holds(pair)]
        left = facets.difference(*(row.facets.split() for row in rows))
        if left:
            left = " ".join(sorted(left))
            self.unexplained.append(f"{question}: {left}\n    ours: {pair.ours}\n    NSD's: {pair.theirs}")
            return
        for row in rows:
            self.explained[row.why] += 1

    def table(self):
        rows = [f"{count:6}  {why}" for why, count in self.explained.most_common()]
        return [f"{self.asked:6}  questions", f"{self.equal:6}  answered alike", *rows]
