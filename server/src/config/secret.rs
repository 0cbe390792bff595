//! Settings that hold secrets, as they may be shown.

use url::Url;

/// How much of a setting's value is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// All of it.
    Whole,
    /// A URL without user, password and parameters; see [`without_credentials`].
    WithoutCredentials,
    /// Nothing.
    Nothing,
}

impl Shown {
    /// What is printed for `value`.
    #[must_use]
    pub fn of(self, value: &str) -> String {
        match self {
            Self::Whole => value.to_string(),
            Self::WithoutCredentials => without_credentials(value),
            Self::Nothing => HIDDEN.to_string(),
        }
    }
}

const HIDDEN: &str = "(hidden)";

/// The URL of a database or a mail server for people and logs: where it is, and
/// nothing that lets anybody in. Parameters go, too, since `?password=` is one of
/// them. A text of which it is not sure where the secret ends is hidden whole.
#[must_use]
pub fn without_credentials(url: &str) -> String {
    if let Some(path) = url.strip_prefix("sqlite:") {
        return match path.split_once('?') {
            Some((path, _)) => format!("sqlite:{path} (parameters hidden)"),
            None => url.to_string(),
        };
    }
    let Ok(mut parsed) = Url::parse(url) else { return HIDDEN.to_string() };
    if !parsed.has_authority() || parsed.fragment().is_some() {
        return HIDDEN.to_string();
    }
    let mut hidden = Vec::new();
    if !parsed.username().is_empty() || parsed.password().is_some() {
        if parsed.set_username("").and_then(|()| parsed.set_password(None)).is_err() {
            return HIDDEN.to_string();
        }
        hidden.push("user and password");
    }
    // An `@` further back may end a password that has a `/` or `?` in it.
    if parsed.as_str().contains('@') {
        return HIDDEN.to_string();
    }
    if parsed.query().is_some() {
        parsed.set_query(None);
        hidden.push("parameters");
    }
    if hidden.is_empty() { url.to_string() } else { format!("{parsed} ({} hidden)", hidden.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_says_where_and_not_how_to_get_in() {
        for (url, shown) in [
            ("sqlite:signet.db", "sqlite:signet.db"),
            ("sqlite:///srv/a@b.db", "sqlite:///srv/a@b.db"),
            ("sqlite:signet.db?mode=rwc", "sqlite:signet.db (parameters hidden)"),
            ("postgres://db.example/signet", "postgres://db.example/signet"),
            ("postgres:///signet", "postgres:///signet"),
            ("postgres://jo:hunter2@db/signet", "postgres://db/signet (user and password hidden)"),
            ("postgres://jo:hun@ter2@db/signet", "postgres://db/signet (user and password hidden)"),
            ("postgres://jo@db:5433/signet", "postgres://db:5433/signet (user and password hidden)"),
            ("postgres://db/signet?user=jo&password=hunter2", "postgres://db/signet (parameters hidden)"),
            ("postgres:///signet?password=hunter2", "postgres:///signet (parameters hidden)"),
            (
                "postgres://jo:hunter2@db/signet?sslmode=require",
                "postgres://db/signet (user and password, parameters hidden)",
            ),
            ("smtps://jo:hunter2@mail.example", "smtps://mail.example (user and password hidden)"),
            ("smtp://mail.example?tls=required", "smtp://mail.example (parameters hidden)"),
        ] {
            assert_eq!(without_credentials(url), shown, "{url}");
        }
    }

    #[test]
    fn what_is_not_surely_harmless_is_hidden_whole() {
        for url in [
            "",
            "hunter2",
            "postgres:jo:hunter2",
            // Unescaped, these end the part that a password may be in.
            "postgres://jo:12/hunter2@db/signet",
            "postgres://jo:12?hunter2@db/signet",
            "postgres://jo:12#hunter2@db/signet",
            "postgres://jo:hunter2@/signet",
            "postgres://db/signet?user=jo@corp&password=hunter2",
            "postgres://db/signet#hunter2",
            "xfr.signet.test:hmac-sha256:c2VjcmV0LXNlY3JldC1zZWNyZXQh",
        ] {
            assert_eq!(without_credentials(url), HIDDEN, "{url}");
        }
    }
}
