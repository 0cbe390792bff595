//! TXT records of which exactly one must begin with a given version.

use crate::{
    names::Name,
    observe::{Data, Look, Need, RecordType, Seen},
    verify::{
        Code, Status, Verdict,
        cname::chain::{self, End},
        evidence::{unanswered_about, with_evidence},
    },
};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

/// Tags read from one record.
const TAGS: usize = 32;

/// The only record there, or what is said where there is none.
pub(super) enum Found<'a> {
    One { look: &'a Look, text: String },
    Several { look: &'a Look, count: usize },
    Nothing(Option<&'a Look>),
    Unanswered(&'a Look, Name),
}

/// Reads the records at `owner` that begin with `version`, through CNAMEs.
/// Others there are none of ours (RFC 8461 §3.1, RFC 8460 §3).
pub(super) fn read<'a>(seen: &'a Seen, owner: &Name, version: &str) -> Result<Found<'a>, Need> {
    let chain = chain::follow(seen, owner, RecordType::Txt, None)?;
    let (look, answer) = match chain.end {
        End::Answer { look, answer } => (look, answer),
        End::Unanswered(look) => {
            return Ok(Found::Unanswered(look, chain.names.last().unwrap_or(owner).clone()));
        }
        End::NotDelegated | End::Loop => return Ok(Found::Nothing(None)),
    };
    let begins = |text: &Vec<u8>| {
        let rest = text.strip_prefix(version.as_bytes()).map(<[u8]>::trim_ascii_start);
        rest.is_some_and(|rest| matches!(rest.first(), None | Some(b';')))
    };
    let mut texts: Vec<Vec<u8>> =
        answer.records.iter().filter_map(|record| Data::txt(&record.data)).filter(begins).collect();
    Ok(match (texts.len(), texts.pop()) {
        (1, Some(text)) => Found::One { look, text: String::from_utf8_lossy(&text).into_owned() },
        (count, Some(_)) => Found::Several { look, count },
        (_, None) => Found::Nothing(Some(look)),
    })
}

/// `name=value` pairs after the version; `None` where one is none.
pub(super) fn tags<'a>(text: &'a str, version: &str) -> Option<Vec<(&'a str, &'a str)>> {
    let rest = text.strip_prefix(version)?.trim_start().strip_prefix(';')?;
    rest.split(';')
        .map(str::trim)
        .filter(|tag| !tag.is_empty())
        .take(TAGS)
        .map(|tag| tag.split_once('='))
        .collect()
}

/// What an optional record's judge says.
pub(super) struct Optional<K> {
    pub(super) key: K,
    pub(super) owner: Name,
    /// What the record is called.
    pub(super) what: &'static str,
    /// The text a valid one might have.
    pub(super) example: String,
    pub(super) code: Code,
    /// What is lost without it.
    pub(super) without: &'static str,
}

impl<K: Clone> Optional<K> {
    /// Judges the record; `check` is for the only one, and says what is wrong
    /// with it or what it does.
    pub(super) fn judge(
        &self,
        seen: &Seen,
        version: &str,
        check: impl Fn(&str) -> Result<String, String>,
    ) -> Result<Verdict<K>, Need> {
        let Self { key, owner, what, example, .. } = self;
        let about = |status, code, reason: String| Verdict::about(key.clone(), status, code, reason);
        Ok(match read(seen, owner, version)? {
            Found::Unanswered(look, name) => unanswered_about(key.clone(), look, &name, RecordType::Txt)
                .unwrap_or_else(|| about(Status::Unchecked, Code::Unchecked, "Not looked at.".to_string())),
            Found::Nothing(look) => {
                let reason = format!("None. {}", self.without);
                let finding = about(Status::Missing, Code::NoRecord, reason)
                    .fix(format!("Only if you want it: a TXT record at {owner} such as {example}"));
                look.map_or(finding.clone(), |look| with_evidence(finding, look))
            }
            Found::Several { look, count } => {
                let reason = format!("There are {count} {what} records, so that senders use none of them.");
                let fix = format!("Keep one TXT record at {owner}: {example}");
                with_evidence(about(Status::Softfail, self.code, reason).fix(fix), look)
            }
            Found::One { look, text } => with_evidence(
                match check(&text) {
                    Ok(does) => about(Status::Pass, Code::Ok, does),
                    Err(wrong) => {
                        let reason = format!("The {what} record is not valid: {wrong}. Senders ignore it.");
                        about(Status::Softfail, self.code, reason)
                            .fix(format!("Change the TXT record at {owner} to one such as {example}"))
                    }
                },
                look,
            ),
        })
    }
}
