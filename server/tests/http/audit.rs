//! The history of everything over the API.

use crate::api::{Api, Reply};
use serde_json::{Value, json};
use signet::store::{Access, Cause, EventKind};

fn types(reply: &Reply) -> Vec<String> {
    assert_eq!(reply.status, 200, "{}", reply.text);
    let rows = reply.json()["data"].clone();
    rows.as_array().unwrap().iter().map(|row| row["type"].as_str().unwrap().to_string()).collect()
}

#[tokio::test]
async fn a_row_says_who_did_what_from_where() {
    let api = Api::start().await;
    let body = json!({"domain": {"domain_name": "example.com"}});
    let made = api.post("/api/domains").header("x-request-id", "r-1").json(&body).send().await;
    let id = made.json()["id"].as_i64().unwrap();
    let row = api.get("/api/audit?limit=1").send().await.json()["data"][0].clone();
    let expected = json!({
        "id": row["id"], "at": "2026-04-28T08:19:31.769Z", "type": "domain.created", "account_id": api.account.0,
        "domain": {"id": id, "name": "example.com"}, "actor": "token:1", "origin": "request r-1",
        "reason": null, "from": null, "to": "example.com", "record": null, "evidence": null,
    });
    assert_eq!(row, expected);
    // Deleted, it is found by name and number.
    assert_eq!(api.delete(&format!("/api/domains/{id}")).send().await.status, 204);
    for query in [format!("domain_id={id}"), "domain_name=Example.COM.".to_string()] {
        let found = api.get(&format!("/api/audit?{query}")).send().await;
        assert_eq!(types(&found), ["domain.deleted", "domain.created"], "{query}");
        assert_eq!(found.json()["data"][0]["domain"]["name"], "example.com");
    }
    // The domain's own history has the members it always had.
    let other = api.domain("other.example.com").await;
    let events = api.get(&format!("/api/domains/{other}/events")).send().await.json();
    let members: Vec<_> = events["data"][0].as_object().unwrap().keys().cloned().collect();
    assert_eq!(members, ["actor", "at", "from", "id", "reason", "record", "to", "type"]);
}

#[tokio::test]
async fn tokens_leave_evidence_and_no_secrets() {
    let api = Api::start().await;
    let resources = json!([{"resource_type": "account", "resource_id": api.account.0, "access_level": 10}]);
    let made = api.post("/api/api_tokens").json(&json!({"name": "ci", "resources": resources})).send().await;
    let made = made.json();
    let new = api.post(&format!("/api/api_tokens/{}/reset", made["id"])).send().await.json();
    api.delete(&format!("/api/api_tokens/{}", new["id"])).send().await;
    let found =
        api.get("/api/audit?type=token.created,token.reset&type=token.revoked&actor=token:1").send().await;
    assert_eq!(types(&found), ["token.revoked", "token.reset", "token.created"]);
    let evidence = |n: usize| found.json()["data"][n]["evidence"].clone();
    assert_eq!(
        evidence(1),
        json!({"token": new["id"], "last4": new["last_4_digits"], "access": "viewer", "domains": null,
            "expires_at": null, "replaces": made["id"]})
    );
    assert_eq!(evidence(2)["token"], made["id"]);
    for secret in [&made["token"], &new["token"]] {
        assert!(!found.text.contains(secret.as_str().unwrap()));
    }
}

#[tokio::test]
async fn everything_given_has_to_fit() {
    let api = Api::start().await;
    let id = api.domain("example.com").await;
    api.ops.clock.advance(jiff::SignedDuration::from_hours(1));
    let operator = signet::ops::Actor::operator(api.account);
    use signet::store::Ruling;
    use signet_core::lifecycle::Suspension;
    let domain = signet::store::DomainId(id);
    let suspend = Ruling::Suspend(Suspension::Abuse);
    api.ops.rule(&operator, domain, suspend, None, "Sends PHISHING mail").await.unwrap();
    let search = async |query: &str| types(&api.get(&format!("/api/audit?{query}")).send().await);
    let suspended = ["domain.compliance_changed", "review.suspended"];
    assert_eq!(search("q=phishing").await, suspended);
    assert_eq!(search("since=2026-04-28T09:00:00Z").await, suspended);
    assert_eq!(search(&format!("actor=operator&domain_id={id}")).await, suspended);
    assert_eq!(
        search("until=2026-04-28T09:00:00Z&type=domain.created").await.len(),
        2,
        "with the demo domain"
    );
    assert_eq!(search("q=phishing&until=2026-04-28T09:00:00Z").await, [""; 0]);
    assert_eq!(search("type=review.suspended&actor=signet").await, [""; 0]);
    assert_eq!(search(&format!("account_id={}&limit=1", api.account)).await.len(), 1);
    for (query, wrong) in [
        ("type=nonsense", "type"),
        ("type=", "type"),
        ("since=yesterday", "since"),
        ("until=2026-04-28", "until"),
        ("before=0", "before"),
        ("before=999999", "before"),
        ("limit=101", "limit"),
        ("actor=", "actor"),
        ("q=%00", "q"),
        ("domain_name=a..b", "domain_name"),
        ("domain_id=x", "domain_id"),
        ("account_id=-1", "account_id"),
    ] {
        for path in ["/api/audit", "/api/audit/export"] {
            if path.ends_with("export") && ["before", "limit"].contains(&wrong) {
                continue;
            }
            assert_eq!(api.get(&format!("{path}?{query}")).send().await.wrong(), [wrong], "{query}");
        }
    }
}

#[tokio::test]
async fn the_link_leads_through_all_pages() {
    let api = Api::start().await;
    for n in 0..7 {
        api.domain(&format!("n{n}.example.com")).await;
        // Several at one moment, and some later.
        api.ops.clock.advance(jiff::SignedDuration::from_millis(n / 3));
    }
    let all = api.get("/api/audit?type=domain.created,token.created").send().await;
    assert_eq!(all.header("link"), None);
    let all = all.json()["data"].as_array().unwrap().clone();
    assert_eq!(all.len(), 9);
    for limit in [1, 2, 4, 8, 9] {
        let mut path = format!("/api/audit?limit={limit}&type=domain.created%2Ctoken.created");
        let mut seen = vec![];
        for _ in 0..20 {
            let reply = api.get(&path).send().await;
            seen.extend(reply.json()["data"].as_array().unwrap().clone());
            let Some(link) = reply.header("link") else { break };
            path = link.strip_prefix('<').unwrap().strip_suffix(">; rel=\"next\"").unwrap().to_string();
        }
        assert_eq!(seen, all, "limit {limit}");
    }
}

#[tokio::test]
async fn nobody_reads_of_another_account() {
    let api = Api::start().await;
    let other = api.account("other").await;
    api.domain("example.com").await;
    let viewer = api.token(api.account, Access::Viewer, &[]).await;
    let stranger = api.token(other, Access::Viewer, &[]).await;
    let operator = api.token(api.account, Access::Operator, &[]).await;
    let accounts = async |token: &str, query: &str| {
        let lines = api.get(&format!("/api/audit/export?{query}")).token(token).send().await.lines();
        let search = api.get(&format!("/api/audit?limit=100&{query}")).token(token).send().await.json();
        let mut found: Vec<Value> = search["data"].as_array().unwrap().clone();
        found.reverse();
        assert_eq!(lines, found, "an export is what a search finds, the other way around");
        let mut accounts: Vec<Option<i64>> = lines.iter().map(|row| row["account_id"].as_i64()).collect();
        accounts.sort_unstable();
        accounts.dedup();
        accounts
    };
    api.ops.release_demotions(jiff::SignedDuration::from_hours(1)).await.unwrap();
    assert_eq!(accounts(&viewer, "").await, [Some(api.account.0)]);
    assert_eq!(accounts(&stranger, "").await, [Some(other.0)]);
    assert_eq!(accounts(&stranger, "domain_name=example.com").await, []);
    assert_eq!(accounts(&stranger, "actor=token:1").await, []);
    assert_eq!(accounts(&stranger, "type=account.created").await, [Some(other.0)]);
    assert_eq!(accounts(&operator, "").await, [None, Some(api.account.0), Some(other.0)]);
    assert_eq!(accounts(&operator, &format!("account_id={other}")).await, [Some(other.0)]);
    assert_eq!(accounts(&operator, "account_id=0").await, [None], "what concerns no single account");
    for path in ["/api/audit", "/api/audit/export"] {
        let foreign = format!("{path}?account_id={}", api.account);
        api.get(&foreign).token(&stranger).send().await.is(404, &json!({"error": "Not Found"}));
    }
    // Nor when a row of theirs is: it is no place in one's own history.
    let theirs = api.get("/api/audit?limit=1").send().await.json()["data"][0]["id"].clone();
    let reply = api.get(&format!("/api/audit?before={theirs}")).token(&stranger).send().await;
    assert_eq!(reply.wrong(), ["before"]);
}

#[tokio::test]
async fn ten_thousand_rows_are_exported_as_they_are_read() {
    use axum::{body::Body, http::Request};
    use futures_util::StreamExt as _;
    use tower::ServiceExt as _;
    let api = Api::start().await;
    let event = signet::store::NewEvent::of(EventKind::DemotionsReleased);
    for _ in 0..20 {
        let notes = (0..500).map(|_| async {
            api.ops.store.note(&event, &Cause::command_line("", api.ops.clock.now())).await.unwrap();
        });
        futures_util::future::join_all(notes).await;
    }
    let operator = api.token(api.account, Access::Operator, &[]).await;
    let request = Request::get("/api/audit/export?account_id=0").header("api-token", &operator);
    let response = api.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(response.headers()["content-type"], "application/x-ndjson");
    let (mut pieces, mut lines, mut longest, mut last) = (0, 0, 0, 0);
    let mut body = response.into_body().into_data_stream();
    while let Some(piece) = body.next().await {
        let piece = String::from_utf8(piece.unwrap().to_vec()).unwrap();
        pieces += 1;
        longest = longest.max(piece.len());
        for line in piece.lines() {
            let row: Value = serde_json::from_str(line).unwrap();
            let id = row["id"].as_i64().unwrap();
            assert!(id > last);
            (last, lines) = (id, lines + 1);
        }
    }
    assert_eq!(lines, 10_000);
    assert!(pieces >= 20 && longest < 300_000, "{pieces} pieces of up to {longest} bytes");
    // A store that fails ends an export before it has begun with an error, …
    api.ops.store.close().await;
    assert_eq!(api.get("/api/audit/export").token(&operator).send().await.status, 503);
}

#[tokio::test]
async fn an_export_that_fails_is_not_ended_as_it_should_be() {
    use axum::{body::Body, http::Request};
    use futures_util::StreamExt as _;
    use tower::ServiceExt as _;
    let api = Api::start().await;
    let event = signet::store::NewEvent::of(EventKind::DemotionsReleased);
    let notes = (0..600).map(|_| async {
        api.ops.store.note(&event, &Cause::command_line("", api.ops.clock.now())).await.unwrap();
    });
    futures_util::future::join_all(notes).await;
    let operator = api.token(api.account, Access::Operator, &[]).await;
    let request = Request::get("/api/audit/export").header("api-token", &operator);
    let response = api.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(response.status(), 200);
    let mut body = response.into_body().into_data_stream();
    assert!(body.next().await.unwrap().is_ok());
    api.ops.store.close().await;
    assert!(body.next().await.unwrap().is_err(), "it breaks off");
}
