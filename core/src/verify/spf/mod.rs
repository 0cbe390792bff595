//! SPF at the domain itself (RFC 7208).
//!
//! * [`Record`] — a record's text, term by term
//! * [`check_host`] — whether an address may send for a domain
//! * [`with_include`] — the owner's record with ours merged in; [`without_include`] — taken out again
//! * [`judge`](judge()) — the verdict

mod absent;
mod any;
mod ask;
mod effect;
mod eval;
mod judge;
mod library;
mod macros;
mod mend;
mod merge;
mod publish;
mod record;
mod result;
mod single;
#[cfg(test)]
mod tests;
mod works;

pub(crate) use any::AnySpf;
pub use ask::MAX_VOIDS;
pub(crate) use effect::CONTROLS;
pub use eval::{MAX_LOOKUPS, check_host};
pub use judge::judge;
pub(crate) use macros::reverse_name;
pub use macros::{MacroError, MacroString};
pub use merge::{with_include, without_include};
pub(crate) use publish::{Publishable, publishable};
pub use record::{Kind, Mechanism, Problem, Qualifier, Record, SyntaxError, Target, Term, after_version};
pub use result::{Cause, Evaluation, Query, SpfResult, Step, Trace};
