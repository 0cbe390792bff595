//! `signet audit`.

use super::{Outcome, domains, output, told};
use crate::{
    ops::{Actor, Ops, audit::AuditRow},
    store::{AccountId, AuditFilter, Event, EventId, EventKind},
};
use anyhow::Context as _;
use clap::{Args, Subcommand};
use jiff::Timestamp;
use serde_json::Value;
use std::{
    fs::OpenOptions,
    io::{BufWriter, IsTerminal as _, Write},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct AuditArgs {
    #[command(subcommand)]
    command: Option<AuditCommand>,
    #[command(flatten)]
    filter: FilterArgs,
    /// The most rows to show
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    limit: u32,
    /// Only rows older than the one with this number
    #[arg(long, value_name = "ID")]
    before: Option<EventId>,
}

#[derive(Debug, Subcommand)]
enum AuditCommand {
    /// Write all that fits as JSON lines, oldest first
    Export {
        /// The file to write, which must not exist [default: standard output]
        file: Option<PathBuf>,
        #[command(flatten)]
        filter: FilterArgs,
    },
}

#[derive(Debug, Args)]
struct FilterArgs {
    /// Only of this account; 0 for what concerns no single one
    #[arg(long, value_name = "ID")]
    account: Option<AccountId>,
    /// Only about this domain, deleted or not
    #[arg(long, value_name = "NAME|ID")]
    domain: Option<String>,
    /// Only of this type, like domain.verified; may be given several times
    #[arg(long = "type", value_name = "TYPE", value_delimiter = ',', value_parser = kind)]
    kinds: Vec<EventKind>,
    /// Only what this actor did: token:7, operator, signet
    #[arg(long)]
    actor: Option<String>,
    /// Only from then on: a time like 2026-04-28T08:00:00Z, a day, or an age like 24h
    #[arg(long, value_name = "TIME")]
    since: Option<Moment>,
    /// Only before then
    #[arg(long, value_name = "TIME")]
    until: Option<Moment>,
    /// Only with this in the reason
    #[arg(long, value_name = "TEXT")]
    text: Option<String>,
}

fn kind(text: &str) -> Result<EventKind, String> {
    EventKind::parse(text).ok_or_else(|| {
        let all: Vec<&str> = EventKind::ALL.iter().map(|kind| kind.as_str()).collect();
        format!("there is no such type; there are {}", all.join(", "))
    })
}

/// A time, or how long ago.
#[derive(Clone, Copy, Debug)]
enum Moment {
    At(Timestamp),
    Ago(jiff::SignedDuration),
}

impl std::str::FromStr for Moment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(at) = text.parse() {
            return Ok(Self::At(at));
        }
        if let Ok(at) = format!("{text}T00:00:00Z").parse() {
            return Ok(Self::At(at));
        }
        crate::config::duration(text).map(Self::Ago).map_err(|_| {
            "give a time like 2026-04-28T08:00:00Z, a day like 2026-04-28, or an age like 24h".into()
        })
    }
}

impl Moment {
    fn at(self, now: Timestamp) -> Timestamp {
        match self {
            Self::At(at) => at,
            Self::Ago(span) => now.saturating_sub(span).unwrap_or(Timestamp::MIN),
        }
    }
}

impl FilterArgs {
    fn filter(self, now: Timestamp) -> AuditFilter {
        let id = self.domain.as_ref().and_then(|domain| domain.parse().ok());
        AuditFilter {
            account: self.account,
            domain: id,
            domain_name: self.domain.filter(|_| id.is_none()),
            kinds: self.kinds,
            actor: self.actor,
            since: self.since.map(|moment| moment.at(now)),
            until: self.until.map(|moment| moment.at(now)),
            text: self.text,
        }
    }
}

pub(super) async fn run(args: AuditArgs, ops: &Ops, json: bool) -> anyhow::Result<Outcome> {
    // In all accounts, so that which one is of no consequence.
    let actor = Actor::operator(AccountId::INSTALLATION);
    match args.command {
        Some(AuditCommand::Export { file, filter }) => {
            export(ops, &actor, file.as_deref(), filter.filter(ops.clock.now()), json).await
        }
        None => {
            let filter = args.filter.filter(ops.clock.now());
            let events = ops.audit(&actor, filter, args.before, args.limit).await.map_err(told)?;
            if json {
                let rows = events.iter().map(|event| AuditRow::from(event).document());
                output::json(&Value::Array(rows.collect()))?;
            } else {
                print(&events)?;
            }
            Ok(Outcome::Good)
        }
    }
}

/// The longest a value is shown on a screen.
const SHOWN: usize = 60;

fn print(events: &[Event]) -> std::io::Result<()> {
    let rows = events.iter().map(|event| {
        let about = match (event.domain, &event.domain_name) {
            (Some(id), Some(name)) => format!("{name} ({id})"),
            (Some(id), None) => format!("domain {id}"),
            (None, _) if event.account == AccountId::INSTALLATION => "installation".to_string(),
            (None, _) => format!("account {}", event.account),
        };
        vec![
            event.id.to_string(),
            output::time(Some(event.at)),
            event.kind.clone(),
            about,
            format!("{} ({})", event.actor, event.origin),
            said(event),
        ]
    });
    output::table(&["id", "at", "type", "about", "by", "what"], rows.collect(), "Nothing that fits.")
}

/// What a row says beside its type, on a line or two.
fn said(event: &Event) -> String {
    let change = match (&event.from, &event.to) {
        (Some(from), Some(to)) => format!("{} → {}", output::cut(from, SHOWN), output::cut(to, SHOWN)),
        (Some(from), None) => output::cut(from, SHOWN),
        (None, Some(to)) => output::cut(to, SHOWN),
        (None, None) => String::new(),
    };
    let record = event.record.clone().unwrap_or_default();
    let parts = [record, change, output::cut(&event.reason, 2 * SHOWN)];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" · ")
}

async fn export(
    ops: &Ops,
    actor: &Actor,
    file: Option<&Path>,
    filter: AuditFilter,
    json: bool,
) -> anyhow::Result<Outcome> {
    let mut export = ops.audit_export(actor, filter).map_err(told)?;
    let mut out: Box<dyn Write> = match file {
        None => Box::new(BufWriter::new(std::io::stdout())),
        Some(path) => {
            // The history names customers and their addresses.
            let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
            Box::new(BufWriter::new(made.with_context(|| format!("{} cannot be written", path.display()))?))
        }
    };
    // Lines and progress on one terminal would be a mess.
    let shown = !json && (file.is_some() || !std::io::stdout().is_terminal());
    let progress = shown.then(|| domains::progress("exporting"));
    let mut rows: u64 = 0;
    loop {
        let page = export.next().await.map_err(told)?;
        if page.is_empty() {
            break;
        }
        for event in &page {
            out.write_all(AuditRow::from(event).line().as_bytes())?;
            rows += 1;
        }
        if let Some(progress) = &progress {
            progress.set_message(format!("exporting: {rows} rows"));
        }
    }
    out.flush()?;
    if let Some(progress) = progress {
        progress.finish_and_clear();
    }
    if let Some(path) = file {
        if json {
            output::json(&serde_json::json!({ "file": path, "rows": rows }))?;
        } else {
            output::line(&format!("{} has {rows} rows.", path.display()))?;
        }
    }
    Ok(Outcome::Good)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::DomainId;
    use clap::{CommandFactory as _, Parser};

    #[derive(Debug, Parser)]
    struct Only {
        #[command(flatten)]
        args: AuditArgs,
    }

    #[test]
    fn moments_are_times_days_and_ages() {
        Only::command().debug_assert();
        let now: Timestamp = "2026-04-28T08:00:00Z".parse().unwrap();
        let at = |text: &str| text.parse::<Moment>().map(|moment| moment.at(now).to_string());
        assert_eq!(at("2026-04-27T10:00:00+02:00").as_deref(), Ok("2026-04-27T08:00:00Z"));
        assert_eq!(at("2026-04-27").as_deref(), Ok("2026-04-27T00:00:00Z"));
        assert_eq!(at("24h").as_deref(), Ok("2026-04-27T08:00:00Z"));
        for wrong in ["", "yesterday", "2026-13-01", "-1h"] {
            assert!(at(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_domain_is_a_number_or_a_name() {
        let filter = |args: &[&str]| {
            let only = Only::try_parse_from([&["audit"], args].concat()).unwrap();
            only.args.filter.filter(Timestamp::UNIX_EPOCH)
        };
        assert_eq!(filter(&["--domain", "7"]).domain, Some(DomainId(7)));
        let named = filter(&["--domain", "example.com", "--type", "domain.verified,domain.deleted"]);
        assert_eq!((named.domain, named.domain_name.as_deref()), (None, Some("example.com")));
        assert_eq!(named.kinds, [EventKind::DomainVerified, EventKind::DomainDeleted]);
    }
}
