//! Where the changing part of our zone comes from.

use async_trait::async_trait;
use signet_core::names::{Name, RecordId};

/// How many domains a source is asked for at one time.
pub(super) const BATCH: usize = 64;

/// The texts of a domain's two key records, by selector; `None` where there is
/// none.
pub type Keys = [Option<String>; 2];

/// The source could not say. What it was is for the source to log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the source of the zone's data failed")]
pub struct SourceFailed;

/// One domain, as far as our zone holds anything of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZoneDomainView {
    /// The id in its names.
    pub id: RecordId,
    /// Its two key records.
    pub keys: Keys,
    /// Its name, if it is a demo domain.
    pub demo: Option<Name>,
}

/// What became of the zone since a serial.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changes {
    /// The serial now. It never falls; its low 32 bits are the SOA's (RFC 1982).
    pub serial: i64,
    /// The ids of what was added, removed or became another since, perhaps more
    /// than once; `None` when it is too much to be told.
    pub ids: Option<Vec<RecordId>>,
}

/// Where the changing part of our zone comes from: the store.
///
/// A failure becomes SERVFAIL where nothing better is known, which no verifier
/// takes for a missing key.
#[async_trait]
pub trait ZoneSource: Send + Sync + 'static {
    /// Those of these domains, no more than 64, that there are, in any order.
    ///
    /// # Errors
    /// [`SourceFailed`].
    async fn domains(&self, ids: &[RecordId]) -> Result<Vec<ZoneDomainView>, SourceFailed>;

    /// The id of the demo domain with exactly this name, if there is one. It
    /// is asked about names one label below
    /// [`demo_zone`](signet_core::plan::Provider::demo_zone) only, and until all
    /// of them are known only.
    ///
    /// # Errors
    /// [`SourceFailed`].
    async fn demo(&self, name: &Name) -> Result<Option<RecordId>, SourceFailed>;

    /// The ids of all domains in their order, from after `after` on; fewer than
    /// `limit` are the last.
    ///
    /// # Errors
    /// [`SourceFailed`].
    async fn ids(&self, after: Option<&RecordId>, limit: u32) -> Result<Vec<RecordId>, SourceFailed>;

    /// All demo domains by their names, in the same way.
    ///
    /// # Errors
    /// [`SourceFailed`].
    async fn demos(&self, after: Option<&Name>, limit: u32) -> Result<Vec<(Name, RecordId)>, SourceFailed>;

    /// All domains by their ids, in the same way.
    ///
    /// # Errors
    /// [`SourceFailed`].
    async fn page(&self, after: Option<&RecordId>, limit: u32) -> Result<Vec<ZoneDomainView>, SourceFailed>;

    /// What has changed since the serial `since`; with `None` only where the
    /// zone is now.
    ///
    /// # Errors
    /// [`SourceFailed`].
    async fn changes(&self, since: Option<i64>) -> Result<Changes, SourceFailed>;
}
