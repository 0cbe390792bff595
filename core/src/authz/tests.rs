use super::*;
use crate::lifecycle::Asked;
use alloc::vec;
use proptest::prelude::*;

const READY: Facts = Facts {
    suspension: None,
    demo: false,
    demo_messages_left: 0,
    dns_verified: true,
    company_complete: true,
    decision: Some(Decision::Approved),
    questionnaire: Asked::No,
    card: Asked::No,
};
const DEMO: Facts =
    Facts { demo: true, demo_messages_left: 5, company_complete: false, decision: None, ..READY };

fn candidate(account: i64, name: &str, facts: Facts) -> Candidate {
    Candidate {
        account,
        domain: account * 100,
        name: DomainName::trusted(Name::parse(name).unwrap()),
        owner: EmailAddress::parse("Owner@example.org").unwrap(),
        approved_before: facts.decision == Some(Decision::Approved),
        facts,
        counted: false,
    }
}

fn request(envelope: &str, header_from: Option<&[&str]>, recipients: &[&str]) -> Request {
    Request {
        account: None,
        envelope: Source::parse(envelope),
        header_from: header_from.map(|from| from.iter().map(|address| Source::parse(address)).collect()),
        authenticated: false,
        recipients: Recipients::All(recipients.iter().map(ToString::to_string).collect()),
    }
}

fn said(answer: &Answer) -> String {
    match answer {
        Answer::Allow { spends: None } => "allow".to_string(),
        Answer::Allow { spends: Some(domain) } => format!("allow, counted in {domain}"),
        Answer::Defer(refusal) | Answer::Reject(refusal) => {
            format!("{} {} {}", refusal.code, refusal.enhanced, refusal.text)
        }
    }
}

/// One domain, one recipient who is not the owner.
fn alone(facts: Facts) -> String {
    let request = request("jo@example.com", None, &["ann@example.net"]);
    said(&authorize(&request, &[vec![candidate(1, "example.com", facts)]]))
}

#[test]
fn every_status_approved_before_or_not() {
    let hold = |facts| Facts { suspension: Some(Suspension::Hold), ..facts };
    let abuse = |facts| Facts { suspension: Some(Suspension::Abuse), ..facts };
    let lost = |facts| Facts { dns_verified: false, ..facts };
    let incomplete = |facts| Facts { company_complete: false, ..facts };
    let never = Facts { decision: None, ..READY };
    let rejected = Facts { decision: Some(Decision::Rejected), ..READY };
    let questions = Facts { questionnaire: Asked::Open, ..never };
    let card = Facts { questionnaire: Asked::Met, card: Asked::Open, ..never };
    let (dns, company) =
        ("its DNS records are not verified", "the company information of its account is not complete");
    // What is said, and the code where it was never approved and where it was.
    for (facts, why, codes) in [
        (READY, "", [250, 250]),
        (hold(READY), "it is held by the operator", [450, 450]),
        (hold(lost(never)), "it is held by the operator", [450, 450]),
        (hold(DEMO), "it is held by the operator", [450, 450]),
        (abuse(READY), "it is suspended", [550, 550]),
        (abuse(rejected), "it is suspended", [550, 550]),
        (abuse(DEMO), "it is suspended", [550, 550]),
        (Facts { demo_messages_left: 0, ..DEMO }, "the demo domain has used up its messages", [550, 550]),
        (DEMO, "a demo domain may write to its account's owner only", [550, 550]),
        (lost(never), dns, [550, 450]),
        (lost(questions), dns, [550, 450]),
        (lost(rejected), dns, [550, 550]),
        (incomplete(never), company, [550, 450]),
        (incomplete(rejected), company, [550, 550]),
        (rejected, "a review has rejected it", [550, 550]),
        (questions, "its review waits for the questionnaire", [550, 450]),
        (card, "its review waits for the card check", [550, 450]),
        (never, "its review has not decided yet", [550, 450]),
    ] {
        for (approved_before, code) in [false, true].into_iter().zip(codes) {
            let expected = match code {
                250 => "allow".to_string(),
                450 => {
                    format!("450 4.7.1 Sending from domain example.com is not allowed at the moment: {why}")
                }
                _ => format!("550 5.7.1 Sending from domain example.com is not allowed: {why}"),
            };
            let candidate = Candidate { approved_before, ..candidate(1, "example.com", facts) };
            let request = request("jo@example.com", None, &["ann@example.net"]);
            let answer = said(&authorize(&request, &[vec![candidate]]));
            assert_eq!(answer, expected, "{facts:?}, approved before: {approved_before}");
        }
    }
    // The approval stands: what is missing can be mended while the message waits.
    for (facts, why) in [(lost(READY), dns), (incomplete(READY), company)] {
        assert_eq!(
            alone(facts),
            format!("450 4.7.1 Sending from domain example.com is not allowed at the moment: {why}")
        );
    }
}

#[test]
fn a_demo_domain_writes_to_its_owner() {
    let demo = || vec![vec![candidate(1, "d.demo.test", DEMO)]];
    for (recipients, allowed) in [
        (&["owner@example.org"][..], true),
        (&["OWNER@Example.ORG"], true),
        (&["owner@example.org", "Owner@example.org"], true),
        (&["owner@example.org", "ann@example.net"], false),
        (&["owner+x@example.org"], false),
        (&["owner@example.org@example.net"], false),
        (&["owner@sub.example.org"], false),
        (&[""], false),
        (&[], false),
    ] {
        let answer = authorize(&request("x@d.demo.test", None, recipients), &demo());
        assert_eq!(answer == Answer::Allow { spends: Some(100) }, allowed, "{recipients:?}: {answer:?}");
        assert_eq!(matches!(answer, Answer::Reject(_)), !allowed, "{recipients:?}");
    }
    let untold = Request { recipients: Recipients::Untold, ..request("x@d.demo.test", None, &[]) };
    assert!(matches!(authorize(&untold, &demo()), Answer::Reject(_)));
}

#[test]
fn a_counted_message_is_not_exhausted_by_itself() {
    let used_up = candidate(1, "d.demo.test", Facts { demo_messages_left: 0, ..DEMO });
    let again = Candidate { counted: true, ..used_up.clone() };
    let request = request("x@d.demo.test", None, &["owner@example.org"]);
    assert!(matches!(authorize(&request, &[vec![used_up]]), Answer::Reject(_)));
    assert_eq!(authorize(&request, &[vec![again]]), Answer::Allow { spends: Some(100) });
}

#[test]
fn what_is_not_registered() {
    for (sender, domain) in [
        ("jo@sub.example.com", "sub.example.com"),
        ("jo@EXAMPLE.net", "example.net"),
        ("jo@bücher.example", "xn--bcher-kva.example"),
        ("jo", "(none)"),
        ("jo@", "(none)"),
        ("jo@[192.0.2.1]", "[192.0.2.1]"),
        ("jo@a..b", "a..b"),
        ("jo@x\r\naction=OK\n\n", "x??action?OK??"),
        ("jo@\"<x>\"", "??x??"),
    ] {
        let answer = authorize(&request(sender, None, &["ann@example.net"]), &[vec![]]);
        let expected = format!("550 5.7.1 Sending from domain {domain} is not allowed: it is not registered");
        assert_eq!(said(&answer), expected);
    }
}

#[test]
fn an_account_that_is_known_has_only_its_own() {
    let of_two = || vec![vec![candidate(1, "example.com", READY), candidate(2, "example.com", DEMO)]];
    let message =
        |account| Request { account: Some(account), ..request("jo@example.com", None, &["ann@example.net"]) };
    assert_eq!(said(&authorize(&message(1), &of_two())), "allow");
    assert!(said(&authorize(&message(2), &of_two())).ends_with("to its account's owner only"));
    assert_eq!(
        said(&authorize(&message(3), &of_two())),
        "550 5.7.1 Sending from domain example.com is not allowed: it is not registered in account 3"
    );
}

#[test]
fn return_paths_are_exact() {
    let path = |name: &str| return_path(&Name::parse(name).unwrap(), "sg").map(|(id, d)| format!("{id} {d}"));
    assert_eq!(
        path("sg-abcdefghijklmnop.mail.example.com").as_deref(),
        Some("abcdefghijklmnop mail.example.com")
    );
    assert_eq!(path("SG-ABCDEFGHIJKLMNOP.example.com").as_deref(), Some("abcdefghijklmnop example.com"));
    for name in [
        "example.com",
        "sg-link.example.com",
        "sg-abcdefghijklmno1.example.com",
        "sg-abcdefghijklmnopq.example.com",
        "sgabcdefghijklmnop.example.com",
        "x.sg-abcdefghijklmnop.example.com",
        "sg-abcdefghijklmnop",
    ] {
        assert_eq!(path(name), None, "{name}");
    }
}

#[test]
fn the_null_sender_follows_the_header() {
    let fine = || vec![vec![candidate(1, "example.com", READY)]];
    let from = request("", Some(&["jo@example.com"]), &["ann@example.net"]);
    assert_eq!(said(&authorize(&from, &fine())), "allow");
    let foreign = request("", Some(&["jo@example.net"]), &["ann@example.net"]);
    assert!(matches!(authorize(&foreign, &[vec![]]), Answer::Reject(_)));

    for header in [None, Some(&[][..])] {
        let bounce = request("", header, &["ann@example.net"]);
        assert_eq!(said(&authorize(&bounce, &[])), "allow", "a bounce of the operator's own");
        let customer = Request { authenticated: true, ..bounce };
        assert_eq!(
            said(&authorize(&customer, &[])),
            "550 5.7.1 Sending is not allowed: the null sender does not tell from which domain the message is"
        );
    }
}

#[test]
fn everything_named_must_be_allowed() {
    let bad = Facts { decision: Some(Decision::Rejected), ..READY };
    let lost = Facts { dns_verified: false, ..READY };
    let from: &[&str] = &["a@one.example", "b@two.example"];
    let message = request("x@sg-abcdefghijklmnop.one.example", Some(from), &["owner@example.org"]);
    assert_eq!(message.sources().len(), 3);
    let found = |two: Candidate| {
        [vec![candidate(1, "one.example", READY)], vec![candidate(1, "one.example", READY)], vec![two]]
    };
    for (two, expected) in [
        (candidate(1, "two.example", READY), "allow"),
        (candidate(1, "two.example", DEMO), "allow, counted in 100"),
        (
            candidate(1, "two.example", bad),
            "550 5.7.1 Sending from domain two.example is not allowed: a review has rejected it",
        ),
        (
            candidate(1, "two.example", lost),
            "450 4.7.1 Sending from domain two.example is not allowed at the moment: its DNS records are not verified",
        ),
        (
            candidate(2, "two.example", READY),
            "550 5.7.1 Sending is not allowed: the envelope sender and the header From belong to different accounts",
        ),
    ] {
        assert_eq!(said(&authorize(&message, &found(two))), expected);
    }
    let missing =
        [vec![candidate(1, "one.example", READY)], vec![candidate(1, "one.example", READY)], vec![]];
    assert!(
        matches!(authorize(&message, &missing), Answer::Reject(r) if r.domain.as_deref() == Some("two.example"))
    );
    assert!(matches!(authorize(&message, &[]), Answer::Reject(_)), "what was not looked up is not allowed");
}

#[test]
fn a_name_of_several_accounts() {
    let message = request("jo@example.com", None, &["ann@example.net"]);
    let pending = Facts { dns_verified: false, decision: None, ..READY };
    let lost = Facts { dns_verified: false, ..READY };
    let suspended = Facts { suspension: Some(Suspension::Abuse), ..READY };
    let held = Facts { suspension: Some(Suspension::Hold), ..READY };
    let reviewed = Facts { decision: None, ..READY };
    for (facts, expected) in [
        // Registering a name proves nothing, and a suspension of whoever did no more.
        (&[pending, READY][..], "allow"),
        (&[Facts { suspension: Some(Suspension::Abuse), ..pending }, READY], "allow"),
        (&[lost, reviewed], "550"),
        (&[pending, lost], "450"),
        (&[Facts { suspension: Some(Suspension::Abuse), ..pending }, lost], "450"),
        // Both are who they say.
        (&[reviewed, READY], "allow"),
        (&[READY, suspended], "550"),
        (&[READY, held], "450"),
        (&[held, suspended], "550"),
        (&[Facts { suspension: Some(Suspension::Hold), ..pending }, READY], "allow"),
    ] {
        let candidates: Vec<_> =
            (1..).zip(facts).map(|(n, facts)| candidate(n, "example.com", *facts)).collect();
        let reversed: Vec<_> = candidates.iter().rev().cloned().collect();
        for candidates in [candidates, reversed] {
            let answer = said(&authorize(&message, &[candidates]));
            assert!(answer.starts_with(expected), "{facts:?}: {answer}");
        }
    }
    // The return path tells which account it is, and with it whose header that is.
    let message =
        request("x@sg-abcdefghijklmnop.example.com", Some(&["jo@example.com"]), &["ann@example.net"]);
    let of_two = vec![candidate(2, "example.com", suspended), candidate(1, "example.com", READY)];
    assert_eq!(said(&authorize(&message, &[vec![candidate(1, "example.com", READY)], of_two])), "allow");
}

#[test]
fn too_many_sources() {
    let many: Vec<String> = (0..40).map(|n| format!("jo@d{n}.example")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let message = request("jo@d0.example", Some(&many), &["ann@example.net"]);
    let found: Vec<_> =
        message.sources().iter().map(|source| vec![candidate(1, source.text(), READY)]).collect();
    assert_eq!(found.len(), MAX_SOURCES + 1);
    assert!(matches!(authorize(&message, &found), Answer::Reject(_)));
}

/// Facts of all kinds, rather often such that sending is allowed.
fn facts() -> impl Strategy<Value = Facts> {
    let often = || proptest::bool::weighted(0.8);
    let asked = || prop_oneof![Just(Asked::No), Just(Asked::Open), Just(Asked::Met)];
    let suspension = prop_oneof![
        6 => Just(None),
        1 => Just(Some(Suspension::Hold)),
        1 => Just(Some(Suspension::Abuse)),
    ];
    let decision = prop_oneof![
        4 => Just(Some(Decision::Approved)),
        1 => Just(Some(Decision::Rejected)),
        1 => Just(None),
    ];
    (suspension, any::<bool>(), 0..3u32, often(), often(), decision, asked(), asked()).prop_map(
        |(suspension, demo, left, dns_verified, company_complete, decision, questionnaire, card)| Facts {
            suspension,
            demo,
            demo_messages_left: left,
            dns_verified,
            company_complete,
            decision,
            questionnaire,
            card,
        },
    )
}

const ACCOUNTS: [i64; 3] = [1, 2, 3];

/// A message from one to four domains, and in which of three accounts each is.
fn message() -> impl Strategy<Value = (Request, Vec<Vec<Candidate>>)> {
    let in_account = proptest::option::weighted(0.7, (facts(), any::<bool>(), any::<bool>()));
    let of_source = proptest::array::uniform3(in_account);
    let account = proptest::option::of(proptest::sample::select(ACCOUNTS.to_vec()));
    let to = || prop_oneof![3 => Just("owner@example.org"), 1 => Just("ann@example.net")];
    let recipients = prop_oneof![
        5 => proptest::collection::vec(to(), 1..4)
            .prop_map(|all| Recipients::All(all.into_iter().map(ToString::to_string).collect())),
        1 => Just(Recipients::Untold),
    ];
    (proptest::collection::vec(of_source, 1..5), account, recipients).prop_map(
        |(sources, account, recipients)| {
            let names: Vec<String> = (0..sources.len()).map(|n| format!("jo@d{n}.example")).collect();
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let found = sources.into_iter().zip(&names).map(|(accounts, name)| {
                let of_accounts = ACCOUNTS.into_iter().zip(accounts);
                let there = of_accounts.filter_map(|(account, there)| Some((account, there?)));
                let candidates = there.map(|(account, (facts, approved_before, counted))| Candidate {
                    approved_before,
                    counted,
                    ..candidate(account, &name[3..], facts)
                });
                candidates.collect()
            });
            let found = found.collect();
            (Request { account, recipients, ..request(names[0], Some(&names[1..]), &[]) }, found)
        },
    )
}

fn allowed(answer: &Answer) -> bool {
    matches!(answer, Answer::Allow { .. })
}

/// A source of a message as a message of its own, of a known account.
fn one_source(message: &Request, n: usize, account: i64) -> Request {
    let envelope = message.sources()[n].clone();
    Request { account: Some(account), envelope, header_from: None, ..message.clone() }
}

proptest! {
    #[test]
    fn no_source_is_let_out_by_the_others((message, found) in message()) {
        let answer = authorize(&message, &found);
        // There is an account that may send every part of it.
        let accounts = ACCOUNTS.into_iter().filter(|of| message.account.is_none_or(|known| known == *of));
        let alone = accounts.map(|account| {
            let each = (0..found.len())
                .map(|n| authorize(&one_source(&message, n, account), &found[n..=n]));
            each.collect::<Vec<_>>()
        });
        let able: Vec<Vec<Answer>> = alone.filter(|answers| answers.iter().all(allowed)).collect();
        prop_assert!(!allowed(&answer) || !able.is_empty(), "{answer:?}");
        // And what counts alone counts together.
        if answer == (Answer::Allow { spends: None }) {
            let uncounted = |answers: &Vec<Answer>| {
                answers.iter().all(|answer| *answer == Answer::Allow { spends: None })
            };
            prop_assert!(able.iter().any(uncounted));
        }
        if let (Some(_), Some(answers)) = (message.account, able.first()) {
            prop_assert!(allowed(&answer), "all of {answers:?}, and yet {answer:?}");
        }
    }

    #[test]
    fn one_more_recipient_opens_no_door((message, found) in message(), owner in any::<bool>()) {
        let Recipients::All(mut all) = message.recipients.clone() else { return Ok(()) };
        all.push(if owner { "owner@example.org" } else { "ann@example.net" }.to_string());
        let before = authorize(&message, &found);
        let after = authorize(&Request { recipients: Recipients::All(all), ..message }, &found);
        prop_assert!(allowed(&before) || !allowed(&after), "{before:?}, then {after:?}");
    }

    #[test]
    fn nothing_suspended_is_let_out((message, found) in message()) {
        let verified_and_suspended = |found: &Vec<Candidate>| {
            !found.is_empty()
                && found.iter().all(|candidate| candidate.facts.suspension.is_some())
        };
        if found.iter().any(verified_and_suspended) {
            prop_assert!(!allowed(&authorize(&message, &found)));
        }
    }

    #[test]
    fn nothing_from_outside_breaks_an_answer(sender in any::<String>(), from in any::<String>()) {
        let message = request(&sender, Some(&[&from]), &["ann@example.net"]);
        let answer = said(&authorize(&message, &[]));
        prop_assert!(answer.bytes().all(|b| (0x20..0x7f).contains(&b)), "{answer:?}");
        prop_assert!(answer.len() < 512, "{}", answer.len());
        if answer == "allow" {
            prop_assert!(sender.is_empty() && from.is_empty());
        }
    }
}
