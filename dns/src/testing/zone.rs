//! A zone as a list of lines, and what a server of it answers.

use super::{RESOLVER, SECOND_RESOLVER, loopback};
use hickory_proto::{
    op::{Edns, Message, Metadata, ResponseCode},
    rr::{
        DNSClass, Name, RData, Record, RecordType,
        rdata::{A, AAAA, CAA, CNAME, MX, NS, NULL, PTR, SOA, TXT},
    },
};

const TTL: u32 = 3600;
/// The SOA's minimum: how long the fake's negative answers live.
const NEGATIVE_TTL: u32 = 300;
/// Aliases followed within one answer.
const HOPS: usize = 8;

/// A zone and the servers that have it.
#[derive(Clone, Debug)]
pub struct Zone {
    apex: Name,
    servers: Vec<u8>,
    records: Vec<Record>,
    serial: u32,
}

impl Zone {
    /// `records` are lines of owner, type and data, as in a zone file: names
    /// are relative to the apex unless they end in a dot, `@` is the apex.
    /// Text is one string as it stands unless it begins with a quotation mark:
    /// then it is quoted strings, with `\"`, `\\` and `\DDD` in them. Without NS lines for the apex
    /// there are `ns2`, `ns3` … for the servers, with their addresses.
    ///
    /// Several zones may have one apex: servers that disagree. The resolver
    /// then sees the first.
    ///
    /// # Panics
    /// When a line cannot be read.
    #[must_use]
    pub fn new(apex: &str, servers: &[u8], records: &[&str]) -> Self {
        let apex = absolute(&format!("{apex}."));
        let mut zone = Self { servers: servers.to_vec(), records: Vec::new(), serial: 1, apex };
        zone.records.extend(records.iter().map(|line| zone.record(line)).collect::<Vec<_>>());
        if zone.find(&zone.apex, RecordType::NS).next().is_none() {
            for &host in servers {
                let lines = [format!("@ NS ns{host}"), format!("ns{host} A {}", loopback(host))];
                zone.records.extend(lines.iter().map(|line| zone.record(line)).collect::<Vec<_>>());
            }
        }
        zone
    }

    /// The same with this version instead of 1.
    #[must_use]
    pub fn serial(self, serial: u32) -> Self {
        Self { serial, ..self }
    }

    pub(super) fn servers(&self) -> &[u8] {
        &self.servers
    }

    fn name(&self, text: &str) -> Name {
        match text {
            "@" => self.apex.clone(),
            _ if text.ends_with('.') => absolute(text),
            _ => absolute(&format!("{text}.{}", self.apex.to_ascii())),
        }
    }

    fn record(&self, line: &str) -> Record {
        let mut words = line.splitn(3, ' ');
        let mut word = || words.next().unwrap_or_else(|| panic!("{line:?} is not owner, type and data"));
        let (owner, rtype, data) = (self.name(word()), word(), word());
        let data = match rtype {
            "A" => RData::A(A(data.parse().unwrap_or_else(|_| panic!("{line:?}: no IPv4 address")))),
            "AAAA" => RData::AAAA(AAAA(data.parse().unwrap_or_else(|_| panic!("{line:?}: no IPv6 address")))),
            "CNAME" => RData::CNAME(CNAME(self.name(data))),
            "NS" => RData::NS(NS(self.name(data))),
            "PTR" => RData::PTR(PTR(self.name(data))),
            "DNAME" => {
                let labels = self.name(data);
                let mut wire: Vec<u8> = Vec::new();
                for label in labels.iter() {
                    wire.push(label.len() as u8);
                    wire.extend(label);
                }
                wire.push(0);
                RData::Unknown { code: RecordType::DNAME, rdata: NULL::with(wire) }
            }
            "MX" => {
                let (preference, exchange) = data.split_once(' ').unwrap_or(("", data));
                let exchange = if exchange == "." { Name::root() } else { self.name(exchange) };
                RData::MX(MX::new(preference.parse().unwrap_or(10), exchange))
            }
            "TXT" => RData::TXT(TXT::from_bytes(strings(data).iter().map(Vec::as_slice).collect())),
            "SPF" => {
                let strings = strings(data).into_iter();
                let wire = strings.flat_map(|text| [vec![text.len() as u8], text].concat()).collect();
                RData::Unknown { code: RecordType::Unknown(99), rdata: NULL::with(wire) }
            }
            "CAA" => RData::CAA(caa(data)),
            "DS" => RData::Unknown { code: RecordType::DS, rdata: NULL::with(vec![0; 36]) },
            _ => panic!("{line:?} has an unknown type"),
        };
        Record::from_rdata(owner, TTL, data)
    }

    fn find(&self, owner: &Name, rtype: RecordType) -> impl Iterator<Item = &Record> {
        self.records.iter().filter(move |r| r.name == *owner && r.record_type() == rtype)
    }

    fn exists(&self, name: &Name) -> bool {
        *name == self.apex || self.records.iter().any(|r| name.zone_of(&r.name))
    }

    /// The name the records come from: itself, or the wildcard that stands in
    /// for it (RFC 4592).
    fn source(&self, name: &Name) -> Name {
        if self.exists(name) {
            return name.clone();
        }
        let mut closest = name.base_name();
        while !self.exists(&closest) && closest.num_labels() > self.apex.num_labels() {
            closest = closest.base_name();
        }
        closest.prepend_label("*").unwrap_or_else(|_| name.clone())
    }

    fn soa(&self) -> Record {
        let names = (self.name("ns"), self.name("hostmaster"));
        let soa = SOA::new(names.0, names.1, self.serial, 3600, 600, 86_400, NEGATIVE_TTL);
        Record::from_rdata(self.apex.clone(), TTL, RData::SOA(soa))
    }

    /// The zone cut between the apex and `name`, if there is one.
    fn cut(&self, name: &Name) -> Option<Name> {
        let mut at = name.clone();
        while at.num_labels() > self.apex.num_labels() {
            if self.find(&at, RecordType::NS).next().is_some() {
                return Some(at);
            }
            at = at.base_name();
        }
        None
    }
}

/// Flags, tag and value, as in a zone file.
fn caa(text: &str) -> CAA {
    let mut words = text.splitn(3, ' ');
    let mut word = || words.next().unwrap_or_else(|| panic!("{text:?} is not flags, tag and value"));
    let (flags, tag, value) = (word(), word(), word().trim_matches('"'));
    let mut caa = CAA::new_issue(flags == "128", None, Vec::new());
    caa.tag = tag.to_string();
    caa.value = value.as_bytes().to_vec();
    caa
}

/// Text as quoted strings, or as one string cut where it has to be.
fn strings(text: &str) -> Vec<Vec<u8>> {
    if !text.starts_with('"') {
        return text.as_bytes().chunks(255).map(<[u8]>::to_vec).collect();
    }
    let (mut strings, mut open) = (Vec::new(), None::<Vec<u8>>);
    let mut octets = text.bytes();
    while let Some(octet) = octets.next() {
        match (octet, &mut open) {
            (b'"', None) => open = Some(Vec::new()),
            (b'"', Some(_)) => strings.extend(open.take()),
            (b'\\', Some(string)) => string.push(escaped(&mut octets)),
            (octet, Some(string)) => string.push(octet),
            (b' ', None) => {}
            _ => panic!("{text:?}: text between quoted strings"),
        }
    }
    assert!(open.is_none(), "{text:?}: a quotation mark is missing");
    strings
}

/// What follows a backslash: three digits, or a character that stands for itself.
fn escaped(octets: &mut std::str::Bytes<'_>) -> u8 {
    let first = octets.next().unwrap_or(b'\\');
    if !first.is_ascii_digit() {
        return first;
    }
    octets
        .by_ref()
        .take(2)
        .fold(first - b'0', |value, digit| value.wrapping_mul(10).wrapping_add(digit.wrapping_sub(b'0')))
}

fn absolute(text: &str) -> Name {
    let labels = text.trim_end_matches('.').split('.').map(str::as_bytes);
    Name::from_labels(labels).unwrap_or_else(|error| panic!("{text:?}: {error}"))
}

/// What `host` honestly answers.
pub(super) fn answer(zones: &[Zone], host: u8, query: &Message) -> Message {
    let mut reply = blank(query);
    let Some(question) = query.queries.first() else { return reply };
    let resolver = is_resolver(host);
    reply.metadata.recursion_available = resolver;
    let mut name = question.name().to_lowercase();
    for hop in 0..HOPS {
        let Some(zone) = enclosing(zones, &name, host) else {
            if hop == 0 {
                reply.metadata.response_code = ResponseCode::Refused;
            }
            break;
        };
        if hop == 0 {
            reply.metadata.authoritative = !resolver;
        }
        match step(zone, &name, question.query_type(), &mut reply) {
            Some(target) => name = target,
            None => break,
        }
    }
    reply
}

/// Adds what `zone` has for `name`; an alias is followed by the caller.
fn step(zone: &Zone, name: &Name, rtype: RecordType, reply: &mut Message) -> Option<Name> {
    // DS stands above the cut (RFC 4035 §3.1.4.1).
    if let Some(cut) = zone.cut(name).filter(|cut| rtype != RecordType::DS || cut != name) {
        reply.metadata.authoritative &= !reply.answers.is_empty();
        for ns in zone.find(&cut, RecordType::NS) {
            reply.add_authority(ns.clone());
            let RData::NS(target) = &ns.data else { continue };
            reply.add_additionals(zone.find(&target.0, RecordType::A).cloned().collect::<Vec<_>>());
        }
        return None;
    }
    let above = |r: &&Record| r.record_type() == RecordType::DNAME && r.name != *name && r.name.zone_of(name);
    if let Some(dname) = zone.records.iter().find(above) {
        // Without the CNAME: some servers leave making it to the asker.
        reply.add_answer(dname.clone());
        return None;
    }
    let source = zone.source(name);
    let stands = |r: &Record| Record::from_rdata(name.clone(), r.ttl, r.data.clone());
    let wanted: Vec<Record> = if rtype == RecordType::SOA && *name == zone.apex {
        vec![zone.soa()]
    } else {
        zone.find(&source, rtype).map(stands).collect()
    };
    let alias = zone.find(&source, RecordType::CNAME).next().filter(|_| rtype != RecordType::CNAME);
    if wanted.is_empty() && alias.is_none() {
        if !zone.exists(&source) {
            reply.metadata.response_code = ResponseCode::NXDomain;
        }
        reply.add_authority(zone.soa());
        return None;
    }
    reply.add_answers(alias.map(stands));
    let target = alias.filter(|_| wanted.is_empty()).and_then(|r| match &r.data {
        RData::CNAME(target) => Some(target.0.to_lowercase()),
        _ => None,
    });
    reply.add_answers(wanted);
    target
}

fn is_resolver(host: u8) -> bool {
    host == RESOLVER || host == SECOND_RESOLVER
}

/// The lowest zone around `name` that `host` has; the resolver has all.
fn enclosing<'a>(zones: &'a [Zone], name: &Name, host: u8) -> Option<&'a Zone> {
    let mut best: Option<&Zone> = None;
    for zone in zones.iter().filter(|z| is_resolver(host) || z.servers.contains(&host)) {
        if zone.apex.zone_of(name) && best.is_none_or(|b| zone.apex.num_labels() > b.apex.num_labels()) {
            best = Some(zone);
        }
    }
    best
}

/// A reply with the question and nothing else.
pub(super) fn blank(query: &Message) -> Message {
    let mut reply = Message::response(query.metadata.id, query.metadata.op_code);
    reply.metadata = Metadata::response_from_request(&query.metadata);
    reply.queries.clone_from(&query.queries);
    if query.edns.is_some() {
        let mut edns = Edns::new();
        edns.set_max_payload(1232);
        reply.set_edns(edns);
    }
    reply
}

/// A record that no honest server of these tests has.
pub(super) fn poison(query: &Message) -> Option<Record> {
    let question = query.queries.first()?;
    let data = match question.query_type() {
        RecordType::TXT => RData::TXT(TXT::from_bytes(vec![b"forged"])),
        RecordType::CNAME => RData::CNAME(CNAME(absolute("forged.invalid."))),
        _ => RData::A(A::new(203, 0, 113, 66)),
    };
    let mut record = Record::from_rdata(question.name().clone(), TTL, data);
    record.dns_class = DNSClass::IN;
    Some(record)
}
