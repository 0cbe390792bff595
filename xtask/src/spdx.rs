//! SPDX licence expressions, as far as `Cargo.toml` files use them.

/// Whether `expression` can be satisfied with the licences in `allowed`.
/// `None` when it is no expression.
///
/// Annex D of the SPDX specification: `WITH` binds strongest, then `AND`, then
/// `OR`; the slash is cargo's older way to write `OR`.
pub(crate) fn satisfied(expression: &str, allowed: &[String]) -> Option<bool> {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let mut words = Words { words: spaced.split_whitespace().collect(), at: 0, allowed };
    let result = words.alternatives()?;
    (words.at == words.words.len()).then_some(result)
}

struct Words<'a> {
    words: Vec<&'a str>,
    at: usize,
    allowed: &'a [String],
}

impl Words<'_> {
    fn take(&mut self, word: &str) -> bool {
        let there = self.words.get(self.at) == Some(&word);
        self.at += usize::from(there);
        there
    }

    fn alternatives(&mut self) -> Option<bool> {
        let mut result = self.conjunction()?;
        while self.take("OR") {
            result |= self.conjunction()?;
        }
        Some(result)
    }

    fn conjunction(&mut self) -> Option<bool> {
        let mut result = self.licence()?;
        while self.take("AND") {
            result &= self.licence()?;
        }
        Some(result)
    }

    fn licence(&mut self) -> Option<bool> {
        if self.take("(") {
            let result = self.alternatives()?;
            return self.take(")").then_some(result);
        }
        let mut name = (*self.words.get(self.at)?).to_string();
        if ["AND", "OR", "WITH", ")"].contains(&name.as_str()) {
            return None;
        }
        self.at += 1;
        if self.take("WITH") {
            name = format!("{name} WITH {}", self.words.get(self.at)?);
            self.at += 1;
        }
        Some(self.allowed.contains(&name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_weighed() {
        let allowed = ["MIT", "ISC", "Apache-2.0 WITH LLVM-exception"].map(String::from);
        for (expression, wanted) in [
            ("MIT", Some(true)),
            ("Apache-2.0", Some(false)),
            ("MIT OR Apache-2.0", Some(true)),
            ("Apache-2.0/MIT", Some(true)),
            ("MIT AND Apache-2.0", Some(false)),
            ("MIT AND ISC", Some(true)),
            ("Apache-2.0 WITH LLVM-exception OR Apache-2.0", Some(true)),
            ("Apache-2.0 AND ISC OR MIT", Some(true)),
            ("Apache-2.0 AND (ISC OR MIT)", Some(false)),
            ("ISC AND (Apache-2.0 OR MIT)", Some(true)),
            ("(MIT", None),
            ("MIT ISC", None),
            ("MIT OR", None),
            ("", None),
        ] {
            assert_eq!(satisfied(expression, &allowed), wanted, "{expression}");
        }
    }
}
