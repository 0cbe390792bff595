//! What a review asks a sender: the questions, and what counts as an answer.

use crate::company::FieldErrors;
use alloc::{
    collections::BTreeMap,
    format,
    string::{String, ToString},
    vec,
    vec::Vec,
};

/// A question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question {
    /// Its name on the wire.
    pub id: &'static str,
    /// What is asked.
    pub text: &'static str,
    /// What helps to answer it, or empty.
    pub hint: &'static str,
    /// What an answer is.
    pub kind: Kind,
    /// Whether it must be answered.
    pub required: bool,
}

/// What an answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One line of at most so many characters.
    Line(usize),
    /// Text of at most so many characters, which may have several lines.
    Text(usize),
    /// One of these.
    Choice(&'static [Choice]),
    /// A whole number between these.
    Number(u64, u64),
    /// Yes or no.
    YesNo,
}

impl Kind {
    /// As on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Line(_) | Self::Text(_) => "text",
            Self::Choice(_) => "choice",
            Self::Number(..) => "number",
            Self::YesNo => "yes_no",
        }
    }
}

/// A possible answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Choice {
    /// As on the wire.
    pub id: &'static str,
    /// As people read it.
    pub text: &'static str,
}

const fn choice(id: &'static str, text: &'static str) -> Choice {
    Choice { id, text }
}

/// All questions, in the order they are asked. An id keeps its meaning for
/// ever: answers are kept under it.
pub const QUESTIONS: &[Question] = &[
    Question {
        id: "content",
        text: "What do you send?",
        hint: "For example order confirmations, password resets, a monthly newsletter.",
        kind: Kind::Text(2000),
        required: true,
    },
    Question {
        id: "recipients",
        text: "Who receives it?",
        hint: "For example customers of your shop, members of your club, employees.",
        kind: Kind::Text(2000),
        required: true,
    },
    Question {
        id: "address_source",
        text: "Where do the addresses come from?",
        hint: "If several fit, choose the one that most addresses come from.",
        kind: Kind::Choice(&[
            choice("confirmed_sign_up", "People sign up and confirm by a link in a message"),
            choice("sign_up", "People sign up, without a confirmation"),
            choice("customers", "They are customers or users, and gave us their addresses as such"),
            choice("own_people", "They are our own employees or members"),
            choice("others", "We got or bought the addresses from others, or collected them"),
        ]),
        required: true,
    },
    Question {
        id: "address_source_details",
        text: "How exactly do you obtain an address, and what do people agree to?",
        hint: "If there is a form, give its address on the web.",
        kind: Kind::Text(2000),
        required: true,
    },
    Question {
        id: "monthly_volume",
        text: "How many messages will you send in a month, at most?",
        hint: "One message to a hundred people is a hundred messages. Digits only.",
        kind: Kind::Number(1, 1_000_000_000),
        required: true,
    },
    Question {
        id: "marketing",
        text: "Is any of it advertising, or a newsletter?",
        hint: "",
        kind: Kind::YesNo,
        required: true,
    },
    Question {
        id: "unsubscribe",
        text: "How do people stop your messages, and what happens then?",
        hint: "Say so, too, if your messages are not of a kind that one can unsubscribe from.",
        kind: Kind::Text(2000),
        required: true,
    },
    Question {
        id: "examples",
        text: "Where can we see examples of your messages?",
        hint: "Addresses on the web, or the text of a typical message.",
        kind: Kind::Text(4000),
        required: false,
    },
    Question {
        id: "previous_provider",
        text: "With whom did you send before?",
        hint: "",
        kind: Kind::Line(255),
        required: false,
    },
    Question {
        id: "ever_suspended",
        text: "Has anybody ever stopped you from sending?",
        hint: "It does not decide anything by itself; leaving it out would.",
        kind: Kind::YesNo,
        required: true,
    },
];

/// The question with this id.
#[must_use]
pub fn question(id: &str) -> Option<&'static Question> {
    QUESTIONS.iter().find(|question| question.id == id)
}

/// An answer as it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Given {
    /// Text.
    Text(String),
    /// A whole number.
    Number(u64),
    /// Yes or no.
    YesNo(bool),
    /// Text in a form, which means whatever the question asks for.
    Written(String),
    /// Anything else.
    Wrong,
}

/// An answer that counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Of [`Kind::Line`] and [`Kind::Text`], trimmed; of [`Kind::Choice`] the id.
    Text(String),
    /// Of [`Kind::Number`].
    Number(u64),
    /// Of [`Kind::YesNo`].
    YesNo(bool),
}

/// Answers by question.
pub type Answers = BTreeMap<&'static str, Answer>;

/// The answers that count, of those given; questions that there are not are
/// left alone.
///
/// # Errors
/// What is wrong or lacking, by question, completing its id.
pub fn answers(given: &BTreeMap<String, Given>) -> Result<Answers, FieldErrors> {
    let (mut answers, mut errors) = (Answers::new(), FieldErrors::new());
    for question in QUESTIONS {
        match given.get(question.id).map_or(Ok(None), |given| read(question.kind, given)) {
            Ok(Some(answer)) => {
                answers.insert(question.id, answer);
            }
            Ok(None) if question.required => {
                errors.insert(question.id, vec!["can't be blank".to_string()]);
            }
            Ok(None) => {}
            Err(problem) => {
                errors.insert(question.id, vec![problem]);
            }
        }
    }
    if errors.is_empty() { Ok(answers) } else { Err(errors) }
}

/// `None` for a blank.
fn read(kind: Kind, given: &Given) -> Result<Option<Answer>, String> {
    if matches!(given, Given::Text(text) | Given::Written(text) if text.trim().is_empty()) {
        return Ok(None);
    }
    let answer = match (kind, given) {
        (Kind::Line(most), Given::Text(text) | Given::Written(text)) => Answer::Text(line(text, most)?),
        (Kind::Text(most), Given::Text(text) | Given::Written(text)) => Answer::Text(lines(text, most)?),
        (Kind::Choice(choices), Given::Text(text) | Given::Written(text)) => {
            let chosen = choices.iter().find(|choice| choice.id == text.trim());
            Answer::Text(chosen.ok_or_else(|| wanted(kind))?.id.to_string())
        }
        (Kind::Number(least, most), Given::Number(number)) if (least..=most).contains(number) => {
            Answer::Number(*number)
        }
        (Kind::Number(least, most), Given::Written(text)) => {
            let number = text.trim().parse().ok().filter(|number| (least..=most).contains(number));
            Answer::Number(number.ok_or_else(|| wanted(kind))?)
        }
        (Kind::YesNo, Given::YesNo(yes)) => Answer::YesNo(*yes),
        (Kind::YesNo, Given::Written(text)) => match text.as_str() {
            "yes" => Answer::YesNo(true),
            "no" => Answer::YesNo(false),
            _ => return Err(wanted(kind)),
        },
        _ => return Err(wanted(kind)),
    };
    Ok(Some(answer))
}

fn line(text: &str, most: usize) -> Result<String, String> {
    if text.chars().any(char::is_control) {
        return Err("is invalid: it may not have line breaks or control characters".to_string());
    }
    short_enough(text.trim(), most)
}

/// Browsers end lines with CR LF (HTML, 4.10.21.8); kept is LF.
fn lines(text: &str, most: usize) -> Result<String, String> {
    let text = text.replace("\r\n", "\n");
    if text.chars().any(|c| c.is_control() && c != '\n' && c != '\t') {
        return Err("is invalid: it may not have control characters".to_string());
    }
    short_enough(text.trim(), most)
}

fn short_enough(text: &str, most: usize) -> Result<String, String> {
    if text.chars().count() > most {
        return Err(format!("is too long: at most {most} characters"));
    }
    Ok(text.to_string())
}

fn wanted(kind: Kind) -> String {
    match kind {
        Kind::Line(_) | Kind::Text(_) => "is invalid: must be text".to_string(),
        Kind::Choice(choices) => {
            let ids: Vec<&str> = choices.iter().map(|choice| choice.id).collect();
            format!("is invalid: must be one of {}", ids.join(", "))
        }
        Kind::Number(least, most) => {
            format!("is invalid: must be a whole number from {least} to {most}, in digits")
        }
        Kind::YesNo => "is invalid: must be true or false".to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::{borrow::ToOwned, collections::BTreeSet};

    fn text(text: &str) -> Given {
        Given::Text(text.to_owned())
    }

    fn complete() -> BTreeMap<String, Given> {
        let answers = [
            ("content", text(" Receipts\r\nand news ")),
            ("recipients", text("Customers")),
            ("address_source", text("customers")),
            ("address_source_details", text("At the checkout")),
            ("monthly_volume", Given::Number(5000)),
            ("marketing", Given::YesNo(true)),
            ("unsubscribe", text("By a link in every message")),
            ("examples", text(" ")),
            ("ever_suspended", Given::YesNo(false)),
            ("shoe_size", text("44")),
        ];
        answers.map(|(id, given)| (id.to_owned(), given)).into()
    }

    fn error(id: &str, given: Given) -> String {
        let mut all = complete();
        all.insert(id.to_owned(), given);
        let errors = answers(&all).unwrap_err();
        assert_eq!(errors.len(), 1, "{errors:?}");
        errors[id].join(" and ")
    }

    #[test]
    fn ids_are_apart_and_words_are_there() {
        let ids: BTreeSet<_> = QUESTIONS.iter().map(|question| question.id).collect();
        assert_eq!(ids.len(), QUESTIONS.len());
        assert!(QUESTIONS.iter().all(|question| question.text.ends_with('?')));
        assert_eq!(question("content").map(|question| question.id), Some("content"));
        assert_eq!(question("shoe_size"), None);
    }

    #[test]
    fn what_counts_is_kept_and_nothing_else() {
        let answers = answers(&complete()).unwrap();
        assert_eq!(answers["content"], Answer::Text("Receipts\nand news".to_owned()));
        assert_eq!(answers["monthly_volume"], Answer::Number(5000));
        assert_eq!(answers["marketing"], Answer::YesNo(true));
        assert!(!answers.contains_key("examples"), "a blank is no answer");
        assert!(!answers.contains_key("shoe_size"));
    }

    #[test]
    fn a_form_writes_everything() {
        let mut written: BTreeMap<_, _> = complete();
        for (id, value) in [("monthly_volume", " 5000 "), ("marketing", "yes"), ("ever_suspended", "no")] {
            written.insert(id.to_owned(), Given::Written(value.to_owned()));
        }
        assert_eq!(answers(&written), answers(&complete()));
    }

    #[test]
    fn everything_lacking_is_named() {
        let errors = answers(&BTreeMap::new()).unwrap_err();
        let required = QUESTIONS.iter().filter(|question| question.required).count();
        assert_eq!(errors.len(), required);
        assert_eq!(errors["content"], ["can't be blank"]);
    }

    #[test]
    fn what_is_wrong_is_told_where() {
        assert!(error("content", Given::Number(1)).contains("must be text"));
        assert!(error("content", text("a\u{1b}[2J")).contains("control characters"));
        assert!(error("content", text(&"x".repeat(2001))).contains("2000 characters"));
        assert!(error("previous_provider", text("a\nb")).contains("line breaks"));
        assert!(error("address_source", text("mars")).contains("confirmed_sign_up, sign_up"));
        for number in [Given::Number(0), Given::Number(u64::MAX), text("5000"), Given::Wrong] {
            assert!(error("monthly_volume", number).contains("whole number from 1 to"));
        }
        for number in ["many", "-1", "5.5", "99999999999999999999999"] {
            assert!(error("monthly_volume", Given::Written(number.to_owned())).contains("whole number"));
        }
        for given in [text("yes"), Given::Written("true".to_owned()), Given::Wrong] {
            assert!(error("marketing", given).contains("true or false"));
        }
    }
}
