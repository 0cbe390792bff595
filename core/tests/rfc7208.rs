//! The RFC 7208 test suite (openspf.org, release 2014.04) on our evaluator:
//! every case, its result and its explanation.
//!
//! The suite is not part of this repository. It is read from
//! `SIGNET_SPF_SUITE`, or from `shared/spf/rfc7208-tests.yml` beside the
//! repository; without it nothing is tested, which is an error under CI.

use saphyr::{LoadableYamlNode, Yaml};
use signet_core::{
    names::Name,
    observe::{Answer, Data, Failure, Look, Question, Rcode, RecordType, Reply, Seen, Server, Zone},
    verify::spf::{Query, check_host},
};
use std::{collections::BTreeMap, path::PathBuf};

const CASES: usize = 203;

#[test]
fn the_whole_suite_passes() {
    let Some(suite) = suite() else { return };
    let documents = Yaml::load_from_str(&suite).expect("the suite is YAML");
    let (mut passed, mut failed) = (0, vec![]);
    for document in &documents {
        let zone = zone(&document["zonedata"]);
        for (name, case) in document["tests"].as_mapping().expect("tests") {
            match run(&zone, case) {
                Ok(()) => passed += 1,
                Err(why) => failed.push(format!("{}: {why}", text(name))),
            }
        }
    }
    println!("RFC 7208 suite: {passed} of {} pass", passed + failed.len());
    assert!(failed.is_empty(), "{} of {} fail:\n{}", failed.len(), passed + failed.len(), failed.join("\n"));
    assert_eq!(passed, CASES, "the suite has changed");
}

fn suite() -> Option<String> {
    let path = std::env::var_os("SIGNET_SPF_SUITE").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/spf/rfc7208-tests.yml"),
        PathBuf::from,
    );
    match std::fs::read_to_string(&path) {
        Ok(text) => Some(text),
        Err(error) => {
            let message = format!("the RFC 7208 suite could NOT be run: {}: {error}", path.display());
            assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "{message}");
            eprintln!("\n==== {message} ====\n");
            None
        }
    }
}

/// What stands at one name: the records by type, and whether everything else
/// goes unanswered.
#[derive(Default)]
struct Node {
    records: Vec<(RecordType, Data)>,
    silent: bool,
}

fn zone(zonedata: &Yaml<'_>) -> BTreeMap<Name, Node> {
    let mut zone = BTreeMap::new();
    for (owner, entries) in zonedata.as_mapping().expect("zonedata") {
        let mut node = Node::default();
        let mut spf = vec![];
        let mut txt_given = false;
        for entry in entries.as_sequence().expect("entries") {
            if entry.as_str() == Some("TIMEOUT") {
                node.silent = true;
                continue;
            }
            for (rtype, value) in entry.as_mapping().expect("a record") {
                match text(rtype) {
                    "SPF" => spf.push(Data::Txt(chunks(value))),
                    "TXT" => {
                        txt_given = true;
                        if value.as_str() != Some("NONE") {
                            node.records.push((RecordType::Txt, Data::Txt(chunks(value))));
                        }
                    }
                    "A" => node.records.push((RecordType::A, address(value))),
                    "AAAA" => node.records.push((RecordType::Aaaa, address(value))),
                    "CNAME" => node.records.push((RecordType::Cname, Data::Cname(target(value)))),
                    "PTR" => node.records.push((RecordType::Ptr, Data::Ptr(target(value)))),
                    "MX" => {
                        let preference =
                            value[0].as_integer().and_then(|n| n.try_into().ok()).expect("a preference");
                        let exchange = text(&value[1]);
                        let exchange = (!exchange.is_empty()).then(|| name(exchange));
                        node.records.push((RecordType::Mx, Data::Mx(preference, exchange)));
                    }
                    other => panic!("a record of type {other}"),
                }
            }
        }
        // Records of the retired type stand for TXT unless the case has its own.
        if !txt_given {
            node.records.extend(spf.into_iter().map(|data| (RecordType::Txt, data)));
        }
        zone.insert(name(text(owner)), node);
    }
    zone
}

fn text<'a>(value: &'a Yaml<'_>) -> &'a str {
    value.as_str().expect("a text")
}

fn chunks(value: &Yaml<'_>) -> Vec<Vec<u8>> {
    match value.as_sequence() {
        Some(chunks) => chunks.iter().map(|chunk| text(chunk).as_bytes().to_vec()).collect(),
        None => vec![text(value).as_bytes().to_vec()],
    }
}

fn address(value: &Yaml<'_>) -> Data {
    Data::Address(text(value).parse().expect("an address"))
}

fn target(value: &Yaml<'_>) -> Name {
    name(text(value))
}

fn name(text: &str) -> Name {
    Name::parse_queried(text).expect("a name")
}

fn look(zone: &BTreeMap<Name, Node>, question: &Question) -> Look {
    let answer = |rcode, data: Vec<Data>| {
        Ok(Answer {
            records: data.into_iter().map(|data| signet_core::observe::Record { data, ttl: 300 }).collect(),
            ..Answer::nothing(rcode)
        })
    };
    let outcome = match zone.get(&question.name) {
        None => answer(Rcode::NxDomain, vec![]),
        Some(node) => {
            let of = |rtype| {
                node.records.iter().filter(move |(t, _)| *t == rtype).map(|(_, data)| data.clone()).collect()
            };
            let data: Vec<Data> = of(question.rtype);
            let alias: Vec<Data> = of(RecordType::Cname);
            match (data.is_empty(), alias.is_empty()) {
                (false, _) => answer(Rcode::NoError, data),
                (true, false) => answer(Rcode::NoError, alias),
                (true, true) if node.silent => Err(Failure::Timeout),
                (true, true) => answer(Rcode::NoError, vec![]),
            }
        }
    };
    let server = Server { name: None, address: None };
    Look { zone: Zone::Found(name("test")), replies: vec![Reply { server, outcome }] }
}

fn run(zone: &BTreeMap<Name, Node>, case: &Yaml<'_>) -> Result<(), String> {
    let field = |key: &str| text(&case[key]);
    let mut query = Query::new(field("host").parse().expect("an address"), field("mailfrom"), field("helo"));
    query.explain = true;
    let mut seen = Seen::new();
    let mut rounds = 0;
    let evaluation = loop {
        match check_host(&seen, &query) {
            Ok(evaluation) => break evaluation,
            Err(need) => {
                rounds += 1;
                assert!(rounds < 200 && !need.0.is_empty(), "no progress");
                for question in need.0 {
                    let look = look(zone, &question);
                    seen.add(question, look);
                }
            }
        }
    };
    let accepted: Vec<&str> = match case["result"].as_sequence() {
        Some(results) => results.iter().map(|result| text(result)).collect(),
        None => vec![field("result")],
    };
    let result = evaluation.result.as_str();
    if !accepted.contains(&result) {
        return Err(format!("{result} instead of {} ({})", accepted.join(" or "), evaluation.cause));
    }
    let wanted = case.as_mapping_get("explanation").and_then(|e| e.as_str()).filter(|e| *e != "DEFAULT");
    match (wanted, case.as_mapping_get("explanation")) {
        (Some(wanted), _) if evaluation.explanation.as_deref() != Some(wanted) => {
            Err(format!("explains {:?} instead of {wanted:?}", evaluation.explanation))
        }
        (None, Some(_)) if evaluation.explanation.is_some() => {
            Err(format!("explains {:?} instead of nothing", evaluation.explanation))
        }
        _ => Ok(()),
    }
}
