//! `GET` and `POST /questionnaire/{token}`: the questionnaire for whoever has
//! been sent its link. The link is the credential, so that no token and no
//! cookie is needed; and there is no script.

use super::{
    AppState,
    body::RawBody,
    edge::Origin,
    error::{Failure, Result},
    page::{Token, note, rendered, with_headers},
};
use crate::{ops::Refused, store::Domain};
use askama::Template;
use axum::{
    extract::State,
    http::{HeaderValue, StatusCode, header::LOCATION},
    response::{IntoResponse, Response},
};
use signet_core::{
    company::{Field, FieldErrors},
    lifecycle::Asked,
    questionnaire::{Given, Kind, QUESTIONS, Question},
};
use std::collections::BTreeMap;

/// The longest form taken: every character of every answer may be written as
/// four bytes of three characters each.
pub(super) const MAX_BYTES: usize = 256 << 10;

#[derive(Template)]
#[template(path = "questionnaire.html")]
struct Form<'a> {
    domain: &'a str,
    company: Option<&'a str>,
    service: &'a str,
    rows: Vec<Row>,
}

/// A question as the page shows it.
struct Row {
    question: &'static Question,
    control: Control,
    /// What was entered before.
    value: String,
    error: Option<String>,
}

/// What is entered with.
enum Control {
    Line {
        most: usize,
    },
    Area {
        most: usize,
    },
    Digits,
    /// Value and label.
    Radio(Vec<(&'static str, &'static str)>),
}

impl Row {
    fn of(question: &'static Question, given: &BTreeMap<String, Given>, errors: &FieldErrors) -> Self {
        let control = match question.kind {
            Kind::Line(most) => Control::Line { most },
            Kind::Text(most) => Control::Area { most },
            Kind::Number(..) => Control::Digits,
            Kind::Choice(choices) => {
                Control::Radio(choices.iter().map(|choice| (choice.id, choice.text)).collect())
            }
            Kind::YesNo => Control::Radio(vec![("yes", "Yes"), ("no", "No")]),
        };
        let value = match given.get(question.id) {
            Some(Given::Written(text)) => text.clone(),
            _ => String::new(),
        };
        let error = errors.get(question.id).map(|messages| for_people(question.kind, messages));
        Self { question, control, value, error }
    }

    fn is_wrong(&self) -> bool {
        self.error.is_some()
    }

    /// What describes the control, for those who hear the page.
    fn described_by(&self) -> Option<String> {
        let hint = (!self.question.hint.is_empty()).then(|| format!("{}-hint", self.question.id));
        let error = self.is_wrong().then(|| format!("{}-error", self.question.id));
        let both: Vec<String> = hint.into_iter().chain(error).collect();
        (!both.is_empty()).then(|| both.join(" "))
    }
}

/// The API's messages complete an attribute's name; here they stand alone.
fn for_people(kind: Kind, messages: &[String]) -> String {
    let choice = matches!(kind, Kind::Choice(_) | Kind::YesNo);
    let one = |message: &String| match message.as_str() {
        _ if choice => "Choose one of these.".to_string(),
        "can't be blank" => "This needs an answer.".to_string(),
        message => {
            let message = message.trim_start_matches("is invalid: ");
            let mut letters = message.chars();
            let first = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
            format!("{first}{}.", letters.as_str())
        }
    };
    messages.iter().map(one).collect::<Vec<_>>().join(" ")
}

/// The page of a link.
pub(super) async fn show(State(app): State<AppState>, Token(token): Token) -> Response {
    match app.ops().domain_of_link(&token).await {
        Ok(domain) => page(&app, domain, &BTreeMap::new(), None).await,
        Err(refused) => trouble(&app, &refused),
    }
}

/// Takes the form.
pub(super) async fn answer(
    State(app): State<AppState>,
    Token(token): Token,
    Origin(origin): Origin,
    body: Result<RawBody>,
) -> Response {
    let domain = match app.ops().domain_of_link(&token).await {
        Ok(domain) => domain,
        Err(refused) => return trouble(&app, &refused),
    };
    let body = match body {
        Ok(RawBody(body)) => body,
        Err(Failure::TooLarge) => {
            let text = "Your answers are longer than what can be taken. Go back and shorten them.";
            return note(&app, StatusCode::PAYLOAD_TOO_LARGE, "That is too much", text);
        }
        Err(_) => {
            let text = "Your answers did not arrive whole. Go back and send them again.";
            return note(&app, StatusCode::REQUEST_TIMEOUT, "Please try again", text);
        }
    };
    let given = written(&body);
    let Some(asked) = domain.clone().filter(|domain| domain.questionnaire == Asked::Open) else {
        return page(&app, domain, &given, None).await;
    };
    match app.ops().answer_by_link(&asked, &given, &origin).await {
        // Shown by another request, so that to load it again sends nothing again.
        Ok(_) => {
            let mut response = StatusCode::SEE_OTHER.into_response();
            let location = HeaderValue::from_str(&format!("/questionnaire/{token}"));
            response.headers_mut().insert(LOCATION, location.expect("a token of ours is base64"));
            with_headers(response)
        }
        Err(Refused::Invalid(errors)) if errors.contains_key("base") => {
            // Somebody else was faster.
            show(State(app), Token(token)).await
        }
        Err(Refused::Invalid(errors)) => page(&app, domain, &given, Some(&errors)).await,
        Err(Refused::NotFound) => show(State(app), Token(token)).await,
        Err(refused) => trouble(&app, &refused),
    }
}

/// What a form holds of the questions there are.
fn written(body: &[u8]) -> BTreeMap<String, Given> {
    let mut given = BTreeMap::new();
    for (name, value) in url::form_urlencoded::parse(body) {
        if let Some(question) = signet_core::questionnaire::question(&name) {
            given.entry(question.id.to_string()).or_insert_with(|| Given::Written(value.into_owned()));
        }
    }
    given
}

async fn page(
    app: &AppState,
    domain: Option<Domain>,
    given: &BTreeMap<String, Given>,
    errors: Option<&FieldErrors>,
) -> Response {
    let Some(domain) = domain else {
        let text =
            "This link is not, or no longer, one of ours. Use the link in our message as it stands there.";
        return note(app, StatusCode::NOT_FOUND, "There is nothing here", text);
    };
    let name = domain.name.to_unicode();
    match domain.questionnaire {
        Asked::Open => {}
        Asked::Met => {
            let title = format!("Thank you: the questions about {name} are answered");
            let text = "Your answers are with the review of your domain. We write to you as soon as it is decided, \
                        and there is nothing else to do here.";
            return note(app, StatusCode::OK, &title, text);
        }
        Asked::No => {
            let title = format!("Nothing is asked about {name} now");
            let text = "The review of your domain does not wait for answers. There is nothing to do here.";
            return note(app, StatusCode::OK, &title, text);
        }
    }
    let company = match app.ops().store.company(domain.account).await {
        Ok(company) => company,
        Err(error) => return trouble(app, &error.into()),
    };
    let none = FieldErrors::new();
    let form = Form {
        domain: &name,
        company: company.as_ref().and_then(|company| company.get(Field::Name)),
        service: app.ops().config.provider.zone.as_str(),
        rows: QUESTIONS.iter().map(|question| Row::of(question, given, errors.unwrap_or(&none))).collect(),
    };
    let status = if errors.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    rendered(status, &form)
}

impl Form<'_> {
    fn wrong(&self) -> Vec<&Row> {
        self.rows.iter().filter(|row| row.is_wrong()).collect()
    }
}

/// Something failed that is not the reader's fault.
fn trouble(app: &AppState, refused: &Refused) -> Response {
    tracing::error!(error = %refused, "the page of the questionnaire failed");
    let text = "We could not do that just now, and nothing was changed. Please try again in a minute.";
    note(app, StatusCode::SERVICE_UNAVAILABLE, "Please try again", text)
}
