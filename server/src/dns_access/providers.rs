//! How zones can be written to, and what each way wants to be given.

use dns_update::{DnsUpdater, providers::ovh::OvhEndpoint};
use std::{collections::BTreeMap, time::Duration};
use zeroize::Zeroizing;

/// The longest value of a field, in bytes.
const MAX_VALUE: usize = 4096;
/// How long an API may take for one request.
const REQUEST: Option<Duration> = Some(Duration::from_secs(15));

/// What a provider wants to be given, by name.
#[derive(Clone, Default)]
pub struct Values(BTreeMap<String, Zeroizing<String>>);

impl std::fmt::Debug for Values {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl<N: Into<String>> FromIterator<(N, String)> for Values {
    fn from_iter<I: IntoIterator<Item = (N, String)>>(pairs: I) -> Self {
        Self(pairs.into_iter().map(|(name, value)| (name.into(), Zeroizing::new(value))).collect())
    }
}

impl Values {
    /// The value of a field; empty where it was left out.
    #[must_use]
    pub fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", |value| value.as_str())
    }

    fn given(&self, name: &str) -> Option<&str> {
        Some(self.get(name)).filter(|value| !value.is_empty())
    }

    /// The text with `***` for every secret in it.
    pub(super) fn hidden_in(&self, provider: &Provider, text: &str) -> String {
        let secrets = provider.fields.iter().filter(|field| field.secret);
        let mut secrets: Vec<&str> = secrets.filter_map(|field| self.given(field.name)).collect();
        // One may be part of another.
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        secrets.into_iter().fold(text.to_string(), |text, secret| text.replace(secret, "***"))
    }

    /// Those of the provider's fields that are secret, or those that are not.
    #[must_use]
    pub fn of(&self, provider: &Provider, secret: bool) -> BTreeMap<String, String> {
        let fields = provider.fields.iter().filter(|field| field.secret == secret);
        let given =
            fields.filter_map(|field| Some((field.name.to_string(), self.given(field.name)?.to_string())));
        given.collect()
    }
}

/// Something a provider wants to be given.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// In `credentials`.
    pub name: &'static str,
    /// Whether it is sealed and never shown again.
    pub secret: bool,
    /// Whether it may be left out.
    pub optional: bool,
    /// What it is, for people.
    pub what: &'static str,
}

/// How a provider's zones are written to.
#[derive(Clone, Copy)]
pub enum Way {
    /// DNS UPDATE, signed with TSIG.
    Update,
    /// Its own API, by the library.
    Api(fn(&Values) -> Result<DnsUpdater, String>, Sets),
}

/// How the library gives a name other records of one type, through an API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sets {
    /// In one request.
    AtOnce,
    /// In one request per record: first all that go are deleted, then those that
    /// come are made.
    OneByOne,
}

/// A way to write to a zone.
#[derive(Clone, Copy)]
pub struct Provider {
    /// On the wire.
    pub id: &'static str,
    /// For people.
    pub name: &'static str,
    /// What it wants.
    pub fields: &'static [Field],
    /// See [`Way`].
    pub way: Way,
    /// Whether its address is the account's to choose and the library's to
    /// connect to, which cannot be kept from private ones.
    pub only_where_private_is_allowed: bool,
}

impl std::fmt::Debug for Provider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.id)
    }
}

const fn secret(name: &'static str, what: &'static str) -> Field {
    Field { name, secret: true, optional: false, what }
}

const fn plain(name: &'static str, what: &'static str) -> Field {
    Field { name, secret: false, optional: false, what }
}

const fn optional(name: &'static str, what: &'static str) -> Field {
    Field { name, secret: false, optional: true, what }
}

/// A provider with an API.
macro_rules! api {
    ($id:literal, $name:literal, $sets:ident, [$($field:expr),+], |$values:ident| $make:expr) => {
        Provider {
            id: $id,
            name: $name,
            fields: &[$($field),+],
            way: Way::Api(
                |$values: &Values| $make.map_err(|error: dns_update::Error| error.to_string()),
                Sets::$sets,
            ),
            only_where_private_is_allowed: false,
        }
    };
}

const TOKEN: Field = secret("api_token", "an API token that may change the zone's records");
const KEY: Field = secret("api_key", "an API key that may change the zone's records");
const SECRET: Field = secret("api_secret", "the secret that belongs to the key");

/// Every way there is, in the order they are shown.
pub const PROVIDERS: &[Provider] = &[
    Provider {
        id: "rfc2136",
        name: "DNS UPDATE (RFC 2136)",
        fields: &[
            plain(
                "server",
                "the primary name server, an address or a host name, with a port if it is not 53",
            ),
            plain("key_name", "the name of the TSIG key"),
            optional("algorithm", "hmac-sha256, hmac-sha384 or hmac-sha512; hmac-sha256 where left out"),
            secret("key_secret", "the secret of the TSIG key, in base64"),
        ],
        way: Way::Update,
        only_where_private_is_allowed: false,
    },
    api!("cloudflare", "Cloudflare", OneByOne, [TOKEN], |v| DnsUpdater::new_cloudflare(
        v.get("api_token"),
        REQUEST
    )),
    api!("desec", "deSEC", AtOnce, [TOKEN], |v| DnsUpdater::new_desec(v.get("api_token"), REQUEST)),
    api!("digitalocean", "DigitalOcean", OneByOne, [TOKEN], |v| {
        DnsUpdater::new_digitalocean(v.get("api_token"), REQUEST)
    }),
    api!("dnsimple", "DNSimple", OneByOne, [TOKEN, plain("account_id", "the number of the account")], |v| {
        DnsUpdater::new_dnsimple(v.get("api_token"), v.get("account_id"), REQUEST)
    }),
    api!("gandi", "Gandi LiveDNS", AtOnce, [TOKEN], |v| DnsUpdater::new_gandiv5(v.get("api_token"), REQUEST)),
    api!("godaddy", "GoDaddy", AtOnce, [KEY, SECRET], |v| {
        DnsUpdater::new_godaddy(v.get("api_key"), v.get("api_secret"), REQUEST)
    }),
    api!("hetzner", "Hetzner", AtOnce, [TOKEN], |v| DnsUpdater::new_hetzner(v.get("api_token"), REQUEST)),
    api!("infomaniak", "Infomaniak", OneByOne, [TOKEN], |v| DnsUpdater::new_infomaniak(
        v.get("api_token"),
        REQUEST
    )),
    api!("ionos", "IONOS", OneByOne, [KEY], |v| DnsUpdater::new_ionos(v.get("api_key"), REQUEST)),
    api!("linode", "Akamai (Linode)", OneByOne, [TOKEN], |v| DnsUpdater::new_linode(
        v.get("api_token"),
        REQUEST
    )),
    api!("netlify", "Netlify", OneByOne, [TOKEN], |v| DnsUpdater::new_netlify(v.get("api_token"), REQUEST)),
    api!("ns1", "NS1", AtOnce, [KEY], |v| DnsUpdater::new_ns1(v.get("api_key"), REQUEST)),
    api!(
        "ovh",
        "OVHcloud",
        OneByOne,
        [
            optional("endpoint", "ovh-eu, ovh-us, ovh-ca and so on; ovh-eu where left out"),
            plain("application_key", "the application's key"),
            secret("application_secret", "the application's secret"),
            secret("consumer_key", "the consumer key")
        ],
        |v| {
            let endpoint: Result<OvhEndpoint, _> = v.given("endpoint").unwrap_or("ovh-eu").parse();
            endpoint.and_then(|endpoint| {
                DnsUpdater::new_ovh(
                    v.get("application_key"),
                    v.get("application_secret"),
                    v.get("consumer_key"),
                    endpoint,
                    REQUEST,
                )
            })
        }
    ),
    api!("porkbun", "Porkbun", OneByOne, [KEY, SECRET], |v| {
        DnsUpdater::new_porkbun(v.get("api_key"), v.get("api_secret"), REQUEST)
    }),
    Provider {
        only_where_private_is_allowed: true,
        ..api!(
            "powerdns",
            "PowerDNS",
            AtOnce,
            [
                plain("url", "the address of its API, as in http://192.0.2.53:8081"),
                optional("server_id", "the server's id in it; localhost where left out"),
                KEY
            ],
            |v| DnsUpdater::new_pdns(v.get("api_key"), Some(v.get("url")), v.given("server_id"), REQUEST)
        )
    },
    api!("scaleway", "Scaleway", AtOnce, [TOKEN], |v| DnsUpdater::new_scaleway(v.get("api_token"), REQUEST)),
    api!("vultr", "Vultr", OneByOne, [KEY], |v| DnsUpdater::new_vultr(v.get("api_key"), REQUEST)),
];

impl Provider {
    /// The one with this id, where it may be used.
    #[must_use]
    pub fn find(id: &str, allow_private: bool) -> Option<&'static Self> {
        let offered = |provider: &&Self| allow_private || !provider.only_where_private_is_allowed;
        PROVIDERS.iter().filter(offered).find(|provider| provider.id == id)
    }

    /// What is wrong with these values, if anything is.
    #[must_use]
    pub fn object_to(&self, values: &Values) -> Vec<String> {
        let mut wrong = Vec::new();
        for name in values.0.keys() {
            if !self.fields.iter().any(|field| field.name == name) {
                let known: Vec<&str> = self.fields.iter().map(|field| field.name).collect();
                let shown: String = name.chars().take(40).collect();
                wrong.push(format!("has {shown:?}, which is none of {}", known.join(", ")));
            }
        }
        for field in self.fields {
            match values.get(field.name) {
                "" if field.optional => {}
                "" => wrong.push(format!("needs {}: {}", field.name, field.what)),
                value if value.len() > MAX_VALUE => {
                    wrong.push(format!("has a {} that is too long: at most {MAX_VALUE} bytes", field.name));
                }
                // They go into HTTP headers and URLs.
                value if !value.bytes().all(|byte| byte.is_ascii_graphic()) => wrong.push(format!(
                    "has a {} with blanks or other characters that cannot be in it",
                    field.name
                )),
                // It is shown, and no place for what is secret.
                value if field.name == "url" && !is_plain_url(value) => wrong.push(
                    "has a url that is none, or has more in it than a host, a port and a path".to_string(),
                ),
                _ => {}
            }
        }
        if wrong.is_empty() {
            let made = match self.way {
                Way::Update => super::update::read(values).map(drop),
                Way::Api(make, _) => make(values).map(drop),
            };
            wrong.extend(made.err().map(|reason| values.hidden_in(self, &reason)));
        }
        wrong
    }
}

fn is_plain_url(text: &str) -> bool {
    url::Url::parse(text).is_ok_and(|url| {
        let plain = url.username().is_empty() && url.password().is_none();
        let plain = plain && url.query().is_none() && url.fragment().is_none();
        plain && url.has_host() && matches!(url.scheme(), "http" | "https")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(provider: &Provider) -> Values {
        let value = |field: &Field| match field.name {
            "endpoint" => "ovh-ca".to_string(),
            "algorithm" => "hmac-sha512".to_string(),
            "server" => "192.0.2.53:5353".to_string(),
            "url" => "http://192.0.2.53:8081".to_string(),
            _ => "c2VjcmV0".to_string(),
        };
        provider.fields.iter().map(|field| (field.name, value(field))).collect()
    }

    #[test]
    fn each_provider_takes_what_it_says_it_wants() {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        for provider in PROVIDERS {
            let values = filled(provider);
            assert_eq!(provider.object_to(&values), Vec::<String>::new(), "{provider:?}");
            assert!(provider.fields.iter().any(|field| field.secret), "{provider:?}");
            for field in provider.fields.iter().filter(|field| !field.optional) {
                let mut lacking = values.clone();
                lacking.0.remove(field.name);
                assert_eq!(provider.object_to(&lacking).len(), 1, "{provider:?} without {}", field.name);
                lacking.0.insert(field.name.to_string(), Zeroizing::new("a b".to_string()));
                assert_eq!(provider.object_to(&lacking).len(), 1, "{provider:?} with a bad {}", field.name);
            }
            let more = values.0.clone().into_iter().map(|(name, value)| (name, value.to_string()));
            let more: Values = more.chain([("more".to_string(), "x".to_string())]).collect();
            assert_eq!(provider.object_to(&more).len(), 1);
            let (plain, secret) = (values.of(provider, false), values.of(provider, true));
            assert_eq!(plain.len() + secret.len(), provider.fields.len());
        }
    }

    #[test]
    fn each_makes_the_right_updater() {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let made = |id: &str| match Provider::find(id, true).unwrap().way {
            Way::Api(make, _) => make(&filled(Provider::find(id, true).unwrap())).unwrap(),
            Way::Update => panic!("{id}"),
        };
        assert!(matches!(made("cloudflare"), DnsUpdater::Cloudflare(_)));
        assert!(matches!(made("desec"), DnsUpdater::Desec(_)));
        assert!(matches!(made("digitalocean"), DnsUpdater::DigitalOcean(_)));
        assert!(matches!(made("dnsimple"), DnsUpdater::DNSimple(_)));
        assert!(matches!(made("gandi"), DnsUpdater::GandiV5(_)));
        assert!(matches!(made("godaddy"), DnsUpdater::Godaddy(_)));
        assert!(matches!(made("hetzner"), DnsUpdater::Hetzner(_)));
        assert!(matches!(made("infomaniak"), DnsUpdater::Infomaniak(_)));
        assert!(matches!(made("ionos"), DnsUpdater::Ionos(_)));
        assert!(matches!(made("linode"), DnsUpdater::Linode(_)));
        assert!(matches!(made("netlify"), DnsUpdater::Netlify(_)));
        assert!(matches!(made("ns1"), DnsUpdater::Ns1(_)));
        assert!(matches!(made("ovh"), DnsUpdater::Ovh(_)));
        assert!(matches!(made("porkbun"), DnsUpdater::Porkbun(_)));
        assert!(matches!(made("powerdns"), DnsUpdater::Pdns(_)));
        assert!(matches!(made("scaleway"), DnsUpdater::Scaleway(_)));
        assert!(matches!(made("vultr"), DnsUpdater::Vultr(_)));
    }

    #[test]
    fn a_url_that_is_shown_has_no_secret_in_it() {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let powerdns = Provider::find("powerdns", true).unwrap();
        for (url, taken) in [
            ("http://192.0.2.53:8081", true),
            ("https://dns.example.com/pdns", true),
            ("http://user:SECRET@192.0.2.53:8081", false),
            ("http://SECRET@192.0.2.53:8081", false),
            ("http://192.0.2.53:8081/?key=SECRET", false),
            ("ftp://192.0.2.53", false),
            ("192.0.2.53", false),
        ] {
            let values = [("url", url), ("api_key", "x")].map(|(name, value)| (name, value.to_string()));
            let wrong = powerdns.object_to(&values.into_iter().collect());
            assert_eq!(wrong.is_empty(), taken, "{url}: {wrong:?}");
            assert!(!wrong.concat().contains("SECRET"), "{wrong:?}");
        }
    }

    #[test]
    fn nothing_is_shown_of_a_value() {
        let values: Values = [("api_token", "hunter2".to_string())].into_iter().collect();
        assert_eq!(format!("{values:?}"), r#"{"api_token"}"#);
        assert!(Provider::find("powerdns", false).is_none());
        assert!(Provider::find("none", true).is_none());
    }
}
