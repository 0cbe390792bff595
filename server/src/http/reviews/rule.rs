//! `POST /api/reviews/{domain_id}/approve`, `reject`, `reopen`, `suspend`, `lift`

use super::{Because, ReviewView, because, because_schema};
use crate::{
    http::{
        AppState,
        answer::Answer,
        auth::Authenticated,
        body::RawBody,
        error::Result,
        once::Once,
        openapi::{Body, Operation},
        path::OfDomain,
        rights::{Needs, objection},
        view::Data,
    },
    store::Ruling,
};
use axum::extract::State;
use signet_core::lifecycle::Suspension;

/// What is done, in the path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) enum Verb {
    Approve,
    Reject,
    Reopen,
    Suspend,
    Lift,
}

impl Verb {
    pub(in crate::http) const ALL: [Self; 5] =
        [Self::Approve, Self::Reject, Self::Reopen, Self::Suspend, Self::Lift];

    fn ruling(self, because: &Because) -> Ruling {
        match self {
            Self::Approve => Ruling::Approve,
            Self::Reject => Ruling::Reject,
            Self::Reopen => Ruling::Reopen,
            Self::Suspend if because.hold => Ruling::Suspend(Suspension::Hold),
            Self::Suspend => Ruling::Suspend(Suspension::Abuse),
            Self::Lift => Ruling::Lift,
        }
    }
}

macro_rules! handlers {
    ($($(#[$meta:meta])* $name:ident = $verb:ident;)+) => {$(
        $(#[$meta])*
        pub(in crate::http) async fn $name(
            State(app): State<AppState>,
            Authenticated(actor): Authenticated,
            OfDomain(id): OfDomain,
            once: Once,
            body: RawBody,
        ) -> Result<Answer> {
            let work = async move |app: AppState, actor, body: axum::body::Bytes| {
                let because = match because(&body, Verb::$verb == Verb::Suspend) {
                    Ok(because) => because,
                    Err(errors) => return Err(objection(&app, &actor, None, Needs::Operator, errors).await),
                };
                let ruling = Verb::$verb.ruling(&because);
                let case = app.ops().rule(&actor, id, ruling, Some(because.version), &because.reason).await?;
                Ok(Answer::ok(&Data { data: ReviewView::of(&case, Some(because.reason.trim())) }))
            };
            once.run(app, actor, body, work).await
        }
    )+};
}

handlers! {
    /// Lets a domain send.
    approve = Approve;
    /// Refuses a domain.
    reject = Reject;
    /// Takes a decision back.
    reopen = Reopen;
    /// Stops a domain from sending.
    suspend = Suspend;
    /// Ends a suspension.
    lift = Lift;
}

/// The operation in the OpenAPI document.
pub(in crate::http) fn operation(verb: Verb) -> Operation {
    let (path, id, summary, description) = match verb {
        Verb::Approve => (
            "/api/reviews/{domain_id}/approve",
            "approveReview",
            "Let a domain send",
            "Approves the domain, whatever the rules said, and ends its review. Needs an operator's token.",
        ),
        Verb::Reject => (
            "/api/reviews/{domain_id}/reject",
            "rejectReview",
            "Refuse a domain",
            "Rejects the domain and ends its review. Its owner is told the reason. Needs an operator's token.",
        ),
        Verb::Reopen => (
            "/api/reviews/{domain_id}/reopen",
            "reopenReview",
            "Take a decision back",
            "The domain is decided on no longer and may not send; its review begins anew. Needs an operator's token.",
        ),
        Verb::Suspend => (
            "/api/reviews/{domain_id}/suspend",
            "suspendDomain",
            "Stop a domain from sending",
            "Suspends the domain, whatever its review decides, until that is lifted: its mail is refused, or with \
             `hold` it waits. Needs an operator's token.",
        ),
        Verb::Lift => (
            "/api/reviews/{domain_id}/lift",
            "liftDomainSuspension",
            "End a domain's suspension",
            "The domain is again what its review decided. A suspension of its account goes on. Needs an operator's \
             token.",
        ),
    };
    let (schema, example) = because_schema(verb == Verb::Suspend);
    Operation::post(path, id, summary)
        .description(description)
        .body(Body::Plain(schema, example))
        .answers(200, "ReviewResponse")
        .answers(404, "NotFound")
        .answers(409, "Outdated")
        .answers(422, "UnprocessableEntity")
}
