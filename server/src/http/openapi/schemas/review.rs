//! The bodies about reviews.

use super::{company_info, described, event, flag, nullable_text, text, whole, words};
use crate::store::Review;
use serde_json::{Value, json};
use signet_core::lifecycle::ComplianceStatus;

/// The schemas of this subject.
pub(super) fn schemas() -> Value {
    json!({
        "Questionnaire": questionnaire(),
        "CardCheck": whole("CardCheck", "A card check that a review asks for.", card_check()),
        "CardCheckFile": card_check_file(),
        "CardResult": whole("CardResult", "How a card check stands.", json!({
            "reference": text("What the check is called.", "card_2kH8b1Vw0sQ5ZJqgB6mS4A"),
            "result": words("How it went.", [
                ("passed", "it is passed".to_string()), ("failed", "it is not".to_string()),
            ]),
        })),
        "Account": whole("Account", "An account, as its operator sees it.", account()),
        "Review": whole("Review", "A domain and its review.", review()),
        "ReviewFile": review_file(),
    })
}

fn number(description: &str, example: i64) -> Value {
    described(json!({"type": "integer"}), description, example.into())
}

fn nullable(mut schema: Value) -> Value {
    schema["type"] = json!(["object", "null"]);
    schema
}

fn nullable_time(description: &str) -> Value {
    nullable_text(description, json!("2026-04-28T08:19:31.769Z"))
}

fn time(description: &str) -> Value {
    text(description, "2026-04-28T08:19:31.769Z")
}

fn questionnaire() -> Value {
    whole(
        "Questionnaire",
        "What a review asks a domain's owner.",
        json!({
            "status": words("How it stands.", [
                ("open", "it waits for answers".to_string()), ("answered", "it is answered".to_string()),
            ]),
            "questions": {
                "type": "array", "description": "The questions, in the order they are asked.", "items": question(),
            },
            "answers": described(
                json!({"type": ["object", "null"], "additionalProperties": {"type": ["string", "integer", "boolean"]}}),
                "The answers, by the questions' `id`; `null` until they are given.",
                json!({"content": "Order confirmations", "monthly_volume": 5000, "marketing": false}),
            ),
            "asked_at": time("Since when it is asked for."),
            "answered_at": nullable_time("When it was answered; `null` until then."),
            "answered_by": nullable_text("By whom: `token:` or `jwt:` with a name, or `link`.", json!("link")),
        }),
    )
}

fn question() -> Value {
    let nullable_number = |description: &str, example: i64| {
        described(json!({"type": ["integer", "null"]}), description, example.into())
    };
    whole(
        "Question",
        "A question.",
        json!({
            "id": text("Its name, which answers go by.", "monthly_volume"),
            "text": text("What is asked.", "How many messages will you send in a month, at most?"),
            "hint": nullable_text("What helps to answer it.", json!("Digits only.")),
            "kind": words("What an answer is.", [
                ("text", "text, perhaps of several lines".to_string()),
                ("choice", "the `id` of one of the `choices`".to_string()),
                ("number", "a whole number".to_string()),
                ("yes_no", "true or false".to_string()),
            ]),
            "required": flag("Whether it must be answered.", true),
            "choices": {
                "type": ["array", "null"], "description": "What can be chosen from; `null` for other kinds.",
                "items": whole("Choice", "A possible answer.", json!({
                    "id": text("Its name.", "customers"),
                    "text": text("What it says.", "They are customers or users"),
                })),
            },
            "max_length": nullable_number("The most characters of a text.", 2000),
            "minimum": nullable_number("The least number.", 1),
            "maximum": nullable_number("The highest number.", 1_000_000_000),
        }),
    )
}

fn card_check() -> Value {
    json!({
        "status": words("How it stands.", [
            ("open", "nobody has said yet".to_string()),
            ("passed", "it is passed".to_string()),
            ("failed", "it is not; the operator decides".to_string()),
        ]),
        "reference": text("What it is called.", "card_2kH8b1Vw0sQ5ZJqgB6mS4A"),
        "url": nullable_text(
            "Where to pass it; `null`: the operator gets in touch.",
            json!("https://pay.example/check?ref=card_2kH8b1Vw0sQ5ZJqgB6mS4A"),
        ),
        "asked_at": time("Since when it is asked for."),
        "resolved_at": nullable_time("Since when it is known how it went."),
    })
}

fn card_check_file() -> Value {
    let mut properties = card_check();
    properties["detail"] = nullable_text("What was said about it.", json!("3-D Secure completed"));
    whole("CardCheckFile", "A card check, as operators see it.", properties)
}

fn suspension(whose: &str) -> Value {
    described(
        json!({"type": ["string", "null"], "enum": ["hold", "abuse", null]}),
        &format!("A suspension {whose} that is in force: `hold`, mail waits; `abuse`, mail is refused."),
        json!("hold"),
    )
}

fn account() -> Value {
    json!({
        "id": number("Its id.", 1),
        "name": text("What its operator calls it.", "Example"),
        "owner_email": text("Who hears about it.", "owner@example.com"),
        "suspension": suspension("of the account"),
        "version": number("Goes up with every ruling on the account; name it in the next.", 1),
    })
}

fn review() -> Value {
    let status = ComplianceStatus::ALL.map(|status| (status.as_str(), status.meaning().to_string()));
    let state = Review::ALL.map(|state| {
        let meaning = match state {
            Review::None => "no review is under way",
            Review::Due => "the rules are about to run",
            Review::Open => "it waits for the owner: the questionnaire, the card check",
            Review::Referred => "it waits for the operator",
        };
        (state.as_str(), meaning.to_string())
    });
    json!({
        "domain_id": number("The domain's id.", 3938),
        "account_id": number("The account's id.", 1),
        "domain_name": text("The domain, in A-labels.", "example.com"),
        "compliance_status": words("Whether it may send, and if not why not.", status),
        "state": words("Where its review is.", state),
        "reason": nullable_text(
            "Why it stands as it does: what the rules last came to, or the ruling just made.",
            json!("The website cannot be reached."),
        ),
        "decision": described(
            json!({"type": ["string", "null"], "enum": ["approved", "rejected", null]}),
            "The last decision; it stands until there is another.",
            json!("approved"),
        ),
        "approved_before": flag("Whether it has ever been approved.", false),
        "suspension": suspension("of the domain"),
        "account_suspension": suspension("of its account"),
        "version": number("Goes up with everything decided, or changed of what is decided on; name it in a ruling.", 3),
    })
}

fn review_file() -> Value {
    let mut properties = review();
    properties["account"] = whole("Account", "Its account.", account());
    properties["company_info"] = nullable(company_info());
    properties["last_run"] = nullable(whole(
        "Run",
        "What the rules found when they last ran.",
        json!({
            "at": time("When."),
            "conclusion": text("What they came to: `approve`, `reject`, `ask` or `refer`.", "refer"),
            "reason": text("The same in words.", "The website cannot be reached."),
            "findings": {
                "type": "array", "description": "What each rule found.",
                "items": whole("Finding", "What one rule found.", json!({
                    "rule": text("The rule's name in the policy.", "website-unreachable"),
                    "outcome": nullable_text(
                        "What follows: `pass`, `ask_questionnaire`, `ask_card`, `refer` or `reject`; `null` where the \
                         rule's source could not be reached.",
                        json!("refer"),
                    ),
                    "evidence": text("What was found.", "https://example.com answers with status 404."),
                    "source": text("Where.", "https://example.com"),
                })),
            },
        }),
    ));
    properties["questionnaire"] = nullable(questionnaire());
    properties["card_check"] = nullable(card_check_file());
    let mut event = event();
    event["properties"]["domain_id"] = described(
        json!({"type": ["integer", "null"]}),
        "The domain; `null` for what concerns the account.",
        json!(3938),
    );
    event["required"] =
        event["properties"].as_object().map(|all| all.keys().cloned().collect::<Vec<_>>()).into();
    properties["history"] = json!({
        "type": "array", "description": "The last 50 things reviews, owners and operators did, newest first.",
        "items": event,
    });
    whole("ReviewFile", "All there is to decide on a domain by.", properties)
}
