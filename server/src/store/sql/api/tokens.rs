//! [`TokenStore`].

use super::super::{Handle, accounts, tokens};
use super::{read, transact};
use crate::store::{
    Account, AccountId, Cause, NewToken, NotReset, Reset, Result, Token, TokenHash, TokenId, TokenStore,
};
use async_trait::async_trait;
use jiff::Timestamp;
use std::result::Result as Outcome;

#[async_trait]
impl TokenStore for Handle {
    async fn accounts_page(&self, after: Option<AccountId>, limit: u32) -> Result<Vec<Account>> {
        read!(self, accounts::page(after, Some(limit)))
    }

    async fn create_token(&self, token: &NewToken, cause: &Cause) -> Result<Outcome<Token, String>> {
        transact!(self, tokens::create, (token = token.clone(), cause = cause.clone()) => (token, cause))
    }

    async fn tokens(&self, account: Option<AccountId>) -> Result<Vec<Token>> {
        read!(self, tokens::all(account))
    }

    async fn live_tokens(&self, account: AccountId, now: Timestamp) -> Result<Vec<Token>> {
        read!(self, tokens::live(account, now))
    }

    async fn token_of(&self, account: AccountId, id: TokenId) -> Result<Option<Token>> {
        read!(self, tokens::of_account(account, id))
    }

    async fn token_for_operator(&self, id: TokenId) -> Result<Option<Token>> {
        read!(self, tokens::one(id))
    }

    async fn reset_token(
        &self,
        id: TokenId,
        reset: &Reset,
        cause: &Cause,
    ) -> Result<Option<Outcome<Token, NotReset>>> {
        transact!(self, tokens::reset,
            (id = id, reset = reset.clone(), cause = cause.clone()) => (*id, reset, cause))
    }

    async fn revoke_token(&self, id: TokenId, cause: &Cause) -> Result<Option<Token>> {
        transact!(self, tokens::revoke, (id = id, cause = cause.clone()) => (*id, cause))
    }

    async fn token(&self, hash: &TokenHash) -> Result<Option<Token>> {
        read!(self, tokens::by_hash(hash))
    }

    async fn tell_of_expiry(&self, days_ahead: i64, limit: u32, now: Timestamp) -> Result<usize> {
        transact!(self, tokens::tell_of_expiry,
            (days_ahead = days_ahead, limit = limit, now = now) => (*days_ahead, *limit, *now))
    }

    async fn touch_tokens(&self, used: &[(TokenId, Timestamp)]) -> Result<()> {
        transact!(self, tokens::touch, (used = used.to_vec()) => (used))
    }
}
