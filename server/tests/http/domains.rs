//! Registering, reading, changing and deleting domains.

use crate::api::Api;
use serde_json::{Value, json};
use signet::{ops::checks::Observed, store::Access};

#[tokio::test]
async fn a_new_domain_in_full() {
    let api = Api::start().await;
    let body = json!({"domain": {"domain_name": " Example.COM. ", "unknown": {"ignored": true}}});
    let reply = api.post("/api/domains").json(&body).send().await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    let domain = reply.json();
    let id = domain["id"].as_i64().unwrap();
    let verification = domain["dns_records"][0]["name"].as_str().unwrap();
    let t = verification.strip_prefix("sg-").unwrap();
    assert_eq!(t.len(), 16);
    let record = |key: &str, kind: &str, name: String, value: String| {
        let owner = if name.is_empty() { "example.com".to_string() } else { format!("{name}.example.com") };
        json!({"key": key, "domain": owner, "type": kind, "value": value, "status": "unchecked", "name": name})
    };
    let wanted = json!({
        "id": id,
        "domain_name": "example.com",
        "demo": false,
        "compliance_status": "unverified_dns",
        "dns_verified": false,
        "dns_verified_at": null,
        "dns_records": [
            record("verification", "CNAME", format!("sg-{t}"), "bounce.signet.test".into()),
            record("spf", "TXT", "".into(), "v=spf1 include:_spf.signet.test ~all".into()),
            record("dkim1", "CNAME", format!("sg1-{t}._domainkey"), format!("sg1.{t}.dkim.signet.test")),
            record("dkim2", "CNAME", format!("sg2-{t}._domainkey"), format!("sg2.{t}.dkim.signet.test")),
            record("dmarc", "TXT", "_dmarc".into(), "v=DMARC1; p=none".into()),
            record("link_verification", "CNAME", "sg-link".into(), "track.signet.test".into()),
        ],
        "open_tracking_enabled": true,
        "click_tracking_enabled": false,
        "auto_unsubscribe_link_enabled": false,
        "custom_domain_tracking_enabled": false,
        "health_alerts_enabled": true,
        "critical_alerts_enabled": true,
        "alert_recipient_email": null,
        "permissions": {"can_read": true, "can_update": true, "can_destroy": true},
    });
    assert_eq!(domain, wanted);
    assert!(in_order(&reply.text, &MEMBERS));
    let records = &reply.text[reply.text.find("\"dns_records\"").unwrap()..];
    assert!(in_order(records, &["key", "domain", "type", "value", "status", "name"]));
    for path in [format!("/api/domains/{id}"), format!("/api/accounts/{}/sending_domains/{id}", api.account)]
    {
        assert_eq!(api.get(&path).send().await.text, reply.text, "shared ids, one answer");
    }
}

/// The contract's members, in its order.
const MEMBERS: [&str; 15] = [
    "id",
    "domain_name",
    "demo",
    "compliance_status",
    "dns_verified",
    "dns_verified_at",
    "dns_records",
    "open_tracking_enabled",
    "click_tracking_enabled",
    "auto_unsubscribe_link_enabled",
    "custom_domain_tracking_enabled",
    "health_alerts_enabled",
    "critical_alerts_enabled",
    "alert_recipient_email",
    "permissions",
];

/// Whether the first of each of these members come in this order.
fn in_order(text: &str, members: &[&str]) -> bool {
    members.iter().map(|name| text.find(&format!("\"{name}\":")).unwrap()).is_sorted()
}

#[tokio::test]
async fn a_name_is_taken_once_per_account() {
    let api = Api::start().await;
    api.domain("example.com").await;
    let again = json!({"sending_domain": {"domain_name": "EXAMPLE.com"}});
    let reply = api.post(&format!("/api/accounts/{}/sending_domains", api.account)).json(&again).send().await;
    assert_eq!(reply.errors("domain_name"), ["has already been taken"]);
    let other = api.account("other").await;
    let token = api.token(other, Access::Admin, &[]).await;
    let reply = api.post("/api/domains").token(&token).json(&again).send().await;
    assert_eq!(reply.status, 200);
}

#[tokio::test]
async fn settings_change_one_by_one() {
    let api = Api::start().await;
    let id = api.domain("example.com").await;
    let path = format!("/api/domains/{id}");
    let mut wanted = api.get(&path).send().await.json();
    let steps = [
        (json!({"domain": {}}), json!({})),
        (json!({"domain": {"domain_name": "other.example.com", "id": 7, "unknown": null}}), json!({})),
        (json!({"domain": {"open_tracking_enabled": false}}), json!({"open_tracking_enabled": false})),
        (
            json!({"sending_domain": {"click_tracking_enabled": true}}),
            json!({"click_tracking_enabled": true, "custom_domain_tracking_enabled": true}),
        ),
        (json!({"domain": {"click_tracking_enabled": false}}), json!({"click_tracking_enabled": false})),
        (
            json!({"domain": {"auto_unsubscribe_link_enabled": true, "health_alerts_enabled": false}}),
            json!({"auto_unsubscribe_link_enabled": true, "health_alerts_enabled": false}),
        ),
        (
            json!({"domain": {"custom_domain_tracking_enabled": false, "critical_alerts_enabled": false}}),
            json!({"custom_domain_tracking_enabled": false, "critical_alerts_enabled": false}),
        ),
        (
            json!({"domain": {"alert_recipient_email": "Ops@Example.COM"}}),
            json!({"alert_recipient_email": "Ops@example.com"}),
        ),
        (json!({"domain": {"alert_recipient_email": null}}), json!({"alert_recipient_email": null})),
        (
            json!({"domain": {"alert_recipient_email": "a@example.com"}}),
            json!({"alert_recipient_email": "a@example.com"}),
        ),
        (json!({"domain": {"alert_recipient_email": ""}}), json!({"alert_recipient_email": null})),
    ];
    for (body, change) in steps {
        for (key, value) in change.as_object().unwrap() {
            wanted[key] = value.clone();
        }
        api.patch(&path).json(&body).send().await.is(200, &wanted);
        api.get(&path).send().await.is(200, &wanted);
    }
}

#[tokio::test]
async fn a_deleted_domain_is_gone_and_gets_other_records_when_it_returns() {
    let api = Api::start().await;
    let id = api.domain("example.com").await;
    let path = format!("/api/domains/{id}");
    let before = api.get(&path).send().await.json();
    let reply = api.call("DELETE", &path).send().await;
    assert_eq!((reply.status, reply.text.as_str()), (204, ""));
    for method in ["GET", "DELETE"] {
        api.call(method, &path).send().await.is(404, &json!({"error": "Not Found"}));
    }
    let again = api.domain("example.com").await;
    assert_ne!(again, id);
    let after = api.get(&format!("/api/domains/{again}")).send().await.json();
    assert_ne!(after["dns_records"][0]["domain"], before["dns_records"][0]["domain"]);
}

#[tokio::test]
async fn unchecked_report_and_history() {
    let api = Api::start().await;
    let id = api.domain("example.com").await;
    let report = api.get(&format!("/api/domains/{id}/report")).send().await.json();
    let domain = api.get(&format!("/api/domains/{id}")).send().await.json();
    let (entries, records) = (report["data"].as_array().unwrap(), domain["dns_records"].as_array().unwrap());
    assert_eq!(entries.len(), 6);
    for (entry, record) in entries.iter().zip(records) {
        let wanted = json!({
            "key": record["key"], "status": "unchecked", "code": "unchecked",
            "reason": "This record has not been looked at yet.", "fix": null, "expected": record["value"],
            "observed": [], "server": null, "rcode": null, "ttl": null, "checked_at": null,
            "visible_everywhere_at": null, "remarks": [],
        });
        assert_eq!(entry, &wanted);
    }
    let token = api.ops.store.tokens(Some(api.account)).await.unwrap()[0].id;
    let events = api.get(&format!("/api/domains/{id}/events")).send().await.json();
    let created = events["data"].as_array().unwrap().last().unwrap().clone();
    assert_eq!(created["type"], "domain.created");
    assert_eq!(created["actor"], format!("token:{token}"));
    assert_eq!(created["at"], "2026-04-28T08:19:31.769Z");
}

#[tokio::test]
async fn a_check_that_nobody_carries_out_says_that_it_is_pending() {
    let api = Api::start().await;
    let id = api.domain("example.com").await;
    let reply = api.post(&format!("/api/domains/{id}/check?wait=0")).send().await;
    assert_eq!((reply.status, reply.header("signet-check")), (200, Some("pending")));
    assert_eq!(reply.json()["id"], id);
    // The demo domain needs no look.
    let list = api.get("/api/domains").send().await.json();
    let demo = list["data"].as_array().unwrap().iter().find(|d| d["demo"] == true).unwrap().clone();
    let reply = api.post(&format!("/api/domains/{}/check", demo["id"])).send().await;
    assert_eq!((reply.status, reply.header("signet-check")), (200, None));
    let pass = |record: &Value| record["status"] == "pass";
    assert!(demo["dns_records"].as_array().unwrap().iter().all(pass));
}

#[tokio::test]
async fn a_verified_domain_says_since_when_and_why() {
    use jiff::SignedDuration;
    use signet_core::verify::{Code, Findings, Status, Verdict};
    let api = Api::start().await;
    let id = api.domain("example.com").await;
    let now = api.ops.clock.now();
    let due = api.ops.store.claim_due(now, now + SignedDuration::from_mins(1), 10).await.unwrap();
    let looked: Vec<_> = due
        .iter()
        .map(|due| {
            let plan = api.ops.plan(&due.domain);
            let verdict = |record| {
                let mut verdict = Verdict::new(record, Status::Pass, Code::Ok, "It is there.");
                verdict.rcode = Some("NOERROR".to_string());
                verdict.ttl = Some(300);
                verdict.server = Some(signet_core::observe::Server {
                    name: "ns.example.net".parse().ok(),
                    address: "192.0.2.53".parse().ok(),
                });
                verdict
            };
            let findings = Findings { verdicts: plan.iter().map(verdict).collect(), ..Findings::default() };
            api.ops.decide(due, &plan, Observed { findings, whole: true, others_answer: true })
        })
        .collect();
    let cause = signet::store::Cause::signet(now);
    assert_eq!(api.ops.store.apply_looks(&looked, &cause).await.unwrap(), vec![true; looked.len()]);
    let domain = api.get(&format!("/api/domains/{id}")).send().await.json();
    assert_eq!(domain["dns_verified"], true);
    assert_eq!(domain["dns_verified_at"], "2026-04-28T08:19:31.769Z", "cut to milliseconds, not rounded up");
    assert_eq!(domain["compliance_status"], "missing_company_info");
    let report = api.get(&format!("/api/domains/{id}/report")).send().await.json();
    let entry = &report["data"][0];
    assert_eq!(entry["server"], "ns.example.net (192.0.2.53)");
    assert_eq!((&entry["rcode"], &entry["ttl"]), (&json!("NOERROR"), &json!(300)));
    assert_eq!(entry["checked_at"], "2026-04-28T08:19:31.769Z");
    let events = api.get(&format!("/api/domains/{id}/events")).send().await.json();
    assert!(events["data"].as_array().unwrap().iter().any(|event| event["type"] == "domain.verified"));
}

#[tokio::test]
async fn instructions_are_capped_per_recipient() {
    let api = Api::start().await;
    let id = api.domain("example.com").await;
    let path = format!("/api/domains/{id}/send_setup_instructions");
    let body = json!({"email": "dns@example.com"});
    for _ in 0..signet::ops::instructions::CAPS.per_recipient {
        let reply = api.post(&path).json(&body).send().await;
        assert_eq!((reply.status, reply.text.as_str()), (204, ""));
    }
    assert_eq!(api.post(&path).json(&body).send().await.wrong(), ["email"]);
    assert_eq!(api.post(&path).json(&json!({"email": "other@example.com"})).send().await.status, 204);
}
