//! DKIM signing (RFC 6376, RFC 8463), all of it: nothing else in Signet knows what a
//! signature looks like.
//!
//! Header and body are canonicalized as `relaxed`, and there is no `l=`: what is not
//! signed could be added to. Fields that readers and filters go by are signed once
//! more than they occur (RFC 6376 §8.15), so that nobody can add one.

mod message;
#[cfg(test)]
mod tests;

pub use message::{LONGEST, Message, Unsignable};

use crate::keys::SigningKey;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use std::fmt::Write as _;

/// Signed where they occur, and sealed against additions wherever that is safe.
const FIELDS: &[(&str, Addition)] = &[
    ("from", Addition::Sealed),
    ("reply-to", Addition::Sealed),
    ("to", Addition::Sealed),
    ("cc", Addition::Sealed),
    ("subject", Addition::Sealed),
    // Whoever relays a message adds these where they are missing (RFC 6409 §8).
    ("date", Addition::SealedWhereThere),
    ("message-id", Addition::SealedWhereThere),
    ("mime-version", Addition::Sealed),
    ("content-type", Addition::Sealed),
    ("content-transfer-encoding", Addition::Sealed),
    ("content-id", Addition::Possible),
    ("content-description", Addition::Possible),
    ("sender", Addition::Possible),
    ("in-reply-to", Addition::Possible),
    ("references", Addition::Possible),
    ("resent-date", Addition::Possible),
    ("resent-from", Addition::Possible),
    ("resent-to", Addition::Possible),
    ("resent-cc", Addition::Possible),
    ("list-id", Addition::Possible),
    ("list-help", Addition::Possible),
    // RFC 8058 §4 has both signed.
    ("list-unsubscribe", Addition::Possible),
    ("list-unsubscribe-post", Addition::Possible),
    ("list-subscribe", Addition::Possible),
    ("list-post", Addition::Possible),
    ("list-owner", Addition::Possible),
    ("list-archive", Addition::Possible),
    ("feedback-id", Addition::Possible),
];

/// Whether a field may be added to a message that is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Addition {
    /// No.
    Sealed,
    /// If there was none.
    SealedWhereThere,
    /// Yes: mailing lists do.
    Possible,
}

/// Who signs.
#[derive(Clone, Copy, Debug)]
pub struct Signer<'a> {
    /// `d=`.
    pub domain: &'a str,
    /// `s=`.
    pub selector: &'a str,
    /// With what.
    pub key: &'a SigningKey,
}

/// The signature of a message as a header field, with the line end, to be put before
/// its header. `None` where the cryptography library does not sign.
#[must_use]
pub fn sign(message: &Message, signer: &Signer<'_>, now: Timestamp) -> Option<String> {
    let fields = signed_fields(message);
    let mut field = format!(
        "DKIM-Signature: v=1; a={}; c=relaxed/relaxed; d={};\r\n\ts={}; t={};\r\n\th=",
        signer.key.algorithm(),
        signer.domain,
        signer.selector,
        now.as_second(),
    );
    fold_list(&mut field, fields.iter().map(|(name, _)| *name));
    let body = STANDARD.encode(message.body_hash());
    let _ = write!(field, ";\r\n\tbh={body};\r\n\tb=");

    let mut hashed = Vec::new();
    for (_, signed) in &fields {
        if let Some(signed) = signed {
            message::relax_field(signed, &mut hashed);
            hashed.extend(b"\r\n");
        }
    }
    // RFC 6376 §3.7: its own field last, with `b=` empty and without the line end.
    message::relax_field(field.as_bytes(), &mut hashed);
    fold(&mut field, &STANDARD.encode(signer.key.sign(&hashed)?));
    field.push_str("\r\n");
    Some(field)
}

/// The names in `h=`, each with the field that it stands for: the last one first
/// where there are several (RFC 6376 §5.4.2). All of them are there, however many: the
/// name that seals stands for one more than there are.
fn signed_fields(message: &Message) -> Vec<(&'static str, Option<&[u8]>)> {
    let mut signed = Vec::new();
    for &(name, addition) in FIELDS {
        let before = signed.len();
        let there = message.fields().rev().filter(|field| field.is(name));
        signed.extend(there.map(|field| (name, Some(field.whole))));
        let sealed = match addition {
            Addition::Sealed => true,
            Addition::SealedWhereThere => signed.len() > before,
            Addition::Possible => false,
        };
        if sealed {
            signed.push((name, None));
        }
    }
    signed
}

/// How long a line gets.
const LINE: usize = 76;

/// Names with colons between them, in lines.
fn fold_list<'a>(field: &mut String, names: impl Iterator<Item = &'a str>) {
    let mut length = 3;
    for (index, name) in names.enumerate() {
        if index > 0 {
            field.push(':');
            length += 1;
        }
        if length + name.len() > LINE {
            field.push_str("\r\n\t ");
            length = 2;
        }
        field.push_str(name);
        length += name.len();
    }
}

/// Base64 in lines.
fn fold(field: &mut String, base64: &str) {
    let mut room = LINE - 4;
    for character in base64.chars() {
        if room == 0 {
            field.push_str("\r\n\t ");
            room = LINE - 2;
        }
        field.push(character);
        room -= 1;
    }
}
