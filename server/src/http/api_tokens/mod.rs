//! The operations on API tokens, one per file, in the hosted service's shapes.

pub(super) mod create;
pub(super) mod delete;
pub(super) mod get;
pub(super) mod list;
pub(super) mod reset;

use super::view::Millis;
use crate::store::{Access, Token, TokenScope};
use serde::Serialize;

/// A token, with its secret where that is just made.
#[derive(Serialize)]
struct TokenView<'a> {
    id: i64,
    name: &'a str,
    last_4_digits: &'a str,
    created_by: &'a str,
    expires_at: Option<Millis>,
    resources: Vec<ResourceView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<&'a str>,
}

#[derive(Serialize)]
struct ResourceView {
    resource_type: &'static str,
    resource_id: i64,
    access_level: u32,
}

/// Access in the hosted service's numbers.
fn level(access: Access) -> u32 {
    match access {
        Access::Viewer => 10,
        Access::Admin => 100,
        Access::Operator => 1000,
    }
}

impl<'a> TokenView<'a> {
    fn of(token: &'a Token, secret: Option<&'a str>) -> Self {
        let access_level = level(token.access);
        let resources = match &token.scope {
            TokenScope::Account => {
                vec![ResourceView { resource_type: "account", resource_id: token.account.0, access_level }]
            }
            TokenScope::Domains(ids) => {
                let domain =
                    |id: i64| ResourceView { resource_type: "domain", resource_id: id, access_level };
                ids.iter().map(|id| domain(id.0)).collect()
            }
        };
        Self {
            id: token.id.0,
            name: &token.name,
            last_4_digits: &token.last4,
            created_by: &token.created_by,
            expires_at: token.expires_at.map(Millis),
            resources,
            token: secret,
        }
    }
}
