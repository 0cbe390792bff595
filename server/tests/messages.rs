//! Every message there is: its text as a snapshot, and all of them written to
//! `target/tmp/messages`, as `.html` to be looked at in a browser (open
//! `index.html` there) and as `.eml` to be opened in a mail client.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking, and so do what they are made of")]

use jiff::{SignedDuration, Timestamp};
use signet::{
    config::{Mail, MailRoute},
    mailer::Mailer,
    notify::{
        health::{self, Report},
        notices::{Envelope, Item, compose},
        operator,
    },
    store::{About, Message, Notice, Request, StatusChange, WrongRecord},
};
use signet_core::{
    email::EmailAddress,
    health::{Facts, Health},
    lifecycle::{ComplianceStatus, DnsState, freeze::AtStake},
    plan::{Present, RecordKey},
    verify::{Code, Status, Verdict},
};
use std::{path::PathBuf, time::SystemTime};

fn at(hours: i64) -> Timestamp {
    "2026-04-28T08:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_hours(hours)
}

fn email(address: &str) -> EmailAddress {
    EmailAddress::parse(address).unwrap()
}

fn wrong() -> Vec<WrongRecord> {
    let record = |owner: &str, reason: &str, fix: &str| WrongRecord {
        owner: owner.to_string(),
        reason: reason.to_string(),
        fix: fix.to_string(),
    };
    vec![
        record(
            "sg-abcdefghijklmnop.bakery.example",
            "There is no such record: both name servers of bakery.example say that nothing is there.",
            "At Cloudflare (DNS → Records), add a CNAME record, name `sg-abcdefghijklmnop`, target \
             `bounce.signet.example`, proxy status `DNS only`.",
        ),
        record(
            "bakery.example",
            "Your SPF record does not include our servers (include:_spf.signet.example).",
            "Change the SPF record (TXT) to `v=spf1 include:_spf.signet.example include:_spf.example.net ip4:192.0.2.0/24 \
             ip4:198.51.100.0/24 ~all`.",
        ),
    ]
}

/// Of a key as long as a real one.
fn next_key() -> Vec<WrongRecord> {
    let text =
        format!("v=DKIM1; k=rsa; p=MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA{}IDAQAB", "x".repeat(347));
    vec![WrongRecord {
        owner: "sg2-abcdefghijklmnop._domainkey.bakery.example".to_string(),
        reason: "The key at sg2-abcdefghijklmnop._domainkey.bakery.example is another one than the one that belongs \
                 there."
            .to_string(),
        fix: format!(
            "At Cloudflare (DNS → Records), in the zone bakery.example, change the TXT record with Name \
             `sg2-abcdefghijklmnop._domainkey` to Content `{text}`. Paste it in one piece: Cloudflare splits it by \
             itself."
        ),
    }]
}

fn notice(about: About, change: Option<(ComplianceStatus, ComplianceStatus)>) -> Notice {
    let compliance = change.map(|(from, to)| StatusChange { from: from.to_string(), to: to.to_string() });
    Notice { domain: Some("bakery.example".to_string()), about, compliance }
}

/// One notice, or the same of several domains.
fn told(notice: &Notice, count: usize, to: &str) -> Message {
    let names = (0..count).map(|n| match n {
        0 => "bakery.example".to_string(),
        1 => "xn--bcher-kva.example".to_string(),
        n => format!("shop{n}.example"),
    });
    // Some operators have a provider that checks cards, others do it by hand.
    let with_card = matches!(notice.about, About::Asked { .. });
    let is_account = notice.domain.is_none();
    let notices: Vec<Notice> =
        names.map(|name| Notice { domain: (!is_account).then_some(name), ..notice.clone() }).collect();
    let link = |kind: &str| Some(format!("https://mail.example/{kind}/AgAAAAAAAAAHxyz0123456789abcdefgh"));
    let items: Vec<Item<'_>> = notices
        .iter()
        .map(|notice| Item {
            notice,
            mute: link("mute").filter(|_| notice.about.is_alert()),
            questionnaire: link("questionnaire"),
            card: link("card").filter(|_| with_card),
        })
        .collect();
    let (to, owner, operator) = (email(to), email("owner@bakery.example"), email("postmaster@mail.example"));
    let envelope = Envelope {
        to: &to,
        owner: &owner,
        service: "https://mail.example",
        operator: &operator,
        cause: if count > 1 { "Cloudflare" } else { "bakery.example" },
    };
    compose(&items, &envelope, "id@mail.example".to_string()).unwrap()
}

fn one(about: About, change: Option<(ComplianceStatus, ComplianceStatus)>) -> Message {
    told(&notice(about, change), 1, "owner@bakery.example")
}

fn trouble() -> Vec<(&'static str, Message)> {
    use ComplianceStatus as S;
    let lost = Some((S::Compliant, S::UnverifiedDns));
    let at_risk = || About::AtRisk { deadline: at(72), wrong: wrong() };
    vec![
        ("at_risk", told(&notice(at_risk(), None), 1, "ops@elsewhere.example")),
        ("at_risk_digest", told(&notice(at_risk(), None), 3, "owner@bakery.example")),
        ("at_risk_digest_of_many", told(&notice(at_risk(), None), 120, "owner@bakery.example")),
        ("deadline_moved", one(About::DeadlineMoved { deadline: at(24), wrong: wrong() }, None)),
        ("reminder", one(About::Reminder { deadline: at(24), wrong: wrong() }, None)),
        ("lost", one(About::Lost { wrong: wrong() }, lost)),
        ("lost_digest", told(&notice(About::Lost { wrong: wrong() }, lost), 12, "owner@bakery.example")),
        ("mended", one(About::Mended, None)),
        ("recovered", one(About::Recovered, Some((S::UnverifiedDns, S::Compliant)))),
        ("recovered_and_not_approved", one(About::Recovered, Some((S::UnverifiedDns, S::UnderReview)))),
        ("recovered_digest", told(&notice(About::Recovered, None), 4, "owner@bakery.example")),
        ("publish_key", one(About::PublishKey { wrong: next_key() }, None)),
        (
            "publish_key_digest",
            told(&notice(About::PublishKey { wrong: next_key() }, None), 2, "owner@bakery.example"),
        ),
        ("rotation_stuck", one(About::RotationStuck { wrong: wrong()[..1].to_vec() }, None)),
    ]
}

fn statuses() -> Vec<(String, Message)> {
    use ComplianceStatus as S;
    let reason = |to| match to {
        S::Suspended => "Spam traps were hit on 27 April.",
        S::NonCompliant => "The website at https://bakery.example/ cannot be reached.",
        _ => "",
    };
    let from = |to| if to == S::MissingCompanyInfo { S::UnverifiedDns } else { S::UnderReview };
    let change = |to| notice(About::Compliance { reason: reason(to).to_string() }, Some((from(to), to)));
    let mut all: Vec<(String, Message)> = S::ALL
        .into_iter()
        .map(|to| (format!("status_{to}"), told(&change(to), 1, "owner@bakery.example")))
        .collect();
    all.push(("status_suspended_digest".into(), told(&change(S::Suspended), 500, "owner@bakery.example")));
    let questionnaires = told(&change(S::AwaitingQuestionnaire), 2, "owner@bakery.example");
    all.push(("status_awaiting_questionnaire_digest".into(), questionnaires));
    for (name, what) in [("questionnaire", Request::Questionnaire), ("card", Request::CardCheck)] {
        let about = About::Asked { what, reason: "The country of the company has changed.".to_string() };
        all.push((format!("asked_{name}"), one(about, None)));
    }
    all
}

fn account() -> Vec<(&'static str, Message)> {
    let of_account = |about| Notice { domain: None, about, compliance: None };
    let token = About::TokenExpiring {
        name: "billing <prod>".to_string(),
        expires_at: at(24 * 14),
        last4: Some("x7Qk".to_string()),
    };
    let webhook = About::WebhookDisabled {
        url: "https://hooks.bakery.example/mail?key=1&b=2".to_string(),
        why: "It accepted nothing for three days. What was wrong the last time: The receiver answered 503."
            .to_string(),
    };
    let frozen = AtStake { lost: 20, losing: 21, verified: 900 };
    let to = email("postmaster@mail.example");
    vec![
        ("token_expiring", told(&of_account(token), 1, "owner@bakery.example")),
        ("webhook_disabled", told(&of_account(webhook), 1, "owner@bakery.example")),
        (
            "operator_demotions_frozen",
            operator::demotions_frozen(&frozen, &to, "id@mail.example".to_string()),
        ),
        ("operator_blind", operator::blind(at(0), &to, "id@mail.example".to_string())),
    ]
}

fn health_of(fragile: bool) -> Health {
    let verdict = |key, status, code| {
        Verdict::about(
            key,
            status,
            code,
            "Our key was copied as a TXT record; it breaks at the next rotation.",
        )
        .fix("Replace it by a CNAME to `sg1.abcdefghijklmnop.dkim.signet.example`.")
    };
    let mut verdicts: Vec<Verdict> =
        RecordKey::ALL.into_iter().map(|key| verdict(key, Status::Pass, Code::Ok)).collect();
    verdicts[1].lookups = Some(if fragile { 8 } else { 3 });
    if fragile {
        verdicts[2] = verdict(RecordKey::Dkim1, Status::Softfail, Code::Copied);
    }
    let dmarc = if fragile { "v=DMARC1; p=none" } else { "v=DMARC1; p=reject; rua=mailto:d@bakery.example" };
    let facts = Facts {
        dns: &DnsState::Verified { at: at(0) },
        verdicts: &verdicts,
        present: &Present { spf: None, dmarc: Some(dmarc.to_string()) },
        late: &[],
        own_links: true,
        signs_since: Some(at(-24 * 90)),
        key_period: None,
    };
    Health::of(&facts, at(0))
}

fn reports() -> Vec<(&'static str, Message)> {
    let (owner, operator) = (email("owner@bakery.example"), email("postmaster@mail.example"));
    let composed = |fragile: usize, fine: usize| {
        let mut report = Report {
            mute: Some("https://mail.example/mute/AwAAAAAAAAAHxyz01".to_string()),
            ..Report::default()
        };
        for n in 0..fragile {
            assert_eq!(report.add(&format!("shop{n}.example"), health_of(true)), n < health::LISTED);
        }
        for n in 0..fine {
            assert_eq!(report.add(&format!("bakery{n}.example"), health_of(false)), n < health::LISTED);
        }
        let envelope = Envelope {
            to: &owner,
            owner: &owner,
            service: "https://mail.example",
            operator: &operator,
            cause: "",
        };
        health::compose(&report, &envelope, "id@mail.example".to_string())
    };
    vec![("health_fine", composed(0, 2)), ("health_fragile", composed(1, 60)), ("health_one", composed(1, 0))]
}

fn all() -> Vec<(String, Message)> {
    let named = |messages: Vec<(&'static str, Message)>| {
        messages.into_iter().map(|(name, message)| (name.to_string(), message)).collect::<Vec<_>>()
    };
    [named(trouble()), statuses(), named(account()), named(reports())].concat()
}

#[test]
fn what_is_said() {
    for (name, message) in all() {
        insta::assert_snapshot!(name, format!("Subject: {}\n\n{}", message.subject, message.text));
    }
}

#[test]
fn both_bodies_say_the_same() {
    for (name, message) in all() {
        assert!(message.html.contains("<h1>"), "{name}");
        for address in message.text.lines().filter(|line| line.starts_with("https://mail.example/mute")) {
            assert!(message.html.contains(address), "{name}: {address}");
        }
        assert!(message.text.lines().all(|line| line.chars().count() <= 80 || line.contains('`')), "{name}");
        assert!(!message.subject.chars().any(char::is_control), "{name}");
    }
}

#[test]
fn a_digest_is_bounded() {
    let (_, digest) = trouble().into_iter().find(|(name, _)| *name == "at_risk_digest_of_many").unwrap();
    assert!(digest.text.contains("shop99.example") && !digest.text.contains("shop100.example"));
    assert!(digest.text.contains("And 20 more."));
    assert_eq!(digest.unsubscribe, None, "no one click for many domains");
    let (_, one) = trouble().into_iter().find(|(name, _)| *name == "at_risk").unwrap();
    assert!(one.unsubscribe.unwrap().starts_with("https://mail.example/mute/"));
}

#[tokio::test]
async fn all_of_them_to_be_looked_at() {
    let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("messages");
    let route = MailRoute::Directory(directory.clone());
    let mailer = Mailer::new(&Mail { route, from: email("signet@mail.example") }).unwrap();
    let mut index = String::new();
    for (name, message) in all() {
        std::fs::write(directory.join(format!("{name}.html")), &message.html).unwrap();
        index.push_str(&format!("<p><a href=\"{name}.html\">{name}</a></p>\n"));
        let message = Message { message_id: format!("{name}@mail.example"), ..message };
        mailer.send(&message, SystemTime::UNIX_EPOCH).await.unwrap();
        let raw = std::fs::read(directory.join(format!("{name}@mail.example.eml"))).unwrap();
        let parsed = mail_parser::MessageParser::default().parse(&raw).unwrap();
        assert_eq!(parsed.subject(), Some(message.subject.as_str()), "{name}");
        assert_eq!(
            parsed.header_raw("List-Unsubscribe-Post").is_some(),
            message.unsubscribe.is_some(),
            "{name}"
        );
    }
    std::fs::write(directory.join("index.html"), index).unwrap();
}
