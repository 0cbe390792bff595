//! A server over a database of its own, without a socket, and requests to it.
//!
//! Every answer of every test is held against WIRE's headers, against the
//! contract, and against the document the server itself serves.

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{HeaderMap, Request},
};
use jsonschema::Validator;
use serde_json::{Value, json};
use signet::{
    clock::Clock,
    config::{Config, Sources},
    domain_connect::Discovery,
    http::{AppState, router},
    keys::KeyFile,
    ops::{Ops, accounts::TokenRequest},
    store::{self, Access, AccountId, DomainId, TokenId},
};
use signet_dns::ask::{Asker, Settings};
use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, LazyLock, Mutex},
};
use tower::ServiceExt as _;

/// The contract this API is compatible with.
pub(crate) static CONTRACT: LazyLock<Value> = LazyLock::new(|| {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../contract/domains.openapi.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
});

/// What the server says of itself.
pub(crate) static SERVED: LazyLock<Value> = LazyLock::new(signet::http::openapi);

/// A server with one account.
pub(crate) struct Api {
    pub(crate) router: Router,
    pub(crate) ops: Ops,
    pub(crate) account: AccountId,
    /// Of an account-wide admin.
    pub(crate) token: String,
    _directory: tempfile::TempDir,
}

impl Api {
    pub(crate) async fn start() -> Self {
        Self::with(&[]).await
    }

    /// With settings, as environment variables.
    pub(crate) async fn with(settings: &[(&str, &str)]) -> Self {
        Self::made(settings, None).await
    }

    /// One that asks DNS hosts what they offer.
    pub(crate) async fn discovering(discovery: Discovery) -> Self {
        Self::made(&[], Some(discovery)).await
    }

    async fn made(settings: &[(&str, &str)], discovery: Option<Discovery>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", directory.path().join("signet.db").display());
        let key = directory.path().join("signet.key").display().to_string();
        let mut all =
            vec![("SIGNET_DATABASE_URL".to_string(), url.clone()), ("SIGNET_KEY_FILE".to_string(), key)];
        all.extend(settings.iter().map(|(name, value)| ((*name).to_string(), (*value).to_string())));
        let config = Config::from_sources(&Sources::read(None, all, []).unwrap()).unwrap();
        let store = store::open(&url).await.unwrap();
        let clock = Clock::manual("2026-04-28T08:19:31.769123Z".parse().unwrap());
        let mut ops = Ops::new(store, Arc::new(config), clock);
        let key = KeyFile::open_or_make(&ops.config.key_file, &ops.random).unwrap();
        ops.key = Some(Arc::new(key));
        ops.discovery = discovery.map(Arc::new);
        // One that can ask nobody.
        let settings = Settings { sockets: 1, ..Settings::default() };
        ops.asker = Some(Asker::new(settings).await.unwrap());
        let router = router(AppState::new(ops.clone(), None));
        let mut api =
            Self { router, ops, account: AccountId(0), token: String::new(), _directory: directory };
        api.account = api.account("first").await;
        api.token = api.token(api.account, Access::Admin, &[]).await;
        api
    }

    /// Another account.
    pub(crate) async fn account(&self, name: &str) -> AccountId {
        self.ops.create_account(name, "owner@example.org").await.unwrap().id
    }

    /// Another token.
    pub(crate) async fn token(&self, account: AccountId, access: Access, domains: &[i64]) -> String {
        let domains: BTreeSet<_> = domains.iter().copied().map(DomainId).collect();
        let request = TokenRequest { account, name: "test".to_string(), access, domains, lifetime: None };
        self.ops.create_token(request).await.unwrap().1
    }

    /// The number of another token, of an account as a whole.
    pub(crate) async fn token_id(&self, account: AccountId, access: Access) -> TokenId {
        let (domains, lifetime) = (BTreeSet::new(), None);
        let request = TokenRequest { account, name: "another".to_string(), access, domains, lifetime };
        self.ops.create_token(request).await.unwrap().0.id
    }

    /// Registers a domain as the first account; its id.
    pub(crate) async fn domain(&self, name: &str) -> i64 {
        let body = json!({"domain": {"domain_name": name}});
        let reply = self.post("/api/domains").json(&body).send().await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        reply.json()["id"].as_i64().unwrap()
    }

    /// A request with the first account's token.
    pub(crate) fn call(&self, method: &str, path: &str) -> Call<'_> {
        let call = Call {
            api: self,
            method: method.to_string(),
            path: path.to_string(),
            headers: vec![],
            body: vec![],
        };
        call.header("api-token", &self.token)
    }

    pub(crate) fn get(&self, path: &str) -> Call<'_> {
        self.call("GET", path)
    }

    pub(crate) fn post(&self, path: &str) -> Call<'_> {
        self.call("POST", path)
    }

    pub(crate) fn delete(&self, path: &str) -> Call<'_> {
        self.call("DELETE", path)
    }

    pub(crate) fn patch(&self, path: &str) -> Call<'_> {
        self.call("PATCH", path)
    }
}

/// A request being put together.
#[derive(Clone)]
pub(crate) struct Call<'a> {
    api: &'a Api,
    method: String,
    path: String,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
}

impl Call<'_> {
    /// With a header in place of any of that name.
    pub(crate) fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.retain(|(other, _)| other != name);
        self.headers.push((name.to_string(), value.as_ref().to_vec()));
        self
    }

    pub(crate) fn without_token(mut self) -> Self {
        self.headers.retain(|(name, _)| name != "api-token");
        self
    }

    pub(crate) fn token(self, token: &str) -> Self {
        self.header("api-token", token)
    }

    pub(crate) fn json(self, body: &Value) -> Self {
        self.body(body.to_string())
    }

    pub(crate) fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    pub(crate) async fn send(self) -> Reply {
        let mut request = Request::builder().method(self.method.as_str()).uri(&self.path);
        for (name, value) in &self.headers {
            request = request.header(name, value.as_slice());
        }
        let request = request.body(Body::from(self.body)).unwrap();
        let response = self.api.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let text = String::from_utf8(to_bytes(body, usize::MAX).await.unwrap().to_vec()).unwrap();
        let reply = Reply { status: parts.status.as_u16(), headers: parts.headers, text };
        reply.has_the_headers_of_every_answer(&self.method);
        let path = self.path.split('?').next().unwrap();
        reply.keeps_to(&SERVED, &self.method, path, false);
        reply.keeps_to(&CONTRACT, &self.method, &as_current(path), true);
        reply
    }
}

/// The path as the contract writes it.
fn as_current(path: &str) -> String {
    let parts: Vec<&str> = path.splitn(6, '/').collect();
    match parts[..] {
        ["", "api", "accounts", _, "sending_domains"] => "/api/domains".to_string(),
        ["", "api", "accounts", _, "sending_domains", rest] => format!("/api/domains/{rest}"),
        _ => path.to_string(),
    }
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Reply {
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|e| panic!("{e}: {}", self.text))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The messages about one attribute of a 422.
    #[track_caller]
    pub(crate) fn errors(&self, attribute: &str) -> Vec<String> {
        assert_eq!(self.status, 422, "{}", self.text);
        let errors = self.json()["errors"][attribute].clone();
        serde_json::from_value(errors).unwrap_or_else(|_| panic!("nothing on {attribute}: {}", self.text))
    }

    /// The attributes of a 422.
    #[track_caller]
    pub(crate) fn wrong(&self) -> Vec<String> {
        assert_eq!(self.status, 422, "{}", self.text);
        self.json()["errors"].as_object().unwrap().keys().cloned().collect()
    }

    #[track_caller]
    pub(crate) fn is(&self, status: u16, body: &Value) {
        assert_eq!((self.status, &self.json()), (status, body));
    }

    fn has_the_headers_of_every_answer(&self, method: &str) {
        let bodiless = self.status == 204 || self.status == 304;
        let json = Some("application/json; charset=utf-8").filter(|_| !bodiless);
        if !self.is_lines() && !self.is_file() {
            assert_eq!(self.header("content-type"), json, "{self:?}");
        }
        assert_eq!(self.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(self.header("referrer-policy"), Some("strict-origin-when-cross-origin"));
        assert!(self.header("x-request-id").is_some_and(|id| !id.is_empty()));
        let cache = match self.status {
            200 | 304 => "max-age=0, private, must-revalidate",
            _ => "no-cache",
        };
        assert_eq!(self.header("cache-control"), Some(cache), "{self:?}");
        // Lines are sent as they are read: what they come to is not known before.
        let tagged =
            ["GET", "HEAD"].contains(&method) && [200, 304].contains(&self.status) && !self.is_lines();
        assert_eq!(self.header("etag").is_some_and(|tag| tag.starts_with("W/\"")), tagged, "{self:?}");
        assert_eq!(
            self.headers.contains_key("x-ratelimit-limit"),
            self.headers.contains_key("x-ratelimit-remaining")
        );
        if !self.is_lines() {
            assert_eq!(self.text.is_empty(), bodiless || method == "HEAD", "{self:?}");
        }
    }

    /// Whether it is for saving, and of a media type of its own.
    fn is_file(&self) -> bool {
        self.headers.contains_key("content-disposition")
    }

    /// Whether it is one document per line.
    fn is_lines(&self) -> bool {
        self.header("content-type") == Some("application/x-ndjson")
    }

    /// The documents of an answer in lines.
    #[track_caller]
    pub(crate) fn lines(&self) -> Vec<Value> {
        assert!(self.is_lines(), "{self:?}");
        self.text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Whether the document allows this answer. `strictly`: with no member
    /// that it does not name.
    fn keeps_to(&self, document: &Value, method: &str, path: &str, strictly: bool) {
        let method = method.to_lowercase();
        let Some((template, operation)) =
            operation(document, &method, path).filter(|_| !self.text.is_empty())
        else {
            return;
        };
        let response = resolved(document, &operation["responses"][self.status.to_string()]);
        let media_type = match self.header("content-type") {
            Some(given) if self.is_lines() || self.is_file() => given.split(';').next().unwrap(),
            _ => "application/json",
        };
        let schema = match &response["content"][media_type]["schema"] {
            // The contract does not list every status that any server has.
            Value::Null if strictly => return,
            Value::Null => panic!("{method} {path} answered an undocumented {}: {}", self.status, self.text),
            schema => schema,
        };
        let key = format!("{strictly} {method} {template} {} {media_type}", self.status);
        let validator = validator(key, document, schema, strictly);
        let documents = match self.is_lines() {
            true => self.lines(),
            false if self.is_file() => vec![self.text.as_str().into()],
            false => vec![self.json()],
        };
        for document in documents {
            let errors: Vec<_> =
                validator.iter_errors(&document).map(|e| format!("{}: {e}", e.instance_path())).collect();
            assert!(errors.is_empty(), "{method} {path} {}: {errors:#?}\n{document}", self.status);
        }
    }
}

/// What holds answers against a schema of a document. Making one takes longer
/// than most requests, so that each is kept.
fn validator(key: String, document: &Value, schema: &Value, strictly: bool) -> Arc<Validator> {
    static KEPT: LazyLock<Mutex<HashMap<String, Arc<Validator>>>> = LazyLock::new(Mutex::default);
    let make = || {
        let mut schema = json!({"allOf": [schema], "components": document["components"]});
        if strictly {
            close_objects(&mut schema);
        }
        Arc::new(jsonschema::validator_for(&schema).unwrap())
    };
    Arc::clone(KEPT.lock().unwrap().entry(key).or_insert_with(make))
}

/// The operation of a document that a request goes to, after its path as the
/// document writes it.
fn operation<'a>(document: &'a Value, method: &str, path: &str) -> Option<(&'a str, &'a Value)> {
    let paths = document["paths"].as_object().unwrap();
    let given: Vec<&str> = path.split('/').collect();
    let fits = |template: &str| {
        let wanted: Vec<&str> = template.split('/').collect();
        wanted.len() == given.len() && wanted.iter().zip(&given).all(|(w, g)| w == g || w.starts_with('{'))
    };
    let (template, item) = paths.iter().find(|(template, _)| fits(template))?;
    Some((template, item.get(method)?))
}

/// What a reference stands for.
pub(crate) fn resolved<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    match value["$ref"].as_str() {
        Some(reference) => resolved(document, document.pointer(&reference[1..]).unwrap()),
        None => value,
    }
}

/// Lets no object have members that are not named.
fn close_objects(schema: &mut Value) {
    if schema.get("properties").is_some_and(Value::is_object) && schema["type"] == "object" {
        schema["additionalProperties"] = json!(false);
    }
    match schema {
        Value::Object(map) => map.values_mut().for_each(close_objects),
        Value::Array(list) => list.iter_mut().for_each(close_objects),
        _ => {}
    }
}

/// A complete request for company information.
pub(crate) fn company() -> Value {
    json!({
        "name": "Example GmbH", "address": "Ring 1", "city": "Wien", "country": "Austria", "zip_code": "1010",
        "website_url": "https://example.com",
    })
}
