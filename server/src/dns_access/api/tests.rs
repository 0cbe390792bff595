//! On a PowerDNS made up here, as if it took one record after the other.

use super::*;
use crate::dns_access::providers::Provider;
use axum::{
    Json, Router,
    extract::{Query, State},
    http::StatusCode,
    routing::get,
};
use serde_json::{Value, json};
use signet_core::{plan::RecordKey, publish::Action};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

const OLD: &str = "v=spf1 mx -all";
const MERGED: &str = "v=spf1 mx include:_spf.signet.test -all";

/// The texts at `example.com`, and those it was given one time after the other.
struct Host {
    texts: Mutex<Vec<String>>,
    given: Mutex<Vec<Vec<String>>>,
    /// The numbers of the times it fails.
    fails: Vec<usize>,
}

type At = State<Arc<Host>>;

async fn list(State(host): At, Query(query): Query<HashMap<String, String>>) -> Json<Value> {
    let texts = host.texts.lock().unwrap().clone();
    let records: Vec<Value> =
        texts.iter().map(|text| json!({"content": format!("\"{text}\""), "disabled": false})).collect();
    let set = json!({"name": "example.com.", "type": "TXT", "ttl": 300, "records": records});
    let asked = query.get("rrset_type").is_none_or(|rtype| rtype == "TXT") && !texts.is_empty();
    Json(json!({"name": "example.com.", "rrsets": if asked { vec![set] } else { vec![] }}))
}

async fn change(State(host): At, Json(body): Json<Value>) -> StatusCode {
    let records = body["rrsets"][0]["records"].as_array().into_iter().flatten();
    let texts: Vec<String> =
        records.map(|record| record["content"].as_str().unwrap().trim_matches('"').to_string()).collect();
    let mut given = host.given.lock().unwrap();
    given.push(texts.clone());
    if host.fails.contains(&given.len()) {
        return StatusCode::INTERNAL_SERVER_ERROR;
    }
    *host.texts.lock().unwrap() = texts;
    StatusCode::NO_CONTENT
}

async fn merge(fails: &[usize]) -> (Written, Arc<Host>) {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let texts = Mutex::new(vec!["hello".to_string(), OLD.to_string()]);
    let host = Arc::new(Host { texts, given: Mutex::default(), fails: fails.to_vec() });
    let path = "/api/v1/servers/localhost/zones/example.com.";
    let router = Router::new().route(path, get(list).patch(change)).with_state(host.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });

    let provider = Provider::find("powerdns", true).unwrap();
    let zone = Name::parse("example.com").unwrap();
    let access = Access { zone: zone.clone(), provider, values: Default::default() };
    let updater = DnsUpdater::new_pdns("key", Some(url.as_str()), None::<&str>, None).unwrap();
    let text = |text: &str| Data::Txt(vec![text.as_bytes().to_vec()]);
    let entry = |data: Data| vec![Entry { data, ttl: 300 }];
    let change = Change {
        key: RecordKey::Spf,
        owner: zone.clone(),
        action: Action::Merge,
        reason: "because".to_string(),
        zone: Some(zone),
        before: entry(text(OLD)),
        after: entry(text(MERGED)),
        requires: vec![Requirement::Exactly(RecordType::Txt, vec![text("hello"), text(OLD)])],
    };
    (write(&access, &updater, Sets::OneByOne, &[&change]).await, host)
}

fn sorted_texts(host: &Host) -> Vec<String> {
    let mut texts = host.texts.lock().unwrap().clone();
    texts.sort();
    texts
}

#[tokio::test]
async fn a_text_is_deleted_when_the_one_in_its_place_is_there() {
    let (written, host) = merge(&[]).await;
    assert_eq!(written, Written { done: vec![RecordKey::Spf], ..Written::default() });
    assert_eq!(*host.given.lock().unwrap(), [vec!["hello", OLD, MERGED], vec!["hello", MERGED]]);
}

#[tokio::test]
async fn what_fails_is_put_back() {
    for fails in [1, 2] {
        let (written, host) = merge(&[fails]).await;
        assert_eq!(sorted_texts(&host), ["hello", OLD], "{written:?}");
        let broken = written.broken.unwrap();
        assert_eq!(broken.then, Then::Plan, "{broken:?}");
        assert!(broken.reason.contains("What stood there is there"), "{broken:?}");
    }
}

#[tokio::test]
async fn what_cannot_be_put_back_is_said() {
    let (written, host) = merge(&[2, 3]).await;
    assert_eq!(sorted_texts(&host), ["hello", OLD, MERGED]);
    let broken = written.broken.unwrap();
    assert_eq!(broken.then, Then::Mend);
    assert!(broken.reason.contains(&format!("`hello`, `{OLD}`")), "{broken:?}");
}
