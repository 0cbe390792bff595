//! `signet keys sign`.

use crate::{
    cli::{Outcome, output, told},
    ops::{Actor, Ops, signing::Signed},
    store::DomainId,
};
use anyhow::anyhow;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use clap::Args;
use serde_json::{Value, json};
use signet_core::names::Name;
use std::{
    io::{Read as _, Write as _},
    sync::Arc,
};

/// One octet more than is signed, so that what is longer is told.
const LONGEST: u64 = crate::dkim::LONGEST as u64 + 1;

#[derive(Debug, Args)]
pub(in crate::cli) struct SignArgs {
    /// The domain's number
    #[arg(value_name = "DOMAIN-ID")]
    domain: DomainId,
}

pub(in crate::cli) async fn run(args: &SignArgs, ops: &Ops, json: bool) -> anyhow::Result<Outcome> {
    let domain = ops.store.domain_for_operator(args.domain).await?;
    let domain = domain.ok_or_else(|| anyhow!("there is no domain with the number {}", args.domain))?;
    let ops = Ops { key: Some(Arc::new(ops.key_file().await?)), ..ops.clone() };
    let mut message = Vec::new();
    std::io::stdin().lock().take(LONGEST).read_to_end(&mut message)?;
    let signed = ops.sign(&Actor::operator(domain.account), domain.id, &message).await.map_err(told)?;
    if json {
        let selectors = signed.selectors.iter().map(|selector| ops.selector(&domain, *selector)).collect();
        output::json(&document(domain.name.name(), selectors, &signed))?;
        return Ok(Outcome::Good);
    }
    let mut out = std::io::stdout().lock();
    out.write_all(&signed.message)?;
    out.flush()?;
    Ok(Outcome::Good)
}

/// A message can have any octets in it, which JSON cannot.
fn document(domain: &Name, selectors: Vec<String>, signed: &Signed) -> Value {
    json!({
        "domain": domain.as_str(),
        "selectors": selectors,
        "fields": signed.fields,
        "message_base64": STANDARD.encode(&signed.message),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_of_any_octets_is_a_document() {
        let fields = "DKIM-Signature: v=1; a=rsa-sha256\r\n".to_string();
        let message = [fields.as_bytes(), b"From: jo@example.com\r\n\r\n\xff\xfe"].concat();
        let signed = Signed { fields, message, selectors: Vec::new() };
        let name = Name::parse("example.com").unwrap();
        let shown = document(&name, vec!["sg1-abcdefghijklmnop".to_string()], &signed);
        let back = STANDARD.decode(shown["message_base64"].as_str().unwrap()).unwrap();
        assert_eq!(back, signed.message);
        assert_eq!(
            [&shown["domain"], &shown["selectors"][0], &shown["fields"]],
            [&json!("example.com"), &json!("sg1-abcdefghijklmnop"), &json!(signed.fields)]
        );
    }
}
