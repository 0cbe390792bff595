//! The records to publish, in every form.

use crate::api::{Api, Reply};
use jiff::SignedDuration;
use signet::{
    ops::checks::Observed,
    store::{Access, Cause},
};
use signet_core::{
    observe::Server,
    plan::{Present, RecordKey},
    verify::{Code, Findings, Status, Verdict, spf::with_include},
};

/// Looks at all domains: nothing of ours is there, in the zone and at the server
/// named, with these texts of the owner's own.
pub(crate) async fn looked(api: &Api, zone: &str, server: &str, present: Present) {
    looked_and(api, zone, server, present, |_| {}).await;
}

/// The same, finding something else.
async fn looked_and(api: &Api, zone: &str, server: &str, present: Present, differs: impl Fn(&mut Verdict)) {
    let include = "_spf.signet.test".parse().unwrap();
    let now = api.ops.clock.now();
    let due = api.ops.store.claim_due(now, now + SignedDuration::from_mins(1), 10).await.unwrap();
    assert!(!due.is_empty());
    let decided = due.iter().map(|due| {
        let plan = api.ops.plan(&due.domain);
        let verdict = |record: &signet_core::plan::PlannedRecord| {
            let missing = |offer| Verdict {
                offer,
                ..Verdict::new(record, Status::Missing, Code::NoRecord, "It is not there.")
            };
            let mut verdict = match (record.key, &present) {
                (RecordKey::Dmarc, Present { dmarc: Some(_), .. }) => {
                    Verdict::new(record, Status::Pass, Code::Ok, "It is there.")
                }
                (RecordKey::Spf, Present { spf: Some(theirs), .. }) => Verdict {
                    offer: Some(with_include(Some(theirs), &include)),
                    ..Verdict::new(record, Status::Fail, Code::SpfNotIncluded, "Ours is not in it.")
                },
                (RecordKey::Spf | RecordKey::Dmarc, _) => missing(Some(record.value.clone())),
                _ => missing(None),
            };
            differs(&mut verdict);
            verdict.server = Some(Server { name: server.parse().ok(), address: "192.0.2.53".parse().ok() });
            verdict
        };
        let findings = Findings {
            verdicts: plan.iter().map(verdict).collect(),
            present: present.clone(),
            zone: Some(zone.parse().unwrap()),
        };
        api.ops.decide(due, &plan, Observed { findings, whole: true, others_answer: true })
    });
    let decided: Vec<_> = decided.collect();
    let applied = api.ops.store.apply_looks(&decided, &Cause::signet(now)).await.unwrap();
    assert!(applied.iter().all(|applied| *applied));
}

/// The record id, which is another every time, out of the way.
async fn plain(api: &Api, id: i64, reply: &Reply) -> String {
    let domain = api.get(&format!("/api/domains/{id}")).send().await.json();
    let t = domain["dns_records"][0]["name"].as_str().unwrap().strip_prefix("sg-").unwrap();
    reply.text.replace(t, "<id>")
}

fn theirs() -> Present {
    Present {
        spf: Some("v=spf1 include:_spf.example.net -all".to_string()),
        dmarc: Some("v=DMARC1; p=reject; rua=mailto:\"${x}\"@example.net".to_string()),
    }
}

#[tokio::test]
async fn every_form() {
    let api = Api::start().await;
    let id = api.domain("mail.example.com").await;
    let viewer = api.token(api.account, Access::Viewer, &[]).await;
    let export = async |query: &str| {
        let reply = api.get(&format!("/api/domains/{id}/zone{query}")).token(&viewer).send().await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        let text = plain(&api, id, &reply).await;
        (reply, text)
    };
    // Before anything is known of the zone.
    let (reply, text) = export("").await;
    assert_eq!(reply.header("content-type"), Some("text/dns"));
    assert_eq!(reply.header("content-disposition"), Some("attachment; filename=\"mail.example.com.zone\""));
    insta::assert_snapshot!("bind_of_an_unknown_zone", text);
    insta::assert_snapshot!("json_of_an_unknown_zone", export("?format=json").await.1);

    looked(&api, "example.com", "ada.ns.cloudflare.com", theirs()).await;
    insta::assert_snapshot!("bind", export("?format=bind").await.1);
    let (reply, text) = export("?format=json").await;
    assert_eq!(reply.header("content-disposition"), None);
    insta::assert_json_snapshot!("json", serde_json::from_str::<serde_json::Value>(&text).unwrap());
    let (reply, text) = export("?format=csv").await;
    assert_eq!(reply.header("content-type"), Some("text/csv; charset=utf-8; header=present"));
    assert_eq!(reply.header("content-disposition"), Some("attachment; filename=\"mail.example.com.csv\""));
    insta::assert_snapshot!("csv", text);
    let (reply, text) = export("?format=terraform").await;
    assert_eq!(reply.header("content-type"), Some("text/plain; charset=utf-8"));
    assert_eq!(reply.header("content-disposition"), Some("attachment; filename=\"mail.example.com.tf\""));
    assert_eq!(text, export("?format=terraform&provider=cloudflare").await.1, "that is who the host is");
    insta::assert_snapshot!("terraform_cloudflare", text);
    insta::assert_snapshot!("terraform_route53", export("?format=terraform&provider=route53").await.1);
    insta::assert_snapshot!("terraform_generic", export("?format=terraform&provider=generic").await.1);
}

#[tokio::test]
async fn what_would_break_is_left_out() {
    let api = Api::start().await;
    let id = api.domain("mail.example.com").await;
    let reason = "Receivers cannot evaluate it: include:\"${x}\n\u{202e}\" takes 11 look-ups.";
    looked_and(&api, "example.com", "ns.example.net", theirs(), |verdict| match verdict.key {
        RecordKey::Spf => {
            verdict.code = Code::SpfTooManyLookups;
            verdict.reason = reason.to_string();
            verdict.offer = None;
        }
        RecordKey::LinkVerification => {
            verdict.status = Status::Fail;
            verdict.code = Code::WrongTarget;
        }
        _ => {}
    })
    .await;
    let export = async |query: &str| {
        let reply = api.get(&format!("/api/domains/{id}/zone?format={query}")).send().await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        plain(&api, id, &reply).await
    };
    insta::assert_snapshot!("left_out_bind", export("bind").await);
    insta::assert_snapshot!("left_out_csv", export("csv").await);
    insta::assert_snapshot!("left_out_terraform", export("terraform&provider=generic").await);
    let cloudflare = export("terraform&provider=cloudflare").await;
    assert!(!cloudflare.contains("_spf\"") && cloudflare.contains("# mail.example.com TXT: Left out. "));
    let document: serde_json::Value = serde_json::from_str(&export("json").await).unwrap();
    let keys = |list: &str| -> Vec<String> {
        let list = document["data"][list].as_array().unwrap();
        list.iter().map(|record| record["key"].as_str().unwrap().to_string()).collect()
    };
    assert_eq!(keys("records"), ["verification", "dkim1", "dkim2", "dmarc"]);
    assert_eq!(keys("left_out"), ["spf", "link_verification"]);
    let note = document["data"]["left_out"][0]["note"].as_str().unwrap();
    assert!(note.starts_with("Left out. Receivers cannot"), "{note}");
}

#[tokio::test]
async fn what_is_no_form_is_named() {
    let api = Api::start().await;
    let id = api.domain("example.com").await;
    for (query, field) in [
        ("format=xml", "format"),
        ("format=", "format"),
        ("format=BIND", "format"),
        ("format=bind&format=%00", "format"),
        ("format=terraform&provider=azure", "provider"),
    ] {
        let reply = api.get(&format!("/api/domains/{id}/zone?{query}")).send().await;
        assert_eq!(reply.wrong(), [field], "{query}");
        assert!(reply.header("content-disposition").is_none());
    }
    // What is wrong with the question is no business of those who may not ask.
    assert_eq!(api.get("/api/domains/999/zone?format=xml").send().await.status, 404);
}

#[tokio::test]
async fn files_are_validated_like_any_other_answer() {
    let api = Api::start().await;
    let id = api.domain("example.com").await;
    for format in ["bind", "json", "csv", "terraform"] {
        let path = format!("/api/domains/{id}/zone?format={format}");
        let reply = api.get(&path).send().await;
        let tag = reply.header("etag").unwrap();
        let again = api.get(&path).header("if-none-match", tag).send().await;
        assert_eq!((again.status, again.text.as_str()), (304, ""), "{format}");
        let older = format!("/api/accounts/{}/sending_domains/{id}/zone?format={format}", api.account);
        assert_eq!(api.get(&older).send().await.text, reply.text);
    }
}
