//! How the model's values are written into columns, the same in both databases.

use super::{Looked, RecordState, Result, Review, StoreError, TokenScope};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use signet_core::{
    company::{CompanyInfo, Field, InfoLevel},
    lifecycle::{
        Asked, Decision, DnsState, Past, Suspension,
        dns::Shown,
        past::{Kind, Trouble},
    },
    names::{DomainName, Name, RecordId},
    observe::Server,
    plan::RecordKey,
    questionnaire::{self, Answer, Answers},
    rotation::Selector,
    verify::{Code, Status, Verdict, Witnesses},
};
use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

/// What a column holds that none of ours would.
pub(super) fn corrupt(what: &str, value: impl std::fmt::Display) -> StoreError {
    StoreError::Corrupt(format!("{what}: {value}"))
}

/// A value as JSON. None of ours has a key or number that JSON lacks.
pub(super) fn json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("our own structures have string keys and no failing serializer")
}

/// The inverse of [`json`].
pub(super) fn from_json<'a, T: Deserialize<'a>>(what: &str, text: &'a str) -> Result<T> {
    serde_json::from_str(text).map_err(|error| corrupt(what, error))
}

/// Free text without NUL, which PostgreSQL cannot hold.
pub(super) fn clean(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

pub(super) fn selector(number: i64) -> Result<Selector> {
    Selector::from_number(number).ok_or_else(|| corrupt("a selector", number))
}

pub(super) fn time(what: &str, microseconds: i64) -> Result<Timestamp> {
    Timestamp::from_microsecond(microseconds).map_err(|error| corrupt(what, error))
}

pub(super) fn domain_name(text: &str) -> Result<DomainName> {
    Ok(DomainName::trusted(name(text)?))
}

/// Delegations can name hosts with odd characters, so the wider rule is used.
pub(super) fn name(text: &str) -> Result<Name> {
    Name::parse_queried(text).map_err(|error| corrupt("a name", error))
}

pub(super) fn record_id(text: &str) -> Result<RecordId> {
    RecordId::parse(text).ok_or_else(|| corrupt("a record id", text))
}

pub(super) fn suspension(text: &str) -> Result<Suspension> {
    Suspension::parse(text).ok_or_else(|| corrupt("a suspension", text))
}

pub(super) fn asked(text: &str) -> Result<Asked> {
    Asked::parse(text).ok_or_else(|| corrupt("what a review asked for", text))
}

pub(super) fn review(text: &str) -> Result<Review> {
    Review::parse(text).ok_or_else(|| corrupt("a review's state", text))
}

pub(super) fn decision(text: &str) -> Result<Decision> {
    Decision::parse(text).ok_or_else(|| corrupt("a decision", text))
}

/// A [`DnsState`] as columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct StateColumns {
    pub(super) state: &'static str,
    pub(super) at: Option<i64>,
    pub(super) since: Option<i64>,
    pub(super) deadline: Option<i64>,
    pub(super) unaligned_since: Option<i64>,
}

impl StateColumns {
    pub(super) fn of(state: &DnsState) -> Self {
        let none = Self { state: state.name(), at: None, since: None, deadline: None, unaligned_since: None };
        let us = |time: Timestamp| Some(time.as_microsecond());
        match *state {
            DnsState::Pending => none,
            DnsState::Verified { at } | DnsState::Lost { at } => Self { at: us(at), ..none },
            DnsState::Suspect { at, since, unaligned_since } => {
                Self { at: us(at), since: us(since), unaligned_since: unaligned_since.and_then(us), ..none }
            }
            DnsState::AtRisk { at, since, deadline, unaligned_since } => Self {
                at: us(at),
                since: us(since),
                deadline: us(deadline),
                unaligned_since: unaligned_since.and_then(us),
                ..none
            },
        }
    }
}

/// The state from its columns.
pub(super) fn dns_state(
    state: &str,
    at: Option<i64>,
    since: Option<i64>,
    deadline: Option<i64>,
    unaligned_since: Option<i64>,
) -> Result<DnsState> {
    let needed = |what, value: Option<i64>| match value {
        Some(value) => time(what, value),
        None => Err(corrupt("a DNS state without", what)),
    };
    let unaligned_since = unaligned_since.map(|value| time("dns_unaligned_since", value)).transpose()?;
    Ok(match state {
        "pending" => DnsState::Pending,
        "verified" => DnsState::Verified { at: needed("dns_at", at)? },
        "lost" => DnsState::Lost { at: needed("dns_at", at)? },
        "suspect" => DnsState::Suspect {
            at: needed("dns_at", at)?,
            since: needed("dns_since", since)?,
            unaligned_since,
        },
        "at_risk" => DnsState::AtRisk {
            at: needed("dns_at", at)?,
            since: needed("dns_since", since)?,
            deadline: needed("dns_deadline", deadline)?,
            unaligned_since,
        },
        other => return Err(corrupt("a DNS state", other)),
    })
}

/// Our own words, which nothing in JSON needs escaping for, are borrowed.
#[derive(Serialize, Deserialize)]
struct StoredRecord<'a> {
    key: &'a str,
    status: &'a str,
    /// Absent where it is what the status lets expect: the time of the last
    /// look for a verdict that can be trusted, never for one that cannot. So a
    /// look that finds the same leaves the same text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    trusted_at: Option<i64>,
    expected: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    trouble: Option<StoredTrouble<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    late_until: Option<i64>,
}

#[derive(Serialize, Deserialize)]
struct StoredTrouble<'a> {
    kind: &'a str,
    since: i64,
    last: i64,
}

impl StoredTrouble<'_> {
    fn of(trouble: Trouble) -> Self {
        let Trouble { kind, since, last } = trouble;
        Self { kind: kind.as_str(), since: since.as_microsecond(), last: last.as_microsecond() }
    }

    fn trouble(&self) -> Result<Trouble> {
        Ok(Trouble {
            kind: Kind::parse(self.kind).ok_or_else(|| corrupt("a record's trouble", self.kind))?,
            since: time("trouble since", self.since)?,
            last: time("trouble last", self.last)?,
        })
    }
}

/// When a record was trusted last, unless something else is stored.
fn usually_trusted_at(status: Status, checked_at: Option<Timestamp>) -> Option<Timestamp> {
    checked_at.filter(|_| status.is_right() || status.is_wrong())
}

fn stored_records(records: &[RecordState], checked_at: Timestamp) -> Vec<StoredRecord<'_>> {
    let stored = |record: &'_ RecordState| -> Option<i64> {
        let Shown { status, trusted_at } = record.shown;
        let unusual = trusted_at != usually_trusted_at(status, Some(checked_at));
        trusted_at.filter(|_| unusual).map(Timestamp::as_microsecond)
    };
    records
        .iter()
        .map(|record| StoredRecord {
            key: record.key.as_str(),
            status: record.shown.status.as_str(),
            trusted_at: stored(record),
            expected: Cow::Borrowed(&record.expected),
            trouble: record.past.trouble.map(StoredTrouble::of),
            late_until: record.past.late_until.map(Timestamp::as_microsecond),
        })
        .collect()
}

/// The states after a look at `checked_at`.
pub(super) fn records_json(records: &[RecordState], checked_at: Timestamp) -> String {
    json(&stored_records(records, checked_at))
}

/// The inverse, with the time of the last look.
pub(super) fn records(text: &str, checked_at: Option<Timestamp>) -> Result<Vec<RecordState>> {
    from_json::<Vec<StoredRecord<'_>>>("record states", text)?
        .into_iter()
        .map(|stored| {
            let status = status(stored.status)?;
            let trusted_at = match stored.trusted_at {
                Some(value) => Some(time("trusted_at", value)?),
                None => usually_trusted_at(status, checked_at),
            };
            Ok(RecordState {
                key: record_key(stored.key)?,
                shown: Shown { status, trusted_at },
                past: Past {
                    trouble: stored.trouble.as_ref().map(StoredTrouble::trouble).transpose()?,
                    late_until: stored.late_until.map(|value| time("late_until", value)).transpose()?,
                },
                expected: stored.expected.into_owned(),
            })
        })
        .collect()
}

fn record_key(text: &str) -> Result<RecordKey> {
    RecordKey::parse(text).ok_or_else(|| corrupt("a record key", text))
}

fn status(text: &str) -> Result<Status> {
    Status::parse(text).ok_or_else(|| corrupt("a record status", text))
}

#[derive(Serialize, Deserialize)]
struct StoredVerdict<'a> {
    #[serde(borrow)]
    key: Cow<'a, str>,
    status: Cow<'a, str>,
    code: Cow<'a, str>,
    reason: Cow<'a, str>,
    fix: Cow<'a, str>,
    expected: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    offer: Option<Cow<'a, str>>,
    observed: Cow<'a, [String]>,
    server: Option<StoredServer<'a>>,
    rcode: Option<Cow<'a, str>>,
    ttl: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    late: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    lookups: Option<u8>,
    agreeing: u16,
    asked: u16,
    remarks: Cow<'a, [String]>,
}

#[derive(Serialize, Deserialize)]
struct StoredServer<'a> {
    name: Option<Cow<'a, str>>,
    address: Option<std::net::IpAddr>,
}

fn stored_verdicts(verdicts: &[Verdict]) -> Vec<StoredVerdict<'_>> {
    verdicts
        .iter()
        .map(|verdict| StoredVerdict {
            key: Cow::Borrowed(verdict.key.as_str()),
            status: Cow::Borrowed(verdict.status.as_str()),
            code: Cow::Borrowed(verdict.code.as_str()),
            reason: Cow::Borrowed(&verdict.reason),
            fix: Cow::Borrowed(&verdict.fix),
            expected: Cow::Borrowed(&verdict.expected),
            offer: verdict.offer.as_deref().map(Cow::Borrowed),
            observed: Cow::Borrowed(&verdict.observed),
            server: verdict.server.as_ref().map(|server| StoredServer {
                name: server.name.as_ref().map(|name| Cow::Borrowed(name.as_str())),
                address: server.address,
            }),
            rcode: verdict.rcode.as_deref().map(Cow::Borrowed),
            ttl: verdict.ttl,
            late: verdict.late,
            lookups: verdict.lookups,
            agreeing: verdict.witnesses.agreeing,
            asked: verdict.witnesses.asked,
            remarks: Cow::Borrowed(&verdict.remarks),
        })
        .collect()
}

pub(super) fn verdicts_json(verdicts: &[Verdict]) -> String {
    json(&stored_verdicts(verdicts))
}

pub(super) fn verdicts(text: &str) -> Result<Vec<Verdict>> {
    from_json::<Vec<StoredVerdict<'_>>>("verdicts", text)?
        .into_iter()
        .map(|stored| {
            Ok(Verdict {
                key: record_key(&stored.key)?,
                status: status(&stored.status)?,
                code: Code::parse(&stored.code).ok_or_else(|| corrupt("a verdict's code", &stored.code))?,
                reason: stored.reason.into_owned(),
                fix: stored.fix.into_owned(),
                expected: stored.expected.into_owned(),
                offer: stored.offer.map(Cow::into_owned),
                observed: stored.observed.into_owned(),
                server: match stored.server {
                    Some(server) => Some(Server {
                        name: server.name.as_deref().map(name).transpose()?,
                        address: server.address,
                    }),
                    None => None,
                },
                rcode: stored.rcode.map(Cow::into_owned),
                ttl: stored.ttl,
                late: stored.late,
                lookups: stored.lookups,
                witnesses: Witnesses { agreeing: stored.agreeing, asked: stored.asked },
                remarks: stored.remarks.into_owned(),
            })
        })
        .collect()
}

/// See [`Looked::found`]. Each text stands behind its length, so that none can
/// pass for two, and an absent one has none.
pub(super) fn found(look: &Looked) -> String {
    let mut found = Found(String::with_capacity(4096));
    let StateColumns { state, at, since, deadline, unaligned_since } = StateColumns::of(&look.dns);
    found.text(state);
    [at, since, deadline, unaligned_since].into_iter().for_each(|time| found.number(time));
    found.optional(look.zone.as_ref().map(|zone| zone.as_str()));
    found.optional(look.present.spf.as_deref());
    found.optional(look.present.dmarc.as_deref());
    for record in stored_records(&look.records, look.report.checked_at) {
        // By name and without "..", so that nothing kept later is forgotten here.
        let StoredRecord { key, status, trusted_at, expected, trouble, late_until } = record;
        found.text(key);
        found.text(status);
        found.number(trusted_at);
        found.text(&expected);
        if let Some(StoredTrouble { kind, since, last }) = trouble {
            found.text(kind);
            found.number(Some(since));
            found.number(Some(last));
        }
        found.number(late_until);
    }
    look.report.verdicts.iter().for_each(|verdict| found.verdict(verdict));
    found.0
}

struct Found(String);

impl Found {
    fn number(&mut self, number: Option<impl std::fmt::Display>) {
        if let Some(number) = number {
            // Writing to a string does not fail.
            let _ = write!(self.0, "{number}");
        }
        self.0.push(';');
    }

    fn text(&mut self, text: &str) {
        self.number(Some(text.len()));
        self.0.push_str(text);
    }

    fn optional(&mut self, text: Option<&str>) {
        match text {
            Some(text) => self.text(text),
            None => self.0.push('-'),
        }
    }

    fn texts(&mut self, texts: &[String]) {
        self.number(Some(texts.len()));
        texts.iter().for_each(|text| self.text(text));
    }

    /// Everything that [`stored_verdicts`] keeps, but for who of several servers
    /// was asked in turn about what is right: that changes with every look and is
    /// no news.
    fn verdict(&mut self, verdict: &Verdict) {
        let Verdict {
            key,
            status,
            code,
            reason,
            fix,
            expected,
            offer,
            observed,
            server,
            rcode,
            ttl,
            late,
            lookups,
            witnesses,
            remarks,
        } = verdict;
        for text in [key.as_str(), status.as_str(), code.as_str(), reason, fix, expected] {
            self.text(text);
        }
        self.optional(offer.as_deref());
        self.texts(observed);
        self.number(*late);
        self.number(*lookups);
        self.texts(remarks);
        if status.is_right() {
            return;
        }
        self.optional(server.as_ref().and_then(|server| server.name.as_ref()).map(Name::as_str));
        self.number(server.as_ref().and_then(|server| server.address));
        self.optional(rcode.as_deref());
        self.number(*ttl);
        self.number(Some(witnesses.agreeing));
        self.number(Some(witnesses.asked));
    }
}

/// Tells apart what two looks found without reading what is stored of the
/// first: the first 64 bits of SHA-256.
pub(super) fn digest(text: &str) -> i64 {
    let hash = Sha256::digest(text.as_bytes());
    hash.iter().take(8).fold(0, |digest, &byte| digest << 8 | i64::from(byte))
}

#[derive(Serialize, Deserialize)]
struct StoredCompany {
    info_level: String,
    fields: BTreeMap<String, String>,
}

/// The same for equal values, so that it serves to compare and swap.
pub(super) fn company_json(info: &CompanyInfo) -> String {
    let fields = Field::ALL
        .into_iter()
        .filter_map(|field| info.get(field).map(|value| (field.as_str().to_string(), value.to_string())))
        .collect();
    json(&StoredCompany { info_level: info.info_level.as_str().to_string(), fields })
}

pub(super) fn company(text: &str) -> Result<CompanyInfo> {
    let stored: StoredCompany = from_json("company information", text)?;
    let level = InfoLevel::parse(&stored.info_level)
        .ok_or_else(|| corrupt("company information's level", &stored.info_level))?;
    let fields = stored
        .fields
        .into_iter()
        .map(|(key, value)| {
            let field = Field::ALL.into_iter().find(|field| field.as_str() == key);
            field.map(|field| (field, value)).ok_or_else(|| corrupt("company information's field", key))
        })
        .collect::<Result<Vec<_>>>()?;
    Ok(CompanyInfo::stored(fields, level))
}

/// The answers to a questionnaire, each as JSON has it.
pub(super) fn answers_json(answers: &Answers) -> String {
    let value = |answer: &Answer| match answer {
        Answer::Text(text) => serde_json::Value::from(clean(text)),
        Answer::Number(number) => (*number).into(),
        Answer::YesNo(yes) => (*yes).into(),
    };
    json(&answers.iter().map(|(&id, answer)| (id, value(answer))).collect::<BTreeMap<_, _>>())
}

/// Those whose questions are still asked.
pub(super) fn answers(text: &str) -> Result<Answers> {
    use serde_json::Value;
    let stored: BTreeMap<String, Value> = from_json("answers", text)?;
    let known = stored.into_iter().filter_map(|(id, value)| Some((questionnaire::question(&id)?.id, value)));
    let read = |(id, value)| {
        let answer = match value {
            Value::String(text) => Answer::Text(text),
            Value::Bool(yes) => Answer::YesNo(yes),
            Value::Number(number) => {
                Answer::Number(number.as_u64().ok_or_else(|| corrupt("an answer", &number))?)
            }
            other => return Err(corrupt("an answer", other)),
        };
        Ok((id, answer))
    };
    known.map(read).collect()
}

pub(super) fn scope_json(scope: &TokenScope) -> Option<String> {
    match scope {
        TokenScope::Account => None,
        TokenScope::Domains(ids) => Some(json(&ids.iter().map(|id| id.0).collect::<Vec<_>>())),
    }
}

pub(super) fn scope(text: Option<&str>) -> Result<TokenScope> {
    Ok(match text {
        None => TokenScope::Account,
        Some(text) => {
            let ids: Vec<i64> = from_json("a token's domains", text)?;
            TokenScope::Domains(ids.into_iter().map(super::DomainId).collect::<BTreeSet<_>>())
        }
    })
}
