//! Looks at literal zones on loopback, through literal faults.

mod answers;
mod breakers;
mod delegations;
mod faults;
mod settling;
mod views;
mod volleys;

use signet_core::{
    names::Name,
    observe::{Answer, Consensus, Failure, Look, Question, RecordType},
};
use signet_dns::{
    ask::{Ask, Asker, Scope},
    testing::{Asked, Fake, Rule, Zone},
};

const ALL: Ask = Ask { scope: Scope::All, fresh: false, exact_zone: true, on_demand: false, party: 0 };
const ONE: Ask = Ask { scope: Scope::One, ..ALL };

fn name(text: &str) -> Name {
    Name::parse(text).expect("a name")
}

fn question(owner: &str, rtype: RecordType) -> Question {
    Question::new(&name(owner), rtype)
}

/// `example.test` on two servers, `.test` above it on a third.
fn zones() -> Vec<Zone> {
    vec![
        Zone::new("test", &[9], &["example NS ns2.example", "ns2.example A 127.0.0.2"]),
        Zone::new(
            "example.test",
            &[2, 3],
            &[
                "@ TXT v=spf1 -all",
                "@ MX 10 mail",
                "@ MX 0 .",
                "mail A 192.0.2.1",
                "mail AAAA 2001:db8::1",
                "_dmarc TXT \"v=DMARC1;\" \" p=none\"",
                "sg CNAME mail",
                "elsewhere CNAME bounce.signet.test.",
                "both CNAME mail",
                "both TXT beside",
                "*.wild TXT anything",
                "a.deep.empty A 192.0.2.9",
                "old DNAME example.test.",
                "loop1 CNAME loop2",
                "loop2 CNAME loop1",
                "1 PTR mail",
                "odd CNAME \\032x",
            ],
        ),
    ]
}

async fn asker(fake: &Fake) -> Asker {
    Asker::new(fake.settings()).await.expect("sockets")
}

/// One that gives up soon, where there is nothing to wait for.
async fn hasty(fake: &Fake) -> Asker {
    Asker::new(fake.hasty()).await.expect("sockets")
}

async fn look_with(rules: Vec<Rule>, ask: Ask, owner: &str, rtype: RecordType) -> (Look, Vec<Asked>) {
    let in_vain = rules.iter().any(Rule::keeps_waiting);
    let fake = Fake::start(zones(), rules).await;
    let asker = if in_vain { hasty(&fake).await } else { asker(&fake).await };
    let look = asker.look(&question(owner, rtype), ask).await;
    (look, fake.asked())
}

fn data(answer: &Answer) -> Vec<String> {
    answer.records.iter().map(|r| r.data.to_string()).collect()
}

/// The one answer all servers agree on.
fn agreed(look: &Look) -> &Answer {
    match look.consensus() {
        Consensus::Agreed { answer, .. } => answer,
        other => panic!("{other:?}"),
    }
}

fn failures(look: &Look) -> Vec<Failure> {
    look.failures().map(|(_, failure)| failure.clone()).collect()
}

fn of<'a>(asked: &'a [Asked], host: u8, rtype: &str) -> Vec<&'a Asked> {
    asked.iter().filter(|a| a.host == host && a.rtype == rtype).collect()
}
