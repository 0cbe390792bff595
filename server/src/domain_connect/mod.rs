//! Domain Connect (draft-ietf-dconn-domainconnect): whether a zone's DNS host
//! publishes records by itself once its customer agrees, and the link where
//! they do. Only the synchronous flow; it needs no contract with any host.
//!
//! Who is asked is what a customer's zone says, and what is believed of the
//! answer is held against the same rules as everything that customers name
//! ([`crate::fetch`]): `https`, public addresses, a bound on size and time.

mod document;
mod key;
mod offer;
#[cfg(test)]
mod tests;

pub use document::document;
pub use key::{SigningKey, UnusableKey};
pub use offer::{DnsProvider, Refusal};

use crate::fetch::{FetchError, Fetcher, Limits};
use jiff::{SignedDuration, Timestamp};
use signet_core::{domain_connect::encoded, names::Name};
use signet_dns::ask::Asker;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::sync::Semaphore;
use url::Url;

/// How long finding out may take, all questions together.
const PATIENCE: Duration = Duration::from_secs(5);
/// Bytes of a host's settings that are read; real ones have some hundred.
const SETTINGS_BYTES: usize = 64 << 10;
/// TXT records of one name that are looked at.
const TEXTS: usize = 8;
/// Zones that are asked about at one time.
const AT_ONCE: usize = 16;
/// Zones that are remembered.
const REMEMBERED: usize = 1024;

/// Finds out what the DNS host of a zone offers, and remembers it for a while.
#[derive(Debug)]
pub struct Discovery {
    asker: Asker,
    fetcher: Fetcher,
    /// Lets a zone name a host on a private address and one without TLS: for
    /// tests and closed networks.
    allow_private: bool,
    remembered: Mutex<HashMap<Name, Remembered>>,
    under_way: Semaphore,
}

#[derive(Clone, Debug)]
struct Remembered {
    at: Timestamp,
    found: Result<Arc<DnsProvider>, Refusal>,
}

impl Remembered {
    /// Offers change seldom; trouble passes.
    fn holds(&self, now: Timestamp) -> bool {
        let kept = match &self.found {
            Ok(_) => SignedDuration::from_hours(1),
            Err(Refusal::Unreachable(_)) => SignedDuration::from_mins(1),
            Err(_) => SignedDuration::from_mins(10),
        };
        let age = now.duration_since(self.at);
        (SignedDuration::ZERO..kept).contains(&age)
    }
}

/// Our template's name at every host.
#[derive(Clone, Copy, Debug)]
pub struct TemplateName<'a> {
    /// Its `providerId`: us.
    pub provider: &'a str,
    /// Its `serviceId`.
    pub service: &'a str,
}

impl TemplateName<'_> {
    /// Its path below a host's URLs.
    fn path(&self) -> String {
        format!("v2/domainTemplates/providers/{}/services/{}", encoded(self.provider), encoded(self.service))
    }
}

impl Discovery {
    /// One that looks names up through the resolvers of `asker`.
    #[must_use]
    pub fn new(asker: Asker, allow_private: bool) -> Self {
        Self {
            fetcher: Fetcher::new(asker.clone(), allow_private),
            asker,
            allow_private,
            remembered: Mutex::default(),
            under_way: Semaphore::new(AT_ONCE),
        }
    }

    /// Who runs the zone's DNS, if they support our template. Answers within 5 s.
    ///
    /// # Errors
    /// [`Refusal`]: why there can be no link.
    pub async fn find(
        &self,
        zone: &Name,
        template: TemplateName<'_>,
        now: Timestamp,
    ) -> Result<Arc<DnsProvider>, Refusal> {
        if let Some(known) = self.known(zone, now) {
            return known;
        }
        // Nobody waits in line for hosts that do not answer.
        let Ok(_place) = self.under_way.try_acquire() else {
            return Err(Refusal::Unreachable("too many are being asked just now".to_string()));
        };
        let asked = tokio::time::timeout(PATIENCE, self.ask(zone, template)).await;
        let found =
            asked.unwrap_or_else(|_| Err(Refusal::Unreachable("it did not answer in time".to_string())));
        let found = found.map(Arc::new);
        self.remember(zone, Remembered { at: now, found: found.clone() });
        found
    }

    fn known(&self, zone: &Name, now: Timestamp) -> Option<Result<Arc<DnsProvider>, Refusal>> {
        let remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        remembered.get(zone).filter(|known| known.holds(now)).map(|known| known.found.clone())
    }

    fn remember(&self, zone: &Name, known: Remembered) {
        let mut remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        if remembered.len() >= REMEMBERED {
            remembered.retain(|_, other| other.holds(known.at));
        }
        if remembered.len() >= REMEMBERED {
            // Asked again is cheaper than to keep order.
            remembered.clear();
        }
        remembered.insert(zone.clone(), known);
    }

    async fn ask(&self, zone: &Name, template: TemplateName<'_>) -> Result<DnsProvider, Refusal> {
        let limits = |body_bytes| Limits { timeout: PATIENCE, body_bytes };
        let base = self.place(zone).await?;
        let settings = below(&base, &format!("v2/{zone}/settings"));
        let answer = self.fetcher.get_json(&settings, limits(SETTINGS_BYTES)).await;
        let answer = answer.map_err(unreachable)?;
        match answer.status {
            200..300 => {}
            // A record left from a host the zone has left.
            404 => return Err(Refusal::NotOffered),
            status => return Err(Refusal::Unreachable(format!("it answered with status {status}"))),
        }
        let provider = DnsProvider::read(&answer.body, self.allow_private)?;
        let query = below(provider.api(), &template.path());
        let answer = self.fetcher.get_json(&query, limits(0)).await;
        let answer = answer.map_err(unreachable)?;
        match answer.status {
            200..300 => Ok(provider),
            404 => Err(Refusal::TemplateUnknown(provider.name().to_string())),
            status => Err(Refusal::Unreachable(format!("it answered with status {status}"))),
        }
    }

    /// Where the zone says that its DNS host's Domain Connect is.
    async fn place(&self, zone: &Name) -> Result<Url, Refusal> {
        let name = zone.prepend("_domainconnect").ok_or(Refusal::NotOffered)?;
        let texts = self.asker.texts(&name).await;
        let texts =
            texts.map_err(|failure| Refusal::Unreachable(format!("its name: the resolver {failure}")))?;
        let place = texts.iter().take(TEXTS).find_map(|text| offer::place(text, self.allow_private));
        place.ok_or(Refusal::NotOffered)
    }
}

fn unreachable(error: FetchError) -> Refusal {
    Refusal::Unreachable(format!("its service {error}"))
}

/// `path` below a URL that may have a path of its own.
fn below(base: &Url, path: &str) -> Url {
    let mut url = base.clone();
    url.set_path(&format!("{}/{path}", base.path().trim_end_matches('/')));
    url
}

/// The link at which the zone's owner applies the template: `query` says to what.
#[must_use]
pub fn link(provider: &DnsProvider, template: TemplateName<'_>, query: &str, key: &SigningKey) -> String {
    let apply = below(provider.sync(), &format!("{}/apply", template.path()));
    let signature = encoded(&key.sign(query));
    // What is signed are the parameters as they stand in the address, without
    // these two.
    format!("{apply}?{query}&sig={signature}&key={}", signet_core::domain_connect::KEY_HOST)
}
