//! The history of everything, searched and exported.

use super::{Actor, Ops, Refused, Result};
use crate::store::{AccountId, AuditFilter, AuditPlace, Event, EventId, EventKind, NewEvent};
use jiff::Timestamp;
use serde::{Serialize, Serializer};
use serde_json::{Value, value::to_value};
use signet_core::names::Name;

/// How many rows an export reads at a time.
const EXPORT_PAGE: u32 = 500;

/// A history row with all it has, as programs read it: what a search shows and
/// an export is made of.
#[derive(Debug, Serialize)]
pub struct AuditRow<'a> {
    id: i64,
    at: Millis,
    r#type: &'a str,
    account_id: Option<i64>,
    domain: Option<AuditDomain<'a>>,
    actor: &'a str,
    origin: &'a str,
    reason: Option<&'a str>,
    from: Option<&'a str>,
    to: Option<&'a str>,
    record: Option<&'a str>,
    evidence: Option<Value>,
}

#[derive(Debug, Serialize)]
struct AuditDomain<'a> {
    id: i64,
    name: Option<&'a str>,
}

/// RFC 3339 UTC with exactly three fractional digits and `Z`.
#[derive(Debug)]
struct Millis(Timestamp);

impl Serialize for Millis {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{:.3}", self.0))
    }
}

impl<'a> From<&'a Event> for AuditRow<'a> {
    fn from(event: &'a Event) -> Self {
        let evidence = event.evidence.as_deref();
        Self {
            id: event.id.0,
            at: Millis(event.at),
            r#type: &event.kind,
            account_id: (event.account != AccountId::INSTALLATION).then_some(event.account.0),
            domain: event.domain.map(|id| AuditDomain { id: id.0, name: event.domain_name.as_deref() }),
            actor: &event.actor,
            origin: &event.origin,
            reason: (!event.reason.is_empty()).then_some(&event.reason),
            from: event.from.as_deref(),
            to: event.to.as_deref(),
            record: event.record.as_deref(),
            // What is no JSON after all is shown as the text it is.
            evidence: evidence.map(|text| serde_json::from_str(text).unwrap_or_else(|_| text.into())),
        }
    }
}

impl AuditRow<'_> {
    /// As a document.
    #[must_use]
    pub fn document(&self) -> Value {
        to_value(self).expect("rows have text keys and nothing that fails to serialize")
    }

    /// As a line of JSON, with its end.
    #[must_use]
    pub fn line(&self) -> String {
        let mut line =
            serde_json::to_string(self).expect("rows have text keys and nothing that fails to serialize");
        line.push('\n');
        line
    }
}

/// An export under way: pages, oldest row first. Nothing is held between two
/// pages, neither a transaction nor rows.
#[derive(Clone)]
pub struct AuditExport {
    ops: Ops,
    filter: AuditFilter,
    after: Option<AuditPlace>,
    over: bool,
}

impl AuditExport {
    /// The next rows; none at the end.
    ///
    /// # Errors
    /// When the store fails. The same page can be asked for again.
    pub async fn next(&mut self) -> Result<Vec<Event>> {
        if self.over {
            return Ok(Vec::new());
        }
        let page = self.ops.store.audit_onwards(&self.filter, self.after, EXPORT_PAGE).await?;
        self.after = page.last().map(Event::place).or(self.after);
        // What is written meanwhile keeps no export from ending: it catches up.
        self.over = page.len() < usize::try_from(EXPORT_PAGE).unwrap_or(usize::MAX);
        Ok(page)
    }
}

/// The longest text looked for.
const MAX_TEXT: usize = 255;

impl Ops {
    /// A page of the history, newest first, from before `before` on.
    ///
    /// # Errors
    /// [`Refused::Forbidden`] with rights on single domains only,
    /// [`Refused::NotFound`] for an account that is not the actor's,
    /// [`Refused::Invalid`] for what cannot be looked for.
    pub async fn audit(
        &self,
        actor: &Actor,
        filter: AuditFilter,
        before: Option<EventId>,
        limit: u32,
    ) -> Result<Vec<Event>> {
        let filter = audit_filter(actor, filter)?;
        let before = match before {
            None => None,
            Some(id) => {
                let place = self.store.audit_place(filter.account, id).await?;
                Some(place.ok_or_else(|| Refused::invalid("before", "is invalid: there is no such row"))?)
            }
        };
        Ok(self.store.audit(&filter, before, limit).await?)
    }

    /// All of the history that the filter fits, to be read page by page.
    ///
    /// # Errors
    /// As [`Self::audit`].
    pub fn audit_export(&self, actor: &Actor, filter: AuditFilter) -> Result<AuditExport> {
        let filter = audit_filter(actor, filter)?;
        Ok(AuditExport { ops: self.clone(), filter, after: None, over: false })
    }

    /// Writes down that the database was filled from a backup made then.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn note_restored(&self, file: &str) -> Result<()> {
        let event = NewEvent { from: Some(file.to_string()), ..NewEvent::of(EventKind::Restored) };
        Ok(self.store.note(&event, &self.operator_cause()).await?)
    }
}

/// What the actor may look for of what they look for.
fn audit_filter(actor: &Actor, mut filter: AuditFilter) -> Result<AuditFilter> {
    actor.with_account_sight()?;
    if !actor.is_operator() {
        if filter.account.is_some_and(|account| account != actor.account) {
            return Err(Refused::NotFound);
        }
        filter.account = Some(actor.account);
    }
    if let Some(name) = &filter.domain_name {
        let parsed = Name::typed(name).map_err(|e| Refused::invalid("domain_name", e.to_string()))?;
        filter.domain_name = Some(parsed.as_str().to_string());
    }
    for (field, text) in [("actor", &filter.actor), ("q", &filter.text)] {
        if text.as_ref().is_some_and(|text| text.is_empty() || text.chars().count() > MAX_TEXT) {
            return Err(Refused::invalid(field, format!("is invalid: must have 1 to {MAX_TEXT} characters")));
        }
    }
    Ok(filter)
}
