//! The link to a one-click set-up, with a DNS host of the test's own.

use crate::{api::Api, exports::looked};
use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use signet::domain_connect::Discovery;
use signet_core::plan::Present;
use signet_dns::{
    ask::Asker,
    testing::{Fake, RESOLVER, Zone},
};
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

/// A DNS host: what it answers by path, and how often it was asked.
struct Host {
    port: u16,
    asked: Arc<AtomicUsize>,
}

impl Host {
    async fn start(answers: impl Fn(&str, u16) -> (u16, String) + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked = Arc::new(AtomicUsize::new(0));
        let counter = asked.clone();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut buffer = [0; 4096];
                let length = stream.read(&mut buffer).await.unwrap_or(0);
                let request = String::from_utf8_lossy(&buffer[..length]).into_owned();
                let path = request.split(' ').nth(1).unwrap_or_default();
                counter.fetch_add(1, Ordering::SeqCst);
                let (status, body) = answers(path, port);
                let head = format!(
                    "HTTP/1.1 {status} x\r\nlocation: /elsewhere\r\ncontent-length: {}\r\n\r\n",
                    body.len()
                );
                let _ = stream.write_all((head + &body).as_bytes()).await;
            }
        });
        Self { port, asked }
    }

    fn times(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

fn settings(port: u16) -> String {
    let at = |path: &str| format!("http://dc.host.test:{port}/{path}");
    json!({
        "providerId": "host.test", "providerName": "Host", "providerDisplayName": "Dot Host",
        "urlSyncUX": at("ux/"), "urlAPI": at("api"), "width": 900, "height": 600,
    })
    .to_string()
}

const TEMPLATE: &str = "/api/v2/domainTemplates/providers/signet.test/services/sending-domain";

fn offering(path: &str, port: u16) -> (u16, String) {
    match path {
        "/dc/v2/example.com/settings" => (200, settings(port)),
        TEMPLATE => (200, String::new()),
        _ => (404, String::new()),
    }
}

/// An API that asks this DNS; `text` is at `_domainconnect.example.com`.
async fn api(text: Option<&str>, allow_private: bool) -> (Api, Fake) {
    let record = text.map(|text| format!("shared TXT {text}"));
    let mut records = vec!["_domainconnect CNAME shared"];
    records.extend(record.as_deref());
    let zones = vec![
        Zone::new("example.com", &[2], &records),
        Zone::new("test", &[2], &["dc.host A 127.0.0.1", "inside.host A 10.0.0.1"]),
    ];
    let fake = Fake::start(zones, vec![]).await;
    let mut asking = fake.settings();
    asking.resolvers = vec![fake.address(RESOLVER)];
    let asker = Asker::new(asking).await.unwrap();
    (Api::discovering(Discovery::new(asker, allow_private)).await, fake)
}

async fn offer(api: &Api, id: i64) -> Value {
    let reply = api.get(&format!("/api/domains/{id}/domain_connect")).send().await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    reply.json()["data"].clone()
}

#[tokio::test]
async fn the_link_is_the_hosts_and_signed_by_us() {
    let host = Host::start(offering).await;
    let (api, _fake) = api(Some(&format!("http://dc.host.test:{}/dc", host.port)), true).await;
    let id = api.domain("mail.example.com").await;
    let nothing = offer(&api, id).await;
    assert_eq!((&nothing["supported"], &nothing["code"]), (&json!(false), &json!("zone_unknown")));
    looked(&api, "example.com", "ns.example.net", Present::default()).await;

    let found = offer(&api, id).await;
    assert_eq!(found["supported"], true, "{found:#}");
    assert_eq!(
        (&found["dns_host"], &found["width"], &found["height"]),
        (&json!("Dot Host"), &json!(900), &json!(600))
    );
    assert_eq!(
        found["records"],
        json!(["verification", "spf", "dkim1", "dkim2", "dmarc", "link_verification"])
    );
    let domain = api.get(&format!("/api/domains/{id}")).send().await.json();
    let t = domain["dns_records"][0]["name"].as_str().unwrap().strip_prefix("sg-").unwrap();
    let url = found["url"].as_str().unwrap();
    let (page, query) = url.split_once('?').unwrap();
    let apply = "ux/v2/domainTemplates/providers/signet.test/services/sending-domain/apply";
    assert_eq!(page, format!("http://dc.host.test:{}/{apply}", host.port));
    let (signed, rest) = query.split_once("&sig=").unwrap();
    assert_eq!(
        signed,
        format!(
            "domain=example.com&host=mail&recordid={t}&groupId=verification%2Cspf%2Cdkim%2Cdmarc%2Ctracking"
        )
    );
    // As a DNS host checks it: the key is put together from our zone.
    let signature = rest.strip_suffix("&key=_dcpubkeyv1").unwrap();
    assert!(!signature.contains(['+', '/', '=']), "it is encoded: {signature}");
    let signature = signature.replace("%2B", "+").replace("%2F", "/").replace("%3D", "=");
    let texts = api.ops.link_key_texts().await.unwrap();
    assert!(texts.len() > 1 && texts.iter().all(|text| text.len() <= 255), "{texts:?}");
    let part = |(text, number): (&String, usize)| {
        text.strip_prefix(&format!("p={number},a=RS256,d=")).unwrap().to_string()
    };
    let key: String = texts.iter().zip(1..).map(part).collect();
    let key = der_of(&STANDARD.decode(key).unwrap());
    let verifier = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key);
    let signature = STANDARD.decode(signature).unwrap();
    verifier.verify(signed.as_bytes(), &signature).unwrap();
    assert!(verifier.verify(signed.replace("mail", "evil").as_bytes(), &signature).is_err());

    // The host is asked once an hour, whoever wants to know.
    assert_eq!(host.times(), 2);
    assert_eq!(offer(&api, id).await, found, "the same key, the same link");
    assert_eq!(host.times(), 2);
    api.ops.clock.advance(jiff::SignedDuration::from_mins(61));
    offer(&api, id).await;
    assert_eq!(host.times(), 4);
}

/// The RSAPublicKey in a SubjectPublicKeyInfo of RSA-2048, which the verifier
/// wants alone.
fn der_of(spki: &[u8]) -> Vec<u8> {
    assert_eq!(spki.len(), 294);
    spki[24..].to_vec()
}

#[tokio::test]
async fn dmarc_of_the_owners_own_is_left_alone() {
    let host = Host::start(offering).await;
    let (api, _fake) = api(Some(&format!("http://dc.host.test:{}/dc", host.port)), true).await;
    let id = api.domain("example.com").await;
    let present = Present { dmarc: Some("v=DMARC1; p=reject".to_string()), spf: None };
    looked(&api, "example.com", "ns.example.net", present).await;
    let found = offer(&api, id).await;
    assert_eq!(found["records"], json!(["verification", "spf", "dkim1", "dkim2", "link_verification"]));
    let url = found["url"].as_str().unwrap();
    assert!(url.contains("spf"), "{url}");
    assert!(url.contains("?domain=example.com&recordid="), "no host at the zone itself: {url}");
    assert!(!url.contains("dmarc"), "{url}");
}

#[tokio::test]
async fn what_is_not_offered_says_why() {
    let unknown = |path: &str, port: u16| match path {
        TEMPLATE => (404, String::new()),
        _ => offering(path, port),
    };
    let no_link = |path: &str, port: u16| {
        let (status, body) = offering(path, port);
        (status, body.replace("urlSyncUX", "urlOther"))
    };
    let failing = |_: &str, _: u16| (500, String::new());
    let elsewhere = |_: &str, _: u16| (302, String::new());
    let endless = |_: &str, _: u16| (200, "[".repeat(1 << 20));
    let gone = |_: &str, _: u16| (404, String::new());
    let hosts = [
        (Host::start(unknown).await, "template_unknown", Some("Dot Host")),
        (Host::start(no_link).await, "no_link", Some("Dot Host")),
        (Host::start(failing).await, "unreachable", Some("Cloudflare")),
        (Host::start(elsewhere).await, "unreachable", Some("Cloudflare")),
        (Host::start(endless).await, "unreachable", Some("Cloudflare")),
        (Host::start(gone).await, "not_offered", Some("Cloudflare")),
    ];
    for (host, code, name) in hosts {
        let (api, _fake) = api(Some(&format!("http://dc.host.test:{}/dc", host.port)), true).await;
        let id = api.domain("example.com").await;
        looked(&api, "example.com", "ada.ns.cloudflare.com", Present::default()).await;
        let found = offer(&api, id).await;
        assert_eq!((&found["supported"], &found["code"]), (&json!(false), &json!(code)), "{found:#}");
        assert_eq!(found["dns_host"], json!(name), "{found:#}");
        assert_eq!((&found["url"], &found["records"]), (&Value::Null, &json!([])));
        assert!(found["reason"].as_str().unwrap().ends_with('.'));
    }
}

#[tokio::test]
async fn zones_lead_us_nowhere_inside() {
    for (text, code) in [
        (None, "not_offered"),
        (Some("127.0.0.1"), "not_offered"),
        (Some("http://dc.host.test"), "not_offered"),
        (Some("localhost"), "not_offered"),
        (Some("user@dc.host.test"), "not_offered"),
        // Only looked up is it found to be inside.
        (Some("dc.host.test"), "unreachable"),
        (Some("inside.host.test/dc"), "unreachable"),
    ] {
        let (api, _fake) = api(text, false).await;
        let id = api.domain("example.com").await;
        looked(&api, "example.com", "ns.example.net", Present::default()).await;
        let found = offer(&api, id).await;
        assert_eq!(found["code"], code, "{text:?}: {found:#}");
        if code == "unreachable" {
            assert!(found["reason"].as_str().unwrap().contains("not a public one"), "{found:#}");
        }
    }
}

#[tokio::test]
async fn slow_hosts_are_not_waited_for() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let text = format!("http://dc.host.test:{}", silent.local_addr().unwrap().port());
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    tokio::spawn(async move {
        let mut connections = Vec::new();
        while let Ok((connection, _)) = silent.accept().await {
            count.fetch_add(1, Ordering::SeqCst);
            connections.push(connection);
        }
    });
    let (api, _fake) = api(Some(&text), true).await;
    let id = api.domain("example.com").await;
    looked(&api, "example.com", "ns.example.net", Present::default()).await;
    assert_eq!(offer(&api, id).await["code"], "unreachable");
    let before = asked.load(Ordering::SeqCst);
    assert_eq!(offer(&api, id).await["code"], "unreachable");
    assert_eq!(asked.load(Ordering::SeqCst), before, "that it is slow is remembered");
}

#[tokio::test]
async fn the_demo_domain_needs_none() {
    let api = Api::start().await;
    let list = api.get("/api/domains").send().await.json();
    let demo = list["data"].as_array().unwrap().iter().find(|d| d["demo"] == true).unwrap().clone();
    assert_eq!(offer(&api, demo["id"].as_i64().unwrap()).await["code"], "demo");
}
