//! A client of our own API, as anybody's would be.

use anyhow::{Context as _, bail};
use serde_json::Value;
use std::time::Duration;

/// Talks to the demo's server.
pub(super) struct Client {
    http: reqwest::Client,
    url: String,
    token: String,
}

impl Client {
    pub(super) fn new(url: &str, token: &str) -> anyhow::Result<Self> {
        #[expect(clippy::disallowed_methods, reason = "the demo is its own client, on loopback")]
        let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(60)).build()?;
        Ok(Self { http, url: url.to_string(), token: token.to_string() })
    }

    pub(super) async fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.answer(self.http.get(format!("{}{path}", self.url))).await
    }

    pub(super) async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        self.answer(self.http.post(format!("{}{path}", self.url)).json(body)).await
    }

    async fn answer(&self, request: reqwest::RequestBuilder) -> anyhow::Result<Value> {
        let answer =
            request.header("Api-Token", &self.token).send().await.context("the demo's own server")?;
        let status = answer.status();
        let body = answer.text().await?;
        if !status.is_success() {
            bail!("the server answered {status}: {body}");
        }
        Ok(serde_json::from_str(&body)?)
    }
}
