//! DKIM key records (RFC 6376 §3.6.1, RFC 8301, RFC 8463).
//!
//! [`lint`] says what is wrong with the key record of any selector; [`judge`](judge())
//! also knows which key belongs there. Delegated selectors, which are a CNAME,
//! are [`super::cname`]'s.

mod base64;
mod der;
mod examine;
mod judge;
mod key;
mod prove;
mod record;
mod repair;
#[cfg(test)]
pub(super) mod testing;
#[cfg(test)]
mod tests;
mod text;

pub(super) use self::{
    judge::cut_above,
    text::{STRING, split_hint},
};
pub use self::{
    judge::judge,
    key::{PublicKey, RsaKey},
    prove::{Sight, prove, seen_wrong},
    text::{in_quotes, split},
};

use self::examine::{Examined, examine};
use super::{Code, Status};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

/// TXT records read at one selector.
const TEXTS: usize = 16;

/// What is said about the key record of one selector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lint {
    /// [`Status::Missing`] where no text was meant as a key record.
    pub status: Status,
    /// Why, in one word.
    pub code: Code,
    /// Why, in a sentence.
    pub reason: String,
    /// What to do; empty when nothing is to do.
    pub fix: String,
    /// The whole text to paste instead, where the one that is there can be put
    /// right without its owner. It lints as [`Status::Pass`].
    pub replacement: Option<String>,
    /// What is worth saying and changes nothing, or is wrong as well.
    pub remarks: Vec<String>,
    /// The key, as far as one can be read; only with a right status can mail be
    /// verified with it.
    pub key: Option<PublicKey>,
}

impl Lint {
    fn new(status: Status, code: Code, reason: impl Into<String>) -> Self {
        Self {
            status,
            code,
            reason: reason.into(),
            fix: String::new(),
            replacement: None,
            remarks: Vec::new(),
            key: None,
        }
    }

    fn replaced_by(mut self, how: &str, replacement: Option<String>, otherwise: &str) -> Self {
        self.fix = match &replacement {
            Some(text) => format!("{how} `{text}`.{}", split_hint(text)),
            None => otherwise.to_string(),
        };
        self.replacement = replacement;
        self
    }
}

/// Judges the TXT records at one selector, each with its character-strings
/// joined ([`crate::observe::Data::txt`]), without knowing which key belongs
/// there. For several selectors of one domain see [`never_alone`].
#[must_use]
pub fn lint(texts: &[Vec<u8>]) -> Lint {
    let texts = &texts[..texts.len().min(TEXTS)];
    match texts {
        [] => no_key("There is no TXT record."),
        [text] if !repair::is_meant(text) => no_key("There is a TXT record, but it is no DKIM key record."),
        [text] => lint_one(text),
        _ if !texts.iter().any(|text| repair::is_meant(text)) => {
            no_key("There are TXT records, but none is a DKIM key record.")
        }
        _ => several(texts),
    }
}

fn no_key(reason: &str) -> Lint {
    let mut lint = Lint::new(Status::Missing, Code::NoRecord, reason);
    lint.fix =
        "Publish the key record that belongs to this selector, as your mail service gives it.".to_string();
    lint
}

fn lint_one(text: &[u8]) -> Lint {
    let examined = examine(text);
    let Some(worst) = examined.worst() else {
        let reason = match &examined.key {
            Some(PublicKey::Rsa(key)) => format!("A valid RSA key of {} bits.", key.bits()),
            _ => "A valid Ed25519 key.".to_string(),
        };
        let mut lint = Lint::new(Status::Pass, Code::Ok, reason);
        lint.remarks = examined.remarks;
        lint.key = examined.key;
        return lint;
    };
    let mut lint = Lint::new(worst.status, worst.code, worst.reason.clone());
    // Revoking is done on purpose, and a published private key is no secret
    // whatever record stands there.
    let same_key = |text: &String| examined.key.is_none() || examined.key == examine(text.as_bytes()).key;
    let replacement = repair::repaired(text).filter(|text| passes(text)).filter(same_key);
    lint = lint.replaced_by("Change the TXT record to", replacement, &worst.remedy);
    lint.remarks = others(&examined);
    lint.remarks.extend(examined.remarks);
    lint.key = examined.key;
    lint
}

/// What is wrong beside the flaw that decided.
fn others(examined: &Examined) -> Vec<String> {
    let decided = examined.worst();
    examined.flaws.iter().filter(|flaw| Some(*flaw) != decided).map(|flaw| flaw.reason.clone()).collect()
}

/// Whether `text` has nothing wrong with it.
fn passes(text: &str) -> bool {
    let examined = examine(text.as_bytes());
    examined.flaws.is_empty() && examined.key.is_some()
}

/// RFC 6376 §3.6.2.2: with several records the results are undefined.
fn several(texts: &[Vec<u8>]) -> Lint {
    let reason = format!(
        "{} TXT records stand at the selector, and receivers may take any of them, or none.",
        texts.len()
    );
    let mut good =
        texts.iter().filter_map(|text| core::str::from_utf8(text).ok()).filter(|text| passes(text));
    let only = match (good.next(), good.next()) {
        (Some(text), None) => pasteable(text),
        _ => None,
    };
    let mut lint = Lint::new(Status::Fail, Code::DkimMultiple, reason).replaced_by(
        "Delete the other TXT records and keep only",
        only,
        "Keep only the TXT record with the key that mail is signed with, and delete the others.",
    );
    lint.key = lint.replacement.as_deref().and_then(|text| examine(text.as_bytes()).key);
    lint
}

/// A right record as it can be shown and pasted: as it stands, or written anew
/// where it has line breaks in its white space (RFC 6376 §3.2), other characters
/// that no form takes, or a backtick, which would end it where it is shown.
fn pasteable(text: &str) -> Option<String> {
    if text.bytes().all(|byte| byte != b'`' && (0x20..0x7f).contains(&byte)) {
        return Some(text.to_string());
    }
    repair::repaired(text.as_bytes()).filter(|text| passes(text))
}

/// What an Ed25519 key without an RSA key beside it is told.
const ALONE: &str = "The Ed25519 key is right, but many receivers do not know Ed25519 yet, and for them the mail is \
                     not signed at all (RFC 8463 §6).";

/// Looks at all selectors of one domain together: where every key that works is
/// an Ed25519 key, each becomes a softfail. Such mail is verified by some
/// receivers and unsigned for the others, which is fragile and not wrong; with
/// an RSA key at another selector, and both signing, every receiver has one.
pub fn never_alone(lints: &mut [Lint]) {
    let is_rsa = |lint: &Lint| lint.status.is_right() && matches!(lint.key, Some(PublicKey::Rsa(_)));
    if lints.iter().any(is_rsa) {
        return;
    }
    for lint in lints.iter_mut().filter(|lint| lint.status == Status::Pass) {
        lint.status = Status::Softfail;
        lint.code = Code::DkimEd25519Alone;
        lint.reason = ALONE.to_string();
        lint.fix = "Publish an RSA key of 2048 bits at another selector, and sign with both.".to_string();
    }
}
