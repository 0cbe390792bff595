//! The page for whoever has been sent the questionnaire's link.

use crate::{
    api::{Api, company},
    under_review::{self, answers, concluded},
};
use axum::{
    body::{Body, to_bytes},
    http::{HeaderMap, Request},
};
use serde_json::{Value, json};
use signet::{
    ops::links::Link,
    store::{Conclusion, DomainId},
};
use tower::ServiceExt as _;

const ASK: Conclusion = Conclusion::Ask { questionnaire: true, card: None };

struct Page {
    status: u16,
    headers: HeaderMap,
    html: String,
}

impl Page {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

async fn load(api: &Api, method: &str, path: &str, form: &str) -> Page {
    let request = Request::builder().method(method).uri(path);
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    let request = request.body(Body::from(form.to_string())).unwrap();
    let response = api.router.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let html = String::from_utf8(to_bytes(body, usize::MAX).await.unwrap().to_vec()).unwrap();
    let page = Page { status: parts.status.as_u16(), headers: parts.headers, html };
    assert_eq!(
        page.header("content-security-policy"),
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    );
    assert_eq!(page.header("referrer-policy"), "no-referrer");
    assert_eq!(page.header("cache-control"), "no-store");
    assert_eq!(page.header("x-content-type-options"), "nosniff");
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    assert!(!page.html.contains("<script"), "{}", page.html);
    page
}

fn link(api: &Api, id: i64) -> String {
    let url = api.ops.link_url(Link::Questionnaire(DomainId(id))).unwrap();
    url.strip_prefix(&api.ops.config.http.public_url).unwrap().to_string()
}

/// The answers as a browser sends them.
fn form(answers: &Value) -> String {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    for (id, value) in answers.as_object().unwrap() {
        let text = match value {
            Value::Bool(yes) => if *yes { "yes" } else { "no" }.to_string(),
            Value::String(text) => text.replace('\n', "\r\n"),
            other => other.to_string(),
        };
        form.append_pair(id, &text);
    }
    form.finish()
}

#[tokio::test]
async fn from_the_link_to_the_thanks() {
    let api = Api::start().await;
    let id = under_review::domain(&api, "example.com").await;
    let path = link(&api, id);
    let page = load(&api, "GET", &path, "").await;
    assert_eq!(page.status, 200);
    assert!(page.html.contains("Nothing is asked about example.com now"), "{}", page.html);

    concluded(&api, id, ASK, "It is new.").await;
    let page = load(&api, "GET", &path, "").await;
    assert_eq!(page.status, 200);
    for part in [
        "<html lang=\"en\">",
        "What do you send?",
        "on behalf of Example GmbH",
        "method=\"post\"",
        "(required)",
        "(optional)",
    ] {
        assert!(page.html.contains(part), "{part}");
    }
    assert!(!page.html.contains("role=\"alert\""));

    let sent = load(&api, "POST", &path, &form(&answers())).await;
    assert_eq!((sent.status, sent.header("location")), (303, path.as_str()));
    let page = load(&api, "GET", &path, "").await;
    assert!(page.html.contains("Thank you: the questions about example.com are answered"));
    let again = load(&api, "POST", &path, &form(&answers())).await;
    assert!(again.html.contains("are answered"));

    let data = api.get(&format!("/api/domains/{id}/questionnaire")).send().await.json()["data"].clone();
    assert_eq!((&data["answers"], &data["answered_by"]), (&answers(), &json!("link")));
    let rows = api.get(&format!("/api/domains/{id}/events")).send().await.json();
    assert_eq!(
        (&rows["data"][1]["type"], &rows["data"][1]["actor"]),
        (&json!("questionnaire.answered"), &json!("link"))
    );
}

#[tokio::test]
async fn what_is_wrong_stands_beside_it() {
    let api = Api::start().await;
    let id = under_review::domain(&api, "example.com").await;
    concluded(&api, id, ASK, "It is new.").await;
    let path = link(&api, id);
    let mut some = answers();
    some["monthly_volume"] = json!("many");
    some["address_source"] = json!("");
    some["previous_provider"] = json!("\"><b>hello</b>");
    let page = load(&api, "POST", &path, &form(&some)).await;
    assert_eq!(page.status, 422);
    for part in [
        "role=\"alert\"",
        "2 answers need another look",
        "<a href=\"#monthly_volume\">",
        "Must be a whole number from 1 to 1000000000, in digits.",
        "id=\"monthly_volume-error\"",
        "aria-describedby=\"monthly_volume-hint monthly_volume-error\"",
        "aria-invalid=\"true\"",
        "value=\"many\"",
        "Choose one of these.",
        "Receipts\r\nand news</textarea>",
        "<title>Not yet sent: Questions about example.com</title>",
    ] {
        assert!(page.html.contains(part), "{part}: {}", page.html);
    }
    assert!(page.html.contains("value=\"yes\" id=\"marketing\" required checked"), "{}", page.html);
    assert!(!page.html.contains("<b>hello"), "what was entered is text");
    let empty = load(&api, "POST", &path, "").await;
    assert!(empty.html.contains("8 answers need") && empty.html.contains("This needs an answer."));
    for hostile in ["%", "%ff%fe=%00", "content=%00%00", "&&&===", "content=a&content=b"] {
        assert_eq!(load(&api, "POST", &path, hostile).await.status, 422, "{hostile}");
    }
    let huge = format!("content={}", "x".repeat(300_000));
    assert_eq!(load(&api, "POST", &path, &huge).await.status, 413);
    assert_eq!(
        api.get(&format!("/api/domains/{id}/questionnaire")).send().await.json()["data"]["status"],
        "open"
    );
}

#[tokio::test]
async fn text_of_others_is_text() {
    let api = Api::start().await;
    let id = api.domain("example.com").await;
    let mut company = company();
    company["name"] = json!("</p><script>alert('1')</script><img src=x onerror=alert(1)> & Sons");
    let path = format!("/api/domains/{id}/company_info");
    assert_eq!(api.post(&path).json(&json!({"company_info": company})).send().await.status, 200);
    under_review::verified(&api, id).await;
    concluded(&api, id, ASK, "It is new.").await;
    let page = load(&api, "GET", &link(&api, id), "").await;
    assert!(page.html.contains("&#60;script&#62;") && page.html.contains("&#38; Sons"), "{}", page.html);
    assert!(!page.html.contains("<img"));
}

#[tokio::test]
async fn other_links_lead_nowhere() {
    let api = Api::start().await;
    let id = under_review::domain(&api, "example.com").await;
    concluded(&api, id, ASK, "It is new.").await;
    let path = link(&api, id);
    let mut forged = path.clone();
    let last = forged.pop().unwrap();
    forged.push(if last == 'A' { 'B' } else { 'A' });
    let mute = api.ops.link_url(Link::Mute(DomainId(id))).unwrap();
    let mute = format!("/questionnaire/{}", mute.rsplit('/').next().unwrap());
    let hostile =
        ["/questionnaire/x", "/questionnaire/%3Cscript%3E", "/questionnaire/%ff", "/questionnaire/..%2f"];
    for path in [forged.as_str(), &mute].into_iter().chain(hostile) {
        for method in ["GET", "POST"] {
            let page = load(&api, method, path, &form(&answers())).await;
            assert_eq!(page.status, 404, "{method} {path}");
            assert!(page.html.contains("There is nothing here"));
        }
    }
    // Of a domain that is gone, too.
    assert_eq!(api.call("DELETE", &format!("/api/domains/{id}")).send().await.status, 204);
    assert_eq!(load(&api, "GET", &path, "").await.status, 404);
}
