//! A routine pass: all its questions at once, and what does not fit in.

use crate::{agreed, asker, data, failures, hasty, name, question, zones};
use signet_core::observe::{Failure, Look, Question, RecordType, Seen, Zone as Where};
use signet_dns::ask::{Ask, Asker, Settings};
use signet_dns::testing::{Fake, Fault, Rule};

const OWNERS: [(&str, RecordType); 4] = [
    ("sg.example.test", RecordType::Cname),
    ("_dmarc.example.test", RecordType::Txt),
    ("example.test", RecordType::Txt),
    ("mail.example.test", RecordType::Aaaa),
];

fn questions() -> Vec<Question> {
    OWNERS.iter().map(|&(owner, rtype)| question(owner, rtype)).collect()
}

async fn pass(asker: &Asker, questions: &[Question]) -> Seen {
    let settled = asker.settle(Ask::routine(), |seen| seen.have(questions.to_vec())).await;
    settled.value.expect("a verdict");
    settled.seen
}

fn at<'a>(seen: &'a Seen, question: &Question) -> &'a Look {
    seen.at(&question.name, question.rtype).expect("it was looked at")
}

fn answers(seen: &Seen) -> Vec<String> {
    questions().iter().map(|question| data(agreed(at(seen, question))).join(" ")).collect()
}

const RIGHT: [&str; 4] = ["mail.example.test", "v=DMARC1; p=none", "v=spf1 -all", "2001:db8::1"];

#[tokio::test]
async fn one_server_is_asked_once_for_each() {
    let fake = Fake::start(zones(), vec![]).await;
    let asker = asker(&fake).await;
    assert_eq!(answers(&pass(&asker, &questions()).await), RIGHT, "while nothing is known");
    let _before = fake.asked();
    let seen = pass(&asker, &questions()).await;
    assert_eq!(answers(&seen), RIGHT);
    let asked = fake.asked();
    assert_eq!(asked.len(), OWNERS.len(), "{asked:?}");
    assert!(asked.iter().all(|a| a.host == asked[0].host && a.edns && !a.recursion), "{asked:?}");
    for (_, look) in seen.iter() {
        assert_eq!(look.zone, Where::Found(name("example.test")));
        assert_eq!(look.replies.len(), 1);
    }
}

#[tokio::test]
async fn whatever_goes_wrong_is_asked_again_the_long_way() {
    for fault in [
        Fault::Silent,
        Fault::Truncated,
        Fault::WrongId,
        Fault::WrongQuestion,
        Fault::Noise,
        Fault::Garbage,
        Fault::Rcode(2),
        Fault::LameReferral,
        Fault::NoEdns,
        Fault::LowerCase,
    ] {
        let fake = Fake::start(zones(), vec![]).await;
        let in_vain = matches!(fault, Fault::Silent);
        let asker = if in_vain { hasty(&fake).await } else { asker(&fake).await };
        pass(&asker, &questions()).await;
        // One of the two servers; the other is there for the second try.
        fake.set_rules(vec![Rule::at(2, fault.clone())]);
        for _ in 0..3 {
            assert_eq!(answers(&pass(&asker, &questions()).await), RIGHT, "{fault:?}");
        }
    }
}

#[tokio::test]
async fn what_is_not_there_and_silence_are_told_apart() {
    let fake = Fake::start(zones(), vec![]).await;
    let patient = asker(&fake).await;
    let absent = question("nothing.example.test", RecordType::Cname);
    for _ in 0..2 {
        let seen = pass(&patient, std::slice::from_ref(&absent)).await;
        let look = at(&seen, &absent);
        assert!(agreed(look).is_negative());
    }
    let hasty = hasty(&fake).await;
    pass(&hasty, std::slice::from_ref(&absent)).await;
    fake.set_rules([2, 3].map(|host| Rule::at(host, Fault::Silent)).to_vec());
    let seen = pass(&hasty, &questions()).await;
    for (_, look) in seen.iter() {
        assert!(failures(look).iter().all(Failure::is_silence), "{look:?}");
    }
}

#[tokio::test]
async fn our_own_zone_is_remembered_for_a_moment() {
    let fake = Fake::start(zones(), vec![]).await;
    let own_zone = Some(name("example.test"));
    let asker = Asker::new(Settings { own_zone, ..fake.settings() }).await.unwrap();
    let spf = question("example.test", RecordType::Txt);
    pass(&asker, std::slice::from_ref(&spf)).await;
    let _before = fake.asked();
    let again = pass(&asker, std::slice::from_ref(&spf)).await;
    assert_eq!(data(agreed(at(&again, &spf))), ["v=spf1 -all"]);
    assert!(fake.asked().is_empty());
    asker.look(&spf, Ask::thorough()).await;
    assert!(!fake.asked().is_empty(), "never for a fresh look");
}
