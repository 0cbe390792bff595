//! `signet keys mode`.

use crate::{
    cli::{Outcome, domains, output, told, with_key},
    ops::Ops,
    store::DomainId,
};
use clap::Args;
use serde_json::json;
use signet_core::plan::DkimMode;

#[derive(Debug, Args)]
pub(in crate::cli) struct ModeArgs {
    /// The domain's number
    domain: DomainId,
    /// delegated: its records are CNAMEs to ours; raw: its owner publishes the keys as TXT
    #[arg(value_parser = mode)]
    mode: DkimMode,
}

fn mode(word: &str) -> Result<DkimMode, String> {
    DkimMode::parse(word).ok_or_else(|| "must be delegated or raw".to_string())
}

pub(super) async fn run(args: &ModeArgs, ops: &Ops, json: bool) -> anyhow::Result<Outcome> {
    let &ModeArgs { domain: id, mode } = args;
    let actor = domains::operator(ops, id).await?;
    // Without the key file a server makes the keys, a second later.
    let with_key = with_key(ops).await.ok();
    let ops = with_key.as_ref().unwrap_or(ops);
    let domain = ops.set_dkim_mode(&actor, id, mode).await.map_err(told)?;
    let records = ops.plan(&domain).into_iter().filter(|record| record.key.is_dkim());
    if json {
        let record = |record: signet_core::plan::PlannedRecord| {
            json!({
                "key": record.key.as_str(), "domain": record.owner.to_string(),
                "type": record.rtype.as_str(), "value": record.value,
            })
        };
        let records: Vec<_> = records.map(record).collect();
        output::json(&json!({ "domain_id": id.0, "mode": mode.as_str(), "records": records }))?;
        return Ok(Outcome::Good);
    }
    output::line(&format!("The records of {} are to be:", domain.name.to_unicode()))?;
    for record in records {
        let value = if record.is_made() { &record.value } else { domains::BEING_MADE };
        output::line(&format!("  {} {} {value}", record.owner, record.rtype))?;
    }
    Ok(Outcome::Good)
}
