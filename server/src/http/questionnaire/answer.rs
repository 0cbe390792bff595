//! `POST /api/domains/{domain_id}/questionnaire`

use super::QuestionnaireView;
use crate::http::{
    AppState,
    answer::Answer,
    auth::Authenticated,
    body::{Fields, RawBody},
    error::Result,
    once::Once,
    openapi::{Body, Operation},
    path::OfDomain,
    rights::{Needs, objection},
    view::Data,
};
use axum::extract::State;
use serde_json::{Map, Value, json};
use signet_core::{
    company::FieldErrors,
    questionnaire::{Given, Kind, QUESTIONS},
};
use std::collections::BTreeMap;

/// Answers the questionnaire.
pub(in crate::http) async fn answer(
    State(app): State<AppState>,
    Authenticated(actor): Authenticated,
    OfDomain(id): OfDomain,
    once: Once,
    body: RawBody,
) -> Result<Answer> {
    let work = async move |app: AppState, actor, body: axum::body::Bytes| {
        let given = match given(&body) {
            Ok(given) => given,
            Err(errors) => return Err(objection(&app, &actor, Some(id), Needs::Write, errors).await),
        };
        let questionnaire = app.ops().answer_questionnaire(&actor, id, &given).await?;
        Ok(Answer::ok(&Data { data: QuestionnaireView::of(&questionnaire) }))
    };
    once.run(app, actor, body, work).await
}

fn given(body: &[u8]) -> std::result::Result<BTreeMap<String, Given>, FieldErrors> {
    let mut fields = Fields::wrapped(body, &["questionnaire"])?;
    let answers = fields.required_object("answers").ok_or_else(|| fields.errors())?;
    let read = |value| match value {
        Value::String(text) => Given::Text(text),
        Value::Bool(yes) => Given::YesNo(yes),
        Value::Number(number) => number.as_u64().map_or(Given::Wrong, Given::Number),
        // A blank, so that a required answer is missed.
        Value::Null => Given::Text(String::new()),
        _ => Given::Wrong,
    };
    Ok(answers.into_iter().map(|(id, value)| (id, read(value))).collect())
}

/// The operation in the OpenAPI document.
pub(in crate::http) fn operation() -> Operation {
    Operation::post("/{domain_id}/questionnaire", "answerDomainQuestionnaire", "Answer the questionnaire")
        .description(
            "Answers all questions at once, with which the review goes on. What is wrong or lacking is told by the \
             question's `id`. Answers cannot be changed afterwards, unless the review asks anew. Text may have \
             several lines. Needs admin access to the domain.",
        )
        .body(Body::Plain(schema(), example()))
        .answers(200, "QuestionnaireResponse")
        .answers(404, "NotFound")
        .answers(422, "UnprocessableEntity")
}

fn schema() -> Value {
    let mut properties = Map::new();
    for question in QUESTIONS {
        let mut schema = match question.kind {
            Kind::Line(most) | Kind::Text(most) => json!({"type": "string", "maxLength": most}),
            Kind::Choice(choices) => {
                json!({"type": "string", "enum": choices.iter().map(|choice| choice.id).collect::<Vec<_>>()})
            }
            Kind::Number(least, most) => json!({"type": "integer", "minimum": least, "maximum": most}),
            Kind::YesNo => json!({"type": "boolean"}),
        };
        let hint = if question.hint.is_empty() { String::new() } else { format!(" {}", question.hint) };
        schema["description"] = format!("{}{hint}", question.text).into();
        properties.insert(question.id.to_string(), schema);
    }
    let required: Vec<&str> =
        QUESTIONS.iter().filter(|question| question.required).map(|question| question.id).collect();
    json!({
        "type": "object", "required": ["questionnaire"],
        "properties": {"questionnaire": {
            "type": "object", "description": "What is answered.", "required": ["answers"],
            "properties": {"answers": {
                "type": "object", "description": "The answers, by the questions' `id`.",
                "required": required, "properties": properties,
            }},
        }},
    })
}

fn example() -> Value {
    json!({"questionnaire": {"answers": {
        "content": "Order confirmations and a monthly newsletter",
        "recipients": "Customers of our shop",
        "address_source": "customers",
        "address_source_details": "At the checkout; the newsletter by a box that is not ticked",
        "monthly_volume": 5000,
        "marketing": true,
        "unsubscribe": "By the link in every newsletter, at once",
        "ever_suspended": false,
    }}})
}
