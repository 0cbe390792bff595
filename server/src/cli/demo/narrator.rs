//! What the audience sees: a story on a terminal, JSON lines for programs.

use crate::cli::output::{bold, dim, in_colour, line, painted, paragraph, status};
use anstyle::AnsiColor;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use signet_core::{names::Name, observe::RecordType, verify::Status};
use std::{
    io,
    io::IsTerminal as _,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

pub(super) struct Narrator {
    json: bool,
    acts: AtomicU32,
}

/// Clears the spinner when the wait is over.
pub(super) struct Waiting(Option<ProgressBar>);

impl Drop for Waiting {
    fn drop(&mut self) {
        if let Some(bar) = self.0.take() {
            bar.finish_and_clear();
        }
    }
}

impl Narrator {
    pub(super) fn new(json: bool) -> Self {
        Self { json, acts: AtomicU32::new(0) }
    }

    fn event(&self, event: &Value) -> io::Result<()> {
        line(&event.to_string())
    }

    /// Gives people time to read; programs none.
    pub(super) async fn breathe(&self, beats: u32) {
        if !self.json && io::stdout().is_terminal() {
            tokio::time::sleep(Duration::from_millis(350) * beats).await;
        }
    }

    pub(super) fn opening(&self, url: &str, dns: &str) -> io::Result<()> {
        if self.json {
            return self.event(&json!({"event": "started", "listening": url, "dns": dns}));
        }
        line(&painted("Signet, the life of a domain", bold()))?;
        line(&painted(&format!("API at {url}, a little internet of its own at {dns}"), dim()))
    }

    pub(super) async fn act(&self, title: &str, how: &str) -> io::Result<()> {
        let number = self.acts.fetch_add(1, Ordering::Relaxed) + 1;
        if self.json {
            return self.event(&json!({"event": "act", "number": number, "title": title}));
        }
        self.breathe(3).await;
        let how = if how.is_empty() { String::new() } else { painted(&format!("  {how}"), dim()) };
        line("")?;
        line(&format!("{}{how}", painted(&format!("{number}. {title}"), bold())))
    }

    pub(super) fn records(&self, domain: &Value, title: &str) -> io::Result<()> {
        if self.json {
            return self.event(&json!({"event": "registered", "domain": domain}));
        }
        line(&format!("   {title}"))?;
        for record in records(domain) {
            let text = |member: &str| record[member].as_str().unwrap_or_default();
            let owner = painted(&format!("{:<52}", text("domain")), in_colour(AnsiColor::Cyan));
            line(&format!("   {owner} {:<6} {}", text("type"), text("value")))?;
        }
        Ok(())
    }

    /// Shows that something goes on, until it is dropped.
    pub(super) fn waiting(&self, for_what: &'static str) -> Waiting {
        if self.json || !io::stdout().is_terminal() {
            return Waiting(None);
        }
        let style = ProgressStyle::with_template("   {spinner} {msg}")
            .unwrap_or_else(|_| ProgressStyle::default_spinner());
        let bar = ProgressBar::new_spinner().with_style(style).with_message(for_what);
        bar.enable_steady_tick(Duration::from_millis(80));
        Waiting(Some(bar))
    }

    pub(super) fn statuses(&self, domain: &Value) -> io::Result<()> {
        if self.json {
            return self.event(&json!({"event": "checked", "domain": domain}));
        }
        for record in records(domain) {
            let word = record["status"].as_str().unwrap_or_default();
            let mark = match Status::parse(word) {
                Some(known) if known.is_right() => "✓",
                Some(Status::Unchecked | Status::NetworkError) | None => "?",
                Some(_) => "✗",
            };
            let shown = Status::parse(word).map_or_else(|| word.to_string(), status);
            line(&format!("   {mark} {:<18} {shown}", record["key"].as_str().unwrap_or_default()))?;
        }
        let verified = if domain["dns_verified"] == true {
            painted("dns_verified: true", in_colour(AnsiColor::Green).bold())
        } else {
            "dns_verified: false".to_string()
        };
        line(&format!("   {verified}"))
    }

    pub(super) fn published(&self, owner: &Name, rtype: RecordType, value: &str) -> io::Result<()> {
        if self.json {
            let record = json!({"name": owner.as_str(), "type": rtype.as_str(), "value": value});
            return self.event(&json!({"event": "published", "record": record}));
        }
        line(&format!("   + {} {rtype} {value}", painted(owner.as_str(), in_colour(AnsiColor::Cyan))))
    }

    /// What Signet says about one record: the heart of the matter.
    pub(super) fn diagnosis(&self, report: &Value, key: &str) -> io::Result<()> {
        let mut verdicts = report["data"].as_array().into_iter().flatten();
        let Some(verdict) = verdicts.find(|verdict| verdict["key"] == key) else { return Ok(()) };
        if self.json {
            return self.event(&json!({"event": "diagnosed", "verdict": verdict}));
        }
        let text = |member: &str| verdict[member].as_str().unwrap_or_default();
        line("")?;
        line(&format!("   Signet says of {key}: {}", painted(text("code"), in_colour(AnsiColor::Red))))?;
        line(&format!("     {}", text("reason")))?;
        line(&format!("   {} {}", painted("→", in_colour(AnsiColor::Green)), text("fix")))?;
        line(&painted(&format!("     seen at {}", text("server")), dim()))
    }

    /// What the rules of the review found, but for what is in order.
    pub(super) fn findings(&self, evidence: &Value) -> io::Result<()> {
        if self.json {
            return self.event(&json!({"event": "reviewed", "evidence": evidence}));
        }
        let findings = evidence["findings"].as_array().or_else(|| evidence.as_array());
        let (mut passed, mut all) = (0, 0);
        for finding in findings.into_iter().flatten() {
            let text = |member: &str| finding[member].as_str().unwrap_or_default();
            all += 1;
            if text("outcome") == "pass" {
                passed += 1;
                continue;
            }
            let outcome = if text("outcome").is_empty() { "cannot tell" } else { text("outcome") };
            let said = format!("{} → {outcome}", text("evidence"));
            line(&paragraph(&format!("   {:<22} ", text("rule")), &said))?;
        }
        line(&painted(&format!("   {passed} of {all} rules have nothing against it"), dim()))
    }

    pub(super) fn authorized(&self, from: &str, answer: &Value) -> io::Result<()> {
        if self.json {
            return self.event(&json!({"event": "authorized", "envelope_from": from, "answer": answer}));
        }
        let text = |member: &str| answer[member].as_str().unwrap_or_default();
        let colour = if text("action") == "allow" { AnsiColor::Green } else { AnsiColor::Red };
        let action = painted(&format!("{:<7}", text("action")), in_colour(colour));
        line(&format!(
            "   {from:<22} {action} {} {} {}",
            answer["code"],
            text("enhanced_status"),
            text("text")
        ))
    }

    pub(super) fn compliance(&self, domain: &Value) -> io::Result<()> {
        let word = domain["compliance_status"].as_str().unwrap_or_default();
        if self.json {
            return self.event(&json!({"event": "compliance", "status": word}));
        }
        let meaning =
            signet_core::lifecycle::ComplianceStatus::parse(word).map_or("", |status| status.meaning());
        let colour = if word == "compliant" { AnsiColor::Green } else { AnsiColor::Yellow };
        line(&format!(
            "   compliance_status: {}  {}",
            painted(word, in_colour(colour).bold()),
            painted(meaning, dim())
        ))
    }

    pub(super) fn history(&self, events: &Value) -> io::Result<()> {
        if self.json {
            return self.event(&json!({"event": "history", "events": events["data"]}));
        }
        for event in events["data"].as_array().into_iter().flatten().rev() {
            let text = |member: &str| event[member].as_str().unwrap_or_default();
            let change = match (text("record"), text("from"), text("to")) {
                (_, "", "") => String::new(),
                (record, from, to) => format!("{record} {from} → {to}"),
            };
            let when = text("at").get(11..19).unwrap_or_default();
            let row = format!(
                "   {} {:<26} {:<10} {}",
                painted(when, dim()),
                text("type"),
                text("actor"),
                change.trim()
            );
            line(row.trim_end())?;
        }
        Ok(())
    }

    /// The end: what to do with the server that is still running.
    pub(super) fn curtain_call(&self, url: &str, token: &str) -> io::Result<()> {
        if self.json {
            return self.event(&json!({"event": "running", "listening": url, "token": token}));
        }
        line("")?;
        line(&painted("The server goes on running; Ctrl-C ends it. Try:", bold()))?;
        line("")?;
        line(&format!("TOKEN={token}"))?;
        line(&format!("curl -s -H \"Api-Token: $TOKEN\" {url}/api/domains"))?;
        line(&format!("curl -s -H \"Api-Token: $TOKEN\" {url}/api/domains/2/report"))?;
        line(&format!(
            "curl -s -H \"Api-Token: $TOKEN\" -d '{{\"domain\":{{\"domain_name\":\"florist.test\"}}}}' {url}/api/domains"
        ))
    }
}

fn records(domain: &Value) -> impl Iterator<Item = &Value> {
    domain["dns_records"].as_array().into_iter().flatten()
}
