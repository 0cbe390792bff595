//! The sender's website: there, the sender's, and more than a sign that says
//! "for sale".

#[cfg(test)]
mod tests;
mod text;

use super::{
    Found, Observed, Page, Result, Sender, Website,
    listed::{self, PARKING, SITES},
    words,
};
use crate::{
    company::{Field, InfoLevel},
    names::Name,
};
use alloc::{
    format,
    string::{String, ToString},
};

impl<'a> Sender<'a> {
    /// The address of the website to look at. A private person's page at somebody
    /// else's site is not: it says nothing of the domain.
    #[must_use]
    pub fn website(&self) -> Option<&'a str> {
        if is_profile(self) { None } else { self.company?.get(Field::WebsiteUrl) }
    }
}

/// A page with more text than this, in characters, is no sign; it may well speak
/// of parked domains.
const SIGN: usize = 5_000;
/// A page with less text than this says nothing by itself where a program in the
/// browser fills it.
const SHELL: usize = 200;

/// The website is not there.
pub(super) fn unreachable(sender: &Sender<'_>, observed: &Observed) -> Result {
    let page = match look(sender, observed) {
        Looked::Page(page) => page,
        Looked::Unreachable { url, problem } => {
            return Found::Against(format!("The website {problem}.")).from(url);
        }
        Looked::Else(result) => return result,
    };
    if is_gone(page.status) {
        return Found::Against(format!("The website answers with the error {}.", page.status))
            .from(&page.url);
    }
    Found::Fine(format!("The website answers with status {}.", page.status)).from(&page.url)
}

/// The website is somebody else's: it lies under another organizational domain
/// than the one to send from, and names neither the company nor the domain.
pub(super) fn unrelated(sender: &Sender<'_>, observed: &Observed) -> Result {
    let page = match look(sender, observed) {
        Looked::Page(page) => page,
        Looked::Unreachable { url, .. } => return nothing_to_read(url),
        Looked::Else(result) => return result,
    };
    let html = match read(page) {
        Ok(html) => html,
        Err(result) => return result,
    };
    let at = page.host.as_ref().map_or_else(|| page.url.clone(), ToString::to_string);
    if page.host.as_ref().is_some_and(|host| same_owner(sender.domain, host)) {
        return Found::Fine(format!("The website is at {at}, which goes with the domain.")).from(&page.url);
    }
    let whole = text::decoded(html);
    let spellings = words::spellings(&whole);
    let company = sender.company.and_then(|company| company.get(Field::Name));
    if company.is_some_and(|name| words::names(&spellings, name)) {
        let text = format!("The website is at {at} and names the company.");
        return Found::Fine(text).from(&page.url);
    }
    if names_domain(&whole, &spellings, sender.domain) {
        let text = format!("The website is at {at} and names the domain.");
        return Found::Fine(text).from(&page.url);
    }
    let visible = text::visible(html);
    if visible.chars().count() < SHELL && html.to_ascii_lowercase().contains("<script") {
        let text = "The website shows its text only in a browser, so that it could not be read.";
        return Found::Nothing(text.to_string()).from(&page.url);
    }
    let who = company.map_or_else(|| "the company".to_string(), |name| format!("{name:?}"));
    Found::Against(format!(
        "The website is at {at}, which is not under {}, and its page names neither {who} nor {}.",
        organization(sender.domain),
        sender.domain
    ))
    .from(&page.url)
}

/// The website is a page of a company that parks or sells domains.
pub(super) fn parked(sender: &Sender<'_>, observed: &Observed) -> Result {
    let page = match look(sender, observed) {
        Looked::Page(page) => page,
        Looked::Unreachable { url, .. } => return nothing_to_read(url),
        Looked::Else(result) => return result,
    };
    let at_parker = page.host.as_ref().and_then(|host| listed::above(listed::of_kind(PARKING, "host"), host));
    if let Some(host) = at_parker {
        let text = format!("The website leads to {host}, where parked domains are offered.");
        return Found::Against(text).from(&page.url);
    }
    let html = match read(page) {
        Ok(html) => html,
        Err(result) => return result,
    };
    let lower = html.to_ascii_lowercase();
    if let Some(mark) = listed::of_kind(PARKING, "html").find(|mark| lower.contains(mark)) {
        let text = format!("The website is the page of a parked domain: its source has {mark:?}.");
        return Found::Against(text).from(&page.url);
    }
    let visible = text::visible(html).to_lowercase();
    let sign = visible.chars().count() <= SIGN;
    match listed::of_kind(PARKING, "text").find(|phrase| sign && visible.contains(phrase)) {
        Some(phrase) => {
            Found::Against(format!("The website is the page of a parked domain: it says {phrase:?}."))
        }
        None => Found::Fine("The website is not the page of a parked domain.".to_string()),
    }
    .from(&page.url)
}

/// What there is to judge.
enum Looked<'a> {
    Page(&'a Page),
    Unreachable { url: &'a str, problem: &'a str },
    Else(Result),
}

fn look<'a>(sender: &Sender<'_>, observed: &'a Observed) -> Looked<'a> {
    let source = sender.company.and_then(|company| company.get(Field::WebsiteUrl)).unwrap_or("website");
    if is_profile(sender) {
        let text = "A private person's page at somebody else's site is not looked at.";
        return Looked::Else(Found::Fine(text.to_string()).from(source));
    }
    match &observed.website {
        Err(problem) => {
            let text = format!("The website {problem}. That may be our network, so nothing is made of it.");
            Looked::Else(Found::Nothing(text).from(source))
        }
        Ok(Website::Unknown) => Looked::Else(Found::Fine("No website is known.".to_string()).from(source)),
        Ok(Website::Unreachable { url, problem }) => Looked::Unreachable { url, problem },
        Ok(Website::Page(page)) => Looked::Page(page),
    }
}

fn nothing_to_read(url: &str) -> Result {
    Found::Fine("There is no page to look at.".to_string()).from(url)
}

/// The document, where it is the website's page and can be read.
fn read(page: &Page) -> core::result::Result<&str, Result> {
    if is_gone(page.status) {
        return Err(nothing_to_read(&page.url));
    }
    // 401, 403, 429, 503 are what sites say to programs; people may well see a page.
    if !(200..300).contains(&page.status) {
        let text = format!("The website answers {} to programs, so that it could not be read.", page.status);
        return Err(Found::Nothing(text).from(&page.url));
    }
    page.html.as_deref().ok_or_else(|| {
        Found::Nothing("The website is no text that could be read.".to_string()).from(&page.url)
    })
}

/// Statuses that mean that there is no website for anybody.
fn is_gone(status: u16) -> bool {
    matches!(status, 404 | 410 | 500 | 502 | 504 | 520..=527 | 530)
}

/// Whether the website is a private person's page at a site of others.
fn is_profile(sender: &Sender<'_>) -> bool {
    let Some(company) = sender.company.filter(|company| company.info_level == InfoLevel::Individual) else {
        return false;
    };
    let host = company.get(Field::WebsiteUrl).and_then(host_of);
    host.is_some_and(|host| organization(&host) != organization(sender.domain))
}

/// The host of a web address that was checked when it was given.
pub(super) fn host_of(url: &str) -> Option<Name> {
    let rest = url.split_once("://")?.1;
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host).split(':').next()?;
    Name::typed(host).ok()
}

/// The site of others that the host is, and whether people have pages there.
pub(super) fn site_of(host: &Name) -> Option<(&'static str, bool)> {
    let bare = host.as_str().strip_prefix("www.").unwrap_or(host.as_str());
    let of = |kind| listed::of_kind(SITES, kind).find(|site| *site == bare);
    of("site").map(|site| (site, false)).or_else(|| of("profiles").map(|site| (site, true)))
}

fn organization(name: &Name) -> Name {
    name.organizational().unwrap_or_else(|| name.clone())
}

/// The same organizational domain, or the same name under another suffix.
fn same_owner(domain: &Name, host: &Name) -> bool {
    let (domain, host) = (organization(domain), organization(host));
    domain == host || domain.first_label() == host.first_label()
}

/// Whether the page has the domain, or the name that it begins with, in it.
fn names_domain(html: &str, spellings: &[String; 2], domain: &Name) -> bool {
    let organization = organization(domain);
    let (unicode, _) = idna::domain_to_unicode(organization.as_str());
    let lower = html.to_lowercase();
    if lower.contains(organization.as_str()) || lower.contains(&unicode) {
        return true;
    }
    let label = unicode.split('.').next().unwrap_or_default();
    words::spellings(label).iter().zip(spellings).any(|(label, text)| {
        // As words of the text; a long name may also be run together.
        let squeezed = |text: &str| text.replace(' ', "");
        label.trim().chars().count() >= 3 && text.contains(label.as_str())
            || label.trim().chars().count() >= 6 && squeezed(text).contains(&squeezed(label))
    })
}
