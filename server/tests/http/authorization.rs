//! Every operation, by everybody.

use crate::{
    api::{Api, SERVED, company},
    keys,
    under_review::{self, answers},
};
use serde_json::{Value, json};
use signet::store::{Access, DomainId};
use std::collections::BTreeSet;

/// What an operation takes.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Takes {
    Nothing,
    SeeingTheDomain,
    ChangingTheDomain,
    /// Changing what is the account's, through a domain.
    AccountAdminOnDomain,
    SeeingAnything,
    AccountAdmin,
    /// Seeing what is the account's and no domain's.
    SeeingTheAccount,
    /// Seeing one of these things.
    SeeingOfTheAccount,
    /// Changing one of these things.
    ChangingOfTheAccount,
    /// Being an operator.
    Operator,
    /// A signature, whoever makes the request. No secret is set here.
    ASignature,
}

/// A key to bring, made for this and nothing else.
const PEM: &str = include_str!("../../src/keys/import/pem/rsa2048.pem");

/// `operationId` on the current family, what it takes, and a body.
fn table() -> Vec<(&'static str, Takes, Value)> {
    vec![
        ("getDomains", Takes::SeeingAnything, Value::Null),
        ("createDomain", Takes::AccountAdmin, json!({"domain": {"domain_name": "new.example.com"}})),
        ("getDomain", Takes::SeeingTheDomain, Value::Null),
        ("updateDomain", Takes::ChangingTheDomain, json!({"domain": {"open_tracking_enabled": false}})),
        ("deleteDomain", Takes::ChangingTheDomain, Value::Null),
        ("sendDomainSetupInstructions", Takes::ChangingTheDomain, json!({"email": "dns@example.com"})),
        ("getDomainCompanyInfo", Takes::SeeingTheDomain, Value::Null),
        ("createDomainCompanyInfo", Takes::AccountAdminOnDomain, json!({"company_info": company()})),
        ("updateDomainCompanyInfo", Takes::AccountAdminOnDomain, json!({"company_info": {"city": "Graz"}})),
        ("checkDomain", Takes::ChangingTheDomain, Value::Null),
        ("planDomainDns", Takes::ChangingTheDomain, Value::Null),
        ("applyDomainDns", Takes::ChangingTheDomain, json!({"plan": {"digest": "{digest}"}})),
        ("listDnsAccess", Takes::AccountAdmin, Value::Null),
        ("createDnsAccess", Takes::AccountAdmin, key_to_a_zone()),
        ("getDnsAccess", Takes::ChangingOfTheAccount, Value::Null),
        ("deleteDnsAccess", Takes::ChangingOfTheAccount, Value::Null),
        ("getDomainReport", Takes::SeeingTheDomain, Value::Null),
        ("getDomainEvents", Takes::SeeingTheDomain, Value::Null),
        ("exportDomainRecords", Takes::SeeingTheDomain, Value::Null),
        ("getDomainConnect", Takes::SeeingTheDomain, Value::Null),
        ("getDomainKeys", Takes::SeeingTheDomain, Value::Null),
        ("rotateDomainKeys", Takes::ChangingTheDomain, json!({"reason": "Somebody left"})),
        ("importDomainKey", Takes::ChangingTheDomain, json!({"private_key": PEM})),
        ("setDomainDkimMode", Takes::ChangingTheDomain, json!({"mode": "raw"})),
        (
            "authorizeMessage",
            Takes::AccountAdmin,
            json!({"envelope_from": "jo@example.com", "recipients": ["ann@example.net"], "instance": "1"}),
        ),
        ("getAccounts", Takes::SeeingAnything, Value::Null),
        ("searchAudit", Takes::SeeingTheAccount, Value::Null),
        ("exportAudit", Takes::SeeingTheAccount, Value::Null),
        ("listApiTokens", Takes::AccountAdmin, Value::Null),
        (
            "createApiToken",
            Takes::AccountAdmin,
            json!({"name": "new", "resources": [
                {"resource_type": "account", "resource_id": "{own_account}", "access_level": 100},
            ]}),
        ),
        ("getApiToken", Takes::ChangingOfTheAccount, Value::Null),
        ("deleteApiToken", Takes::ChangingOfTheAccount, Value::Null),
        ("resetApiToken", Takes::ChangingOfTheAccount, Value::Null),
        ("getWebhooks", Takes::SeeingTheAccount, Value::Null),
        ("createWebhook", Takes::AccountAdmin, json!({"webhook": {"url": "https://example.com/hooks"}})),
        ("getWebhook", Takes::SeeingOfTheAccount, Value::Null),
        ("updateWebhook", Takes::ChangingOfTheAccount, json!({"webhook": {"description": "CRM"}})),
        ("deleteWebhook", Takes::ChangingOfTheAccount, Value::Null),
        ("testWebhook", Takes::ChangingOfTheAccount, Value::Null),
        ("getWebhookDeliveries", Takes::SeeingOfTheAccount, Value::Null),
        ("replayWebhook", Takes::ChangingOfTheAccount, json!({"replay": {"from_event": 1}})),
        ("rotateWebhookSecret", Takes::ChangingOfTheAccount, Value::Null),
        ("getDomainQuestionnaire", Takes::SeeingTheDomain, Value::Null),
        (
            "answerDomainQuestionnaire",
            Takes::ChangingTheDomain,
            json!({"questionnaire": {"answers": answers()}}),
        ),
        ("getDomainCardCheck", Takes::SeeingTheDomain, Value::Null),
        ("getReviews", Takes::Operator, Value::Null),
        ("getReview", Takes::Operator, Value::Null),
        ("approveReview", Takes::Operator, ruling()),
        ("rejectReview", Takes::Operator, ruling()),
        ("reopenReview", Takes::Operator, ruling()),
        ("suspendDomain", Takes::Operator, ruling()),
        ("liftDomainSuspension", Takes::Operator, ruling()),
        ("resolveCardCheck", Takes::Operator, json!({"card_check": {"result": "passed", "reason": "seen"}})),
        ("suspendAccount", Takes::Operator, ruling()),
        ("liftAccountSuspension", Takes::Operator, ruling()),
        ("cardCheckCallback", Takes::ASignature, json!({"result": "passed"})),
        ("getOpenapi", Takes::Nothing, Value::Null),
        ("getHealth", Takes::Nothing, Value::Null),
        ("getReadiness", Takes::Nothing, Value::Null),
    ]
}

/// One that is not tried out.
fn key_to_a_zone() -> Value {
    json!({"dns_access": {
        "zone": "example.com", "provider": "cloudflare", "credentials": {"api_token": "x"}, "test": false,
    }})
}

/// The version is filled in.
fn ruling() -> Value {
    json!({"review": {"reason": "because", "version": 0}})
}

/// Somebody who makes a request.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Who {
    Nobody,
    Stranger,
    Viewer,
    AdminOfTheDomain,
    ViewerOfTheDomain,
    AdminOfAnotherDomain,
    AdminOfAnotherAccount,
    Admin,
    Operator,
}

const EVERYBODY: [Who; 9] = [
    Who::Nobody,
    Who::Stranger,
    Who::Viewer,
    Who::AdminOfTheDomain,
    Who::ViewerOfTheDomain,
    Who::AdminOfAnotherDomain,
    Who::AdminOfAnotherAccount,
    Who::Admin,
    Who::Operator,
];

/// The status, with 200 standing for any success.
fn expected(takes: Takes, who: Who, older: bool) -> u16 {
    use Takes as T;
    use Who as W;
    match (takes, who) {
        (T::Nothing, _) => 200,
        (T::ASignature, _) => 404,
        (_, W::Nobody | W::Stranger) => 401,
        (T::Operator, W::Operator) => 200,
        (T::Operator, _) => 403,
        // In all else operators act in their own account, as its admins.
        (_, W::Operator) => expected(takes, W::AdminOfAnotherAccount, older),
        (_, W::Admin) => 200,
        (_, W::AdminOfAnotherAccount) if older => 404,
        // On the current family these are about their own account.
        (T::SeeingAnything | T::SeeingTheAccount | T::AccountAdmin, W::AdminOfAnotherAccount) => 200,
        (_, W::AdminOfAnotherAccount) => 404,
        (T::SeeingAnything, _) => 200,
        (T::SeeingTheAccount | T::SeeingOfTheAccount, W::Viewer) => 200,
        (T::SeeingTheAccount | T::SeeingOfTheAccount | T::ChangingOfTheAccount, _) => 403,
        (T::AccountAdmin, _) => 403,
        (_, W::AdminOfAnotherDomain) => 404,
        (T::SeeingTheDomain, _) => 200,
        (T::ChangingTheDomain, W::AdminOfTheDomain) => 200,
        (T::ChangingTheDomain | T::AccountAdminOnDomain, _) => 403,
    }
}

/// Whether the operation needs company information to be there.
fn with_company(id: &str) -> bool {
    ["getDomainCompanyInfo", "updateDomainCompanyInfo"].contains(&id)
}

/// Whether the operation needs a review that asks for everything.
fn with_questions(id: &str) -> bool {
    let asked =
        ["getDomainQuestionnaire", "answerDomainQuestionnaire", "getDomainCardCheck", "resolveCardCheck"];
    asked.contains(&id)
}

/// The body with the version that a ruling needs now.
async fn up_to_date(api: &Api, id: &str, domain: i64, mut body: Value) -> Value {
    if let Some(version) = body.pointer_mut("/review/version") {
        *version = if id.contains("Account") {
            api.ops.store.account(api.account).await.unwrap().unwrap().version.into()
        } else {
            api.ops.store.case(DomainId(domain)).await.unwrap().unwrap().version.into()
        };
    }
    body
}

/// `operationId`, method and path of everything the server says it has.
fn operations() -> Vec<(String, String, String)> {
    let paths = SERVED["paths"].as_object().unwrap();
    let items = paths.iter().flat_map(|(path, item)| {
        let methods = item.as_object().unwrap().iter();
        methods.map(move |(method, operation)| {
            (operation["operationId"].as_str().unwrap().to_string(), method.to_uppercase(), path.clone())
        })
    });
    // Only there when the page is not on an address of its own.
    items.filter(|(id, ..)| id != "getMetrics").collect()
}

#[test]
fn the_table_is_complete() {
    let listed: BTreeSet<_> = table().iter().map(|(id, ..)| (*id).to_string()).collect();
    let served: BTreeSet<_> =
        operations().iter().map(|(id, ..)| id.trim_end_matches("Legacy").to_string()).collect();
    assert_eq!(listed, served);
}

#[tokio::test]
async fn everybody_tries_everything() {
    for (id, method, template) in operations() {
        let (_, takes, body) =
            table().into_iter().find(|(listed, ..)| *listed == id.trim_end_matches("Legacy")).unwrap();
        let api = Api::with(&[("SIGNET_RATE_LIMIT", "0")]).await;
        let other = api.account("other").await;
        let operators = api.account("operators").await;
        let another = api.domain("another.example.com").await;
        for who in EVERYBODY {
            // Anew each time: the one before may have been deleted.
            let domain = api.domain(&format!("{}.example.com", format!("{who:?}").to_lowercase())).await;
            if with_company(id.trim_end_matches("Legacy")) {
                let company = json!({"company_info": company()});
                api.post(&format!("/api/domains/{domain}/company_info")).json(&company).send().await;
            }
            let token_id = api.token_id(api.account, Access::Viewer).await;
            let own_account = match who {
                Who::AdminOfAnotherAccount => other,
                Who::Operator => operators,
                _ => api.account,
            };
            let webhook = json!({"webhook": {"url": "https://example.com/hooks"}});
            let webhook =
                api.post("/api/webhooks").json(&webhook).send().await.json()["data"]["id"].to_string();
            if id.starts_with("rotateDomainKeys") {
                keys::signing(&api, domain).await;
            }
            let key = api.post("/api/dns_access").json(&key_to_a_zone()).send().await;
            let key = key.json()["data"]["id"].to_string();
            if with_questions(id.trim_end_matches("Legacy")) {
                under_review::asked(&api, domain).await;
            }
            let path = template
                .replace("{token_id}", &token_id.to_string())
                .replace("{webhook_id}", &webhook)
                .replace("{dns_access_id}", &key)
                .replace("{id}", &api.account.to_string())
                .replace("{reference}", "card_1")
                .replace("{domain_id}", &domain.to_string())
                .replace("{account_id}", &api.account.to_string());
            let path = if path.ends_with("/check") { format!("{path}?wait=0") } else { path };
            let token = match who {
                Who::Nobody => None,
                Who::Stranger => Some("sgt_made-up".to_string()),
                Who::Viewer => Some(api.token(api.account, Access::Viewer, &[]).await),
                Who::AdminOfTheDomain => Some(api.token(api.account, Access::Admin, &[domain]).await),
                Who::ViewerOfTheDomain => Some(api.token(api.account, Access::Viewer, &[domain]).await),
                Who::AdminOfAnotherDomain => Some(api.token(api.account, Access::Admin, &[another]).await),
                Who::AdminOfAnotherAccount => Some(api.token(other, Access::Admin, &[]).await),
                Who::Admin => Some(api.token.clone()),
                Who::Operator => Some(api.token(operators, Access::Operator, &[]).await),
            };
            let refused = expected(takes, who, template.contains("{account_id}"));
            let body = up_to_date(&api, &id, domain, body.clone()).await;
            let body = body.to_string().replace("{own_account}", &own_account.to_string());
            let body = if body.contains("{digest}") {
                let plan = api.post(&format!("/api/domains/{domain}/dns/plan")).send().await.json();
                body.replace("{digest}", plan["data"]["digest"].as_str().unwrap())
            } else {
                body
            };
            let body: Value = serde_json::from_str(&body).unwrap();
            let mut bodies = vec![body.clone()];
            if refused != 200 && body != Value::Null {
                // What is wrong with the body is no business of those who may not send one.
                bodies.push(json!({"nonsense": true}));
            }
            for body in bodies {
                let mut call = api.call(&method, &path).without_token();
                if let Some(token) = &token {
                    call = call.token(token);
                }
                let reply = call.json(&body).send().await;
                let status = if reply.status == 204 { 200 } else { reply.status };
                assert_eq!(status, refused, "{id} by {who:?}: {}", reply.text);
                match status {
                    401 => reply.is(401, &json!({"error": "Incorrect API token"})),
                    403 => reply.is(403, &json!({"errors": "Access forbidden"})),
                    404 => reply.is(404, &json!({"error": "Not Found"})),
                    _ => {}
                }
            }
        }
    }
}

#[tokio::test]
async fn permissions_are_the_tokens() {
    let api = Api::start().await;
    let domain = api.domain("example.com").await;
    let viewer = api.token(api.account, Access::Viewer, &[]).await;
    let scoped = api.token(api.account, Access::Admin, &[domain]).await;
    for (token, may_write) in [(&viewer, false), (&scoped, true), (&api.token, true)] {
        let reply = api.get(&format!("/api/domains/{domain}")).token(token).send().await;
        let permissions = json!({"can_read": true, "can_update": may_write, "can_destroy": may_write});
        assert_eq!(reply.json()["permissions"], permissions);
    }
}

#[tokio::test]
async fn single_domains_are_all_a_token_sees() {
    let api = Api::start().await;
    let seen = api.domain("seen.example.com").await;
    api.domain("unseen.example.com").await;
    let token = api.token(api.account, Access::Admin, &[seen]).await;
    let list = api.get("/api/domains").token(&token).send().await.json();
    let ids: Vec<_> = list["data"].as_array().unwrap().iter().map(|d| d["id"].as_i64().unwrap()).collect();
    assert_eq!(ids, [seen]);
    // Without any right left it is refused, and does not see an empty account.
    assert_eq!(api.call("DELETE", &format!("/api/domains/{seen}")).send().await.status, 204);
    assert_eq!(api.get("/api/domains").token(&token).send().await.status, 403);
}
