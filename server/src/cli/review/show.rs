//! `signet review show`: all there is to decide by, for people.

use super::{operator, output};
use crate::{
    cli::{Outcome, domains, told},
    ops::Ops,
    store::{CardState, CaseFile, DomainId, Event, Review},
};
use serde::Deserialize;
use serde_json::{Value, json};
use signet_core::{
    company::Field,
    lifecycle::{Asked, Decision, Suspension},
    questionnaire::{Answer, QUESTIONS},
};

/// History rows shown.
const HISTORY: usize = 12;

pub(super) async fn run(ops: &Ops, id: DomainId, json: bool) -> anyhow::Result<Outcome> {
    let file = ops.case_file(&operator(), id).await.map_err(told)?;
    if json {
        output::json(&document(&file))?;
    } else {
        print(ops, &file)?;
    }
    Ok(Outcome::Good)
}

/// What one rule found, as it was written down then.
#[derive(Debug, Deserialize)]
struct Finding {
    rule: String,
    outcome: Option<String>,
    evidence: String,
    source: String,
}

#[derive(Debug, Default, Deserialize)]
struct Evidence {
    #[serde(default)]
    findings: Vec<Finding>,
}

fn evidence(run: &Event) -> Evidence {
    run.evidence.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}

fn print(ops: &Ops, file: &CaseFile) -> std::io::Result<()> {
    let (case, domain) = (&file.case, &file.case.domain);
    let title = format!("{} (domain {}, account {})", domain.name.to_unicode(), domain.id, domain.account);
    output::line(&output::painted(&title, output::bold()))?;
    let status = domain.compliance();
    output::line(&output::paragraph("compliance  ", &format!("{status} – {}", status.meaning())))?;
    output::line(&format!("review      {}, version {}", case.review.as_str(), case.version))?;
    let decision = domain.decision.map_or("none", Decision::as_str);
    let before = if case.approved_before { ", approved before" } else { "" };
    output::line(&format!("decision    {decision}{before}"))?;
    let suspended = |suspension: Option<Suspension>| suspension.map_or("no", Suspension::as_str);
    output::line(&format!(
        "suspended   domain {}, account {} (version {})",
        suspended(domain.suspension),
        suspended(file.account.suspension),
        file.account.version
    ))?;
    output::line(&format!("account     {}, {}", file.account.name, file.account.owner_email))?;
    company(file)?;
    findings(file)?;
    answers(file)?;
    card(ops, file)?;
    history(file)?;
    output::line("")?;
    next(file)
}

fn heading(text: &str) -> std::io::Result<()> {
    output::line("")?;
    output::line(&output::painted(text, output::bold()))
}

fn company(file: &CaseFile) -> std::io::Result<()> {
    heading("Company")?;
    let Some(company) = &file.company else {
        return output::line("Nothing is known of it.");
    };
    let fields = Field::ALL.into_iter().filter_map(|field| Some((field.as_str(), company.get(field)?)));
    for (name, value) in fields.chain([("info_level", company.info_level.as_str())]) {
        output::line(&output::paragraph(&format!("{name:<22}"), value))?;
    }
    Ok(())
}

fn findings(file: &CaseFile) -> std::io::Result<()> {
    let Some(run) = &file.last_run else {
        return heading("The rules have not run yet");
    };
    let conclusion = run.to.as_deref().unwrap_or_default();
    heading(&format!("The rules, {}: {conclusion}", output::time(Some(run.at))))?;
    if !run.reason.is_empty() {
        output::line(&output::paragraph("", &run.reason))?;
    }
    let rows = evidence(run).findings.into_iter().map(|finding| {
        let outcome = finding.outcome.unwrap_or_else(|| "no answer".to_string());
        vec![finding.rule, outcome, finding.evidence, finding.source]
    });
    output::table(&["rule", "outcome", "evidence", "source"], rows.collect(), "No rule was there to run.")
}

fn answers(file: &CaseFile) -> std::io::Result<()> {
    let Some(questionnaire) = &file.questionnaire else { return Ok(()) };
    heading("Questionnaire")?;
    let Some(answers) = &questionnaire.answers else {
        let since = output::time(Some(questionnaire.asked_at));
        return output::line(&match file.case.domain.questionnaire {
            Asked::Open => format!("asked for {since}, not answered yet"),
            _ => format!("was asked for {since}, and is not needed any more"),
        });
    };
    let by = questionnaire.answered_by.as_deref().unwrap_or("–");
    output::line(&format!("answered {} by {by}", output::time(questionnaire.answered_at)))?;
    for question in QUESTIONS {
        let answer = match answers.get(question.id) {
            Some(Answer::Text(text)) => text.clone(),
            Some(Answer::Number(number)) => number.to_string(),
            Some(Answer::YesNo(yes)) => if *yes { "yes" } else { "no" }.to_string(),
            None => "–".to_string(),
        };
        output::line(&output::painted(question.text, output::dim()))?;
        output::line(&output::paragraph("  ", &answer))?;
    }
    Ok(())
}

fn card(ops: &Ops, file: &CaseFile) -> std::io::Result<()> {
    let Some(check) = &file.card_check else { return Ok(()) };
    heading("Card check")?;
    let detail = check.detail.as_deref().filter(|detail| !detail.is_empty());
    let detail = detail.map_or_else(String::new, |detail| format!(": {detail}"));
    let at = output::time(Some(check.resolved_at.unwrap_or(check.asked_at)));
    output::line(&output::paragraph("", &format!("{} {at}{detail}", check.state.as_str())))?;
    let place = ops.card_check_url(check).unwrap_or_else(|| check.reference.clone());
    output::line(&output::painted(&place, output::dim()))
}

fn history(file: &CaseFile) -> std::io::Result<()> {
    heading("History")?;
    let rows = file.history.iter().take(HISTORY).map(|event| {
        let change = match (&event.from, &event.to) {
            (Some(from), Some(to)) => format!("{from} → {to}"),
            (None, Some(to)) => to.clone(),
            _ => String::new(),
        };
        vec![
            output::time(Some(event.at)),
            event.kind.clone(),
            event.actor.clone(),
            output::cut(&change, 120),
            output::cut(&event.reason, 200),
        ]
    });
    output::table(&["when", "what", "who", "change", "why"], rows.collect(), "Nothing yet.")
}

/// What the operator can do next, to be copied.
fn next(file: &CaseFile) -> std::io::Result<()> {
    let (case, domain) = (&file.case, &file.case.domain);
    let (id, version) = (domain.id, case.version);
    let with = format!("--if-version {version} --reason \"…\"");
    let mut lines = Vec::new();
    if domain.demo {
        lines.push("A demo domain is never reviewed.".to_string());
    } else {
        lines.push(format!("signet review approve {id} {with}"));
        lines.push(format!("signet review reject {id} {with}"));
        if domain.decision.is_some() || case.review == Review::None {
            lines.push(format!("signet review reopen {id} {with}"));
        }
    }
    if domain.questionnaire == Asked::Open {
        lines.push(format!("signet review link {id}"));
    }
    if file.card_check.as_ref().is_some_and(|check| check.state != CardState::Passed)
        && domain.card == Asked::Open
    {
        lines.push(format!("signet review card {id} --passed --reason \"…\""));
    }
    lines.push(match domain.suspension {
        Some(_) => format!("signet review lift {id} {with}"),
        None => format!("signet review suspend {id} [--hold] {with}"),
    });
    output::line(&output::painted("What you can do", output::bold()))?;
    lines.iter().try_for_each(|line| output::line(&format!("  {line}")))
}

fn document(file: &CaseFile) -> Value {
    let case = &file.case;
    let mut document = domains::document(&case.domain);
    let answer = |answer: &Answer| match answer {
        Answer::Text(text) => json!(text),
        Answer::Number(number) => json!(number),
        Answer::YesNo(yes) => json!(yes),
    };
    let findings = |run: &Event| {
        let evidence = run.evidence.as_deref().and_then(|text| serde_json::from_str::<Value>(text).ok());
        evidence.and_then(|evidence| evidence.get("findings").cloned()).unwrap_or_else(|| json!([]))
    };
    document["review"] = case.review.as_str().into();
    document["version"] = case.version.into();
    document["decision"] = json!(case.domain.decision.map(Decision::as_str));
    document["approved_before"] = case.approved_before.into();
    document["suspension"] = json!(case.domain.suspension.map(Suspension::as_str));
    document["account"] = crate::cli::account::document(&file.account);
    document["company_info"] = json!(file.company.as_ref().map(|company| {
        Field::ALL
            .map(|field| (field.as_str(), company.get(field)))
            .into_iter()
            .collect::<std::collections::BTreeMap<_, _>>()
    }));
    document["last_run"] = json!(file.last_run.as_ref().map(|run| json!({
        "at": run.at.to_string(), "conclusion": run.to, "reason": run.reason, "findings": findings(run),
    })));
    document["questionnaire"] = json!(file.questionnaire.as_ref().map(|questionnaire| json!({
        "asked_at": questionnaire.asked_at.to_string(),
        "answered_at": questionnaire.answered_at.map(|at| at.to_string()),
        "answered_by": questionnaire.answered_by,
        "answers": questionnaire.answers.as_ref().map(|all| {
            all.iter().map(|(&id, given)| (id.to_string(), answer(given))).collect::<serde_json::Map<_, _>>()
        }),
    })));
    document["card_check"] = json!(file.card_check.as_ref().map(|check| json!({
        "reference": check.reference, "status": check.state.as_str(), "detail": check.detail,
    })));
    let row = |event: &Event| {
        json!({
            "id": event.id.0, "at": event.at.to_string(), "type": event.kind, "actor": event.actor,
            "origin": event.origin, "reason": event.reason, "from": event.from, "to": event.to,
        })
    };
    document["history"] = file.history.iter().map(row).collect();
    document
}
