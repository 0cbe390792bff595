//! The link at which an owner has their DNS host publish the records.

use super::{Actor, Ops, Refused, Result};
use crate::{
    domain_connect::{Discovery, Refusal, SigningKey, TemplateName, UnusableKey, link},
    keys::KeyFile,
    store::{Domain, DomainId, StoreError},
};
use signet_core::{
    domain_connect::{Known, SERVICE, fitting, key_texts, query},
    plan::RecordKey,
    verify::Verdict,
};
use std::sync::Arc;

/// Under what the key is kept.
const KEY: &str = "domain_connect_key";

/// What a domain's DNS host offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Offer {
    /// It publishes the records itself.
    Link {
        /// Where the owner agrees to that.
        url: String,
        /// Who it is, as people know it.
        dns_host: String,
        /// The records it publishes then.
        records: Vec<RecordKey>,
        /// How wide and high it wants its window, in pixels.
        window: (u32, u32),
    },
    /// It does not.
    Nothing {
        /// One stable word.
        code: &'static str,
        /// Why, for the owner.
        reason: String,
        /// Who it is, where that is known.
        dns_host: Option<String>,
    },
}

impl Offer {
    fn nothing(code: &'static str, reason: &str) -> Self {
        Self::Nothing { code, reason: reason.to_string(), dns_host: None }
    }
}

impl Ops {
    /// What the DNS host of a domain offers. Answers within some five seconds.
    ///
    /// # Errors
    /// [`Refused::NotFound`].
    pub async fn domain_connect(&self, actor: &Actor, id: DomainId) -> Result<Offer> {
        let (domain, verdicts, _) = self.report(actor, id).await?;
        if domain.demo {
            return Ok(Offer::nothing(
                "demo",
                "The demo domain needs no set-up: its records are in our own zone.",
            ));
        }
        let Some(zone) = &domain.zone else {
            return Ok(Offer::nothing(
                "zone_unknown",
                "The domain's zone has not been found in DNS yet; a look at the domain finds it.",
            ));
        };
        let Some(discovery) = &self.discovery else {
            return Ok(Offer::nothing("unreachable", "Nothing is asked from here."));
        };
        let parts = self.parts(&domain, &verdicts);
        let groups: Vec<&str> = parts.iter().map(|(group, _)| *group).collect();
        let Some(query) = query(zone, domain.name.name(), &domain.record_id, &groups) else {
            return Ok(Offer::nothing(
                "zone_unknown",
                "The domain is not in the zone that was found for it.",
            ));
        };
        match discovery.find(zone, self.template_name(), self.clock.now()).await {
            Ok(provider) => Ok(Offer::Link {
                url: link(&provider, self.template_name(), &query, &self.link_key().await?),
                dns_host: provider.name().to_string(),
                records: parts.into_iter().flat_map(|(_, keys)| keys).collect(),
                window: provider.window(),
            }),
            Err(refusal) => self.refused(&domain, &refusal).await,
        }
    }

    /// The same finder of offers for all use cases over these.
    #[must_use]
    pub fn with_discovery(self, discovery: Discovery) -> Self {
        Self { discovery: Some(discovery.into()), ..self }
    }

    fn template_name(&self) -> TemplateName<'_> {
        TemplateName { provider: self.config.domain_connect_provider.as_str(), service: SERVICE }
    }

    fn parts(&self, domain: &Domain, verdicts: &[Verdict]) -> Vec<(&'static str, Vec<RecordKey>)> {
        let records = self.plan(domain);
        let known: Vec<_> =
            records.iter().zip(verdicts).map(|(record, verdict)| Known { record, verdict }).collect();
        let theirs = domain.present.dmarc.as_deref();
        fitting(&self.config.provider, domain.name.name(), &domain.record_id, theirs, &known)
    }

    async fn refused(&self, domain: &Domain, refusal: &Refusal) -> Result<Offer> {
        let dns_host = match refusal.dns_host() {
            Some(name) => Some(name.to_string()),
            None => self.hosting(domain).await?.host().map(|host| host.name.to_string()),
        };
        Ok(Offer::Nothing { code: refusal.code(), reason: refusal.to_string(), dns_host })
    }

    /// Sees that there is a key for links, so that our zone can publish it.
    ///
    /// # Errors
    /// When the store fails, or the key file is not here.
    pub async fn make_link_key(&self) -> Result<()> {
        self.link_key().await.map(drop)
    }

    /// The key for links. The first to want one makes it.
    async fn link_key(&self) -> Result<SigningKey> {
        let file = self.key.clone().ok_or_else(|| unusable("the key file is not here"))?;
        let stored = match self.store.kept(KEY).await? {
            Some(stored) => stored,
            None => {
                let make = |file: Arc<KeyFile>| async move {
                    let random = self.random.clone();
                    let made = tokio::task::spawn_blocking(move || SigningKey::make(&file, &random)).await;
                    let made = made.ok().and_then(std::result::Result::ok);
                    let (made, under) = made.ok_or_else(|| unusable("no key could be made"))?;
                    // Another may have been faster; theirs is published already.
                    Ok(self.store.keep_first(KEY, &made, &under).await?)
                };
                self.sealing(make).await?
            }
        };
        SigningKey::open(&stored, &file).map_err(|UnusableKey| unusable(&UnusableKey.to_string()))
    }

    /// The texts that publish the key for links, at
    /// [`signet_core::domain_connect::KEY_HOST`] in our zone; none while there is
    /// no key.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn link_key_texts(&self) -> Result<Vec<String>> {
        let stored = self.store.kept(KEY).await?;
        let public = stored.as_deref().and_then(SigningKey::public);
        Ok(public.map(|public| key_texts(&public)).unwrap_or_default())
    }
}

fn unusable(what: &str) -> Refused {
    Refused::Store(StoreError::Corrupt(what.to_string()))
}
