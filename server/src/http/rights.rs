//! Which of two objections is made: a caller who may not do a thing is told
//! so, and not what is wrong with how they asked for it.

use super::{AppState, error::Failure};
use crate::{
    ops::Actor,
    store::{DomainId, TokenScope},
};
use signet_core::company::FieldErrors;

/// What an operation takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Needs {
    /// Seeing what it is about.
    Read,
    /// Changing a domain.
    Write,
    /// Seeing what is the account's.
    AccountRead,
    /// Changing what is the account's.
    AccountAdmin,
    /// What the operator does.
    Operator,
}

/// The answer to a request that is wrong in itself: `errors`, unless the use
/// case would have refused the caller in any case.
pub(super) async fn objection(
    app: &AppState,
    actor: &Actor,
    domain: Option<DomainId>,
    needs: Needs,
    errors: FieldErrors,
) -> Failure {
    if let Some(id) = domain
        && let Err(refused) = app.ops().domain(actor, id).await
    {
        return refused.into();
    }
    let allowed = match needs {
        Needs::Read => !matches!(&actor.scope, TokenScope::Domains(ids) if ids.is_empty()),
        Needs::Write => actor.may_write(),
        Needs::AccountRead => actor.scope == TokenScope::Account,
        Needs::AccountAdmin => actor.scope == TokenScope::Account && actor.may_write(),
        Needs::Operator => actor.is_operator(),
    };
    if allowed { Failure::Invalid(errors) } else { Failure::Forbidden }
}
