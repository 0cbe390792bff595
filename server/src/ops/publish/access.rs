//! Keys to accounts' own zones.

use super::{Actor, Ops, Refused, Result};
use crate::{
    dns_access::{
        Access,
        providers::{PROVIDERS, Provider, Values},
    },
    keys::KeyFile,
    store::{AccountId, DnsAccess, DnsAccessId, NewDnsAccess, StoreError},
};
use signet_core::{company::FieldErrors, names::Name};
use std::{collections::BTreeMap, sync::Arc};

/// How many keys to zones an account may have.
pub const MAX_ACCESSES: u32 = 1000;

/// A key to a zone as a request describes it.
#[derive(Clone, Debug, Default)]
pub struct AccessWish {
    /// The zone's apex.
    pub zone: String,
    /// How it is written to.
    pub provider: String,
    /// What that wants to be given.
    pub credentials: Values,
    /// Whether to try it out first.
    pub try_out: bool,
}

impl AccessWish {
    /// What it comes to.
    ///
    /// # Errors
    /// Everything that is wrong, by attribute.
    pub fn judge(&self, allow_private: bool) -> std::result::Result<Access, FieldErrors> {
        let mut errors = FieldErrors::new();
        let zone = Name::typed(&self.zone);
        if let Err(refused) = &zone {
            errors.insert("zone", vec![refused.to_string()]);
        }
        let provider = Provider::find(&self.provider, allow_private);
        match provider {
            None => {
                let offered = PROVIDERS.iter().filter(|one| Provider::find(one.id, allow_private).is_some());
                let known: Vec<&str> = offered.map(|provider| provider.id).collect();
                errors.insert("provider", vec![format!("is invalid: must be one of {}", known.join(", "))]);
            }
            Some(provider) => {
                let wrong = provider.object_to(&self.credentials);
                if !wrong.is_empty() {
                    errors.insert("credentials", wrong);
                }
            }
        }
        match (zone, provider) {
            (Ok(zone), Some(provider)) if errors.is_empty() => {
                Ok(Access { zone, provider, values: self.credentials.clone() })
            }
            _ => Err(errors),
        }
    }
}

impl Ops {
    /// The account's keys to zones, without what is secret of them.
    ///
    /// # Errors
    /// [`Refused::Forbidden`] without admin rights on the account.
    pub async fn dns_accesses(&self, actor: &Actor) -> Result<Vec<DnsAccess>> {
        actor.with_account_admin()?;
        Ok(self.store.dns_accesses(actor.account).await?)
    }

    /// One of them.
    ///
    /// # Errors
    /// [`Refused::Forbidden`], [`Refused::NotFound`].
    pub async fn dns_access(&self, actor: &Actor, id: DnsAccessId) -> Result<DnsAccess> {
        actor.with_account_admin()?;
        self.store.dns_access(actor.account, id).await?.ok_or(Refused::NotFound)
    }

    /// Keeps a key to a zone, in place of the account's other one to it. What is
    /// secret is sealed and never shown again.
    ///
    /// # Errors
    /// [`Refused::Forbidden`]; [`Refused::Invalid`] by attribute, under `base`
    /// where trying it out failed or the account has too many.
    pub async fn give_dns_access(&self, actor: &Actor, wish: &AccessWish) -> Result<DnsAccess> {
        actor.with_account_admin()?;
        let access = wish.judge(self.config.dns.allow_private).map_err(Refused::Invalid)?;
        if wish.try_out {
            let tried = access.try_out(&self.means()?).await;
            tried.map_err(|reason| Refused::invalid("base", format!("It does not work: {reason}")))?;
        }
        let secrets = serde_json::to_vec(&access.values.of(access.provider, true));
        let secrets = zeroize::Zeroizing::new(secrets.map_err(|_| no_key())?);
        let (access, secrets) = (&access, &secrets);
        let give = |key: Arc<KeyFile>| async move {
            let new = NewDnsAccess {
                account: actor.account,
                settings: access.values.of(access.provider, false),
                provider: access.provider.id.to_string(),
                secret: key.seal_secret(&purpose(actor.account, &access.zone), secrets, &self.random),
                zone: access.zone.clone(),
            };
            Ok(self.store.give_dns_access(&new, MAX_ACCESSES, &self.cause(actor)).await?)
        };
        self.sealing(give).await?.ok_or_else(|| {
            Refused::invalid(
                "base",
                format!("The account has keys to {MAX_ACCESSES} zones, which is the limit"),
            )
        })
    }

    /// Deletes a key to a zone; what it was. What was written with it stays.
    ///
    /// # Errors
    /// [`Refused::Forbidden`], [`Refused::NotFound`].
    pub async fn delete_dns_access(&self, actor: &Actor, id: DnsAccessId) -> Result<DnsAccess> {
        actor.with_account_admin()?;
        let deleted = self.store.delete_dns_access(actor.account, id, &self.cause(actor)).await?;
        deleted.ok_or(Refused::NotFound)
    }

    /// The account's key to a zone, opened.
    pub(super) async fn open_access(&self, account: AccountId, zone: &Name) -> Result<Access> {
        let Some((kept, sealed)) = self.store.dns_access_to(account, zone).await? else {
            let message = format!(
                "There is no key to the zone {zone}, so nothing was written. Give one with POST /api/dns_access or \
                 `signet dns-access add`, or enter the records by hand."
            );
            return Err(Refused::invalid("base", message));
        };
        let provider = Provider::find(&kept.provider, self.config.dns.allow_private);
        let provider = provider.ok_or_else(|| {
            let message = format!("The key to {zone} is for {}, which is not offered here", kept.provider);
            Refused::invalid("base", message)
        })?;
        let key = self.key.as_ref().ok_or_else(no_key)?;
        let broken = || StoreError::Corrupt(format!("the key to the zone {zone} does not open"));
        let opened = key.open_secret(&purpose(account, zone), &sealed).ok_or_else(broken)?;
        let secrets: BTreeMap<String, String> = serde_json::from_slice(&opened).map_err(|_| broken())?;
        Ok(Access { zone: kept.zone, provider, values: kept.settings.into_iter().chain(secrets).collect() })
    }
}

/// What a key's secrets are sealed for: moved to another account or zone they do
/// not open.
fn purpose(account: AccountId, zone: &Name) -> String {
    format!("dns access {account} {zone}")
}

fn no_key() -> Refused {
    Refused::invalid("base", "This process has no key file to seal or open secrets with")
}
