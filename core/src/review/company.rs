//! Company information that cannot all be true. Only what can be shown counts:
//! a website under another country's suffix contradicts nothing.

use super::{
    Found, Result, Sender,
    listed::{self, COUNTRIES, PLACEHOLDERS},
    website, words,
};
use crate::company::{CompanyInfo, Field, InfoLevel};
use alloc::{
    format,
    string::{String, ToString as _},
    vec::Vec,
};
use core::cmp::Reverse;

/// Looks at everything the sender said of itself.
pub(super) fn contradictory(sender: &Sender<'_>) -> Result {
    const SOURCE: &str = "company information";
    let Some(company) = sender.company else {
        return Found::Fine("There is no company information to look at.".to_string()).from(SOURCE);
    };
    let found =
        [placeholder(company), same_everywhere(company), website_of_others(sender, company), phone(company)];
    let found: Vec<String> = found.into_iter().flatten().collect();
    if found.is_empty() {
        return Found::Fine("Nothing in the company information contradicts the rest.".to_string())
            .from(SOURCE);
    }
    Found::Against(found.join(" ")).from(SOURCE)
}

/// Text that fills a field and says nothing.
fn placeholder(company: &CompanyInfo) -> Option<String> {
    [Field::Name, Field::Address, Field::City, Field::Country].into_iter().find_map(|field| {
        let value = company.get(field)?;
        let [words, _] = words::spellings(value);
        let words = words.trim();
        let mut letters = words.chars().filter(|c| *c != ' ');
        let first = letters.next();
        // No letter or digit at all, or one of them again and again.
        let empty = first.is_none() || words.chars().count() > 3 && letters.all(|c| Some(c) == first);
        // A name may be `1&1`; no town or country is a number.
        let number = matches!(field, Field::City | Field::Country) && !words.chars().any(char::is_alphabetic);
        let listed = listed::lines(PLACEHOLDERS).any(|known| known == words);
        (empty || number || listed).then(|| format!("The {} is given as {value:?}.", field.as_str()))
    })
}

fn same_everywhere(company: &CompanyInfo) -> Option<String> {
    let [name, address, city] = [Field::Name, Field::Address, Field::City].map(|field| company.get(field));
    let name = name?;
    (address == Some(name) && city == Some(name))
        .then(|| format!("Name, address and city are all given as {name:?}."))
}

/// A business whose website is one that everybody knows to be somebody else's.
/// A page of its own at a site where people have such is none.
fn website_of_others(sender: &Sender<'_>, company: &CompanyInfo) -> Option<String> {
    let url = company.get(Field::WebsiteUrl)?;
    let host = website::host_of(url)?;
    if host.organizational() == sender.domain.organizational() {
        return None;
    }
    let (site, profiles) = website::site_of(&host)?;
    let path = url.split_once("://")?.1.split_once('/').map_or("", |(_, path)| path);
    let a_page = profiles && !path.trim_matches('/').is_empty();
    // A private person may well have no site but such a page; a front page it is not.
    let fine = a_page || profiles && company.info_level == InfoLevel::Individual;
    (!fine).then(|| format!("The website is given as {url}, which is the site of {site}."))
}

/// A country, by its calling codes and names.
struct Country {
    codes: Vec<&'static str>,
    names: Vec<&'static str>,
}

fn countries() -> impl Iterator<Item = Country> {
    listed::lines(COUNTRIES).filter_map(|line| {
        let (codes, names) = line.split_once(';')?;
        Some(Country {
            codes: codes.split_whitespace().collect(),
            names: names.split(',').map(str::trim).collect(),
        })
    })
}

/// A telephone number of another country than the one given.
fn phone(company: &CompanyInfo) -> Option<String> {
    let (phone, given) = (company.get(Field::Phone)?, company.get(Field::Country)?);
    let number = phone.trim();
    let number = number.strip_prefix('+').or_else(|| number.strip_prefix("00"))?;
    let digits: String = number.chars().filter(char::is_ascii_digit).collect();
    let [spelled, _] = words::spellings(given);
    let home = countries().find(|c| c.names.iter().any(|name| words::spellings(name)[0] == spelled))?;
    if home.codes.iter().any(|code| digits.starts_with(code)) {
        return None;
    }
    // Of a code nobody knows here, nothing is said. `1` is North America and the
    // Caribbean, `1 809` the Dominican Republic: the longest code is meant.
    let code = |country: &Country| {
        country.codes.iter().filter(|code| digits.starts_with(**code)).map(|code| code.len()).max()
    };
    let there =
        countries().filter_map(|c| Some((code(&c)?, c))).min_by_key(|(length, _)| Reverse(*length))?.1;
    let home = home.names.get(1).copied().unwrap_or(given);
    Some(format!(
        "The country is given as {home}, and the telephone number {phone} has the calling code of {}.",
        there.names.get(1).copied().unwrap_or_default()
    ))
}

#[cfg(test)]
mod tests {
    use super::{super::testing::*, *};
    use crate::names::Name;

    fn judged(level: InfoLevel, changed: &[(Field, &str)]) -> Result {
        let domain: Name = "sonnenschein.example".parse().unwrap();
        let company = company(level, changed);
        contradictory(&Sender { company: Some(&company), ..sender(&domain) })
    }

    #[test]
    fn what_is_said_of_a_company() {
        use Field::{Address, City, Country, Name, Phone, WebsiteUrl};
        for (changed, expected) in [
            (&[][..], 'f'),
            (&[(Name, "Test")], 'a'),
            (&[(Name, "  test-company ")], 'a'),
            (&[(Name, "Test Solutions GmbH")], 'f'),
            (&[(Name, "asdf")], 'a'),
            (&[(Name, "xxxx")], 'a'),
            (&[(Name, "-----")], 'a'),
            (&[(Name, "1&1")], 'f'),
            (&[(Name, "AAA")], 'f'),
            (&[(Name, "株式会社さくら")], 'f'),
            (&[(Address, "n/a")], 'a'),
            (&[(Address, "Your address")], 'a'),
            (&[(City, "12345")], 'a'),
            (&[(Country, "none")], 'a'),
            (&[(Name, "Berlin"), (Address, "Berlin"), (City, "Berlin")], 'a'),
            (&[(Address, "Berlin"), (City, "Berlin")], 'f'),
            // Websites.
            (&[(WebsiteUrl, "https://www.google.com/")], 'a'),
            (&[(WebsiteUrl, "https://sites.google.com/view/sonnenschein")], 'f'),
            (&[(WebsiteUrl, "https://example.com")], 'a'),
            (&[(WebsiteUrl, "https://www.facebook.com/")], 'a'),
            (&[(WebsiteUrl, "https://www.facebook.com/sonnenschein")], 'f'),
            (&[(WebsiteUrl, "https://sonnenschein.co.jp/")], 'f'),
            // Telephone numbers.
            (&[(Phone, "+43 1 234567")], 'f'),
            (&[(Phone, "0043 1 234567")], 'f'),
            (&[(Phone, "01 234567")], 'f'),
            (&[(Phone, "+1 212 555 0100")], 'a'),
            (&[(Phone, "+49 30 123456")], 'a'),
            (&[(Phone, "+999 123456")], 'f'),
            (&[(Phone, "+1 212 555 0100"), (Country, "USA")], 'f'),
            (&[(Phone, "+1 416 555 0100"), (Country, "canada")], 'f'),
            (&[(Phone, "+1 809 555 0100"), (Country, "Dominican Republic")], 'f'),
            (&[(Phone, "+43 1 234567"), (Country, "Österreich")], 'f'),
            (&[(Phone, "+43 1 234567"), (Country, "AT")], 'f'),
            (&[(Phone, "+43 1 234567"), (Country, "Atlantis")], 'f'),
        ] {
            let result = judged(InfoLevel::Business, changed);
            assert_eq!(kind(&result), expected, "{changed:?}: {result:?}");
        }
        let both = judged(InfoLevel::Business, &[(Name, "test"), (Phone, "+1 212 555 0100")]);
        assert_eq!(
            evidence(&both),
            "The name is given as \"test\". The country is given as Austria, and the telephone number \
             +1 212 555 0100 has the calling code of United States."
        );
    }

    #[test]
    fn private_persons_have_pages_elsewhere() {
        let at = |url| kind(&judged(InfoLevel::Individual, &[(Field::WebsiteUrl, url)]));
        assert_eq!(at("https://www.linkedin.com/in/jo"), 'f');
        assert_eq!(at("https://www.linkedin.com"), 'f');
        assert_eq!(at("https://www.google.com"), 'a');
    }

    #[test]
    fn nothing_said_is_nothing_wrong() {
        let domain: Name = "acme.test".parse().unwrap();
        assert_eq!(kind(&contradictory(&sender(&domain))), 'f');
    }

    #[test]
    fn countries_have_codes_and_names() {
        let mut count = 0;
        for country in countries() {
            count += 1;
            assert!(country.names.len() > 1 && country.names[0].len() == 2, "{:?}", country.names);
            assert!(!country.codes.is_empty());
            let digits = |code: &&str| code.bytes().all(|b| b.is_ascii_digit()) && code.len() <= 4;
            assert!(country.codes.iter().all(digits), "{:?}", country.names);
        }
        assert!(count > 100, "{count}");
    }

    #[test]
    fn placeholders_are_written_as_they_are_compared() {
        for line in listed::lines(PLACEHOLDERS) {
            assert_eq!(words::spellings(line)[0].trim(), line);
        }
    }
}
