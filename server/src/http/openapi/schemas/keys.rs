//! DKIM keys.

use super::{described, flag, nullable_text, record_key, text, whole, words};
use serde_json::{Value, json};
use signet_core::rotation::Algorithm;

pub(super) fn schemas() -> Value {
    json!({"DkimKeys": whole("DkimKeys", "A domain's DKIM keys, and how their rotation stands.", json!({
        "keys": {
            "type": "array", "maxItems": 2, "items": key(),
            "description": "What stands on the two selectors; nothing before the domain is verified.",
        },
        "rotation": rotation(),
    }))})
}

fn key() -> Value {
    let stages = [
        ("next", "it signs when its turn comes"),
        ("active", "it signs"),
        ("companion", "an Ed25519 key that signs beside the active one once everybody sees it"),
        ("retired", "it signed; its record stays for mail that is under way, the private key is destroyed"),
        ("revoked", "its record says that it is revoked"),
    ];
    let origins = [("made", "made here"), ("imported", "brought by the domain's owner")];
    let said = |list: &[(&'static str, &str)]| {
        list.iter().map(|(word, meaning)| (*word, (*meaning).to_string())).collect::<Vec<_>>()
    };
    let algorithms = Algorithm::ALL.map(|algorithm| {
        let meaning = match algorithm {
            Algorithm::Rsa2048 => "RSA, 2048 bits",
            Algorithm::Rsa4096 => "RSA, 4096 bits",
            Algorithm::Ed25519 => "Ed25519 (RFC 8463)",
        };
        (algorithm.as_str(), meaning.to_string())
    });
    whole(
        "DkimKey",
        "A DKIM key on a selector. Only its public half is ever shown.",
        json!({
            "selector": text("The selector, as in `s=` of a signature.", "sg1-abcdefghijklmnop"),
            "record": record_key(),
            "id": text("What the key is called in the history.", "0198f6a2-7c1e-7b0a-9d52-3f1c2b6a8e44"),
            "algorithm": words("What it was made with.", algorithms),
            "bits": described(json!({"type": ["integer", "null"]}), "Its size.", json!(2048)),
            "origin": words("Where it comes from.", said(&origins)),
            "stage": words("Where it is in its life.", said(&stages)),
            "since": text("Since when.", "2026-04-28T08:19:31.769Z"),
            "clear_at": nullable_text(
                "From when on nobody can remember what stood there before it, and it may sign; `null` until every \
                 name server was seen to give it, and of keys for which that is past.",
                json!("2026-04-28T09:19:31.769Z"),
            ),
            "created_at": text("When it came here.", "2026-04-28T08:19:31.769Z"),
            "public_key": nullable_text(
                "The text of its key record, as it is published now.", json!("v=DKIM1; k=rsa; p=MIIBIjANBg…"),
            ),
            "signs": flag("Whether mail is signed with it now.", true),
        }),
    )
}

fn rotation() -> Value {
    let mut rotation = whole(
        "DkimRotation",
        "How the rotation stands; `null` before there are keys.",
        json!({
            "due_at": nullable_text("When something happens next.", json!("2026-10-25T08:19:31.769Z")),
            "wanted": {
                "type": ["string", "null"], "enum": ["asked", "compromised", "period", null],
                "description": "Why another key is to sign as soon as it can: somebody asked for it, the one that \
                                signs is compromised, or has signed for its period; `null` when none is to.",
                "examples": ["asked"],
            },
            "stuck_since": nullable_text("Since when it does not go on; `null` when it does.", json!(null)),
            "stuck": nullable_text("Why, as a sentence.", json!(null)),
            "version": described(json!({"type": "integer"}), "One higher with every change.", json!(7)),
        }),
    );
    rotation["type"] = json!(["object", "null"]);
    rotation
}
