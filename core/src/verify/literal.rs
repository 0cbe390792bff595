//! Literal zones for the judges' tests.
//!
//! One line per record, fault or zone; every zone has two servers:
//!
//! ```text
//! zone example.com
//! zone example.net a.ns.cloudflare.com b.ns.cloudflare.com    its two servers' names
//! sg-link.example.com CNAME track.signet.test
//! *.example.com TXT "v=spf1 " "-all"
//! undelegated gone.example
//! fault example.net timeout            every question at or below it
//! fault _dmarc.example.com TXT servfail
//! second _dmarc.example.com TXT        the second server has nothing there
//! stale _dmarc.example.com TXT         resolvers have nothing there yet
//! bogus example.com                    resolvers say SERVFAIL, unless CD is set
//! bogus example.com 22                 with this extended error
//! bogus-at-one example.com             only the first of the two does
//! passing example.com                  SERVFAIL to the first question
//! signed example.com                   resolvers vouch for it (AD)
//! resolver-fault example.com timeout   resolvers fail
//! parent example.com NS ns1.old.test   what the zone above says
//! nxdomain _domainkey.example.com      denied, whatever stands below it
//! alone example.com                    its first server is the only one
//! second-fault example.com timeout     at the second server only
//! stream-fault example.com timeout     over TCP only
//! serial example.com 7 5               the versions its two servers have
//! recursive example.com                its servers offer recursion
//! unauthoritative example.com          they answer without AA
//! glue example.com ns1.example.com 192.0.2.53   the zone above refers, with this
//! ttl 604800                           of every record; 300 where it is not said
//! ```
//!
//! A name that nothing is said about is NXDOMAIN in the zone above it, or in
//! the root's stand-in `test-root` when there is none.

use super::Verdict;
use crate::{
    names::Name,
    observe::{
        Answer, Data, Failure, Look, Need, Question, Rcode, Record, RecordType, Reply, Seen, Server, View,
        Zone,
    },
};
use alloc::{
    format,
    string::{String, ToString},
    vec,
    vec::Vec,
};
use core::net::IpAddr;

/// See the module.
#[derive(Default)]
pub(crate) struct Literal {
    zones: Vec<Name>,
    servers: Vec<(Name, Name)>,
    records: Vec<(String, RecordType, Data)>,
    undelegated: Vec<Name>,
    faults: Vec<(Name, Option<RecordType>, Failure)>,
    second: Vec<(Name, RecordType)>,
    /// How many of the two resolvers refuse it, and with which extended error.
    bogus: Vec<(Name, u8, Option<u16>)>,
    passing: Vec<Name>,
    signed: Vec<Name>,
    resolver_faults: Vec<(Name, Failure)>,
    stale: Vec<(Name, RecordType)>,
    parents: Vec<(Name, RecordType, Data)>,
    denied: Vec<Name>,
    alone: Vec<Name>,
    second_faults: Vec<(Name, Failure)>,
    stream_faults: Vec<(Name, Failure)>,
    serials: Vec<(Name, [u32; 2])>,
    recursive: Vec<Name>,
    unauthoritative: Vec<Name>,
    glue: Vec<(Name, Option<(Name, IpAddr)>)>,
    ttl: Option<u32>,
}

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

fn rtype(text: &str) -> Option<RecordType> {
    RecordType::ALL.into_iter().find(|t| t.as_str() == text)
}

fn failure(text: &str) -> Failure {
    match text {
        "timeout" => Failure::Timeout,
        "not_asked" => Failure::NotAsked,
        "servfail" => Failure::ServFail(None),
        "refused" => Failure::Refused,
        "lame" => Failure::Lame,
        "filtered" => Failure::Filtered(15),
        "truncated" => Failure::Truncated,
        "malformed" => Failure::Malformed("two questions".to_string()),
        "unreachable" => Failure::Unreachable("no route".to_string()),
        "private" => Failure::PrivateAddress("10.0.0.1".parse().unwrap()),
        other => panic!("no such fault: {other}"),
    }
}

fn data(rtype: RecordType, text: &str) -> Data {
    match rtype {
        RecordType::A | RecordType::Aaaa => Data::Address(text.parse().unwrap()),
        RecordType::Cname => Name::parse(text).map_or_else(|_| Data::Other(text.to_string()), Data::Cname),
        RecordType::Ns => Data::Ns(name(text)),
        RecordType::Ptr => Data::Ptr(name(text)),
        RecordType::Mx => {
            let (preference, host) = text.split_once(' ').unwrap();
            Data::Mx(preference.parse().unwrap(), Name::parse(host).ok())
        }
        RecordType::Txt if text.starts_with('"') => {
            Data::Txt(text.split('"').skip(1).step_by(2).map(|chunk| chunk.as_bytes().to_vec()).collect())
        }
        RecordType::Txt | RecordType::Spf => Data::Txt(vec![text.as_bytes().to_vec()]),
        RecordType::Caa => {
            let mut words = text.splitn(3, ' ');
            let critical = words.next().unwrap() == "128";
            let (tag, value) =
                (words.next().unwrap().to_string(), words.next().unwrap().trim_matches('"').to_string());
            Data::Caa { critical, tag, value }
        }
        RecordType::Ds | RecordType::Soa | RecordType::Https | RecordType::Srv => {
            Data::Other(text.to_string())
        }
    }
}

impl Literal {
    /// Reads zones as described in the module.
    pub(crate) fn parse(text: &str) -> Self {
        let mut literal = Self::default();
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let mut words = line.splitn(3, ' ');
            let (first, second) = (words.next().unwrap(), words.next().unwrap());
            let rest = words.next().unwrap_or_default().trim();
            match first {
                "zone" => {
                    literal.zones.push(name(second));
                    literal
                        .servers
                        .extend(rest.split_whitespace().map(|server| (name(second), name(server))));
                }
                "ttl" => literal.ttl = second.parse().ok(),
                "undelegated" => literal.undelegated.push(name(second)),
                "bogus" => literal.bogus.push((name(second), 2, rest.parse().ok())),
                "bogus-at-one" => literal.bogus.push((name(second), 1, None)),
                "passing" => literal.passing.push(name(second)),
                "signed" => literal.signed.push(name(second)),
                "resolver-fault" => literal.resolver_faults.push((name(second), failure(rest))),
                "stale" => literal.stale.push((name(second), rtype(rest).unwrap())),
                "parent" => {
                    let (kind, what) = rest.split_once(' ').unwrap();
                    let kind = rtype(kind).unwrap();
                    literal.parents.push((name(second), kind, data(kind, what)));
                }
                "nxdomain" => literal.denied.push(name(second)),
                "alone" => literal.alone.push(name(second)),
                "second-fault" => literal.second_faults.push((name(second), failure(rest))),
                "stream-fault" => literal.stream_faults.push((name(second), failure(rest))),
                "serial" => {
                    let (one, two) = rest.split_once(' ').unwrap();
                    literal.serials.push((name(second), [one.parse().unwrap(), two.parse().unwrap()]));
                }
                "recursive" => literal.recursive.push(name(second)),
                "unauthoritative" => literal.unauthoritative.push(name(second)),
                "glue" => {
                    let told = rest.split_once(' ').map(|(host, ip)| (name(host), ip.parse().unwrap()));
                    literal.glue.push((name(second), told));
                }
                "second" => literal.second.push((name(second), rtype(rest).unwrap())),
                "fault" => {
                    let (kind, what) = rest.split_once(' ').unwrap_or(("", rest));
                    literal.faults.push((name(second), rtype(kind), failure(what)));
                }
                owner => {
                    let kind = rtype(second).unwrap_or_else(|| panic!("no such type: {line}"));
                    literal.records.push((owner.to_ascii_lowercase(), kind, data(kind, rest)));
                }
            }
        }
        literal
    }

    /// Adds a TXT record of any bytes.
    pub(crate) fn txt(&mut self, owner: &str, bytes: &[u8]) {
        self.records.push((owner.to_string(), RecordType::Txt, Data::Txt(vec![bytes.to_vec()])));
    }

    /// What two servers of the zone say.
    pub(crate) fn look(&self, question: &Question) -> Look {
        let Question { name: asked, rtype, view } = question;
        if let Some(gone) = self.undelegated.iter().find(|gone| asked.is_at_or_below(gone)) {
            return Look { zone: Zone::NotDelegated { name: gone.clone() }, replies: vec![] };
        }
        let apex = self
            .zones
            .iter()
            .filter(|apex| asked.is_at_or_below(apex))
            .max_by_key(|apex| apex.labels())
            .cloned()
            .unwrap_or_else(|| name("test-root"));
        if *view == View::Parent {
            return self.above(asked, *rtype);
        }
        let resolver = matches!(view, View::Resolvers | View::Unchecked | View::ResolversAgain);
        let many = if self.alone.contains(&apex) && !resolver { 1 } else { 2 };
        let replies = (1..=many).map(|number| Reply {
            server: if resolver { resolver_at(number) } else { self.server(number, &apex) },
            outcome: self.said(number, question, &apex),
        });
        Look { replies: replies.collect(), zone: Zone::Found(apex) }
    }

    /// What the first or second server, or resolver, says.
    fn said(&self, number: u8, question: &Question, apex: &Name) -> Result<Answer, Failure> {
        let Question { name: asked, rtype, view } = question;
        let below = |name: &Name| asked.is_at_or_below(name);
        let resolver = matches!(view, View::Resolvers | View::Unchecked | View::ResolversAgain);
        let faults = self.faults.iter().filter(|(_, only, _)| only.is_none_or(|only| only == *rtype));
        let mut faults = faults.map(|(name, _, failure)| (name, failure));
        let mut at_resolvers = self.resolver_faults.iter().map(|(name, failure)| (name, failure));
        if let Some((_, failure)) = faults.find(|(name, _)| below(name)) {
            return Err(failure.clone());
        }
        if let Some((_, failure)) = at_resolvers.find(|(name, _)| resolver && below(name)) {
            return Err(failure.clone());
        }
        let at = |list: &[(Name, Failure)]| {
            list.iter().find(|(name, _)| below(name)).map(|(_, failure)| failure.clone())
        };
        if let Some(failure) = at(&self.stream_faults).filter(|_| *view == View::Stream) {
            return Err(failure);
        }
        if let Some(failure) = at(&self.second_faults).filter(|_| !resolver && number == 2) {
            return Err(failure);
        }
        let mut bogus = self.bogus.iter().filter(|_| resolver && *view != View::Unchecked);
        if let Some((.., extended)) = bogus.find(|(zone, many, _)| number <= *many && below(zone)) {
            return Err(Failure::ServFail(*extended));
        }
        if *view == View::Resolvers && self.passing.iter().any(below) {
            return Err(Failure::ServFail(None));
        }
        let unseen = if resolver { &self.stale } else { &self.second };
        if (resolver || number == 2) && unseen.contains(&(asked.clone(), *rtype)) {
            return Ok(answer(vec![], true, apex));
        }
        let authenticated = resolver && self.signed.iter().any(below);
        let mut answer = Answer { authenticated, ..self.answer(asked, *rtype, apex) };
        answer.recursion = resolver || self.recursive.contains(apex);
        answer.authoritative = !self.unauthoritative.contains(apex);
        if let Some((_, serials)) = self.serials.iter().find(|(zone, _)| zone == apex) {
            answer.serial = answer.soa.is_some().then_some(serials[usize::from(number) - 1]);
        }
        Ok(answer)
    }

    /// What the zone above says; without a `parent` line the same as the zone.
    fn above(&self, asked: &Name, rtype: RecordType) -> Look {
        let apex = asked.parent().unwrap_or_else(|| name("test-root"));
        let said = self.parents.iter().filter(|(zone, kind, _)| zone == asked && *kind == rtype);
        let mut records: Vec<Record> =
            said.map(|(_, _, data)| Record { data: data.clone(), ttl: 300 }).collect();
        if records.is_empty() && rtype == RecordType::Ns {
            records = self.answer(asked, rtype, asked).records;
        }
        let glue = self.glue.iter().filter(|(zone, _)| zone == asked && rtype == RecordType::Ns);
        let authoritative = glue.clone().next().is_none();
        let glue = glue.filter_map(|(_, told)| told.clone()).collect();
        let answer = Answer { authoritative, glue, ..answer(records, true, &apex) };
        let reply = Reply { server: self.server(1, &apex), outcome: Ok(answer) };
        Look { zone: Zone::Found(apex), replies: vec![reply] }
    }

    fn server(&self, number: u8, apex: &Name) -> Server {
        let mut named = self.servers.iter().filter(|(zone, _)| zone == apex).map(|(_, server)| server);
        let server = named.nth(usize::from(number) - 1).cloned();
        Server {
            name: server.or_else(|| Name::parse(&format!("ns{number}.{apex}")).ok()),
            address: format!("192.0.2.{}", 52 + number).parse().ok(),
        }
    }

    fn answer(&self, asked: &Name, rtype: RecordType, apex: &Name) -> Answer {
        if self.denied.contains(asked) {
            return answer(vec![], false, apex);
        }
        let exists = |owner: &str| {
            let below = format!(".{owner}");
            owner == apex.as_str() || self.records.iter().any(|(o, _, _)| o == owner || o.ends_with(&below))
        };
        // RFC 4592: the wildcard right below the closest name that exists.
        let mut owner = asked.to_string();
        if !exists(&owner) {
            let mut above = asked.parent();
            while let Some(next) = above.filter(|next| !exists(next.as_str())) {
                above = next.parent();
                owner = next.to_string();
            }
            owner = owner.split_once('.').map_or_else(String::new, |(_, encloser)| format!("*.{encloser}"));
        }
        let at: Vec<&(String, RecordType, Data)> =
            self.records.iter().filter(|(o, _, _)| *o == owner).collect();
        let found = at.iter().filter(|(_, t, _)| *t == rtype || *t == RecordType::Cname);
        let ttl = self.ttl.unwrap_or(300);
        let found = found.map(|(_, _, data)| Record { data: data.clone(), ttl }).collect();
        answer(found, !at.is_empty() || exists(asked.as_str()), apex)
    }
}

fn resolver_at(number: u8) -> Server {
    Server { name: None, address: format!("192.0.2.{}", 150 + number).parse().ok() }
}

fn answer(records: Vec<Record>, exists: bool, apex: &Name) -> Answer {
    Answer {
        soa: records.is_empty().then(|| apex.clone()),
        negative_ttl: records.is_empty().then_some(3600),
        records,
        ..Answer::nothing(if exists { Rcode::NoError } else { Rcode::NxDomain })
    }
}

/// Runs `judge` until it needs no more; also how many questions that took.
pub(crate) fn settle<T>(literal: &Literal, judge: impl Fn(&Seen) -> Result<T, Need>) -> (T, usize) {
    let mut seen = Seen::new();
    for _ in 0..40 {
        match judge(&seen) {
            Ok(found) => return (found, seen.len()),
            Err(Need(questions)) => {
                assert!(!questions.is_empty(), "a need for nothing");
                for question in questions {
                    assert!(
                        seen.through(question.view, &question.name, question.rtype).is_err(),
                        "asked twice: {question:?}"
                    );
                    let look = literal.look(&question);
                    seen.add(question, look);
                }
            }
        }
    }
    panic!("a judge that never has enough");
}

/// What must hold for every verdict there is.
pub(crate) fn sound(verdict: &Verdict) {
    assert!(verdict.code.statuses().contains(&verdict.status), "{} with {}", verdict.code, verdict.status);
    assert!(!verdict.reason.is_empty(), "{verdict:?}");
    if verdict.status.is_wrong() {
        assert!(!verdict.fix.is_empty(), "nothing to do about it: {verdict:?}");
    }
    if verdict.status.is_right() {
        assert!(verdict.witnesses.agreeing > 0 && verdict.server.is_some(), "{verdict:?}");
    }
}
