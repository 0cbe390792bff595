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
    if !told.is_empty() && r.text("dns_listen").is_none() {
        return Err(r.error(
            "dns_secondaries",
            "needs dns_listen as well, an address such as [::]:53: without it no zone is served here that they could take",
        ));
    }
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
    use crate::config::{Config, Sources};

    #[test]
    fn secondaries_need_a_zone_and_a_key() {
        let tsig = format!("xfr:hmac-sha256:{}", STANDARD.encode([7; 32]));
        let read = |flags: &[(&'static str, &str)]| {
            let flags = flags.iter().map(|(name, value)| (*name, (*value).to_string()));
            let config = Config::from_sources(&Sources::read(None, [], flags).unwrap());
            config.map(|config| config.dns.secondaries.map(|all| all.told)).map_err(|e| e.to_string())
        };
        let (told, listen) = (("dns_secondaries", "192.0.2.53"), ("dns_listen", "[::]:53"));
        let error = read(&[told, ("dns_tsig", &tsig)]).unwrap_err();
        assert!(error.starts_with("--dns-secondaries: needs dns_listen as well"), "{error}");
        let error = read(&[told, listen]).unwrap_err();
        assert!(error.starts_with("--dns-secondaries: needs dns_tsig as well"), "{error}");
        let both = read(&[told, listen, ("dns_tsig", &tsig)]).unwrap();
        assert_eq!(both, Some(vec!["192.0.2.53:53".parse().unwrap()]));
        assert_eq!(read(&[("dns_tsig", &tsig)]).unwrap(), Some(vec![]));
        assert_eq!(read(&[listen]).unwrap(), None);
    }

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
