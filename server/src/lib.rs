//! Signet, the sending-domain service: everything that touches the world.
//!
//! Dependencies point one way: the edges ([`http`], [`policy`], [`cli`], [`worker`]) know
//! [`ops`], the use cases; those know [`store`], [`notify`] and core. Edges
//! never import each other, but for [`cli`], which starts the others.

pub mod card_check;
pub mod cli;
pub mod clock;
pub mod config;
pub mod dkim;
pub mod dns_access;
pub mod domain_connect;
pub mod export;
pub mod fetch;
pub mod http;
pub mod keys;
pub mod mailer;
pub mod notify;
pub mod ops;
pub mod policy;
pub mod store;
pub mod telemetry;
pub mod worker;
pub mod zone;
