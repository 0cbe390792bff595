//! Webhooks: where an account wants to be told what happens. What is sent, the
//! worker sends.

use super::{Actor, Ops, Refused, Result};
use crate::{
    fetch,
    keys::KeyFile,
    notify::webhook::{SECRET_LEN, shown_secret},
    store::{
        Delivery, DeliveryId, DeliveryState, DueDelivery, EventId, EventKind, NewSecret, NewWebhook,
        NotQueued, Replay, Replayed, StoreError, Webhook, WebhookId, WebhookPatch,
    },
};
use jiff::{SignedDuration, Timestamp};
use signet_core::company::FieldErrors;
use std::sync::Arc;
use url::Url;
use zeroize::Zeroizing;

/// How many webhooks an account may have.
pub const MAX_WEBHOOKS: u32 = 20;
/// The longest address, in bytes.
pub const MAX_URL: usize = 2048;
/// The longest description, in characters.
pub const MAX_DESCRIPTION: usize = 255;
/// How long the secret before the present one goes on signing.
pub const OLD_SECRET_KEPT: SignedDuration = SignedDuration::from_hours(24);
/// How many events one replay takes on.
pub const MAX_REPLAYED: u32 = 5000;
/// How far back a replay goes.
pub const REPLAY_WINDOW: SignedDuration = SignedDuration::from_hours(30 * 24);

/// A webhook as a request describes it; `None` for what it does not name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WebhookWish {
    /// Where to send.
    pub url: Option<String>,
    /// What to call it.
    pub description: Option<String>,
    /// What to tell it of.
    pub events: Option<Vec<String>>,
    /// Whether to send.
    pub active: Option<bool>,
}

impl WebhookWish {
    /// What it comes to.
    ///
    /// # Errors
    /// Everything that is wrong, by attribute.
    pub fn judge(&self, allow_private: bool) -> std::result::Result<WebhookPatch, FieldErrors> {
        let mut errors = FieldErrors::new();
        let mut wrong = |field: &'static str, message: String| {
            errors.insert(field, vec![message]);
        };
        let url = self
            .url
            .as_deref()
            .and_then(|url| judge_url(url, allow_private).map_err(|message| wrong("url", message)).ok());
        let events = self
            .events
            .as_deref()
            .and_then(|events| judge_events(events).map_err(|message| wrong("event_types", message)).ok());
        let description = self.description.as_ref().map(|text| text.trim().to_string());
        if description.as_ref().is_some_and(|text| text.chars().count() > MAX_DESCRIPTION) {
            wrong("description", format!("is too long: at most {MAX_DESCRIPTION} characters"));
        }
        let patch = WebhookPatch { url, description, events, active: self.active };
        if errors.is_empty() { Ok(patch) } else { Err(errors) }
    }
}

fn judge_url(text: &str, allow_private: bool) -> std::result::Result<String, String> {
    if text.trim().is_empty() {
        return Err("can't be blank".to_string());
    }
    if text.len() > MAX_URL {
        return Err(format!("is too long: at most {MAX_URL} characters"));
    }
    let url = Url::parse(text.trim())
        .map_err(|_| "is invalid: must be a whole address, as in https://example.com/hooks".to_string())?;
    if url.fragment().is_some() {
        return Err("is invalid: the part after # is never sent; leave it out".to_string());
    }
    fetch::check_url(&url, allow_private).map_err(|refused| refused.to_string())?;
    Ok(url.to_string())
}

fn judge_events(words: &[String]) -> std::result::Result<Vec<EventKind>, String> {
    if words.is_empty() {
        return Err("can't be blank: name one at least, or leave it out for all".to_string());
    }
    if let Some(unknown) = words.iter().find(|word| published(word).is_none()) {
        let known: Vec<&str> = EventKind::PUBLISHED.iter().map(|kind| kind.as_str()).collect();
        let shown: String = unknown.chars().take(40).collect();
        return Err(format!("has {shown:?}, which is none of {}", known.join(", ")));
    }
    let wanted = |kind: &&EventKind| words.iter().any(|word| word == kind.as_str());
    Ok(EventKind::PUBLISHED.iter().filter(wanted).copied().collect())
}

fn published(word: &str) -> Option<EventKind> {
    EventKind::PUBLISHED.iter().copied().find(|kind| kind.as_str() == word)
}

/// From where a replay begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReplayWish {
    /// With what happened then.
    Since(Timestamp),
    /// With this event.
    From(EventId),
    /// These deliveries and no others.
    Deliveries(Vec<DeliveryId>),
}

impl Ops {
    /// The account's webhooks.
    ///
    /// # Errors
    /// [`Refused::Forbidden`] without a right on the whole account.
    pub async fn webhooks(&self, actor: &Actor) -> Result<Vec<Webhook>> {
        actor.with_account_sight()?;
        Ok(self.store.webhooks(actor.account).await?)
    }

    /// One of them.
    ///
    /// # Errors
    /// [`Refused::Forbidden`], [`Refused::NotFound`].
    pub async fn webhook(&self, actor: &Actor, id: WebhookId) -> Result<Webhook> {
        actor.with_account_sight()?;
        self.store.webhook(actor.account, id).await?.ok_or(Refused::NotFound)
    }

    /// One the actor may change.
    ///
    /// # Errors
    /// [`Refused::Forbidden`], [`Refused::NotFound`].
    pub async fn webhook_to_change(&self, actor: &Actor, id: WebhookId) -> Result<Webhook> {
        actor.with_account_admin()?;
        self.webhook(actor, id).await
    }

    /// Makes a webhook; with its secret, which is shown this once.
    ///
    /// # Errors
    /// [`Refused::Forbidden`]; [`Refused::Invalid`] by attribute, or under `base`
    /// when the account has as many as it may.
    pub async fn create_webhook(&self, actor: &Actor, wish: &WebhookWish) -> Result<(Webhook, String)> {
        actor.with_account_admin()?;
        let patch = wish.judge(self.config.webhook_allow_private).map_err(Refused::Invalid)?;
        let url = patch.url.as_ref().ok_or_else(|| Refused::invalid("url", "can't be blank"))?;
        let secret = Zeroizing::new(self.random.bytes::<SECRET_LEN>());
        let (patch, kept) = (&patch, &secret);
        let new = |key: Arc<KeyFile>| async move {
            let new = NewWebhook {
                account: actor.account,
                url: url.clone(),
                description: patch.description.clone().unwrap_or_default(),
                events: patch.events.clone().unwrap_or_else(|| EventKind::PUBLISHED.to_vec()),
                active: patch.active.unwrap_or(true),
                secret: self.sealed_secret(actor, &key, kept),
            };
            Ok(self.store.create_webhook(&new, MAX_WEBHOOKS, &self.cause(actor)).await?)
        };
        self.sealing(new).await?.map(|webhook| (webhook, shown_secret(secret.as_slice()))).ok_or_else(|| {
            let message = format!("The account has {MAX_WEBHOOKS} webhooks, which is the limit");
            Refused::invalid("base", message)
        })
    }

    fn sealed_secret(&self, actor: &Actor, key: &KeyFile, secret: &[u8; SECRET_LEN]) -> NewSecret {
        key.seal_secret(&purpose(actor.account.0), secret, &self.random)
    }

    /// The secrets a delivery is signed with, the present one first.
    ///
    /// # Errors
    /// When they do not open, which means that the key is another one.
    pub fn signing_secrets(
        &self,
        due: &DueDelivery,
    ) -> std::result::Result<Vec<Zeroizing<Vec<u8>>>, StoreError> {
        let key = self.key.as_ref().ok_or_else(|| StoreError::Corrupt(NO_KEY.to_string()))?;
        let purpose = purpose(due.account.0);
        let open = |sealed: &Vec<u8>| {
            let what = || StoreError::Corrupt(format!("the secret of webhook {} does not open", due.webhook));
            key.open_secret(&purpose, sealed).ok_or_else(what)
        };
        std::iter::once(&due.secret).chain(&due.old_secret).map(open).collect()
    }

    /// Changes a webhook. One made active goes on with what waits.
    ///
    /// # Errors
    /// [`Refused::Forbidden`], [`Refused::NotFound`], [`Refused::Invalid`] by
    /// attribute.
    pub async fn update_webhook(&self, actor: &Actor, id: WebhookId, wish: &WebhookWish) -> Result<Webhook> {
        self.webhook_to_change(actor, id).await?;
        let patch = wish.judge(self.config.webhook_allow_private).map_err(Refused::Invalid)?;
        let updated = self.store.update_webhook(actor.account, id, &patch, &self.cause(actor)).await?;
        self.published.notify_one();
        updated.ok_or(Refused::NotFound)
    }

    /// Deletes a webhook with all that is on its way to it; what it was.
    ///
    /// # Errors
    /// [`Refused::Forbidden`], [`Refused::NotFound`].
    pub async fn delete_webhook(&self, actor: &Actor, id: WebhookId) -> Result<Webhook> {
        actor.with_account_admin()?;
        let deleted = self.store.delete_webhook(actor.account, id, &self.cause(actor)).await?;
        deleted.ok_or(Refused::NotFound)
    }

    /// Gives a webhook another secret, shown this once. The one it has now signs,
    /// too, for [`OLD_SECRET_KEPT`].
    ///
    /// # Errors
    /// [`Refused::Forbidden`], [`Refused::NotFound`].
    pub async fn rotate_webhook_secret(&self, actor: &Actor, id: WebhookId) -> Result<(Webhook, String)> {
        actor.with_account_admin()?;
        let secret = Zeroizing::new(self.random.bytes::<SECRET_LEN>());
        let cause = self.cause(actor);
        let until = cause.at.saturating_add(OLD_SECRET_KEPT).unwrap_or(Timestamp::MAX);
        let (kept, cause) = (&secret, &cause);
        let rotate = |key: Arc<KeyFile>| async move {
            let secret = self.sealed_secret(actor, &key, kept);
            Ok(self.store.rotate_webhook_secret(actor.account, id, &secret, until, cause).await?)
        };
        let rotated = self.sealing(rotate).await?.ok_or(Refused::NotFound)?;
        Ok((rotated, shown_secret(secret.as_slice())))
    }

    /// Queues a test, which is tried once; its number.
    ///
    /// # Errors
    /// [`Refused::Forbidden`], [`Refused::NotFound`], [`Refused::Invalid`] where
    /// the webhook is not active.
    pub async fn test_webhook(&self, actor: &Actor, id: WebhookId) -> Result<DeliveryId> {
        actor.with_account_admin()?;
        let queued = self.store.test_webhook(actor.account, id, self.clock.now()).await?;
        self.published.notify_one();
        queued.ok_or(Refused::NotFound)?.map_err(not_queued)
    }

    /// What went or goes to a webhook, the last first.
    ///
    /// # Errors
    /// [`Refused::Forbidden`], [`Refused::NotFound`].
    pub async fn deliveries(
        &self,
        actor: &Actor,
        id: WebhookId,
        state: Option<DeliveryState>,
        before: Option<DeliveryId>,
        limit: u32,
    ) -> Result<Vec<Delivery>> {
        self.webhook(actor, id).await?;
        Ok(self.store.deliveries(actor.account, id, state, before, limit).await?)
    }

    /// Sends again, in the order of what happened.
    ///
    /// # Errors
    /// [`Refused::Forbidden`], [`Refused::NotFound`], [`Refused::Invalid`] where
    /// it goes too far back or names what is not the webhook's.
    pub async fn replay_webhook(&self, actor: &Actor, id: WebhookId, wish: &ReplayWish) -> Result<Replayed> {
        self.webhook_to_change(actor, id).await?;
        let now = self.clock.now();
        let what = match wish {
            ReplayWish::Deliveries(ids) => Replay::Deliveries(ids.clone()),
            ReplayWish::From(event) => Replay::From(*event),
            ReplayWish::Since(since) => {
                if now.duration_since(*since) > REPLAY_WINDOW {
                    return Err(Refused::invalid("since", "is too long ago: at most 30 days"));
                }
                match self.store.first_event_since(actor.account, *since).await? {
                    Some(event) => Replay::From(event),
                    None => return Ok(Replayed { queued: 0, next: None }),
                }
            }
        };
        let replayed = self.store.replay(actor.account, id, &what, MAX_REPLAYED, now).await?;
        self.published.notify_one();
        replayed.ok_or(Refused::NotFound)?.map_err(not_queued)
    }
}

fn not_queued(why: NotQueued) -> Refused {
    match why {
        NotQueued::Inactive => Refused::invalid("base", "The webhook is not active; activate it first"),
        NotQueued::UnknownDeliveries => Refused::invalid(
            "deliveries",
            "has ids that are no deliveries of this webhook, or tests, which are not sent again",
        ),
    }
}

const NO_KEY: &str = "this process has no key-encryption key";

/// What a signing secret is sealed for.
fn purpose(account: i64) -> String {
    format!("webhooks of account {account}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(wish: &WebhookWish) -> Vec<&'static str> {
        wish.judge(false).err().unwrap_or_default().into_keys().collect()
    }

    fn url(text: &str) -> std::result::Result<String, String> {
        judge_url(text, false)
    }

    #[test]
    fn addresses_are_judged_as_far_as_they_show() {
        assert_eq!(
            url(" HTTPS://Hooks.Example.com:8443/a?b=c ").unwrap(),
            "https://hooks.example.com:8443/a?b=c"
        );
        assert_eq!(url("http://bücher.example/").unwrap(), "http://xn--bcher-kva.example/");
        let refused = [
            "",
            " ",
            "example.com/hooks",
            "/hooks",
            "ftp://example.com/",
            "https://",
            "https://localhost/",
            "https://user@example.com/",
            "https://:secret@example.com/",
            "https://example.com/#part",
            "https://example.com:25/",
            "https://127.0.0.1/",
            "http://0x7f.1/",
            "https://[::1]/",
            "https://10.1.2.3/",
            "https://169.254.169.254/latest",
            "https://[::ffff:10.0.0.1]/",
        ];
        for text in refused {
            assert!(url(text).is_err(), "{text}");
        }
        assert!(url(&format!("https://example.com/{}", "a".repeat(MAX_URL))).is_err());
        assert!(judge_url("http://127.0.0.1:9/", true).is_ok());
    }

    #[test]
    fn everything_wrong_is_told_at_once() {
        let wish = WebhookWish {
            url: Some("x".to_string()),
            description: Some("d".repeat(256)),
            events: Some(vec!["domain.renamed".to_string()]),
            active: None,
        };
        assert_eq!(wrong(&wish), ["description", "event_types", "url"]);
        assert_eq!(wrong(&WebhookWish { events: Some(vec![]), ..WebhookWish::default() }), ["event_types"]);
        assert_eq!(wrong(&WebhookWish::default()), Vec::<&str>::new());
        // What is written to the history but not published is not to be had.
        let private =
            WebhookWish { events: Some(vec!["token.created".to_string()]), ..WebhookWish::default() };
        assert_eq!(wrong(&private), ["event_types"]);
        let twice = ["domain.deleted", "domain.created", "domain.deleted"].map(String::from).to_vec();
        assert_eq!(judge_events(&twice).unwrap(), [EventKind::DomainCreated, EventKind::DomainDeleted]);
    }
}
