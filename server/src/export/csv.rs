//! Tables as RFC 4180 has them, safe to open in a spreadsheet.
//!
//! A spreadsheet takes a cell for a formula when it begins with `=`, `+`, `-`,
//! `@`, or one of their full-width forms, and some begin a new cell at a `;` or a
//! tab, whatever is quoted. A formula can call programs and send cells away, so
//! an apostrophe is put before such a character, which makes text of the cell.
//! None of our own values begins so.

/// A table being written.
#[derive(Debug)]
pub struct Table(String);

impl Table {
    /// With the names of its columns.
    #[must_use]
    pub fn new(header: &[&str]) -> Self {
        let mut table = Self(String::new());
        table.row(header);
        table
    }

    /// Adds a row.
    pub fn row(&mut self, cells: &[&str]) {
        for (index, cell) in cells.iter().enumerate() {
            if index > 0 {
                self.0.push(',');
            }
            self.cell(&harmless(cell));
        }
        self.0.push_str("\r\n");
    }

    /// What has been written, lines ending as RFC 4180 §2 wants.
    #[must_use]
    pub fn finish(self) -> String {
        self.0
    }

    fn cell(&mut self, text: &str) {
        if !text.contains(['"', ',', ';', ' ', '\'']) {
            self.0.push_str(text);
            return;
        }
        self.0.push('"');
        self.0.push_str(&text.replace('"', "\"\""));
        self.0.push('"');
    }
}

/// The text without control characters, which no value of ours has (they are
/// shown as `\DDD`, as in zone files), and without the beginning of a formula.
fn harmless(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut at_beginning = true;
    for char in text.chars() {
        if char.is_control() {
            let mut bytes = [0; 4];
            char.encode_utf8(&mut bytes).bytes().for_each(|byte| out.push_str(&format!("\\{byte:03}")));
            at_beginning = false;
            continue;
        }
        if at_beginning
            && matches!(char, '=' | '+' | '-' | '@' | '\u{ff1d}' | '\u{ff0b}' | '\u{ff0d}' | '\u{ff20}')
        {
            out.push('\'');
        }
        at_beginning = match char {
            ';' => true,
            _ => at_beginning && char.is_whitespace(),
        };
        out.push(char);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_are_text() {
        for (cell, shown) in [
            ("v=spf1 include:_spf.signet.test ~all", "v=spf1 include:_spf.signet.test ~all"),
            ("v=DMARC1; p=none; rua=mailto:a@b.test", "v=DMARC1; p=none; rua=mailto:a@b.test"),
            ("=1+1", "'=1+1"),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("  =1", "  '=1"),
            ("\u{ff1d}1", "'\u{ff1d}1"),
            ("v=DMARC1; =cmd|' /C calc'!A0", "v=DMARC1; '=cmd|' /C calc'!A0"),
            ("\t=1", "\\009=1"),
            ("a\r\n=1", "a\\013\\010=1"),
            ("\u{85}", "\\194\\133"),
        ] {
            assert_eq!(harmless(cell), shown);
        }
    }

    #[test]
    fn rows_are_quoted_where_they_have_to_be() {
        let mut table = Table::new(&["a", "b"]);
        table.row(&["plain", "say \"hi\", you"]);
        assert_eq!(table.finish(), "a,b\r\nplain,\"say \"\"hi\"\", you\"\r\n");
    }
}
