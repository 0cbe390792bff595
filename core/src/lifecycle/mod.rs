//! Gaining and losing `dns_verified`, and who may send.
//!
//! [`dns`] is the state machine of a domain's verification: what one look at
//! DNS may and may not change; [`past`] what time makes of looks that prove
//! nothing by themselves; [`freeze`] the brake on mass demotions. [`compliance`] derives from all facts about a
//! domain and its account the one word that says whether it may send.

pub mod compliance;
pub mod dns;
pub mod freeze;
pub mod past;

pub use compliance::{Asked, ComplianceStatus, Decision, Facts, Suspension};
pub use dns::{Change, DnsState, Gate, Rules, Wrong};
pub use past::Past;
