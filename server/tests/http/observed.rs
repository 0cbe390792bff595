//! What the log and the metrics say of requests, and what they never say.

use crate::api::Api;
use serde_json::json;
use std::{
    io::{self, Write},
    sync::{Arc, Mutex},
};

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn one_line_and_one_count_per_request_and_no_secrets() {
    let lines = Lines::default();
    let writer = lines.clone();
    tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).init();
    let metrics = metrics_exporter_prometheus::PrometheusBuilder::new().install_recorder().unwrap();

    let api = Api::start().await;
    let id = api.domain("example.com").await;
    let path = format!("/api/domains/{id}?api_token={}&secret=s3cret", api.token);
    let bearer = format!("Bearer {}", api.token);
    api.get(&path)
        .header("x-request-id", "found-1")
        .header("authorization", &bearer)
        .json(&json!({"secret": "s3cret"}))
        .send()
        .await;
    api.get("/s3cret").token("s3cret").header("x-request-id", "found-2").send().await;
    api.call("BREW", "/api/domains").header("x-request-id", "found-3").send().await;

    let log = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    let line = |id: &str| {
        let found: Vec<_> = log.lines().filter(|line| line.contains(id)).collect();
        assert_eq!(found.len(), 1, "{found:?}");
        found[0].to_string()
    };
    let first = line("found-1");
    for part in ["method=GET", "/api/domains/{domain_id}", "status=200", "latency_us=", "account=1"] {
        assert!(first.contains(part), "{part} in {first}");
    }
    assert!(line("found-2").contains("unmatched"));
    for secret in [api.token.as_str(), "s3cret"] {
        assert!(!log.contains(secret));
    }

    let page = metrics.render();
    for wanted in [
        r#"http_requests_total{method="GET",route="/api/domains/{domain_id}",status="200"}"#,
        r#"http_requests_total{method="OTHER",route="/api/domains",status="405"}"#,
        r#"route="unmatched",status="404"}"#,
        r#"http_request_duration_seconds_count{method="GET",route="/api/domains/{domain_id}"}"#,
    ] {
        assert!(page.contains(wanted), "{wanted} in {page}");
    }
    assert!(!page.contains("BREW") && !page.contains("s3cret"));
}
