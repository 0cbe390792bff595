//! Commands as operators write them, of the real program over a database of its own:
//! each in the form it is documented in, and each with `--json`.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking, and so do what they are made of")]

use serde_json::{Value, json};
use std::process::{Command, Output};

const TSIG: &str = "xfr.signet.test:hmac-sha256:aHVudGVyMi1odW50ZXIyLWh1bnRlcjIh";

struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// With an account and its demo domain, both of the number 1.
    fn lived() -> Self {
        let place = Self::new();
        place.out(&["account", "create", "--name", "Bakery", "--owner-email", "owner@example.org"]);
        place
    }

    fn run(&self, args: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_signet"));
        command.args(args).current_dir(self.0.path()).env_clear().env("PATH", "/usr/bin").output().unwrap()
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
        serde_json::from_str(&out).unwrap_or_else(|e| panic!("{args:?}: {e}: {out}"))
    }

    /// Both streams, of a command that may fail.
    fn said(&self, args: &[&str]) -> String {
        let Output { stdout, stderr, .. } = self.run(args);
        [stdout, stderr].map(|bytes| String::from_utf8(bytes).unwrap()).concat()
    }
}

#[test]
fn every_command_has_json() {
    let place = Place::new();
    let account = ["account", "create", "--name", "Bakery", "--owner-email", "owner@example.org"];
    assert_eq!(place.json(&account)["id"], 1);
    let token = ["token", "create", "--account", "1", "--name", "ops", "--access", "viewer", "--domain", "1"];
    assert!(place.json(&[&token[..], &["--expires", "365d"]].concat())["token"].is_string());
    for args in [
        &["account", "list"][..],
        &["token", "list"],
        &["domains", "list"],
        &["domains", "show", "1"],
        &["review", "list"],
        &["keys", "list"],
        &["zone", "export"],
        &["openapi"],
        &["token", "revoke", "1"],
        &["review", "suspend", "1", "--reason", "because"],
        &["review", "lift", "1", "--reason", "because"],
    ] {
        if args[..2.min(args.len())] == ["domains", "show"] {
            // Its exit code says that nothing is verified yet.
            let out = String::from_utf8(place.run(&[args, &["--json"]].concat()).stdout).unwrap();
            let shown: Value = serde_json::from_str(&out).unwrap();
            assert_eq!(shown["id"], 1);
            continue;
        }
        assert!(!place.json(args).is_null(), "{args:?}");
    }
}

/// In the middle of the night nobody looks up what is wanted beside the number.
#[test]
fn a_rotation_needs_a_number_alone() {
    let place = Place::lived();
    for args in [&["keys", "rotate", "1"][..], &["keys", "rotate", "1", "--compromised"]] {
        let output = place.run(&[args, &["--json"]].concat());
        // Refused, since there are no keys yet, and not for how it is written.
        assert_eq!(output.status.code(), Some(1));
        let error: Value = serde_json::from_slice(&output.stderr).unwrap();
        assert!(error["error"].as_str().unwrap().starts_with("There is no key that signs yet"), "{error}");
    }
}

#[test]
fn the_settings_are_shown_without_what_lets_anybody_in() {
    let place = Place::new();
    let secrets = [
        "--database-url=postgres://db.example/signet?user=jo&password=hunter2",
        &format!("--dns-tsig={TSIG}"),
        "--smtp-url=smtps://jo:hunter2@mail.example",
        "--card-callback-secret=whsec_aHVudGVyMi1odW50ZXIyLWh1bnRlcjIh",
    ];
    let args = [&["serve", "--print-config"][..], &secrets].concat();
    for said in [place.said(&args), place.json(&args).to_string()] {
        assert!(!said.contains("hunter2") && !said.contains("aHVudGVy"), "{said}");
        assert!(said.contains("db.example") && said.contains("mail.example"), "{said}");
    }
    assert_eq!(place.json(&args)["zone"], json!({ "value": "signet.test", "origin": "default" }));
    // What would be warned of at the start is told here, too.
    assert!(place.said(&args).contains("SIGNET_DNS_TSIG is set, but SIGNET_DNS_LISTEN is not"));
}

#[test]
fn a_database_is_named_without_its_password() {
    let place = Place::new();
    // Nobody listens there.
    let url = "--database-url=postgres://127.0.0.1:1/signet?user=jo&password=hunter2";
    for args in [&["doctor"][..], &["doctor", "--json"], &["domains", "list"], &["serve"]] {
        let offline = ["--dns-resolvers=127.0.0.1:1", "--dns-mode=recursive"];
        let said = place.said(&[args, &[url], &offline].concat());
        assert!(!said.contains("hunter2"), "{args:?}: {said}");
        if args[0] == "doctor" {
            assert!(said.contains("postgres://127.0.0.1:1/signet (parameters hidden)"), "{said}");
        }
    }
    let empty = place.said(&["domains", "list", "--database-url=sqlite:other.db?mode=rwc"]);
    assert!(empty.contains("the database sqlite:other.db (parameters hidden) is empty"), "{empty}");
}
