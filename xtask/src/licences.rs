//! Licences and banned crates, by the rules of `deny.toml`.
//!
//! `cargo tree` knows what is really built for a platform; reading it takes a
//! second, where building cargo-deny takes minutes.

use crate::{spdx, step};
use anyhow::{Context as _, bail};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// The part of cargo-deny's format that is used.
#[derive(Debug, Deserialize)]
struct Rules {
    graph: Graph,
    licenses: Licenses,
    bans: Bans,
}

#[derive(Debug, Deserialize)]
struct Graph {
    targets: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Licenses {
    allow: Vec<String>,
    #[serde(default)]
    exceptions: Vec<Exception>,
}

/// A crate that may have licences which others may not.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Exception {
    #[serde(rename = "crate")]
    name: String,
    allow: Vec<String>,
}

impl Licenses {
    fn allowed(&self, name: &str) -> Vec<String> {
        let exceptions = self.exceptions.iter().filter(|exception| exception.name == name);
        let more = exceptions.flat_map(|exception| &exception.allow);
        self.allow.iter().chain(more).cloned().collect()
    }
}

#[derive(Debug, Deserialize)]
struct Bans {
    deny: Vec<Ban>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Ban {
    #[serde(rename = "crate")]
    name: String,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    deny_multiple_versions: bool,
}

/// A crate as `cargo tree` tells of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Package {
    name: String,
    version: String,
    licence: String,
    /// From the registry, or one of ours.
    known_source: bool,
}

/// The workspaces: what ships with its tests, and what fuzzes it.
const WORKSPACES: &[&str] = &["Cargo.toml", "fuzz/Cargo.toml"];

/// Checks every crate that is built, for tests and for fuzzing too.
///
/// # Errors
/// All that is against the rules.
pub(crate) fn run() -> anyhow::Result<()> {
    let text = std::fs::read_to_string(step::root().join("deny.toml")).context("deny.toml")?;
    let rules: Rules = toml::from_str(&text).context("deny.toml")?;
    for manifest in WORKSPACES {
        let packages = packages(manifest, &rules)?;
        let against = against(&packages, &rules);
        println!("{manifest}: {} crates, {} against the rules of deny.toml", packages.len(), against.len());
        if packages.is_empty() {
            bail!("cargo tree told of no crate");
        }
        if !against.is_empty() {
            bail!("{}", against.join("\n"));
        }
    }
    Ok(())
}

fn packages(manifest: &str, rules: &Rules) -> anyhow::Result<BTreeSet<Package>> {
    let mut packages = BTreeSet::new();
    for target in &rules.graph.targets {
        let words = ["tree", "--workspace", "--locked", "--prefix", "none", "--format", "{p}|{l}"];
        let mut tree = step::cargo(&words);
        tree.args(["--edges", "normal,build,dev", "--target", target, "--manifest-path", manifest]);
        let root = step::root();
        step::read(&mut tree, |line| packages.extend(package(line, &root.to_string_lossy()))).with_context(
            || format!("after a change of dependencies: cargo update --workspace --manifest-path {manifest}"),
        )?;
    }
    Ok(packages)
}

/// Reads `serde v1.0.229 (proc-macro)|MIT OR Apache-2.0`; a crate that was told
/// of before ends in `(*)`.
fn package(line: &str, root: &str) -> Option<Package> {
    let (described, licence) = line.split_once('|')?;
    let mut words = described.split_whitespace();
    let (name, version) = (words.next()?, words.next()?);
    let known_source =
        words.all(|word| word == "(proc-macro)" || word == "(*)" || word.starts_with(&format!("({root}")));
    Some(Package {
        name: name.to_string(),
        version: version.to_string(),
        licence: licence.trim_end_matches(" (*)").to_string(),
        known_source,
    })
}

fn against(packages: &BTreeSet<Package>, rules: &Rules) -> Vec<String> {
    let mut found = Vec::new();
    let mut versions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for package in packages {
        let Package { name, version, licence, .. } = package;
        versions.entry(name).or_default().insert(version);
        match spdx::satisfied(licence, &rules.licenses.allowed(name)) {
            Some(true) => {}
            Some(false) => found.push(format!("{name} {version}: its licence {licence} is not allowed")),
            None => found.push(format!("{name} {version}: {licence:?} is no licence expression")),
        }
        if !package.known_source {
            found.push(format!("{name} {version}: neither from the registry nor ours"));
        }
    }
    for ban in &rules.bans.deny {
        let Some(there) = versions.get(ban.name.as_str()) else { continue };
        let told = there.iter().copied().collect::<Vec<_>>().join(", ");
        if !ban.deny_multiple_versions {
            found.push(format!("{} {told} is banned: {}", ban.name, ban.reason));
        } else if there.len() > 1 {
            found.push(format!("{} is there more than once: {told}", ban.name));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules() -> Rules {
        toml::from_str(
            r#"
            graph.targets = []
            licenses.allow = ["MIT"]
            licenses.exceptions = [{ crate = "odd", allow = ["NCSA"] }]
            bans.deny = [
                { crate = "openssl", reason = "rustls" },
                { crate = "rustls", deny-multiple-versions = true },
            ]
            "#,
        )
        .unwrap()
    }

    fn broken(lines: &[&str]) -> Vec<String> {
        let packages = lines.iter().filter_map(|line| package(line, "/here")).collect();
        against(&packages, &rules())
    }

    #[test]
    fn what_is_allowed_passes() {
        let lines =
            ["signet v0.1.0 (/here/server)|MIT", "serde v1.0.0|MIT OR X", "serde v1.0.0|MIT OR X (*)"];
        assert_eq!(broken(&lines), Vec::<String>::new());
        assert_eq!(
            broken(&["", "rustls v0.23.1|MIT", "x v1.0.0 (proc-macro)|MIT (*)"]),
            Vec::<String>::new()
        );
    }

    #[test]
    fn what_is_not_is_named() {
        assert_eq!(broken(&["a v1.0.0|GPL-3.0"]), ["a v1.0.0: its licence GPL-3.0 is not allowed"]);
        assert_eq!(broken(&["odd v1.0.0|MIT AND NCSA"]), Vec::<String>::new());
        assert_eq!(broken(&["a v1.0.0|NCSA"]), ["a v1.0.0: its licence NCSA is not allowed"]);
        assert_eq!(broken(&["a v1.0.0|"]), [r#"a v1.0.0: "" is no licence expression"#]);
        assert_eq!(broken(&["openssl v0.10.1|MIT"]), ["openssl v0.10.1 is banned: rustls"]);
        assert_eq!(
            broken(&["rustls v0.22.0|MIT", "rustls v0.23.0|MIT"]),
            ["rustls is there more than once: v0.22.0, v0.23.0"]
        );
        assert_eq!(
            broken(&["a v1.0.0 (git+there#1)|MIT", "b v1.0.0 (/elsewhere)|MIT"]),
            ["a v1.0.0: neither from the registry nor ours", "b v1.0.0: neither from the registry nor ours"]
        );
    }
}
