//! Verdicts on literal zones, and properties of what is read and written.

mod evaluation;
mod offers;
mod texts;
mod verdicts;

use super::*;
use crate::{
    names::Name,
    observe::{Answer, Data, Failure, Look, Need, Question, Rcode, RecordType, Reply, Seen, Server, Zone},
    plan::{Present, Provider, RecordKey, tests::planned, tests::provider},
    verify::{Context, Verdict},
};
use alloc::{string::String, vec, vec::Vec};

/// Lines of `owner TYPE data`. `*` owners are wildcards. `owner ! timeout`,
/// `servfail`, `split` or `undelegated` stands for what happens to every
/// question about the owner.
pub(super) type ZoneText = str;

const PROBE: &str = "qprobe7";

pub(super) fn name(text: &str) -> Name {
    Name::parse_queried(text).unwrap()
}

fn entries<'a>(zone: &'a ZoneText, owner: &str) -> Vec<(&'a str, &'a str)> {
    let at = |owner: &str| -> Vec<(&'a str, &'a str)> {
        zone.lines()
            .filter_map(|line| line.trim().split_once(' '))
            .filter(|(o, _)| *o == owner)
            .map(|(_, rest)| rest.split_once(' ').unwrap())
            .collect()
    };
    let exact = at(owner);
    match owner.split_once('.') {
        Some((_, parent)) if exact.is_empty() => at(&alloc::format!("*.{parent}")),
        _ => exact,
    }
}

fn data(rtype: &str, text: &str) -> (RecordType, Data) {
    match rtype {
        "TXT" => (RecordType::Txt, Data::Txt(text.as_bytes().chunks(255).map(<[u8]>::to_vec).collect())),
        "SPF" => (RecordType::Spf, Data::Txt(vec![text.as_bytes().to_vec()])),
        "A" => (RecordType::A, Data::Address(text.parse().unwrap())),
        "AAAA" => (RecordType::Aaaa, Data::Address(text.parse().unwrap())),
        "CNAME" => (RecordType::Cname, Data::Cname(name(text))),
        "PTR" => (RecordType::Ptr, Data::Ptr(name(text))),
        "MX" => (RecordType::Mx, Data::Mx(10, Some(name(text)))),
        other => panic!("{other}"),
    }
}

/// What two servers say about `question`.
fn look(zone: &ZoneText, question: &Question) -> Look {
    let found = entries(zone, question.name.as_str());
    let event = found.iter().find(|(rtype, _)| *rtype == "!").map(|(_, event)| *event);
    let of = |rtype: RecordType| -> Vec<Data> {
        let all = found.iter().filter(|(t, _)| *t != "!").map(|(t, text)| data(t, text));
        all.filter(|(t, _)| *t == rtype).map(|(_, data)| data).collect()
    };
    let mut records = of(question.rtype);
    if records.is_empty() {
        records = of(RecordType::Cname);
    }
    let answer = |records: Vec<Data>| {
        Ok(Answer {
            records: records.into_iter().map(|data| crate::observe::Record { data, ttl: 3600 }).collect(),
            negative_ttl: Some(300),
            ..Answer::nothing(if found.is_empty() { Rcode::NxDomain } else { Rcode::NoError })
        })
    };
    let (first, second) = match event {
        Some("timeout") => (Err(Failure::Timeout), Err(Failure::Timeout)),
        Some("servfail") => (Err(Failure::ServFail(None)), Err(Failure::ServFail(None))),
        Some("refused") => (Err(Failure::Refused), Err(Failure::Refused)),
        Some("lame") => (answer(records), Err(Failure::Lame)),
        Some("split") => (answer(records), answer(vec![])),
        _ => (answer(records.clone()), answer(records)),
    };
    let apex = question.name.organizational().unwrap_or_else(|| question.name.clone());
    if event == Some("undelegated") {
        return Look { zone: Zone::NotDelegated { name: apex }, replies: vec![] };
    }
    let server = |host: &str| Server { name: Some(name(host)), address: Some("192.0.2.53".parse().unwrap()) };
    let replies = vec![
        Reply { server: server("ns1.host.test"), outcome: first },
        Reply { server: server("ns2.host.test"), outcome: second },
    ];
    Look { zone: Zone::Found(apex), replies }
}

/// The verdict on the SPF record of `domain`, and what was asked for it.
pub(super) fn judged(domain: &str, zone: &ZoneText) -> (Verdict, Option<String>, Seen) {
    judged_for(&provider(), domain, zone)
}

pub(super) fn judged_for(
    provider: &Provider,
    domain: &str,
    zone: &ZoneText,
) -> (Verdict, Option<String>, Seen) {
    let mut zone = String::from(zone);
    if entries(&zone, "_spf.signet.test").is_empty() {
        zone.push_str("\n_spf.signet.test TXT v=spf1 ip4:192.0.2.1 ip6:2001:db8::1 -all");
    }
    let domain_name = name(domain);
    let plan = planned(provider, domain, &Present::default());
    let record = plan.iter().find(|record| record.key == RecordKey::Spf).unwrap();
    let context = Context {
        provider,
        domain: &domain_name,
        probe: PROBE,
        dkim_keys: [None, None],
        thorough: true,
        second_view: false,
    };
    let mut seen = Seen::new();
    let (verdict, present) = asking(&mut seen, &zone, |seen| judge(&context, record, seen));
    (verdict, present, seen)
}

/// Runs `judge` until it needs nothing more.
pub(super) fn asking<T>(seen: &mut Seen, zone: &ZoneText, judge: impl Fn(&Seen) -> Result<T, Need>) -> T {
    for _ in 0..100 {
        match judge(seen) {
            Ok(outcome) => return outcome,
            Err(Need(questions)) => {
                assert!(!questions.is_empty());
                for question in questions {
                    let look = look(zone, &question);
                    seen.add(question, look);
                }
            }
        }
    }
    panic!("it never comes to an end");
}
