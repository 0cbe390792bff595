//! Our template for Domain Connect (draft-ietf-dconn-domainconnect), with which a
//! DNS host publishes a domain's records after one "yes" of its customer.
//!
//! A template says which records; a link fills its variables in. Ours is made of
//! the [`plan`] for a domain whose id is a variable, so that it asks for what
//! the plan asks for. Everything else in it is fixed: the less a link can say,
//! the less a forged link can do.

#[cfg(test)]
mod tests;

use crate::{
    names::{DomainName, Name, RecordId},
    observe::RecordType,
    plan::{Dkim, PlannedRecord, Present, Provider, RecordKey, Subject, plan},
    verify::{Code, Verdict},
};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

/// The name of our template among those of the same provider (`serviceId`).
pub const SERVICE: &str = "sending-domain";
/// The name of its only variable: a domain's [`RecordId`].
pub const VARIABLE: &str = "recordid";
/// Raised with each change of what the template asks for (`version`).
pub const VERSION: u32 = 1;
/// The host, below our zone, of the TXT records with the public key that links
/// are signed with.
pub const KEY_HOST: &str = "_dcpubkeyv1";

/// What a record of the template holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// A CNAME's target.
    Target(String),
    /// A TXT's text.
    Text(String),
    /// Mechanisms, which the host merges into the SPF record that is there
    /// (`SPFM`).
    SpfRules(String),
}

/// One record of the template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateRecord {
    /// Which of the plan's.
    pub key: RecordKey,
    /// Its name relative to the sending domain, `@` for that itself.
    pub host: String,
    /// What it holds.
    pub content: Content,
}

impl TemplateRecord {
    /// Of which part of the template it is (`groupId`). A link may leave parts out.
    #[must_use]
    pub fn group(&self) -> &'static str {
        group(self.key)
    }

    /// What the host is to publish for a domain with this id: name and value.
    fn filled_in(&self, id: &RecordId) -> (String, String) {
        let fill = |text: &str| text.replace(&placeholder(), id.as_str());
        let value = match &self.content {
            Content::Target(text) | Content::Text(text) => fill(text),
            Content::SpfRules(rules) => format!("v=spf1 {} ~all", fill(rules)),
        };
        (fill(&self.host), value)
    }
}

fn group(key: RecordKey) -> &'static str {
    match key {
        RecordKey::Verification => "verification",
        RecordKey::Spf => "spf",
        RecordKey::Dkim1 | RecordKey::Dkim2 => "dkim",
        RecordKey::Dmarc => "dmarc",
        RecordKey::LinkVerification => "tracking",
    }
}

fn placeholder() -> String {
    format!("%{VARIABLE}%")
}

/// The records of our template: what the plan asks of a domain that publishes
/// nothing yet. One whose text has a `%` of its own is left out, since that
/// would begin a variable.
#[must_use]
pub fn template(provider: &Provider) -> Vec<TemplateRecord> {
    let domain = DomainName::trusted(Name::parse("example.com").expect("that is a name"));
    let id = unlike(provider);
    let subject = Subject { domain: &domain, id: &id, demo: false, dkim: Dkim::Delegated };
    let records = plan(provider, &subject, &Present::default()).into_iter();
    let vary = |text: &str| text.replace(id.as_str(), &placeholder());
    records
        .filter(|record| !record.value.contains('%'))
        .map(|record| TemplateRecord {
            key: record.key,
            host: vary(&record.owner.as_entered_in(domain.name())),
            content: match (record.rtype, spf_rules(&record.value)) {
                (RecordType::Txt, Some(rules)) => Content::SpfRules(vary(rules)),
                (RecordType::Txt, None) => Content::Text(vary(&record.value)),
                _ => Content::Target(vary(&record.value)),
            },
        })
        .collect()
}

/// An id that stands nowhere in the names we issue.
fn unlike(provider: &Provider) -> RecordId {
    let id = |byte| RecordId::from_random([byte; 10]);
    let rua = provider.dmarc_rua.as_deref().unwrap_or_default();
    let is_free = |id: &RecordId| !provider.zone.as_str().contains(id.as_str()) && !rua.contains(id.as_str());
    // Names and addresses are too short to hold all of them.
    (0..u8::MAX).map(id).find(is_free).unwrap_or_else(|| id(u8::MAX))
}

/// What stands between the version and `all` in a record of ours.
fn spf_rules(text: &str) -> Option<&str> {
    text.strip_prefix("v=spf1 ")?.strip_suffix(" ~all")
}

/// What is known of one of a domain's records.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// The record.
    pub record: &'a PlannedRecord,
    /// The last look's verdict on it.
    pub verdict: &'a Verdict,
}

/// The parts of the template that fit a domain, in the template's order, each
/// with the records in it.
///
/// A part fits when it asks for what the plan asks for. SPF is merged by the
/// host, so it is asked for only where the last look has found that this makes a
/// record that works: there is none, or one that can take ours. DMARC is asked for
/// only where a look has found that there is none, or that it is ours (`theirs` is
/// what they publish): a host would put ours in place of a stricter one.
#[must_use]
pub fn fitting(
    provider: &Provider,
    domain: &Name,
    id: &RecordId,
    theirs: Option<&str>,
    records: &[Known<'_>],
) -> Vec<(&'static str, Vec<RecordKey>)> {
    let template = template(provider);
    let mut parts: Vec<(&'static str, Vec<RecordKey>)> = Vec::new();
    for each in &template {
        match parts.iter_mut().find(|(group, _)| *group == each.group()) {
            Some((_, keys)) => keys.push(each.key),
            None => parts.push((each.group(), alloc::vec![each.key])),
        }
    }
    let fits = |key: &RecordKey| {
        let wanted = template.iter().find(|each| each.key == *key);
        let known = records.iter().find(|known| known.record.key == *key);
        wanted.zip(known).is_some_and(|(wanted, known)| is_the_same(wanted, known, (domain, id), theirs))
    };
    parts.retain(|(_, keys)| keys.iter().all(fits));
    parts
}

fn is_the_same(
    wanted: &TemplateRecord,
    known: &Known<'_>,
    (domain, id): (&Name, &RecordId),
    theirs: Option<&str>,
) -> bool {
    let (host, value) = wanted.filled_in(id);
    if host != known.record.owner.as_entered_in(domain) {
        return false;
    }
    let is_a_target = matches!(wanted.content, Content::Target(_));
    if is_a_target != (known.record.rtype == RecordType::Cname) {
        return false;
    }
    match (&wanted.content, known.record.key) {
        // Which of several a host would merge into, nobody can say.
        (Content::SpfRules(_), _) => known.verdict.offer.is_some() && known.verdict.code != Code::SpfMultiple,
        (_, RecordKey::Dmarc) => match theirs {
            Some(theirs) => theirs == value,
            None => known.verdict.offer.is_some() && value == known.record.value,
        },
        _ => value == known.record.value,
    }
}

/// The parameters of a link that applies `groups` of the template to `domain` in
/// `zone`, in the order they are signed in. `None` where the domain is not in
/// that zone.
#[must_use]
pub fn query(zone: &Name, domain: &Name, id: &RecordId, groups: &[&str]) -> Option<String> {
    let host = domain.relative_to(zone)?;
    let mut pairs = alloc::vec![("domain", zone.to_string())];
    if !host.is_empty() {
        pairs.push(("host", host.to_string()));
    }
    pairs.push((VARIABLE, id.to_string()));
    pairs.push(("groupId", groups.join(",")));
    let pairs: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
    Some(pairs.join("&"))
}

/// Everything but the unreserved characters of RFC 3986 §2.3 as `%XX`.
#[must_use]
pub fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// The texts of the TXT records that publish `key`, the base64 of a public key's
/// `SubjectPublicKeyInfo`: several, since hosts read one string of each.
#[must_use]
pub fn key_texts(key: &str) -> Vec<String> {
    const OF_ONE: usize = 200;
    let parts = key.as_bytes().chunks(OF_ONE).zip(1..);
    parts.map(|(part, number)| format!("p={number},a=RS256,d={}", String::from_utf8_lossy(part))).collect()
}
