//! What a domain's compliance is judged by, without the rest of it: read inside
//! the transaction that changes any of it.

use super::{Conn, Row, query, rows};
use crate::store::{AccountId, DomainId, Result, stored};
use signet_core::lifecycle::{ComplianceStatus, DnsState, Facts, Suspension, compliance};
use sqlx::Executor as _;

macro_rules! select_standings {
    ($rest:expr) => {
        concat!(
            "SELECT d.id, d.account_id, d.name, d.demo, d.demo_messages_left, \
             d.suspension, d.decision, d.questionnaire, d.card, d.dns_state, d.dns_at, d.dns_since, d.dns_deadline, \
             d.dns_unaligned_since, a.suspension AS account_suspension, a.company_complete \
             FROM domain d JOIN account a ON a.id = d.account_id ",
            $rest
        )
    };
}

statements! {
    STANDINGS = select_standings!(concat!("WHERE d.id IN ", ids!("1")));
    STANDINGS_OF_ACCOUNT = select_standings!("WHERE d.account_id = $1 ORDER BY d.id");
}

/// A column that holds a suspension or none.
pub(super) fn suspended(row: &Row, column: &str) -> Result<Option<Suspension>> {
    rows::get::<Option<&str>>(row, column)?.map(stored::suspension).transpose()
}

/// See the module.
pub(super) struct Standing {
    pub(super) id: DomainId,
    pub(super) account: AccountId,
    pub(super) name: String,
    pub(super) dns: DnsState,
    pub(super) suspension: Option<Suspension>,
    pub(super) facts: Facts,
}

impl Standing {
    fn from_row(row: &Row) -> Result<Self> {
        let suspension = suspended(row, "suspension")?;
        let account_suspension = suspended(row, "account_suspension")?;
        let dns = rows::dns_state(row)?;
        Ok(Self {
            id: DomainId(rows::get(row, "id")?),
            account: AccountId(rows::get(row, "account_id")?),
            name: rows::get(row, "name")?,
            dns,
            suspension,
            facts: Facts {
                suspension: suspension.max(account_suspension),
                demo: rows::get(row, "demo")?,
                demo_messages_left: rows::get_u32(row, "demo_messages_left")?,
                dns_verified: dns.is_verified(),
                company_complete: rows::get(row, "company_complete")?,
                decision: rows::get::<Option<&str>>(row, "decision")?.map(stored::decision).transpose()?,
                questionnaire: stored::asked(rows::get(row, "questionnaire")?)?,
                card: stored::asked(rows::get(row, "card")?)?,
            },
        })
    }

    /// What follows from the facts as read.
    pub(super) fn compliance(&self) -> ComplianceStatus {
        compliance::status(&self.facts)
    }
}

/// Those of the domains in a JSON list that there are.
pub(super) async fn of(conn: &mut Conn, ids: &str) -> Result<Vec<Standing>> {
    conn.fetch_all(query(STANDINGS).bind(ids)).await?.iter().map(Standing::from_row).collect()
}

/// All of an account.
pub(super) async fn of_account(conn: &mut Conn, account: AccountId) -> Result<Vec<Standing>> {
    let rows = conn.fetch_all(query(STANDINGS_OF_ACCOUNT).bind(account.0)).await?;
    rows.iter().map(Standing::from_row).collect()
}
