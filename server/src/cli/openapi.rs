//! `signet openapi`.

use super::{Outcome, output};
use clap::Args;

#[derive(Debug, Args)]
pub(super) struct OpenapiArgs {}

pub(super) fn run(_: &OpenapiArgs) -> anyhow::Result<Outcome> {
    output::json(&crate::http::openapi())?;
    Ok(Outcome::Good)
}
