//! `signet audit`, `signet token` and `signet domains` as an operator runs them: the
//! real program on a database of its own.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking, and so do what they are made of")]

use serde_json::Value;
use std::{
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Command, Output},
};

struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn run(&self, args: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_signet"));
        command.args(args).current_dir(self.path()).env_clear().env("PATH", "/usr/bin").output().unwrap()
    }

    #[track_caller]
    fn out(&self, args: &[&str]) -> String {
        let output = self.run(args);
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    #[track_caller]
    fn json(&self, args: &[&str]) -> Value {
        let out = self.out(&[args, &["--json"]].concat());
        serde_json::from_str(&out).unwrap_or_else(|e| panic!("{e}: {out}"))
    }

    #[track_caller]
    fn refused(&self, args: &[&str]) -> String {
        let output = self.run(args);
        assert!(!output.status.success(), "{args:?}");
        assert!(output.stdout.is_empty(), "{args:?}");
        String::from_utf8(output.stderr).unwrap()
    }
}

/// An account with two tokens, the second reset and then revoked.
fn lived() -> Place {
    let place = Place::new();
    place.out(&["account", "create", "--name", "Bakery", "--owner-email", "owner@example.org"]);
    let create = ["token", "create", "--account", "1", "--name"];
    place.out(&[&create[..], &["first"]].concat());
    place.out(&[&create[..], &["second", "--access", "viewer", "--expires", "365d"]].concat());
    place.out(&["token", "reset", "2"]);
    place.out(&["token", "revoke", "2"]);
    place
}

/// 1 is a finding of theirs, which a failure to find out is not.
#[test]
fn what_could_not_be_found_out_is_no_finding() {
    let place = lived();
    let code = |args: &[&str]| place.run(args).status.code();
    for args in [
        &["domains", "plan", "99"][..],
        &["domains", "apply", "99", "--yes"],
        &["domains", "show", "99"],
        &["domains", "check", "99", "--wait", "0"],
    ] {
        assert_eq!(code(args), Some(2), "{args:?}");
    }
    assert_eq!(code(&["domains", "records", "99"]), Some(1));
    std::fs::remove_file(place.path().join("signet.key")).unwrap();
    assert_eq!(code(&["domains", "plan", "1"]), Some(2), "without the key file");
}

/// Nobody can say yes to what is shown only afterwards.
#[test]
fn a_program_is_not_asked() {
    let refused = lived().refused(&["domains", "apply", "1", "--json"]);
    let error: Value = serde_json::from_str(&refused).unwrap();
    assert!(error["error"].as_str().unwrap().contains("say --yes"), "{error}");
}

#[test]
fn tokens_of_operators_and_resets() {
    let place = lived();
    let create = ["token", "create", "--account", "1", "--name", "ops", "--access", "operator"];
    let made = place.json(&create);
    let secret = made["token"].as_str().unwrap();
    assert!(secret.ends_with(made["last4"].as_str().unwrap()) && secret.starts_with("sgt_"));
    let refused = place.refused(&[&create[..], &["--domain", "1"]].concat());
    assert!(refused.contains("cannot be for single domains"), "{refused}");
    let refused = place.refused(&["token", "reset", "2"]);
    assert!(refused.contains("was deleted"), "{refused}");
    assert!(place.refused(&["token", "reset", "99"]).contains("none with that number"));

    let list = place.json(&["token", "list"]);
    let shown = |n: usize| {
        let token = &list[n];
        (
            token["access"].as_str().unwrap(),
            token["created_by"].as_str().unwrap(),
            token["replaced_by"].as_i64(),
        )
    };
    assert_eq!(shown(0), ("admin", "operator", None));
    assert_eq!(shown(1), ("viewer", "operator", Some(3)));
    assert_eq!(shown(2), ("viewer", "operator", None));
    assert_eq!(shown(3), ("operator", "operator", None));
    let table = place.out(&["token", "list"]);
    for shown in
        ["ends in", "made by", "last used", &format!("…{}", list[0]["last4"].as_str().unwrap()), "reset: 3"]
    {
        assert!(table.contains(shown), "{shown}: {table}");
    }
    assert!(!table.contains(secret));
}

#[test]
fn a_search_is_a_table_or_json() {
    let place = lived();
    let table = place.out(&["audit"]);
    for shown in ["token.revoked", "token.reset", "account.created", "operator", "command line", "account 1"]
    {
        assert!(table.contains(shown), "{shown}: {table}");
    }
    let rows = place.json(&["audit", "--type", "token.reset", "--since", "1h"]);
    assert_eq!(rows.as_array().unwrap().len(), 1);
    assert_eq!((&rows[0]["actor"], &rows[0]["origin"]), (&"operator".into(), &"command line".into()));
    assert_eq!(rows[0]["evidence"]["replaces"], 2);
    assert_eq!(place.json(&["audit", "--limit", "2"]).as_array().unwrap().len(), 2);
    assert_eq!(place.out(&["audit", "--actor", "nobody"]).trim(), "Nothing that fits.");
    assert_eq!(place.out(&["audit", "--until", "2020-01-01"]).trim(), "Nothing that fits.");
    let demo = place.json(&["audit", "--domain", "1"]);
    let name = demo[0]["domain"]["name"].as_str().unwrap();
    assert_eq!(place.json(&["audit", "--domain", &name.to_uppercase(), "--account", "1"]), demo);
    assert!(place.refused(&["audit", "--type", "nonsense"]).contains("domain.verified"));
    assert!(place.refused(&["audit", "--domain", "a..b"]).contains("domain_name"));
}

#[test]
fn an_export_is_lines_oldest_first() {
    let place = lived();
    let lines = place.out(&["audit", "export"]);
    let rows: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let mut searched: Vec<Value> = place.json(&["audit"]).as_array().unwrap().clone();
    searched.reverse();
    assert_eq!(rows, searched);
    assert_eq!(rows.len(), 6);

    let told = place.out(&["audit", "export", "history.jsonl", "--type", "token.created"]);
    assert_eq!(told.trim(), "history.jsonl has 2 rows.");
    let file = place.path().join("history.jsonl");
    assert_eq!(std::fs::read_to_string(&file).unwrap().lines().count(), 2);
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(place.refused(&["audit", "export", "history.jsonl"]).contains("history.jsonl cannot be written"));
    assert_eq!(std::fs::read_to_string(&file).unwrap().lines().count(), 2, "and is as it was");
}

#[test]
fn a_restore_keeps_the_history_and_is_in_it() {
    let place = lived();
    let before = place.out(&["audit", "export"]);
    place.out(&["backup", "a.backup"]);
    let restored = ["--database-url", "sqlite:new.db"];
    place.out(&[&["restore", "a.backup"], &restored[..]].concat());
    let after = place.out(&[&restored[..], &["audit", "export"]].concat());
    let added = after.strip_prefix(&before).expect("every row as it was");
    let row: Value = serde_json::from_str(added).unwrap();
    assert_eq!((&row["type"], &row["from"]), (&"installation.restored".into(), &"a.backup".into()));
    assert_eq!((&row["account_id"], &row["actor"]), (&Value::Null, &"operator".into()));
}
