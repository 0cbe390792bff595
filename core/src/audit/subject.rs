//! What an audit is about, and how much it matters.

use crate::{
    names::Name,
    verify::{Status, Verdict},
};
use alloc::string::String;
use core::fmt;

/// What is said about one subject, with its evidence.
pub type Finding = Verdict<Subject>;

/// What a [`Finding`] is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// The zone's name servers and its delegation.
    NameServers,
    /// The zone's signatures.
    Dnssec,
    /// The domain as a name: that it exists, and is no alias.
    Name,
    /// Its mail exchangers.
    Mx,
    /// Its SPF record.
    Spf,
    /// Its DKIM keys: one, or the search for any.
    Dkim(Option<Selector>),
    /// Its DMARC policy.
    Dmarc,
    /// Its MTA-STS record.
    MtaSts,
    /// Its TLS reporting record.
    TlsRpt,
}

/// A DKIM selector that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selector {
    /// The labels before `._domainkey`.
    pub label: String,
    /// Whether it was asked for, rather than tried because it is common.
    pub given: bool,
}

impl Subject {
    /// One stable word.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::NameServers => "name_servers",
            Self::Dnssec => "dnssec",
            Self::Name => "name",
            Self::Mx => "mx",
            Self::Spf => "spf",
            Self::Dkim(_) => "dkim",
            Self::Dmarc => "dmarc",
            Self::MtaSts => "mta_sts",
            Self::TlsRpt => "tls_rpt",
        }
    }

    /// The DKIM selector it is about.
    #[must_use]
    pub fn selector(&self) -> Option<&str> {
        match self {
            Self::Dkim(Some(selector)) => Some(&selector.label),
            _ => None,
        }
    }

    /// The name at which it stands; `None` where that is too long to be one.
    #[must_use]
    pub fn owner(&self, domain: &Name, zone: Option<&Name>) -> Option<Name> {
        match self {
            Self::NameServers | Self::Dnssec => Some(zone.unwrap_or(domain).clone()),
            Self::Name | Self::Mx | Self::Spf => Some(domain.clone()),
            Self::Dkim(None) => domain.prepend("_domainkey"),
            Self::Dkim(Some(selector)) => {
                domain.prepend("_domainkey").and_then(|below| below.prepend(&selector.label))
            }
            Self::Dmarc => domain.prepend("_dmarc"),
            Self::MtaSts => domain.prepend("_mta-sts"),
            Self::TlsRpt => domain.prepend("_smtp._tls"),
        }
    }

    /// Whether the domain is not in order without it. Keys under common
    /// selectors may be left from earlier; MTA-STS and TLS reports are for
    /// those who want them.
    fn counts(&self) -> bool {
        match self {
            Self::NameServers | Self::Dnssec | Self::Name | Self::Mx | Self::Spf | Self::Dmarc => true,
            Self::Dkim(selector) => selector.as_ref().is_some_and(|selector| selector.given),
            Self::MtaSts | Self::TlsRpt => false,
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    /// All is well.
    Good,
    /// Worth knowing, and no fault.
    Note,
    /// Works, but should be better.
    Warning,
    /// Something that matters is wrong.
    Problem,
    /// Something that matters could not be looked at.
    Unknown,
}

impl Weight {
    /// One stable word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Problem => "problem",
            Self::Unknown => "unknown",
        }
    }
}

impl Finding {
    /// How much it matters.
    #[must_use]
    pub fn weight(&self) -> Weight {
        match (self.status, self.key.counts()) {
            (Status::Pass, _) => Weight::Good,
            (Status::Softfail, _) | (Status::Fail, false) => Weight::Warning,
            (Status::Missing | Status::Fail, true) => Weight::Problem,
            (Status::NetworkError, true) => Weight::Unknown,
            (Status::Unchecked, _) | (Status::Missing | Status::NetworkError, false) => Weight::Note,
        }
    }
}
