//! A small zone written down in lines, `OWNER TYPE DATA`; `@` is the owner that
//! is judged, `!` instead of a type a fault. Lines that say nothing are passed
//! over, so that any octets are a zone.

use signet_core::{
    names::Name,
    observe::{Answer, Data, Failure, Look, Question, Rcode, Record, RecordType, Reply, Server, Zone},
};

/// Lines read; no judge asks about as many names.
const LINES: usize = 64;

pub(crate) struct Literal {
    records: Vec<(Name, RecordType, Data)>,
    faults: Vec<(Name, Fault)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Fault {
    Silent,
    Broken,
    Split,
    Undelegated,
}

impl Literal {
    /// Reads a zone in which `at` stands for `@`.
    pub(crate) fn parse(text: &[u8], at: &Name) -> Self {
        let mut literal = Self { records: Vec::new(), faults: Vec::new() };
        for line in text.split(|&byte| byte == b'\n').take(LINES) {
            let mut words = line.splitn(3, |&byte| byte == b' ');
            let (Some(owner), Some(kind)) = (words.next(), words.next()) else { continue };
            let rest = words.next().unwrap_or_default();
            let owner = if owner == b"@" { Some(at.clone()) } else { named(owner) };
            let Some(owner) = owner else { continue };
            if kind == b"!" {
                literal.faults.extend(fault(rest).map(|fault| (owner, fault)));
            } else if let Some((rtype, data)) = data(kind, rest) {
                literal.records.push((owner, rtype, data));
            }
        }
        literal
    }

    pub(crate) fn has_faults(&self) -> bool {
        !self.faults.is_empty()
    }

    /// The texts at `owner`.
    pub(crate) fn texts(&self, owner: &Name) -> Vec<Vec<u8>> {
        let here = self.records.iter().filter(|(name, rtype, _)| name == owner && *rtype == RecordType::Txt);
        here.filter_map(|(_, _, data)| data.txt()).collect()
    }

    pub(crate) fn is_alias(&self, owner: &Name) -> bool {
        self.records.iter().any(|(name, rtype, _)| name == owner && *rtype == RecordType::Cname)
    }

    /// The one text at `owner` from now on.
    pub(crate) fn replace(&mut self, owner: &Name, text: &str) {
        self.records.retain(|(name, rtype, _)| name != owner || *rtype != RecordType::Txt);
        self.add(owner, text.as_bytes());
    }

    pub(crate) fn add(&mut self, owner: &Name, text: &[u8]) {
        self.records.push((owner.clone(), RecordType::Txt, txt(text)));
    }

    /// What two servers say.
    pub(crate) fn look(&self, question: &Question) -> Look {
        let apex = question.name.organizational().unwrap_or_else(|| question.name.clone());
        let mut faults = self.faults.iter().filter(|(name, _)| question.name.is_at_or_below(name));
        let fault = faults.next().map(|(_, fault)| *fault);
        let (first, second) = match fault {
            Some(Fault::Undelegated) => {
                return Look { zone: Zone::NotDelegated { name: apex }, replies: vec![] };
            }
            Some(Fault::Silent) => (Err(Failure::Timeout), Err(Failure::Timeout)),
            Some(Fault::Broken) => (Ok(self.answer(question, &apex)), Err(Failure::ServFail(None))),
            Some(Fault::Split) => (Ok(self.answer(question, &apex)), Ok(Answer::nothing(Rcode::NoError))),
            None => (Ok(self.answer(question, &apex)), Ok(self.answer(question, &apex))),
        };
        // A known DNS host, the first in the table, is found soonest.
        let server = |number: u8| Server {
            name: Name::parse(&format!("ns{number}.ns.cloudflare.com")).ok(),
            address: Some([192, 0, 2, 52 + number].into()),
        };
        let replies =
            vec![Reply { server: server(1), outcome: first }, Reply { server: server(2), outcome: second }];
        Look { zone: Zone::Found(apex), replies }
    }

    fn answer(&self, question: &Question, apex: &Name) -> Answer {
        let at = |rtype: RecordType| {
            let here = self.records.iter().filter(|(name, kind, _)| *name == question.name && *kind == rtype);
            let mut data: Vec<&Data> = here.map(|(_, _, data)| data).collect();
            // Records of a set differ (RFC 2181 §5.2).
            data.sort();
            data.dedup();
            data.into_iter().map(|data| Record { data: data.clone(), ttl: 300 }).collect::<Vec<_>>()
        };
        let mut records = at(question.rtype);
        if records.is_empty() {
            records = at(RecordType::Cname);
            records.truncate(1);
        }
        let exists = self.records.iter().any(|(name, ..)| name.is_at_or_below(&question.name));
        let negative = records.is_empty();
        Answer {
            records,
            soa: negative.then(|| apex.clone()),
            negative_ttl: negative.then_some(60),
            ..Answer::nothing(if exists || !negative { Rcode::NoError } else { Rcode::NxDomain })
        }
    }
}

fn named(octets: &[u8]) -> Option<Name> {
    Name::parse_queried(std::str::from_utf8(octets).ok()?).ok()
}

fn fault(text: &[u8]) -> Option<Fault> {
    match text {
        b"timeout" => Some(Fault::Silent),
        b"servfail" => Some(Fault::Broken),
        b"split" => Some(Fault::Split),
        b"undelegated" => Some(Fault::Undelegated),
        _ => None,
    }
}

fn data(kind: &[u8], octets: &[u8]) -> Option<(RecordType, Data)> {
    let address = || std::str::from_utf8(octets).ok()?.parse().ok();
    Some(match kind {
        b"TXT" => (RecordType::Txt, txt(octets)),
        b"SPF" => (RecordType::Spf, txt(octets)),
        b"A" => (RecordType::A, Data::Address(address().filter(|ip: &std::net::IpAddr| ip.is_ipv4())?)),
        b"AAAA" => (RecordType::Aaaa, Data::Address(address().filter(|ip: &std::net::IpAddr| ip.is_ipv6())?)),
        b"CNAME" => (RecordType::Cname, Data::Cname(named(octets)?)),
        b"MX" => (RecordType::Mx, Data::Mx(10, named(octets))),
        b"PTR" => (RecordType::Ptr, Data::Ptr(named(octets)?)),
        _ => return None,
    })
}

fn txt(octets: &[u8]) -> Data {
    Data::Txt(octets.chunks(255).map(<[u8]>::to_vec).collect())
}
