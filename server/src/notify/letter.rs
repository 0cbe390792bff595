//! What all our messages look like: a headline, what happened, what to do, and
//! why one gets this. Each is composed once and shown as text and as HTML.

use crate::store::Message;
use askama::Template;
use signet_core::email::EmailAddress;

/// A message before it is rendered. In texts, what stands between backticks is
/// to be copied.
#[derive(Clone, Debug)]
pub(super) struct Letter {
    pub(super) headline: String,
    pub(super) tone: Tone,
    pub(super) body: Vec<Block>,
    pub(super) footer: Vec<Block>,
    /// See [`Message::unsubscribe`].
    pub(super) unsubscribe: Option<String>,
}

/// How it sounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    Bad,
    Warning,
    Good,
    Plain,
}

impl Tone {
    fn class(self) -> &'static str {
        match self {
            Self::Bad => "bad",
            Self::Warning => "warn",
            Self::Good => "good",
            Self::Plain => "plain",
        }
    }
}

/// A part of a message.
#[derive(Clone, Debug)]
pub(super) enum Block {
    Text(String),
    Heading(String),
    Items(Vec<String>),
    /// What is wrong with something, and what to do.
    Wrong {
        title: String,
        reason: String,
        fix: String,
    },
    /// What the message is for.
    Button {
        label: String,
        url: String,
    },
    Link {
        label: String,
        url: String,
    },
    /// To be entered at a prompt.
    Command(String),
}

impl Block {
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    pub(super) fn heading(text: impl Into<String>) -> Self {
        Self::Heading(text.into())
    }
}

/// A piece of text: to be copied, or not.
struct Span<'a> {
    text: &'a str,
    code: bool,
}

#[derive(Template)]
#[template(path = "letter.html")]
struct Html<'a> {
    letter: &'a Letter,
}

impl Letter {
    fn spans<'a>(&self, text: &'a str) -> Vec<Span<'a>> {
        spans(text)
    }

    /// The message, to one recipient.
    pub(super) fn to(&self, to: &EmailAddress, message_id: String) -> Message {
        Message {
            to: to.to_string(),
            // Names of tokens are in it, and whatever else people make up.
            subject: self.headline.replace(char::is_control, " "),
            text: self.plain(),
            html: super::rendered(&Html { letter: self }),
            attachments: Vec::new(),
            unsubscribe: self.unsubscribe.clone(),
            message_id,
        }
    }

    fn plain(&self) -> String {
        let mut text = wrapped(&self.headline, "", "");
        for block in &self.body {
            text.push('\n');
            text.push_str(&plain(block));
        }
        text.push_str("\n-- \n");
        self.footer.iter().for_each(|block| text.push_str(&plain(block)));
        text
    }
}

/// What stands between backticks is code; a last one that is alone is none.
fn spans(text: &str) -> Vec<Span<'_>> {
    let parts: Vec<&str> = text.split('`').collect();
    let closed = parts.len() % 2 == 1;
    let count = parts.len();
    let span = |(n, text)| Span { text, code: n % 2 == 1 && (closed || n + 1 < count) };
    parts.into_iter().enumerate().map(span).filter(|span| !span.text.is_empty()).collect()
}

fn plain(block: &Block) -> String {
    match block {
        Block::Text(text) => wrapped(text, "", ""),
        Block::Heading(text) => {
            let line = "-".repeat(text.chars().count().min(WIDTH));
            format!("{text}\n{line}\n")
        }
        Block::Items(items) => items.iter().map(|item| wrapped(item, "- ", "  ")).collect(),
        Block::Wrong { title, reason, fix } => {
            let fix = if fix.is_empty() { String::new() } else { wrapped(fix, "  What to do: ", "  ") };
            format!("{title}\n{}{fix}", wrapped(reason, "  ", "  "))
        }
        Block::Button { label, url } | Block::Link { label, url } => format!("{label}:\n{url}\n"),
        Block::Command(text) => format!("    {text}\n"),
    }
}

/// Columns of plain text, so that no line is folded by whoever shows it.
const WIDTH: usize = 76;

/// Lines of whole words; what is to be copied is never broken, and so stays one line.
fn wrapped(text: &str, first: &str, next: &str) -> String {
    let (mut all, mut line, mut empty) = (String::new(), first.to_string(), true);
    for word in words(text) {
        let wide = line.chars().count() + 1 + word.chars().count() > WIDTH;
        if wide && !empty {
            all.push_str(&line);
            all.push('\n');
            line = next.to_string();
            empty = true;
        }
        if !empty {
            line.push(' ');
        }
        line.push_str(word);
        empty = false;
    }
    all.push_str(&line);
    all.push('\n');
    all
}

/// Words, where a text between backticks with what touches it is one.
fn words(text: &str) -> Vec<&str> {
    let (mut words, mut start, mut code) = (Vec::new(), None, false);
    let closed = text.matches('`').count().is_multiple_of(2);
    for (at, c) in text.char_indices() {
        code ^= c == '`' && closed;
        if c.is_whitespace() && !code {
            words.extend(start.take().map(|start| &text[start..at]));
        } else {
            start.get_or_insert(at);
        }
    }
    words.extend(start.map(|start| &text[start..]));
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter(text: &str) -> Letter {
        Letter {
            headline: text.to_string(),
            tone: Tone::Bad,
            body: vec![
                Block::text(text),
                Block::Items(vec![text.to_string()]),
                Block::Wrong { title: text.to_string(), reason: text.to_string(), fix: text.to_string() },
                Block::Link { label: text.to_string(), url: "https://x.example/\"><b>".to_string() },
            ],
            footer: vec![Block::text(text)],
            unsubscribe: None,
        }
    }

    #[test]
    fn whatever_is_said_is_escaped() {
        let hostile = "<script>alert(1)</script> `\"<b>&\"` `";
        let to = EmailAddress::parse("a@b.example").unwrap();
        let html = letter(hostile).to(&to, "id".to_string()).html;
        assert!(!html.contains("<script>") && !html.contains("<b>"), "{html}");
        assert!(html.contains("<code>&#34;&#60;b&#62;&#38;&#34;</code>"), "{html}");
    }

    #[test]
    fn what_is_to_be_copied_is_marked_and_stays_in_one_line() {
        let code: Vec<(&str, bool)> = spans("Set `a b` to `c`.").iter().map(|s| (s.text, s.code)).collect();
        assert_eq!(code, [("Set ", false), ("a b", true), (" to ", false), ("c", true), (".", false)]);
        assert!(spans("a `b").iter().all(|span| !span.code), "nobody closed it");
        let long = format!("Set it to `{}`, please do.", "x ".repeat(60).trim_end());
        let lines = wrapped(&long, "- ", "  ");
        assert_eq!(lines.lines().count(), 3, "{lines}");
        assert_eq!(lines.lines().nth(1).unwrap().matches('x').count(), 60);
        assert!(wrapped(&"word ".repeat(100), "", "").lines().all(|line| line.len() <= WIDTH));
    }
}
