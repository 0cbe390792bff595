//! The OpenAPI document: the contract's shape with our own words, and what
//! lies beside it.
//!
//! Each endpoint's file says what its [`Operation`] is; this module puts them
//! together, once per path family, with the [`components`] they share. It is
//! written by hand because the contract fixes names and references to the
//! letter.

mod components;
mod operation;
mod schemas;
mod webhooks;
mod zones;

pub(super) use operation::{Body, Operation};

use super::{
    accounts, answer::Answer, api_tokens, audit, authorize, card_check, company_info, dns_access, domains,
    keys, path::Family, questionnaire, reviews,
};
use axum::{
    body::Bytes,
    http::{HeaderMap, StatusCode},
};
use serde_json::{Map, Value, json};
use std::sync::LazyLock;

/// Every operation on the contract's resources, in the order they are shown.
fn operations() -> [Operation; 23] {
    [
        domains::list::operation(),
        domains::create::operation(),
        domains::get::operation(),
        domains::update::operation(),
        domains::delete::operation(),
        domains::send_setup_instructions::operation(),
        company_info::get::operation(),
        company_info::create::operation(),
        company_info::update::operation(),
        domains::check::operation(),
        domains::dns::plan::operation(),
        domains::dns::apply::operation(),
        domains::report::operation(),
        domains::events::operation(),
        domains::zone::operation(),
        domains::domain_connect::operation(),
        keys::list::operation(),
        keys::rotate::operation(),
        domains::import_key::operation(),
        domains::dkim_mode::operation(),
        questionnaire::get::operation(),
        questionnaire::answer::operation(),
        card_check::get::operation(),
    ]
}

/// Every operation on tokens, likewise.
fn token_operations() -> [Operation; 5] {
    [
        api_tokens::list::operation(),
        api_tokens::create::operation(),
        api_tokens::get::operation(),
        api_tokens::delete::operation(),
        api_tokens::reset::operation(),
    ]
}

/// Every operation beside them.
fn others() -> Vec<Operation> {
    let mut others = vec![authorize::operation(), reviews::list::operation(), reviews::get::operation()];
    others.extend(reviews::rule::Verb::ALL.map(reviews::rule::operation));
    others.push(reviews::card_check::operation());
    others.push(accounts::list::operation());
    others.extend(accounts::rule::operations());
    others.push(card_check::callback::operation());
    others.extend([audit::search::operation(), audit::export::operation()]);
    others
}

/// The document that is served at `/api/openapi.json`.
#[must_use]
pub fn openapi() -> Value {
    let mut paths = Map::new();
    let mut add = |base: &str, operation: &Operation, family: Family| {
        let item = paths.entry(format!("{base}{}", operation.path())).or_insert_with(|| json!({}));
        item[operation.method()] = operation.to_json(family);
    };
    for family in Family::ALL {
        operations().iter().for_each(|operation| add(family.base(), operation, family));
        let tokens = family.collection("api_tokens");
        token_operations().iter().for_each(|operation| add(&tokens, operation, family));
        let keys = family.collection(dns_access::NAME);
        dns_access::operations().iter().for_each(|operation| add(&keys, operation, family));
        super::webhooks::operations().iter().for_each(|operation| add(family.webhooks(), operation, family));
    }
    others().iter().for_each(|operation| add("", operation, Family::Current));
    paths.append(&mut operators_paths());
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Sending domains",
            "version": "2.0.0",
            "description": INTRODUCTION,
            "license": {"name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0"},
        },
        "security": [{"HeaderAuth": []}, {"BearerAuth": []}],
        "tags": [
            {"name": "Domains", "description": "Registering sending domains and getting their DNS right."},
            {"name": "Company info", "description": "Who is behind the account."},
            {"name": "Diagnosis", "description": "What is wrong with a domain's DNS, and what happened to it."},
            {"name": "DKIM keys", "description": "Which keys sign, having others sign, bringing one's own, and who publishes them."},
            {"name": "Zones", "description": "Getting records into the account's own zones."},
            {"name": "Sending", "description": "May a message go out: for mail servers."},
            {"name": "Review", "description": "What a review asks of owners, and what operators decide."},
            {"name": "Webhooks", "description": "Being told what happens to the account's domains."},
            {"name": "Account", "description": "Which accounts a token belongs to."},
            {"name": "API tokens", "description": "Making, replacing and deleting an account's tokens."},
            {"name": "Audit", "description": "Everything that happened, searched and exported."},
            {"name": "Older paths", "description": "The same operations where older clients call them."},
            {"name": "Operation", "description": "For whoever runs this server. No token is needed."},
        ],
        "paths": paths,
        "components": components::components(),
    })
}

const INTRODUCTION: &str = "\
Register the domains you send from, get the DNS records to publish, have live DNS watched until they are right, and \
learn at any moment whether a domain may send.\n\n\
**Two path families.** Everything under `/api/domains` is also there under \
`/api/accounts/{account_id}/sending_domains`, with the same ids and the same answers. Bodies about a domain are \
wrapped in `domain` on the first and in `sending_domain` on the second; either is taken on either. Likewise \
`/api/webhooks` and `/api/accounts/{account_id}/webhooks`, `/api/dns_access` and \
`/api/accounts/{account_id}/dns_access`, `/api/api_tokens` and `/api/accounts/{account_id}/api_tokens`.\n\n\
**Tokens.** Send `Api-Token: <token>` or `Authorization: Bearer <token>`. A token has `admin` or `viewer` access, to \
the account or to single domains. What it does not see does not exist for it.\n\n\
**Limits.** So many requests per token and ten seconds, as `X-RateLimit-Limit` and `X-RateLimit-Remaining` say in \
every answer. Bodies may have 1 MiB.\n\n\
**Repeating.** A POST with an `Idempotency-Key` is carried out once; the same request with the same key gets the \
first answer for 24 hours.\n\n\
**Errors** are JSON. A 422 names each attribute at fault, with messages for people; `base` holds what belongs to none.";

/// What is there for the server's operator.
fn operators_paths() -> Map<String, Value> {
    let answer = |description: &str, schema: Value| json!({"description": description, "content": {"application/json": {"schema": schema}}});
    let status = |word: &str| {
        json!({"type": "object", "required": ["status"], "properties": {"status": {
            "type": "string", "enum": [word], "description": format!("Always `{word}`."),
        }}})
    };
    let get = |id: &str, summary: &str, description: &str, responses: Value| {
        json!({"get": {
            "operationId": id, "tags": ["Operation"], "summary": summary, "description": description,
            "security": [], "responses": responses,
        }})
    };
    let document = get(
        "getOpenapi",
        "Get this document",
        "The OpenAPI document of the server that is asked.",
        json!({"200": answer("This document.", json!({"type": "object"}))}),
    );
    let health = get(
        "getHealth",
        "Is the process up",
        "Answers as long as the process does anything.",
        json!({"200": answer("It is.", status("ok"))}),
    );
    let ready = get(
        "getReadiness",
        "Is the server ready",
        "Asks the database.",
        json!({
            "200": answer("It is.", status("ready")),
            "503": {"$ref": "#/components/responses/ServiceUnavailable"},
        }),
    );
    let metrics = get(
        "getMetrics",
        "Get the metrics",
        "Counters and gauges in the Prometheus text format. May be on an address of its own instead.",
        json!({
            "200": {"description": "The metrics.", "content": {"text/plain": {"schema": {"type": "string"}}}},
            "404": {"$ref": "#/components/responses/NotFound"},
        }),
    );
    [("/api/openapi.json", document), ("/healthz", health), ("/readyz", ready), ("/metrics", metrics)]
        .map(|(path, item)| (path.to_string(), item))
        .into_iter()
        .collect()
}

/// `GET /api/openapi.json`
pub(super) async fn serve() -> Answer {
    static DOCUMENT: LazyLock<Bytes> = LazyLock::new(|| openapi().to_string().into());
    Answer { status: StatusCode::OK, body: DOCUMENT.clone(), headers: HeaderMap::new(), secret: false }
}
