//! Names that pass for somebody else's.

use super::{
    Found, Policy, Protected, Result,
    listed::{self, PROTECTED},
};
use crate::names::Name;
use alloc::{
    format,
    string::{String, ToString as _},
    vec::Vec,
};
use unicode_security::confusable_detection::skeleton;

/// Below this many letters a name is one edit away from too many others.
const EDITED: usize = 5;
/// Sequences that UTS 39 does not have, since it knows single characters only.
const SEQUENCES: [(&str, &str); 2] = [("vv", "w"), ("cl", "d")];

const SOURCE: &str = "protected names";

/// A protected name as it is compared.
struct Brand {
    /// Its own domains.
    domains: Vec<Name>,
    /// What others may not resemble, as people read it.
    label: String,
    word: bool,
}

/// The domain is one edit from a protected name, or can be taken for it by eye.
pub(super) fn resembling(policy: &Policy, domain: &Name) -> Result {
    let Some((label, brands)) = others(policy, domain) else {
        return own(domain);
    };
    let letters: Vec<char> = label.chars().collect();
    let sketch = look(&label);
    let parts: Vec<&str> = label.split('-').filter(|part| *part != label).collect();
    for brand in brands.iter().filter(|brand| brand.label != label) {
        let (name, protected) = (&brand.label, &brand.domains[0]);
        let seen = look(name);
        if sketch == seen {
            return against(format!("{label:?} can be taken for {name:?} ({protected}) by eye."));
        }
        if let Some(part) = parts.iter().find(|part| **part != *name && look(part) == seen) {
            return against(format!("{part:?} in {label:?} can be taken for {name:?} ({protected}) by eye."));
        }
        let wanted: Vec<char> = name.chars().collect();
        if !brand.word && wanted.len() >= EDITED && one_edit(&letters, &wanted) {
            return against(format!("{label:?} is one letter away from {name:?} ({protected})."));
        }
    }
    Found::Fine(format!("{label:?} resembles no protected name.")).from(SOURCE)
}

/// A protected name stands in the domain as a whole: under another suffix, or
/// between hyphens.
pub(super) fn containing(policy: &Policy, domain: &Name) -> Result {
    let Some((label, brands)) = others(policy, domain) else {
        return own(domain);
    };
    for brand in brands.iter().filter(|brand| !brand.word) {
        let (name, protected) = (&brand.label, &brand.domains[0]);
        if *name == label {
            return against(format!("{domain} is the protected name of {protected} under another suffix."));
        }
        if label.split('-').any(|part| part == name) {
            return against(format!("{label:?} has the protected name {name:?} ({protected}) in it."));
        }
    }
    Found::Fine(format!("{label:?} has no protected name in it.")).from(SOURCE)
}

fn against(text: String) -> Result {
    Found::Against(text).from(SOURCE)
}

fn own(domain: &Name) -> Result {
    Found::Fine(format!("{domain} is at or below a protected name itself.")).from(SOURCE)
}

/// The registered label as people read it, and all protected names; `None` where
/// the domain is one of theirs.
fn others(policy: &Policy, domain: &Name) -> Option<(String, Vec<Brand>)> {
    let brands = brands(policy);
    let registered = domain.organizational().unwrap_or_else(|| domain.clone());
    if brands.iter().any(|brand| brand.domains.contains(&registered)) {
        return None;
    }
    Some((readable(&registered), brands))
}

fn brands(policy: &Policy) -> Vec<Brand> {
    let built_in = listed::lines(PROTECTED).filter(|_| !policy.without_built_in_names).filter_map(built_in);
    let all = policy.protected.iter().cloned().chain(built_in);
    let brand = |Protected { domains, word }: Protected| {
        let label = readable(&domains.first()?.organizational()?);
        Some(Brand { domains, label, word })
    };
    all.filter_map(brand).collect()
}

/// A line of the list: a company's domains, `word` before them where the first
/// one's label is a word.
fn built_in(line: &str) -> Option<Protected> {
    let (word, names) = line.strip_prefix("word ").map_or((false, line), |names| (true, names));
    let domains: Vec<Name> = names.split_whitespace().filter_map(|name| Name::parse(name).ok()).collect();
    (!domains.is_empty()).then_some(Protected { domains, word })
}

/// The first label, with A-labels decoded.
fn readable(name: &Name) -> String {
    let label = name.first_label();
    let (unicode, decoded) = idna::domain_to_unicode(label);
    if decoded.is_ok() { unicode } else { label.to_string() }
}

/// What a text looks like: its skeleton (UTS 39 §4) in lower case, without
/// accents. Two texts with one look can be taken for one another.
fn look(text: &str) -> String {
    let mark = |c: &char| unicode_normalization::char::is_combining_mark(*c);
    // `0` has the skeleton `O` and `I` the skeleton `l`: case is folded between.
    let folded = skeleton(&text.to_lowercase()).filter(|c| !mark(c)).collect::<String>().to_lowercase();
    let drawn = skeleton(&folded).collect::<String>();
    SEQUENCES.iter().fold(drawn, |text, (drawn, letter)| text.replace(drawn, letter))
}

/// Whether one insertion, deletion, substitution or swap of neighbours makes one
/// of the other (a Damerau–Levenshtein distance of exactly one).
fn one_edit(a: &[char], b: &[char]) -> bool {
    let front = a.iter().zip(b).take_while(|(x, y)| x == y).count();
    let (a, b) = (&a[front..], &b[front..]);
    let back = a.iter().rev().zip(b.iter().rev()).take_while(|(x, y)| x == y).count();
    match (&a[..a.len() - back], &b[..b.len() - back]) {
        ([_], []) | ([], [_]) | ([_], [_]) => true,
        ([a1, a2], [b1, b2]) => a1 == b2 && a2 == b1,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::{super::testing::*, *};
    use alloc::{collections::BTreeSet, vec};

    /// Resembling, containing.
    fn judged(policy: &Policy, domain: &str) -> String {
        let name = Name::typed(domain).unwrap();
        [resembling(policy, &name), containing(policy, &name)].iter().map(kind).collect()
    }

    #[test]
    fn names_and_what_they_pass_for() {
        for (domain, expected) in [
            ("bakery.example", "ff"),
            // Themselves and what is below.
            ("paypal.com", "ff"),
            ("mail.paypal.com", "ff"),
            ("amazon.de", "ff"),
            // One edit: dropped, added, replaced, swapped.
            ("paypl.com", "af"),
            ("paypall.com", "af"),
            ("paypsl.com", "af"),
            ("papyal.com", "af"),
            ("pay-pal.com", "af"),
            ("mail.paypl.example", "af"),
            // Two edits are another name.
            ("playpals.com", "ff"),
            ("paypalooza.com", "ff"),
            // By eye: digits, other alphabets, accents, letters run together.
            ("paypa1.com", "af"),
            ("g00gle.com", "af"),
            ("g00g1e.com", "af"),
            ("rnicrosoft.com", "af"),
            ("vvhatsapp.com", "af"),
            ("раураl.com", "af"),
            ("xn--80ak6aa92e.com", "af"),
            ("pàypàl.com", "af"),
            ("paypa1-secure.com", "af"),
            // The name itself where it does not belong.
            ("paypal.example", "fa"),
            ("paypal-secure.com", "fa"),
            ("secure-paypal-login.com", "fa"),
            ("paypalsecure.com", "ff"),
            // Short names: by eye and as a whole, never by an edit.
            ("dhl-paket.example", "fa"),
            ("dhi.example", "ff"),
            ("ehl.example", "ff"),
            ("dh1.example", "af"),
            // Words: by eye only.
            ("apply.com", "ff"),
            ("ample.com", "ff"),
            ("apple-cider.example", "ff"),
            ("app1e.com", "af"),
        ] {
            assert_eq!(judged(&Policy::default(), domain), expected, "{domain}");
        }
    }

    #[test]
    fn names_of_the_operators_choice() {
        let name = |text: &str| Name::parse(text).unwrap();
        let protected = vec![Protected {
            domains: vec![name("sonnenbank.example"), name("sonnenbank.org")],
            word: false,
        }];
        let policy = Policy { protected, without_built_in_names: true, ..Policy::default() };
        for (domain, expected) in [
            ("sonnenbank.example", "ff"),
            ("sonnenbank.org", "ff"),
            ("sonnenbank.net", "fa"),
            ("s0nnenbank.net", "af"),
            ("paypl.com", "ff"),
        ] {
            assert_eq!(judged(&policy, domain), expected, "{domain}");
        }
        let found = resembling(&policy, &name("sonnenbnk.net"));
        assert_eq!(
            evidence(&found),
            "\"sonnenbnk\" is one letter away from \"sonnenbank\" (sonnenbank.example)."
        );
    }

    #[test]
    fn exactly_one_edit() {
        let edit =
            |a: &str, b: &str| one_edit(&a.chars().collect::<Vec<_>>(), &b.chars().collect::<Vec<_>>());
        for (a, b, expected) in [
            ("abc", "abc", false),
            ("abc", "ab", true),
            ("ab", "abc", true),
            ("aab", "ab", true),
            ("abc", "axc", true),
            ("abc", "acb", true),
            ("abc", "bca", false),
            ("abcd", "badc", false),
            ("abcd", "cbad", false),
            ("", "", false),
            ("a", "", true),
        ] {
            assert_eq!((edit(a, b), edit(b, a)), (expected, expected), "{a} {b}");
        }
    }

    #[test]
    fn the_built_in_names_do_not_accuse_each_other() {
        let (mut all, mut lines) = (BTreeSet::new(), 0);
        for line in listed::lines(PROTECTED) {
            lines += 1;
            let Protected { domains, .. } = built_in(line).unwrap_or_else(|| panic!("{line}"));
            for domain in domains {
                assert_eq!(domain.organizational().as_ref(), Some(&domain), "{line}");
                assert!(all.insert(domain.clone()), "{domain} twice");
                assert_eq!(judged(&Policy::default(), domain.as_str()), "ff", "{domain}");
            }
        }
        assert!(lines > 60, "{lines}");
    }
}
