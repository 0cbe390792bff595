//! Rows to the model's values.

use super::Row;
use crate::store::{
    Account, AccountId, Case, Domain, DomainId, Grant, KeyTexts, Result, Token, TokenId,
    stored::{self, corrupt, time},
};
use jiff::Timestamp;
use signet_core::{
    email::EmailAddress,
    lifecycle::{Asked, DnsState},
    plan::Present,
    tracking::Tracking,
};
use sqlx::Row as _;

/// A column's value, as the type asked for.
pub(super) fn get<'r, T>(row: &'r Row, column: &str) -> Result<T>
where
    T: sqlx::Decode<'r, super::Db> + sqlx::Type<super::Db>,
{
    Ok(row.try_get(column)?)
}

/// A column that holds a time.
pub(super) fn get_time(row: &Row, column: &str) -> Result<Timestamp> {
    time(column, get(row, column)?)
}

/// A column that may hold a time.
pub(super) fn get_time_opt(row: &Row, column: &str) -> Result<Option<Timestamp>> {
    get::<Option<i64>>(row, column)?.map(|value| time(column, value)).transpose()
}

/// A column that holds a small count.
pub(super) fn get_u32(row: &Row, column: &str) -> Result<u32> {
    let value: i64 = get(row, column)?;
    u32::try_from(value).map_err(|_| corrupt(column, value))
}

/// A column that holds an address.
pub(super) fn email(text: &str) -> Result<EmailAddress> {
    EmailAddress::parse(text).map_err(|error| corrupt("an e-mail address", error))
}

/// A row of `account`.
pub(super) fn account(row: &Row) -> Result<Account> {
    Ok(Account {
        id: AccountId(get(row, "id")?),
        name: get(row, "name")?,
        owner_email: email(get(row, "owner_email")?)?,
        suspension: get::<Option<&str>>(row, "suspension")?.map(stored::suspension).transpose()?,
        version: get(row, "version")?,
        created_at: get_time(row, "created_at")?,
    })
}

/// A row of `token`.
pub(super) fn token(row: &Row) -> Result<Token> {
    let access: &str = get(row, "access")?;
    Ok(Token {
        id: TokenId(get(row, "id")?),
        account: AccountId(get(row, "account_id")?),
        name: get(row, "name")?,
        last4: get(row, "last4")?,
        access: access.parse().map_err(|error: String| corrupt("a token's access", error))?,
        scope: stored::scope(get(row, "domains")?)?,
        created_by: get(row, "created_by")?,
        created_at: get_time(row, "created_at")?,
        expires_at: get_time_opt(row, "expires_at")?,
        revoked_at: get_time_opt(row, "revoked_at")?,
        last_used_at: get_time_opt(row, "last_used_at")?,
        replaced_by: get::<Option<i64>>(row, "replaced_by")?.map(TokenId),
    })
}

/// A row's values one after the other: looking each up by its name is most of
/// the work of reading a wide row.
pub(super) struct Fields<'r> {
    row: &'r Row,
    next: usize,
}

impl<'r> Fields<'r> {
    /// From the column with this number on, 0 for the first.
    pub(super) fn from(row: &'r Row, first: usize) -> Self {
        Self { row, next: first }
    }

    /// The next value.
    pub(super) fn get<T>(&mut self) -> Result<T>
    where
        T: sqlx::Decode<'r, super::Db> + sqlx::Type<super::Db>,
    {
        let index = self.next;
        self.next += 1;
        Ok(self.row.try_get(index)?)
    }

    /// The next value, a time.
    pub(super) fn time(&mut self, what: &str) -> Result<Timestamp> {
        time(what, self.get()?)
    }

    /// The next value, a time or none.
    pub(super) fn time_opt(&mut self, what: &str) -> Result<Option<Timestamp>> {
        self.get::<Option<i64>>()?.map(|value| time(what, value)).transpose()
    }

    /// The next value, a small count.
    pub(super) fn count(&mut self, what: &str) -> Result<u32> {
        let value: i64 = self.get()?;
        u32::try_from(value).map_err(|_| corrupt(what, value))
    }

    /// The next five values, a state.
    fn dns_state(&mut self) -> Result<DnsState> {
        stored::dns_state(self.get()?, self.get()?, self.get()?, self.get()?, self.get()?)
    }
}

/// The state's columns.
pub(super) fn dns_state(row: &Row) -> Result<DnsState> {
    stored::dns_state(
        get(row, "dns_state")?,
        get(row, "dns_at")?,
        get(row, "dns_since")?,
        get(row, "dns_deadline")?,
        get(row, "dns_unaligned_since")?,
    )
}

/// What `domains::domain_columns!` lists, in its order.
pub(super) fn domain(fields: &mut Fields<'_>) -> Result<Domain> {
    let domain = Domain {
        id: DomainId(fields.get()?),
        account: AccountId(fields.get()?),
        name: stored::domain_name(fields.get()?)?,
        record_id: stored::record_id(fields.get()?)?,
        demo: fields.get()?,
        demo_messages_left: fields.count("demo_messages_left")?,
        created_at: fields.time("created_at")?,
        tracking: Tracking {
            open: fields.get()?,
            click: fields.get()?,
            unsubscribe_link: fields.get()?,
            custom_domain: fields.get()?,
            health_alerts: fields.get()?,
            critical_alerts: fields.get()?,
            alert_recipient: fields.get::<Option<&str>>()?.map(email).transpose()?,
        },
        suspension: fields.get::<Option<&str>>()?.map(stored::suspension).transpose()?,
        decision: fields.get::<Option<&str>>()?.map(stored::decision).transpose()?,
        dns: fields.dns_state()?,
        present: Present { spf: fields.get()?, dmarc: fields.get()? },
        zone: fields.get::<Option<&str>>()?.map(stored::name).transpose()?,
        questionnaire: stored::asked(fields.get()?)?,
        card: stored::asked(fields.get()?)?,
        account_suspension: fields.get::<Option<&str>>()?.map(stored::suspension).transpose()?,
        company_complete: fields.get()?,
        checked_at: fields.time_opt("checked_at")?,
        active_selector: stored::selector(fields.get()?)?,
        raw_dkim: raw_dkim(fields)?,
        records: Vec::new(),
    };
    let records = stored::records(fields.get()?, domain.checked_at)?;
    Ok(Domain { records, ..domain })
}

/// The next three values: who publishes the DKIM keys.
fn raw_dkim(fields: &mut Fields<'_>) -> Result<Option<KeyTexts>> {
    let (raw, texts): (bool, KeyTexts) = (fields.get()?, [fields.get()?, fields.get()?]);
    Ok(raw.then_some(texts))
}

/// A row of `domains::select_domains!`.
pub(super) fn whole_domain(row: &Row) -> Result<Domain> {
    domain(&mut Fields::from(row, 0))
}

/// A row of `review::select_cases!`.
pub(super) fn case(row: &Row) -> Result<Case> {
    let mut fields = Fields::from(row, 0);
    let review = stored::review(fields.get()?)?;
    let (approved_before, version) = (fields.get()?, fields.get()?);
    let (due_at, card_failed): (_, bool) = (fields.time_opt("review_due_at")?, fields.get()?);
    let domain = domain(&mut fields)?;
    let card_failed = card_failed && domain.card == Asked::Open;
    Ok(Case { review, approved_before, version, due_at, card_failed, domain })
}

/// What a token grants: its six columns in the order of
/// `domains::DOMAIN_WITH_GRANT`.
pub(super) fn grant(fields: &mut Fields<'_>) -> Result<Grant> {
    Ok(Grant {
        token: TokenId(fields.get()?),
        account: AccountId(fields.get()?),
        access: fields.get::<&str>()?.parse().map_err(|error: String| corrupt("a token's access", error))?,
        scope: stored::scope(fields.get()?)?,
        expires_at: fields.time_opt("expires_at")?,
        revoked_at: fields.time_opt("revoked_at")?,
    })
}
