//! The served document holds everything the contract holds.

use crate::api::{Api, CONTRACT, SERVED, resolved};
use serde_json::Value;

/// Every difference that a client made from the contract would notice.
fn lacking(contract: &Value, served: &Value, at: &str, out: &mut Vec<String>) {
    let wanted = resolved(&CONTRACT, contract);
    let found = resolved(&SERVED, served);
    match (wanted, found) {
        (Value::Object(wanted), Value::Object(_)) => {
            for (key, value) in wanted {
                // Words are our own.
                if ["description", "title"].contains(&key.as_str()) && value.is_string() {
                    continue;
                }
                match found.get(key) {
                    Some(found) => lacking(value, found, &format!("{at}/{key}"), out),
                    None => out.push(format!("{at}/{key} is missing")),
                }
            }
        }
        (Value::Array(wanted), Value::Array(found)) => {
            let exact = at.ends_with("/enum") || at.ends_with("/type");
            for value in wanted {
                let there = found.iter().any(|other| {
                    let mut differences = vec![];
                    lacking(value, other, "", &mut differences);
                    differences.is_empty()
                });
                if !there {
                    out.push(format!("{at} lacks {value}"));
                }
            }
            if exact && wanted.len() != found.len() {
                out.push(format!("{at} has more than {wanted:?}"));
            }
        }
        (wanted, found) if wanted == found => {}
        (wanted, found) => out.push(format!("{at} is {found} instead of {wanted}")),
    }
}

#[test]
fn nothing_of_the_contract_is_lacking() {
    let mut out = vec![];
    lacking(&CONTRACT, &SERVED, "", &mut out);
    assert_eq!(out, Vec::<String>::new());
}

#[test]
fn components_keep_their_names() {
    for kind in ["securitySchemes", "responses", "schemas", "parameters"] {
        for name in CONTRACT["components"][kind].as_object().unwrap().keys() {
            assert!(SERVED["components"][kind].get(name).is_some(), "{kind}/{name}");
        }
    }
}

#[test]
fn requests_ask_for_no_more_than_the_contract() {
    for (path, item) in CONTRACT["paths"].as_object().unwrap() {
        for (method, wanted) in item.as_object().unwrap() {
            let pointer = "/requestBody/content/application~1json/schema";
            let (Some(wanted), found) =
                (wanted.pointer(pointer), SERVED["paths"][path][method].pointer(pointer))
            else {
                continue;
            };
            same_required(wanted, found.unwrap(), &format!("{method} {path}"));
        }
    }
}

fn same_required(wanted: &Value, found: &Value, at: &str) {
    let (wanted, found) = (resolved(&CONTRACT, wanted), resolved(&SERVED, found));
    assert_eq!(wanted.get("required"), found.get("required"), "{at}");
    for (name, wanted) in wanted["properties"].as_object().into_iter().flatten() {
        same_required(wanted, &found["properties"][name], &format!("{at}/{name}"));
    }
}

#[test]
fn everything_is_described() {
    let mut bare = vec![];
    undescribed(&SERVED["paths"], "paths", &mut bare);
    undescribed(&SERVED["components"], "components", &mut bare);
    assert_eq!(bare, Vec::<String>::new());
    for code in signet_core::verify::Code::of_reports() {
        let codes = &SERVED["components"]["schemas"]["ReportEntry"]["properties"]["code"];
        assert!(
            codes["description"].as_str().unwrap().contains(&format!("`{code}`: {}", code.meaning().trim()))
        );
        assert!(codes["enum"].as_array().unwrap().iter().any(|word| word == code.as_str()));
    }
}

/// Properties, parameters, operations and answers without a word on them.
fn undescribed(value: &Value, at: &str, bare: &mut Vec<String>) {
    let Value::Object(map) = value else {
        if let Value::Array(list) = value {
            list.iter().enumerate().for_each(|(n, value)| undescribed(value, &format!("{at}/{n}"), bare));
        }
        return;
    };
    let said = |value: &Value| {
        value.get("$ref").is_some() || value["description"].as_str().is_some_and(|words| words.len() > 3)
    };
    for (key, value) in map {
        let here = format!("{at}/{key}");
        // A wrapper says nothing of itself.
        let is_wrapper =
            ["domain", "sending_domain", "company_info", "webhook", "data"].contains(&key.as_str());
        let wants = match at.rsplit('/').next().unwrap() {
            "properties" | "headers" => {
                !(is_wrapper && value.get("enum").is_none() && value["type"] != "string")
            }
            "parameters" | "responses" => true,
            _ => value.get("operationId").is_some(),
        };
        if wants && value.is_object() && !said(value) {
            bare.push(here.clone());
        }
        if !["example", "examples"].contains(&key.as_str()) {
            undescribed(value, &here, bare);
        }
    }
}

#[test]
fn ids_are_not_used_twice() {
    let items = SERVED["paths"].as_object().unwrap().values();
    let operations = items.flat_map(|item| item.as_object().unwrap().values());
    let mut ids: Vec<_> = operations.map(|operation| operation["operationId"].as_str().unwrap()).collect();
    let all = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), all);
}

#[tokio::test]
async fn the_document_is_served_as_it_is() {
    let api = Api::start().await;
    let reply = api.get("/api/openapi.json").without_token().send().await;
    assert_eq!((reply.status, &reply.json()), (200, &*SERVED));
}

/// The examples of the document are right by its own schemas.
#[test]
fn examples_are_valid() {
    for (name, schema) in SERVED["components"]["schemas"].as_object().unwrap() {
        for (field, schema) in schema["properties"].as_object().unwrap() {
            for example in schema["examples"].as_array().into_iter().flatten() {
                assert!(jsonschema::is_valid(schema, example), "{name}.{field}: {example}");
            }
        }
    }
}
