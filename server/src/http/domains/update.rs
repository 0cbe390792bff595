//! `PATCH /api/domains/{domain_id}`

use crate::http::{
    AppState,
    answer::Answer,
    auth::Authenticated,
    body::{Fields, Given, RawBody},
    error::Result,
    openapi::{Body, Operation},
    path::{Family, OfDomain},
    rights::{Needs, objection},
    view::DomainView,
};
use axum::extract::State;
use serde_json::json;
use signet_core::{company::FieldErrors, email::EmailAddress, tracking::TrackingPatch};

/// Changes a domain's settings.
pub(in crate::http) async fn update(
    State(app): State<AppState>,
    Authenticated(actor): Authenticated,
    OfDomain(id): OfDomain,
    family: Family,
    RawBody(body): RawBody,
) -> Result<Answer> {
    let patch = match patch(&body, family) {
        Ok(patch) => patch,
        Err(errors) => return Err(objection(&app, &actor, Some(id), Needs::Write, errors).await),
    };
    let domain = app.ops().update_domain(&actor, id, &patch).await?;
    Ok(Answer::ok(&DomainView::of(app.ops(), &actor, &domain)))
}

fn patch(body: &[u8], family: Family) -> std::result::Result<TrackingPatch, FieldErrors> {
    let mut fields = Fields::wrapped(body, &family.wrappers())?;
    let patch = TrackingPatch {
        open: fields.flag("open_tracking_enabled"),
        click: fields.flag("click_tracking_enabled"),
        unsubscribe_link: fields.flag("auto_unsubscribe_link_enabled"),
        custom_domain: fields.flag("custom_domain_tracking_enabled"),
        health_alerts: fields.flag("health_alerts_enabled"),
        critical_alerts: fields.flag("critical_alerts_enabled"),
        alert_recipient: alert_recipient(&mut fields),
    };
    let errors = fields.errors();
    if errors.is_empty() { Ok(patch) } else { Err(errors) }
}

/// `null` and `""` clear it.
fn alert_recipient(fields: &mut Fields) -> Option<Option<EmailAddress>> {
    const FIELD: &str = "alert_recipient_email";
    match fields.text(FIELD) {
        Given::Nothing | Given::Wrong => None,
        Given::Null => Some(None),
        Given::Text(text) if text.is_empty() => Some(None),
        Given::Text(text) => match EmailAddress::parse(&text) {
            Ok(address) => Some(Some(address)),
            Err(problem) => {
                fields.object_to(FIELD, problem.to_string());
                None
            }
        },
    }
}

/// The operation in the OpenAPI document.
pub(in crate::http) fn operation() -> Operation {
    Operation::patch("/{domain_id}", "updateDomain", "Change a sending domain's settings")
        .description("Changes the settings named and leaves the others as they are. Needs admin access.")
        .body(Body::Domain(
            json!({"$ref": "#/components/schemas/UpdateDomainRequest"}),
            json!({"open_tracking_enabled": true, "click_tracking_enabled": false}),
        ))
        .answers(200, "DomainResponse")
        .answers(404, "NotFound")
        .answers(422, "UnprocessableEntity")
}
