//! Being due, being looked at, and what a look changes.

use super::*;
use signet_core::observe::Server;

on_both! {
    a_look_is_kept_whole every_state_survives leases tickets a_stale_look_changes_nothing
    rivals_are_woken putting_back overdue_work_is_spread what_is_new_does_not_wait_for_a_million
    trust_is_remembered all_are_asked_for nobody_looks_twice_and_nothing_is_applied_twice
    a_crash_leaves_everything_due
}

async fn a_look_is_kept_whole(place: Place) {
    let store = place.open().await;
    let account = an_account(&store).await;
    let domain = register(&store, account, "example.com").await;
    let due = claim(&store, 10).await.remove(0);
    assert_eq!(due.domain, domain);
    assert_eq!((due.on_demand, due.rival, due.failures, due.suspicions), (false, false, 0, 0));
    assert_eq!((due.waiting_since, due.due_at), (at(0), at(0)));

    let mut looked = look(&due, DnsState::Verified { at: at(10) }, 10);
    looked.events = vec![
        NewEvent::of(EventKind::DomainVerified),
        NewEvent {
            reason: Some("The record is there.".to_string()),
            from: Some("missing".to_string()),
            to: Some("pass".to_string()),
            record: Some(RecordKey::Dkim1),
            ..NewEvent::of(EventKind::RecordChanged)
        },
    ];
    // A stranger's text: whatever it is, it must not stop anybody's look.
    looked.present.dmarc = Some("v=DMARC1; p=none; x=\0".to_string());
    assert_eq!(store.apply_looks(std::slice::from_ref(&looked), &cause(10)).await.unwrap(), [true]);
    looked.present.dmarc = Some("v=DMARC1; p=none; x=\u{fffd}".to_string());
    let after = store.domain(account, domain.id).await.unwrap().unwrap();
    let expected = Domain {
        dns: looked.dns,
        records: looked.records.clone(),
        present: looked.present.clone(),
        zone: looked.zone.clone(),
        checked_at: Some(at(10)),
        ..domain.clone()
    };
    assert_eq!(after, expected);
    assert_eq!(store.report(account, domain.id).await.unwrap().as_ref(), Some(&looked.report));
    assert_eq!(
        history(&store, &domain).await[1..],
        [
            "domain.verified >",
            "domain.record_changed missing>pass",
            "domain.compliance_changed unverified_dns>missing_company_info",
        ]
    );
    let events = store.events(account, domain.id, None, 10).await.unwrap();
    assert_eq!(
        (events[1].reason.as_str(), events[1].record.as_deref()),
        ("The record is there.", Some("dkim1"))
    );
    assert_eq!(events[0].reason, "because");
    assert_eq!(store.next_due().await.unwrap(), Some(looked.due_at));

    // Nothing new but the time: the report's time moves, its verdicts stay.
    let due = claim(&store, 86_410).await.remove(0);
    assert_eq!((due.failures, due.suspicions), (1, 2), "counters come back");
    let again = Looked {
        report: Report { checked_at: at(86_411), ..looked.report.clone() },
        ..look(&due, looked.dns, 86_411)
    };
    let again = Looked { zone: None, present: Present::default(), ..again };
    assert_eq!(store.apply_looks(&[again], &cause(86_411)).await.unwrap(), [true]);
    let report = store.report(account, domain.id).await.unwrap().unwrap();
    assert_eq!(report, Report { checked_at: at(86_411), verdicts: looked.report.verdicts });
    let after = store.domain(account, domain.id).await.unwrap().unwrap();
    assert_eq!((after.zone, after.present), (None, Present::default()));
    assert_eq!(history(&store, &domain).await.len(), 4, "no history where nothing happened");
}

async fn every_state_survives(place: Place) {
    let store = place.open().await;
    let account = an_account(&store).await;
    let domain = register(&store, account, "example.com").await;
    let states = [
        DnsState::Verified { at: at(1) },
        DnsState::Suspect { at: at(1), since: at(2), unaligned_since: None },
        DnsState::Suspect { at: at(1), since: at(2), unaligned_since: Some(at(3)) },
        DnsState::AtRisk { at: at(1), since: at(2), deadline: at(4), unaligned_since: Some(at(3)) },
        DnsState::AtRisk { at: at(1), since: at(2), deadline: at(4), unaligned_since: None },
        DnsState::Lost { at: at(5) },
        DnsState::Pending,
    ];
    for (n, state) in (10..).zip(states) {
        look_at(&store, &domain, state, n).await;
        assert_eq!(store.domain(account, domain.id).await.unwrap().unwrap().dns, state);
    }
    look_at(&store, &domain, DnsState::Lost { at: at(5) }, 20).await;
    store.request_check(account, domain.id, at(21)).await.unwrap();
    assert_eq!(claim(&store, 21).await[0].waiting_since, at(5), "it waits since the loss");
}

async fn leases(place: Place) {
    let store = place.open().await;
    let other = place.beside(&store).await;
    let account = an_account(&store).await;
    let mut ids = vec![];
    for n in 0..4 {
        ids.push(register(&store, account, &format!("d{n}.example")).await.id);
    }
    let first = store.claim_due(at(10), at(70), 3).await.unwrap();
    assert_eq!(first.len(), 3);
    let second = other.claim_due(at(10), at(50), 3).await.unwrap();
    assert_eq!(second.len(), 1, "what one node holds another does not get");
    assert!(claim(&store, 11).await.is_empty());
    assert_eq!(store.next_due().await.unwrap(), Some(at(50)), "when the first lease ends");
    assert_eq!(claim(&store, 50).await.len(), 1, "a lease that ran out is no lease");
    assert!(store.claim_due(at(-5), at(70), 9).await.unwrap().is_empty(), "nothing is due before its time");

    let looks: Vec<Looked> = first.iter().map(|due| look(due, DnsState::Pending, 12)).collect();
    assert_eq!(store.apply_looks(&looks, &cause(12)).await.unwrap(), [true; 3]);
    assert!(claim(&store, 13).await.is_empty());
    assert_eq!(claim(&store, 12 + 86_400).await.len(), 4, "due again a day later");
    assert_eq!(store.apply_looks(&[], &cause(12)).await.unwrap(), [false; 0]);
}

async fn tickets(place: Place) {
    let store = place.open().await;
    let account = an_account(&store).await;
    let domain = register(&store, account, "example.com").await;
    let covered = async || store.covered(account, domain.id).await.unwrap().unwrap();
    look_at(&store, &domain, DnsState::Pending, 1).await;

    let ticket = store.request_check(account, domain.id, at(10)).await.unwrap().unwrap();
    assert!(covered().await < ticket);
    let due = claim(&store, 10).await.remove(0);
    assert!(due.on_demand);
    assert_eq!(due.ticket, ticket);
    // Asked again while the look is on its way: that look began too early.
    let later = store.request_check(account, domain.id, at(11)).await.unwrap().unwrap();
    assert!(later > ticket);
    assert!(claim(&store, 12).await.is_empty(), "still held");
    store.apply_looks(&[look(&due, DnsState::Pending, 13)], &cause(13)).await.unwrap();
    assert_eq!(covered().await, ticket);
    let due = claim(&store, 13).await.remove(0);
    assert_eq!((due.ticket, due.on_demand), (later, true), "looked at again at once");
    store.apply_looks(&[look(&due, DnsState::Pending, 14)], &cause(14)).await.unwrap();
    assert_eq!(covered().await, later);
    assert!(claim(&store, 15).await.is_empty());
    assert!(!claim(&store, 86_500).await.remove(0).on_demand, "a look in turn");

    let demo = store.domains(account, &TokenScope::Account, None, Some(1)).await.unwrap().remove(0);
    let ticket = store.request_check(account, demo.id, at(10)).await.unwrap().unwrap();
    assert_eq!(store.covered(account, demo.id).await.unwrap(), Some(ticket), "a demo domain needs no look");
}

async fn a_stale_look_changes_nothing(place: Place) {
    let store = place.open().await;
    let account = an_account(&store).await;
    let domain = register(&store, account, "example.com").await;
    let slow = claim(&store, 10).await.remove(0);
    let quick = claim(&store, 100).await.remove(0);
    assert_eq!(
        store.apply_looks(&[look(&quick, DnsState::Pending, 101)], &cause(101)).await.unwrap(),
        [true]
    );
    let verified = DnsState::Verified { at: at(102) };
    assert_eq!(store.apply_looks(&[look(&slow, verified, 102)], &cause(102)).await.unwrap(), [false]);
    let after = store.domain(account, domain.id).await.unwrap().unwrap();
    assert_eq!((after.dns, after.checked_at), (DnsState::Pending, Some(at(101))));
    assert_eq!(history(&store, &domain).await.len(), 1);

    store.request_check(account, domain.id, at(103)).await.unwrap();
    let due = claim(&store, 103).await.remove(0);
    let twice = [look(&due, verified, 104), look(&due, DnsState::Pending, 105)];
    assert_eq!(
        store.apply_looks(&twice, &cause(105)).await.unwrap(),
        [true, false],
        "the second comes too late"
    );
    assert_eq!(store.domain(account, domain.id).await.unwrap().unwrap().dns, verified);
}

async fn rivals_are_woken(place: Place) {
    let store = place.open().await;
    let (ours, theirs) = (an_account(&store).await, an_account(&store).await);
    let mine = register(&store, ours, "example.com").await;
    look_at(&store, &mine, DnsState::Verified { at: at(1) }, 1).await;
    let rival = register(&store, theirs, "example.com").await;
    let unrelated = register(&store, theirs, "other.example").await;
    let due = claim(&store, 2).await;
    assert_eq!(
        due.iter().map(|due| (due.domain.id, due.rival)).collect::<Vec<_>>(),
        [(rival.id, true), (unrelated.id, false)]
    );
    let looks = [
        look(&due[0], DnsState::Verified { at: at(3) }, 3),
        look(&due[1], DnsState::Verified { at: at(3) }, 3),
    ];
    store.apply_looks(&looks, &cause(3)).await.unwrap();
    let woken = claim(&store, 3).await;
    assert_eq!(
        woken.iter().map(|due| due.domain.id).collect::<Vec<_>>(),
        [mine.id],
        "the same name elsewhere"
    );
    assert!(woken[0].rival);
    // Once more verified is not newly verified.
    store.apply_looks(&[look(&woken[0], DnsState::Verified { at: at(1) }, 4)], &cause(4)).await.unwrap();
    assert!(claim(&store, 5).await.is_empty());
}

async fn putting_back(place: Place) {
    let store = place.open().await;
    let account = an_account(&store).await;
    let domain = register(&store, account, "example.com").await;
    let due = claim(&store, 10).await.remove(0);
    store.put_back(&[(domain.id, due.version + 1)], at(11)).await.unwrap();
    assert!(claim(&store, 11).await.is_empty(), "not what was claimed");
    store.put_back(&[(domain.id, due.version), (DomainId(999), 1)], at(20)).await.unwrap();
    assert_eq!(store.next_due().await.unwrap(), Some(at(20)));
    assert!(claim(&store, 19).await.is_empty());
    let again = claim(&store, 20).await.remove(0);
    assert_eq!(again.version, due.version);
}

async fn overdue_work_is_spread(place: Place) {
    let store = place.open().await;
    let account = an_account(&store).await;
    let mut domains = vec![];
    for n in 0..40 {
        domains.push(register(&store, account, &format!("d{n}.example")).await);
    }
    let day = 86_400;
    let due = claim(&store, 1).await;
    let looks: Vec<Looked> = due.iter().map(|due| look(due, DnsState::Pending, 1)).collect();
    store.apply_looks(&looks, &cause(1)).await.unwrap();
    store.request_check(account, domains[0].id, at(2)).await.unwrap();
    let now = 3 * day;
    let late = NewDomain {
        account,
        name: domain_name("young.example"),
        record_id: record_id(),
        dkim: Default::default(),
    };
    store.create_domain(&late, None, &cause(now - 400)).await.unwrap().unwrap();

    assert_eq!(store.spread_overdue(at(now), at(now + 3600)).await.unwrap(), 39);
    let at_once = claim(&store, now - 1).await;
    assert_eq!(at_once.len(), 2, "what was asked for and what is young stay due");
    let first_half = store.claim_due(at(now + 1800), at(now + 9000), 1000).await.unwrap();
    let second_half = store.claim_due(at(now + 3600), at(now + 9000), 1000).await.unwrap();
    assert!(
        first_half.len() > 10 && second_half.len() > 10,
        "{} and {}",
        first_half.len(),
        second_half.len()
    );
    assert_eq!(store.spread_overdue(at(now), at(now + 3600)).await.unwrap(), 0, "leased now");
}

/// What is new does not wait behind everything that is overdue.
async fn what_is_new_does_not_wait_for_a_million(place: Place) {
    let store = place.open().await;
    let account = an_account(&store).await;
    for n in 0..20 {
        register(&store, account, &format!("d{n}.example")).await;
    }
    let new = NewDomain {
        account,
        name: domain_name("new.example"),
        record_id: record_id(),
        dkim: Default::default(),
    };
    let new = store.create_domain(&new, None, &cause(100)).await.unwrap().unwrap();
    let first = store.claim_due(at(100), at(200), 8).await.unwrap();
    assert_eq!(first.len(), 8);
    assert!(first.iter().any(|due| due.domain.id == new.id));
    assert_eq!(first.iter().filter(|due| due.due_at == at(0)).count(), 7);
    assert_eq!(store.claim_due(at(100), at(200), 50).await.unwrap().len(), 13, "and none is left out");
}

/// Since when a record is not trusted any more outlives looks that see nothing.
async fn trust_is_remembered(place: Place) {
    let store = place.open().await;
    let account = an_account(&store).await;
    let domain = register(&store, account, "example.com").await;
    let shown = async || store.domain(account, domain.id).await.unwrap().unwrap().records[0].shown;
    let states = [
        (Status::Pass, Some(10)),
        (Status::Pass, Some(20)),
        // Nothing was heard since, the last verdict still stands.
        (Status::Pass, Some(20)),
        (Status::NetworkError, Some(20)),
        (Status::NetworkError, None),
        (Status::Unchecked, None),
        (Status::Missing, Some(70)),
    ];
    for (n, (status, trusted)) in (1..).zip(states) {
        let seconds = n * 10;
        store.request_check(account, domain.id, at(seconds)).await.unwrap();
        let due = claim(&store, seconds).await.remove(0);
        let mut looked = look(&due, DnsState::Verified { at: at(1) }, seconds);
        looked.records[0].shown = Shown { status, trusted_at: trusted.map(at) };
        assert_eq!(store.apply_looks(std::slice::from_ref(&looked), &cause(seconds)).await.unwrap(), [true]);
        assert_eq!(shown().await, looked.records[0].shown, "after look {n}");
    }
}

async fn all_are_asked_for(place: Place) {
    let store = place.open().await;
    let (one, other) = (an_account(&store).await, an_account(&store).await);
    let mut domains = vec![];
    for n in 0..3 {
        domains.push(register(&store, one, &format!("d{n}.one.example")).await);
        register(&store, other, &format!("d{n}.other.example")).await;
    }
    let due = claim(&store, 1).await;
    let looks: Vec<Looked> = due.iter().map(|due| look(due, DnsState::Verified { at: at(1) }, 1)).collect();
    store.apply_looks(&looks, &cause(1)).await.unwrap();
    assert!(claim(&store, 2).await.is_empty());

    assert_eq!(store.request_check_all(Some(one), at(100)).await.unwrap(), 3, "the demo domain is never due");
    assert_eq!(store.request_check_all(None, at(100)).await.unwrap(), 6);
    assert_eq!(store.checks_outstanding(Some(one)).await.unwrap(), 3);
    assert_eq!(store.checks_outstanding(None).await.unwrap(), 6);
    // One that somebody waits for goes before them.
    store.request_check(one, domains[2].id, at(101)).await.unwrap();
    let due = store.claim_due(at(101), at(200), 3).await.unwrap();
    assert_eq!(due[0].domain.id, domains[2].id);
    assert!(due.iter().all(|due| due.on_demand));
    let rest = claim(&store, 101).await;
    assert_eq!(rest.len(), 3);

    let state = |id: DomainId| match domains.iter().position(|domain| domain.id == id) {
        Some(0) => DnsState::Lost { at: at(102) },
        Some(1) => DnsState::AtRisk { at: at(1), since: at(9), deadline: at(999), unaligned_since: None },
        _ => DnsState::Verified { at: at(1) },
    };
    let looks: Vec<Looked> = due
        .iter()
        .chain(&rest)
        .map(|due| Looked {
            failures: u32::from(due.domain.id == domains[2].id),
            ..look(due, state(due.domain.id), 102)
        })
        .collect();
    assert_eq!(store.apply_looks(&looks[..5], &cause(102)).await.unwrap(), [true; 5]);
    assert_eq!(store.checks_outstanding(None).await.unwrap(), 1);
    store.apply_looks(&looks[5..], &cause(102)).await.unwrap();
    assert_eq!(store.checks_outstanding(None).await.unwrap(), 0);
    let tally = store.tally(Some(one)).await.unwrap();
    assert_eq!(tally, Tally { verified: 1, at_risk: 1, lost: 1, unseen: 1, ..Tally::default() });
    let tally = store.tally(None).await.unwrap();
    assert_eq!(tally, Tally { verified: 4, at_risk: 1, lost: 1, unseen: 1, ..Tally::default() });
}

/// Many claim and apply beside each other: no domain is held twice, each look
/// is applied, those that find nothing new leave no trace but their time.
async fn nobody_looks_twice_and_nothing_is_applied_twice(place: Place) {
    let store = place.open().await;
    let account = an_account(&store).await;
    for n in 0..60 {
        register(&store, account, &format!("d{n}.example")).await;
    }
    let verified = DnsState::Verified { at: at(1) };
    let looks: Vec<Looked> = claim(&store, 1).await.iter().map(|due| look(due, verified, 1)).collect();
    assert_eq!(store.apply_looks(&looks, &cause(1)).await.unwrap(), [true; 60]);

    let day = 86_400;
    let workers = (0..4).map(|_| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            let mut done = 0;
            loop {
                let due = store.claim_due(at(day + 1), at(day + 600), 7).await.unwrap();
                if due.is_empty() {
                    return done;
                }
                // Every seventh finds something else.
                let state = |due: &Due| {
                    if due.domain.id.0 % 7 == 0 { DnsState::Lost { at: at(2) } } else { verified }
                };
                let looks: Vec<Looked> = due.iter().map(|due| look(due, state(due), day + 1)).collect();
                let written = store.apply_looks(&looks, &cause(day + 1)).await.unwrap();
                assert!(written.iter().all(|written| *written), "nobody else looked");
                done += written.len();
            }
        })
    });
    let done =
        futures_util::future::join_all(workers).await.into_iter().map(|done| done.unwrap()).sum::<usize>();
    assert_eq!(done, 60);
    for domain in &store.domains(account, &TokenScope::Account, None, None).await.unwrap()[1..] {
        let lost = domain.id.0 % 7 == 0;
        assert_eq!(domain.dns.is_verified(), !lost);
        assert_eq!(domain.checked_at, Some(at(day + 1)));
        let report = store.report(account, domain.id).await.unwrap().unwrap();
        assert_eq!(report.checked_at, at(day + 1));
        assert_eq!(report.verdicts[0].status, if lost { Status::Missing } else { Status::Pass });
        assert_eq!(history(&store, domain).await.len(), if lost { 3 } else { 2 }, "{}", domain.name);
    }
}

/// A process that dies holds nothing (SQLite), or nothing for longer than it
/// said (PostgreSQL); and whoever looks meanwhile is not overwritten.
async fn a_crash_leaves_everything_due(place: Place) {
    let store = place.open().await;
    let account = an_account(&store).await;
    let domain = register(&store, account, "example.com").await;
    let slow = claim(&store, 10).await.remove(0);
    let restarted = place.open().await;
    let free = if place.is_sqlite() { 10 } else { 70 };
    let quick = claim(&restarted, free).await.remove(0);
    assert_eq!(quick.domain.id, domain.id);
    let looks = [look(&quick, DnsState::Pending, 71)];
    assert_eq!(restarted.apply_looks(&looks, &cause(71)).await.unwrap(), [true]);
    let late = [look(&slow, DnsState::Verified { at: at(72) }, 72)];
    assert_eq!(store.apply_looks(&late, &cause(72)).await.unwrap(), [false]);
}

type Change = fn(&mut Looked);

/// What makes a look one that found something else; everything that is kept.
#[tokio::test]
async fn whatever_is_found_else_is_noticed() {
    let place = Place::sqlite();
    let store = place.open().await;
    let account = an_account(&store).await;
    register(&store, account, "example.com").await;
    let due = claim(&store, 10).await.remove(0);
    let first =
        look(&due, DnsState::AtRisk { at: at(1), since: at(2), deadline: at(4), unaligned_since: None }, 10);
    let changes: Vec<(&str, Change)> = vec![
        ("state", |look| look.dns = DnsState::Suspect { at: at(1), since: at(2), unaligned_since: None }),
        ("deadline", |look| {
            look.dns = DnsState::AtRisk { at: at(1), since: at(2), deadline: at(5), unaligned_since: None };
        }),
        ("zone", |look| look.zone = None),
        ("present SPF", |look| look.present.spf = None),
        ("present DMARC", |look| look.present.dmarc = Some(String::new())),
        ("record", |look| look.records[0].key = RecordKey::Spf),
        ("record status", |look| look.records[0].shown.status = Status::Softfail),
        ("trust", |look| look.records[0].shown.trusted_at = Some(at(9))),
        ("record expected", |look| look.records[0].expected.push('x')),
        ("trouble", |look| look.records[0].past.trouble = None),
        ("seen late", |look| look.records[0].past.late_until = None),
        ("no record", |look| look.records.clear()),
        ("verdict", |look| look.report.verdicts[0].key = RecordKey::Spf),
        ("status", |look| look.report.verdicts[0].status = Status::Softfail),
        ("code", |look| look.report.verdicts[0].code = Code::WrongType),
        ("reason", |look| look.report.verdicts[0].reason.push('x')),
        ("fix", |look| look.report.verdicts[0].fix.push('x')),
        ("expected", |look| look.report.verdicts[0].expected.push('x')),
        ("observed", |look| look.report.verdicts[0].observed.push(String::new())),
        ("remarks", |look| look.report.verdicts[0].remarks.clear()),
        ("no verdict", |look| look.report.verdicts.clear()),
    ];
    let mut seen = std::collections::BTreeSet::from([first.found()]);
    for (what, change) in changes {
        let mut other = first.clone();
        change(&mut other);
        assert!(seen.insert(other.found()), "{what}");
    }
    // Who was asked in turn is news only of what is wrong.
    let turns: Vec<(&str, Change)> = vec![
        ("server", |look| look.report.verdicts[0].server = None),
        ("server's address", |look| {
            look.report.verdicts[0].server =
                Some(Server { name: Name::parse("ns1.example.com").ok(), address: None });
        }),
        ("rcode", |look| look.report.verdicts[0].rcode = None),
        ("TTL", |look| look.report.verdicts[0].ttl = Some(301)),
        ("agreeing", |look| look.report.verdicts[0].witnesses.agreeing = 1),
        ("asked", |look| look.report.verdicts[0].witnesses.asked = 1),
    ];
    for (what, change) in turns {
        let (mut right, mut wrong) = (first.clone(), first.clone());
        wrong.report.verdicts[0].status = Status::Missing;
        let before = wrong.found();
        change(&mut right);
        change(&mut wrong);
        assert_eq!(right.found(), first.found(), "{what}");
        assert_ne!(wrong.found(), before, "{what}");
    }
    let mut later = look(&due, first.dns, 99);
    (later.failures, later.suspicions, later.due_at) = (7, 7, at(7));
    later.records[0].past = first.records[0].past;
    assert_eq!(later.found(), first.found(), "time alone is nothing new");
}
