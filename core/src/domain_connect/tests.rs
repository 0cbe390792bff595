use super::*;
use crate::plan::{SpfMode, tests::provider};
use alloc::vec;

const ID: &str = "abcdefghijklmnop";

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

fn planned(provider: &Provider, domain: &str, present: &Present) -> Vec<PlannedRecord> {
    crate::plan::tests::planned(provider, domain, present)
}

fn groups(provider: &Provider, domain: &str, present: &Present, dmarc: Status) -> Vec<&'static str> {
    let records = planned(provider, domain, present);
    let known: Vec<Known<'_>> = records
        .iter()
        .map(|record| Known {
            record,
            status: if record.key == RecordKey::Dmarc { dmarc } else { Status::Missing },
        })
        .collect();
    fitted(provider, domain, present.dmarc.as_deref(), &known)
}

fn fitted(provider: &Provider, domain: &str, theirs: Option<&str>, known: &[Known<'_>]) -> Vec<&'static str> {
    let id = RecordId::parse(ID).unwrap();
    fitting(provider, &name(domain), &id, theirs, known).into_iter().map(|(group, _)| group).collect()
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
    assert!(
        !groups(&provider, "example.com", &Present::default(), Status::Missing).contains(&"spf"),
        "nor linked to"
    );
}

#[test]
fn dmarc_of_their_own_is_never_replaced() {
    let all = ["verification", "spf", "dkim", "dmarc", "tracking"];
    let without = ["verification", "spf", "dkim", "tracking"];
    let theirs = Present { dmarc: Some("v=DMARC1; p=reject".into()), spf: Some("v=spf1 mx -all".into()) };
    let none = Present::default();
    let provider = provider();
    assert_eq!(groups(&provider, "example.com", &none, Status::Missing), all);
    // Not looked at yet, not readable, inherited from the domain above, or wrong.
    for status in [Status::Unchecked, Status::NetworkError, Status::Pass, Status::Fail] {
        assert_eq!(groups(&provider, "example.com", &none, status), without, "{status:?}");
    }
    let ours = Present { dmarc: Some("v=DMARC1; p=none".into()), spf: None };
    for status in Status::ALL {
        assert_eq!(groups(&provider, "example.com", &theirs, status), without, "{status:?}");
        // Left out, a host that remembers what it applied would take it away again.
        assert_eq!(groups(&provider, "example.com", &ours, status), all, "{status:?}");
    }
}

#[test]
fn keys_that_are_texts_of_their_own_are_no_business_of_the_template() {
    let provider = provider();
    let mut records = planned(&provider, "example.com", &Present::default());
    records[3].rtype = RecordType::Txt;
    records[3].value = "v=DKIM1; p=AAAA".into();
    let known: Vec<_> = records.iter().map(|record| Known { record, status: Status::Missing }).collect();
    let fitting = fitted(&provider, "example.com", None, &known);
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
