//! The operations on the questionnaire, one per file.

pub(super) mod answer;
pub(super) mod get;

use super::view::Millis;
use crate::store::Questionnaire;
use serde::Serialize;
use signet_core::questionnaire::{Answer, Kind, QUESTIONS, Question};
use std::collections::BTreeMap;

/// A questionnaire that is asked for.
#[derive(Serialize)]
pub(super) struct QuestionnaireView<'a> {
    status: &'static str,
    questions: Vec<QuestionView>,
    answers: Option<BTreeMap<&'a str, AnswerView<'a>>>,
    asked_at: Millis,
    answered_at: Option<Millis>,
    answered_by: Option<&'a str>,
}

#[derive(Serialize)]
struct QuestionView {
    id: &'static str,
    text: &'static str,
    hint: Option<&'static str>,
    kind: &'static str,
    required: bool,
    choices: Option<Vec<ChoiceView>>,
    max_length: Option<usize>,
    minimum: Option<u64>,
    maximum: Option<u64>,
}

#[derive(Serialize)]
struct ChoiceView {
    id: &'static str,
    text: &'static str,
}

#[derive(Serialize)]
#[serde(untagged)]
enum AnswerView<'a> {
    Text(&'a str),
    Number(u64),
    YesNo(bool),
}

impl<'a> QuestionnaireView<'a> {
    pub(super) fn of(questionnaire: &'a Questionnaire) -> Self {
        let answer = |answer: &'a Answer| match answer {
            Answer::Text(text) => AnswerView::Text(text),
            Answer::Number(number) => AnswerView::Number(*number),
            Answer::YesNo(yes) => AnswerView::YesNo(*yes),
        };
        let answers = questionnaire.answers.as_ref();
        Self {
            status: if questionnaire.answered_at.is_some() { "answered" } else { "open" },
            questions: QUESTIONS.iter().map(QuestionView::of).collect(),
            answers: answers.map(|all| all.iter().map(|(&id, given)| (id, answer(given))).collect()),
            asked_at: Millis(questionnaire.asked_at),
            answered_at: questionnaire.answered_at.map(Millis),
            answered_by: questionnaire.answered_by.as_deref(),
        }
    }
}

impl QuestionView {
    fn of(question: &Question) -> Self {
        let (max_length, minimum, maximum) = match question.kind {
            Kind::Line(most) | Kind::Text(most) => (Some(most), None, None),
            Kind::Number(least, most) => (None, Some(least), Some(most)),
            Kind::Choice(_) | Kind::YesNo => (None, None, None),
        };
        let choices = match question.kind {
            Kind::Choice(choices) => {
                Some(choices.iter().map(|choice| ChoiceView { id: choice.id, text: choice.text }).collect())
            }
            _ => None,
        };
        Self {
            id: question.id,
            text: question.text,
            hint: super::view::text(question.hint),
            kind: question.kind.as_str(),
            required: question.required,
            choices,
            max_length,
            minimum,
            maximum,
        }
    }
}
