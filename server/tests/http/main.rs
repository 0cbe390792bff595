//! The HTTP edge, line by line of WIRE.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking, and so do what they are made of")]

#[path = "../support/api.rs"]
mod api;
#[path = "../support/waiting.rs"]
mod waiting;

mod api_tokens;
mod audit;
mod authorization;
mod authorize;
mod bodies;
mod card_check;
mod company;
mod contract;
mod dns_access;
mod domain_connect;
mod domains;
mod exports;
mod headers;
mod jwt;
mod keys;
mod mute;
mod observed;
mod once;
mod own_keys;
mod paging;
mod questionnaire;
mod questionnaire_page;
mod reviews;
mod tokens;
mod under_review;
mod webhooks;
