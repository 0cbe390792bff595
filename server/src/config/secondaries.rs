//! `dns_secondaries` and `dns_tsig`: other name servers for our zone.

use super::{ConfigError, Reader, dns::socket_addresses};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use signet_dns::zone::TsigKey;
use std::net::SocketAddr;

/// Name servers that take our zone from us, and the key they do it with.
#[derive(Clone, Debug)]
pub struct Secondaries {
    /// Signs transfers, and our word that there is something to transfer.
    pub key: TsigKey,
    /// Who is told of changes.
    pub told: Vec<SocketAddr>,
}

/// Both settings, or `None` when nobody takes our zone.
pub(super) fn read(r: &Reader<'_>) -> Result<Option<Secondaries>, ConfigError> {
    let told = socket_addresses(r, "dns_secondaries")?;
    match r.text("dns_tsig") {
        Some(text) => {
            let key = tsig(text).map_err(|problem| r.error("dns_tsig", problem))?;
            Ok(Some(Secondaries { key, told }))
        }
        None if told.is_empty() => Ok(None),
        None => Err(r.error(
            "dns_secondaries",
            "needs dns_tsig as well: the zone is given only to who proves to be a secondary",
        )),
    }
}

/// `name:algorithm:secret`. Nothing of the secret is repeated.
fn tsig(text: &str) -> Result<TsigKey, String> {
    let parts: Vec<&str> = text.trim().splitn(3, ':').collect();
    let [name, algorithm, secret] = parts[..] else {
        return Err("must be name:hmac-sha256:secret, the secret in base64".to_string());
    };
    let secret = STANDARD.decode(secret).map_err(|_| "the secret is not base64".to_string())?;
    TsigKey::new(name, &algorithm.to_ascii_lowercase(), &secret).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_as_they_are_written() {
        let secret = STANDARD.encode([7; 32]);
        assert_eq!(tsig(&format!("Xfr.Example:hmac-sha256:{secret}")).unwrap().name(), "xfr.example.");
        for (text, part) in [
            ("xfr", "name:hmac-sha256:secret"),
            ("xfr:hmac-sha256:§", "not base64"),
            ("xfr:hmac-md5:AAAAAAAAAAAAAAAAAAAAAAAA", "algorithm"),
            ("xfr:hmac-sha256:AAAA", "too short"),
            (":hmac-sha256:AAAAAAAAAAAAAAAAAAAAAAAA", "name"),
        ] {
            let error = tsig(text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
