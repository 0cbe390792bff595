//! Company information.

use crate::api::{Api, company};
use serde_json::{Value, json};

#[tokio::test]
async fn it_is_the_accounts() {
    let api = Api::start().await;
    let (one, two) = (api.domain("one.example.com").await, api.domain("two.example.com").await);
    let older = format!("/api/accounts/{}/sending_domains/{two}/company_info", api.account);
    let current = format!("/api/domains/{one}/company_info");
    let nothing = json!({"error": "Not Found"});
    api.get(&current).send().await.is(404, &nothing);
    api.patch(&current).json(&json!({"company_info": {"city": "Graz"}})).send().await.is(404, &nothing);
    let mut wanted = json!({"data": {
        "name": "Example GmbH", "address": "Ring 1", "city": "Wien", "country": "Austria", "phone": null,
        "zip_code": "1010", "privacy_policy_url": null, "terms_of_service_url": null,
        "website_url": "https://example.com", "info_level": "business",
    }});
    let create = json!({"company_info": company()});
    api.post(&current).json(&create).send().await.is(200, &wanted);
    api.get(&older).send().await.is(200, &wanted);
    assert_eq!(api.post(&older).json(&create).send().await.wrong(), ["base"]);
    for (change, phone) in [
        (json!({"phone": "+43 1"}), json!("+43 1")),
        (json!({}), json!("+43 1")),
        (json!({"phone": ""}), Value::Null),
    ] {
        wanted["data"]["phone"] = phone;
        api.patch(&older).json(&json!({"company_info": change})).send().await.is(200, &wanted);
        api.get(&current).send().await.is(200, &wanted);
    }
}

#[tokio::test]
async fn all_that_is_wrong_is_told_at_once() {
    let api = Api::start().await;
    let id = api.domain("example.com").await;
    let path = format!("/api/domains/{id}/company_info");
    let create = |fields: Value| api.post(&path).json(&json!({"company_info": fields})).send();
    let required = ["address", "city", "country", "name", "website_url", "zip_code"];
    let reply = create(json!({})).await;
    assert_eq!(reply.wrong(), required);
    assert_eq!(reply.errors("website_url"), ["can't be blank", "is invalid"]);
    // Wrong types beside what is lacking and what is no URL.
    let reply =
        create(json!({"name": 5, "phone": null, "privacy_policy_url": "x", "info_level": "firm"})).await;
    assert_eq!(
        reply.wrong(),
        [
            "address",
            "city",
            "country",
            "info_level",
            "name",
            "phone",
            "privacy_policy_url",
            "website_url",
            "zip_code"
        ]
    );
    assert_eq!(reply.errors("info_level"), ["is invalid: must be \"business\" or \"individual\""]);
    assert_eq!(reply.errors("name"), ["is invalid: must be text"]);
    assert_eq!(reply.errors("phone"), ["can't be null: send \"\" to clear it"]);
    api.get(&path).send().await.is(404, &json!({"error": "Not Found"}));
}

#[tokio::test]
async fn every_field_of_any_wrong_kind() {
    let api = Api::with(&[("SIGNET_RATE_LIMIT", "0")]).await;
    let id = api.domain("example.com").await;
    let path = format!("/api/domains/{id}/company_info");
    let call = |method: &'static str, fields: Value| {
        api.call(method, &path).json(&json!({"company_info": fields})).send()
    };
    assert_eq!(call("POST", company()).await.status, 200);
    let before = api.get(&path).send().await.json();
    let fields = [
        "name",
        "address",
        "city",
        "country",
        "phone",
        "zip_code",
        "privacy_policy_url",
        "terms_of_service_url",
        "website_url",
        "info_level",
    ];
    let wrong = [
        Value::Null,
        json!(1),
        json!(true),
        json!([]),
        json!({}),
        json!(["a"]),
        json!("a\u{0}"),
        json!("https://example.com/\r\nx"),
        json!("a".repeat(5000)),
    ];
    for field in fields {
        for value in &wrong {
            let reply = call("PATCH", json!({field: value})).await;
            assert_eq!(reply.wrong(), [field], "{value}");
        }
    }
    for url in ["javascript:alert(1)", "example.com", "https://localhost", "https://user@example.com/"] {
        assert_eq!(call("PATCH", json!({"website_url": url})).await.wrong(), ["website_url"]);
    }
    assert_eq!(call("PATCH", json!({"info_level": "individual", "city": 1})).await.wrong(), ["city"]);
    assert_eq!(
        call("PATCH", json!({"info_level": "individual"})).await.errors("info_level"),
        ["can't be changed once set"]
    );
    assert_eq!(api.get(&path).send().await.json(), before);
}

#[tokio::test]
async fn a_person_may_send_too() {
    let api = Api::start().await;
    let id = api.domain("example.com").await;
    let mut fields = company();
    fields["info_level"] = json!("individual");
    let body = json!({"company_info": fields});
    let reply = api.post(&format!("/api/domains/{id}/company_info")).json(&body).send().await;
    assert_eq!(reply.json()["data"]["info_level"], "individual");
}
