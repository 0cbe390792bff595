//! Owners are told: each change once, those of one cause together, to the right
//! addresses, and nothing that no longer matters.

use super::*;
use jiff::SignedDuration;
use signet::{
    clock::Clock,
    config::{Config, Sources},
    keys::KeyFile,
    ops::Ops,
};
use signet_core::tracking::TrackingPatch;

on_both! {
    once_per_change
    several_nodes_make_one_message
    a_dns_host_that_is_down_is_one_digest
    later_ones_are_held
    status_changes_go_out_at_once
    what_one_transaction_changes_is_one_message
    an_address_at_a_broken_domain
    turned_off
    what_is_over_before_it_is_told
    a_loss_that_is_over_is_told_once
    only_the_worried_hear_of_the_end
    reminders
    what_is_about_the_account
    health_reports
    health_reports_by_recipient
    one_click
}

/// A node over a place's database, and its time.
struct Node {
    store: Arc<dyn Store>,
    ops: Ops,
    account: AccountId,
    _directory: tempfile::TempDir,
}

impl Node {
    async fn new(place: &Place) -> Self {
        let store = place.open().await;
        let account = an_account(&store).await;
        Self::over(store, account).await
    }

    async fn over(store: Arc<dyn Store>, account: AccountId) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let flags = [
            ("public_url", "https://mail.example".to_string()),
            ("key_file", directory.path().join("signet.key").display().to_string()),
        ];
        let config = Config::from_sources(&Sources::read(None, [], flags).unwrap()).unwrap();
        let ops = Ops::new(store.clone(), Arc::new(config), Clock::manual(at(0)));
        let key = KeyFile::open_or_make(&ops.config.key_file, &ops.random).unwrap();
        let ops = Ops { key: Some(Arc::new(key)), ..ops };
        Self { store, ops, account, _directory: directory }
    }

    /// A verified domain.
    async fn domain(&self, name: &str) -> Domain {
        let domain = register(&self.store, self.account, name).await;
        self.look(&domain, DnsState::Verified { at: at(0) }, None, 1).await;
        // What is told of that is not what these tests are about.
        self.told(1).await;
        domain
    }

    /// A look at `seconds` that comes to `dns`, and what is to be told of it.
    async fn look(&self, domain: &Domain, dns: DnsState, about: Option<About>, seconds: i64) {
        self.look_of(domain, dns, about, "Cloudflare", seconds).await;
    }

    async fn look_of(
        &self,
        domain: &Domain,
        dns: DnsState,
        about: Option<About>,
        cause_of: &str,
        seconds: i64,
    ) {
        self.store.request_check(domain.account, domain.id, at(seconds)).await.unwrap().unwrap();
        let due = claim(&self.store, seconds).await;
        let due = due.iter().find(|due| due.domain.id == domain.id).unwrap();
        let alert = about.map(|about| Alert { about, cause: cause_of.to_string() });
        let looked = Looked { alert, ..look(due, dns, seconds) };
        assert_eq!(self.store.apply_looks(&[looked], &cause(seconds)).await.unwrap(), [true]);
    }

    async fn at_risk(&self, domain: &Domain, seconds: i64) {
        let (dns, about) = at_risk(seconds);
        self.look(domain, dns, Some(about), seconds).await;
    }

    async fn set(&self, domain: &Domain, recipient: Option<&str>, critical: bool, health: bool) {
        let patch = TrackingPatch {
            alert_recipient: Some(recipient.map(email)),
            critical_alerts: Some(critical),
            health_alerts: Some(health),
            ..TrackingPatch::default()
        };
        self.store.update_tracking(domain.account, domain.id, &patch, &cause(0)).await.unwrap();
    }

    /// Messages made until `seconds`, as `recipient: subject`, in order.
    async fn told(&self, seconds: i64) -> Vec<String> {
        let messages = self.messages(seconds).await;
        messages.iter().map(|message| format!("{}: {}", message.to, message.subject)).collect()
    }

    async fn messages(&self, seconds: i64) -> Vec<Message> {
        let now = self.ops.clock.now();
        self.ops.clock.advance(at(seconds).duration_since(now).max(SignedDuration::ZERO));
        while self.ops.tell_owners().await.unwrap() > 0 {}
        self.sent().await
    }

    /// Messages queued since the last time.
    async fn sent(&self) -> Vec<Message> {
        let now = self.ops.clock.now();
        let items = self.store.claim_outbox(now, now + SignedDuration::from_hours(1), 1000).await.unwrap();
        for item in &items {
            self.store.outbox_sent(item.id, now).await.unwrap();
        }
        items.into_iter().map(|item| item.message).collect()
    }
}

fn wrong() -> Vec<WrongRecord> {
    vec![WrongRecord { owner: "sg.x.example".into(), reason: "Not there.".into(), fix: "Add `it`.".into() }]
}

const GRACE: i64 = 72 * 3600;

fn at_risk(seconds: i64) -> (DnsState, About) {
    let (since, deadline) = (at(seconds), at(seconds + GRACE));
    let dns = DnsState::AtRisk { at: at(0), since, deadline, unaligned_since: None };
    (dns, About::AtRisk { deadline, wrong: wrong() })
}

fn verified() -> DnsState {
    DnsState::Verified { at: at(0) }
}

const OWNER: &str = "owner@example.org";

async fn once_per_change(place: Place) {
    let node = Node::new(&place).await;
    let domain = node.domain("a.example").await;
    node.at_risk(&domain, 100).await;
    assert_eq!(node.told(119).await, [""; 0], "it waits for others of its cause");
    let told = node.messages(120).await;
    assert_eq!(told.len(), 1);
    assert!(
        told[0].subject.starts_with("a.example: DNS records are wrong; sending stops on 2026-"),
        "{told:?}"
    );
    assert!(told[0].text.contains("Not there.") && told[0].text.contains("Add `it`."));
    assert_eq!(node.told(9_000).await, [""; 0], "once");
    node.look(&domain, DnsState::Lost { at: at(9_000) }, Some(About::Lost { wrong: wrong() }), 9_000).await;
    assert_eq!(
        node.told(9_020).await,
        [format!("{OWNER}: a.example is no longer verified")],
        "the status, too"
    );
    node.look(&domain, verified(), Some(About::Recovered), 9_100).await;
    let told = node.messages(9_120).await;
    assert_eq!(told.len(), 1);
    assert!(told[0].text.contains("company information is missing"), "what is next: {}", told[0].text);
}

async fn several_nodes_make_one_message(place: Place) {
    let node = Node::new(&place).await;
    let domain = node.domain("a.example").await;
    node.at_risk(&domain, 100).await;
    let mut nodes = Vec::new();
    for _ in 0..4 {
        let other = Node::over(place.open().await, node.account).await;
        other.ops.clock.advance(SignedDuration::from_secs(120));
        nodes.push(other);
    }
    let ops: Vec<Ops> = nodes.iter().map(|node| node.ops.clone()).collect();
    let telling = ops.into_iter().map(|ops| tokio::spawn(async move { ops.tell_owners().await.unwrap() }));
    for telling in telling.collect::<Vec<_>>() {
        telling.await.unwrap();
    }
    assert_eq!(node.told(120).await.len(), 1);
    // Whoever read the notices before they were told writes nothing.
    let group = NoticeGroup {
        account: node.account,
        kind: "at_risk".into(),
        cause: "Cloudflare".into(),
        told_at: None,
    };
    node.at_risk(&domain, 200).await;
    let waiting = node.store.notices(&group, 10).await.unwrap();
    let telling = Telling {
        told: waiting.iter().map(|waiting| waiting.id).collect(),
        messages: vec![(None, message("x@y.example"))],
        ..Telling::default()
    };
    assert!(node.store.tell(node.account, &telling, at(220)).await.unwrap());
    assert!(!node.store.tell(node.account, &telling, at(220)).await.unwrap());
    assert_eq!(node.told(220).await.len(), 1);
}

async fn a_dns_host_that_is_down_is_one_digest(place: Place) {
    let node = Node::new(&place).await;
    let mut domains = Vec::new();
    for n in 0..5 {
        domains.push(node.domain(&format!("d{n}.example")).await);
    }
    let elsewhere = node.domain("elsewhere.example").await;
    for (n, domain) in domains.iter().enumerate() {
        node.at_risk(domain, 100 + n as i64 * 10).await;
    }
    let (dns, about) = at_risk(100);
    node.look_of(&elsewhere, dns, Some(about), "elsewhere.example", 141).await;
    let told = node.messages(170).await;
    let subjects: Vec<&str> = told.iter().map(|message| message.subject.as_str()).collect();
    assert_eq!(subjects.len(), 2, "{subjects:?}");
    assert!(subjects[0].starts_with("5 domains: DNS records are wrong"), "{subjects:?}");
    assert!(subjects[1].starts_with("elsewhere.example: "), "{subjects:?}");
    for domain in &domains {
        assert!(told[0].text.contains(&format!("{}, until", domain.name)), "{}", told[0].text);
    }
    assert!(told[0].text.contains("All of them have their DNS at Cloudflare."));
    assert!(told[0].unsubscribe.is_none(), "it is about several");
    assert_eq!(told[0].text.matches("https://mail.example/mute/").count(), 5);
}

async fn later_ones_are_held(place: Place) {
    let node = Node::new(&place).await;
    let [a, b, c] =
        [node.domain("a.example").await, node.domain("b.example").await, node.domain("c.example").await];
    node.at_risk(&a, 100).await;
    assert_eq!(node.told(120).await.len(), 1);
    node.at_risk(&b, 300).await;
    node.at_risk(&c, 900).await;
    assert_eq!(node.told(120 + 1799).await, [""; 0], "half an hour from the first message on");
    let told = node.told(120 + 1800).await;
    assert_eq!(told.len(), 1);
    assert!(told[0].contains("2 domains: "), "{told:?}");
    // Another cause, and another kind, is not held by it.
    node.look(&a, DnsState::Lost { at: at(2_000) }, Some(About::Lost { wrong: wrong() }), 2_000).await;
    assert_eq!(node.told(2_020).await.len(), 1);
}

async fn status_changes_go_out_at_once(place: Place) {
    let node = Node::new(&place).await;
    let domain = register(&node.store, node.account, "a.example").await;
    node.set(&domain, Some("ops@elsewhere.example"), false, true).await;
    node.look(&domain, verified(), None, 100).await;
    let first = format!("{OWNER}: a.example: DNS is verified; company information is next");
    assert_eq!(node.told(100).await, [first], "to the owner, whatever is turned off");
    node.store.create_company(node.account, &company(), &cause(101)).await.unwrap();
    assert_eq!(node.told(101).await, [format!("{OWNER}: a.example: under review")]);
    let rule = async |ruling, seconds| {
        node.store.rule(domain.id, ruling, None, &cause(seconds)).await.unwrap().unwrap();
        node.messages(seconds).await
    };
    node.set(&domain, Some("ops@elsewhere.example"), true, true).await;
    let rejected = rule(Ruling::Reject, 102).await;
    let to: Vec<&str> = rejected.iter().map(|message| message.to.as_str()).collect();
    assert_eq!(to, ["ops@elsewhere.example", OWNER], "a refusal goes to both");
    assert!(rejected[0].text.contains("The reason given: because"), "{}", rejected[0].text);
    assert!(rejected[0].text.contains("postmaster@signet.test"), "how to answer");
    assert!(rejected.iter().all(|message| message.unsubscribe.is_none()));
    let approved = rule(Ruling::Approve, 103).await;
    assert_eq!(approved.len(), 1);
    assert_eq!(approved[0].subject, "a.example: approved, you can send now");
    assert_eq!(rule(Ruling::Approve, 104).await, [], "nothing changed");
}

async fn what_one_transaction_changes_is_one_message(place: Place) {
    let node = Node::new(&place).await;
    for n in 0..3 {
        node.domain(&format!("d{n}.example")).await;
    }
    node.store.suspend_account(node.account, Some(Suspension::Abuse), None, &cause(200)).await.unwrap();
    let told = node.messages(200).await;
    // With the demo domain.
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].subject, "4 domains: sending is suspended");
    assert!(told[0].text.contains("- d0.example\n- d1.example\n- d2.example\n"), "{}", told[0].text);
}

async fn an_address_at_a_broken_domain(place: Place) {
    let node = Node::new(&place).await;
    let [a, b] = [node.domain("a.example").await, node.domain("b.example").await];
    node.set(&a, Some("ops@mail.b.example"), true, true).await;
    node.at_risk(&a, 100).await;
    let to = async |seconds| {
        let told = node.messages(seconds).await;
        told.into_iter().map(|message| message.to).collect::<Vec<_>>()
    };
    assert_eq!(to(120).await, ["ops@mail.b.example"], "b.example is well");
    node.look(&a, verified(), Some(About::Mended), 5_000).await;
    assert_eq!(to(5_020).await, ["ops@mail.b.example"]);
    // Both at once: the address is at the other broken domain.
    node.set(&b, Some("ops@elsewhere.example"), true, true).await;
    node.at_risk(&a, 10_000).await;
    node.at_risk(&b, 10_001).await;
    assert_eq!(to(10_020).await, ["ops@elsewhere.example", "ops@mail.b.example", OWNER]);
    // Who was told hears when it is over.
    node.look(&a, verified(), Some(About::Mended), 20_000).await;
    assert_eq!(to(20_020).await, ["ops@mail.b.example", OWNER]);
}

async fn turned_off(place: Place) {
    let node = Node::new(&place).await;
    let domain = node.domain("a.example").await;
    node.at_risk(&domain, 100).await;
    // It counts when it is told.
    node.set(&domain, Some("ops@elsewhere.example"), false, true).await;
    assert_eq!(node.told(1_000).await, [""; 0]);
    // That mail stops is a change of status, which the owner is told.
    node.look(&domain, DnsState::Lost { at: at(2_000) }, Some(About::Lost { wrong: wrong() }), 2_000).await;
    let told = node.messages(2_020).await;
    assert_eq!(told.iter().map(|message| message.to.as_str()).collect::<Vec<_>>(), [OWNER]);
    assert_eq!(told[0].unsubscribe, None);
    assert!(!told[0].text.contains("/mute/"), "it is off already");
    node.set(&domain, None, true, true).await;
    assert_eq!(node.told(90_000).await, [""; 0], "what was not told then is not told later");
}

async fn what_is_over_before_it_is_told(place: Place) {
    let node = Node::new(&place).await;
    let domain = node.domain("a.example").await;
    node.at_risk(&domain, 100).await;
    node.look(&domain, verified(), Some(About::Mended), 110).await;
    assert_eq!(
        node.told(5_000).await,
        [""; 0],
        "nobody was worried, so nobody needs to hear that it is over"
    );
    // A deadline that moved before the first word: one message, with the new one.
    node.at_risk(&domain, 6_000).await;
    let deadline = at(6_010 + 3600);
    let dns = DnsState::AtRisk { at: at(0), since: at(6_000), deadline, unaligned_since: None };
    node.look(&domain, dns, Some(About::DeadlineMoved { deadline, wrong: wrong() }), 6_010).await;
    let told = node.told(6_100).await;
    assert_eq!(told.len(), 1);
    assert!(told[0].contains("sending stops sooner"), "{told:?}");
}

async fn a_loss_that_is_over_is_told_once(place: Place) {
    let node = Node::new(&place).await;
    let domain = node.domain("a.example").await;
    node.look(&domain, DnsState::Lost { at: at(100) }, Some(About::Lost { wrong: wrong() }), 100).await;
    node.look(&domain, verified(), Some(About::Recovered), 110).await;
    assert_eq!(node.told(5_000).await, [format!("{OWNER}: a.example is verified again")]);
}

async fn only_the_worried_hear_of_the_end(place: Place) {
    let node = Node::new(&place).await;
    let domain = node.domain("a.example").await;
    node.set(&domain, Some("first@elsewhere.example"), true, true).await;
    node.at_risk(&domain, 100).await;
    assert_eq!(node.messages(120).await[0].to, "first@elsewhere.example");
    // Another address is set meanwhile; the one that was told hears of the end.
    node.set(&domain, Some("second@elsewhere.example"), true, true).await;
    node.look(&domain, verified(), Some(About::Mended), 200).await;
    let told = node.messages(220).await;
    assert_eq!(
        told.iter().map(|message| message.to.as_str()).collect::<Vec<_>>(),
        ["first@elsewhere.example"]
    );
    // And of the end of the next trouble it hears nothing.
    node.at_risk(&domain, 10_000).await;
    assert_eq!(node.messages(10_020).await[0].to, "second@elsewhere.example");
    node.look(&domain, verified(), Some(About::Mended), 10_100).await;
    let told = node.messages(10_120).await;
    assert_eq!(
        told.iter().map(|message| message.to.as_str()).collect::<Vec<_>>(),
        ["second@elsewhere.example"]
    );
}

async fn reminders(place: Place) {
    let node = Node::new(&place).await;
    let domain = node.domain("a.example").await;
    node.at_risk(&domain, 100).await;
    assert_eq!(node.told(200).await.len(), 1);
    let day_before = 100 + GRACE - 24 * 3600;
    let pass_to = |seconds| node.ops.clock.advance(at(seconds).duration_since(node.ops.clock.now()));
    pass_to(day_before - 1);
    assert_eq!(node.ops.remind_owners().await.unwrap(), 0);
    pass_to(day_before);
    assert_eq!(node.ops.remind_owners().await.unwrap(), 1);
    assert_eq!(node.ops.remind_owners().await.unwrap(), 0, "once per deadline");
    let told = node.told(day_before + 20).await;
    assert_eq!(told.len(), 1);
    assert!(told[0].starts_with(&format!("{OWNER}: Reminder: a.example stops sending on ")), "{told:?}");
    // Mended before it is told: not told.
    let other = node.domain("b.example").await;
    let now = day_before + 100;
    let (since, deadline) = (at(now - GRACE), at(now + 3600));
    let dns = DnsState::AtRisk { at: at(0), since, deadline, unaligned_since: None };
    node.look(&other, dns, None, now).await;
    pass_to(now);
    assert_eq!(node.ops.remind_owners().await.unwrap(), 1);
    node.look(&other, verified(), Some(About::Mended), now + 5).await;
    assert_eq!(node.told(now + 4_000).await, [""; 0]);
    // A short grace has no reminder.
    let short = node.domain("c.example").await;
    let now = now + 5_000;
    let dns =
        DnsState::AtRisk { at: at(0), since: at(now), deadline: at(now + 24 * 3600), unaligned_since: None };
    node.look(&short, dns, None, now).await;
    pass_to(now + 3600);
    assert_eq!(node.ops.remind_owners().await.unwrap(), 0);
}

/// Whatever is kept of it outlives the domain, and is not told of one that is gone.
async fn what_is_about_the_account(place: Place) {
    let node = Node::new(&place).await;
    let domain = node.domain("a.example").await;
    node.at_risk(&domain, 100).await;
    assert!(node.store.delete_domain(node.account, domain.id, &cause(101)).await.unwrap());
    assert_eq!(node.told(1_000).await, [""; 0]);
    node.store.sweep(at(1_000 + 40 * 86_400)).await.unwrap();
    assert_eq!(node.told(1_000 + 41 * 86_400).await, [""; 0]);
}

const WEEK: i64 = 7 * 24 * 3600;

async fn health_reports(place: Place) {
    let node = Node::new(&place).await;
    let domain = node.domain("a.example").await;
    let report = async |seconds: i64| {
        let now = node.ops.clock.now();
        node.ops.clock.advance(at(seconds).duration_since(now).max(SignedDuration::ZERO));
        node.ops.report_health().await.unwrap();
        node.sent().await
    };
    assert_eq!(report(WEEK - 1).await, [], "a week after the account was made");
    let first = report(WEEK).await;
    assert_eq!(first.len(), 1);
    assert_eq!(
        (first[0].to.as_str(), first[0].subject.as_str()),
        (OWNER, "Health report: 1 domain in good order")
    );
    assert!(first[0].unsubscribe.as_ref().unwrap().starts_with("https://mail.example/mute/"));
    assert_eq!(report(2 * WEEK).await, [], "nothing has changed");
    // Something fragile is news, and then for four weeks it is not.
    let soft = async |seconds| {
        node.store.request_check(domain.account, domain.id, at(seconds)).await.unwrap().unwrap();
        let due = claim(&node.store, seconds).await.remove(0);
        let mut looked = look(&due, verified(), seconds);
        looked.report.verdicts[0].status = Status::Softfail;
        looked.report.verdicts[0].code = Code::Copied;
        assert_eq!(node.store.apply_looks(&[looked], &cause(seconds)).await.unwrap(), [true]);
    };
    soft(2 * WEEK + 10).await;
    let second = report(3 * WEEK).await;
    assert_eq!(second.len(), 1);
    assert_eq!(second[0].subject, "Health report: 1 of 1 domain could do better");
    assert!(second[0].text.contains("Because"), "{}", second[0].text);
    for week in 4..7 {
        assert_eq!(report(week * WEEK).await, [], "week {week}");
    }
    assert_eq!(report(7 * WEEK).await.len(), 1, "once in four weeks");
    assert_eq!(node.ops.report_health().await.unwrap(), 0, "one a week");
    // Nothing of domains that are not verified, or not wanted.
    node.set(&domain, None, true, false).await;
    assert_eq!(report(20 * WEEK).await, []);
}

async fn health_reports_by_recipient(place: Place) {
    let node = Node::new(&place).await;
    for (name, recipient) in
        [("a.example", None), ("b.example", Some("b@else.example")), ("c.example", Some("cd@else.example"))]
    {
        let domain = node.domain(name).await;
        node.set(&domain, recipient, true, true).await;
    }
    let domain = node.domain("d.example").await;
    node.set(&domain, Some("CD@else.example"), true, true).await;
    node.ops.clock.advance(at(WEEK).duration_since(node.ops.clock.now()));
    node.ops.report_health().await.unwrap();
    let sent = node.sent().await;
    let named = |message: &Message| {
        let names = ["a.example", "b.example", "c.example", "d.example"];
        names.into_iter().filter(|name| message.text.contains(&format!("- {name}"))).collect::<Vec<_>>()
    };
    let told: Vec<_> = sent.iter().map(|message| (message.to.as_str(), named(message))).collect();
    assert_eq!(
        told,
        [
            ("b@else.example", vec!["b.example"]),
            ("cd@else.example", vec!["c.example", "d.example"]),
            (OWNER, vec!["a.example"]),
        ]
    );
    let one_click: Vec<bool> = sent.iter().map(|message| message.unsubscribe.is_some()).collect();
    assert_eq!(one_click, [true, false, true], "nobody turns off for all what is not theirs");
    assert_eq!(sent[1].text.matches("/mute/").count(), 2);
}

async fn one_click(place: Place) {
    let node = Node::new(&place).await;
    let [a, b] = [node.domain("a.example").await, node.domain("b.example").await];
    node.at_risk(&a, 100).await;
    let url = node.messages(120).await[0].unsubscribe.clone().unwrap();
    let token = url.strip_prefix("https://mail.example/mute/").unwrap();
    let settings = async |id| {
        let tracking = node.store.domain(node.account, id).await.unwrap().unwrap().tracking;
        (tracking.critical_alerts, tracking.health_alerts)
    };
    node.ops.muted_by(token).await.unwrap();
    assert_eq!(settings(a.id).await, (true, true), "to ask changes nothing");
    for _ in 0..2 {
        node.ops.mute(token, "192.0.2.7").await.unwrap();
        assert_eq!(settings(a.id).await, (false, true));
    }
    let rows = node.store.events(node.account, a.id, None, 100).await.unwrap();
    let by_link: Vec<_> = rows.iter().filter(|row| row.actor == "link").collect();
    assert_eq!(by_link.len(), 1, "again is nothing more");
    assert_eq!(by_link[0].to.as_deref(), Some("critical_alerts=false"));
    assert_eq!(settings(b.id).await, (true, true));
    let all = node.ops.link_url(signet::ops::links::Link::MuteHealth(node.account)).unwrap();
    node.ops.mute(all.rsplit('/').next().unwrap(), "192.0.2.7").await.unwrap();
    assert_eq!((settings(a.id).await, settings(b.id).await), ((false, false), (true, false)));
    for bad in ["", "x", &token[1..], &format!("{token}A")] {
        assert!(node.ops.mute(bad, "").await.is_err(), "{bad}");
    }
    let questions = node.ops.link_url(signet::ops::links::Link::Questionnaire(a.id)).unwrap();
    assert!(node.ops.mute(questions.rsplit('/').next().unwrap(), "").await.is_err(), "another link's right");
}
