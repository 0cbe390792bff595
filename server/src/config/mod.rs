//! The settings, read and checked.

mod dns;
mod policy;
mod review_policy;
mod rotation;
mod secondaries;
mod secret;
mod settings;
mod sources;
mod warnings;

pub use dns::Dns;
pub use policy::PolicyListen;
pub use review_policy::{PolicyError, ReviewPolicy};
pub use secondaries::Secondaries;
pub use secret::{Shown, without_credentials};
pub use settings::{SETTINGS, Setting};
pub use sources::Sources;

use crate::card_check::{self, CardSettings};
use jiff::SignedDuration;
use signet_core::{
    email::EmailAddress,
    names::Name,
    plan::{DkimMode, Provider, SpfMode},
    rotation::Rules,
};
use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    str::FromStr,
};
use url::Url;

/// Why the settings cannot be used. Each names the setting as it was written.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file.
    #[error("{path}: {problem}")]
    File {
        /// Which.
        path: String,
        /// What is wrong.
        problem: String,
    },
    /// A value.
    #[error("{setting}: {problem}")]
    Value {
        /// Which, as called where it was set.
        setting: String,
        /// What is wrong.
        problem: String,
    },
}

/// Everything Signet is told.
#[derive(Clone, Debug)]
pub struct Config {
    /// The HTTP side.
    pub http: Http,
    /// `database_url`.
    pub database_url: String,
    /// `key_file`.
    pub key_file: PathBuf,
    /// The provider's side of every record.
    pub provider: Provider,
    /// `domain_connect_provider`: who our template is of.
    pub domain_connect_provider: Name,
    /// `helo`.
    pub helo: Option<Name>,
    /// Asking DNS, and answering.
    pub dns: Dns,
    /// Sending our own messages.
    pub mail: Mail,
    /// `policy_listen`; `None`: off.
    pub policy_listen: Option<PolicyListen>,
    /// `grace`.
    pub grace: SignedDuration,
    /// `dkim_mode`, of new domains.
    pub dkim_mode: DkimMode,
    /// The `dkim_*` settings, for keys that we publish.
    pub rotation: Rules,
    /// `unverified_limit`; `None`: no limit.
    pub unverified_limit: Option<u32>,
    /// Bearer JWTs, if they are taken.
    pub jwt: Option<Jwt>,
    /// `demo_allowance`.
    pub demo_allowance: u32,
    /// What `review_policy` names, or the built-in policy.
    pub review_policy: ReviewPolicy,
    /// `review_allow_private`.
    pub review_allow_private: bool,
    /// `webhook_allow_private`.
    pub webhook_allow_private: bool,
    /// `card_callback_secret` and `card_check_url`.
    pub card: CardSettings,
    /// `owner_email`.
    pub owner_email: EmailAddress,
    /// What is logged, and how.
    pub log: Log,
}

/// `listen` and what belongs to it.
#[derive(Clone, Debug)]
pub struct Http {
    /// `listen`.
    pub listen: SocketAddr,
    /// `metrics_listen`.
    pub metrics_listen: Option<SocketAddr>,
    /// `tls_cert` and `tls_key`.
    pub tls: Option<(PathBuf, PathBuf)>,
    /// `rate_limit`, per token and 10 s; `None`: no limit.
    pub rate_limit: Option<u32>,
    /// `public_url`, without a final slash.
    pub public_url: String,
}

/// How our own messages leave.
#[derive(Clone, Debug)]
pub struct Mail {
    /// Where to.
    pub route: MailRoute,
    /// `mail_from`.
    pub from: EmailAddress,
}

/// Where messages go.
#[derive(Clone, Debug)]
pub enum MailRoute {
    /// `smtp_url`.
    Smtp(String),
    /// `mail_dir`.
    Directory(PathBuf),
}

/// The `jwt_*` settings, all or none.
#[derive(Clone, Debug)]
pub struct Jwt {
    /// `jwt_issuer`.
    pub issuer: String,
    /// `jwt_audience`.
    pub audience: String,
    /// `jwt_jwks`.
    pub jwks: Jwks,
}

/// Where the issuer's keys are.
#[derive(Clone, Debug)]
pub enum Jwks {
    /// A file, read again when it changes.
    File(PathBuf),
    /// A URL, fetched again for an unknown key, once a minute at most.
    Url(Url),
}

/// `log` and `log_format`.
#[derive(Clone, Debug)]
pub struct Log {
    /// A tracing filter.
    pub filter: String,
    /// Whether lines are JSON.
    pub json: bool,
}

struct Reader<'a>(&'a Sources);

impl Reader<'_> {
    fn error(&self, name: &str, problem: impl Into<String>) -> ConfigError {
        ConfigError::Value { setting: self.0.called(name), problem: problem.into() }
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).filter(|text| !text.is_empty())
    }

    fn parsed<T: FromStr>(&self, name: &str, what: &str) -> Result<Option<T>, ConfigError> {
        self.text(name)
            .map(|text| text.trim().parse().map_err(|_| self.error(name, format!("{text:?} is not {what}"))))
            .transpose()
    }

    fn required<T: FromStr>(&self, name: &str, what: &str) -> Result<T, ConfigError> {
        self.parsed(name, what)?.ok_or_else(|| self.error(name, format!("is empty; give {what}")))
    }

    fn listed<T: FromStr>(&self, name: &str, what: &str) -> Result<Vec<T>, ConfigError> {
        let items = self.text(name).unwrap_or_default().split(',').map(str::trim).filter(|s| !s.is_empty());
        items
            .map(|item| item.parse().map_err(|_| self.error(name, format!("{item:?} is not {what}"))))
            .collect()
    }

    fn chosen<T: Copy>(&self, name: &str, choices: &[(&str, T)]) -> Result<T, ConfigError> {
        let text = self.text(name).unwrap_or_default();
        let found = choices.iter().find(|(word, _)| *word == text);
        found.map(|&(_, choice)| choice).ok_or_else(|| {
            let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
            self.error(name, format!("{text:?} is none of {}", words.join(", ")))
        })
    }

    /// Zero means no limit.
    fn limit(&self, name: &str) -> Result<Option<u32>, ConfigError> {
        Ok(Some(self.required::<u32>(name, "a whole number")?).filter(|&limit| limit != 0))
    }

    fn email(&self, name: &str) -> Result<Option<EmailAddress>, ConfigError> {
        self.text(name)
            .map(|text| EmailAddress::parse(text).map_err(|e| self.error(name, e.to_string())))
            .transpose()
    }
}

impl Config {
    /// Checks everything, so that a server that starts does not stumble later.
    ///
    /// # Errors
    /// The first setting that is wrong, with what it should be.
    pub fn from_sources(sources: &Sources) -> Result<Self, ConfigError> {
        let r = Reader(sources);
        let provider = provider(&r)?;
        let http = http(&r)?;
        let at_zone = |local: &str| {
            EmailAddress::parse(&format!("{local}@{}", provider.zone))
                .map_err(|e| r.error("zone", format!("makes no e-mail domain: {e}")))
        };
        let owner_email = r.email("owner_email")?.map_or_else(|| at_zone("postmaster"), Ok)?;
        let route = match r.text("smtp_url") {
            Some(url) => {
                let known = ["smtp://", "smtps://"].iter().any(|scheme| url.starts_with(scheme));
                if !known || Url::parse(url).is_err() {
                    return Err(r.error("smtp_url", "must be an smtp:// or smtps:// URL"));
                }
                MailRoute::Smtp(url.to_string())
            }
            None => MailRoute::Directory(r.required("mail_dir", "a directory")?),
        };
        let domain_connect_provider =
            r.parsed("domain_connect_provider", "a DNS name")?.unwrap_or_else(|| provider.zone.clone());
        let mail = Mail { route, from: r.email("mail_from")?.map_or_else(|| at_zone("signet"), Ok)? };
        Ok(Self {
            http,
            database_url: r.required("database_url", "a database URL")?,
            key_file: r.required("key_file", "a file")?,
            domain_connect_provider,
            helo: r.parsed("helo", "a host name")?,
            dns: Dns::read(&r, &provider)?,
            mail,
            policy_listen: r
                .parsed("policy_listen", "tcp:127.0.0.1:10040 or unix:/run/signet/policy.sock")?,
            grace: duration(r.text("grace").unwrap_or_default()).map_err(|e| r.error("grace", e))?,
            dkim_mode: r.chosen("dkim_mode", &DkimMode::ALL.map(|mode| (mode.as_str(), mode)))?,
            rotation: rotation::rules(&r)?,
            unverified_limit: r.limit("unverified_limit")?,
            jwt: jwt(&r)?,
            demo_allowance: r.required("demo_allowance", "a whole number")?,
            review_policy: review_policy(&r)?,
            review_allow_private: r.required("review_allow_private", "true or false")?,
            webhook_allow_private: r.required("webhook_allow_private", "true or false")?,
            card: card(&r)?,
            owner_email,
            log: Log {
                filter: r.required("log", "a log level")?,
                json: r
                    .chosen("log_format", &[("text", Some(false)), ("json", Some(true)), ("auto", None)])?
                    .unwrap_or_else(|| !std::io::IsTerminal::is_terminal(&std::io::stderr())),
            },
            provider,
        })
    }

    /// Defaults that follow from other settings, for `--print-config`.
    #[must_use]
    pub fn derived(&self, name: &str) -> Option<String> {
        match name {
            "demo_zone" => Some(self.provider.demo_zone.to_string()),
            "domain_connect_provider" => Some(self.domain_connect_provider.to_string()),
            "mail_from" => Some(self.mail.from.to_string()),
            "owner_email" => Some(self.owner_email.to_string()),
            "public_url" => Some(self.http.public_url.clone()),
            _ => None,
        }
    }
}

fn http(r: &Reader<'_>) -> Result<Http, ConfigError> {
    let listen: SocketAddr = r.required("listen", "an address such as 127.0.0.1:8080")?;
    let tls = match (r.parsed("tls_cert", "a file")?, r.parsed("tls_key", "a file")?) {
        (Some(cert), Some(key)) => Some((cert, key)),
        (None, None) => None,
        (Some(_), None) => return Err(r.error("tls_key", "is needed with the certificate")),
        (None, Some(_)) => return Err(r.error("tls_cert", "is needed with the key")),
    };
    let scheme = if tls.is_some() { "https" } else { "http" };
    let public_url = match r.text("public_url") {
        Some(text) => match Url::parse(text) {
            Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => {
                text.trim_end_matches('/').to_string()
            }
            _ => return Err(r.error("public_url", "must be an http:// or https:// URL")),
        },
        None => format!("{scheme}://{listen}"),
    };
    Ok(Http {
        listen,
        metrics_listen: r.parsed("metrics_listen", "an address such as 127.0.0.1:9090")?,
        tls,
        rate_limit: r.limit("rate_limit")?,
        public_url,
    })
}

fn provider(r: &Reader<'_>) -> Result<Provider, ConfigError> {
    let zone: Name = r.required("zone", "a DNS name")?;
    // `sg1.<16>.dkim.` and room for a long prefix; see Provider::host.
    if zone.as_str().len() > 180 || zone.labels() < 2 {
        return Err(r.error("zone", "must be a name of at least two labels and at most 180 characters"));
    }
    let demo_zone = match r.parsed("demo_zone", "a DNS name")? {
        Some(name) => name,
        None => zone.prepend("demo").ok_or_else(|| r.error("zone", "is too long"))?,
    };
    if zone != demo_zone && zone.is_at_or_below(&demo_zone) {
        return Err(
            r.error("demo_zone", format!("must not lie above our zone, {zone}, which would be part of it"))
        );
    }
    let prefix = r.text("record_prefix").unwrap_or_default().to_ascii_lowercase();
    let letters = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    if prefix.is_empty() || prefix.len() > 16 || !prefix.bytes().all(letters) {
        return Err(r.error("record_prefix", "must be 1 to 16 letters and digits"));
    }
    let sending_ips: Vec<IpAddr> = r.listed("sending_ips", "an IP address")?;
    if sending_ips.is_empty() {
        return Err(r.error("sending_ips", "needs at least one IP address"));
    }
    let modes =
        [("recommended", SpfMode::Recommended), ("required", SpfMode::Required), ("off", SpfMode::Off)];
    Ok(Provider {
        zone,
        prefix,
        demo_zone,
        spf_mode: r.chosen("spf_mode", &modes)?,
        dmarc_rua: r.email("dmarc_rua")?.map(String::from),
        sending_ips,
    })
}

fn card(r: &Reader<'_>) -> Result<CardSettings, ConfigError> {
    let secret = r.text("card_callback_secret").map(str::parse).transpose();
    let url = r.text("card_check_url").map(|url| {
        let example = Url::parse(&url.replace(card_check::REFERENCE, "reference"));
        let fits = example.is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        if !fits || !url.contains(card_check::REFERENCE) {
            return Err(r.error("card_check_url", "must be an https:// URL with {reference} in it"));
        }
        Ok(url.to_string())
    });
    let secret = secret.map_err(|e: String| r.error("card_callback_secret", e))?;
    Ok(CardSettings { secret, url: url.transpose()? })
}

fn review_policy(r: &Reader<'_>) -> Result<ReviewPolicy, ConfigError> {
    let Some(path) = r.text("review_policy") else {
        return Ok(ReviewPolicy::built_in());
    };
    let text = std::fs::read_to_string(path).map_err(|e| r.error("review_policy", format!("{path}: {e}")))?;
    ReviewPolicy::parse(&text).map_err(|e| r.error("review_policy", format!("{path}: {e}")))
}

fn jwt(r: &Reader<'_>) -> Result<Option<Jwt>, ConfigError> {
    let (issuer, audience, jwks) = (r.text("jwt_issuer"), r.text("jwt_audience"), r.text("jwt_jwks"));
    let (issuer, audience, jwks) = match (issuer, audience, jwks) {
        (None, None, None) => return Ok(None),
        (Some(issuer), Some(audience), Some(jwks)) => (issuer, audience, jwks),
        (None, ..) => return Err(r.error("jwt_issuer", "is needed with the other jwt settings")),
        (_, None, _) => return Err(r.error("jwt_audience", "is needed with the other jwt settings")),
        (.., None) => return Err(r.error("jwt_jwks", "is needed with the other jwt settings")),
    };
    let jwks = match Url::parse(jwks) {
        Ok(url) if url.scheme() == "https" => Jwks::Url(url),
        Ok(url) if url.scheme() == "http" && is_loopback(&url) => Jwks::Url(url),
        Ok(url) if url.scheme() == "http" => {
            return Err(r.error("jwt_jwks", "must be https:// unless on loopback"));
        }
        Ok(url) if url.scheme() == "file" => Jwks::File(
            url.to_file_path().map_err(|()| r.error("jwt_jwks", "is no file URL of this machine"))?,
        ),
        _ => Jwks::File(PathBuf::from(jwks)),
    };
    Ok(Some(Jwt { issuer: issuer.to_string(), audience: audience.to_string(), jwks }))
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

/// Reads `90s`, `30m`, `72h`, `365d`.
///
/// # Errors
/// A sentence that says what is expected.
pub fn duration(text: &str) -> Result<SignedDuration, String> {
    let text = text.trim();
    let problem = || format!("{text:?} is no duration; write 90s, 30m, 72h or 365d");
    let (number, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or_else(problem)?;
    let factor = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return Err(problem()),
    };
    let number: u32 = number.parse().map_err(|_| problem())?;
    Ok(SignedDuration::from_secs(i64::from(number) * factor))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(env: &[(&str, &str)]) -> Result<Config, String> {
        let env = env.iter().map(|(k, v)| ((*k).to_string(), (*v).to_string()));
        let sources = Sources::read(None, env, []).map_err(|e| e.to_string())?;
        Config::from_sources(&sources).map_err(|e| e.to_string())
    }

    #[test]
    fn it_runs_from_nothing() {
        let config = config(&[]).unwrap();
        assert_eq!(config.owner_email.as_str(), "postmaster@signet.test");
        assert_eq!(config.provider.demo_zone.as_str(), "demo.signet.test");
        assert_eq!(config.http.public_url, "http://127.0.0.1:8080");
        assert_eq!(config.http.rate_limit, Some(150));
        assert_eq!(config.grace, SignedDuration::from_hours(72));
        assert!(!config.dns.recursive && config.jwt.is_none());
    }

    #[test]
    fn errors_name_the_setting() {
        for (variable, value) in [
            ("SIGNET_LISTEN", "8080"),
            ("SIGNET_ZONE", "test"),
            ("SIGNET_SENDING_IPS", "192.0.2.1,x"),
            ("SIGNET_SENDING_IPS", ","),
            ("SIGNET_DNS_RESOLVERS", "dns.example:53"),
            ("SIGNET_DNS_MODE", "both"),
            ("SIGNET_DNS_ALLOW_PRIVATE", "yes"),
            ("SIGNET_REVIEW_POLICY", "/nowhere/at/all.toml"),
            ("SIGNET_REVIEW_ALLOW_PRIVATE", "yes"),
            ("SIGNET_WEBHOOK_ALLOW_PRIVATE", "1"),
            ("SIGNET_CARD_CALLBACK_SECRET", "secret"),
            ("SIGNET_CARD_CHECK_URL", "https://pay.example/"),
            ("SIGNET_CARD_CHECK_URL", "{reference}"),
            ("SIGNET_SPF_MODE", "strict"),
            ("SIGNET_DOMAIN_CONNECT_PROVIDER", "a b"),
            ("SIGNET_DMARC_RUA", "postmaster"),
            ("SIGNET_POLICY_LISTEN", "unix:policy.sock"),
            ("SIGNET_GRACE", "72"),
            ("SIGNET_DKIM_ROTATION", "6 months"),
            ("SIGNET_DKIM_ROTATION", "0s"),
            ("SIGNET_DKIM_KEEP", "7"),
            ("SIGNET_DKIM_REVOKED", "x"),
            ("SIGNET_DKIM_KEY", "rsa1024"),
            ("SIGNET_DKIM_KEY", "ed25519"),
            ("SIGNET_DKIM_ED25519", "yes"),
            ("SIGNET_SMTP_URL", "mail.example"),
            ("SIGNET_RATE_LIMIT", "-1"),
            ("SIGNET_TLS_CERT", "cert.pem"),
            ("SIGNET_JWT_ISSUER", "https://id.example"),
            ("SIGNET_PUBLIC_URL", "signet.example"),
            ("SIGNET_RECORD_PREFIX", "s_g"),
        ] {
            let error = config(&[(variable, value)]).map(|_| ()).unwrap_err();
            let named = match variable {
                "SIGNET_TLS_CERT" => "SIGNET_TLS_KEY",
                "SIGNET_JWT_ISSUER" => "SIGNET_JWT_AUDIENCE",
                other => other,
            };
            assert!(error.starts_with(named), "{variable}={value}: {error}");
        }
    }

    #[test]
    fn zero_is_no_limit() {
        let config = config(&[("SIGNET_RATE_LIMIT", "0"), ("SIGNET_UNVERIFIED_LIMIT", "0")]).unwrap();
        assert_eq!((config.http.rate_limit, config.unverified_limit), (None, None));
    }

    #[test]
    fn durations() {
        assert_eq!(duration("90s"), Ok(SignedDuration::from_secs(90)));
        assert_eq!(duration("365d"), Ok(SignedDuration::from_hours(365 * 24)));
        for bad in ["", "h", "72", "-1h", "1.5h", "1w", "é"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }
}
