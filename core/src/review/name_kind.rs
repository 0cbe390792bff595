//! Names that are not one company's own, and name servers of nobody's.

use super::{
    Found, Observed, Result,
    listed::{self, DISPOSABLE, FREE_MAIL, PARKING},
};
use crate::names::Name;
use alloc::{
    format,
    string::{String, ToString as _},
};

/// Private suffixes below which names are sold like any other (the rest are
/// given away with an account).
const SOLD: [&str; 30] = [
    "ae.org",
    "africa.com",
    "br.com",
    "cn.com",
    "co.com",
    "co.nl",
    "com.de",
    "com.se",
    "de.com",
    "eu.com",
    "gb.net",
    "gr.com",
    "hu.net",
    "in.net",
    "jp.net",
    "jpn.com",
    "mex.com",
    "msk.ru",
    "net.ru",
    "org.ru",
    "pp.ru",
    "ru.com",
    "sa.com",
    "se.net",
    "spb.ru",
    "uk.com",
    "uk.net",
    "us.com",
    "us.org",
    "za.com",
];

/// The domain is a provider's of free mailboxes.
pub(super) fn free_mail(domain: &Name) -> Result {
    in_list(domain, FREE_MAIL, "free mail providers", "gives mailboxes to anybody")
}

/// The domain is a provider's of mailboxes to be thrown away.
pub(super) fn disposable(domain: &Name) -> Result {
    in_list(domain, DISPOSABLE, "disposable mail providers", "gives mailboxes to be thrown away")
}

fn in_list(domain: &Name, list: &'static str, source: &str, what: &str) -> Result {
    match listed::above(listed::lines(list), domain) {
        Some(provider) => Found::Against(format!("{domain} belongs to {provider}, which {what}.")),
        None => Found::Fine(format!("{domain} is not among the {source}.")),
    }
    .from(source)
}

/// The domain is one that a hosting company gives to its customers, or the name
/// under which it does: the private part of the Public Suffix List.
pub(super) fn private_suffix(domain: &Name) -> Result {
    const SOURCE: &str = "Public Suffix List";
    match private_suffix_of(domain) {
        Some(suffix) => Found::Against(format!(
            "{domain} is {} {suffix}, under which a company gives names to its customers.",
            if suffix == domain.as_str() { "the name" } else { "below" }
        )),
        None => Found::Fine(format!("{domain} is registered at a registry.")),
    }
    .from(SOURCE)
}

/// The private suffix that the name has, or is: one of the Public Suffix List
/// under which a company gives names away.
#[must_use]
pub fn private_suffix_of(name: &Name) -> Option<String> {
    use psl::Psl as _;
    let suffix = psl::List.suffix(name.as_str().as_bytes())?;
    let text = core::str::from_utf8(suffix.as_bytes()).ok()?;
    (suffix.typ() == Some(psl::Type::Private) && !SOLD.contains(&text)).then(|| text.to_string())
}

/// All name servers of the domain are those of a company that parks domains.
pub(super) fn parking_name_servers(observed: &Observed) -> Result {
    const SOURCE: &str = "DNS";
    let servers = match &observed.name_servers {
        Ok(servers) => servers,
        Err(problem) => {
            return Found::Nothing(format!("The domain's name servers could not be found out: {problem}."))
                .from(SOURCE);
        }
    };
    let parker = |server: &Name| listed::above(listed::of_kind(PARKING, "ns"), server);
    match servers.first().and_then(parker) {
        Some(first) if servers.iter().all(|server| parker(server).is_some()) => Found::Against(format!(
            "The domain's name servers are those of {first}, where domains are parked."
        )),
        _ => Found::Fine("The domain's name servers are not known for parked domains.".to_string()),
    }
    .from(SOURCE)
}

#[cfg(test)]
mod tests {
    use super::{super::testing::*, *};
    use alloc::vec::Vec;

    #[test]
    fn whose_names_they_are() {
        for (domain, expected) in [
            ("acme.com", "fff"),
            ("gmail.com", "aff"),
            ("news.gmail.com", "aff"),
            ("notgmail.com", "fff"),
            ("web.de", "aff"),
            ("mailinator.com", "faf"),
            ("x.mailinator.com", "faf"),
            ("acme.github.io", "ffa"),
            ("github.io", "ffa"),
            ("a.b.herokuapp.com", "ffa"),
            // Bought like any other.
            ("acme.uk.com", "fff"),
            ("acme.co.uk", "fff"),
        ] {
            let name: Name = domain.parse().unwrap();
            let results = [free_mail(&name), disposable(&name), private_suffix(&name)];
            assert_eq!(results.iter().map(kind).collect::<String>(), expected, "{domain}");
        }
    }

    #[test]
    fn what_is_said_to_be_sold_is_on_the_list() {
        use psl::Psl as _;
        let unknown: Vec<_> = SOLD
            .into_iter()
            .filter(|name| psl::List.suffix(name.as_bytes()).is_none_or(|s| s.as_bytes() != name.as_bytes()))
            .collect();
        assert!(unknown.is_empty(), "{unknown:?}");
    }

    #[test]
    fn name_servers() {
        let run = |servers: &[&str]| {
            let servers = servers.iter().map(|s| s.parse().unwrap()).collect();
            kind(&parking_name_servers(&Observed { name_servers: Ok(servers), ..Observed::default() }))
        };
        assert_eq!(run(&["ns1.sedoparking.com", "ns2.sedoparking.com"]), 'a');
        assert_eq!(run(&["ns1.dan.com", "ns2.bodis.com"]), 'a');
        // One of them is still the owner's.
        assert_eq!(run(&["ns1.sedoparking.com", "ns1.acme.test"]), 'f');
        assert_eq!(run(&["ns1.acme.test"]), 'f');
        assert_eq!(run(&["ns1.notsedoparking.com"]), 'f');
        assert_eq!(run(&[]), 'f');
        assert_eq!(kind(&parking_name_servers(&Observed::default())), 'n');
    }
}
