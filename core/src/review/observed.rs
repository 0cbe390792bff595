//! What was observed of a sender, source by source.

use crate::{company::CompanyInfo, names::Name};
use alloc::{collections::BTreeMap, string::String, vec::Vec};
use jiff::Timestamp;

/// What a source said, or why it could not be reached, which is nobody's fault
/// but perhaps ours. The text completes "…: ".
pub type Learned<T> = Result<T, String>;

/// Who is judged.
#[derive(Clone, Copy, Debug)]
pub struct Sender<'a> {
    /// The sending domain.
    pub domain: &'a Name,
    /// The account's company information, if there is any.
    pub company: Option<&'a CompanyInfo>,
    /// The account, if the domain is one of an account's.
    pub account: Option<&'a AccountFacts>,
    /// The time.
    pub now: Timestamp,
}

/// What the account has done before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountFacts {
    /// How many domains it registered, this one among them, by the days looked
    /// back.
    pub created: BTreeMap<u32, u64>,
    /// Another domain of the account that was rejected, if there is one.
    pub rejected: Option<Name>,
}

/// What a DNS blocklist answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listing {
    /// It does not have the domain.
    NotListed,
    /// It has.
    Listed {
        /// The name it was found under.
        name: Name,
        /// The answers, as addresses.
        answers: Vec<core::net::IpAddr>,
    },
}

/// What lies at the sender's website.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Website {
    /// Nobody said where it is.
    Unknown,
    /// It is not there, by its own doing; the text completes "the website …".
    Unreachable {
        /// Where it was looked for.
        url: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A page.
    Page(Page),
}

/// A page of the sender's website.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// Where it was looked for.
    pub asked: String,
    /// Where it was found, after redirects.
    pub url: String,
    /// The host there; `None` for an address.
    pub host: Option<Name>,
    /// The HTTP status.
    pub status: u16,
    /// The document as it was sent; `None` when it is no text that can be read.
    pub html: Option<String>,
}

/// Everything the sources said. What a policy does not ask for may be left as
/// it is by default.
#[derive(Clone, Debug)]
pub struct Observed {
    /// By blocklist.
    pub lists: BTreeMap<Name, Learned<Listing>>,
    /// The website.
    pub website: Learned<Website>,
    /// The names of the domain's name servers.
    pub name_servers: Learned<Vec<Name>>,
    /// When the domain was registered; `None`: the registry does not say.
    pub registered: Learned<Option<Timestamp>>,
}

impl Default for Observed {
    fn default() -> Self {
        Self {
            lists: BTreeMap::new(),
            website: Ok(Website::Unknown),
            name_servers: Err(Self::not_asked()),
            registered: Err(Self::not_asked()),
        }
    }
}

impl Observed {
    fn not_asked() -> String {
        String::from("nobody was asked")
    }
}
