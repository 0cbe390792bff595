//! Texts made comparable: pages, company names, addresses.

use alloc::{string::String, vec, vec::Vec};
use unicode_normalization::UnicodeNormalization as _;

/// Forms of companies and words that name nobody.
const EMPTY_WORDS: &[&str] = &[
    "ab",
    "ag",
    "and",
    "aps",
    "as",
    "bv",
    "by",
    "co",
    "company",
    "corp",
    "corporation",
    "cv",
    "das",
    "de",
    "der",
    "des",
    "di",
    "die",
    "doo",
    "dr",
    "du",
    "ek",
    "et",
    "eu",
    "ev",
    "fils",
    "for",
    "gbr",
    "gmbh",
    "group",
    "gruppe",
    "holding",
    "inc",
    "incorporated",
    "international",
    "kft",
    "kg",
    "kgaa",
    "kk",
    "la",
    "le",
    "limited",
    "llc",
    "llp",
    "lp",
    "ltd",
    "ltda",
    "mbh",
    "mr",
    "mrs",
    "nv",
    "of",
    "ohg",
    "oy",
    "oyj",
    "plc",
    "private",
    "pte",
    "pty",
    "pvt",
    "sa",
    "sarl",
    "sas",
    "se",
    "sia",
    "sl",
    "sp",
    "spa",
    "srl",
    "sro",
    "stiftung",
    "the",
    "uab",
    "ug",
    "und",
    "verein",
    "zoo",
];
/// The same in scripts that write without spaces.
const EMPTY_PARTS: &[&str] = &["株式会社", "有限公司", "有限责任公司", "有限会社", "주식회사"];

/// Two spellings of a text in lower case, letters and digits with single spaces
/// between words and around: accents dropped, and as German and Scandinavian
/// write them without (`ue` for `ü`).
pub(super) fn spellings(text: &str) -> [String; 2] {
    let lower = text.to_lowercase();
    let mut spelled_out = String::with_capacity(lower.len());
    for c in lower.nfc() {
        match c {
            'ä' | 'æ' => spelled_out.push_str("ae"),
            'ö' | 'ø' | 'œ' => spelled_out.push_str("oe"),
            'ü' => spelled_out.push_str("ue"),
            'å' => spelled_out.push_str("aa"),
            c => spelled_out.push(c),
        }
    }
    [words_only(&lower), words_only(&spelled_out)]
}

fn words_only(lower: &str) -> String {
    let mut out = String::with_capacity(lower.len() + 2);
    out.push(' ');
    for c in lower.nfkd() {
        match c {
            'ß' => out.push_str("ss"),
            'ø' => out.push('o'),
            'ł' => out.push('l'),
            'đ' => out.push('d'),
            'æ' => out.push_str("ae"),
            'œ' => out.push_str("oe"),
            // Marks and apostrophes stand inside words.
            c if unicode_normalization::char::is_combining_mark(c) || matches!(c, '\'' | '’') => {}
            c if c.is_alphanumeric() => out.extend(c.to_lowercase()),
            _ if out.ends_with(' ') => {}
            _ => out.push(' '),
        }
    }
    if !out.ends_with(' ') {
        out.push(' ');
    }
    out
}

/// The words of a company's name that tell it from others.
pub(super) fn telling_words(name: &str) -> [Vec<String>; 2] {
    let name = EMPTY_PARTS.iter().fold(String::from(name), |name, part| name.replace(part, " "));
    spellings(&name).map(|spelling| {
        // S.A., e.V., B.V.: the letters between the dots are one word.
        let mut words: Vec<String> = vec![];
        let mut letters = String::new();
        for word in spelling.split_whitespace().chain([""]) {
            if word.chars().count() == 1 && word.is_ascii() {
                letters.push_str(word);
                continue;
            }
            words.extend((!letters.is_empty()).then(|| core::mem::take(&mut letters)));
            words.push(String::from(word));
        }
        words.retain(|word| !word.is_empty() && !EMPTY_WORDS.contains(&word.as_str()));
        words
    })
}

/// Whether a text, in its [`spellings`], has all telling words of a name.
pub(super) fn names(text: &[String; 2], name: &str) -> bool {
    telling_words(name).iter().zip(text).any(|(words, text)| {
        // A name of letters alone (`3M`, `HP`) must stand as a word of its own.
        let there = |word: &String| {
            if word.chars().count() < 4 && word.is_ascii() {
                text.contains(alloc::format!(" {word} ").as_str())
            } else {
                text.contains(word.as_str())
            }
        };
        !words.is_empty() && words.iter().all(there)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spelled_with_and_without_accents() {
        assert_eq!(
            spellings("Bäckerei  Müller & Söhne"),
            [" backerei muller sohne ", " baeckerei mueller soehne "]
        );
        assert_eq!(spellings("L'Oréal–Straße"), [" loreal strasse ", " loreal strasse "]);
        assert_eq!(spellings(""), [" ", " "]);
    }

    #[test]
    fn what_tells_a_company_from_others() {
        for (name, words) in [
            ("Acme GmbH & Co. KG", &["acme"][..]),
            ("The Blue Widget Company, Inc.", &["blue", "widget"]),
            ("Sonnenschein S.A.", &["sonnenschein"]),
            ("Verein Turnen e.V.", &["turnen"]),
            ("株式会社 さくら", &["さくら"]),
            ("Holding AG", &[]),
        ] {
            assert_eq!(telling_words(name)[0], words, "{name}");
        }
    }

    #[test]
    fn pages_that_name_a_company() {
        for (page, name, expected) in [
            ("Willkommen bei der Bäckerei Sonnenschein", "Baeckerei Sonnenschein GmbH", true),
            ("Mueller Reisen", "Müller Reisen OHG", true),
            ("baeckerei-sonnenschein.example", "Bäckerei Sonnenschein", true),
            ("Sonnenschein", "Bäckerei Sonnenschein GmbH", false),
            ("3M science", "3M Company", true),
            ("13mm bolts", "3M Company", false),
            ("Anything", "Holding AG", false),
            ("さくらへようこそ", "株式会社さくら", true),
        ] {
            assert_eq!(names(&spellings(page), name), expected, "{page} / {name}");
        }
    }
}
