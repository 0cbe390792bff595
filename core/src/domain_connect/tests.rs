use super::*;
use crate::{
    plan::{SpfMode, tests::provider},
    verify::Status,
};
use alloc::vec;

const ID: &str = "abcdefghijklmnop";

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

fn planned(provider: &Provider, domain: &str, present: &Present) -> Vec<PlannedRecord> {
    crate::plan::tests::planned(provider, domain, present)
}

/// The groups where nothing is there, but of one record what `theirs` says.
fn groups(
    provider: &Provider,
    domain: &str,
    present: &Present,
    theirs: Option<Verdict>,
) -> Vec<&'static str> {
    let records = planned(provider, domain, present);
    let verdict = |record: &PlannedRecord| match &theirs {
        Some(verdict) if verdict.key == record.key => verdict.clone(),
        _ => absent(record),
    };
    let verdicts: Vec<Verdict> = records.iter().map(verdict).collect();
    fitted(provider, domain, present.dmarc.as_deref(), &records, &verdicts)
}

fn absent(record: &PlannedRecord) -> Verdict {
    let verdict = Verdict::new(record, Status::Missing, Code::NoRecord, "");
    Verdict { offer: Some(record.value.clone()), ..verdict }
}

fn fitted(
    provider: &Provider,
    domain: &str,
    theirs: Option<&str>,
    records: &[PlannedRecord],
    verdicts: &[Verdict],
) -> Vec<&'static str> {
    let id = RecordId::parse(ID).unwrap();
    let known: Vec<_> =
        records.iter().zip(verdicts).map(|(record, verdict)| Known { record, verdict }).collect();
    fitting(provider, &name(domain), &id, theirs, &known).into_iter().map(|(group, _)| group).collect()
}

#[test]
fn the_template_filled_in_is_the_plan() {
    let mut with_reports = provider();
    with_reports.dmarc_rua = Some("reports@signet.test".into());
    with_reports.prefix = "mail7".into();
    for provider in [provider(), with_reports] {
        for domain in ["example.com", "news.mail.example.co.uk"] {
            let id = RecordId::parse(ID).unwrap();
            let filled: Vec<_> = template(&provider)
                .iter()
                .map(|record| {
                    let (host, value) = record.filled_in(&id);
                    (record.key, host, value)
                })
                .collect();
            let wanted: Vec<_> = planned(&provider, domain, &Present::default())
                .iter()
                .map(|r| (r.key, r.owner.as_entered_in(&name(domain)), r.value.clone()))
                .collect();
            assert_eq!(filled, wanted);
        }
    }
}

#[test]
fn the_only_variable_is_the_id_and_it_is_never_all_of_a_name_or_value() {
    for record in template(&provider()) {
        let (Content::Target(text) | Content::Text(text) | Content::SpfRules(text)) = &record.content;
        for field in [&record.host, text] {
            let fixed = field.replace("%recordid%", "");
            assert!(!fixed.contains('%'), "{field}");
            assert!(fixed.len() > 1 || field == "@", "{field}");
        }
    }
}

#[test]
fn zones_that_look_like_an_id_are_left_alone() {
    let mut provider = provider();
    provider.zone = name("aaaaaaaaaaaaaaaa.test");
    let targets = template(&provider);
    assert_eq!(targets[0].content, Content::Target("bounce.aaaaaaaaaaaaaaaa.test".into()));
}

#[test]
fn texts_that_would_begin_a_variable_are_left_out() {
    let mut provider = provider();
    provider.dmarc_rua = Some("a%b@signet.test".into());
    assert!(template(&provider).iter().all(|record| record.key != RecordKey::Dmarc));
}

#[test]
fn spf_is_left_out_where_it_is_not_asked_for() {
    let mut provider = provider();
    provider.spf_mode = SpfMode::Off;
    assert!(template(&provider).iter().all(|record| record.key != RecordKey::Spf));
    assert!(!groups(&provider, "example.com", &Present::default(), None).contains(&"spf"), "nor linked to");
}

#[test]
fn dmarc_of_their_own_is_never_replaced() {
    let all = ["verification", "spf", "dkim", "dmarc", "tracking"];
    let without = ["verification", "spf", "dkim", "tracking"];
    let theirs = Present { dmarc: Some("v=DMARC1; p=reject".into()), spf: None };
    let none = Present::default();
    let provider = provider();
    assert_eq!(groups(&provider, "example.com", &none, None), all);
    // Not looked at yet, not readable, inherited from the domain above, wrong, or entered elsewhere.
    let dmarc = |status| Some(Verdict::about(RecordKey::Dmarc, status, Code::NameDoubled, ""));
    for status in Status::ALL {
        assert_eq!(groups(&provider, "example.com", &none, dmarc(status)), without, "{status:?}");
    }
    let ours = Present { dmarc: Some("v=DMARC1; p=none".into()), spf: None };
    for status in Status::ALL {
        assert_eq!(groups(&provider, "example.com", &theirs, dmarc(status)), without, "{status:?}");
        // Left out, a host that remembers what it applied would take it away again.
        assert_eq!(groups(&provider, "example.com", &ours, dmarc(status)), all, "{status:?}");
    }
}

#[test]
fn spf_is_asked_for_where_merging_makes_a_record_that_works() {
    let provider = provider();
    let asked = |status, code, offer: Option<&str>| {
        let verdict = Verdict::about(RecordKey::Spf, status, code, "");
        let verdict = Verdict { offer: offer.map(Into::into), ..verdict };
        groups(&provider, "example.com", &Present::default(), Some(verdict)).contains(&"spf")
    };
    let merged = Some("v=spf1 mx include:_spf.signet.test -all");
    assert!(asked(Status::Missing, Code::NoRecord, merged));
    assert!(asked(Status::Fail, Code::SpfNotIncluded, merged));
    // Right as it is, past a limit, not read, or more than one.
    assert!(!asked(Status::Pass, Code::Ok, None));
    assert!(!asked(Status::Fail, Code::SpfTooManyLookups, None));
    assert!(!asked(Status::NetworkError, Code::Timeout, None));
    assert!(!asked(Status::Unchecked, Code::Unchecked, None));
    assert!(!asked(Status::Fail, Code::SpfMultiple, merged));
}

#[test]
fn keys_that_are_texts_of_their_own_are_no_business_of_the_template() {
    let provider = provider();
    let mut records = planned(&provider, "example.com", &Present::default());
    records[3].rtype = RecordType::Txt;
    records[3].value = "v=DKIM1; p=AAAA".into();
    let verdicts: Vec<_> = records.iter().map(absent).collect();
    let fitting = fitted(&provider, "example.com", None, &records, &verdicts);
    assert_eq!(fitting, ["verification", "spf", "dmarc", "tracking"], "both keys or none");
}

#[test]
fn links_name_the_zone_and_the_host_in_it() {
    let id = RecordId::parse(ID).unwrap();
    let query = |domain: &str| query(&name("example.com"), &name(domain), &id, &["verification", "dkim"]);
    assert_eq!(
        query("example.com").unwrap(),
        "domain=example.com&recordid=abcdefghijklmnop&groupId=verification%2Cdkim"
    );
    assert_eq!(
        query("a.mail.example.com").unwrap(),
        "domain=example.com&host=a.mail&recordid=abcdefghijklmnop&groupId=verification%2Cdkim"
    );
    assert_eq!(query("example.org"), None);
    assert_eq!(encoded("a+b/c= &é"), "a%2Bb%2Fc%3D%20%26%C3%A9");
}

#[test]
fn keys_are_published_in_parts() {
    let key: String = "A".repeat(392);
    let texts = key_texts(&key);
    assert_eq!(
        texts,
        vec![format!("p=1,a=RS256,d={}", "A".repeat(200)), format!("p=2,a=RS256,d={}", "A".repeat(192)),]
    );
}
