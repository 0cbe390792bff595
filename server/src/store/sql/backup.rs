//! Every row of every table, as of one moment, into a [`dump`].

use super::{
    Conn, Row, dialect, query,
    rows::{get, get_time},
    schema,
};
use crate::store::{Result, dump};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use futures_util::TryStreamExt as _;
use serde_json::{Map, Value};
use sqlx::{AssertSqlSafe, Executor as _, SqlSafeStr as _, SqlStr};
use std::path::Path;

statements! {
    // Reads before anything else, since the snapshot begins with the first read.
    SNAPSHOT = "SELECT COUNT(*) AS accounts FROM account";
}

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Int,
    Bool,
    Text,
    /// In base64 in the file.
    Bytes,
}

/// A table as it is written and read back.
pub(super) struct Table {
    pub(super) name: &'static str,
    /// By what rows are ordered.
    order: &'static str,
    /// Whether it numbers its rows.
    pub(super) numbered: bool,
    pub(super) columns: &'static [(&'static str, Kind)],
}

macro_rules! tables {
    ($($name:ident by $order:literal $(numbered $numbered:literal)? { $($column:ident $kind:ident,)+ })+) => {
        /// Every table, those that others refer to first. What a table computes
        /// (`claim_at`, `dns_verified`) is left out, and so is what restoring settles
        /// (`restored`) and who looks at what just now: nobody does after a restore.
        pub(super) const TABLES: &[Table] = &[$(Table {
            name: stringify!($name),
            order: $order,
            numbered: false $(|| $numbered)?,
            columns: &[$((stringify!($column), Kind::$kind)),+],
        }),+];
    };
}

tables! {
    meta by "name" { name Text, value Text, }
    account by "id" numbered true {
        id Int, name Text, owner_email Text, suspension Text, version Int, company Text, company_complete Bool,
        created_at Int, health_due_at Int, health_told Text,
    }
    token by "id" numbered true {
        id Int, account_id Int, name Text, hash Bytes, last4 Text, access Text, domains Text,
        created_by Text, created_at Int, expires_at Int, revoked_at Int, last_used_at Int,
        replaced_by Int, told_days_ahead Int,
    }
    domain by "id" numbered true {
        id Int, account_id Int, name Text, record_id Text, demo Bool, demo_messages_left Int, keyed Bool,
        created_at Int, track_open Bool, track_click Bool, unsubscribe_link Bool, custom_domain Bool,
        health_alerts Bool, critical_alerts Bool, alert_recipient Text, suspension Text, decision Text,
        approved_before Bool, review Text, review_due_at Int, review_version Int, questionnaire Text,
        card Text, reminded_deadline Int, informed Text,
        dns_state Text, dns_at Int, dns_since Int, dns_deadline Int, dns_unaligned_since Int,
        records Text, present_spf Text, present_dmarc Text, zone Text, active_selector Int, dkim_raw Bool,
        dkim_text1 Text, dkim_text2 Text,
    }
    look by "domain_id" {
        domain_id Int, account_id Int, due_at Int, version Int, checked_at Int, sent_at Int, digest Int, failures Int,
        suspicions Int, check_wanted Int, check_done Int,
    }
    retired_record_id by "record_id" {
        record_id Text, account_id Int, domain_id Int, name Text, retired_at Int,
    }
    report by "domain_id" { domain_id Int, body Text, }
    dkim_key by "domain_id, selector" {
        domain_id Int, selector Int, account_id Int, key_id Text, algorithm Text, origin Text, public Bytes,
        kek Int, wrapped Bytes, sealed Bytes, stage Text, since Int, clear_at Int, seen_at Int,
        old_for Int, created_at Int,
    }
    compromised_key by "spki_sha256" { spki_sha256 Bytes, at Int, }
    rotation by "domain_id" {
        domain_id Int, account_id Int, version Int, due_at Int, lease_until Int, wanted Text, failures Int,
        stuck_since Int, stuck Text, told_at Int,
    }
    zone_change by "id" numbered true { id Int, record_id Text, serial Int, at Int, }
    event by "id" numbered true {
        id Int, at Int, account_id Int, domain_id Int, domain_name Text, kind Text, actor Text,
        origin Text, reason Text, from_value Text, to_value Text, record Text, evidence Text,
    }
    outbox by "id" numbered true {
        id Int, account_id Int, domain_id Int, message Text, queued_at Int, due_at Int, lease_until Int,
        attempts Int, last_error Text, sent_at Int,
    }
    notice by "id" numbered true {
        id Int, account_id Int, domain_id Int, kind Text, cause Text, body Text, at Int, due_at Int,
        told_at Int,
    }
    webhook by "id" numbered true {
        id Int, account_id Int, url Text, description Text, events Text, enabled Bool, enabled_at Int,
        disabled_reason Text, secret Bytes, old_secret Bytes, old_secret_until Int, failing_since Int, retry_at Int,
        created_at Int, updated_at Int,
    }
    dns_access by "id" numbered true {
        id Int, account_id Int, zone Text, provider Text, settings Text, secret Bytes, created_at Int,
        updated_at Int,
    }
    delivery by "id" numbered true {
        id Int, webhook_id Int, event_id Int, account_id Int, lane Int, created_at Int, queued_at Int,
        state Text, attempts Int, tried_at Int, last_status Int, last_error Text, finished_at Int,
    }
    delivery_line by "webhook_id, lane" { webhook_id Int, lane Int, due_at Int, lease_until Int, }
    questionnaire by "domain_id" {
        domain_id Int, account_id Int, asked_at Int, answered_at Int, answered_by Text, answers Text,
    }
    card_check by "domain_id" {
        domain_id Int, account_id Int, reference Text, asked_at Int, state Text, resolved_at Int,
        detail Text,
    }
    instruction by "id" numbered true { id Int, account_id Int, recipient Text, queued_at Int, }
    idempotency by "owner, method, path, idem_key" {
        owner Text, method Text, path Text, idem_key Text, body_hash Text, reserved_at Int, status Int,
        body Text,
    }
    counted_message by "domain_id, instance" { domain_id Int, instance Text, counted_at Int, }
}

impl Table {
    fn column_list(&self) -> String {
        self.columns.iter().map(|(column, _)| *column).collect::<Vec<_>>().join(", ")
    }

    fn select(&self) -> SqlStr {
        let sql = format!("SELECT {} FROM {} ORDER BY {}", self.column_list(), self.name, self.order);
        AssertSqlSafe(sql).into_sql_str()
    }

    /// For restoring.
    pub(super) fn insert(&self) -> SqlStr {
        let values: Vec<String> = (1..=self.columns.len()).map(|n| format!("${n}")).collect();
        let sql =
            format!("INSERT INTO {} ({}) VALUES ({})", self.name, self.column_list(), values.join(", "));
        AssertSqlSafe(sql).into_sql_str()
    }
}

/// The statements made from [`TABLES`].
pub(super) fn table_statements() -> impl Iterator<Item = (&'static str, SqlStr)> {
    TABLES.iter().flat_map(|table| [(table.name, table.select()), (table.name, table.insert())])
}

/// See [`crate::store::Store::now`].
pub(super) async fn now(conn: &mut Conn) -> Result<jiff::Timestamp> {
    get_time(&conn.fetch_one(query(dialect::NOW)).await?, "now")
}

/// See [`crate::store::Store::backup`]; `conn` is in a transaction that sees
/// one moment.
pub(super) async fn write(conn: &mut Conn, file: &Path) -> Result<()> {
    conn.fetch_one(query(SNAPSHOT)).await?;
    let now: i64 = get(&conn.fetch_one(query(dialect::NOW)).await?, "now")?;
    let mut writer = dump::Writer::create(file, schema(), now).await?;
    for table in TABLES {
        let mut rows = conn.fetch(sqlx::query(table.select()));
        while let Some(row) = rows.try_next().await? {
            writer.row(table.name, columns(table, &row)?).await?;
        }
    }
    // PostgreSQL's sequences are outside the snapshot: read last, they are no
    // lower than what the rows have.
    for table in TABLES.iter().filter(|table| table.numbered) {
        let row = conn.fetch_one(query(dialect::SEQUENCE).bind(table.name)).await?;
        writer.sequence(table.name, get(&row, "last")?).await?;
    }
    writer.finish().await
}

fn columns(table: &Table, row: &Row) -> Result<Map<String, Value>> {
    table
        .columns
        .iter()
        .map(|&(column, kind)| {
            let value = match kind {
                Kind::Int => get::<Option<i64>>(row, column)?.map(Value::from),
                Kind::Bool => get::<Option<bool>>(row, column)?.map(Value::from),
                Kind::Text => get::<Option<String>>(row, column)?.map(Value::from),
                Kind::Bytes => {
                    get::<Option<Vec<u8>>>(row, column)?.map(|bytes| Value::from(STANDARD.encode(bytes)))
                }
            };
            Ok((column.to_string(), value.unwrap_or(Value::Null)))
        })
        .collect()
}
