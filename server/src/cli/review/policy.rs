//! `signet review policy`: the rules in force, to be read or copied.

use crate::{
    cli::{Outcome, output},
    config::{Config, Sources},
};
use serde_json::{Value, json};
use signet_core::review::{AfterQuestionnaire, Check, Policy};
use std::io::Write as _;

pub(in crate::cli) fn run(sources: &Sources, json: bool) -> anyhow::Result<Outcome> {
    let policy = Config::from_sources(sources)?.review_policy;
    if json {
        output::json(&document(&policy.policy))?;
    } else {
        // As it stands, so that a copy of it is the same policy.
        std::io::stdout().lock().write_all(policy.text.as_bytes())?;
    }
    Ok(Outcome::Good)
}

fn document(policy: &Policy) -> Value {
    let rules = policy.rules.iter().map(|rule| {
        let mut shown = json!({
            "name": rule.name,
            "check": rule.check.as_str(),
            "then": rule.then.as_str(),
        });
        match &rule.check {
            Check::Blocklist { lists } => {
                shown["lists"] = lists.iter().map(ToString::to_string).collect();
            }
            Check::ManyNewDomains { most, days } => {
                shown["most"] = json!(most);
                shown["days"] = json!(days);
            }
            Check::DomainAge { days, rdap_url } => {
                shown["days"] = json!(days);
                shown["rdap_url"] = json!(rdap_url);
            }
            _ => {}
        }
        shown
    });
    let after = match policy.after_questionnaire {
        AfterQuestionnaire::Refer => "refer",
        AfterQuestionnaire::Pass => "pass",
    };
    let protected = policy
        .protected
        .iter()
        .map(|protected| protected.domains.iter().map(ToString::to_string).collect::<Vec<_>>());
    json!({
        "after_questionnaire": after,
        "protected_names": protected.collect::<Vec<_>>(),
        "built_in_names": !policy.without_built_in_names,
        "rule": rules.collect::<Vec<_>>(),
    })
}
