//! The path from datagrams to a look, without the sockets.

use super::{
    delegation::Delegation,
    interpret::{GLUE, NAME_SERVERS, RECORDS, Said, Sender, TEXT, interpret},
    look::reply,
    servers::Heard,
    views,
    wire::{self, Match, Query, Service, Style, type_code},
};
use signet_core::{
    names::Name,
    observe::{Data, Failure, Look, Question, Server, View, Zone},
};

/// The look at `question` when each server has sent these octets: to a server
/// of the zone with this apex, or of the zone above, or to a resolver, as the
/// question's view says. What does not match the question is waited past, as
/// if nothing had come.
///
/// # Panics
/// When what was read is larger than this crate says it ever is.
#[must_use]
pub fn look(question: &Question, apex: &Name, sent: Vec<(Server, &[u8])>) -> Look {
    let heard = sent.into_iter().map(|(server, octets)| Heard { server, said: said(question, apex, octets) });
    let heard: Vec<Heard> = heard.collect();
    match question.view {
        View::Servers | View::Stream => {
            Look { zone: Zone::Found(apex.clone()), replies: heard.into_iter().map(reply).collect() }
        }
        View::Parent => {
            let zone = Delegation { apex: apex.clone(), servers: Vec::new() };
            views::from_above(&zone, heard, question.rtype)
        }
        View::Resolvers | View::ResolversAgain | View::Unchecked => {
            views::from_resolvers(&question.name, heard)
        }
    }
}

fn said(question: &Question, apex: &Name, octets: &[u8]) -> Result<Said, Failure> {
    let (service, from) = match question.view {
        View::Servers | View::Stream | View::Parent => (Service::Own, Sender::Authority(apex)),
        View::Resolvers | View::ResolversAgain => (Service::Recursion, Sender::Resolver),
        View::Unchecked => (Service::Unchecked, Sender::Resolver),
    };
    let rtype = type_code(question.rtype);
    // In the case of the name nothing is random, so that a finding can be repeated.
    let query = Query::new(&question.name, rtype, service, Style::PLAIN);
    match query.matches(octets) {
        Match::Reply if wire::is_truncated(octets) => Err(Failure::Truncated),
        Match::Reply => {
            let said = interpret(octets, &question.name, rtype, from);
            bounded(question, from, &said);
            said
        }
        Match::NotUnderstood => Err(Failure::Rcode("FORMERR".to_string())),
        Match::CaseChanged | Match::No => Err(Failure::Timeout),
    }
}

/// What [`interpret`] promises of whatever it is given.
fn bounded(question: &Question, from: Sender<'_>, said: &Result<Said, Failure>) {
    let name = &question.name;
    match said {
        Ok(Said::Answer(answer)) => {
            assert!(answer.records.len() <= RECORDS);
            let text = |data: &Data| data.txt().map_or(0, |text| text.len());
            assert!(answer.records.iter().map(|record| text(&record.data)).sum::<usize>() <= TEXT);
            assert!(answer.soa.as_ref().is_none_or(|apex| name.is_at_or_below(apex)));
            assert_eq!(answer.rrset().len(), answer.records.len(), "a record twice");
        }
        Ok(Said::Referral(referral)) => {
            assert!(name.is_at_or_below(&referral.cut));
            assert!(referral.name_servers.len() <= NAME_SERVERS && referral.glue.len() <= GLUE);
            assert!(referral.glue.iter().all(|(owner, _)| owner.is_at_or_below(&referral.cut)));
            if let Sender::Authority(apex) = from {
                assert!(referral.cut != *apex && referral.cut.is_at_or_below(apex));
            }
        }
        Ok(Said::NoTopLevel) => assert!(matches!(from, Sender::Resolver)),
        Err(_) => {}
    }
}
