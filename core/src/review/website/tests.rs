//! Tables of websites.

use super::{super::testing::*, *};
use crate::company::CompanyInfo;
use alloc::{borrow::ToOwned, vec::Vec};
use proptest::prelude::*;

const DOMAIN: &str = "sonnenschein.example";

fn page(url: &str, status: u16, html: &str) -> Observed {
    let page = Page {
        asked: url.to_owned(),
        url: url.to_owned(),
        host: host_of(url),
        status,
        html: (html != "unreadable").then(|| html.to_owned()),
    };
    Observed { website: Ok(Website::Page(page)), ..Observed::default() }
}

/// Unreachable, unrelated, parked, each by its first letter.
fn judged(company: Option<&CompanyInfo>, observed: &Observed) -> String {
    let name: Name = DOMAIN.parse().unwrap();
    let sender = Sender { company, ..sender(&name) };
    [unreachable, unrelated, parked].map(|check| kind(&check(&sender, observed))).iter().collect()
}

const LONG: &str = "Wir backen seit 1950 jeden Tag frisches Brot, Semmeln und Kuchen, und liefern ins \
    ganze Land. Unsere Filialen haben von Montag bis Samstag offen. Kommen Sie vorbei, wir freuen uns auf \
    Ihren Besuch und beraten Sie gern zu allem, was wir backen.";

#[test]
fn websites_of_a_business() {
    let business = company(InfoLevel::Business, &[]);
    let own = "https://www.sonnenschein.example/";
    let other = "https://someone.example.net/";
    let long = |text: &str| format!("<p>{LONG}</p><p>{text}</p>");
    for (url, status, html, expected) in [
        (own, 200, "<h1>Hallo</h1>".to_owned(), "fff"),
        (own, 404, "<h1>Not found</h1>".to_owned(), "aff"),
        (own, 502, String::new(), "aff"),
        // What programs are told is not what people see.
        (own, 403, "<h1>Forbidden</h1>".to_owned(), "fnn"),
        (own, 503, "<h1>Checking your browser</h1>".to_owned(), "fnn"),
        (own, 200, "unreadable".to_owned(), "fnn"),
        // Another host: it has to name the company or the domain.
        (other, 200, long("Impressum: B&auml;ckerei Sonnenschein GmbH"), "fff"),
        (other, 200, long("Baeckerei SONNENSCHEIN"), "fff"),
        (other, 200, long("<a href='mailto:brot@sonnenschein.example'>Mail</a>"), "fff"),
        (other, 200, long("Sonnenschein, wie er sein soll"), "fff"),
        (other, 200, long("Brot für alle"), "faf"),
        // The same name under another suffix is close enough.
        ("https://sonnenschein.example.org/", 200, long(""), "faf"),
        ("https://shop.sonnenschein.at/", 200, long(""), "fff"),
        // A page that a program fills in the browser has not been read.
        (other, 200, "<div id=root></div><script src=app.js></script>".to_owned(), "fnf"),
        (other, 200, "<title>Bäckerei Sonnenschein</title><script src=app.js></script>".to_owned(), "fff"),
        (other, 200, "<script>var text = 'x'</script><p>Hello</p>".to_owned(), "fnf"),
        (other, 200, "<p>Hello</p>".to_owned(), "faf"),
    ] {
        assert_eq!(judged(Some(&business), &page(url, status, &html)), expected, "{url} {status} {html}");
    }
}

#[test]
fn parked_pages() {
    let business = company(InfoLevel::Business, &[]);
    let own = "http://sonnenschein.example/";
    for (url, html, expected) in [
        (own, "<h1>sonnenschein.example</h1><p>This domain is for&nbsp;sale!</p>".to_owned(), 'a'),
        (own, "<p>Buy <b>this</b> domain</p>".to_owned(), 'a'),
        (own, "<p>Diese Domain steht zum Verkauf</p>".to_owned(), 'a'),
        (own, "<script>window.onload=function(){window.location.href=\"/lander\"}</script>".to_owned(), 'a'),
        (own, "<script src='https://img.sedoparking.com/x.js'></script>".to_owned(), 'a'),
        ("https://www.hugedomains.com/domain_profile.cfm?d=sonnenschein", "<p>x</p>".to_owned(), 'a'),
        ("https://hugedomains.com.example/", "<p>x</p>".to_owned(), 'f'),
        // Nobody reads what stands in a comment or in a program.
        (own, "<!-- this domain is for sale --><p>Brot</p>".to_owned(), 'f'),
        (own, "<script>// this domain is for sale</script><p>Brot</p>".to_owned(), 'f'),
        // Somebody who writes about domains has more to say.
        (own, format!("<p>{}</p><p>This domain is for sale, they wrote.</p>", LONG.repeat(25)), 'f'),
    ] {
        let shown = judged(Some(&business), &page(url, 200, &html));
        assert_eq!(shown.chars().nth(2), Some(expected), "{url} {html}");
    }
}

#[test]
fn websites_that_are_not_there_or_not_known() {
    let business = company(InfoLevel::Business, &[]);
    let gone = Website::Unreachable {
        url: "https://sonnenschein.example/".to_owned(),
        problem: "is at sonnenschein.example, which has no address in DNS".to_owned(),
    };
    let gone = Observed { website: Ok(gone), ..Observed::default() };
    assert_eq!(judged(Some(&business), &gone), "aff");
    let silent = Observed { website: Err("did not answer in time".to_owned()), ..Observed::default() };
    assert_eq!(judged(Some(&business), &silent), "nnn");
    assert_eq!(judged(None, &Observed::default()), "fff");
}

#[test]
fn a_private_persons_profile_is_left_alone() {
    let at = |url: &str| company(InfoLevel::Individual, &[(Field::WebsiteUrl, url)]);
    let profile = at("https://www.linkedin.com/in/jo");
    let forbidden = page("https://www.linkedin.com/in/jo", 404, "<p>gone</p>");
    assert_eq!(judged(Some(&profile), &forbidden), "fff");
    // A site of one's own is looked at.
    let own = at("https://blog.sonnenschein.example/");
    assert_eq!(judged(Some(&own), &page("https://blog.sonnenschein.example/", 404, "<p>gone</p>")), "aff");
}

#[test]
fn the_evidence_has_the_facts() {
    let business = company(InfoLevel::Business, &[]);
    let name: Name = DOMAIN.parse().unwrap();
    let sender = Sender { company: Some(&business), ..sender(&name) };
    let found = unrelated(&sender, &page("https://other.example.net/x", 200, &format!("<p>{LONG}</p>")));
    assert_eq!(
        evidence(&found),
        "The website is at other.example.net, which is not under sonnenschein.example, and its page names \
         neither \"Bäckerei Sonnenschein GmbH\" nor sonnenschein.example."
    );
    assert_eq!(found.source, "https://other.example.net/x");
}

#[test]
fn hosts_out_of_urls() {
    for (url, host) in [
        ("https://www.Example.com/x?y#z", Some("www.example.com")),
        ("http://bücher.example:8080", Some("xn--bcher-kva.example")),
        ("https://a@b.example/", Some("b.example")),
        ("example.com", None),
        ("https://192.0.2.1/", None),
    ] {
        let got = host_of(url);
        assert_eq!(got.as_ref().map(Name::as_str), host, "{url}");
    }
}

#[test]
fn text_as_people_read_it() {
    for (html, seen) in [
        ("<p>a</p>\n<p>b</p>", "a b"),
        ("<STYLE>x</STYLE>a<script>if (a<b) {}</script >b", "a b"),
        ("a &lt;b&gt; &amp;amp; &#246;&#xF6; &ouml;&Eacute; &bogus; &", "a <b> &amp; öö öÉ &bogus; &"),
        ("unclosed <b", "unclosed"),
        ("<!-- never closed", ""),
        ("a<script>never closed", "a"),
        ("1 < 2", "1"),
    ] {
        assert_eq!(text::visible(html), seen, "{html}");
    }
}

proptest! {
    #[test]
    fn no_document_is_too_odd(html in "(<|>|&|;|#|script|!--|--|é|𝔘|x| |/){0,40}") {
        let seen = text::visible(&html);
        prop_assert!(seen.split(' ').collect::<Vec<_>>().len() <= html.len() + 1);
        let _ = text::decoded(&html);
    }
}
