//! Changing a record without changing what it says about others.

use super::record::{Kind, Mechanism, Problem, Qualifier, Record, Term};
use crate::names::Name;
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::net::IpAddr;

/// The text to publish: the owner's record with ours merged in before `all`,
/// everything else as it stands. The plain record when theirs is absent or
/// cannot be read.
///
/// Whether the result stays within ten look-ups is not known here; the judge
/// evaluates it.
#[must_use]
pub fn with_include(present: Option<&str>, include: &Name) -> String {
    let plain = || format!("v=spf1 include:{include} ~all");
    let Some(text) = present else { return plain() };
    let Ok(record) = Record::parse(text) else { return plain() };
    if includes_before_all(&record, include) {
        return text.to_string();
    }
    // Ours where it has no effect (after `all`, or as `?include:`) goes.
    before_all(others(&record, include), &[ours(include)])
}

/// The record without `include`, everything else as it stands; `None` when it is
/// no SPF record that can be read, or does not mention that name.
#[must_use]
pub fn without_include(text: &[u8], include: &Name) -> Option<String> {
    let record = Record::parse(text).ok().filter(|record| mentions(record, include))?;
    Some(join(&others(&record, include)))
}

/// The record with these addresses in it.
pub(super) fn with_addresses(record: &Record, addresses: &[IpAddr]) -> String {
    let terms: Vec<Term> = addresses
        .iter()
        .map(|ip| Term {
            text: format!("{}:{ip}", if ip.is_ipv4() { "ip4" } else { "ip6" }),
            kind: Kind::Unknown(String::new()),
        })
        .collect();
    before_all(record.terms.iter().collect(), &terms)
}

/// `terms` with more of them where they have an effect and the policy stays.
fn before_all<'a>(mut terms: Vec<&'a Term>, more: &'a [Term]) -> String {
    let end =
        terms.iter().rposition(|term| matches!(term.kind, Kind::Directive(..))).map_or(0, |last| last + 1);
    let at = terms.iter().position(|term| is_all(term));
    let at = at.or_else(|| terms.iter().position(|term| matches!(term.kind, Kind::Redirect(_))));
    let at = at.unwrap_or(end);
    terms.splice(at..at, more);
    join(&terms)
}

/// Ours in front of everything else.
pub(super) fn with_include_first(record: &Record, include: &Name) -> String {
    let first = ours(include);
    let mut terms = others(record, include);
    terms.insert(0, &first);
    join(&terms)
}

/// Whether `include:` ours stands where receivers look.
pub(super) fn includes_before_all(record: &Record, include: &Name) -> bool {
    let end = record.all().unwrap_or(record.terms.len());
    record.terms[..end].iter().any(|term| is_include(term, include) == Some(Qualifier::Pass))
}

/// Whether `include:` ours stands anywhere, however qualified.
pub(super) fn mentions(record: &Record, include: &Name) -> bool {
    record.terms.iter().any(|term| is_include(term, include).is_some())
}

fn others<'a>(record: &'a Record, include: &Name) -> Vec<&'a Term> {
    record.terms.iter().filter(|term| is_include(term, include).is_none()).collect()
}

fn ours(include: &Name) -> Term {
    // Only the text of it is used.
    Term { text: format!("include:{include}"), kind: Kind::Unknown(String::new()) }
}

/// The qualifier, if the term includes exactly that name.
fn is_include(term: &Term, include: &Name) -> Option<Qualifier> {
    let Kind::Directive(qualifier, Mechanism::Include(_)) = &term.kind else { return None };
    let (_, target) = term.text.split_once(':')?;
    let target = target.strip_suffix('.').unwrap_or(target);
    target.eq_ignore_ascii_case(include.as_str()).then_some(*qualifier)
}

pub(super) fn is_all(term: &Term) -> bool {
    matches!(term.kind, Kind::Directive(_, Mechanism::All))
}

fn join(terms: &[&Term]) -> String {
    let mut out = "v=spf1".to_string();
    for term in terms {
        out.push(' ');
        out.push_str(&term.text);
    }
    out
}

/// The record without the term; a passing `all` becomes `~all` instead, and so
/// does a `redirect=` that decided what happens to everybody else.
pub(super) fn without(record: &Record, text: &str) -> String {
    let closing = Term { text: "~all".to_string(), kind: Kind::Unknown(String::new()) };
    let mut terms: Vec<&Term> = Vec::new();
    let mut handed_over = false;
    for term in &record.terms {
        if term.text != text {
            terms.push(term);
        } else if is_all(term) {
            terms.push(&closing);
        } else {
            handed_over |= matches!(term.kind, Kind::Redirect(_));
        }
    }
    if handed_over {
        // It may have stood anywhere, and `all` belongs to the end.
        terms.push(&closing);
    }
    join(&terms)
}

/// Several records as one, with ours where there is one: all mechanisms in order, the milder of
/// their policies, so that no sender that is allowed today is refused
/// tomorrow. `None` when one of them cannot be read.
pub(super) fn joined(records: &[String], include: Option<&Name>) -> Option<String> {
    let mut terms: Vec<String> = Vec::new();
    let mut modifiers: Vec<String> = Vec::new();
    let mut strict = true;
    let mut exp = false;
    for text in records {
        let record = Record::parse(text).ok().filter(|record| record.misspelt().is_none())?;
        let all = record.all();
        strict &= all.is_some_and(|at| {
            matches!(record.terms[at].kind, Kind::Directive(Qualifier::Fail, Mechanism::All))
        });
        for (at, term) in record.terms.iter().enumerate() {
            let (list, text) = match &term.kind {
                Kind::Directive(..) if all.is_none_or(|all| at < all) => (&mut terms, term.text.clone()),
                Kind::Directive(..) => continue,
                // Two records cannot both hand over; as an include each still
                // lets its senders pass.
                Kind::Redirect(_) if all.is_none() => {
                    (&mut terms, term.text.replacen(&term.text[.."redirect=".len()], "include:", 1))
                }
                Kind::Redirect(_) => continue,
                Kind::Exp(_) if core::mem::replace(&mut exp, true) => continue,
                Kind::Exp(_) | Kind::Unknown(_) => (&mut modifiers, term.text.clone()),
            };
            if !list.iter().any(|other| other.eq_ignore_ascii_case(&text)) {
                list.push(text);
            }
        }
    }
    terms.push(if strict { "-all" } else { "~all" }.to_string());
    terms.append(&mut modifiers);
    let merged = format!("v=spf1 {}", terms.join(" "));
    let merged = include.map_or(merged.clone(), |include| with_include(Some(&merged), include));
    Record::parse(&merged).is_ok().then_some(merged)
}

/// The record a text was meant to be, where that is plain. Always readable.
pub(super) fn repaired(text: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(text);
    let spaced = respell(&text);
    let lower = spaced.to_ascii_lowercase();
    // Tags may stand in the wrong order, and the version may be glued to what
    // follows it.
    let at = lower.find("v=spf1")?;
    let (before, after) = (&spaced[..at], &spaced[at + "v=spf1".len()..]);
    let mut terms: Vec<String> = Vec::new();
    let mut pending = String::new();
    for word in after.split(' ').chain(before.split(' ')).filter(|word| !word.is_empty()) {
        if word.eq_ignore_ascii_case("v=spf1") {
            continue;
        }
        pending.push_str(word);
        // "include: x" and "- all" were torn apart.
        if !pending.ends_with([':', '=']) && !["+", "-", "~", "?"].contains(&pending.as_str()) {
            terms.push(mend_term(&core::mem::take(&mut pending)));
        }
    }
    terms.push(pending);
    let text = format!("v=spf1 {}", terms.join(" ")).trim_end().to_string();
    Record::parse(&text).is_ok_and(|record| record.misspelt().is_none()).then_some(text)
}

/// Blanks for whatever separates, nothing for quotes, ASCII dashes.
fn respell(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut in_macro = false;
    for c in text.chars() {
        match c {
            '{' => in_macro = true,
            '}' => in_macro = false,
            _ => {}
        }
        match c {
            ',' if in_macro => out.push(c),
            ',' | ';' => out.push(' '),
            '"'
            | '\''
            | '`'
            | '\\'
            | '\u{200b}'..='\u{200f}'
            | '\u{feff}'
            | '\u{2018}'..='\u{201f}'
            | '«'
            | '»' => {}
            '\u{2010}'..='\u{2015}' | '\u{2212}' => out.push('-'),
            c if c.is_whitespace() || c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out.replace(" = ", "=")
        .replace("v =", "v=")
        .replace("v= ", "v=")
        .replace("V =", "v=")
        .replace("V= ", "v=")
}

/// One term with its common mistakes undone.
fn mend_term(term: &str) -> String {
    let bare = term.trim_start_matches(['+', '-', '~', '?']);
    let qualifier = &term[..term.len() - bare.len()];
    let error = match Record::parse(format!("v=spf1 {term}")) {
        Ok(record) => record.misspelt(),
        Err(error) => Some(error),
    };
    let Some(error) = error else { return term.to_string() };
    let argument = bare.split_once([':', '=']).map_or("", |(_, argument)| argument);
    match error.problem {
        Problem::EqualsSign(name) => format!("{qualifier}{name}:{argument}"),
        Problem::Colon(name) => format!("{name}={argument}"),
        Problem::QualifiedModifier(_) => bare.to_string(),
        Problem::AddressAsName(_, mechanism) => format!("{qualifier}{mechanism}:{argument}"),
        Problem::Ip6InIp4(_) => format!("{qualifier}ip6:{argument}"),
        Problem::Ip4InIp6(_) => format!("{qualifier}ip4:{argument}"),
        Problem::Unknown(Some("include:")) => format!("{qualifier}include:{argument}"),
        Problem::Unknown(Some(mechanism @ ("ip4:" | "ip6:"))) => {
            format!("{qualifier}{mechanism}{}", if argument.is_empty() { bare } else { argument })
        }
        Problem::AllArgument | Problem::Unknown(_) if bare.eq_ignore_ascii_case("all.") => {
            format!("{qualifier}all")
        }
        _ => term.to_string(),
    }
}

/// Whether a TXT that is no SPF record was plainly meant to be one: quotes
/// pasted along, a blank in front, the version glued, tags in another order.
pub(super) fn was_meant(text: &[u8]) -> bool {
    let text = String::from_utf8_lossy(text).to_lowercase();
    let squeezed: String =
        text.chars().filter(|c| c.is_ascii_graphic() && !['"', '\'', '`', '\\'].contains(c)).collect();
    let terms = ["include:", "include=", "ip4:", "ip6:", "redirect=", "all"];
    let has_terms = terms.iter().any(|term| squeezed.contains(term));
    squeezed.starts_with("v=spf")
        || (squeezed.contains("v=spf1") && has_terms)
        || (["spf1", "v:spf1", "vspf1", "spf=spf1"].iter().any(|start| squeezed.starts_with(start))
            && has_terms)
}
