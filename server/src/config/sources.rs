//! Where settings come from: `signet.toml`, then the environment, then flags;
//! the later wins.

use super::{ConfigError, SETTINGS, Setting};
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
        let table: toml::Table = text.parse().map_err(|e: toml::de::Error| file_error(e.to_string()))?;
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
        for setting in SETTINGS {
            let value = self.get(setting.name).map(str::to_string).or_else(|| derived(setting.name));
            let origin = match self.values.get(setting.name).map(|(_, origin)| origin) {
                Some(Origin::File) => "file",
                Some(Origin::Environment) => "environment",
                Some(Origin::Flag) => "flag",
                None => "default",
            };
            out.push_str(&match value {
                Some(value) if setting.secret => {
                    format!("{} = {:?} # {origin}\n", setting.name, hidden(&value))
                }
                Some(value) => format!("{} = {} # {origin}\n", setting.name, toml::Value::String(value)),
                None => format!("# {} is unset\n", setting.name),
            });
        }
        out
    }
}

fn by_name(name: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.name == name)
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

/// A URL without its user and password; anything else not at all.
fn hidden(value: &str) -> String {
    match url::Url::parse(value) {
        Ok(mut url) if url.has_host() && (!url.username().is_empty() || url.password().is_some()) => {
            let cleared = url.set_username("").and_then(|()| url.set_password(None));
            if cleared.is_ok() { format!("{url} (user and password hidden)") } else { "(hidden)".to_string() }
        }
        Ok(url) if url.query().is_none() => value.to_string(),
        _ if value.starts_with("sqlite:") => value.to_string(),
        _ => "(hidden)".to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn secrets_are_not_printed() {
        let env = [
            ("SIGNET_DATABASE_URL", "postgres://jo:hunter2@db.example/signet"),
            ("SIGNET_SMTP_URL", "smtps://jo:hunter2@mail.example"),
        ];
        let printed = sources(None, &env, &[]).unwrap().print(&|_| None);
        assert!(!printed.contains("hunter2") && !printed.contains("jo:"), "{printed}");
        assert!(printed.contains("db.example"), "{printed}");
        let _: toml::Table = printed.parse().unwrap();
    }
}
