//! What happened, for ever.

use super::{AccountId, AuditPlace, DomainId, EventId};
use jiff::Timestamp;
use signet_core::plan::RecordKey;

/// Why something is done, and by whom; goes into the history.
#[derive(Clone, Debug)]
pub struct Cause {
    /// `token:7`, `operator`, `signet`, `jwt:subject`.
    pub actor: String,
    /// From where: `192.0.2.7 request 0190…`, `command line`, `here` for what
    /// happens by itself.
    pub origin: String,
    /// In the actor's words, or empty.
    pub reason: String,
    /// When.
    pub at: Timestamp,
}

impl Cause {
    /// What Signet does by itself.
    #[must_use]
    pub fn signet(at: Timestamp) -> Self {
        Self { actor: "signet".to_string(), origin: "here".to_string(), reason: String::new(), at }
    }

    /// What the operator does on the command line.
    #[must_use]
    pub fn command_line(reason: &str, at: Timestamp) -> Self {
        let (actor, origin) = ("operator".to_string(), "command line".to_string());
        Self { actor, origin, reason: reason.to_string(), at }
    }
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

            /// The inverse of [`Self::as_str`].
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|kind| kind.as_str() == text)
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
    /// The database was filled from the backup file in `from`.
    Restored = "installation.restored",
    /// Demotions that were held back go ahead until the time in `to`.
    DemotionsReleased = "demotions.released",
    /// Version `to` of the key-encryption key seals from now on, in place of `from`.
    KeyReplaced = "installation.key_replaced",
    /// An account was made.
    AccountCreated = "account.created",
    /// A token was made.
    TokenCreated = "token.created",
    /// A token was replaced by another with the same rights; the old one goes on
    /// for a while.
    TokenReset = "token.reset",
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
    /// The rules of the review ran; `to` is what they came to.
    ReviewRan = "review.ran",
    /// The review asked for the questionnaire.
    QuestionnaireAsked = "questionnaire.asked",
    /// It was answered.
    QuestionnaireAnswered = "questionnaire.answered",
    /// The review asked for a card check.
    CardAsked = "card.asked",
    /// The card check was passed.
    CardPassed = "card.passed",
    /// It was not.
    CardFailed = "card.failed",
    /// A review approved the domain.
    ReviewApproved = "review.approved",
    /// A review rejected it.
    ReviewRejected = "review.rejected",
    /// A decision was taken back; the review begins anew.
    ReviewReopened = "review.reopened",
    /// A suspension began.
    Suspended = "review.suspended",
    /// A suspension ended.
    SuspensionLifted = "review.lifted",
    /// Set-up instructions were queued for sending.
    InstructionsSent = "instructions.sent",
    /// DKIM keys were made.
    KeysCreated = "dkim.keys_created",
    /// Who publishes the DKIM keys changed.
    DkimModeChanged = "dkim.mode_changed",
    /// A DKIM key that the customer brought, in `to`, is published; it signs as soon
    /// as it is proven.
    KeyImported = "dkim.imported",
    /// The private half of a DKIM key, in `to`, was taken out of the database to be
    /// decrypted.
    KeyOpened = "dkim.opened",
    /// Another DKIM key signs from now on.
    KeysRotated = "dkim.rotated",
    /// A DKIM key, in `to`, is published; it signs when its turn comes.
    KeyPublished = "dkim.published",
    /// Everybody sees a DKIM key that was published.
    KeyProven = "dkim.proven",
    /// A DKIM key that was published is no longer seen by everybody.
    KeyUnseen = "dkim.unseen",
    /// An Ed25519 key signs no more beside the RSA key; its record stays for a while.
    KeyRetired = "dkim.retired",
    /// The record of a DKIM key, in `from`, says that it is revoked; the private
    /// key is destroyed.
    KeyRevoked = "dkim.revoked",
    /// The record of a DKIM key is gone.
    KeyRemoved = "dkim.removed",
    /// Another DKIM key was asked for: `asked` or `compromised`, in `to`.
    RotationAsked = "dkim.rotation_asked",
    /// Another DKIM key should sign and cannot: its owner is told.
    RotationStuck = "dkim.rotation_stuck",
    /// A webhook was made.
    WebhookCreated = "webhook.created",
    /// Its settings were changed.
    WebhookUpdated = "webhook.updated",
    /// It was deleted.
    WebhookDeleted = "webhook.deleted",
    /// It accepted nothing for long, and is asked no more.
    WebhookDisabled = "webhook.disabled",
    /// A key to the zone in `to` was given, or another in its place.
    DnsAccessGiven = "dns_access.given",
    /// The key to the zone in `to` was deleted.
    DnsAccessDeleted = "dns_access.deleted",
    /// Records are about to be written into the zone in `to`, or taken out of it.
    DnsWriting = "dns.writing",
    /// Records were written into the zone in `to`.
    DnsApplied = "dns.applied",
    /// Records were, after all, not written into the zone in `to`, nor taken out of it.
    DnsNotWritten = "dns.not_written",
    /// Our records were taken out of the zone in `to`.
    DnsRemoved = "dns.removed",
}

impl EventKind {
    /// Those that webhooks can be told of.
    pub const PUBLISHED: &[Self] = &[
        Self::DomainCreated,
        Self::DomainVerified,
        Self::DomainAtRisk,
        Self::DomainUnverified,
        Self::DomainRecovered,
        Self::ComplianceChanged,
        Self::DomainDeleted,
        Self::RecordChanged,
        Self::KeysRotated,
    ];
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
    /// What it was decided by, JSON.
    pub evidence: Option<String>,
}

impl NewEvent {
    /// A row that says only that something happened.
    #[must_use]
    pub fn of(kind: EventKind) -> Self {
        Self { kind, reason: None, from: None, to: None, record: None, evidence: None }
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
    /// Whose it is.
    pub account: AccountId,
    /// The domain it is about.
    pub domain: Option<DomainId>,
    /// What that was called then.
    pub domain_name: Option<String>,
    /// Who.
    pub actor: String,
    /// From where, see [`Cause::origin`].
    pub origin: String,
    /// Why.
    pub reason: String,
    /// What was before.
    pub from: Option<String>,
    /// What is now.
    pub to: Option<String>,
    /// The record it is about.
    pub record: Option<String>,
    /// What it was decided by, JSON.
    pub evidence: Option<String>,
}

impl Event {
    /// Where it stands among all.
    #[must_use]
    pub fn place(&self) -> AuditPlace {
        AuditPlace { at: self.at, id: self.id }
    }
}
