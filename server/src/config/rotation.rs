//! The `dkim_*` settings that say how keys live.

use super::{ConfigError, Reader, duration};
use signet_core::rotation::{Algorithm, Rules};

pub(super) fn rules(r: &Reader<'_>) -> Result<Rules, ConfigError> {
    let span = |name: &str| duration(r.text(name).unwrap_or_default()).map_err(|e| r.error(name, e));
    let period = match r.text("dkim_rotation") {
        Some("never") => None,
        _ => Some(span("dkim_rotation")?),
    };
    if period.is_some_and(|period| period.is_zero()) {
        return Err(r.error("dkim_rotation", "must be longer than that; never turns it off"));
    }
    Ok(Rules {
        rsa: rsa(r)?,
        ed25519: r.required("dkim_ed25519", "true or false")?,
        period,
        keep: span("dkim_keep")?,
        revoked: span("dkim_revoked")?,
        delegated: true,
    })
}

fn rsa(r: &Reader<'_>) -> Result<Algorithm, ConfigError> {
    let text = r.text("dkim_key").unwrap_or_default();
    let bits = text.strip_prefix("rsa").and_then(|bits| bits.parse::<u32>().ok());
    let problem = match (text, bits) {
        ("rsa2048", _) => return Ok(Algorithm::Rsa2048),
        ("rsa4096", _) => return Ok(Algorithm::Rsa4096),
        ("ed25519", _) => {
            "not every receiver verifies Ed25519, so that it only ever signs beside an RSA key; set \
             dkim_ed25519 to true"
                .to_string()
        }
        (_, Some(bits)) if bits < 2048 => {
            format!(
                "{bits} bits are too few: keys must have at least 2048 (RFC 8301 §3.2 wants that of signers)"
            )
        }
        _ => format!("{text:?} is none of rsa2048, rsa4096"),
    };
    Err(r.error("dkim_key", problem))
}
