//! What operators are shown.

use crate::{
    http::{
        card_check::CardView,
        questionnaire::QuestionnaireView,
        view::{CompanyView, EventView, Millis},
    },
    store::{Account, Case, CaseFile, Event},
};
use serde::Serialize;
use serde_json::Value;
use signet_core::lifecycle::{Decision, Suspension};

/// A domain in an operator's list.
#[derive(Serialize)]
pub(in crate::http) struct ReviewView<'a> {
    domain_id: i64,
    account_id: i64,
    domain_name: &'a str,
    compliance_status: &'static str,
    state: &'static str,
    reason: Option<&'a str>,
    decision: Option<&'static str>,
    approved_before: bool,
    suspension: Option<&'static str>,
    account_suspension: Option<&'static str>,
    version: i64,
}

impl<'a> ReviewView<'a> {
    /// `reason` is why it stands as it does.
    pub(in crate::http) fn of(case: &'a Case, reason: Option<&'a str>) -> Self {
        let domain = &case.domain;
        Self {
            domain_id: domain.id.0,
            account_id: domain.account.0,
            domain_name: domain.name.as_str(),
            compliance_status: domain.compliance().as_str(),
            state: case.review.as_str(),
            reason: reason.filter(|reason| !reason.is_empty()),
            decision: domain.decision.map(Decision::as_str),
            approved_before: case.approved_before,
            suspension: domain.suspension.map(Suspension::as_str),
            account_suspension: domain.account_suspension.map(Suspension::as_str),
            version: case.version,
        }
    }
}

/// Everything to decide on a domain by.
#[derive(Serialize)]
pub(in crate::http) struct ReviewFileView<'a> {
    #[serde(flatten)]
    review: ReviewView<'a>,
    account: AccountView<'a>,
    company_info: Option<CompanyView<'a>>,
    last_run: Option<RunView<'a>>,
    questionnaire: Option<QuestionnaireView<'a>>,
    card_check: Option<CardView<'a>>,
    history: Vec<HistoryView<'a>>,
}

/// An account, as its operator sees it.
#[derive(Serialize)]
pub(in crate::http) struct AccountView<'a> {
    id: i64,
    name: &'a str,
    owner_email: &'a str,
    suspension: Option<&'static str>,
    version: i64,
}

#[derive(Serialize)]
struct RunView<'a> {
    at: Millis,
    conclusion: &'a str,
    reason: &'a str,
    /// As the rules wrote them down then.
    findings: Value,
}

#[derive(Serialize)]
struct HistoryView<'a> {
    #[serde(flatten)]
    event: EventView<'a>,
    domain_id: Option<i64>,
}

impl<'a> ReviewFileView<'a> {
    /// `url` is where the owner goes for the card check.
    pub(in crate::http) fn of(file: &'a CaseFile, url: Option<String>) -> Self {
        let reason = file.last_run.as_ref().map(|run| run.reason.as_str());
        Self {
            review: ReviewView::of(&file.case, reason),
            account: AccountView::of(&file.account),
            company_info: file.company.as_ref().map(CompanyView::of),
            last_run: file.last_run.as_ref().map(RunView::of),
            questionnaire: file.questionnaire.as_ref().map(QuestionnaireView::of),
            card_check: file.card_check.as_ref().map(|check| CardView::of(check, url)),
            history: file.history.iter().map(HistoryView::of).collect(),
        }
    }
}

impl<'a> AccountView<'a> {
    pub(in crate::http) fn of(account: &'a Account) -> Self {
        Self {
            id: account.id.0,
            name: &account.name,
            owner_email: account.owner_email.as_str(),
            suspension: account.suspension.map(Suspension::as_str),
            version: account.version,
        }
    }
}

impl<'a> RunView<'a> {
    fn of(event: &'a Event) -> Self {
        let evidence: Option<Value> =
            event.evidence.as_deref().and_then(|evidence| serde_json::from_str(evidence).ok());
        let findings = evidence.as_ref().and_then(|evidence| evidence.get("findings")).cloned();
        Self {
            at: Millis(event.at),
            conclusion: event.to.as_deref().unwrap_or_default(),
            reason: &event.reason,
            findings: findings.unwrap_or_else(|| Value::Array(vec![])),
        }
    }
}

impl<'a> HistoryView<'a> {
    fn of(event: &'a Event) -> Self {
        Self { event: EventView::from(event), domain_id: event.domain.map(|id| id.0) }
    }
}
