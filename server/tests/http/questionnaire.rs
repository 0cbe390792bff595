//! The questionnaire over the API.

use crate::{
    api::Api,
    under_review::{self, answers, concluded},
};
use serde_json::{Value, json};
use signet::store::Conclusion;

const ASK: Conclusion = Conclusion::Ask { questionnaire: true, card: None };

#[tokio::test]
async fn it_is_asked_read_and_answered_once() {
    let api = Api::start().await;
    let id = under_review::domain(&api, "example.com").await;
    let path = format!("/api/domains/{id}/questionnaire");
    let body = json!({"questionnaire": {"answers": answers()}});
    assert_eq!(api.get(&path).send().await.status, 404, "nobody asks");
    assert_eq!(api.post(&path).json(&body).send().await.status, 404);

    concluded(&api, id, ASK, "It is new.").await;
    let data = api.get(&path).send().await.json()["data"].clone();
    assert_eq!(
        (&data["status"], &data["answers"], &data["answered_at"]),
        (&json!("open"), &Value::Null, &Value::Null)
    );
    let questions = data["questions"].as_array().unwrap();
    assert!(questions.len() >= 8);
    let volume = questions.iter().find(|q| q["id"] == "monthly_volume").unwrap();
    assert_eq!(
        (&volume["kind"], &volume["minimum"], &volume["required"]),
        (&json!("number"), &json!(1), &json!(true))
    );

    let older = format!("/api/accounts/{}/sending_domains/{id}/questionnaire", api.account);
    let reply = api.post(&older).json(&body).send().await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    let data = reply.json()["data"].clone();
    assert_eq!((&data["status"], &data["answers"]), (&json!("answered"), &answers()));
    assert!(data["answered_by"].as_str().unwrap().starts_with("token:"));
    assert_eq!(api.get(&path).send().await.json()["data"], data);
    let again = api.post(&path).json(&body).send().await;
    assert!(again.errors("base")[0].contains("answered already"));
    let domain = api.get(&format!("/api/domains/{id}")).send().await.json();
    assert_eq!(domain["compliance_status"], "under_review");
    let rows = api.get(&format!("/api/domains/{id}/events")).send().await.json();
    assert_eq!(rows["data"][1]["type"], "questionnaire.answered");

    // Asked anew, it is answered anew.
    concluded(&api, id, ASK, "Tell us more.").await;
    assert_eq!(api.get(&path).send().await.json()["data"]["answers"], Value::Null);
    assert_eq!(api.post(&path).json(&body).send().await.status, 200);
}

#[tokio::test]
async fn what_is_wrong_is_told_by_question() {
    let api = Api::start().await;
    let id = under_review::domain(&api, "example.com").await;
    concluded(&api, id, ASK, "It is new.").await;
    let path = format!("/api/domains/{id}/questionnaire");
    for (body, wrong) in [
        (json!({}), vec!["questionnaire"]),
        (json!({"questionnaire": {}}), vec!["answers"]),
        (json!({"questionnaire": {"answers": []}}), vec!["answers"]),
        (json!({"questionnaire": {"answers": null}}), vec!["answers"]),
    ] {
        assert_eq!(api.post(&path).json(&body).send().await.wrong(), wrong, "{body}");
    }
    assert_eq!(api.post(&path).body("nonsense").send().await.wrong(), ["base"]);
    for (field, value) in [
        ("content", json!(null)),
        ("content", json!(5)),
        ("content", json!("a\u{0}b")),
        ("content", json!("x".repeat(2001))),
        ("address_source", json!("mars")),
        ("monthly_volume", json!("5000")),
        ("monthly_volume", json!(0)),
        ("monthly_volume", json!(-5)),
        ("monthly_volume", json!(1.5)),
        ("monthly_volume", json!(1e300)),
        ("marketing", json!("yes")),
        ("marketing", json!({"a": 1})),
        ("previous_provider", json!("a\nb")),
    ] {
        let mut all = answers();
        all[field] = value.clone();
        let reply = api.post(&path).json(&json!({"questionnaire": {"answers": all}})).send().await;
        assert_eq!(reply.wrong(), [field], "{value}");
    }
    let none = api.post(&path).json(&json!({"questionnaire": {"answers": {}}})).send().await;
    assert_eq!(none.wrong().len(), 8, "everything that is required");
    let more = json!({"questionnaire": {"answers": {"shoe_size": 44, "examples": null}}, "extra": 1});
    assert!(!api.post(&path).json(&more).send().await.wrong().contains(&"shoe_size".to_string()));
}
