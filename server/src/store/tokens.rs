//! The store, as accounts and their tokens are managed.

use super::{Account, AccountId, Cause, NewToken, NotReset, Reset, Result, Token, TokenHash, TokenId};
use async_trait::async_trait;
use jiff::Timestamp;

/// Part of [`super::Store`].
#[async_trait]
pub trait TokenStore {
    /// Accounts by number, from after `after` on.
    async fn accounts_page(&self, after: Option<AccountId>, limit: u32) -> Result<Vec<Account>>;
    /// Makes a token. `Err` inside says which account or domain is not there, or
    /// that the account has as many tokens as it may.
    async fn create_token(
        &self,
        token: &NewToken,
        cause: &Cause,
    ) -> Result<std::result::Result<Token, String>>;
    /// All tokens, or one account's, revoked ones too.
    async fn tokens(&self, account: Option<AccountId>) -> Result<Vec<Token>>;
    /// An account's tokens that are good at `now`, by number.
    async fn live_tokens(&self, account: AccountId, now: Timestamp) -> Result<Vec<Token>>;
    /// One token of an account.
    async fn token_of(&self, account: AccountId, id: TokenId) -> Result<Option<Token>>;
    /// One token of whatever account: the operator's.
    async fn token_for_operator(&self, id: TokenId) -> Result<Option<Token>>;
    /// Makes another in a token's place; `None` if there is none. The old one
    /// goes on for a while.
    async fn reset_token(
        &self,
        id: TokenId,
        reset: &Reset,
        cause: &Cause,
    ) -> Result<Option<std::result::Result<Token, NotReset>>>;
    /// Revokes a token; `None` if there is none. Revoking twice changes nothing.
    async fn revoke_token(&self, id: TokenId, cause: &Cause) -> Result<Option<Token>>;
    /// The token with this hash, if it exists at all; whether it is expired or
    /// revoked is the caller's to judge.
    async fn token(&self, hash: &TokenHash) -> Result<Option<Token>>;
    /// Has the owners of up to `limit` tokens told that they expire within so many
    /// days, each once; how many. Not where a token was made for less, was told
    /// of nearer to its end, or has another in its place.
    async fn tell_of_expiry(&self, days_ahead: i64, limit: u32, now: Timestamp) -> Result<usize>;
    /// Notes when tokens were last used.
    async fn touch_tokens(&self, used: &[(TokenId, Timestamp)]) -> Result<()>;
}
