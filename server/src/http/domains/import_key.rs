//! `POST /api/domains/{domain_id}/keys`

use crate::http::{
    AppState,
    answer::Answer,
    auth::Authenticated,
    body::{Fields, RawBody},
    error::Result,
    once::Once,
    openapi::{Body, Operation},
    path::OfDomain,
    rights::{Needs, objection},
    view::DomainView,
};
use axum::{body::Bytes, extract::State};
use serde_json::{Value, json};
use signet_core::company::FieldErrors;
use zeroize::{Zeroize as _, Zeroizing};

/// The longest body taken: RSA-4096 has some 3,300 characters in PEM.
pub(in crate::http) const MAX_BYTES: usize = 16 << 10;

/// Takes a key that the customer brings.
pub(in crate::http) async fn import(
    State(app): State<AppState>,
    Authenticated(actor): Authenticated,
    OfDomain(id): OfDomain,
    once: Once,
    body: RawBody,
) -> Result<Answer> {
    let work = async move |app: AppState, actor, body: Bytes| {
        let pem = private_key(&body);
        overwrite(body);
        let pem = match pem {
            Ok(pem) => pem,
            Err(errors) => return Err(objection(&app, &actor, Some(id), Needs::Write, errors).await),
        };
        let (domain, _) = app.ops().import_key(&actor, id, pem).await?;
        Ok(Answer::ok(&DomainView::of(app.ops(), &actor, &domain)))
    };
    once.run(app, actor, body, work).await
}

/// The text, overwritten when it goes. What it is made of is not said in errors.
fn private_key(body: &[u8]) -> std::result::Result<Zeroizing<String>, FieldErrors> {
    let mut fields = Fields::plain(body)?;
    match fields.value("private_key") {
        Some(Value::String(text)) => {
            let text = Zeroizing::new(text);
            if !text.trim().is_empty() {
                return Ok(text);
            }
            fields.object_to("private_key", "can't be blank");
        }
        None | Some(Value::Null) => fields.object_to("private_key", "can't be blank"),
        Some(_) => fields.object_to("private_key", "is invalid: must be text"),
    }
    Err(fields.errors())
}

/// Leaves nothing of the body in memory, unless somebody else holds it as well.
fn overwrite(body: Bytes) {
    if let Ok(mut body) = body.try_into_mut() {
        body.as_mut().zeroize();
    }
}

/// The operation in the OpenAPI document.
pub(in crate::http) fn operation() -> Operation {
    Operation::post("/{domain_id}/keys", "importDomainKey", "Bring a DKIM key of your own")
        .description(
            "Takes a private key, checks it, and treats it as one made here: its public half is published on the \
             standby selector (in `raw` mode by the domain's owner), and it signs once every server was seen to give \
             it. RSA of 2048 or 4096 bits, or Ed25519 beside an RSA key where that is switched on; PEM, PKCS #8 or \
             PKCS #1, without a passphrase, alone. It is encrypted before it is kept, and cannot be got back. A key \
             that is there already is left as it is. Bodies may have 16 KiB. Needs admin access.",
        )
        .tag("DKIM keys")
        .body(Body::Plain(
            json!({
                "type": "object",
                "required": ["private_key"],
                "properties": {
                    "private_key": {
                        "type": "string",
                        "writeOnly": true,
                        "description": "The private key in PEM, line breaks included.",
                    },
                },
            }),
            json!({"private_key": "-----BEGIN PRIVATE KEY-----\n…\n-----END PRIVATE KEY-----\n"}),
        ))
        .answers(200, "DomainResponse")
        .answers(404, "NotFound")
        .answers(422, "UnprocessableEntity")
}
