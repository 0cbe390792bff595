//! What is kept, and the only way to it.
//!
//! [`Store`] has a method per use case, with those of some subjects in traits of
//! their own; each is one transaction. There are two
//! of it, for SQLite and for PostgreSQL, compiled from one source of SQL. The
//! account is an argument of every method that touches what belongs to one;
//! the few that do not take it are the operator's and the workers'.

#[macro_use]
mod statements;

mod audit;
mod dns_access;
mod dump;
mod kept;
mod keys;
mod model;
mod notices;
pub mod pg;
mod review;
mod sealed;
pub mod sqlite;
mod stored;
mod tokens;
mod webhooks;
mod zone;

pub use audit::AuditStore;
pub use dns_access::DnsAccessStore;
pub use kept::KeptStore;
pub use keys::KeyStore;
pub use model::*;
pub use notices::NoticeStore;
pub use review::ReviewStore;
pub use sealed::SealedStore;
pub use tokens::TokenStore;
pub use webhooks::WebhookStore;
pub use zone::ZoneStore;

use async_trait::async_trait;
use jiff::Timestamp;
use signet_core::{
    authz::Candidate,
    company::CompanyInfo,
    names::{Name, RecordId},
    tracking::TrackingPatch,
};
use std::path::Path;

/// Why the store could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database said no, or was not there.
    #[error("the database failed: {0}")]
    Database(sqlx::Error),
    /// The schema could not be brought up to date.
    #[error("the database's schema could not be brought up to date: {0}")]
    Migration(sqlx::migrate::MigrateError),
    /// A row holds what no version of Signet writes.
    #[error("the database holds something unreadable: {0}")]
    Corrupt(String),
    /// A backup file could not be written or read.
    #[error("{0}")]
    Backup(String),
    /// What was to be kept was sealed under a version of the key-encryption key that
    /// seals no more. Sealed anew it is taken.
    #[error(
        "the key-encryption key was replaced, and this node seals under the old one still: unless it follows within a \
         second, bring it the key file that signet keys rewrap has changed"
    )]
    SealedBefore,
    /// A record id meant to be fresh has been used before: draw another.
    #[error("the record id has been used before")]
    RecordIdUsed,
    /// The URL names no database Signet knows.
    #[error("{0}")]
    Url(String),
}

// Not `#[from]`, which makes them sources too: whoever prints the whole chain
// would read everything twice.
impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error)
    }
}

impl From<sqlx::migrate::MigrateError> for StoreError {
    fn from(error: sqlx::migrate::MigrateError) -> Self {
        Self::Migration(error)
    }
}

/// The result of a store method.
pub type Result<T> = std::result::Result<T, StoreError>;

/// See the module.
#[async_trait]
pub trait Store:
    AuditStore
    + DnsAccessStore
    + KeptStore
    + KeyStore
    + NoticeStore
    + ReviewStore
    + SealedStore
    + TokenStore
    + WebhookStore
    + ZoneStore
    + Send
    + Sync
    + 'static
{
    // --- installation -----------------------------------------------------

    /// Makes the first account, its demo domain and perhaps a token (of which the
    /// hash and the end of the secret are kept), and notes
    /// the key file's fingerprint, if there is no account yet. `None` if there
    /// is one.
    async fn initialise(
        &self,
        account: &NewAccount,
        token: Option<(TokenHash, &str)>,
        fingerprint: &str,
        cause: &Cause,
    ) -> Result<Option<Account>>;
    /// The time by the database's clock.
    async fn now(&self) -> Result<Timestamp>;
    /// Whether there is no account yet.
    async fn is_empty(&self) -> Result<bool>;
    /// The fingerprint of the key-encryption key the database was made with.
    async fn key_fingerprint(&self) -> Result<Option<String>>;
    /// Whether the database answers.
    async fn ping(&self) -> Result<()>;
    /// For the metrics page.
    async fn counts(&self, now: Timestamp) -> Result<Counts>;
    /// Writes everything, as of one moment, to a new file; the server may run.
    /// The file is the same for both databases, which makes it the way from one
    /// to the other, too. Private keys in it are sealed as they are stored.
    async fn backup(&self, file: &Path) -> Result<()>;
    /// Fills an empty database from such a file.
    async fn restore(&self, file: &Path) -> Result<()>;
    /// Finishes what is queued for writing and closes the database.
    async fn close(&self);

    // --- accounts ---------------------------------------------------------

    /// Makes an account with its demo domain.
    async fn create_account(&self, account: &NewAccount, cause: &Cause) -> Result<Account>;
    /// All accounts, by number.
    async fn accounts(&self) -> Result<Vec<Account>>;
    /// One account.
    async fn account(&self, id: AccountId) -> Result<Option<Account>>;
    /// What the token with this hash grants, together with one domain
    /// of its account: the most frequent request needs just these two, and looks
    /// once. Whether the token extends to the domain is the caller's to judge.
    async fn grant_and_domain(
        &self,
        hash: &TokenHash,
        id: DomainId,
    ) -> Result<Option<(Grant, Option<Domain>)>>;

    // --- domains ----------------------------------------------------------

    /// Registers a domain and makes its first look due.
    async fn create_domain(
        &self,
        domain: &NewDomain,
        unverified_limit: Option<u32>,
        cause: &Cause,
    ) -> Result<std::result::Result<Domain, NotRegistered>>;
    /// An account's domains by number, those in `scope`, from after `after` on.
    async fn domains(
        &self,
        account: AccountId,
        scope: &TokenScope,
        after: Option<DomainId>,
        limit: Option<u32>,
    ) -> Result<Vec<Domain>>;
    /// One domain of an account.
    async fn domain(&self, account: AccountId, id: DomainId) -> Result<Option<Domain>>;
    /// One domain of whatever account: the operator's.
    async fn domain_for_operator(&self, id: DomainId) -> Result<Option<Domain>>;
    /// Changes settings; the domain afterwards. No history row where nothing changed.
    async fn update_tracking(
        &self,
        account: AccountId,
        id: DomainId,
        patch: &TrackingPatch,
        cause: &Cause,
    ) -> Result<Option<Domain>>;
    /// Deletes a domain and destroys its keys. Its record id is never used
    /// again, its history stays. Whether there was one.
    async fn delete_domain(&self, account: AccountId, id: DomainId, cause: &Cause) -> Result<bool>;
    /// The last look at a domain.
    async fn report(&self, account: AccountId, id: DomainId) -> Result<Option<Report>>;
    /// A domain's history, newest first, from before `before` on.
    async fn events(
        &self,
        account: AccountId,
        id: DomainId,
        before: Option<EventId>,
        limit: u32,
    ) -> Result<Vec<Event>>;

    // --- company information ----------------------------------------------

    /// An account's company information.
    async fn company(&self, account: AccountId) -> Result<Option<CompanyInfo>>;
    /// Stores it for the first time; `false` if there is some already. With it
    /// the compliance of the account's domains may change, with a history row each.
    async fn create_company(&self, account: AccountId, info: &CompanyInfo, cause: &Cause) -> Result<bool>;
    /// Replaces `before` by `after`; `false` if it is no longer `before`.
    async fn replace_company(
        &self,
        account: AccountId,
        before: &CompanyInfo,
        after: &CompanyInfo,
        cause: &Cause,
    ) -> Result<bool>;

    // --- looking ----------------------------------------------------------

    /// Makes a domain due at once. The ticket is covered once
    /// [`Self::covered`] reaches it.
    async fn request_check(&self, account: AccountId, id: DomainId, now: Timestamp) -> Result<Option<i64>>;
    /// The highest ticket that a look begun after it was drawn has covered.
    async fn covered(&self, account: AccountId, id: DomainId) -> Result<Option<i64>>;
    /// Makes all domains that are ever due, or one account's, due now, in steps
    /// between which others write; how many. Single checks asked for go before.
    async fn request_check_all(&self, account: Option<AccountId>, now: Timestamp) -> Result<u64>;
    /// How many domains of all, or of one account, have been asked for and not
    /// been looked at since.
    async fn checks_outstanding(&self, account: Option<AccountId>) -> Result<u64>;
    /// How all domains, or one account's, stand. Reads every one of them.
    async fn tally(&self, account: Option<AccountId>) -> Result<Tally>;
    /// Takes up to `limit` due domains that nobody holds, until `lease_until`;
    /// most from where they wait longest, some from where they came due last.
    /// On SQLite only this very store knows who is held: one process looks.
    async fn claim_due(&self, now: Timestamp, lease_until: Timestamp, limit: u32) -> Result<Vec<Due>>;
    /// Applies looks, each whole or not at all; for each whether it was written
    /// (the domain had not changed). What was claimed for them is held no more.
    async fn apply_looks(&self, looks: &[Looked], cause: &Cause) -> Result<Vec<bool>>;
    /// Puts claimed domains back, due at `due_at`.
    async fn put_back(&self, claims: &[(DomainId, i64)], due_at: Timestamp) -> Result<()>;
    /// The next time something is due that nobody holds, or a lease ends, if
    /// anything ever is.
    async fn next_due(&self) -> Result<Option<Timestamp>>;
    /// Spreads what is overdue at `now` over the time to `until`; how many.
    async fn spread_overdue(&self, now: Timestamp, until: Timestamp) -> Result<u64>;

    // --- what concerns the operator ----------------------------------------

    /// How many domains have just lost their verification or are about to.
    async fn demotions(&self, now: Timestamp) -> Result<Demotions>;
    /// Notes that something is the matter and queues word to the operator,
    /// unless that is noted already; whether it was not.
    async fn raise(
        &self,
        matter: Matter,
        account: AccountId,
        notice: &Message,
        now: Timestamp,
    ) -> Result<bool>;
    /// Notes that it is over; whether it was noted.
    async fn settle(&self, matter: Matter) -> Result<bool>;
    /// Lets demotions go ahead until `until`, however many.
    async fn release_demotions(&self, until: Timestamp, cause: &Cause) -> Result<()>;

    // --- outbox -----------------------------------------------------------

    /// Queues set-up instructions unless a cap is reached within the last day.
    /// `None` if the account has no such domain.
    async fn queue_instructions(
        &self,
        account: AccountId,
        domain: DomainId,
        recipient: &str,
        message: &Message,
        caps: InstructionCaps,
        cause: &Cause,
    ) -> Result<Option<std::result::Result<(), CapReached>>>;
    /// Takes messages that are due, until `lease_until`.
    async fn claim_outbox(
        &self,
        now: Timestamp,
        lease_until: Timestamp,
        limit: u32,
    ) -> Result<Vec<OutboxItem>>;
    /// Notes that a message has been handed over.
    async fn outbox_sent(&self, id: OutboxId, now: Timestamp) -> Result<()>;
    /// Notes that it has not; `retry_at` is when to try again, `None` never.
    async fn outbox_failed(&self, id: OutboxId, error: &str, retry_at: Option<Timestamp>) -> Result<()>;

    // --- idempotency ------------------------------------------------------

    /// Looks up an `Idempotency-Key`, and reserves it when it is new. A
    /// reservation without an answer is free again after a minute.
    async fn idempotency_begin(
        &self,
        scope: &IdempotencyScope,
        body_hash: &str,
        now: Timestamp,
    ) -> Result<Idempotency>;
    /// Keeps the answer for 24 hours, or with `None` frees the key. One that is sealed
    /// comes with what it lies `under`, see [`NewSecret::under`].
    async fn idempotency_end(
        &self,
        scope: &IdempotencyScope,
        answer: Option<&StoredAnswer>,
        under: Option<&str>,
    ) -> Result<()>;
    /// Deletes what is past keeping: idempotency keys, sent messages, counters,
    /// messages counted for the demo, notices that were told, deliveries that are
    /// done, what changed in our zone.
    async fn sweep(&self, now: Timestamp) -> Result<()>;

    // --- the sending gate --------------------------------------------------

    /// The domains, of one account or of all, that have this name (and this
    /// record id), with what the gate judges them by: those verified first, no
    /// more than a hundred. `message` is the instance of a message about to be
    /// counted, see [`Candidate::counted`].
    async fn sending_domains(
        &self,
        name: &Name,
        record: Option<&RecordId>,
        account: Option<AccountId>,
        message: Option<&str>,
    ) -> Result<Vec<Candidate>>;
    /// Counts a message in a demo domain's allowance, once per instance. With
    /// the last one the domain's compliance changes, with a history row.
    async fn spend_demo(&self, domain: DomainId, message: &str, cause: &Cause) -> Result<Spent>;

    /// Notes that mail was sent from domains, and brings forward the next look at
    /// those that had not sent for long. Nothing is written of one noted within a day.
    async fn note_sending(&self, domains: &[DomainId], now: Timestamp) -> Result<()>;
}

/// Whether the database the URL names can be there at all: [`open`] makes a
/// SQLite file that is not.
#[must_use]
pub fn is_there(url: &str) -> bool {
    !url.starts_with("sqlite:") || sqlite::SqliteStore::is_there(url)
}

/// Opens the database the URL names and brings its schema up to date.
///
/// # Errors
/// When the URL is of no known kind, or the database cannot be opened.
pub async fn open(url: &str) -> Result<std::sync::Arc<dyn Store>> {
    if url.starts_with("sqlite:") {
        Ok(std::sync::Arc::new(sqlite::SqliteStore::open(url).await?))
    } else if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        Ok(std::sync::Arc::new(pg::PgStore::open(url).await?))
    } else {
        Err(StoreError::Url("SIGNET_DATABASE_URL must begin with sqlite: or postgres://".to_string()))
    }
}
