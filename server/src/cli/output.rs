//! What commands print: tables and colour for people, JSON for programs.

use anstyle::{AnsiColor, Color, Style};
use comfy_table::{Attribute, Cell, ContentArrangement, Table, presets::UTF8_HORIZONTAL_ONLY};
use serde_json::Value;
use signet_core::verify::Status;
use std::io::{IsTerminal as _, Write as _};

/// Whether standard output is a terminal that wants colour (no-color.org).
pub(super) fn colour() -> bool {
    std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// `text` in a colour, where colour is wanted.
pub(super) fn painted(text: &str, style: Style) -> String {
    if colour() { format!("{style}{text}{style:#}") } else { text.to_string() }
}

pub(super) fn bold() -> Style {
    Style::new().bold()
}

pub(super) fn dim() -> Style {
    Style::new().dimmed()
}

pub(super) fn in_colour(colour: AnsiColor) -> Style {
    Style::new().fg_color(Some(Color::Ansi(colour)))
}

/// How wide a line may be: the terminal's width, within reason, 80 elsewhere.
pub(super) fn width() -> usize {
    Table::new().width().map_or(80, |width| usize::from(width).clamp(40, 110))
}

/// `text` in lines no longer than [`width`], the first behind `first`, the others
/// behind as many blanks. A word that is longer than that stays whole.
pub(super) fn paragraph(first: &str, text: &str) -> String {
    let indent = first.chars().count();
    let (mut lines, mut length) = (first.to_string(), indent);
    for word in text.split_whitespace() {
        let more = word.chars().count();
        if length > indent && length + 1 + more > width() {
            lines.push('\n');
            lines.push_str(&" ".repeat(indent));
            length = indent;
        } else if length > indent {
            lines.push(' ');
            length += 1;
        }
        lines.push_str(word);
        length += more;
    }
    lines
}

/// `text` cut to `room` characters, with a mark where it was.
pub(super) fn cut(text: &str, room: usize) -> String {
    if text.chars().count() <= room {
        return text.to_string();
    }
    text.chars().take(room.saturating_sub(1)).chain(['…']).collect()
}

/// Text of somebody else's, without what a terminal would take for a command.
pub(super) fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// How a record's status looks.
pub(super) fn status(status: Status) -> String {
    let style = match status {
        Status::Pass => in_colour(AnsiColor::Green),
        Status::Softfail => in_colour(AnsiColor::Yellow),
        Status::Fail | Status::Missing => in_colour(AnsiColor::Red),
        Status::NetworkError => in_colour(AnsiColor::Magenta),
        Status::Unchecked => dim(),
    };
    painted(status.as_str(), style)
}

/// One line on standard output.
///
/// # Errors
/// When nobody reads it any more.
pub(super) fn line(text: &str) -> std::io::Result<()> {
    writeln!(std::io::stdout().lock(), "{text}")
}

/// A document on standard output.
///
/// # Errors
/// When nobody reads it any more.
pub(super) fn json(value: &Value) -> std::io::Result<()> {
    line(&format!("{value:#}"))
}

/// An array on standard output, element by element as [`json`] prints it whole.
pub(super) struct JsonArray<W> {
    out: W,
    empty: bool,
}

impl JsonArray<std::io::Stdout> {
    pub(super) fn begin() -> Self {
        Self { out: std::io::stdout(), empty: true }
    }
}

impl<W: std::io::Write> JsonArray<W> {
    /// Prints one more element.
    ///
    /// # Errors
    /// When nobody reads it any more.
    pub(super) fn push(&mut self, element: &Value) -> std::io::Result<()> {
        let before = if std::mem::take(&mut self.empty) { "[" } else { "," };
        // No string in JSON has a line end.
        write!(self.out, "{before}\n  {}", format!("{element:#}").replace('\n', "\n  "))
    }

    /// Ends it.
    ///
    /// # Errors
    /// When nobody reads it any more.
    pub(super) fn end(mut self) -> std::io::Result<()> {
        writeln!(self.out, "{}", if self.empty { "[]" } else { "\n]" })?;
        self.out.flush()
    }
}

/// A table on standard output, or `none` where it has no rows.
///
/// # Errors
/// When nobody reads it any more.
pub(super) fn table(header: &[&str], rows: Vec<Vec<String>>, none: &str) -> std::io::Result<()> {
    if rows.is_empty() {
        return line(none);
    }
    let mut table = Table::new();
    table.load_style(UTF8_HORIZONTAL_ONLY).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(header.iter().map(|title| Cell::new(title).add_attribute(Attribute::Bold)));
    for row in rows {
        table.add_row(row);
    }
    line(&table.to_string())
}

/// An error on standard error.
pub(super) fn error(json: bool, text: &str) {
    if json {
        eprintln!("{}", serde_json::json!({ "error": text }));
    } else {
        anstream_error("error", AnsiColor::Red, text);
    }
}

/// A warning on standard error.
pub(super) fn warning(text: &str) {
    anstream_error("warning", AnsiColor::Yellow, text);
}

fn anstream_error(word: &str, colour: AnsiColor, text: &str) {
    let style = in_colour(colour).bold();
    if std::io::stderr().is_terminal() {
        eprintln!("{style}{word}{style:#}: {text}");
    } else {
        eprintln!("{word}: {text}");
    }
}

/// A time as people read it, or a dash.
pub(super) fn time(at: Option<jiff::Timestamp>) -> String {
    at.map_or_else(|| "–".to_string(), |at| at.strftime("%Y-%m-%d %H:%M:%SZ").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_array_in_parts_is_the_one_printed_whole() {
        let all = [json!({ "a": ["b\nc", {}], "d": null }), json!([]), json!("e")];
        for count in 0..=all.len() {
            let mut out = Vec::new();
            let mut array = JsonArray { out: &mut out, empty: true };
            all[..count].iter().for_each(|element| array.push(element).unwrap());
            array.end().unwrap();
            let whole = format!("{:#}\n", Value::Array(all[..count].to_vec()));
            assert_eq!(String::from_utf8(out).unwrap(), whole);
        }
    }
}
