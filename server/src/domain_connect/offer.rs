//! What a DNS host says of itself, believed as far as it may be.

use crate::fetch;
use serde::Deserialize;
use url::Url;

/// The longest place, and the longest URL, that is taken.
const MAX_URL: usize = 1024;
/// The longest name.
const MAX_NAME: usize = 100;

/// Why there is no link; the text is for the domain's owner.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The zone names no Domain Connect host, or one that knows nothing of it.
    #[error("The DNS host of this domain does not offer Domain Connect.")]
    NotOffered,
    /// It has not taken our template in.
    #[error("{0} offers Domain Connect, but not for this service yet.")]
    TemplateUnknown(String),
    /// It has the flow only for which contracts are made.
    #[error("{0} offers Domain Connect, but not by a link.")]
    NoLink(String),
    /// It could not be found out: another time it may be.
    #[error("Whether the DNS host offers Domain Connect could not be found out: {0}. Try again in a minute.")]
    Unreachable(String),
}

impl Refusal {
    /// One stable word.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotOffered => "not_offered",
            Self::TemplateUnknown(_) => "template_unknown",
            Self::NoLink(_) => "no_link",
            Self::Unreachable(_) => "unreachable",
        }
    }

    /// Who it is, where it is known.
    #[must_use]
    pub fn dns_host(&self) -> Option<&str> {
        match self {
            Self::TemplateUnknown(name) | Self::NoLink(name) => Some(name),
            Self::NotOffered | Self::Unreachable(_) => None,
        }
    }
}

/// A DNS host that offers the synchronous flow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DnsProvider {
    name: String,
    api: Url,
    sync: Url,
    window: (u32, u32),
}

/// The members of its settings that we use.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Settings {
    provider_name: String,
    provider_display_name: Option<String>,
    #[serde(rename = "urlSyncUX")]
    url_sync_ux: Option<String>,
    #[serde(rename = "urlAPI")]
    url_api: String,
    width: Option<serde_json::Value>,
    height: Option<serde_json::Value>,
}

impl DnsProvider {
    /// Reads the settings of a zone.
    ///
    /// # Errors
    /// [`Refusal::Unreachable`] for what makes no sense, [`Refusal::NoLink`] where
    /// there is no synchronous flow.
    pub(super) fn read(body: &[u8], allow_private: bool) -> Result<Self, Refusal> {
        let nonsense = |what: &str| Refusal::Unreachable(format!("its settings {what}"));
        let settings: Settings = serde_json::from_slice(body).map_err(|_| nonsense("cannot be read"))?;
        let display = settings.provider_display_name.filter(|name| !name.trim().is_empty());
        let name =
            shown(&display.unwrap_or(settings.provider_name)).ok_or_else(|| nonsense("name nobody"))?;
        let url =
            |text: &str| url(text, allow_private).ok_or_else(|| nonsense("have an address that is none"));
        let api = url(&settings.url_api)?;
        let Some(sync) = settings.url_sync_ux.filter(|text| !text.is_empty()) else {
            return Err(Refusal::NoLink(name));
        };
        let sync = url(&sync)?;
        let window = (pixels(settings.width.as_ref()), pixels(settings.height.as_ref()));
        Ok(Self { name, api, sync, window })
    }

    /// As people know it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn api(&self) -> &Url {
        &self.api
    }

    pub(super) fn sync(&self) -> &Url {
        &self.sync
    }

    /// How wide and high it wants its window, in pixels.
    #[must_use]
    pub fn window(&self) -> (u32, u32) {
        self.window
    }
}

/// A name of theirs, fit to be shown.
fn shown(name: &str) -> Option<String> {
    let plain: String =
        name.chars().filter(|c| !c.is_control() && !is_invisible(*c)).take(MAX_NAME).collect();
    let plain = plain.trim();
    (!plain.is_empty()).then(|| plain.to_string())
}

/// What is not seen, or has the text around it read in another order (UAX 9, and the
/// line and paragraph separators).
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' |
        '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// A size as a number or a text, within what screens have.
fn pixels(value: Option<&serde_json::Value>) -> u32 {
    let number = value.and_then(|value| value.as_u64().or_else(|| value.as_str()?.trim().parse().ok()));
    number.and_then(|number| u32::try_from(number).ok()).unwrap_or(750).clamp(300, 4000)
}

/// A prefix of URLs: `https`, a host outside, and nothing that would take what
/// is appended for something else.
fn url(text: &str, allow_private: bool) -> Option<Url> {
    let url = (text.len() <= MAX_URL).then(|| Url::parse(text).ok()).flatten()?;
    let secure = url.scheme() == "https" || (allow_private && url.scheme() == "http");
    let plain = url.query().is_none() && url.fragment().is_none();
    (secure && plain && fetch::check_url(&url, allow_private).is_ok()).then_some(url)
}

/// What a TXT record at `_domainconnect` says: a host and perhaps a path, without
/// the scheme, which is `https`.
pub(super) fn place(text: &[u8], allow_private: bool) -> Option<Url> {
    let text = std::str::from_utf8(text).ok()?.trim();
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return None;
    }
    if allow_private && text.starts_with("http://") {
        return url(text, true);
    }
    (!text.contains("://")).then(|| url(&format!("https://{text}"), allow_private)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_host_and_a_path_outside() {
        for (text, url) in [
            ("domainconnect.example.com", Some("https://domainconnect.example.com/")),
            ("api.example.com/client/v4/dns", Some("https://api.example.com/client/v4/dns")),
            (" api.example.com ", Some("https://api.example.com/")),
            ("", None),
            ("localhost", None),
            ("127.0.0.1", None),
            ("10.0.0.1", None),
            ("[::1]", None),
            ("user@api.example.com", None),
            ("api.example.com:25", None),
            ("http://api.example.com", None),
            ("https://api.example.com", None),
            ("api.example.com?x=", None),
            ("api.example.com#", None),
            ("api.example.com/\nhost", None),
            ("api example.com", None),
            ("é.example.com", None),
        ] {
            assert_eq!(place(text.as_bytes(), false).as_ref().map(Url::as_str), url, "{text}");
        }
        assert_eq!(place(&[0xff], false), None);
        assert_eq!(place("a".repeat(2000).as_bytes(), false), None);
        assert!(place(b"http://127.0.0.1:8080", true).is_some());
    }

    fn settings(more: &str) -> String {
        format!(r#"{{"providerName": "Dot Host", "urlAPI": "https://api.dot.example/dc"{more}}}"#)
    }

    #[test]
    fn settings_are_read() {
        let sync = r#", "urlSyncUX": "https://dc.dot.example", "providerDisplayName": "", "width": "900", "height": 8"#;
        let provider = DnsProvider::read(settings(sync).as_bytes(), false).unwrap();
        assert_eq!((provider.name(), provider.window()), ("Dot Host", (900, 300)));
        assert_eq!(provider.sync().as_str(), "https://dc.dot.example/");
        let display = r#", "urlSyncUX": "https://dc.dot.example", "providerDisplayName": " D\u202eo\u2066t\u200b\u0007 "}"#;
        let body = settings("").replace('}', display);
        assert_eq!(DnsProvider::read(body.as_bytes(), false).unwrap().name(), "Dot");
        assert_eq!(
            DnsProvider::read(settings("").as_bytes(), false),
            Err(Refusal::NoLink("Dot Host".to_string()))
        );
    }

    #[test]
    fn settings_that_make_no_sense_are_refused() {
        let deep = "[".repeat(100_000);
        let bodies = [
            "",
            "[]",
            "{}",
            deep.as_str(),
            r#"{"providerName": " ", "urlAPI": "https://api.dot.example"}"#,
            r#"{"providerName": 7, "urlAPI": "https://api.dot.example"}"#,
        ];
        let urls = [
            "http://dc.dot.example",
            "javascript:alert(1)",
            "https://127.0.0.1",
            "https://2130706433/",
            "https://localhost",
            "https://user:pass@dc.dot.example",
            "https://dc.dot.example/?next=",
            "https://dc.dot.example/#",
            "//dc.dot.example",
        ];
        let with_urls = urls.map(|url| settings(&format!(r#", "urlSyncUX": {}"#, serde_json::json!(url))));
        for body in bodies.into_iter().chain(with_urls.iter().map(String::as_str)) {
            let read = DnsProvider::read(body.as_bytes(), false);
            assert!(matches!(read, Err(Refusal::Unreachable(_))), "{body:.80}: {read:?}");
        }
    }
}
