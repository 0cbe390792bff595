//! Where settings come from: `signet.toml`, then the environment, then flags;
//! the later wins.

use super::{ConfigError, SETTINGS, Setting};
use serde_json::{Value, json};
use std::{collections::BTreeMap, path::Path};

/// Settings as texts, with what was odd about finding them.
#[derive(Debug, Default)]
pub struct Sources {
    values: BTreeMap<&'static str, (String, Origin)>,
    /// Things to warn about: unknown `SIGNET_*` variables.
    pub warnings: Vec<String>,
}

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Origin {
    File,
    Environment,
    Flag,
}

/// The file read when no other is named; it need not exist.
pub(super) const FILE: &str = "signet.toml";

/// Variables that are no settings but are ours.
const OTHER_VARIABLES: [&str; 2] = ["SIGNET_CONFIG", "SIGNET_TOKEN"];

impl Sources {
    /// Reads the file (`named`, or [`FILE`] if it is there), then `environment`,
    /// then `flags` by setting name.
    ///
    /// # Errors
    /// A named file that cannot be read, one that is no TOML, an unknown key in it.
    pub fn read(
        named: Option<&Path>,
        environment: impl IntoIterator<Item = (String, String)>,
        flags: impl IntoIterator<Item = (&'static str, String)>,
    ) -> Result<Self, ConfigError> {
        let mut sources = Self::default();
        let path = named.unwrap_or(Path::new(FILE));
        match std::fs::read_to_string(path) {
            Ok(text) => sources.add_file(path, &text)?,
            Err(e) if named.is_none() && e.kind() == std::io::ErrorKind::NotFound => {}
            Err(e) => {
                return Err(ConfigError::File { path: path.display().to_string(), problem: e.to_string() });
            }
        }
        for (variable, value) in environment {
            sources.add_variable(&variable, value);
        }
        for (name, value) in flags {
            sources.values.insert(name, (value, Origin::Flag));
        }
        Ok(sources)
    }

    fn add_file(&mut self, path: &Path, text: &str) -> Result<(), ConfigError> {
        let file_error = |problem: String| ConfigError::File { path: path.display().to_string(), problem };
        let table: toml::Table =
            text.parse().map_err(|e: toml::de::Error| file_error(without_its_line(&e, text)))?;
        for (key, value) in table {
            let setting = by_name(&key).ok_or_else(|| file_error(unknown_key(&key)))?;
            let value = plain(&value).ok_or_else(|| {
                file_error(format!("{key} must be a string, a number, true, false or a list of strings"))
            })?;
            self.values.insert(setting.name, (value, Origin::File));
        }
        Ok(())
    }

    fn add_variable(&mut self, variable: &str, value: String) {
        if !variable.starts_with("SIGNET_") || OTHER_VARIABLES.contains(&variable) {
            return;
        }
        match SETTINGS.iter().find(|setting| setting.variable() == variable) {
            // An empty variable is how shells and unit files unset one.
            Some(_) if value.is_empty() => {}
            Some(setting) => {
                self.values.insert(setting.name, (value, Origin::Environment));
            }
            None => {
                self.warnings.push(format!("the environment variable {variable} is no setting of Signet"))
            }
        }
    }

    /// A setting's value, or its default.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        match self.values.get(name) {
            Some((value, _)) => Some(value),
            None => by_name(name)?.default,
        }
    }

    /// How the value is called where it was set, for error messages.
    #[must_use]
    pub fn called(&self, name: &str) -> String {
        let setting = by_name(name).expect("callers name settings of the table");
        match self.values.get(name).map(|(_, origin)| origin) {
            Some(Origin::File) => setting.name.to_string(),
            Some(Origin::Flag) => format!("--{}", setting.flag()),
            Some(Origin::Environment) | None => setting.variable(),
        }
    }

    /// The result as a `signet.toml`, secrets hidden. Derived defaults are
    /// filled in by `derived`.
    #[must_use]
    pub fn print(&self, derived: &dyn Fn(&str) -> Option<String>) -> String {
        let mut out = String::new();
        for (setting, value, origin) in self.shown(derived) {
            out.push_str(&match value {
                Some(value) => format!("{} = {} # {origin}\n", setting.name, toml::Value::String(value)),
                None => format!("# {} is unset\n", setting.name),
            });
        }
        out
    }

    /// The same for programs: by name, the value (`null`: unset) and where it
    /// came from.
    #[must_use]
    pub fn document(&self, derived: &dyn Fn(&str) -> Option<String>) -> Value {
        let settings = self.shown(derived).map(|(setting, value, origin)| {
            (setting.name.to_string(), json!({ "value": value, "origin": origin }))
        });
        Value::Object(settings.collect())
    }

    /// Every setting with what may be shown of its value, and where that came from.
    fn shown(
        &self,
        derived: &dyn Fn(&str) -> Option<String>,
    ) -> impl Iterator<Item = (&'static Setting, Option<String>, &'static str)> {
        SETTINGS.iter().map(move |setting| {
            let value = self.get(setting.name).map(str::to_string).or_else(|| derived(setting.name));
            let origin = match self.values.get(setting.name).map(|(_, origin)| origin) {
                Some(Origin::File) => "file",
                Some(Origin::Environment) => "environment",
                Some(Origin::Flag) => "flag",
                None => "default",
            };
            (setting, value.map(|value| setting.shown.of(&value)), origin)
        })
    }
}

fn by_name(name: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.name == name)
}

/// What is wrong with the file, and on which line. The error's own text repeats the
/// line, which may have a password on it.
fn without_its_line(error: &toml::de::Error, text: &str) -> String {
    let before = error.span().and_then(|span| text.get(..span.start));
    let line = before.map(|before| format!("line {}: ", before.matches('\n').count() + 1));
    format!("{}{}", line.unwrap_or_default(), error.message())
}

fn unknown_key(key: &str) -> String {
    let near = SETTINGS.iter().find(|setting| {
        strsim::osa_distance(key, setting.name) <= 2 || setting.variable().eq_ignore_ascii_case(key)
    });
    match near {
        Some(setting) => format!("{key} is no setting; is {} meant?", setting.name),
        None => format!("{key} is no setting; `signet serve --help` lists them"),
    }
}

fn plain(value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text.clone()),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Boolean(truth) => Some(truth.to_string()),
        toml::Value::Array(items) => {
            let items: Option<Vec<&str>> = items.iter().map(toml::Value::as_str).collect();
            Some(items?.join(","))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Shown;

    fn sources(
        file: Option<&str>,
        env: &[(&str, &str)],
        flags: &[(&'static str, &str)],
    ) -> Result<Sources, ConfigError> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("signet.toml");
        if let Some(text) = file {
            std::fs::write(&path, text).unwrap();
        }
        Sources::read(
            file.map(|_| path.as_path()),
            env.iter().map(|(k, v)| ((*k).to_string(), (*v).to_string())),
            flags.iter().map(|(k, v)| (*k, (*v).to_string())),
        )
    }

    #[test]
    fn the_later_source_wins() {
        let file =
            Some("listen = \"127.0.0.1:1\"\nrate_limit = 7\nsending_ips = [\"192.0.2.9\", \"192.0.2.8\"]");
        let s =
            sources(file, &[("SIGNET_LISTEN", "127.0.0.1:2"), ("SIGNET_GRACE", "1h")], &[("grace", "2h")])
                .unwrap();
        assert_eq!(s.get("listen"), Some("127.0.0.1:2"));
        assert_eq!(s.get("rate_limit"), Some("7"));
        assert_eq!(s.get("sending_ips"), Some("192.0.2.9,192.0.2.8"));
        assert_eq!(s.get("grace"), Some("2h"));
        assert_eq!(s.get("zone"), Some("signet.test"));
        assert_eq!(s.called("grace"), "--grace");
        assert_eq!(s.called("zone"), "SIGNET_ZONE");
    }

    #[test]
    fn unknown_keys_are_errors_and_unknown_variables_warnings() {
        let error = sources(Some("lisen = \"x\""), &[], &[]).unwrap_err().to_string();
        assert!(error.contains("lisen is no setting; is listen meant?"), "{error}");
        assert!(sources(Some("listen = {}"), &[], &[]).is_err());
        assert!(sources(Some("="), &[], &[]).is_err());
        let s = sources(None, &[("SIGNET_LISTN", "x"), ("HOME", "/"), ("SIGNET_ZONE", "")], &[]).unwrap();
        assert_eq!(s.warnings.len(), 1);
        assert_eq!(s.get("zone"), Some("signet.test"));
    }

    /// Of every setting that holds a secret, something as it is really written.
    fn with_secrets() -> Vec<(&'static str, &'static str)> {
        vec![
            ("database_url", "postgres://db.example/signet?user=jo&password=hunter2"),
            ("dns_tsig", "xfr.signet.test:hmac-sha256:aHVudGVyMi1odW50ZXIyLWh1bnRlcjI="),
            ("smtp_url", "smtps://jo:hunter2@mail.example"),
            ("card_callback_secret", "whsec_aHVudGVyMi1odW50ZXIyLWh1bnRlcjI="),
        ]
    }

    #[test]
    fn secrets_are_not_printed() {
        let secret = SETTINGS.iter().filter(|setting| setting.shown != Shown::Whole);
        let tried: Vec<&str> = with_secrets().iter().map(|(name, _)| *name).collect();
        assert_eq!(secret.map(|setting| setting.name).collect::<Vec<_>>(), tried);

        let sources = sources(None, &[], &with_secrets()).unwrap();
        let (toml, document) = (sources.print(&|_| None), sources.document(&|_| None));
        for printed in [&toml, &document.to_string()] {
            for part in ["hunter2", "jo", "aHVudGVy"] {
                assert!(!printed.contains(part), "{printed}");
            }
            assert!(printed.contains("db.example") && printed.contains("mail.example"), "{printed}");
        }
        let _: toml::Table = toml.parse().unwrap();
        assert_eq!(document["dns_tsig"], json!({ "value": "(hidden)", "origin": "flag" }));
        assert_eq!(document["zone"], json!({ "value": "signet.test", "origin": "default" }));
        assert_eq!(document["helo"]["value"], Value::Null);
    }

    #[test]
    fn an_error_in_the_file_does_not_repeat_its_line() {
        let file = "zone = \"signet.test\"\nsmtp_url = \"smtps://jo:hunter2@mail.example";
        let error = sources(Some(file), &[], &[]).unwrap_err().to_string();
        assert!(error.contains("line 2: ") && !error.contains("hunter2"), "{error}");
    }
}
