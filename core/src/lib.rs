//! What Signet decides, and nothing of how it finds out.
//!
//! This crate does no I/O, reads no clock, draws no randomness and is not
//! async; being `no_std` makes that a compile error rather than a promise.
//! Time, random bytes and DNS answers come in as arguments, decisions go out
//! as values. Everything that touches the world is in `signet-dns` and
//! `signet` (the server).
//!
//! * [`names`] — DNS names and the names people may register
//! * [`plan`] — the records a domain must have; the only such list
//! * [`domain_connect`] — the same as a template, for DNS hosts that publish it themselves
//! * [`observe`] — everything a DNS question can come back with
//! * [`verify`] — expected and observed to a verdict with evidence
//! * [`publish`] — what has to change in a zone for the planned records to be in it
//! * [`handout`] — the planned records as their owner is given them to publish by hand
//! * [`audit`] — the mail DNS of any domain, judged
//! * [`doctor`] — our own side as the world sees it, judged
//! * [`lifecycle`] — gaining and losing `dns_verified`; who may send
//! * [`review`] — what the automatic review makes of a sender
//! * [`alert`] — who is told of something, and when; [`health`] — how a domain does
//! * [`authz`] — whether a message may go out
//! * [`rotation`] — the life of DKIM keys
//! * [`schedule`] — when to look again
//! * [`tracking`], [`company`] — what customers set
//! * [`questionnaire`] — what a review asks a sender

#![no_std]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod alert;
pub mod audit;
pub mod authz;
pub mod company;
pub mod doctor;
pub mod domain_connect;
pub mod email;
pub mod handout;
pub mod health;
pub mod lifecycle;
pub mod names;
pub mod observe;
pub mod plan;
pub mod publish;
pub mod questionnaire;
pub mod review;
pub mod rotation;
pub mod schedule;
pub mod tracking;
pub mod verify;
