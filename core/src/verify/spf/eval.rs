//! `check_host()` (RFC 7208 §4).

use super::{
    ask::{Found, in_network, unreachable},
    library::{Library, Reading},
    macros::{MacroString, Values},
    record::{Kind, Mechanism, Qualifier, after_version},
    result::{Cause, Evaluation, Query, SpfResult, Step, Trace},
};
use crate::{
    names::Name,
    observe::{Data, Need, RecordType, Seen, printable},
};
use alloc::{
    boxed::Box,
    format,
    rc::Rc,
    string::{String, ToString},
    vec,
    vec::Vec,
};
use core::net::IpAddr;

/// Terms that take a look-up (§4.6.4).
pub const MAX_LOOKUPS: usize = 10;

/// Whether `query.ip` may send for `query.domain`.
///
/// # Errors
/// [`Need`] with what must be looked at next.
pub fn check_host(seen: &Seen, query: &Query) -> Result<Evaluation, Need> {
    check_host_with(seen, query, &[], &Library::default())
}

/// [`check_host`] as if the names in `assumed` had these records.
pub(super) fn check_host_with(
    seen: &Seen,
    query: &Query,
    assumed: &[(&Name, &str)],
    library: &Library,
) -> Result<Evaluation, Need> {
    let mut evaluator = Evaluator {
        seen,
        query,
        // §5: an IPv4 address mapped into IPv6 is an IPv4 address.
        ip: query.ip.to_canonical(),
        assumed,
        library,
        lookups: 0,
        voids: 0,
        validated_counted: false,
        chain: vec![],
        cause: Cause::NoMatch,
        exp: None,
    };
    let trace = evaluator.record_of(&query.domain)?;
    let explanation =
        if query.explain && trace.result == SpfResult::Fail { evaluator.explanation()? } else { None };
    Ok(Evaluation {
        result: trace.result,
        cause: evaluator.cause,
        lookups: evaluator.lookups,
        voids: evaluator.voids,
        explanation,
        trace,
    })
}

pub(super) struct Evaluator<'a> {
    pub(super) seen: &'a Seen,
    query: &'a Query,
    pub(super) ip: IpAddr,
    assumed: &'a [(&'a Name, &'a str)],
    library: &'a Library,
    pub(super) lookups: usize,
    pub(super) voids: usize,
    /// `%{p}` has been charged for.
    validated_counted: bool,
    /// The domains whose records are being evaluated, outermost first.
    chain: Vec<Name>,
    cause: Cause,
    /// The explanation of the record that failed, and that record's domain.
    exp: Option<(MacroString, String)>,
}

/// Why evaluation stops before its end.
pub(super) enum Halt {
    Need(Need),
    Error(SpfResult, Cause),
}

impl From<Need> for Halt {
    fn from(need: Need) -> Self {
        Self::Need(need)
    }
}

pub(super) fn permerror(cause: Cause) -> Halt {
    Halt::Error(SpfResult::Permerror, cause)
}

/// What one term came to.
pub(super) struct Outcome {
    matched: bool,
    why: String,
    inner: Option<Trace>,
}

impl Outcome {
    pub(super) fn new(matched: bool, why: impl Into<String>) -> Self {
        Self { matched, why: why.into(), inner: None }
    }
}

impl<'a> Evaluator<'a> {
    /// Evaluates the record of `domain`: `check_host()` proper.
    fn record_of(&mut self, domain: &str) -> Result<Trace, Need> {
        let shown = printable(domain.as_bytes());
        let mut trace = Trace { domain: shown.clone(), record: None, result: SpfResult::None, steps: vec![] };
        // §4.3: malformed, or not fully qualified.
        let name = match Name::parse_queried(domain) {
            Ok(name) if name.labels() > 1 => name,
            _ => {
                self.cause = Cause::InvalidDomain(shown);
                return Ok(trace);
            }
        };
        // The same domain, sender and address again would go round until the
        // look-ups run out (§4.6.4).
        let circular = self.chain.contains(&name);
        self.chain.push(name.clone());
        let evaluated = if circular {
            Err(permerror(Cause::Loop(name.to_string())))
        } else {
            self.evaluate(&name, &mut trace)
        };
        self.chain.pop();
        match evaluated {
            Ok(result) => trace.result = result,
            Err(Halt::Error(result, cause)) => {
                trace.result = result;
                self.cause = cause;
            }
            Err(Halt::Need(need)) => return Err(need),
        }
        Ok(trace)
    }

    fn evaluate(&mut self, name: &Name, trace: &mut Trace) -> Result<SpfResult, Halt> {
        let Some(read) = self.select(name)? else {
            self.cause = Cause::NoRecord(name.to_string());
            return Ok(SpfResult::None);
        };
        trace.record = Some(read.shown.clone());
        // §4.6: an error anywhere in the record is an error of the record.
        let record = read
            .record
            .as_ref()
            .map_err(|error| permerror(Cause::Syntax { domain: name.to_string(), error: error.clone() }))?;
        for term in &record.terms {
            let Kind::Directive(qualifier, mechanism) = &term.kind else { continue };
            let before = self.lookups;
            let outcome = self.mechanism(name, &term.text, mechanism);
            let lookups = self.lookups - before;
            if let Some(result) = step(&term.text, *qualifier, outcome, lookups, trace)? {
                self.cause = Cause::Matched { domain: name.to_string(), term: term.text.clone() };
                if result == SpfResult::Fail {
                    self.exp = record.exp().map(|exp| (exp.clone(), name.to_string()));
                }
                return Ok(result);
            }
        }
        if let Some((term, target)) = record.redirect() {
            return self.redirect(name, &term.text, target, trace);
        }
        // §4.7
        self.cause = Cause::NoMatch;
        Ok(SpfResult::Neutral)
    }

    /// §6.1. An `all` anywhere has matched before, so this needs no check.
    fn redirect(
        &mut self,
        name: &Name,
        term: &str,
        target: &MacroString,
        trace: &mut Trace,
    ) -> Result<SpfResult, Halt> {
        let before = self.lookups;
        let inner = self.follow(name, term, target);
        let lookups = self.lookups - before;
        let (result, why, inner, halt) = match inner {
            Ok(inner) => (inner.result, format!("the record of {} decides", inner.domain), Some(inner), None),
            Err(Failed { halt: Halt::Error(result, cause), inner }) => {
                let inner = inner.map(|inner| *inner);
                (result, cause.to_string(), inner, Some(Halt::Error(result, cause)))
            }
            Err(Failed { halt, .. }) => return Err(halt),
        };
        trace.steps.push(Step { term: term.to_string(), result: Some(result), why, lookups, inner });
        halt.map_or(Ok(result), Err)
    }

    /// The record that `include:` or `redirect=` leads to. None there, or an
    /// error in it, is an error here (§5.2, §6.1).
    fn follow(&mut self, name: &Name, term: &str, target: &MacroString) -> Result<Trace, Failed> {
        self.count()?;
        let domain = self.target(name, Some(target))?;
        let inner = self.record_of(&domain)?;
        let cause = match inner.result {
            SpfResult::None => {
                Cause::NothingThere { term: term.to_string(), domain: printable(domain.as_bytes()) }
            }
            SpfResult::Temperror | SpfResult::Permerror => self.cause.clone(),
            _ => return Ok(inner),
        };
        let result = if inner.result == SpfResult::Temperror { inner.result } else { SpfResult::Permerror };
        Err(Failed { halt: Halt::Error(result, cause), inner: Some(Box::new(inner)) })
    }

    fn mechanism(&mut self, name: &Name, term: &str, mechanism: &Mechanism) -> Result<Outcome, Failed> {
        Ok(match mechanism {
            Mechanism::All => Outcome::new(true, "matches every address"),
            Mechanism::Ip(network, length) => {
                let inside = in_network(self.ip, *network, *length);
                Outcome::new(inside, format!("{} is {} it", self.ip, if inside { "in" } else { "not in" }))
            }
            Mechanism::Include(target) => {
                let inner = self.follow(name, term, target)?;
                let why = format!("the record of {} says {}", inner.domain, inner.result);
                Outcome { matched: inner.result == SpfResult::Pass, why, inner: Some(inner) }
            }
            Mechanism::A(target) => self.a(name, target)?,
            Mechanism::Mx(target) => self.mx(name, target)?,
            Mechanism::Exists(target) => self.exists(name, target)?,
            Mechanism::Ptr(target) => self.ptr(name, target.as_ref())?,
        })
    }

    /// The value of `%{p}` (§7.3): the domain itself, else a name below it,
    /// else any.
    fn validated_name(&mut self, domain: &Name, counting: bool) -> Result<String, Halt> {
        let names = self.validated_names(counting)?;
        let best = names
            .iter()
            .find(|&&name| name == domain)
            .or_else(|| names.iter().find(|name| name.is_at_or_below(domain)))
            .or_else(|| names.first());
        Ok(best.map_or_else(|| "unknown".to_string(), ToString::to_string))
    }

    /// The domain a term speaks of: its argument expanded, or the current one.
    pub(super) fn target(&mut self, name: &Name, target: Option<&MacroString>) -> Result<String, Halt> {
        let Some(target) = target else { return Ok(name.to_string()) };
        let mut validated = String::new();
        if target.needs_validated_name() {
            // Not among the terms of §4.6.4 that are limited. It is charged
            // once all the same, since it takes look-ups as `ptr` does.
            if !self.validated_counted {
                self.validated_counted = true;
                self.count()?;
            }
            validated = self.validated_name(name, true)?;
        }
        Ok(target.expand_to_domain(&self.values(name.as_str(), &validated)))
    }

    fn values<'b>(&'b self, domain: &'b str, validated: &'b str) -> Values<'b> {
        Values {
            local_part: &self.query.local_part,
            sender_domain: &self.query.sender_domain,
            domain,
            ip: self.ip,
            validated,
            helo: &self.query.helo,
            receiver: &self.query.receiver,
            time: self.query.time,
        }
    }

    /// §6.2: whatever is wrong with the explanation, the result stands.
    fn explanation(&mut self) -> Result<Option<String>, Need> {
        let Some((exp, domain)) = self.exp.take() else { return Ok(None) };
        let Ok(current) = Name::parse_queried(&domain) else { return Ok(None) };
        let validated = match exp.needs_validated_name() {
            true => self.uncharged_name(&current)?,
            false => String::new(),
        };
        let at = exp.expand_to_domain(&self.values(&domain, &validated));
        let Ok(at) = Name::parse_queried(&at) else { return Ok(None) };
        let Found::Records(records) = self.resolve(&at, RecordType::Txt)? else { return Ok(None) };
        let [record] = records[..] else { return Ok(None) };
        let Some(text) = record.txt().and_then(|text| String::from_utf8(text).ok()) else { return Ok(None) };
        let Ok(text) = MacroString::parse_explanation(&text) else { return Ok(None) };
        let validated = match text.needs_validated_name() {
            true => self.uncharged_name(&current)?,
            false => validated,
        };
        // Macros bring in what the client said of itself.
        Ok(Some(printable(text.expand(&self.values(&domain, &validated)).as_bytes())))
    }

    /// `%{p}` in an explanation, where no limit applies.
    fn uncharged_name(&mut self, domain: &Name) -> Result<String, Need> {
        match self.validated_name(domain, false) {
            Ok(name) => Ok(name),
            Err(Halt::Need(need)) => Err(need),
            Err(Halt::Error(..)) => Ok("unknown".to_string()),
        }
    }

    /// The SPF record among the TXT records of `name` (§4.4, §4.5).
    fn select(&mut self, name: &Name) -> Result<Option<Rc<Reading>>, Halt> {
        if let Some(read) = self.library.get(name) {
            return Ok(Some(read));
        }
        if let Some((_, text)) = self.assumed.iter().find(|(assumed, _)| *assumed == name) {
            return Ok(Some(self.library.add(name, Reading::of(text.as_bytes()))));
        }
        let records = match self.resolve(name, RecordType::Txt)? {
            Found::Records(records) => records,
            Found::Nothing => return Ok(None),
            Found::Failed(failure) => return Err(unreachable(name, RecordType::Txt, failure)),
        };
        let mut texts =
            records.into_iter().filter_map(Data::txt).filter(|text| after_version(text).is_some());
        let first = texts.next();
        if texts.next().is_some() {
            return Err(permerror(Cause::Multiple(name.to_string())));
        }
        Ok(first.map(|text| self.library.add(name, Reading::of(&text))))
    }
}

/// Writes a step into the trace; the result if it ends the evaluation.
fn step(
    term: &str,
    qualifier: Qualifier,
    outcome: Result<Outcome, Failed>,
    lookups: usize,
    trace: &mut Trace,
) -> Result<Option<SpfResult>, Halt> {
    let mut step = Step { term: term.to_string(), result: None, why: String::new(), lookups, inner: None };
    match outcome {
        Ok(outcome) => {
            step.result = outcome.matched.then(|| qualifier.result());
            step.why = outcome.why;
            step.inner = outcome.inner;
            let result = step.result;
            trace.steps.push(step);
            Ok(result)
        }
        Err(Failed { halt: Halt::Error(result, cause), inner }) => {
            step.result = Some(result);
            step.why = cause.to_string();
            step.inner = inner.map(|inner| *inner);
            trace.steps.push(step);
            Err(Halt::Error(result, cause))
        }
        Err(Failed { halt, .. }) => Err(halt),
    }
}

/// A [`Halt`] with the record in which it happened.
struct Failed {
    halt: Halt,
    inner: Option<Box<Trace>>,
}

impl From<Halt> for Failed {
    fn from(halt: Halt) -> Self {
        Self { halt, inner: None }
    }
}

impl From<Need> for Failed {
    fn from(need: Need) -> Self {
        Halt::Need(need).into()
    }
}
