//! `POST /api/domains/{domain_id}/keys`

use crate::http::{
    AppState,
    answer::Answer,
    auth::Authenticated,
    body::RawBody,
    error::Result,
    once::Once,
    openapi::{Body, Operation},
    path::OfDomain,
    rights::{Needs, objection},
    view::DomainView,
};
use axum::{body::Bytes, extract::State};
use serde_json::{json, value::RawValue};
use signet_core::company::FieldErrors;
use std::{collections::BTreeMap, str::Chars};
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

/// The text, overwritten when it goes, as is every other copy of it: the parser is only
/// asked where it stands, since what it unescapes in it keeps. What it is made of is not
/// said in errors.
fn private_key(body: &[u8]) -> std::result::Result<Zeroizing<String>, FieldErrors> {
    let wrong = |field, message: String| FieldErrors::from([(field, vec![message])]);
    let fields: BTreeMap<String, &RawValue> = serde_json::from_slice(body).map_err(|error| {
        let empty = body.iter().all(u8::is_ascii_whitespace);
        let message = match (empty, error.is_data()) {
            (true, _) => "The body is empty; send a JSON object".to_string(),
            // The error would quote what it is instead.
            (false, true) => "The body is not a JSON object".to_string(),
            (false, false) => format!("The body is not valid JSON: {error}"),
        };
        wrong("base", message)
    })?;
    let given = fields.get("private_key").map_or("null", |value| value.get());
    let text = if given == "null" { Some(Zeroizing::default()) } else { unescaped(given) };
    let text = text.ok_or_else(|| wrong("private_key", "is invalid: must be text".to_string()))?;
    if text.trim().is_empty() {
        return Err(wrong("private_key", "can't be blank".to_string()));
    }
    Ok(text)
}

/// The text that a JSON string stands for (RFC 8259 §7); `None` for anything else.
fn unescaped(json: &str) -> Option<Zeroizing<String>> {
    let inner = json.strip_prefix('"')?.strip_suffix('"')?;
    // No character is longer than its escape: it does not grow, and leaves no copies.
    let mut text = Zeroizing::new(String::with_capacity(inner.len()));
    let mut rest = inner.chars();
    while let Some(character) = rest.next() {
        text.push(if character == '\\' { escape(&mut rest)? } else { character });
    }
    Some(text)
}

/// The character behind a backslash. None beyond the basic plane: there is no such in
/// PEM.
fn escape(rest: &mut Chars<'_>) -> Option<char> {
    Some(match rest.next()? {
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'b' => '\u{8}',
        'f' => '\u{c}',
        'u' => {
            let digits = rest.as_str().get(..4)?;
            *rest = rest.as_str()[4..].chars();
            char::from_u32(u32::from_str_radix(digits, 16).ok()?)?
        }
        itself => itself,
    })
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
             standby selector (in `raw` mode by the domain's owner), and it is the next to sign, or the first where none \
             does yet, once every server was seen to give it. RSA of 2048 or 4096 bits, or Ed25519 beside an RSA key where that is switched on; PEM, PKCS #8 or \
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_as_json_says() {
        let read = |body: &str| private_key(body.as_bytes()).map(|text| text.to_string());
        assert_eq!(
            read(r#"{"private_key": "a\nb\r\n\t\"\\\/\b\f\u0041ü", "x": [1]}"#).unwrap(),
            "a\nb\r\n\t\"\\/\u{8}\u{c}Aü"
        );
        let text = private_key(br#"{"private_key": "a\nb"}"#).unwrap();
        assert_eq!(text.capacity(), 4, "no more than it was given: it has not grown");
        let wrong = |body: &str| {
            let errors = read(body).unwrap_err();
            let (field, messages) = errors.first_key_value().unwrap();
            format!("{field} {}", messages.join("; "))
        };
        for blank in ["{}", r#"{"private_key": null}"#, r#"{"private_key": " \n"}"#] {
            assert_eq!(wrong(blank), "private_key can't be blank");
        }
        for other in ["1", "[\"SECRET\"]", "{\"a\": \"SECRET\"}", "\"\\ud83d\\ude00\"", "\"\\ud83d\""] {
            assert_eq!(
                wrong(&format!("{{\"private_key\": {other}}}")),
                "private_key is invalid: must be text"
            );
        }
        assert_eq!(wrong(" "), "base The body is empty; send a JSON object");
        for other in ["[\"SECRET\"]", "\"SECRET\"", "1"] {
            assert_eq!(wrong(other), "base The body is not a JSON object");
        }
        for broken in [
            "{",
            "{\"private_key\": \"SECRET",
            "{\"private_key\": \"SECRET\n\"}",
            "{\"private_key\": \"\\x\"}",
        ] {
            let said = wrong(broken);
            assert!(
                said.starts_with("base The body is not valid JSON: ") && !said.contains("SECRET"),
                "{said}"
            );
        }
    }
}
