//! `signet keys import`.

use crate::{
    cli::{Outcome, domains, output, told, with_key},
    ops::Ops,
    store::DomainId,
};
use anyhow::Context as _;
use clap::Args;
use serde_json::json;
use std::{
    fs::File,
    io::{self, IsTerminal as _},
    os::fd::AsFd as _,
};
use zeroize::Zeroizing;

/// The longest input taken, in bytes.
const LONGEST: usize = 16 << 10;

#[derive(Debug, Args)]
pub(in crate::cli) struct ImportArgs {
    /// The domain's number
    domain: DomainId,
}

pub(super) async fn run(args: &ImportArgs, ops: &Ops, json: bool) -> anyhow::Result<Outcome> {
    let id = args.domain;
    let actor = domains::operator(ops, id).await?;
    let ops = with_key(ops).await?;
    let input = io::stdin();
    if input.is_terminal() {
        output::warning("paste the private key, then press Ctrl-D; or: signet keys import ID < key.pem");
    }
    // What `Stdin` reads, its buffer keeps.
    let pem = secret(File::from(input.as_fd().try_clone_to_owned()?))?;
    let (domain, key) = ops.import_key(&actor, id, pem).await.map_err(told)?;
    let selector = ops.selector_label(&domain, key.selector);
    if json {
        output::json(&json!({
            "domain_id": id.0, "key_id": key.id, "selector": selector,
            "algorithm": key.held.algorithm.as_str(), "stage": key.held.stage.as_str(),
        }))?;
    } else {
        output::line(&format!(
            "{} key {} stands on {selector} ({})",
            key.held.algorithm,
            key.id,
            key.held.stage.as_str()
        ))?;
    }
    Ok(Outcome::Good)
}

/// All that comes in, up to one octet more than is taken. Nothing of it is left in memory
/// when it goes.
fn secret(mut input: impl io::Read) -> anyhow::Result<Zeroizing<String>> {
    // All at once: what grows leaves copies behind.
    let mut octets = Zeroizing::new(vec![0; LONGEST + 1]);
    let mut length = 0;
    while length < octets.len() {
        match input.read(&mut octets[length..]) {
            Ok(0) => break,
            Ok(read) => length += read,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e.into()),
        }
    }
    let text = str::from_utf8(&octets[..length]).context("what came in is no text")?;
    let mut kept = Zeroizing::new(String::with_capacity(length));
    kept.push_str(text);
    Ok(kept)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read as _;

    #[test]
    fn what_comes_in_parts_is_read_whole_and_no_more_than_is_taken() {
        let parts = (&b"-----BEGIN"[..]).chain(&b" PRIVATE KEY-----"[..]);
        assert_eq!(secret(parts).unwrap().as_str(), "-----BEGIN PRIVATE KEY-----");
        assert_eq!(secret(io::repeat(b'a')).unwrap().len(), LONGEST + 1);
        assert!(secret(&[0xff][..]).is_err());
    }
}
