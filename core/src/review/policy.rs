//! The rules as data.

use crate::names::Name;
use alloc::{collections::BTreeSet, string::String, vec::Vec};

/// What a rule leads to when its check is not passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Outcome {
    /// Nothing; the evidence is kept.
    Pass,
    /// The sender is asked to answer the questionnaire.
    AskQuestionnaire,
    /// The sender is asked to pass the card check.
    AskCard,
    /// The operator decides.
    Refer,
    /// The sender is rejected.
    Reject,
}

impl Outcome {
    /// All of them, the mildest first.
    pub const ALL: [Self; 5] = [Self::Pass, Self::AskQuestionnaire, Self::AskCard, Self::Refer, Self::Reject];

    /// As in a policy file and as stored.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::AskQuestionnaire => "ask_questionnaire",
            Self::AskCard => "ask_card",
            Self::Refer => "refer",
            Self::Reject => "reject",
        }
    }

    /// The inverse of [`Self::as_str`].
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.as_str() == text)
    }
}

/// What a rule looks at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Check {
    /// The domain is on one of these DNS blocklists.
    Blocklist {
        /// The zones asked.
        lists: Vec<Name>,
    },
    /// The sender's website is not there.
    WebsiteUnreachable,
    /// The sender's website is somebody else's.
    WebsiteUnrelated,
    /// The sender's website is a page that says the domain is for sale.
    WebsiteParked,
    /// The domain's name servers are those of a company that parks domains.
    ParkingNameServers,
    /// The name looks like a protected one.
    LookAlike,
    /// A protected name is a part of the name.
    BrandInName,
    /// The name belongs to a provider of free mailboxes.
    FreeMail,
    /// The name belongs to a provider of throw-away mailboxes.
    Disposable,
    /// The name is one that a hosting company gives to its customers.
    PrivateSuffix,
    /// What the sender says of the company cannot all be true.
    ContradictoryCompany,
    /// The account has registered many domains lately.
    ManyNewDomains {
        /// So many are fine.
        most: u32,
        /// Within so many days.
        days: u32,
    },
    /// Another domain of the account has been rejected.
    RejectedInAccount,
    /// The domain was registered a short time ago.
    DomainAge {
        /// A domain this many days old is old enough.
        days: u32,
        /// Where to ask (RFC 9082), with `{domain}` for the domain.
        rdap_url: String,
    },
}

impl Check {
    /// The names of all checks.
    pub const NAMES: [&'static str; 14] = [
        "blocklist",
        "website_unreachable",
        "website_unrelated",
        "website_parked",
        "parking_name_servers",
        "look_alike",
        "brand_in_name",
        "free_mail",
        "disposable",
        "private_suffix",
        "contradictory_company",
        "many_new_domains",
        "rejected_in_account",
        "domain_age",
    ];

    /// As in a policy file.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        let at = match self {
            Self::Blocklist { .. } => 0,
            Self::WebsiteUnreachable => 1,
            Self::WebsiteUnrelated => 2,
            Self::WebsiteParked => 3,
            Self::ParkingNameServers => 4,
            Self::LookAlike => 5,
            Self::BrandInName => 6,
            Self::FreeMail => 7,
            Self::Disposable => 8,
            Self::PrivateSuffix => 9,
            Self::ContradictoryCompany => 10,
            Self::ManyNewDomains { .. } => 11,
            Self::RejectedInAccount => 12,
            Self::DomainAge { .. } => 13,
        };
        Self::NAMES[at]
    }
}

/// A check, and what follows when it is not passed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// How it is called in findings.
    pub name: String,
    /// What it looks at.
    pub check: Check,
    /// What follows.
    pub then: Outcome,
}

/// What an answered questionnaire leads to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AfterQuestionnaire {
    /// The operator reads the answers and decides.
    #[default]
    Refer,
    /// The rule that asked for it is satisfied.
    Pass,
}

/// Names that belong to one company.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Protected {
    /// Its registered domains. What others may not resemble is the label that
    /// the first of them begins with.
    pub domains: Vec<Name>,
    /// Whether that label is a word of everyday language: then only look-alikes
    /// in other letters count, since one edit away from a word there are others.
    pub word: bool,
}

/// Which checks are made, and what follows from each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// In the order they are shown.
    pub rules: Vec<Rule>,
    /// What an answered questionnaire leads to.
    pub after_questionnaire: AfterQuestionnaire,
    /// Protected names of the operator's choice.
    pub protected: Vec<Protected>,
    /// Whether the built-in list of often-imitated names is not used.
    pub without_built_in_names: bool,
}

/// What a policy needs to know of the world.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Blocklists to ask.
    pub lists: BTreeSet<Name>,
    /// The sender's website.
    pub website: bool,
    /// The domain's name servers.
    pub name_servers: bool,
    /// Windows, in days, in which the account's new domains are counted.
    pub windows: BTreeSet<u32>,
    /// Where to ask for the date of registration.
    pub rdap_urls: BTreeSet<String>,
}

impl Policy {
    /// What has to be looked at.
    #[must_use]
    pub fn wanted(&self) -> Wanted {
        let mut wanted = Wanted::default();
        for rule in &self.rules {
            match &rule.check {
                Check::Blocklist { lists } => wanted.lists.extend(lists.iter().cloned()),
                Check::WebsiteUnreachable | Check::WebsiteUnrelated | Check::WebsiteParked => {
                    wanted.website = true;
                }
                Check::ParkingNameServers => wanted.name_servers = true,
                Check::ManyNewDomains { days, .. } => {
                    wanted.windows.insert(*days);
                }
                Check::DomainAge { rdap_url, .. } => {
                    wanted.rdap_urls.insert(rdap_url.clone());
                }
                Check::LookAlike
                | Check::BrandInName
                | Check::FreeMail
                | Check::Disposable
                | Check::PrivateSuffix
                | Check::ContradictoryCompany
                | Check::RejectedInAccount => {}
            }
        }
        wanted
    }
}
