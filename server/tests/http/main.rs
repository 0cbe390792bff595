//! The HTTP edge, line by line of WIRE.

#[path = "../support/api.rs"]
mod api;

mod authorization;
mod bodies;
mod company;
mod contract;
mod domains;
mod headers;
mod once;
mod paging;
mod tokens;
