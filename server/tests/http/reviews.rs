//! What operators do.

use crate::{
    api::{Api, Call, Reply},
    under_review::{self, answers, concluded},
};
use serde_json::{Value, json};
use signet::store::{Access, Conclusion};

struct Operator<'a> {
    api: &'a Api,
    token: String,
}

impl<'a> Operator<'a> {
    /// Of another account than the domains are of.
    async fn of(api: &'a Api) -> Self {
        let account = api.account("the operator's").await;
        Self { api, token: api.token(account, Access::Operator, &[]).await }
    }

    fn get(&self, path: &str) -> Call<'a> {
        self.api.get(path).token(&self.token)
    }

    async fn post(&self, path: &str, body: &Value) -> Reply {
        self.api.post(path).token(&self.token).json(body).send().await
    }

    async fn file(&self, id: i64) -> Value {
        let reply = self.get(&format!("/api/reviews/{id}")).send().await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        reply.json()["data"].clone()
    }

    async fn rule(&self, id: i64, verb: &str, version: &Value) -> Reply {
        let body = json!({"review": {"reason": format!("to {verb}"), "version": version}});
        self.post(&format!("/api/reviews/{id}/{verb}"), &body).await
    }
}

#[tokio::test]
async fn the_queue_says_why_each_waits() {
    let api = Api::start().await;
    let operator = Operator::of(&api).await;
    let mut ids = vec![];
    for n in 0..3 {
        let id = under_review::domain(&api, &format!("d{n}.example.com")).await;
        concluded(&api, id, Conclusion::Refer, "The website is not there.").await;
        ids.push(id);
    }
    let open = under_review::domain(&api, "open.example.com").await;
    let ask = Conclusion::Ask { questionnaire: true, card: None };
    concluded(&api, open, ask, "It is new.").await;
    let due = under_review::domain(&api, "due.example.com").await;

    let list = async |query: &str| {
        let reply = operator.get(&format!("/api/reviews{query}")).send().await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        let data = reply.json()["data"].clone();
        let ids: Vec<i64> =
            data.as_array().unwrap().iter().map(|r| r["domain_id"].as_i64().unwrap()).collect();
        (ids, data, reply.header("link").map(ToString::to_string))
    };
    let (referred, data, link) = list("").await;
    assert_eq!((referred, link), (ids.clone(), None));
    assert_eq!(
        data[0],
        json!({
            "domain_id": ids[0], "account_id": api.account.0, "domain_name": "d0.example.com",
            "compliance_status": "under_review", "state": "referred", "reason": "The website is not there.",
            "decision": null, "approved_before": false, "suspension": null, "account_suspension": null,
            "version": data[0]["version"],
        })
    );
    assert_eq!(list("?state=open").await.0, [open]);
    assert_eq!(list("?state=due").await.0, [due]);
    assert_eq!(list("?state=all").await.0, [&ids[..], &[open, due]].concat());
    let (page, _, link) = list("?limit=2").await;
    assert_eq!(page, ids[..2]);
    let link = link.unwrap();
    assert_eq!(link, format!("</api/reviews?state=referred&limit=2&after={}>; rel=\"next\"", ids[1]));
    let next = link.trim_start_matches("</api/reviews").split('>').next().unwrap().to_string();
    assert_eq!(list(&next).await.0, ids[2..]);

    for (query, field) in
        [("state=none", "state"), ("state=", "state"), ("limit=0", "limit"), ("after=x", "after")]
    {
        let reply = operator.get(&format!("/api/reviews?{query}")).send().await;
        assert_eq!(reply.wrong(), [field]);
    }
}

#[tokio::test]
async fn everything_is_in_the_file() {
    let api = Api::start().await;
    let operator = Operator::of(&api).await;
    let id = under_review::domain(&api, "example.com").await;
    assert_eq!(operator.file(id).await["last_run"], Value::Null);
    let reference = api.ops.card_reference();
    let ask = Conclusion::Ask { questionnaire: true, card: Some(reference.clone()) };
    concluded(&api, id, ask, "It is new.").await;
    let file = operator.file(id).await;
    assert_eq!(file["company_info"]["name"], "Example GmbH");
    assert_eq!(file["account"]["owner_email"], "owner@example.org");
    assert_eq!(
        (&file["last_run"]["conclusion"], &file["last_run"]["reason"]),
        (&json!("ask"), &json!("It is new."))
    );
    assert_eq!(file["last_run"]["findings"][0]["evidence"], "There is nothing there.");
    assert_eq!(file["last_run"]["findings"][1]["outcome"], Value::Null);
    assert_eq!(file["questionnaire"]["status"], "open");
    assert_eq!(
        (&file["card_check"]["status"], &file["card_check"]["reference"]),
        (&json!("open"), &json!(reference))
    );
    let kinds: Vec<_> =
        file["history"].as_array().unwrap().iter().map(|e| e["type"].as_str().unwrap()).collect();
    assert!(kinds.contains(&"questionnaire.asked") && kinds.contains(&"company_info.created"), "{kinds:?}");

    let body = json!({"questionnaire": {"answers": answers()}});
    assert_eq!(api.post(&format!("/api/domains/{id}/questionnaire")).json(&body).send().await.status, 200);
    let resolve = json!({"card_check": {"result": "failed", "reason": "no such bank"}});
    let reply = operator.post(&format!("/api/reviews/{id}/card_check"), &resolve).await;
    assert_eq!((reply.status, &reply.json()["data"]["status"]), (200, &json!("failed")), "{}", reply.text);
    let file = operator.file(id).await;
    assert_eq!(file["questionnaire"]["answers"]["monthly_volume"], 5000);
    assert_eq!(file["card_check"]["detail"], "no such bank");
    assert_eq!(file["state"], "referred");

    for path in ["/api/reviews/999999", "/api/reviews/abc", "/api/reviews/-1", "/api/reviews/07"] {
        assert_eq!(operator.get(path).send().await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn every_ruling_and_its_history() {
    let api = Api::start().await;
    let operator = Operator::of(&api).await;
    let id = under_review::domain(&api, "example.com").await;
    let mut version = concluded(&api, id, Conclusion::Refer, "?").await.version.into();
    for (verb, status, state) in [
        ("approve", "compliant", "none"),
        ("suspend", "suspended", "none"),
        ("lift", "compliant", "none"),
        ("reject", "non_compliant", "none"),
        ("reopen", "under_review", "due"),
    ] {
        let reply = operator.rule(id, verb, &version).await;
        assert_eq!(reply.status, 200, "{verb}: {}", reply.text);
        let data = reply.json()["data"].clone();
        assert_eq!((&data["compliance_status"], &data["state"]), (&json!(status), &json!(state)), "{verb}");
        assert_eq!(data["reason"], format!("to {verb}"));
        version = data["version"].clone();
        let events = api.get(&format!("/api/domains/{id}/events?limit=2")).send().await.json();
        assert_eq!(events["data"][0]["to"], status, "{verb}");
        assert_eq!(events["data"][1]["reason"], format!("to {verb}"));
        assert!(events["data"][1]["actor"].as_str().unwrap().starts_with("token:"));
    }
    let hold = json!({"review": {"reason": "looking into it", "version": version, "hold": true}});
    let reply = operator.post(&format!("/api/reviews/{id}/suspend"), &hold).await;
    assert_eq!(reply.json()["data"]["suspension"], "hold", "{}", reply.text);
}

#[tokio::test]
async fn who_was_slower_is_told_by_whom() {
    let api = Api::start().await;
    let operator = Operator::of(&api).await;
    let id = under_review::domain(&api, "example.com").await;
    let version: Value = concluded(&api, id, Conclusion::Refer, "?").await.version.into();
    assert_eq!(operator.rule(id, "approve", &version).await.status, 200);
    let late = operator.rule(id, "reject", &version).await;
    assert_eq!(late.status, 409, "{}", late.text);
    let message = late.json()["errors"]["version"][0].as_str().unwrap().to_string();
    for part in ["is outdated", "A review approved the domain", "to approve", "token:", "the version is"] {
        assert!(message.contains(part), "{part}: {message}");
    }
    assert_eq!(operator.file(id).await["decision"], "approved");
}

#[tokio::test]
async fn bad_rulings_name_what_is_wrong() {
    let api = Api::start().await;
    let operator = Operator::of(&api).await;
    let id = under_review::domain(&api, "example.com").await;
    let path = format!("/api/reviews/{id}/approve");
    for (body, fields) in [
        (json!({}), vec!["review"]),
        (json!({"review": 1}), vec!["review"]),
        (json!({"review": {}}), vec!["reason", "version"]),
        (json!({"review": {"reason": " ", "version": 1}}), vec!["reason"]),
        (json!({"review": {"reason": "a\nb", "version": "1"}}), vec!["reason", "version"]),
        (json!({"review": {"reason": "x".repeat(1001), "version": 1}}), vec!["reason"]),
        (json!({"review": {"reason": null, "version": 1.5}}), vec!["reason", "version"]),
    ] {
        assert_eq!(operator.post(&path, &body).await.wrong(), fields, "{body}");
    }
    let hold = json!({"review": {"reason": "x", "version": 1, "hold": "yes"}});
    assert_eq!(operator.post(&format!("/api/reviews/{id}/suspend"), &hold).await.wrong(), ["hold"]);
    assert_eq!(operator.rule(999_999, "approve", &json!(1)).await.status, 404);
    let demo = api.get("/api/domains").send().await.json()["data"][0].clone();
    assert_eq!(demo["demo"], true);
    let reply = operator.rule(demo["id"].as_i64().unwrap(), "approve", &json!(1)).await;
    assert!(reply.errors("base")[0].contains("never reviewed"));
    let card = format!("/api/reviews/{id}/card_check");
    let reply = operator.post(&card, &json!({"card_check": {"result": "maybe"}})).await;
    assert_eq!(reply.wrong(), ["reason", "result"]);
    let resolve = json!({"card_check": {"result": "passed", "reason": "seen"}});
    assert_eq!(operator.post(&card, &resolve).await.status, 404, "none was asked for");
}

#[tokio::test]
async fn accounts_are_suspended_as_a_whole() {
    let api = Api::start().await;
    let operator = Operator::of(&api).await;
    let id = under_review::domain(&api, "example.com").await;
    let path = |verb: &str| format!("/api/accounts/{}/{verb}", api.account);
    let version = operator.file(id).await["account"]["version"].clone();
    let body = json!({"review": {"reason": "spam", "version": version, "hold": true}});
    let reply = operator.post(&path("suspend"), &body).await;
    assert_eq!((reply.status, &reply.json()["data"]["suspension"]), (200, &json!("hold")), "{}", reply.text);
    for domain in api.get("/api/domains").send().await.json()["data"].as_array().unwrap() {
        assert_eq!(domain["compliance_status"], "suspended");
    }
    let file = operator.file(id).await;
    assert_eq!((&file["suspension"], &file["account_suspension"]), (&Value::Null, &json!("hold")));
    let late = operator.post(&path("lift"), &json!({"review": {"reason": "x", "version": version}})).await;
    assert_eq!(late.status, 409);
    let message = late.json()["errors"]["version"][0].as_str().unwrap().to_string();
    assert!(message.contains("A suspension began (spam)"), "{message}");
    let body = json!({"review": {"reason": "settled", "version": file["account"]["version"]}});
    assert_eq!(operator.post(&path("lift"), &body).await.status, 200);
    assert_eq!(operator.file(id).await["compliance_status"], "under_review");
    assert_eq!(operator.post("/api/accounts/999/lift", &body).await.status, 404);
    assert_eq!(operator.post("/api/accounts/x/lift", &body).await.status, 404);
}
