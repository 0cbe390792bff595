//! The lists that come with the program: lines of text, `#` begins a comment.

use crate::names::Name;

/// Providers at which anybody has a mailbox for nothing.
pub(super) const FREE_MAIL: &str = include_str!("../../data/free_mail.txt");
/// Providers of mailboxes to be thrown away.
pub(super) const DISPOSABLE: &str = include_str!("../../data/disposable.txt");
/// How parked domains are recognised.
pub(super) const PARKING: &str = include_str!("../../data/parking.txt");
/// Names that are often imitated.
pub(super) const PROTECTED: &str = include_str!("../../data/protected_names.txt");
/// What people write who will not say.
pub(super) const PLACEHOLDERS: &str = include_str!("../../data/placeholders.txt");
/// Sites of others that are no company's own.
pub(super) const SITES: &str = include_str!("../../data/sites.txt");
/// Countries with their calling codes.
pub(super) const COUNTRIES: &str = include_str!("../../data/countries.txt");

/// The lines that say something.
pub(super) fn lines(file: &'static str) -> impl Iterator<Item = &'static str> {
    file.lines().map(|line| line.split('#').next().unwrap_or_default().trim()).filter(|line| !line.is_empty())
}

/// The lines of one kind, without the word that names it.
pub(super) fn of_kind(file: &'static str, kind: &'static str) -> impl Iterator<Item = &'static str> {
    lines(file).filter_map(move |line| line.strip_prefix(kind)?.strip_prefix(' ')).map(str::trim)
}

/// The entry that `name` is, or is below of.
pub(super) fn above(mut entries: impl Iterator<Item = &'static str>, name: &Name) -> Option<&'static str> {
    let name = name.as_str();
    entries.find(|entry| name.strip_suffix(entry).is_some_and(|left| left.is_empty() || left.ends_with('.')))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::{collections::BTreeSet, vec::Vec};

    #[test]
    fn lists_of_names_hold_names_once_each() {
        for file in [FREE_MAIL, DISPOSABLE] {
            let entries: Vec<_> = lines(file).collect();
            assert!(entries.len() > 30);
            assert_eq!(entries.iter().collect::<BTreeSet<_>>().len(), entries.len());
            for entry in entries {
                let name = Name::parse(entry).unwrap_or_else(|e| panic!("{entry}: {e}"));
                assert!(name.as_str() == entry && name.organizational().is_some(), "{entry}");
            }
        }
        for kind in ["ns", "host"] {
            assert!(of_kind(PARKING, kind).count() > 5);
            for entry in of_kind(PARKING, kind) {
                assert_eq!(Name::parse(entry).unwrap().as_str(), entry);
            }
        }
        for line in lines(PARKING) {
            assert!(["ns", "host", "text", "html"].contains(&line.split(' ').next().unwrap()), "{line}");
        }
        for line in lines(SITES) {
            assert!(["site", "profiles"].contains(&line.split(' ').next().unwrap()), "{line}");
        }
    }

    #[test]
    fn at_and_below_but_not_beside() {
        let found = |name: &str| above(["mail.test"].into_iter(), &name.parse().unwrap());
        assert_eq!(found("mail.test"), Some("mail.test"));
        assert_eq!(found("a.mail.test"), Some("mail.test"));
        assert_eq!(found("gmail.test"), None);
    }
}
