//! TLS reporting (RFC 8460).

use super::{
    Finding, Subject,
    txt::{Optional, tags},
};
use crate::{
    names::Name,
    observe::{Need, Seen, printable},
    verify::{Code, Status, Verdict, dmarc::policy::report_domain},
};
use alloc::{format, string::String, vec::Vec};

const VERSION: &str = "v=TLSRPTv1";
/// Destinations read.
const URIS: usize = 16;

/// Judges the record.
pub(super) fn judge(domain: &Name, seen: &Seen) -> Result<Finding, Need> {
    let Some(owner) = domain.prepend("_smtp._tls") else {
        let reason = format!("{domain} is too long to have a TLS reporting record.");
        return Ok(Verdict::about(Subject::TlsRpt, Status::Unchecked, Code::Unchecked, reason));
    };
    let record = Optional {
        key: Subject::TlsRpt,
        owner,
        what: "TLS reporting",
        example: format!("{VERSION}; rua=mailto:tls-reports@{domain}"),
        code: Code::TlsRptSyntax,
        without: "Optional: it has senders report failures of encryption.",
    };
    record.judge(seen, VERSION, check)
}

/// RFC 8460 §3
fn check(text: &str) -> Result<String, String> {
    let tags = tags(text, VERSION).ok_or("it has a part that is no name=value")?;
    let rua = tags.iter().find(|(name, _)| *name == "rua").map(|(_, value)| *value);
    let uris: Vec<&str> = rua.ok_or("it has no rua=")?.split(',').map(str::trim).take(URIS).collect();
    for uri in &uris {
        let https = uri.get(..8).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https://"));
        if !(https && uri.len() > 8 || report_domain(uri).is_some()) {
            let shown = printable(uri.as_bytes());
            return Err(format!("{shown:?} is neither mailto: with an address nor https://"));
        }
    }
    Ok(format!("Reports about failed encryption go to {}.", printable(uris.join(", ").as_bytes())))
}
