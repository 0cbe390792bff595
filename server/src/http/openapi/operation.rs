//! One operation of the document.

use crate::http::path::Family;
use serde_json::{Map, Value, json};

/// What an endpoint says of itself.
#[derive(Clone, Debug)]
pub(in crate::http) struct Operation {
    method: &'static str,
    path: &'static str,
    id: &'static str,
    summary: &'static str,
    description: &'static str,
    query: Vec<Value>,
    body: Option<Body>,
    responses: Vec<(u16, Value)>,
    exempt: bool,
    signed: bool,
    tag: Option<&'static str>,
    streamed: bool,
}

/// What is sent: a schema and an example of it.
#[derive(Clone, Debug)]
pub(in crate::http) enum Body {
    /// About a domain, in the family's wrapper.
    Domain(Value, Value),
    /// Company information, in `company_info`.
    Company(Value, Value),
    /// Wrapped in the key given.
    Wrapped(&'static str, Value, Value),
    /// As it is.
    Plain(Value, Value),
    /// As it is, and may be left out.
    Optional(Value, Value),
}

impl Operation {
    fn new(method: &'static str, path: &'static str, id: &'static str, summary: &'static str) -> Self {
        let (query, body, responses) = (vec![], None, vec![]);
        Self {
            method,
            path,
            id,
            summary,
            description: "",
            query,
            body,
            responses,
            tag: None,
            streamed: false,
            exempt: false,
            signed: false,
        }
    }

    /// A GET; `path` is what follows the family's base, all of it where there is
    /// no family.
    pub(in crate::http) fn get(path: &'static str, id: &'static str, summary: &'static str) -> Self {
        Self::new("get", path, id, summary)
    }

    /// A POST.
    pub(in crate::http) fn post(path: &'static str, id: &'static str, summary: &'static str) -> Self {
        Self::new("post", path, id, summary)
    }

    /// A PUT.
    pub(in crate::http) fn put(path: &'static str, id: &'static str, summary: &'static str) -> Self {
        Self::new("put", path, id, summary)
    }

    /// A PATCH.
    pub(in crate::http) fn patch(path: &'static str, id: &'static str, summary: &'static str) -> Self {
        Self::new("patch", path, id, summary)
    }

    /// A DELETE.
    pub(in crate::http) fn delete(path: &'static str, id: &'static str, summary: &'static str) -> Self {
        Self::new("delete", path, id, summary)
    }

    /// What it does, in full.
    pub(in crate::http) fn description(mut self, description: &'static str) -> Self {
        self.description = description;
        self
    }

    /// Neither counted against the rate limit nor kept for its `Idempotency-Key`.
    pub(in crate::http) fn exempt(mut self) -> Self {
        self.exempt = true;
        self
    }

    /// Where it stands in the document; domains, where nothing is said.
    pub(in crate::http) fn tag(mut self, tag: &'static str) -> Self {
        self.tag = Some(tag);
        self
    }

    /// Sent as it is read, so that nobody is told that nothing changed.
    pub(in crate::http) fn streamed(mut self) -> Self {
        self.streamed = true;
        self
    }

    fn parameter(mut self, name: &str, description: &str, schema: Value, example: &str) -> Self {
        self.query.push(json!({
            "name": name, "in": "query", "required": false, "description": description, "schema": schema,
            "example": example,
        }));
        self
    }

    /// A text in the query.
    pub(in crate::http) fn text_query(self, name: &str, description: &str, example: &str) -> Self {
        self.parameter(
            name,
            description,
            json!({"type": "string", "minLength": 1, "maxLength": 255}),
            example,
        )
    }

    /// A time in the query.
    pub(in crate::http) fn time_query(self, name: &str, description: &str, example: &str) -> Self {
        self.parameter(name, description, json!({"type": "string", "format": "date-time"}), example)
    }

    /// Words in the query, which may be given several times.
    pub(in crate::http) fn list_query(mut self, name: &str, description: &str, example: &str) -> Self {
        self.query.push(json!({
            "name": name, "in": "query", "required": false, "description": description,
            "schema": {"type": "array", "items": {"type": "string"}}, "explode": true, "example": [example],
        }));
        self
    }

    /// A whole number in the query.
    pub(in crate::http) fn query(
        mut self,
        name: &str,
        description: &str,
        least: i64,
        most: Option<i64>,
        default: Option<i64>,
        example: i64,
    ) -> Self {
        let mut schema = json!({"type": "integer", "minimum": least});
        if let Some(most) = most {
            schema["maximum"] = most.into();
        }
        if let Some(default) = default {
            schema["default"] = default.into();
        }
        self.query.push(json!({
            "name": name, "in": "query", "required": false, "description": description, "schema": schema,
            "example": example,
        }));
        self
    }

    /// One of these words in the query, the first by default.
    pub(in crate::http) fn word(mut self, name: &str, description: &str, words: &[&str]) -> Self {
        let first = words.first().copied().unwrap_or_default();
        self.query.push(json!({
            "name": name, "in": "query", "required": false, "description": description,
            "schema": {"type": "string", "enum": words, "default": first}, "example": first,
        }));
        self
    }

    /// One of some words in the query.
    pub(in crate::http) fn query_word(mut self, name: &str, description: &str, words: &[&str]) -> Self {
        self.query.push(json!({
            "name": name, "in": "query", "required": false, "description": description,
            "schema": {"type": "string", "enum": words}, "example": words.first(),
        }));
        self
    }

    /// A part of the path.
    pub(in crate::http) fn in_path(
        mut self,
        name: &str,
        description: &str,
        schema: Value,
        example: Value,
    ) -> Self {
        self.query.push(json!({
            "name": name, "in": "path", "required": true, "description": description, "schema": schema,
            "example": example,
        }));
        self
    }

    /// A header that must be there.
    pub(in crate::http) fn in_header(mut self, name: &str, description: &str, example: Value) -> Self {
        self.query.push(json!({
            "name": name, "in": "header", "required": true, "description": description,
            "schema": {"type": "string"}, "example": example,
        }));
        self
    }

    /// Needs no token, but a signature.
    pub(in crate::http) fn signed(mut self) -> Self {
        (self.signed, self.exempt) = (true, true);
        self
    }

    /// The body it takes.
    pub(in crate::http) fn body(mut self, body: Body) -> Self {
        self.body = Some(body);
        self
    }

    /// An answer that is described among the components.
    pub(in crate::http) fn answers(mut self, status: u16, response: &str) -> Self {
        self.responses.push((status, reference("responses", response)));
        self
    }

    /// 204.
    pub(in crate::http) fn no_content(mut self, description: &str) -> Self {
        self.responses.push((204, json!({"description": description})));
        self
    }

    /// The method, in lower case.
    pub(super) fn method(&self) -> &'static str {
        self.method
    }

    /// What follows the family's base.
    pub(super) fn path(&self) -> &'static str {
        self.path
    }

    /// The operation object on a family's path.
    pub(super) fn to_json(&self, family: Family) -> Value {
        let mut operation = Map::new();
        let older = family == Family::Older;
        let id = if older { format!("{}Legacy", self.id) } else { self.id.to_string() };
        operation.insert("operationId".into(), id.into());
        operation.insert(
            "tags".into(),
            json!([if older { "Older paths" } else { self.tag.unwrap_or_else(|| self.tag_of_domains()) }]),
        );
        operation.insert("summary".into(), self.summary.into());
        operation.insert("description".into(), self.description.into());
        let parameters = self.parameters(family);
        if !parameters.is_empty() {
            operation.insert("parameters".into(), parameters.into());
        }
        if let Some(body) = &self.body {
            operation.insert("requestBody".into(), body.to_json(family));
        }
        if self.signed {
            operation.insert("security".into(), json!([]));
        }
        operation.insert("responses".into(), self.all_responses(family));
        operation.into()
    }

    fn tag_of_domains(&self) -> &'static str {
        match self.path {
            "/api/authorize" => "Sending",
            path if ["/api/reviews", "/api/accounts", "/api/card_checks"]
                .iter()
                .any(|at| path.starts_with(at)) =>
            {
                "Review"
            }
            path if path.ends_with("questionnaire") || path.ends_with("card_check") => "Review",
            path if path.is_empty() && self.id.contains("Webhook") => "Webhooks",
            path if path.contains("{webhook_id}") => "Webhooks",
            path if path.ends_with("company_info") => "Company info",
            path if ["/check", "/report", "/events"].iter().any(|end| path.ends_with(end)) => "Diagnosis",
            _ => "Domains",
        }
    }

    fn parameters(&self, family: Family) -> Vec<Value> {
        let mut parameters = vec![];
        if family == Family::Older {
            parameters.push(reference("parameters", "account_id"));
        }
        if self.path.contains("{domain_id}") {
            parameters.push(reference("parameters", "domain_id"));
        }
        if self.path.contains("{token_id}") {
            parameters.push(reference("parameters", "token_id"));
        }
        if self.path.contains("{webhook_id}") {
            parameters.push(reference("parameters", "webhook_id"));
        }
        if self.path.contains("{dns_access_id}") {
            parameters.push(reference("parameters", "dns_access_id"));
        }
        parameters.extend(self.query.iter().cloned());
        if self.method == "post" && !self.exempt {
            parameters.push(reference("parameters", "idempotency_key"));
        }
        parameters
    }

    fn all_responses(&self, family: Family) -> Value {
        let mut responses = self.responses.clone();
        let mut add = |status, response| responses.push((status, reference("responses", response)));
        if !self.signed {
            add(401, "Unauthorized");
            add(403, "Forbidden");
        }
        if family == Family::Older {
            add(404, "NotFound");
        }
        if !self.exempt {
            add(429, "TooManyRequests");
        }
        add(500, "InternalServerError");
        add(503, "ServiceUnavailable");
        match self.method {
            "get" if !self.streamed => add(304, "NotModified"),
            "get" | "delete" => {}
            _ => {
                add(408, "RequestTimeout");
                add(413, "PayloadTooLarge");
            }
        }
        if self.method == "post" {
            if !self.exempt {
                add(409, "Conflict");
            }
            add(422, "UnprocessableEntity");
        }
        responses.sort_by_key(|(status, _)| *status);
        responses.dedup_by_key(|(status, _)| *status);
        let responses = responses.into_iter().map(|(status, response)| (status.to_string(), response));
        Value::Object(responses.collect())
    }
}

impl Body {
    fn to_json(&self, family: Family) -> Value {
        let (wrapper, inner, example) = match self {
            Self::Domain(schema, example) => (Some(family.wrappers()[0]), schema, example),
            Self::Company(schema, example) => (Some("company_info"), schema, example),
            Self::Wrapped(wrapper, schema, example) => (Some(*wrapper), schema, example),
            Self::Plain(schema, example) | Self::Optional(schema, example) => (None, schema, example),
        };
        let (schema, example) = match wrapper {
            None => (inner.clone(), example.clone()),
            Some(wrapper) => (
                json!({"type": "object", "required": [wrapper], "properties": {wrapper: inner}}),
                json!({wrapper: example}),
            ),
        };
        json!({
            "required": !matches!(self, Self::Optional(..)),
            "content": {"application/json": {"schema": schema, "example": example}},
        })
    }
}

/// A reference to a component.
pub(super) fn reference(kind: &str, name: &str) -> Value {
    json!({"$ref": format!("#/components/{kind}/{name}")})
}
