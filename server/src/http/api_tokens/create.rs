//! `POST /api/api_tokens`

use super::{TokenView, level};
use crate::{
    http::{
        AppState,
        answer::Answer,
        auth::Authenticated,
        body::{Fields, Given, RawBody},
        error::Result,
        once::Once,
        openapi::{Body, Operation},
        rights::{Needs, objection},
    },
    ops::{Actor, tokens::TokenWish},
    store::{Access, AccountId, DomainId, TokenScope},
};
use axum::extract::State;
use jiff::Timestamp;
use serde_json::{Value, json};
use signet_core::company::FieldErrors;
use std::collections::BTreeSet;

/// The most domains one token is for.
const MAX_RESOURCES: usize = 1000;

/// Makes a token.
pub(in crate::http) async fn create(
    State(app): State<AppState>,
    Authenticated(actor): Authenticated,
    once: Once,
    body: RawBody,
) -> Result<Answer> {
    let work = async move |app: AppState, actor: Actor, body: axum::body::Bytes| {
        let wish = match wish(&body, actor.account) {
            Ok(wish) => wish,
            Err(errors) => return Err(objection(&app, &actor, None, Needs::AccountAdmin, errors).await),
        };
        let (token, secret) = app.ops().make_token(&actor, wish).await?;
        Ok(Answer::ok(&TokenView::of(&token, Some(&secret))).secret())
    };
    once.run(app, actor, body, work).await
}

fn wish(body: &[u8], account: AccountId) -> std::result::Result<TokenWish, FieldErrors> {
    let mut fields = Fields::plain(body)?;
    let name = fields.required_text("name");
    let expires_at = expires_at(&mut fields);
    let rights = match rights(fields.value("resources"), account) {
        Ok(rights) => Some(rights),
        Err((field, message)) => {
            fields.object_to(field, message);
            None
        }
    };
    let errors = fields.errors();
    match (name, rights) {
        (Some(name), Some((access, scope))) if errors.is_empty() => {
            Ok(TokenWish { name, access, scope, expires_at })
        }
        _ => Err(errors),
    }
}

/// Left out or `null`: for ever.
fn expires_at(fields: &mut Fields) -> Option<Timestamp> {
    match fields.text("expires_at") {
        Given::Nothing | Given::Null | Given::Wrong => None,
        Given::Text(text) => {
            let time = text.parse().ok();
            if time.is_none() {
                fields.object_to("expires_at", "is invalid: must be a time like 2027-04-28T08:19:31Z");
            }
            time
        }
    }
}

type Objection = (&'static str, String);

/// The access and what it is to. One access for all that a token is for: the
/// account, or some of its domains.
fn rights(
    resources: Option<Value>,
    account: AccountId,
) -> std::result::Result<(Access, TokenScope), Objection> {
    let none = || ("base", "No permissions selected. Please choose at least one.".to_string());
    let wrong = |message: String| ("resources", message);
    let list = match resources {
        None | Some(Value::Null) => return Err(none()),
        Some(Value::Array(list)) => list,
        Some(_) => return Err(wrong("is invalid: must be a list".to_string())),
    };
    if list.len() > MAX_RESOURCES {
        return Err(wrong(format!("are too many: at most {MAX_RESOURCES}")));
    }
    let read: Vec<(Access, Option<DomainId>)> = list
        .iter()
        .map(|resource| one(resource, account))
        .collect::<std::result::Result<_, _>>()
        .map_err(wrong)?;
    let (access, _) = *read.first().ok_or_else(none)?;
    if read.iter().any(|(other, _)| *other != access) {
        return Err(wrong("are invalid: a token has one access_level for all it is for".to_string()));
    }
    let domains: BTreeSet<DomainId> = read.iter().filter_map(|(_, domain)| *domain).collect();
    if domains.is_empty() {
        return Ok((access, TokenScope::Account));
    }
    if read.iter().any(|(_, domain)| domain.is_none()) {
        return Err(wrong(
            "are invalid: the account has its domains with it, name one or the other".to_string(),
        ));
    }
    if access == Access::Operator {
        return Err(wrong("are invalid: an operator's token cannot be for single domains".to_string()));
    }
    Ok((access, TokenScope::Domains(domains)))
}

/// One resource: the access, and the domain if it is one.
fn one(resource: &Value, account: AccountId) -> std::result::Result<(Access, Option<DomainId>), String> {
    let access = [Access::Viewer, Access::Admin, Access::Operator]
        .into_iter()
        .find(|&access| resource["access_level"].as_u64() == Some(level(access).into()))
        .ok_or("are invalid: access_level must be 10 (viewer) or 100 (admin)")?;
    let id = match &resource["resource_id"] {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    };
    let id = id.ok_or("are invalid: resource_id must be a number")?;
    match resource["resource_type"].as_str() {
        Some("account") if id == account.0 => Ok((access, None)),
        Some("account") => Err(format!("are invalid: {id} is not the token's account")),
        Some("domain") => Ok((access, Some(DomainId(id)))),
        _ => Err("are invalid: resource_type must be \"account\" or \"domain\"".to_string()),
    }
}

/// The operation in the OpenAPI document.
pub(in crate::http) fn operation() -> Operation {
    Operation::post("", "createApiToken", "Create an API token")
        .tag("API tokens")
        .description(
            "Makes a token for the account, or for some of its domains, and answers with its secret, which is shown \
             this once. Needs admin access to the account; a token cannot make one that may do more than itself. An \
             account has at most 100 tokens.",
        )
        .body(Body::Plain(
            json!({
                "type": "object",
                "required": ["name", "resources"],
                "properties": {
                    "name": {
                        "type": "string", "minLength": 1, "maxLength": 255,
                        "description": "What it is for.", "examples": ["CI"],
                    },
                    "expires_at": {
                        "type": ["string", "null"], "format": "date-time",
                        "description": "From when on it is refused, at most five years ahead; left out or `null`: \
                                        never.",
                        "examples": ["2027-04-28T08:19:31Z"],
                    },
                    "resources": {
                        "type": "array", "minItems": 1, "maxItems": MAX_RESOURCES,
                        "description": "What it is for, all with the same `access_level`: the account, or single \
                                        domains.",
                        "items": {"$ref": "#/components/schemas/ResourcePermission"},
                    },
                },
            }),
            json!({
                "name": "CI",
                "resources": [{"resource_type": "account", "resource_id": 1, "access_level": 100}],
            }),
        ))
        .answers(200, "ApiTokenWithTokenResponse")
        .answers(422, "UnprocessableEntity")
}
