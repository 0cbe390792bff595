//! What the store keeps, as the rest of the program sees it.

use jiff::Timestamp;
use signet_core::{
    email::EmailAddress,
    lifecycle::{ComplianceStatus, Decision, DnsState, Facts, compliance, dns::Shown},
    names::{DomainName, Name, RecordId},
    plan::{Present, RecordKey},
    tracking::Tracking,
    verify::Verdict,
};
use std::{collections::BTreeSet, fmt};

macro_rules! ids {
    ($($(#[doc = $doc:literal])+ $name:ident,)+) => {$(
        $(#[doc = $doc])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub i64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = std::num::ParseIntError;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    )+};
}

ids! {
    /// An account's number.
    AccountId,
    /// A domain's number, on the wire too; never used twice.
    DomainId,
    /// A token's number.
    TokenId,
    /// A history row's number; later rows have higher ones.
    EventId,
    /// An outbox row's number.
    OutboxId,
}

/// A customer of the operator. Everything belongs to one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its number.
    pub id: AccountId,
    /// What the operator calls it.
    pub name: String,
    /// Who hears about it.
    pub owner_email: EmailAddress,
    /// Whether a suspension of the account is in force.
    pub suspended: bool,
    /// When it was made.
    pub created_at: Timestamp,
}

/// An account to be made, with its first domain.
#[derive(Clone, Debug)]
pub struct NewAccount {
    /// What the operator calls it.
    pub name: String,
    /// Who hears about it.
    pub owner_email: EmailAddress,
    /// Its demo domain's name and record id.
    pub demo: (DomainName, RecordId),
    /// How many messages the demo domain may send.
    pub demo_allowance: u32,
}

/// What a token may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Access {
    /// Read (10 in the hosted service).
    Viewer,
    /// Read and write (100).
    Admin,
}

impl Access {
    /// As on the command line and as stored.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Admin => "admin",
        }
    }
}

impl std::str::FromStr for Access {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "viewer" => Ok(Self::Viewer),
            "admin" => Ok(Self::Admin),
            other => Err(format!("{other:?} is no access level: use admin or viewer")),
        }
    }
}

/// What a token's access extends to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenScope {
    /// The account with all its domains.
    Account,
    /// Single domains.
    Domains(BTreeSet<DomainId>),
}

/// An API token, without its secret, which nobody keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Its number.
    pub id: TokenId,
    /// Whose it is.
    pub account: AccountId,
    /// What its owner calls it.
    pub name: String,
    /// What it may do.
    pub access: Access,
    /// On what.
    pub scope: TokenScope,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it is refused.
    pub expires_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
    /// When it was last used, give or take a few seconds.
    pub last_used_at: Option<Timestamp>,
}

/// What a token allows, and how long: all that a request is admitted by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The token's number.
    pub token: TokenId,
    /// Whose it is.
    pub account: AccountId,
    /// What it may do.
    pub access: Access,
    /// On what.
    pub scope: TokenScope,
    /// From when on it is refused.
    pub expires_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

impl From<Token> for Grant {
    fn from(token: Token) -> Self {
        let Token { id, account, access, scope, expires_at, revoked_at, .. } = token;
        Self { token: id, account, access, scope, expires_at, revoked_at }
    }
}

/// A token to be made.
#[derive(Clone, Debug)]
pub struct NewToken {
    /// Whose.
    pub account: AccountId,
    /// What its owner calls it.
    pub name: String,
    /// SHA-256 of the secret.
    pub hash: TokenHash,
    /// What it may do.
    pub access: Access,
    /// On what.
    pub scope: TokenScope,
    /// From when on it is refused.
    pub expires_at: Option<Timestamp>,
}

/// SHA-256 of a token. Tokens have 256 random bits, so that no slow hash and no
/// salt is needed, and a look-up by hash gives nothing away by its timing.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenHash(pub [u8; 32]);

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenHash(…)")
    }
}

/// A record's state as the contract shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordState {
    /// Which record.
    pub key: RecordKey,
    /// What is shown.
    pub shown: Shown,
    /// What the plan expected then. Where it expects something else now, the
    /// state is [`signet_core::verify::Status::Unchecked`] again.
    pub expected: String,
}

/// A sending domain with every fact its view is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Domain {
    /// Its number.
    pub id: DomainId,
    /// Whose it is.
    pub account: AccountId,
    /// Its name.
    pub name: DomainName,
    /// The `t` in its records' names.
    pub record_id: RecordId,
    /// Whether it is the account's demo domain.
    pub demo: bool,
    /// Messages the demo domain may still send.
    pub demo_messages_left: u32,
    /// What is tracked, who is told.
    pub tracking: Tracking,
    /// When it was registered.
    pub created_at: Timestamp,
    /// Where it stands.
    pub dns: DnsState,
    /// Per planned record, as of the last look; empty before the first.
    pub records: Vec<RecordState>,
    /// What its owner published already at the last look.
    pub present: Present,
    /// The zone cut above it, as of the last look that found it.
    pub zone: Option<Name>,
    /// When it was last looked at.
    pub checked_at: Option<Timestamp>,
    /// Whether a suspension of the domain itself is in force.
    pub suspended: bool,
    /// Whether one of its account is.
    pub account_suspended: bool,
    /// Whether the account's company information is complete.
    pub company_complete: bool,
    /// The last review's decision.
    pub decision: Option<Decision>,
}

impl Domain {
    /// What its compliance is derived from.
    #[must_use]
    pub fn facts(&self) -> Facts {
        Facts {
            suspended: self.suspended || self.account_suspended,
            demo: self.demo,
            demo_messages_left: self.demo_messages_left,
            dns_verified: self.dns.is_verified(),
            company_complete: self.company_complete,
            decision: self.decision,
        }
    }

    /// Whether it may send, and if not why.
    #[must_use]
    pub fn compliance(&self) -> ComplianceStatus {
        compliance::status(&self.facts())
    }
}

/// A domain to be registered.
#[derive(Clone, Debug)]
pub struct NewDomain {
    /// Whose.
    pub account: AccountId,
    /// Its name.
    pub name: DomainName,
    /// Its fresh record id.
    pub record_id: RecordId,
}

/// Why a domain was not registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotRegistered {
    /// The account has one of that name.
    Taken,
    /// The account has this many unverified domains already.
    TooManyUnverified(u32),
}

/// Why something is done, and by whom; goes into the history.
#[derive(Clone, Debug)]
pub struct Cause {
    /// `token:7`, `operator`, `signet`, `jwt:subject`.
    pub actor: String,
    /// In the actor's words, or empty.
    pub reason: String,
    /// When.
    pub at: Timestamp,
}

/// A kind of history row; the wire's `type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EventKind {
    /// An account was made.
    AccountCreated,
    /// A token was made.
    TokenCreated,
    /// A token was revoked.
    TokenRevoked,
    /// A domain was registered.
    DomainCreated,
    /// Its settings were changed.
    DomainUpdated,
    /// It was deleted.
    DomainDeleted,
    /// It was verified for the first time.
    DomainVerified,
    /// A record is confirmed wrong; verification ends at the time in `to`.
    DomainAtRisk,
    /// What was wrong is right again, in time.
    DomainMended,
    /// Verification was lost.
    DomainUnverified,
    /// Verified again after a loss.
    DomainRecovered,
    /// A record's status changed.
    RecordChanged,
    /// The compliance status changed.
    ComplianceChanged,
    /// Company information was given.
    CompanyCreated,
    /// Company information was changed.
    CompanyUpdated,
    /// A review approved the domain.
    ReviewApproved,
    /// A review rejected it.
    ReviewRejected,
    /// A suspension began.
    Suspended,
    /// A suspension ended.
    SuspensionLifted,
    /// Set-up instructions were queued for sending.
    InstructionsSent,
    /// DKIM keys were made.
    KeysCreated,
}

impl EventKind {
    /// All of them.
    pub const ALL: [Self; 21] = [
        Self::AccountCreated,
        Self::TokenCreated,
        Self::TokenRevoked,
        Self::DomainCreated,
        Self::DomainUpdated,
        Self::DomainDeleted,
        Self::DomainVerified,
        Self::DomainAtRisk,
        Self::DomainMended,
        Self::DomainUnverified,
        Self::DomainRecovered,
        Self::RecordChanged,
        Self::ComplianceChanged,
        Self::CompanyCreated,
        Self::CompanyUpdated,
        Self::ReviewApproved,
        Self::ReviewRejected,
        Self::Suspended,
        Self::SuspensionLifted,
        Self::InstructionsSent,
        Self::KeysCreated,
    ];

    /// As stored and on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AccountCreated => "account.created",
            Self::TokenCreated => "token.created",
            Self::TokenRevoked => "token.revoked",
            Self::DomainCreated => "domain.created",
            Self::DomainUpdated => "domain.updated",
            Self::DomainDeleted => "domain.deleted",
            Self::DomainVerified => "domain.verified",
            Self::DomainAtRisk => "domain.at_risk",
            Self::DomainMended => "domain.mended",
            Self::DomainUnverified => "domain.unverified",
            Self::DomainRecovered => "domain.recovered",
            Self::RecordChanged => "domain.record_changed",
            Self::ComplianceChanged => "domain.compliance_changed",
            Self::CompanyCreated => "company_info.created",
            Self::CompanyUpdated => "company_info.updated",
            Self::ReviewApproved => "review.approved",
            Self::ReviewRejected => "review.rejected",
            Self::Suspended => "review.suspended",
            Self::SuspensionLifted => "review.lifted",
            Self::InstructionsSent => "instructions.sent",
            Self::KeysCreated => "dkim.keys_created",
        }
    }
}

/// What a history row says beside its [`Cause`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEvent {
    /// What happened.
    pub kind: EventKind,
    /// More than the cause's reason, where there is more to say.
    pub reason: Option<String>,
    /// What was before.
    pub from: Option<String>,
    /// What is now.
    pub to: Option<String>,
    /// The record it is about.
    pub record: Option<RecordKey>,
}

impl NewEvent {
    /// A row that says only that something happened.
    #[must_use]
    pub fn of(kind: EventKind) -> Self {
        Self { kind, reason: None, from: None, to: None, record: None }
    }
}

/// A history row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its number.
    pub id: EventId,
    /// When.
    pub at: Timestamp,
    /// What, as [`EventKind::as_str`].
    pub kind: String,
    /// Who.
    pub actor: String,
    /// Why.
    pub reason: String,
    /// What was before.
    pub from: Option<String>,
    /// What is now.
    pub to: Option<String>,
    /// The record it is about.
    pub record: Option<String>,
}

/// The last look at a domain: the verdicts, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// When the look was made.
    pub checked_at: Timestamp,
    /// One per record planned then.
    pub verdicts: Vec<Verdict>,
}

/// A claimed domain: what the worker needs to look and to decide.
#[derive(Clone, Debug)]
pub struct Due {
    /// The domain.
    pub domain: Domain,
    /// For the compare-and-swap when the look is applied.
    pub version: i64,
    /// The highest ticket this look will cover.
    pub ticket: i64,
    /// Whether somebody asked for this look, so that caches are bypassed.
    pub on_demand: bool,
    /// Whether another account has the same name verified.
    pub rival: bool,
    /// Registration, or the last loss.
    pub waiting_since: Timestamp,
    /// Looks on end without a trustworthy answer.
    pub failures: u32,
    /// Looks on end that found a verified domain wrong.
    pub suspicions: u32,
    /// When it was due.
    pub due_at: Timestamp,
    /// The public keys (SPKI, DER) at its two DKIM targets.
    pub dkim_keys: [Option<Vec<u8>>; 2],
}

/// What a look changes.
#[derive(Clone, Debug)]
pub struct Looked {
    /// Which domain.
    pub domain: DomainId,
    /// Whose.
    pub account: AccountId,
    /// As claimed; nothing is written when the domain changed since.
    pub version: i64,
    /// As claimed.
    pub ticket: i64,
    /// The verdicts.
    pub report: Report,
    /// The record states now shown.
    pub records: Vec<RecordState>,
    /// What the owner publishes already.
    pub present: Present,
    /// The zone cut.
    pub zone: Option<Name>,
    /// The new state.
    pub dns: DnsState,
    /// New values of the counters in [`Due`].
    pub failures: u32,
    /// See [`Due`].
    pub suspicions: u32,
    /// When to look again.
    pub due_at: Timestamp,
    /// History rows; the one on compliance is added by the store, which alone
    /// sees the facts of that moment.
    pub events: Vec<NewEvent>,
}

/// A message waiting to be sent.
#[derive(Clone, Debug)]
pub struct OutboxItem {
    /// Its number.
    pub id: OutboxId,
    /// What to send.
    pub message: Message,
    /// Tries so far, this one not counted.
    pub attempts: u32,
    /// When it was queued.
    pub queued_at: Timestamp,
}

/// A message, complete but for its transport: whatever it says was decided when
/// it was queued.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Message {
    /// Recipient address.
    pub to: String,
    /// Subject, without line breaks.
    pub subject: String,
    /// Plain text body.
    pub text: String,
    /// HTML body.
    pub html: String,
    /// Attachments: file name, media type, content.
    pub attachments: Vec<Attachment>,
    /// `Message-ID` without angle brackets, the same on every try.
    pub message_id: String,
}

/// A file attached to a [`Message`].
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Attachment {
    /// File name, ASCII.
    pub name: String,
    /// Media type.
    pub media_type: String,
    /// Text content.
    pub content: String,
}

/// How many set-up instructions may go out within a day.
#[derive(Clone, Copy, Debug)]
pub struct InstructionCaps {
    /// From one account.
    pub per_account: u32,
    /// To one recipient, over all accounts.
    pub per_recipient: u32,
}

/// The cap that was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CapReached {
    /// See [`InstructionCaps`].
    Account,
    /// See [`InstructionCaps`].
    Recipient,
}

/// Which request an `Idempotency-Key` belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct IdempotencyScope {
    /// The token, or the JWT's subject, hashed.
    pub owner: String,
    /// The method.
    pub method: String,
    /// The path.
    pub path: String,
    /// The key.
    pub key: String,
}

/// An answer kept for replay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredAnswer {
    /// HTTP status.
    pub status: u16,
    /// Body.
    pub body: String,
}

/// What an `Idempotency-Key` has seen before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Idempotency {
    /// Nothing: go on, and report the answer.
    New,
    /// The same request, answered like this.
    Replay(StoredAnswer),
    /// Another body under the same key.
    OtherBody,
    /// The same request, still being answered.
    InProgress,
}

/// A DKIM key to be kept. The private half is sealed already.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// 1 or 2.
    pub selector: u8,
    /// SPKI, DER.
    pub public: Vec<u8>,
    /// The private key under a data key, and that under the key-encryption key.
    pub sealed: Vec<u8>,
}

/// A domain without DKIM keys that needs them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keyless {
    /// Whose.
    pub account: AccountId,
    /// Which.
    pub domain: DomainId,
    /// Its record id, bound into the seal.
    pub record_id: RecordId,
}

/// What the review's operator decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ruling {
    /// The domain may send.
    Approve,
    /// It may not.
    Reject,
    /// It may not for now.
    Suspend,
    /// The suspension ends.
    Lift,
}

/// What became of a message that was to be counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spent {
    /// It is counted.
    Now,
    /// It was counted before, and is not again.
    Before,
    /// It is not: the domain is no longer one that may send as a demo.
    Not,
}

/// What is counted for the metrics page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Domains by the name of their DNS state.
    pub domains: Vec<(String, i64)>,
    /// Domains due and not claimed.
    pub due: i64,
    /// Messages waiting.
    pub outbox: i64,
}

/// What our zone holds for one domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZoneDomain {
    /// Its record id.
    pub record_id: RecordId,
    /// The public keys (SPKI, DER) at its two DKIM targets.
    pub keys: [Option<Vec<u8>>; 2],
    /// The name, if it is a demo domain and so lies in our zone.
    pub demo_name: Option<DomainName>,
}
