//! Who may send (COMPLIANCE): a pure function of facts.

use core::fmt;

/// The contract's `compliance_status`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ComplianceStatus {
    /// A suspension is in force.
    Suspended,
    /// The demo domain's allowance is used up.
    DemoExhausted,
    /// The demo domain.
    Demo,
    /// DNS is not verified.
    UnverifiedDns,
    /// The account has no complete company information.
    MissingCompanyInfo,
    /// The last review decision is a rejection.
    NonCompliant,
    /// The last review decision is an approval.
    Compliant,
    /// The review asked for the questionnaire.
    AwaitingQuestionnaire,
    /// The review asked for a card check.
    AwaitingCardVerification,
    /// A review is due or running.
    UnderReview,
}

impl ComplianceStatus {
    /// All of them, in the order of COMPLIANCE's table.
    pub const ALL: [Self; 10] = [
        Self::Suspended,
        Self::DemoExhausted,
        Self::Demo,
        Self::UnverifiedDns,
        Self::MissingCompanyInfo,
        Self::NonCompliant,
        Self::Compliant,
        Self::AwaitingQuestionnaire,
        Self::AwaitingCardVerification,
        Self::UnderReview,
    ];

    /// As on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Suspended => "suspended",
            Self::DemoExhausted => "demo_exhausted",
            Self::Demo => "demo",
            Self::UnverifiedDns => "unverified_dns",
            Self::MissingCompanyInfo => "missing_company_info",
            Self::NonCompliant => "non_compliant",
            Self::Compliant => "compliant",
            Self::AwaitingQuestionnaire => "awaiting_questionnaire",
            Self::AwaitingCardVerification => "awaiting_card_verification",
            Self::UnderReview => "under_review",
        }
    }

    /// The inverse of [`Self::as_str`].
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }

    /// What it means and what its owner does next, for documentation and people.
    #[must_use]
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Suspended => "Sending is suspended by the operator; the history says why.",
            Self::DemoExhausted => {
                "The demo domain's message allowance is used up; register a domain of your own."
            }
            Self::Demo => "The account's demo domain: it may write to the account's owner only.",
            Self::UnverifiedDns => "The domain's DNS records are not verified; publish them as shown.",
            Self::MissingCompanyInfo => "The account has no complete company information; fill it in.",
            Self::NonCompliant => "A review rejected the domain; the history says why.",
            Self::Compliant => "The domain may send.",
            Self::AwaitingQuestionnaire => "The review waits for the questionnaire to be answered.",
            Self::AwaitingCardVerification => "The review waits for the card check to be passed.",
            Self::UnderReview => "Everything is in place and a review is due or running.",
        }
    }
}

impl fmt::Display for ComplianceStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A review's decision. It outlives DNS outages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Decision {
    /// The domain may send.
    Approved,
    /// It may not.
    Rejected,
}

impl Decision {
    /// As stored and as in the history.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Approved => "approved",
            Self::Rejected => "rejected",
        }
    }

    /// The inverse of [`Self::as_str`].
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Approved, Self::Rejected].into_iter().find(|decision| decision.as_str() == text)
    }
}

/// A suspension that is in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Suspension {
    /// The operator looks into something: mail waits.
    Hold,
    /// For abuse: mail is refused.
    Abuse,
}

impl Suspension {
    /// As stored and on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hold => "hold",
            Self::Abuse => "abuse",
        }
    }

    /// The inverse of [`Self::as_str`].
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Hold, Self::Abuse].into_iter().find(|suspension| suspension.as_str() == text)
    }
}

/// Something a review may ask of an owner: the questionnaire, the card check.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Asked {
    /// Nobody has asked for it.
    #[default]
    No,
    /// It is asked for and not there.
    Open,
    /// It was asked for and is there: answered, passed.
    Met,
}

impl Asked {
    /// As stored and on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::No => "no",
            Self::Open => "open",
            Self::Met => "met",
        }
    }

    /// The inverse of [`Self::as_str`].
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::No, Self::Open, Self::Met].into_iter().find(|asked| asked.as_str() == text)
    }
}

/// Everything the status is derived from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    /// On the domain or its account; the graver of the two.
    pub suspension: Option<Suspension>,
    /// The account's demo domain.
    pub demo: bool,
    /// Messages the demo domain may still send; not read for others.
    pub demo_messages_left: u32,
    /// See [`super::DnsState::is_verified`].
    pub dns_verified: bool,
    /// See [`crate::company::CompanyInfo::is_complete`].
    pub company_complete: bool,
    /// The last one.
    pub decision: Option<Decision>,
    /// Whether the review asked for the questionnaire.
    pub questionnaire: Asked,
    /// Whether the review asked for a card check.
    pub card: Asked,
}

/// The status: COMPLIANCE's table, first match wins.
#[must_use]
pub fn status(facts: &Facts) -> ComplianceStatus {
    match facts {
        Facts { suspension: Some(_), .. } => ComplianceStatus::Suspended,
        Facts { demo: true, demo_messages_left: 0, .. } => ComplianceStatus::DemoExhausted,
        Facts { demo: true, .. } => ComplianceStatus::Demo,
        Facts { dns_verified: false, .. } => ComplianceStatus::UnverifiedDns,
        Facts { company_complete: false, .. } => ComplianceStatus::MissingCompanyInfo,
        Facts { decision: Some(Decision::Rejected), .. } => ComplianceStatus::NonCompliant,
        Facts { decision: Some(Decision::Approved), .. } => ComplianceStatus::Compliant,
        Facts { questionnaire: Asked::Open, .. } => ComplianceStatus::AwaitingQuestionnaire,
        Facts { card: Asked::Open, .. } => ComplianceStatus::AwaitingCardVerification,
        Facts { decision: None, .. } => ComplianceStatus::UnderReview,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ComplianceStatus as S;

    const READY: Facts = Facts {
        suspension: None,
        demo: false,
        demo_messages_left: 50,
        dns_verified: true,
        company_complete: true,
        decision: Some(Decision::Approved),
        questionnaire: Asked::No,
        card: Asked::No,
    };
    const UNDECIDED: Facts = Facts { decision: None, ..READY };

    #[test]
    fn the_table_from_the_top() {
        let rows = [
            (Facts { suspension: Some(Suspension::Abuse), demo: true, ..READY }, S::Suspended),
            (Facts { suspension: Some(Suspension::Hold), ..READY }, S::Suspended),
            (Facts { demo: true, demo_messages_left: 0, ..READY }, S::DemoExhausted),
            (Facts { demo: true, ..READY }, S::Demo),
            (Facts { dns_verified: false, company_complete: false, ..READY }, S::UnverifiedDns),
            (Facts { company_complete: false, ..READY }, S::MissingCompanyInfo),
            (Facts { decision: Some(Decision::Rejected), ..READY }, S::NonCompliant),
            (READY, S::Compliant),
            (Facts { questionnaire: Asked::Open, card: Asked::Open, ..READY }, S::Compliant),
            (Facts { questionnaire: Asked::Open, card: Asked::Open, ..UNDECIDED }, S::AwaitingQuestionnaire),
            (
                Facts { questionnaire: Asked::Met, card: Asked::Open, ..UNDECIDED },
                S::AwaitingCardVerification,
            ),
            (Facts { card: Asked::Open, ..UNDECIDED }, S::AwaitingCardVerification),
            (Facts { questionnaire: Asked::Met, card: Asked::Met, ..UNDECIDED }, S::UnderReview),
            (UNDECIDED, S::UnderReview),
        ];
        for (facts, expected) in rows {
            assert_eq!(status(&facts), expected, "{facts:?}");
        }
    }

    #[test]
    fn a_decision_outlives_an_outage() {
        let lost = Facts { dns_verified: false, ..READY };
        assert_eq!(status(&lost), S::UnverifiedDns);
        assert_eq!(status(&Facts { dns_verified: true, ..lost }), S::Compliant);
    }
}
