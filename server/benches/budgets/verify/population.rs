//! The domains of these measurements, all with their records right.
//!
//! They lie in a thousand zones, so that what is known of a zone serves many
//! of them: delegations are warm, however many domains there are. A server
//! with a million zones would be measured more than we are.

use crate::world::{Population, record_id};
use signet::{
    ops::{Ops, checks::Observed},
    store::{Due, Looked},
};
use signet_core::{
    names::Name,
    observe::{Answer, Data, Look, Need, Question, Rcode, Record, Reply, Seen, Server, Zone},
    plan::PlannedRecord,
    verify::{self, Context},
};

/// Zones that they lie in.
pub(super) const ZONES: u32 = 1000;
/// Our own zone, as in the settings of the world.
pub(super) const OWN: &str = "signet.test";
/// What our own zone says of us.
pub(super) const OWN_SPF: &str = "v=spf1 ip4:192.0.2.1 ip6:2001:db8::1 ~all";
/// As the zones say.
const TTL: u32 = 300;

/// How the database is filled: as it is after a look that was like this. All
/// names are of one length, so that what was found at the template can be copied.
pub(super) const RIGHT: Population = Population { template: "template-0000000.host-000.test", name, look };

pub(super) fn zone(number: u32) -> String {
    format!("host-{number:03}.test")
}

pub(super) fn name(number: u32) -> String {
    format!("customer-{number:07}.{}", zone(number % ZONES))
}

/// Owner, type and data of a domain's records, as in a zone file. Written down
/// apart from `core::plan`: what is measured must not define what is right.
pub(super) fn records(number: u32) -> [(String, &'static str, String); 6] {
    let (name, id) = (name(number), record_id(number));
    [
        (format!("sg-{id}.{name}"), "CNAME", format!("bounce.{OWN}.")),
        (name.clone(), "TXT", format!("\"v=spf1 include:_spf.{OWN} ~all\"")),
        (format!("sg1-{id}._domainkey.{name}"), "CNAME", format!("sg1.{id}.dkim.{OWN}.")),
        (format!("sg2-{id}._domainkey.{name}"), "CNAME", format!("sg2.{id}.dkim.{OWN}.")),
        (format!("_dmarc.{name}"), "TXT", "\"v=DMARC1; p=none\"".to_string()),
        (format!("sg-link.{name}"), "CNAME", format!("track.{OWN}.")),
    ]
}

/// What a look at a domain finds when all is right.
fn look(ops: &Ops, due: &Due, whole: bool) -> Looked {
    let plan = ops.plan(&due.domain);
    let context = Context {
        provider: &ops.config.provider,
        domain: due.domain.name.name(),
        probe: "abcdefghijklmnop",
        dkim_keys: [None, None],
        thorough: false,
        second_view: false,
    };
    let mut seen = Seen::new();
    loop {
        match verify::judge(&context, &plan, &seen) {
            Ok(mut findings) => {
                findings.zone = None;
                return ops.decide(due, &plan, Observed { findings, whole, others_answer: true });
            }
            Err(Need(questions)) => {
                for question in questions {
                    let look = answer(&question, &plan);
                    seen.add(question, look);
                }
            }
        }
    }
}

fn answer(question: &Question, plan: &[PlannedRecord]) -> Look {
    let planned = plan.iter().find(|record| record.owner == question.name && record.rtype == question.rtype);
    let text = |text: &str| Data::Txt(vec![text.as_bytes().to_vec()]);
    let data = match planned {
        Some(record) => Name::parse(&record.value).map_or_else(|_| text(&record.value), Data::Cname),
        None => text(OWN_SPF),
    };
    let answer = Answer { records: vec![Record { data, ttl: TTL }], ..Answer::nothing(Rcode::NoError) };
    let server = Server {
        name: Name::parse("ns.op-0.test").ok(),
        address: Some(std::net::Ipv4Addr::new(127, 0, 1, 1).into()),
    };
    Look {
        zone: Zone::Found(question.name.organizational().unwrap_or_else(|| question.name.clone())),
        replies: vec![Reply { server, outcome: Ok(answer) }],
    }
}
