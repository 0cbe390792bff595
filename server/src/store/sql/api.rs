//! [`Store`] itself: every method is one transaction around one function.

mod audit;
mod dns_access;
mod kept;
mod keys;
mod notices;
mod review;
mod sealed;
mod tokens;
mod webhooks;
mod zone;

use super::{
    Handle, accounts,
    apply::{self, Batch},
    backup, checks, company, deliveries, domains, events, idempotency, notices as owners, operator, outbox,
    restore, sending, tokens as token_rows, zone as zone_rows,
};
use crate::store::{
    Account, AccountId, CapReached, Cause, Counts, Demotions, Domain, DomainId, Due, Event, EventId, Grant,
    Idempotency, IdempotencyScope, InstructionCaps, Looked, Matter, Message, NewAccount, NewDomain,
    NotRegistered, OutboxId, OutboxItem, Report, Result, Spent, Store, StoredAnswer, Tally, TokenHash,
    TokenScope,
};
use async_trait::async_trait;
use jiff::Timestamp;
use signet_core::{
    authz::Candidate,
    company::CompanyInfo,
    names::{Name, RecordId},
    tracking::TrackingPatch,
};
use std::{collections::HashSet, path::Path, result::Result as Outcome};

/// A read: `read!(self, function(arguments))` on a connection of the pool.
macro_rules! read {
    ($self:ident, $module:ident::$function:ident($($argument:expr),*)) => {{
        let mut conn = $self.reader().await?;
        $module::$function(&mut conn, $($argument),*).await
    }};
}

/// A write. The arguments are copied, since the transaction may outlive a caller
/// that goes away, and borrowed by the function, since it may run twice.
macro_rules! transact {
    ($self:ident, $module:ident::$function:ident, ($($name:ident = $value:expr),*) => ($($argument:expr),*)) => {
        $self
            .write(($($value,)*), |conn, ($($name,)*)| Box::pin($module::$function(conn, $($argument),*)))
            .await
    };
}

pub(super) use {read, transact};

impl Handle {
    async fn apply(&self, looks: &[Looked], cause: &Cause) -> Result<Vec<bool>> {
        let batch = Batch::of(looks);
        let mut written = match batch.perhaps_quiet(looks) {
            Some(turns) => transact!(self, apply::quiet, (turns = turns, now = cause.at) => (turns, *now))?,
            None => HashSet::new(),
        };
        let rest = batch.rest(looks, &written);
        if !rest.is_empty() {
            written.extend(
                transact!(self, apply::changed, (looks = rest, cause = cause.clone()) => (looks, cause))?,
            );
        }
        Ok(batch.outcome(looks, &written))
    }
}

#[async_trait]
impl Store for Handle {
    async fn initialise(
        &self,
        account: &NewAccount,
        token: Option<(TokenHash, &str)>,
        fingerprint: &str,
        cause: &Cause,
    ) -> Result<Option<Account>> {
        let token = token.map(|(hash, last4)| (hash, last4.to_string()));
        transact!(self, accounts::initialise,
            (account = account.clone(), token = token, print = fingerprint.to_string(), cause = cause.clone())
            => (account, token.as_ref().map(|(hash, last4)| (*hash, last4.as_str())), print, cause))
    }

    async fn is_empty(&self) -> Result<bool> {
        read!(self, accounts::is_empty())
    }

    async fn now(&self) -> Result<Timestamp> {
        read!(self, backup::now())
    }

    async fn key_fingerprint(&self) -> Result<Option<String>> {
        read!(self, accounts::fingerprint())
    }

    async fn ping(&self) -> Result<()> {
        read!(self, accounts::ping())
    }

    async fn counts(&self, now: Timestamp) -> Result<Counts> {
        let mut counts = read!(self, accounts::counts(now))?;
        counts.due = counts.due.saturating_sub(self.held(now).await).max(0);
        Ok(counts)
    }

    async fn backup(&self, file: &Path) -> Result<()> {
        let mut snapshot = self.snapshot().await?;
        backup::write(&mut snapshot, file).await
    }

    async fn restore(&self, file: &Path) -> Result<()> {
        let contents = crate::store::dump::verify(file).await?;
        transact!(self, restore::fill, (file = file.to_path_buf(), contents = contents) => (file, contents))
    }

    async fn close(&self) {
        self.shut().await;
    }

    async fn create_account(&self, account: &NewAccount, cause: &Cause) -> Result<Account> {
        transact!(self, accounts::create, (account = account.clone(), cause = cause.clone()) => (account, cause))
    }

    async fn accounts(&self) -> Result<Vec<Account>> {
        read!(self, accounts::all())
    }

    async fn account(&self, id: AccountId) -> Result<Option<Account>> {
        read!(self, accounts::one(id))
    }

    async fn grant_and_domain(
        &self,
        hash: &TokenHash,
        id: DomainId,
    ) -> Result<Option<(Grant, Option<Domain>)>> {
        read!(self, domains::with_grant(hash, id))
    }

    async fn create_domain(
        &self,
        domain: &NewDomain,
        unverified_limit: Option<u32>,
        cause: &Cause,
    ) -> Result<Outcome<Domain, NotRegistered>> {
        transact!(self, domains::create,
            (domain = domain.clone(), limit = unverified_limit, cause = cause.clone())
            => (domain, *limit, cause))
    }

    async fn domains(
        &self,
        account: AccountId,
        scope: &TokenScope,
        after: Option<DomainId>,
        limit: Option<u32>,
    ) -> Result<Vec<Domain>> {
        read!(self, domains::page(account, scope, after, limit))
    }

    async fn domain(&self, account: AccountId, id: DomainId) -> Result<Option<Domain>> {
        read!(self, domains::one(account, id))
    }

    async fn domain_for_operator(&self, id: DomainId) -> Result<Option<Domain>> {
        read!(self, domains::for_operator(id))
    }

    async fn update_tracking(
        &self,
        account: AccountId,
        id: DomainId,
        patch: &TrackingPatch,
        cause: &Cause,
    ) -> Result<Option<Domain>> {
        transact!(self, domains::update_tracking,
            (account = account, id = id, patch = patch.clone(), cause = cause.clone())
            => (*account, *id, patch, cause))
    }

    async fn delete_domain(&self, account: AccountId, id: DomainId, cause: &Cause) -> Result<bool> {
        transact!(self, domains::delete,
            (account = account, id = id, cause = cause.clone()) => (*account, *id, cause))
    }

    async fn report(&self, account: AccountId, id: DomainId) -> Result<Option<Report>> {
        read!(self, domains::report(account, id))
    }

    async fn events(
        &self,
        account: AccountId,
        id: DomainId,
        before: Option<EventId>,
        limit: u32,
    ) -> Result<Vec<Event>> {
        read!(self, events::page(account, id, before, limit))
    }

    async fn company(&self, account: AccountId) -> Result<Option<CompanyInfo>> {
        read!(self, company::one(account))
    }

    async fn create_company(&self, account: AccountId, info: &CompanyInfo, cause: &Cause) -> Result<bool> {
        transact!(self, company::create,
            (account = account, info = info.clone(), cause = cause.clone()) => (*account, info, cause))
    }

    async fn replace_company(
        &self,
        account: AccountId,
        before: &CompanyInfo,
        after: &CompanyInfo,
        cause: &Cause,
    ) -> Result<bool> {
        transact!(self, company::replace,
            (account = account, before = before.clone(), after = after.clone(), cause = cause.clone())
            => (*account, before, after, cause))
    }

    async fn request_check(&self, account: AccountId, id: DomainId, now: Timestamp) -> Result<Option<i64>> {
        transact!(self, checks::request, (account = account, id = id, now = now) => (*account, *id, *now))
    }

    async fn covered(&self, account: AccountId, id: DomainId) -> Result<Option<i64>> {
        read!(self, checks::covered(account, id))
    }

    async fn request_check_all(&self, account: Option<AccountId>, now: Timestamp) -> Result<u64> {
        let (mut all, mut after) = (0, i64::MIN);
        // Each step goes on behind the one before, so that it ends.
        while let Some((made, last)) = transact!(self, checks::request_some,
            (account = account, after = after, now = now) => (*account, *after, *now))?
        {
            all += made;
            after = last;
        }
        Ok(all)
    }

    async fn checks_outstanding(&self, account: Option<AccountId>) -> Result<u64> {
        read!(self, checks::outstanding(account))
    }

    async fn tally(&self, account: Option<AccountId>) -> Result<Tally> {
        read!(self, checks::tally(account))
    }

    async fn claim_due(&self, now: Timestamp, lease_until: Timestamp, limit: u32) -> Result<Vec<Due>> {
        self.take_due(now, lease_until, limit).await
    }

    async fn apply_looks(&self, looks: &[Looked], cause: &Cause) -> Result<Vec<bool>> {
        let applied = self.apply(looks, cause).await;
        self.release(looks.iter().map(|look| (look.domain, look.version))).await;
        applied
    }

    async fn put_back(&self, claims: &[(DomainId, i64)], due_at: Timestamp) -> Result<()> {
        transact!(self, checks::put_back, (claims = claims.to_vec(), due_at = due_at) => (claims, *due_at))?;
        self.release(claims.iter().copied()).await;
        Ok(())
    }

    async fn next_due(&self) -> Result<Option<Timestamp>> {
        self.next_turn().await
    }

    async fn spread_overdue(&self, now: Timestamp, until: Timestamp) -> Result<u64> {
        let mut all = 0;
        loop {
            let (spread, more) =
                transact!(self, checks::spread_some, (now = now, until = until) => (*now, *until))?;
            all += spread;
            if !more {
                return Ok(all);
            }
        }
    }

    async fn demotions(&self, now: Timestamp) -> Result<Demotions> {
        read!(self, operator::demotions(now))
    }

    async fn raise(
        &self,
        matter: Matter,
        account: AccountId,
        notice: &Message,
        now: Timestamp,
    ) -> Result<bool> {
        transact!(self, operator::raise, (matter = matter, account = account, notice = notice.clone(), now = now)
            => (*matter, *account, notice, *now))
    }

    async fn settle(&self, matter: Matter) -> Result<bool> {
        transact!(self, operator::settle, (matter = matter) => (*matter))
    }

    async fn release_demotions(&self, until: Timestamp, cause: &Cause) -> Result<()> {
        transact!(self, operator::release, (until = until, cause = cause.clone()) => (*until, cause))
    }

    async fn queue_instructions(
        &self,
        account: AccountId,
        domain: DomainId,
        recipient: &str,
        message: &Message,
        caps: InstructionCaps,
        cause: &Cause,
    ) -> Result<Option<Outcome<(), CapReached>>> {
        transact!(self, outbox::queue_instructions,
            (whose = (account, domain), to = recipient.to_string(), message = message.clone(), caps = caps,
                cause = cause.clone())
            => (*whose, to, message, *caps, cause))
    }

    async fn claim_outbox(
        &self,
        now: Timestamp,
        lease_until: Timestamp,
        limit: u32,
    ) -> Result<Vec<OutboxItem>> {
        transact!(self, outbox::claim, (now = now, until = lease_until, limit = limit) => (*now, *until, *limit))
    }

    async fn outbox_sent(&self, id: OutboxId, now: Timestamp) -> Result<()> {
        transact!(self, outbox::sent, (id = id, now = now) => (*id, *now))
    }

    async fn outbox_failed(&self, id: OutboxId, error: &str, retry_at: Option<Timestamp>) -> Result<()> {
        transact!(self, outbox::failed,
            (id = id, error = error.to_string(), retry_at = retry_at) => (*id, error, *retry_at))
    }

    async fn idempotency_begin(
        &self,
        scope: &IdempotencyScope,
        body_hash: &str,
        now: Timestamp,
    ) -> Result<Idempotency> {
        transact!(self, idempotency::begin,
            (scope = scope.clone(), hash = body_hash.to_string(), now = now) => (scope, hash, *now))
    }

    async fn idempotency_end(
        &self,
        scope: &IdempotencyScope,
        answer: Option<&StoredAnswer>,
        under: Option<&str>,
    ) -> Result<()> {
        transact!(self, idempotency::end,
            (scope = scope.clone(), answer = answer.cloned(), under = under.map(str::to_string))
            => (scope, answer.as_ref(), under.as_deref()))
    }

    async fn sweep(&self, now: Timestamp) -> Result<()> {
        transact!(self, idempotency::sweep, (now = now) => (*now))?;
        transact!(self, outbox::sweep, (now = now) => (*now))?;
        transact!(self, token_rows::sweep, (now = now) => (*now))?;
        transact!(self, sending::sweep, (now = now) => (*now))?;
        transact!(self, owners::sweep, (now = now) => (*now))?;
        transact!(self, zone_rows::sweep, (now = now) => (*now))?;
        // In steps between which others write.
        while transact!(self, deliveries::sweep, (now = now) => (*now))? {}
        Ok(())
    }

    async fn sending_domains(
        &self,
        name: &Name,
        record: Option<&RecordId>,
        account: Option<AccountId>,
        message: Option<&str>,
    ) -> Result<Vec<Candidate>> {
        read!(self, sending::domains(name, record, account, message))
    }

    async fn spend_demo(&self, domain: DomainId, message: &str, cause: &Cause) -> Result<Spent> {
        transact!(self, sending::spend,
            (domain = domain, message = message.to_string(), cause = cause.clone())
            => (*domain, message, cause))
    }

    async fn note_sending(&self, domains: &[DomainId], now: Timestamp) -> Result<()> {
        transact!(self, sending::note, (domains = domains.to_vec(), now = now) => (domains, *now))
    }
}
