//! Where card checks are made. Signet never sees a card: it sends owners to
//! whoever checks it, and is told how that went.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use std::fmt;

/// What stands between a review and whoever checks cards. Operators can say how
/// a check went with any of them.
pub trait CardAdapter: Send + Sync {
    /// Where an owner goes to pass the check of this name; `None`: the operator
    /// gets in touch.
    fn url(&self, reference: &str) -> Option<String>;
    /// What a callback says.
    ///
    /// # Errors
    /// When it is not to be believed or cannot be read.
    fn read(&self, callback: &Callback<'_>, now: Timestamp) -> Result<CardResult, CallbackRefused>;
}

/// How a check went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CardResult {
    /// Whether it is passed.
    pub passed: bool,
    /// One line about it, for the operator; never card data.
    pub detail: String,
}

/// A callback as it came in.
#[derive(Clone, Copy, Debug)]
pub struct Callback<'a> {
    /// `webhook-id`.
    pub id: &'a str,
    /// `webhook-timestamp`.
    pub timestamp: &'a str,
    /// `webhook-signature`.
    pub signature: &'a str,
    /// The body, byte for byte.
    pub body: &'a [u8],
}

/// Why a callback is not heeded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallbackRefused {
    /// There is nobody to call back.
    Off,
    /// It is not from whom it should be, or too old; why.
    Unsigned(&'static str),
    /// It says nothing that can be understood; the attribute and why.
    Unreadable(&'static str, String),
}

/// The `card_*` settings.
#[derive(Clone, Debug, Default)]
pub struct CardSettings {
    /// `card_callback_secret`; `None`: there are no callbacks.
    pub secret: Option<CallbackSecret>,
    /// `card_check_url`, with [`REFERENCE`] in it.
    pub url: Option<String>,
}

/// What stands for a check's name in `card_check_url`.
pub const REFERENCE: &str = "{reference}";

impl CardSettings {
    /// The adapter they make.
    #[must_use]
    pub fn adapter(&self) -> Box<dyn CardAdapter + '_> {
        match &self.secret {
            Some(secret) => Box::new(SignedCallback { secret, url: self.url.as_deref() }),
            None => Box::new(Manual { url: self.url.as_deref() }),
        }
    }
}

/// What callbacks are signed with.
#[derive(Clone)]
pub struct CallbackSecret(aws_lc_rs::hmac::Key);

impl fmt::Debug for CallbackSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CallbackSecret(…)")
    }
}

/// The shortest secret taken, in bytes, as Standard Webhooks has it.
const MIN_SECRET: usize = 24;

impl std::str::FromStr for CallbackSecret {
    type Err = String;

    /// Reads `whsec_` and base64, as Standard Webhooks writes secrets down.
    fn from_str(text: &str) -> Result<Self, String> {
        let encoded = text.trim().strip_prefix("whsec_").ok_or("must begin with whsec_")?;
        let bytes = STANDARD.decode(encoded).map_err(|_| "must be base64 after whsec_")?;
        if bytes.len() < MIN_SECRET {
            return Err(format!("must stand for at least {MIN_SECRET} bytes"));
        }
        Ok(Self(aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, &bytes)))
    }
}

/// The operator says how checks went, and nobody else.
struct Manual<'a> {
    url: Option<&'a str>,
}

impl CardAdapter for Manual<'_> {
    fn url(&self, reference: &str) -> Option<String> {
        self.url.map(|url| url.replace(REFERENCE, reference))
    }

    fn read(&self, _: &Callback<'_>, _: Timestamp) -> Result<CardResult, CallbackRefused> {
        Err(CallbackRefused::Off)
    }
}

/// Whoever knows the secret says how checks went.
struct SignedCallback<'a> {
    secret: &'a CallbackSecret,
    url: Option<&'a str>,
}

/// How far the clocks may be apart, and how long a callback may take.
const TOLERANCE: SignedDuration = SignedDuration::from_mins(5);
/// Signatures looked at: a sender that changes secrets sends two.
const MAX_SIGNATURES: usize = 8;
/// Characters of a detail.
const MAX_DETAIL: usize = 500;

impl CardAdapter for SignedCallback<'_> {
    fn url(&self, reference: &str) -> Option<String> {
        self.url.map(|url| url.replace(REFERENCE, reference))
    }

    fn read(&self, callback: &Callback<'_>, now: Timestamp) -> Result<CardResult, CallbackRefused> {
        self.verify(callback, now).map_err(CallbackRefused::Unsigned)?;
        read(callback.body)
    }
}

impl SignedCallback<'_> {
    fn verify(&self, callback: &Callback<'_>, now: Timestamp) -> Result<(), &'static str> {
        let Callback { id, timestamp, signature, body } = callback;
        if id.is_empty() || timestamp.is_empty() || signature.is_empty() {
            return Err("webhook-id, webhook-timestamp and webhook-signature are all needed");
        }
        let mut signed = format!("{id}.{timestamp}.").into_bytes();
        signed.extend_from_slice(body);
        let candidates = signature.split_ascii_whitespace().take(MAX_SIGNATURES);
        let mut of_v1 = candidates.filter_map(|candidate| candidate.strip_prefix("v1,"));
        let fits = |encoded: &str| {
            let given = STANDARD.decode(encoded).unwrap_or_default();
            aws_lc_rs::hmac::verify(&self.secret.0, &signed, &given).is_ok()
        };
        if !of_v1.any(fits) {
            return Err("webhook-signature does not fit");
        }
        // After the signature, so that only who signs learns about our clock.
        let seconds = timestamp.parse().map_err(|_| "webhook-timestamp is no number of seconds")?;
        let at = Timestamp::from_second(seconds).map_err(|_| "webhook-timestamp is no time")?;
        if now.duration_since(at).abs() > TOLERANCE {
            return Err("webhook-timestamp is more than 5 minutes from now");
        }
        Ok(())
    }
}

/// A body. A member that is not known may be card data, and is not taken.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    result: String,
    #[serde(default)]
    detail: String,
}

fn read(body: &[u8]) -> Result<CardResult, CallbackRefused> {
    // What is wrong is not repeated from the body, in which anything may stand.
    let unreadable = |field, why: &str| CallbackRefused::Unreadable(field, why.to_string());
    let body: Body = serde_json::from_slice(body).map_err(|_| {
        unreadable("base", "The body must be a JSON object with result and detail, and nothing else")
    })?;
    let passed = match body.result.as_str() {
        "passed" => true,
        "failed" => false,
        _ => return Err(unreadable("result", "is invalid: must be passed or failed")),
    };
    detail(&body.detail).map_err(|why| unreadable("detail", &why))?;
    Ok(CardResult { passed, detail: body.detail.trim().to_string() })
}

/// One line, without anything that looks like the number of a card.
fn detail(text: &str) -> Result<(), String> {
    if text.chars().any(char::is_control) || text.chars().count() > MAX_DETAIL {
        return Err(format!("is invalid: one line of at most {MAX_DETAIL} characters"));
    }
    if holds_card_number(text) {
        return Err(
            "is invalid: it has what looks like the number of a card, which is not to be sent".to_string()
        );
    }
    Ok(())
}

/// Whether 12 to 19 digits with a right check digit stand together, as in the
/// number of a card (ISO/IEC 7812-1), with blanks and hyphens between them.
fn holds_card_number(text: &str) -> bool {
    let runs = text.split(|c: char| !(c.is_ascii_digit() || c == ' ' || c == '-'));
    runs.map(|run| run.bytes().filter(u8::is_ascii_digit).map(|b| u32::from(b - b'0')).collect::<Vec<_>>())
        .any(|digits| (12..=19).contains(&digits.len()) && luhn(&digits))
}

fn luhn(digits: &[u32]) -> bool {
    let weighed = digits.iter().rev().enumerate().map(|(n, &digit)| match n % 2 {
        0 => digit,
        _ => digit * 2 / 10 + digit * 2 % 10,
    });
    weighed.sum::<u32>() % 10 == 0
}

#[cfg(test)]
mod tests;
