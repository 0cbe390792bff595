//! `limit`, `after`, `before`, `wait`.

use crate::api::Api;
use serde_json::json;

#[tokio::test]
async fn the_link_leads_through_all_pages_of_either_family() {
    let api = Api::start().await;
    let all: Vec<i64> = {
        for n in 0..4 {
            api.domain(&format!("n{n}.example.com")).await;
        }
        let list = api.get("/api/domains").send().await;
        assert_eq!(list.header("link"), None, "unpaginated unless asked");
        ids(&list.json())
    };
    assert_eq!(all.len(), 5, "with the demo domain");
    for base in ["/api/domains".to_string(), format!("/api/accounts/{}/sending_domains", api.account)] {
        for limit in [1, 2, 4, 5, 6, 1000] {
            let mut path = format!("{base}?limit={limit}");
            let mut seen = vec![];
            for _ in 0..10 {
                let reply = api.get(&path).send().await;
                let page = ids(&reply.json());
                assert!(page.len() <= limit);
                seen.extend(page);
                let Some(link) = reply.header("link") else { break };
                let next = link.strip_prefix('<').unwrap().strip_suffix(">; rel=\"next\"").unwrap();
                assert!(next.starts_with(&format!("{base}?")), "{next}");
                path = next.to_string();
            }
            assert_eq!(seen, all, "limit {limit}");
        }
        let after = format!("{base}?after={}", all[2]);
        assert_eq!(ids(&api.get(&after).send().await.json()), all[3..]);
        let end = format!("{base}?limit=1&after={}", i64::MAX);
        assert_eq!(api.get(&end).send().await.json(), json!({"data": []}));
    }
}

fn ids(list: &serde_json::Value) -> Vec<i64> {
    list["data"].as_array().unwrap().iter().map(|domain| domain["id"].as_i64().unwrap()).collect()
}

#[tokio::test]
async fn history_in_pages() {
    let api = Api::start().await;
    let id = api.domain("example.com").await;
    let path = format!("/api/domains/{id}");
    for on in [false, true, false, true] {
        let body = json!({"domain": {"open_tracking_enabled": on}});
        assert_eq!(api.patch(&path).json(&body).send().await.status, 200);
    }
    let all = ids(&api.get(&format!("{path}/events")).send().await.json());
    assert!(all.len() >= 5 && all.is_sorted_by(|a, b| a > b), "newest first: {all:?}");
    let mut seen = ids(&api.get(&format!("{path}/events?limit=2")).send().await.json());
    while let Some(last) = seen.last() {
        let page = ids(&api.get(&format!("{path}/events?limit=2&before={last}")).send().await.json());
        if page.is_empty() {
            break;
        }
        seen.extend(page);
    }
    assert_eq!(seen, all);
}

#[tokio::test]
async fn parameters_out_of_range_are_named() {
    let api = Api::with(&[("SIGNET_RATE_LIMIT", "0")]).await;
    let id = api.domain("example.com").await;
    let events = format!("/api/domains/{id}/events");
    let check = format!("/api/domains/{id}/check");
    let never = ["", "-1", "a", "1.5", "+1", "%201", "1%00", "0x1", "99999999999999999999", "%ff", "true"];
    for (method, path, name, also) in [
        ("GET", "/api/domains", "limit", ["0", "1001"]),
        ("GET", "/api/domains", "after", ["", "-0"]),
        ("GET", &events, "limit", ["0", "101"]),
        ("GET", &events, "before", ["0", "-5"]),
        ("POST", &check, "wait", ["61", "600"]),
    ] {
        for value in never.into_iter().chain(also) {
            let reply = api.call(method, &format!("{path}?{name}={value}")).send().await;
            assert_eq!(reply.wrong(), [name], "{path} {value}");
        }
    }
    let both = api.get("/api/domains?limit=0&after=x&other=1").send().await;
    assert_eq!(both.wrong(), ["after", "limit"]);
    assert_eq!(api.get("/api/domains?unknown=x&&=&%").send().await.status, 200);
}
