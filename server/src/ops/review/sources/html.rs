//! A page's bytes as text.

use crate::fetch::Page;

/// How far into a document its encoding is declared (HTML §13.2.3.2).
const DECLARED_WITHIN: usize = 1024;
/// Names of encodings that Latin-1 reads well enough to find words.
const LATIN: [&str; 5] = ["iso-8859-1", "latin1", "windows-1252", "cp1252", "iso-8859-15"];

/// The document; `None` where it is none, or in an encoding that is not read
/// here: words that cannot be found are then not missing.
pub(super) fn read(page: &Page) -> Option<String> {
    let kind = page.content_type.as_deref().unwrap_or("text/html").to_ascii_lowercase();
    if page.encoded || !["text/", "application/xhtml", "application/xml"].iter().any(|t| kind.starts_with(t))
    {
        return None;
    }
    match std::str::from_utf8(&page.body) {
        Ok(text) => return Some(text.to_string()),
        // Cut in the middle of a character.
        Err(error) if page.truncated && error.error_len().is_none() => {
            let whole = &page.body[..error.valid_up_to()];
            return Some(String::from_utf8_lossy(whole).into_owned());
        }
        Err(_) => {}
    }
    let head = &page.body[..page.body.len().min(DECLARED_WITHIN)];
    let head = String::from_utf8_lossy(head).to_ascii_lowercase();
    let charset = charset(&kind).or_else(|| charset(&head));
    let latin = match charset {
        Some(charset) => LATIN.contains(&charset),
        // UTF-16 has zeros; what is left without a name is mostly Latin-1.
        None => !page.body.contains(&0),
    };
    latin.then(|| page.body.iter().map(|&byte| char::from(byte)).collect())
}

/// The name that follows `charset=`.
fn charset(text: &str) -> Option<&str> {
    let rest = text.split_once("charset=")?.1.trim_start_matches(['"', '\'', ' ']);
    rest.split(|c: char| !c.is_ascii_alphanumeric() && !"-_:.".contains(c)).next()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(content_type: Option<&str>, body: &[u8]) -> Page {
        Page {
            url: "http://acme.test/".parse().unwrap(),
            status: 200,
            content_type: content_type.map(ToString::to_string),
            encoded: false,
            body: body.to_vec(),
            truncated: false,
        }
    }

    #[test]
    fn encodings() {
        let html = Some("text/html");
        for (content_type, body, expected) in [
            (html, "Bäcker".as_bytes(), Some("Bäcker")),
            (None, b"plain", Some("plain")),
            (Some("Text/HTML; charset=ISO-8859-1"), b"B\xe4cker", Some("Bäcker")),
            (html, b"<meta charset='windows-1252'>B\xe4cker", Some("<meta charset='windows-1252'>Bäcker")),
            (html, b"B\xe4cker", Some("Bäcker")),
            (Some("text/html; charset=\"windows-1251\""), b"\xcf\xe5\xea", None),
            (html, b"<META CHARSET=\"Shift_JIS\">\x83\x70", None),
            (html, b"\xff\xfeB\0", None),
            (Some("application/pdf"), b"%PDF", None),
            (Some("image/png"), b"text", None),
        ] {
            assert_eq!(read(&page(content_type, body)).as_deref(), expected, "{content_type:?} {body:?}");
        }
        let cut = Page { truncated: true, ..page(html, b"B\xc3") };
        assert_eq!(read(&cut).as_deref(), Some("B"));
        assert_eq!(read(&Page { encoded: true, ..page(html, b"") }), None);
    }
}
