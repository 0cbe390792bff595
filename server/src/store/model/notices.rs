//! What owners are to be told.

use super::{AccountId, DomainId, Message, NoticeId};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use signet_core::{alert, email::EmailAddress, health::Reported, lifecycle::DnsState};
use std::collections::BTreeMap;

/// Something an owner is told: all that its message will say. It is written
/// with the change it is about; a worker makes a message of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// The domain's name; `None` for what is about the account.
    pub domain: Option<String>,
    /// What happened.
    pub about: About,
    /// The compliance status that changed, whatever else happened.
    pub compliance: Option<StatusChange>,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum About {
    /// Nothing but the compliance status changed.
    Compliance {
        /// Why, in the words of whoever decided.
        reason: String,
    },
    /// Records are confirmed wrong.
    AtRisk {
        /// When verification ends.
        deadline: Timestamp,
        /// What is wrong.
        wrong: Vec<WrongRecord>,
    },
    /// It ends at another time now.
    DeadlineMoved {
        /// When verification ends.
        deadline: Timestamp,
        /// What is wrong.
        wrong: Vec<WrongRecord>,
    },
    /// The deadline is near.
    Reminder {
        /// When verification ends.
        deadline: Timestamp,
        /// What is wrong.
        wrong: Vec<WrongRecord>,
    },
    /// Verification is lost.
    Lost {
        /// What is wrong.
        wrong: Vec<WrongRecord>,
    },
    /// What was wrong is right again, in time.
    Mended,
    /// Verified again after a loss.
    Recovered,
    /// The owner is asked for something, while the compliance status stays.
    Asked {
        /// For what.
        what: Request,
        /// Why, in the words of whoever asks.
        reason: String,
    },
    /// The next DKIM key cannot take over.
    RotationStuck {
        /// What keeps it from that.
        wrong: Vec<WrongRecord>,
    },
    /// The next DKIM key is there, and the owner, who publishes the keys, has not
    /// published it.
    PublishKey {
        /// What stands in its place, and what to publish.
        wrong: Vec<WrongRecord>,
    },
    /// An API token is about to end.
    TokenExpiring {
        /// What its owner calls it.
        name: String,
        /// From when on it is refused.
        expires_at: Timestamp,
        /// Its last characters, to tell it by.
        last4: Option<String>,
    },
    /// A webhook wants nothing, or accepted nothing for long, and is asked no more.
    WebhookDisabled {
        /// Where it is.
        url: String,
        /// Why, as a sentence about it.
        why: String,
    },
}

/// What an owner can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    /// To answer the questionnaire.
    Questionnaire,
    /// To pass the card check.
    CardCheck,
}

impl Request {
    /// As stored.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Questionnaire => "questionnaire",
            Self::CardCheck => "card_check",
        }
    }
}

impl About {
    /// As stored.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Compliance { .. } => "compliance",
            Self::AtRisk { .. } => "at_risk",
            Self::DeadlineMoved { .. } => "deadline_moved",
            Self::Reminder { .. } => "reminder",
            Self::Lost { .. } => "lost",
            Self::Mended => "mended",
            Self::Recovered => "recovered",
            Self::Asked { .. } => "asked",
            Self::RotationStuck { .. } => "rotation_stuck",
            Self::PublishKey { .. } => "publish_key",
            Self::TokenExpiring { .. } => "token_expiring",
            Self::WebhookDisabled { .. } => "webhook_disabled",
        }
    }

    /// Whether it is about a domain's DNS: such a notice can be turned off, waits
    /// for others of its cause and makes a digest with them.
    #[must_use]
    pub fn is_alert(&self) -> bool {
        Self::is_alert_kind(self.kind())
    }

    /// The same of what [`Self::kind`] says.
    #[must_use]
    pub fn is_alert_kind(kind: &str) -> bool {
        let alerts = [
            "at_risk",
            "deadline_moved",
            "reminder",
            "lost",
            "mended",
            "recovered",
            "rotation_stuck",
            "publish_key",
        ];
        alerts.contains(&kind)
    }

    /// What is wrong, where something is.
    #[must_use]
    pub fn wrong(&self) -> &[WrongRecord] {
        match self {
            Self::AtRisk { wrong, .. }
            | Self::DeadlineMoved { wrong, .. }
            | Self::Reminder { wrong, .. }
            | Self::Lost { wrong }
            | Self::RotationStuck { wrong }
            | Self::PublishKey { wrong } => wrong,
            _ => &[],
        }
    }

    /// When verification ends, where that is told.
    #[must_use]
    pub fn deadline(&self) -> Option<Timestamp> {
        match self {
            Self::AtRisk { deadline, .. }
            | Self::DeadlineMoved { deadline, .. }
            | Self::Reminder { deadline, .. } => Some(*deadline),
            _ => None,
        }
    }

    /// How long it waits for others.
    #[must_use]
    pub fn wait(&self) -> SignedDuration {
        if self.is_alert() { alert::WAIT } else { SignedDuration::ZERO }
    }
}

/// A record that is wrong, for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WrongRecord {
    /// Its full name.
    pub owner: String,
    /// What was seen.
    pub reason: String,
    /// What to do.
    pub fix: String,
}

/// A compliance status before and after.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusChange {
    /// What it was.
    pub from: String,
    /// What it is.
    pub to: String,
}

/// Something about a domain's verification that its owner is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alert {
    /// What.
    pub about: About,
    /// What it may share with other domains: their DNS host. Those of one cause
    /// may go out in one message.
    pub cause: String,
}

/// A notice to be kept, with whom it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewNotice {
    /// Whose.
    pub account: AccountId,
    /// About which domain; `None` for what is about the account.
    pub domain: Option<DomainId>,
    /// See [`Alert::cause`].
    pub cause: String,
    /// What.
    pub notice: Notice,
}

/// Notices that may be told together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoticeGroup {
    /// Whose.
    pub account: AccountId,
    /// See [`About::kind`].
    pub kind: String,
    /// See [`Alert::cause`].
    pub cause: String,
    /// When a message was last made of such notices.
    pub told_at: Option<Timestamp>,
}

/// A notice that is not told yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Its number.
    pub id: NoticeId,
    /// About which domain.
    pub domain: Option<DomainId>,
    /// What.
    pub notice: Notice,
    /// That domain as it is now, unless it is gone.
    pub standing: Option<Listener>,
}

/// A domain as those see it who are told of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    /// Where its verification stands.
    pub dns: DnsState,
    /// Whether critical alerts are on.
    pub critical_alerts: bool,
    /// Its own recipient.
    pub recipient: Option<EmailAddress>,
    /// Who was told of what is wrong now, or was until now.
    pub informed: Vec<EmailAddress>,
}

/// What became of notices.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Telling {
    /// Those that are in a message.
    pub told: Vec<NoticeId>,
    /// Those nobody needs to hear of any more, or wants to.
    pub dropped: Vec<NoticeId>,
    /// Who has been told of domains from now on, see [`Listener::informed`].
    pub informed: Vec<(DomainId, Vec<EmailAddress>)>,
    /// The messages, with the domain of those about a single one.
    pub messages: Vec<(Option<DomainId>, Message)>,
}

/// An account whose health is to be looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthDue {
    /// Which.
    pub account: AccountId,
    /// When it was due: nobody else has looked if it still is.
    pub due_at: Timestamp,
    /// What was reported last, by recipient.
    pub reported: BTreeMap<String, Reported>,
}
