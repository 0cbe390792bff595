//! When a domain was registered, as a registry says over RDAP (RFC 9083).

use crate::fetch::Page;
use jiff::Timestamp;
use serde::Deserialize;
use signet_core::review::Learned;

#[derive(Debug, Deserialize)]
struct Answer {
    #[serde(default)]
    events: Vec<Event>,
}

#[derive(Debug, Deserialize)]
struct Event {
    #[serde(rename = "eventAction", default)]
    action: String,
    #[serde(rename = "eventDate", default)]
    date: String,
}

/// The date of registration, `None` where the answer has none.
pub(super) fn registered(page: &Page) -> Learned<Option<Timestamp>> {
    if page.status != 200 {
        return Err(format!("{} answers with status {}", page.url, page.status));
    }
    let answer: Answer = serde_json::from_slice(&page.body)
        .map_err(|error| format!("{} sends no RDAP answer: {error}", page.url))?;
    // RFC 9083 §4.5 and §10.2.3: `reregistration` is another one's.
    let event = answer.events.iter().find(|event| event.action.eq_ignore_ascii_case("registration"));
    event
        .map(|event| event.date.parse().map_err(|_| format!("{} gives the date {:?}", page.url, event.date)))
        .transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(status: u16, body: &str) -> Learned<Option<String>> {
        let page = Page {
            url: "https://rdap.test/domain/acme.test".parse().unwrap(),
            status,
            content_type: None,
            encoded: false,
            body: body.as_bytes().to_vec(),
            truncated: false,
        };
        registered(&page).map(|at| at.map(|at| at.to_string()))
    }

    #[test]
    fn registration_is_one_event_of_several() {
        let body = r#"{"objectClassName":"domain","events":[
            {"eventAction":"last changed","eventDate":"2026-01-01T00:00:00Z"},
            {"eventAction":"registration","eventDate":"1999-08-14T04:00:00+02:00","eventActor":"x"}]}"#;
        assert_eq!(read(200, body), Ok(Some("1999-08-14T02:00:00Z".to_string())));
        assert_eq!(read(200, "{}"), Ok(None));
        assert_eq!(read(200, r#"{"events":[{"eventAction":"expiration"}]}"#), Ok(None));
        for (status, body) in [
            (404, "{}"),
            (429, ""),
            (200, "<html>"),
            (200, r#"{"events":[{"eventAction":"registration","eventDate":"long ago"}]}"#),
            (200, r#"{"events":[{"eventAction":"registration"}]}"#),
        ] {
            assert!(read(status, body).is_err(), "{status} {body}");
        }
    }
}
