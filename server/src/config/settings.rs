//! Every setting, with its default, in one place.

use super::Shown;

/// A setting as people write it: `name` in `signet.toml`, `SIGNET_NAME` in the
/// environment, `--na-me` as a flag.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Lower case, underscores.
    pub name: &'static str,
    /// `None`: unset, or derived from others as `help` says.
    pub default: Option<&'static str>,
    /// How much of its value is printed.
    pub shown: Shown,
    /// What it is for.
    pub help: &'static str,
}

impl Setting {
    const fn new(name: &'static str, default: &'static str, help: &'static str) -> Self {
        Self { name, default: Some(default), shown: Shown::Whole, help }
    }

    const fn unset(name: &'static str, help: &'static str) -> Self {
        Self { name, default: None, shown: Shown::Whole, help }
    }

    /// A secret, of which nothing is printed.
    const fn secret(self) -> Self {
        Self { shown: Shown::Nothing, ..self }
    }

    /// A URL that may have a password in it.
    const fn with_credentials(self) -> Self {
        Self { shown: Shown::WithoutCredentials, ..self }
    }

    /// The name of its environment variable.
    #[must_use]
    pub fn variable(&self) -> String {
        format!("SIGNET_{}", self.name.to_ascii_uppercase())
    }

    /// The name of its flag, without the dashes.
    #[must_use]
    pub fn flag(&self) -> String {
        self.name.replace('_', "-")
    }
}

/// All of them, in the order they are printed.
pub const SETTINGS: &[Setting] = &[
    Setting::new("listen", "127.0.0.1:8080", "address of the HTTP API"),
    Setting::unset("tls_cert", "PEM file with the certificate chain; with tls_key the API is HTTPS"),
    Setting::unset("tls_key", "PEM file with the certificate's private key"),
    Setting::unset("metrics_listen", "address for /metrics alone; unset: with the API"),
    Setting::new("database_url", "sqlite:signet.db", "sqlite:FILE or postgres://…").with_credentials(),
    Setting::new("key_file", "./signet.key", "key-encryption key; made only together with an empty database"),
    Setting::new("zone", "signet.test", "the provider's own DNS zone, which customers' records point into"),
    Setting::new("sending_ips", "192.0.2.1,2001:db8::1", "addresses our mail leaves from"),
    Setting::unset("helo", "name our mail servers greet with; unset: what each sending address is called"),
    Setting::new("record_prefix", "sg", "first letters of every record name we issue"),
    Setting::unset("dns_resolvers", "ip:port,… of recursive resolvers; unset: the system's"),
    Setting::new(
        "dns_mode",
        "authoritative",
        "authoritative: ask the zones' own servers; recursive: believe the resolvers",
    ),
    Setting::new("dns_authority_port", "53", "port of authoritative servers (others are for tests)"),
    Setting::new(
        "dns_allow_private",
        "false",
        "ask name servers on private, link-local or loopback addresses",
    ),
    Setting::unset(
        "dns_listen",
        "address to serve our own zone on, UDP and TCP, such as [::]:53 for all; unset: off",
    ),
    Setting::unset("dns_secondaries", "ip:port,… of name servers to tell when our zone changes (NOTIFY)"),
    Setting::unset("dns_tsig", "name:hmac-sha256:secret that secondaries take our zone with (AXFR)").secret(),
    Setting::unset(
        "dns_name_servers",
        "our zone's name servers, the primary first: ns1.ZONE=192.0.2.53,ns2.example.net; unset: ns1.<zone>",
    ),
    Setting::new(
        "dns_rate_limit",
        "50",
        "answers of one kind per second over UDP to one network without a cookie; 0: no limit",
    ),
    Setting::new("dns_cache", "256MiB", "memory for our zone's domains lately asked for"),
    Setting::new(
        "tracking_caa",
        "letsencrypt.org",
        "certificate authorities that may issue for customers' link hosts; none: any may",
    ),
    Setting::new("spf_mode", "recommended", "SPF at the domain itself: recommended, required or off"),
    Setting::new(
        "dkim_mode",
        "delegated",
        "of new domains: delegated: CNAMEs to the keys in our zone; raw: their owners publish the keys as TXT",
    ),
    Setting::unset("dmarc_rua", "reporting address put into the DMARC record we ask for"),
    Setting::unset("domain_connect_provider", "providerId of our Domain Connect template; unset: the zone"),
    Setting::new("grace", "72h", "from a confirmed loss of a record to the loss of verification"),
    Setting::new(
        "dkim_rotation",
        "180d",
        "how long a DKIM key signs before the next takes over; never: until asked",
    ),
    Setting::new("dkim_keep", "7d", "how long the record of a replaced key stays, for mail under way"),
    Setting::new("dkim_revoked", "30d", "how long the record then says that the key is revoked"),
    Setting::new("dkim_key", "rsa2048", "what DKIM keys are made with: rsa2048 or rsa4096"),
    Setting::new("dkim_ed25519", "false", "sign with an Ed25519 key beside the RSA key"),
    Setting::unset("smtp_url", "smtp://…, smtps://… or smtp://…?tls=required; unset: files in mail_dir")
        .with_credentials(),
    Setting::new("mail_dir", "./outbox", "where messages go as .eml files without smtp_url"),
    Setting::unset("mail_from", "sender of our own messages; unset: signet@<zone>"),
    Setting::unset("public_url", "where people reach us, for links in messages; unset: from listen"),
    Setting::new("rate_limit", "150", "requests per token per 10 s; 0: no limit"),
    Setting::new("unverified_limit", "50", "unverified domains per account; 0: no limit"),
    Setting::unset("jwt_issuer", "issuer whose Bearer JWTs are taken"),
    Setting::unset("jwt_audience", "audience those JWTs must name"),
    Setting::unset("jwt_jwks", "file or https:// URL with the issuer's keys (JWKS)"),
    Setting::unset(
        "policy_listen",
        "tcp:ADDRESS:PORT or unix:/PATH for Postfix policy delegation; unset: off",
    ),
    Setting::unset("review_policy", "file with the rules of the automatic review; unset: the built-in ones"),
    Setting::new(
        "review_allow_private",
        "false",
        "look at websites on private, link-local or loopback addresses when reviewing",
    ),
    Setting::new(
        "webhook_allow_private",
        "false",
        "send webhooks to private, link-local or loopback addresses",
    ),
    Setting::unset("demo_zone", "zone of the accounts' demo domains; unset: demo.<zone>"),
    Setting::new("demo_allowance", "50", "messages a demo domain may send"),
    Setting::unset(
        "card_check_url",
        "where owners pass a card check, with {reference}; unset: you tell them",
    ),
    Setting::unset(
        "card_callback_secret",
        "whsec_… that callbacks about card checks are signed with; unset: none",
    )
    .secret(),
    Setting::unset("owner_email", "owner of the first account; unset: postmaster@<zone>"),
    Setting::new(
        "log",
        "info,hickory_proto=error,rustls_platform_verifier=off",
        "what is logged: error, warn, info, debug, or a tracing filter",
    ),
    Setting::new("log_format", "auto", "text, json, or auto: text on a terminal"),
];
