//! Keys to accounts' own zones.

use super::{
    Conn, Row, dialect,
    events::{self, Entry},
    lock, query,
    rows::{get, get_time},
    sealed,
};
use crate::store::{
    AccountId, Cause, DnsAccess, DnsAccessId, DomainId, EventKind, NewDnsAccess, NewEvent, Result,
    stored::{clean, corrupt, from_json, json},
};
use signet_core::{
    names::Name,
    publish::{Beside, Others},
};
use sqlx::Executor as _;

/// What [`access`] reads.
macro_rules! access_columns {
    () => {
        "id, account_id, zone, provider, settings, created_at, updated_at"
    };
}

/// Whether there is another registration beside the domain's: one of the account's
/// own, and a verified one of another account's.
macro_rules! beside {
    ($name:literal) => {
        concat!(
            "SELECT EXISTS (",
            beside!(),
            " AND r.account_id = d.account_id AND ",
            $name,
            ") AS own, \
             EXISTS (",
            beside!(),
            " AND r.account_id <> d.account_id AND r.dns_verified AND ",
            $name,
            ") AS elsewhere"
        )
    };
    () => {
        "SELECT 1 FROM domain d JOIN domain r ON r.id <> d.id WHERE d.id = $1 AND d.account_id = $2"
    };
}

/// Rows about writing into a zone that are gone back; each time makes two or three.
const ROWS: i64 = 500;

statements! {
    COUNT = "SELECT COUNT(*) AS accesses FROM dns_access WHERE account_id = $1 AND zone <> $2";
    GIVE = concat!(
        "INSERT INTO dns_access (account_id, zone, provider, settings, secret, created_at, updated_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $6) \
         ON CONFLICT (account_id, zone) DO UPDATE SET provider = excluded.provider, \
            settings = excluded.settings, secret = excluded.secret, updated_at = excluded.updated_at \
         RETURNING ",
        access_columns!()
    );
    OF_ACCOUNT = concat!("SELECT ", access_columns!(), " FROM dns_access WHERE account_id = $1 ORDER BY id");
    ONE = concat!("SELECT ", access_columns!(), " FROM dns_access WHERE id = $1 AND account_id = $2");
    TO_ZONE = concat!(
        "SELECT ", access_columns!(), ", secret FROM dns_access WHERE account_id = $1 AND zone = $2"
    );
    DELETE = concat!(
        "DELETE FROM dns_access WHERE id = $1 AND account_id = $2 RETURNING ", access_columns!()
    );
    WRITTEN = "SELECT kind, evidence FROM event WHERE account_id = $1 AND domain_id = $2 \
        AND kind IN ('dns.writing', 'dns.applied', 'dns.not_written') AND evidence IS NOT NULL \
        ORDER BY id DESC LIMIT $3";
    SAME = beside!("r.name = d.name");
    BELOW = beside!("r.name LIKE '%.' || d.name");
}

fn access(row: &Row) -> Result<DnsAccess> {
    let zone: String = get(row, "zone")?;
    Ok(DnsAccess {
        id: DnsAccessId(get(row, "id")?),
        account: AccountId(get(row, "account_id")?),
        zone: Name::parse(&zone).map_err(|_| corrupt("a zone", zone))?,
        provider: get(row, "provider")?,
        settings: from_json("a zone key's settings", get(row, "settings")?)?,
        created_at: get_time(row, "created_at")?,
        updated_at: get_time(row, "updated_at")?,
    })
}

async fn note(conn: &mut Conn, of: &DnsAccess, kind: EventKind, cause: &Cause) -> Result<()> {
    let reason = Some(of.provider.clone());
    let event = NewEvent { reason, to: Some(of.zone.to_string()), ..NewEvent::of(kind) };
    events::add_one(conn, cause, Entry::account(of.account, event)).await
}

/// See [`crate::store::DnsAccessStore::give_dns_access`].
pub(super) async fn give(
    conn: &mut Conn,
    new: &NewDnsAccess,
    limit: u32,
    cause: &Cause,
) -> Result<Option<DnsAccess>> {
    // One after the other, so that the count is still right when the row is there.
    lock(conn, dialect::LOCK_ACCOUNT, new.account.0).await?;
    let zone = new.zone.to_string();
    let counted = conn.fetch_one(query(COUNT).bind(new.account.0).bind(zone.clone())).await?;
    if get::<i64>(&counted, "accesses")? >= i64::from(limit) {
        return Ok(None);
    }
    sealed::must_seal(conn, &new.secret.under).await?;
    let give = query(GIVE).bind(new.account.0).bind(zone).bind(clean(&new.provider));
    let give = give.bind(clean(&json(&new.settings))).bind(new.secret.sealed.clone());
    let given = access(&conn.fetch_one(give.bind(cause.at.as_microsecond())).await?)?;
    note(conn, &given, EventKind::DnsAccessGiven, cause).await?;
    Ok(Some(given))
}

/// See [`crate::store::DnsAccessStore::dns_accesses`].
pub(super) async fn all(conn: &mut Conn, account: AccountId) -> Result<Vec<DnsAccess>> {
    conn.fetch_all(query(OF_ACCOUNT).bind(account.0)).await?.iter().map(access).collect()
}

/// See [`crate::store::DnsAccessStore::dns_access`].
pub(super) async fn one(conn: &mut Conn, account: AccountId, id: DnsAccessId) -> Result<Option<DnsAccess>> {
    let row = conn.fetch_optional(query(ONE).bind(id.0).bind(account.0)).await?;
    row.as_ref().map(access).transpose()
}

/// See [`crate::store::DnsAccessStore::dns_access_to`].
pub(super) async fn to_zone(
    conn: &mut Conn,
    account: AccountId,
    zone: &Name,
) -> Result<Option<(DnsAccess, Vec<u8>)>> {
    let row = conn.fetch_optional(query(TO_ZONE).bind(account.0).bind(zone.to_string())).await?;
    row.as_ref().map(|row| Ok((access(row)?, get(row, "secret")?))).transpose()
}

/// See [`crate::store::DnsAccessStore::delete_dns_access`].
pub(super) async fn delete(
    conn: &mut Conn,
    account: AccountId,
    id: DnsAccessId,
    cause: &Cause,
) -> Result<Option<DnsAccess>> {
    let Some(row) = conn.fetch_optional(query(DELETE).bind(id.0).bind(account.0)).await? else {
        return Ok(None);
    };
    let gone = access(&row)?;
    note(conn, &gone, EventKind::DnsAccessDeleted, cause).await?;
    Ok(Some(gone))
}

/// See [`crate::store::DnsAccessStore::note_written`].
pub(super) async fn note_written(
    conn: &mut Conn,
    account: AccountId,
    domain: DomainId,
    event: &NewEvent,
    cause: &Cause,
) -> Result<()> {
    events::add_one(conn, cause, Entry::domain(account, domain, event.clone())).await
}

/// See [`crate::store::DnsAccessStore::what_was_written`].
pub(super) async fn what_was_written(
    conn: &mut Conn,
    account: AccountId,
    domain: DomainId,
) -> Result<Vec<(EventKind, String)>> {
    let rows = conn.fetch_all(query(WRITTEN).bind(account.0).bind(domain.0).bind(ROWS)).await?;
    let kind = |word: String| EventKind::parse(&word).ok_or_else(|| corrupt("a kind of event", word));
    rows.iter().map(|row| Ok((kind(get(row, "kind")?)?, get(row, "evidence")?))).collect()
}

/// See [`crate::store::DnsAccessStore::registered_beside`].
pub(super) async fn registered_beside(
    conn: &mut Conn,
    account: AccountId,
    domain: DomainId,
) -> Result<Beside> {
    let mut beside = Beside::default();
    for (statement, others) in [(BELOW, Others::Below), (SAME, Others::Same)] {
        let row = conn.fetch_one(query(statement).bind(domain.0).bind(account.0)).await?;
        if get(&row, "own")? {
            beside.own = others;
        }
        if get(&row, "elsewhere")? {
            beside.elsewhere = others;
        }
    }
    Ok(beside)
}
