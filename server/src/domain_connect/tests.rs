//! The template that is published, and the key.

use super::*;
use crate::{clock::Randomness, config::Config, config::Sources, keys::KeyFile};
use serde_json::Value;

fn published() -> (Value, String) {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../domain-connect/signet.test.sending-domain.json");
    let text = std::fs::read_to_string(path).unwrap();
    (serde_json::from_str(&text).unwrap(), text)
}

/// What stands in the repository is what the plan asks for. Where it has to
/// change, `version` in core is raised and the file is made anew:
/// `signet domain-connect template`.
#[test]
fn the_published_template_is_the_plans() {
    let config = Config::from_sources(&Sources::read(None, [], []).unwrap()).unwrap();
    let document = document(&config.provider, config.domain_connect_provider.as_str());
    let (published, text) = published();
    assert_eq!(published, document);
    assert_eq!(text, format!("{document:#}\n"));
}

/// The rules of the public repository that a schema can't hold.
#[test]
fn the_template_keeps_the_rules() {
    let (template, _) = published();
    for member in ["providerId", "providerName", "serviceId", "serviceName", "syncPubKeyDomain"] {
        assert!(template[member].as_str().is_some_and(|text| !text.is_empty()), "{member}");
    }
    assert!(template.get("warnPhishing").is_none(), "not together with a key");
    let mut hosts = std::collections::BTreeSet::new();
    for record in template["records"].as_array().unwrap() {
        let (rtype, host) = (record["type"].as_str().unwrap(), record["host"].as_str().unwrap());
        assert!(hosts.insert((host.to_string(), rtype.to_string())), "{record}");
        assert!(!host.starts_with('%') && !host.contains("%host%"), "{record}");
        match rtype {
            "CNAME" => assert!(host != "@" && record["pointsTo"].as_str().unwrap().contains('.')),
            "TXT" => {
                let text = record["data"].as_str().unwrap();
                assert!(!text.starts_with("v=spf1") && !text.starts_with('%'));
                assert!(text.starts_with(record["txtConflictMatchingPrefix"].as_str().unwrap()));
                assert_eq!(record["essential"], "OnApply");
            }
            "SPFM" => assert!(!record["spfRules"].as_str().unwrap().contains("all")),
            other => panic!("{other}"),
        }
        assert_eq!(record.get("ttl").is_some(), rtype != "SPFM");
    }
}

#[test]
fn the_key_opens_with_its_file_only() {
    let random = Randomness::default();
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str| KeyFile::open_or_make(&directory.path().join(name), &random).unwrap();
    let (stored, _) = SigningKey::make(&file("one"), &random).unwrap();
    let key = SigningKey::open(&stored, &file("one")).unwrap();
    assert_eq!(key.sign("a=1"), key.sign("a=1"));
    assert_ne!(key.sign("a=1"), key.sign("a=2"));
    assert_eq!(SigningKey::open(&stored, &file("two")).unwrap_err(), UnusableKey);
    for nonsense in ["", "{}", "sealed:", "sealed: ", "sealed:AAAA AAAA", "sealed:é x"] {
        assert_eq!(SigningKey::open(nonsense, &file("one")).unwrap_err(), UnusableKey);
    }
    let public = SigningKey::public(&stored).unwrap();
    assert!(public.starts_with("MIIBIjAN"), "a SubjectPublicKeyInfo of RSA-2048: {public}");
    assert_eq!(format!("{key:?}"), "SigningKey", "nothing of it is shown");
}

#[tokio::test]
async fn what_is_remembered_is_bounded() {
    let fake = signet_dns::testing::Fake::start(vec![], vec![]).await;
    let discovery = Discovery::new(Asker::new(fake.settings()).await.unwrap(), false);
    let now = Timestamp::UNIX_EPOCH;
    let zone = |number: usize| Name::parse(&format!("z{number}.test")).unwrap();
    for number in 0..3 * REMEMBERED {
        discovery.remember(&zone(number), Remembered { at: now, found: Err(Refusal::NotOffered) });
        assert!(discovery.remembered.lock().unwrap().len() <= REMEMBERED);
    }
    let last = zone(3 * REMEMBERED - 1);
    assert_eq!(discovery.known(&last, now), Some(Err(Refusal::NotOffered)));
    let later = now + SignedDuration::from_mins(10);
    assert_eq!(discovery.known(&last, later), None);
    let before = now - SignedDuration::from_secs(1);
    assert_eq!(discovery.known(&last, before), None, "a clock that was set back makes nothing younger");
}
