//! What happened, for ever.

use super::EventId;
use jiff::Timestamp;
use signet_core::plan::RecordKey;

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

macro_rules! kinds {
    ($($(#[doc = $doc:literal])+ $variant:ident = $word:literal,)+) => {
        /// A kind of history row; the wire's `type`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum EventKind {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl EventKind {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// As stored and on the wire.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            /// What happened then, for the API's documentation.
            #[must_use]
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc),+)),+ }
            }
        }
    };
}

kinds! {
    /// An account was made.
    AccountCreated = "account.created",
    /// A token was made.
    TokenCreated = "token.created",
    /// A token was revoked.
    TokenRevoked = "token.revoked",
    /// A domain was registered.
    DomainCreated = "domain.created",
    /// Its settings were changed.
    DomainUpdated = "domain.updated",
    /// It was deleted.
    DomainDeleted = "domain.deleted",
    /// It was verified for the first time.
    DomainVerified = "domain.verified",
    /// A record is confirmed wrong; verification ends at the time in `to`.
    DomainAtRisk = "domain.at_risk",
    /// What was wrong is right again, in time.
    DomainMended = "domain.mended",
    /// Verification was lost.
    DomainUnverified = "domain.unverified",
    /// Verified again after a loss.
    DomainRecovered = "domain.recovered",
    /// A record's status changed.
    RecordChanged = "domain.record_changed",
    /// The compliance status changed.
    ComplianceChanged = "domain.compliance_changed",
    /// Company information was given.
    CompanyCreated = "company_info.created",
    /// Company information was changed.
    CompanyUpdated = "company_info.updated",
    /// A review approved the domain.
    ReviewApproved = "review.approved",
    /// A review rejected it.
    ReviewRejected = "review.rejected",
    /// A suspension began.
    Suspended = "review.suspended",
    /// A suspension ended.
    SuspensionLifted = "review.lifted",
    /// Set-up instructions were queued for sending.
    InstructionsSent = "instructions.sent",
    /// DKIM keys were made.
    KeysCreated = "dkim.keys_created",
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
