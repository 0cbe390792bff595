//! `signet domains plan` and `apply`: a domain's records in the account's own zone.

use super::{Outcome, asking::asker_of_person, domains::progress, output, told};
use crate::ops::{Actor, Ops, publish::Planned};
use crate::store::DomainId;
use anstyle::{AnsiColor, Style};
use serde_json::{Value, json};
use signet_core::publish::{Action, Change, Entry};
use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::sync::Arc;

/// The use cases with what planning and writing need: an asker and the key file.
///
/// # Errors
/// The key file is not the database's; no resolver, no socket.
pub(super) async fn equipped(ops: &Ops) -> anyhow::Result<Ops> {
    let (key, _) = ops.install().await?;
    let asker = asker_of_person(&ops.config).await?;
    Ok(Ops { key: Some(Arc::new(key)), asker: Some(asker), ..ops.clone() })
}

/// `signet domains plan`: 0 when nothing is to be done, 1 when something is, 2 when
/// something is blocked.
pub(super) async fn plan(ops: &Ops, actor: &Actor, id: DomainId, json: bool) -> anyhow::Result<Outcome> {
    let planned = planned(&equipped(ops).await?, actor, id, json).await?;
    show(&planned, json)?;
    Ok(outcome(&planned.changes))
}

fn outcome(changes: &[Change]) -> Outcome {
    if changes.iter().any(|change| change.action == Action::Blocked) {
        Outcome::Unknown
    } else if changes.iter().any(|change| change.action.writes()) {
        Outcome::Problems
    } else {
        Outcome::Good
    }
}

/// `signet domains apply`: what is planned is shown, asked about, and done. With
/// `json` there is nothing to read before the answer, so nobody is asked.
pub(super) async fn apply(
    ops: &Ops,
    actor: &Actor,
    id: DomainId,
    yes: bool,
    json: bool,
) -> anyhow::Result<Outcome> {
    anyhow::ensure!(yes || !json, "with --json nobody is asked whether to write: say --yes");
    let ops = equipped(ops).await?;
    let planned = planned(&ops, actor, id, json).await?;
    if !json {
        show(&planned, false)?;
    }
    let writing = planned.changes.iter().filter(|change| change.action.writes()).count();
    if writing > 0 && !yes && !confirmed(writing)? {
        output::warning("nothing was written");
        return Ok(Outcome::Problems);
    }
    let spinner = (!json && writing > 0).then(|| progress("writing"));
    let applied = ops.apply_dns(actor, id, &planned.digest).await;
    if let Some(spinner) = spinner {
        spinner.finish_and_clear();
    }
    let applied = applied.map_err(told)?;
    if json {
        output::json(&document(&applied))?;
    } else if writing > 0 {
        let records = if writing == 1 { "1 record is".to_string() } else { format!("{writing} records are") };
        output::line(&output::painted(&format!("{records} written."), output::in_colour(AnsiColor::Green)))?;
    }
    let blocked = applied.changes.iter().any(|change| change.action == Action::Blocked);
    Ok(if blocked { Outcome::Unknown } else { Outcome::Good })
}

/// Asks on a terminal; elsewhere nobody can say yes.
fn confirmed(writing: usize) -> anyhow::Result<bool> {
    if !std::io::stdin().is_terminal() {
        anyhow::bail!("there is nobody to ask whether to write that: say --yes");
    }
    // Standard output may go elsewhere, and whoever reads it wants the plan only.
    eprint!("Write {writing} of these into the zone? [y/N] ");
    std::io::stderr().flush()?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}

async fn planned(ops: &Ops, actor: &Actor, id: DomainId, json: bool) -> anyhow::Result<Planned> {
    let spinner = (!json).then(|| progress("reading the zone"));
    let planned = ops.plan_dns(actor, id).await;
    if let Some(spinner) = spinner {
        spinner.finish_and_clear();
    }
    planned.map_err(told)
}

fn show(planned: &Planned, json: bool) -> anyhow::Result<()> {
    if json {
        return Ok(output::json(&document(planned))?);
    }
    output::line(&output::painted(&planned.domain.name.to_unicode(), output::bold()))?;
    for change in &planned.changes {
        show_change(change)?;
    }
    output::line("")?;
    for (zone, provider) in &planned.zones {
        output::line(&match provider {
            Some(provider) => format!("{zone} is written by {provider}."),
            None => format!("There is no key to {zone}: give one with `signet dns-access add`."),
        })?;
    }
    if planned.zones.is_empty() {
        output::line("Nothing to write.")?;
    }
    Ok(())
}

/// One record like a line of a diff: what goes in red, what comes in green.
fn show_change(change: &Change) -> std::io::Result<()> {
    let style = match change.action {
        Action::InPlace | Action::Keep => output::in_colour(AnsiColor::Green),
        Action::Add | Action::Replace | Action::Merge | Action::Remove => {
            output::in_colour(AnsiColor::Yellow)
        }
        Action::Blocked => output::in_colour(AnsiColor::Red),
    };
    output::line("")?;
    let action = output::painted(change.action.as_str(), style);
    output::line(&format!("{:<18} {}  {action}", change.key.as_str(), change.owner))?;
    let lines = |sign: &str, entries: &[Entry], style: Style| -> std::io::Result<()> {
        for entry in entries {
            let text = format!("  {sign} {} {}", entry.rtype(), entry.data);
            output::line(&output::painted(&text, style))?;
        }
        Ok(())
    };
    if change.action.writes() {
        lines("-", &change.before, output::in_colour(AnsiColor::Red))?;
        lines("+", &change.after, output::in_colour(AnsiColor::Green))?;
    } else {
        lines(" ", &change.before, output::dim())?;
    }
    output::line(&output::paragraph("  ", &change.reason))
}

/// With the members it has in the API's answer.
fn document(planned: &Planned) -> Value {
    let entries = |entries: &[Entry]| -> Vec<Value> {
        let entry = |entry: &Entry| json!({"type": entry.rtype().as_str(), "value": entry.data.to_string(), "ttl": entry.ttl});
        entries.iter().map(entry).collect()
    };
    let change = |change: &Change| {
        json!({
            "key": change.key.as_str(),
            "domain": change.owner.as_str(),
            "zone": change.zone.as_ref().map(ToString::to_string),
            "action": change.action.as_str(),
            "reason": change.reason,
            "before": entries(&change.before),
            "after": entries(&change.after),
            "written": planned.written.contains(&change.key),
        })
    };
    let zone = |(zone, provider): &(signet_core::names::Name, Option<String>)| json!({"zone": zone.as_str(), "provider": provider});
    json!({
        "digest": planned.digest,
        "zones": planned.zones.iter().map(zone).collect::<Vec<_>>(),
        "changes": planned.changes.iter().map(change).collect::<Vec<_>>(),
    })
}
