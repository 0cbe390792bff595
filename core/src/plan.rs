//! The records a sending domain must have.
//!
//! This is the only place that knows them. The API shows this list, the e-mail
//! and the zone file carry it, the zone server answers the far ends of it, and
//! [`crate::verify`] compares live DNS with it.

use crate::{
    names::{DomainName, Name, RecordId},
    observe::RecordType,
    rotation::Selector,
    verify::spf,
};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::{fmt, net::IpAddr};

/// Which of a domain's records; the wire's `key`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RecordKey {
    /// Ownership and return path in one.
    Verification,
    /// SPF at the domain itself.
    Spf,
    /// First DKIM selector.
    Dkim1,
    /// Second DKIM selector; the two take turns.
    Dkim2,
    /// DMARC policy.
    Dmarc,
    /// The host in rewritten links.
    LinkVerification,
}

impl RecordKey {
    /// All of them, in the order they are shown.
    pub const ALL: [Self; 6] =
        [Self::Verification, Self::Spf, Self::Dkim1, Self::Dkim2, Self::Dmarc, Self::LinkVerification];

    /// As on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Verification => "verification",
            Self::Spf => "spf",
            Self::Dkim1 => "dkim1",
            Self::Dkim2 => "dkim2",
            Self::Dmarc => "dmarc",
            Self::LinkVerification => "link_verification",
        }
    }

    /// The inverse of [`Self::as_str`].
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|key| key.as_str() == text)
    }

    /// Whether it is one of the two selectors.
    #[must_use]
    pub fn is_dkim(self) -> bool {
        matches!(self, Self::Dkim1 | Self::Dkim2)
    }

    /// What it is for, in the words people are shown.
    #[must_use]
    pub fn purpose(self) -> &'static str {
        match self {
            Self::Verification => "Ownership and return path",
            Self::Spf => "SPF",
            Self::Dkim1 => "DKIM, first selector",
            Self::Dkim2 => "DKIM, second selector",
            Self::Dmarc => "DMARC",
            Self::LinkVerification => "Link tracking",
        }
    }
}

impl fmt::Display for RecordKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// TTL of the records a customer is given to publish, in seconds: short enough
/// to correct a mistake, long enough not to be a burden.
pub const CUSTOMER_TTL: u32 = 3600;

/// What is asked of SPF at the domain itself (`SIGNET_SPF_MODE`). The return
/// path passes and aligns through the `verification` record without it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SpfMode {
    /// Issued and judged, gates nothing.
    #[default]
    Recommended,
    /// Gates `dns_verified`.
    Required,
    /// Not issued.
    Off,
}

/// The provider's side of every record: who Signet is run by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provider {
    /// Our own zone, which customers' records point into.
    pub zone: Name,
    /// First letters of every owner we issue (`SIGNET_RECORD_PREFIX`).
    pub prefix: String,
    /// The zone of demo domains.
    pub demo_zone: Name,
    /// See [`SpfMode`].
    pub spf_mode: SpfMode,
    /// Where aggregate reports go, if the operator collects them (`mailto:` left off).
    pub dmarc_rua: Option<String>,
    /// The addresses our mail leaves from.
    pub sending_ips: Vec<IpAddr>,
}

impl Provider {
    /// `label.zone`. The zone's length is checked when settings are read.
    fn host(&self, labels: &str) -> Name {
        self.zone.prepend(labels).expect("the settings refuse a zone too long for our own host names")
    }

    /// Where ownership CNAMEs point: our return-path host.
    #[must_use]
    pub fn bounce_host(&self) -> Name {
        self.host("bounce")
    }

    /// Where tracking CNAMEs point.
    #[must_use]
    pub fn track_host(&self) -> Name {
        self.host("track")
    }

    /// The name whose SPF record lists our sending addresses.
    #[must_use]
    pub fn spf_include(&self) -> Name {
        self.host("_spf")
    }

    /// Where selector `number` (1 or 2) of the domain with id `id` points.
    #[must_use]
    pub fn dkim_target(&self, number: u8, id: &RecordId) -> Name {
        self.host(&format!("{}{number}.{id}.dkim", self.prefix))
    }
}

/// What the domain's owner publishes already, as last read; shown merged with
/// ours so that nobody is told to break what works.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Present {
    /// Their SPF record, valid and the only one.
    pub spf: Option<String>,
    /// Their DMARC record, valid and the only one.
    pub dmarc: Option<String>,
}

/// One record to publish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedRecord {
    /// Which.
    pub key: RecordKey,
    /// Full owner name.
    pub owner: Name,
    /// CNAME or TXT.
    pub rtype: RecordType,
    /// What to paste: a target without final dot, or the text without quotes.
    /// Empty while the key it is to publish is being made.
    pub value: String,
    /// Whether `dns_verified` waits for it.
    pub gates: bool,
}

impl PlannedRecord {
    /// Whether there is something to publish.
    #[must_use]
    pub fn is_made(&self) -> bool {
        !self.value.is_empty()
    }

    /// Whether it is another record than the one of which `before` was expected,
    /// so that what was seen of that says nothing about this one. What is expected
    /// of SPF and DMARC follows what is published, and is never another.
    #[must_use]
    pub fn is_reissued(&self, before: &str) -> bool {
        !matches!(self.key, RecordKey::Spf | RecordKey::Dmarc) && self.value != before
    }
}

/// The sending domain a plan is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject<'a> {
    /// Its name.
    pub domain: &'a DomainName,
    /// Its random id.
    pub id: &'a RecordId,
    /// Whether it is a demo domain, in our own zone.
    pub demo: bool,
    /// Who publishes its DKIM keys.
    pub dkim: Dkim<'a>,
}

/// Who publishes a domain's DKIM keys, in a word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DkimMode {
    /// See [`Dkim::Delegated`].
    #[default]
    Delegated,
    /// See [`Dkim::Raw`].
    Raw,
}

impl DkimMode {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Delegated, Self::Raw];

    /// As set and on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Delegated => "delegated",
            Self::Raw => "raw",
        }
    }

    /// The inverse of [`Self::as_str`].
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.as_str() == text)
    }
}

/// Who publishes a domain's DKIM keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dkim<'a> {
    /// We do; the domain's records are CNAMEs to ours.
    #[default]
    Delegated,
    /// Its owner does: the texts of the two key records, empty until there is a key.
    Raw([&'a str; 2]),
}

/// The records `subject` must have, in the order they are shown.
#[must_use]
pub fn plan(provider: &Provider, subject: &Subject<'_>, present: &Present) -> Vec<PlannedRecord> {
    let Subject { domain, id, demo, dkim } = *subject;
    let prefix = &provider.prefix;
    let below = |labels: &str| {
        domain.name().prepend(labels).expect("DomainName::MAX leaves room for every planned owner")
    };
    let cname = |key, owner, target: Name| PlannedRecord {
        key,
        owner,
        rtype: RecordType::Cname,
        value: target.to_string(),
        gates: key != RecordKey::LinkVerification,
    };
    let txt = |key, owner, value, gates| PlannedRecord { key, owner, rtype: RecordType::Txt, value, gates };

    let mut records = Vec::with_capacity(RecordKey::ALL.len());
    records.push(cname(RecordKey::Verification, below(&format!("{prefix}-{id}")), provider.bounce_host()));
    if provider.spf_mode != SpfMode::Off {
        let value = spf::with_include(present.spf.as_deref(), &provider.spf_include());
        let gates = provider.spf_mode == SpfMode::Required;
        records.push(txt(RecordKey::Spf, domain.name().clone(), value, gates));
    }
    for selector in Selector::BOTH {
        let (number, key) = (selector.number(), selector.record());
        let owner = below(&format!("{prefix}{number}-{id}._domainkey"));
        records.push(match dkim {
            Dkim::Delegated => cname(key, owner, provider.dkim_target(number, id)),
            Dkim::Raw(texts) => txt(key, owner, texts[selector.index()].to_string(), true),
        });
    }
    let dmarc = present.dmarc.clone().unwrap_or_else(|| dmarc_value(provider, demo));
    records.push(txt(RecordKey::Dmarc, below("_dmarc"), dmarc, true));
    records.push(cname(RecordKey::LinkVerification, below(&format!("{prefix}-link")), provider.track_host()));
    records
}

fn dmarc_value(provider: &Provider, demo: bool) -> String {
    // A demo domain is ours: nobody else may ever send as it.
    let policy = if demo { "reject" } else { "none" };
    match &provider.dmarc_rua {
        Some(rua) => format!("v=DMARC1; p={policy}; rua=mailto:{rua}"),
        None => format!("v=DMARC1; p={policy}"),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use alloc::vec;

    pub(crate) fn provider() -> Provider {
        Provider {
            zone: Name::parse("signet.test").unwrap(),
            prefix: "sg".to_string(),
            demo_zone: Name::parse("demo.signet.test").unwrap(),
            spf_mode: SpfMode::Recommended,
            dmarc_rua: None,
            sending_ips: vec!["192.0.2.1".parse().unwrap(), "2001:db8::1".parse().unwrap()],
        }
    }

    pub(crate) fn planned(provider: &Provider, domain: &str, present: &Present) -> Vec<PlannedRecord> {
        let domain = DomainName::trusted(Name::parse(domain).unwrap());
        let id = RecordId::parse("abcdefghijklmnop").unwrap();
        plan(provider, &Subject { domain: &domain, id: &id, demo: false, dkim: Dkim::Delegated }, present)
    }

    fn lines(records: &[PlannedRecord]) -> Vec<String> {
        records.iter().map(|r| format!("{} {} {} {} {}", r.key, r.owner, r.rtype, r.value, r.gates)).collect()
    }

    #[test]
    fn the_six_records_in_order() {
        assert_eq!(
            lines(&planned(&provider(), "mail.example.com", &Present::default())),
            [
                "verification sg-abcdefghijklmnop.mail.example.com CNAME bounce.signet.test true",
                "spf mail.example.com TXT v=spf1 include:_spf.signet.test ~all false",
                "dkim1 sg1-abcdefghijklmnop._domainkey.mail.example.com CNAME sg1.abcdefghijklmnop.dkim.signet.test true",
                "dkim2 sg2-abcdefghijklmnop._domainkey.mail.example.com CNAME sg2.abcdefghijklmnop.dkim.signet.test true",
                "dmarc _dmarc.mail.example.com TXT v=DMARC1; p=none true",
                "link_verification sg-link.mail.example.com CNAME track.signet.test false",
            ]
        );
    }

    #[test]
    fn owners_can_publish_the_keys_themselves() {
        let domain = DomainName::trusted(Name::parse("mail.example.com").unwrap());
        let id = RecordId::parse("abcdefghijklmnop").unwrap();
        let dkim = Dkim::Raw(["v=DKIM1; k=rsa; p=AAAA", ""]);
        let subject = Subject { domain: &domain, id: &id, demo: false, dkim };
        let records = plan(&provider(), &subject, &Present::default());
        assert_eq!(
            lines(&records)[2..4],
            [
                "dkim1 sg1-abcdefghijklmnop._domainkey.mail.example.com TXT v=DKIM1; k=rsa; p=AAAA true",
                "dkim2 sg2-abcdefghijklmnop._domainkey.mail.example.com TXT  true",
            ]
        );
        assert!(records[2].is_made() && !records[3].is_made());
        let delegated = planned(&provider(), "mail.example.com", &Present::default());
        let reissued = records.iter().zip(&delegated).map(|(now, before)| now.is_reissued(&before.value));
        assert_eq!(reissued.collect::<Vec<_>>(), [false, false, true, true, false, false]);
        assert!(!records[4].is_reissued("v=DMARC1; p=reject"), "it follows what is there");
        // Every owner fits, however long the domain is.
        let long = ["a.".repeat(97), "example.com".to_string()].concat();
        assert_eq!(long.len(), DomainName::MAX);
        let domain = DomainName::trusted(Name::parse(&long).unwrap());
        let subject = Subject { domain: &domain, ..subject };
        assert_eq!(plan(&provider(), &subject, &Present::default()).len(), 6);
    }

    #[test]
    fn settings_change_spf_and_dmarc() {
        let mut provider = provider();
        provider.spf_mode = SpfMode::Required;
        provider.dmarc_rua = Some("reports@signet.test".to_string());
        let records = planned(&provider, "example.com", &Present::default());
        assert!(records[1].gates);
        assert_eq!(records[4].value, "v=DMARC1; p=none; rua=mailto:reports@signet.test");
        provider.spf_mode = SpfMode::Off;
        assert!(
            planned(&provider, "example.com", &Present::default()).iter().all(|r| r.key != RecordKey::Spf)
        );
    }

    #[test]
    fn what_is_there_is_kept() {
        let present = Present {
            spf: Some("v=spf1 include:_spf.example.net -all".to_string()),
            dmarc: Some("v=DMARC1; p=reject".to_string()),
        };
        let records = planned(&provider(), "example.com", &present);
        assert_eq!(records[1].value, "v=spf1 include:_spf.example.net include:_spf.signet.test -all");
        assert_eq!(records[4].value, "v=DMARC1; p=reject");
    }
}
