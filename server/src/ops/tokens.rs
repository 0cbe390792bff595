//! Tokens, as an account manages its own.
//!
//! Nobody makes a token that may do more than they may themselves, and what an
//! operator's token is good for is no business of the account it belongs to:
//! others than operators do not see it.

use super::{Actor, Ops, Refused, Result, accounts::one_line, authn};
use crate::store::{
    Access, Account, AccountId, Cause, NewToken, NotReset, Reset, StoreError, Token, TokenId, TokenScope,
};
use jiff::{SignedDuration, Timestamp};

/// How long a token is still good after it was reset.
pub const OVERLAP: SignedDuration = SignedDuration::from_hours(12);

/// The longest a token may be asked for that has an end.
const LONGEST: SignedDuration = SignedDuration::from_hours(5 * 366 * 24);

/// A token to be made, as somebody asks for it.
#[derive(Clone, Debug)]
pub struct TokenWish {
    /// What it is for.
    pub name: String,
    /// What it may do.
    pub access: Access,
    /// On what.
    pub scope: TokenScope,
    /// Until when; `None`: for ever.
    pub expires_at: Option<Timestamp>,
}

impl Ops {
    /// The accounts the actor can see, by number: their own, or as the operator
    /// all.
    ///
    /// # Errors
    /// [`Refused::Forbidden`] without a right on anything.
    pub async fn visible_accounts(
        &self,
        actor: &Actor,
        after: Option<AccountId>,
        limit: u32,
    ) -> Result<Vec<Account>> {
        actor.with_any_right()?;
        if actor.is_operator() {
            return Ok(self.store.accounts_page(after, limit).await?);
        }
        let account = self.store.account(actor.account).await?;
        let beyond = |account: &Account| after.is_none_or(|after| account.id > after);
        Ok(account.into_iter().filter(beyond).collect())
    }

    /// The account's tokens that are good now.
    ///
    /// # Errors
    /// [`Refused::Forbidden`] without admin access to the account.
    pub async fn account_tokens(&self, actor: &Actor) -> Result<Vec<Token>> {
        actor.with_account_admin()?;
        let tokens = self.store.live_tokens(actor.account, self.clock.now()).await?;
        Ok(tokens.into_iter().filter(|token| shows(actor, token)).collect())
    }

    /// One of them.
    ///
    /// # Errors
    /// [`Refused::NotFound`], [`Refused::Forbidden`].
    pub async fn account_token(&self, actor: &Actor, id: TokenId) -> Result<Token> {
        let token = self.known_token(actor, id).await?;
        if token.counts(self.clock.now()) { Ok(token) } else { Err(Refused::NotFound) }
    }

    /// One of the account's tokens, whether or not it is good any more.
    async fn known_token(&self, actor: &Actor, id: TokenId) -> Result<Token> {
        actor.with_account_admin()?;
        let token = self.store.token_of(actor.account, id).await?;
        token.filter(|token| shows(actor, token)).ok_or(Refused::NotFound)
    }

    /// Makes a token for the actor's account; the secret is returned once and
    /// kept by nobody.
    ///
    /// # Errors
    /// [`Refused::Forbidden`] without admin access to the account, and for more
    /// than the actor may themselves; [`Refused::Invalid`] for a bad name, time
    /// or domain, and where the account has as many as it may.
    pub async fn make_token(&self, actor: &Actor, wish: TokenWish) -> Result<(Token, String)> {
        actor.with_account_admin()?;
        if wish.access == Access::Operator {
            actor.with_operator()?;
        }
        let name = one_line("name", &wish.name)?;
        let now = self.clock.now();
        if let Some(at) = wish.expires_at {
            if at <= now {
                return Err(Refused::invalid("expires_at", "is invalid: must be in the future"));
            }
            if at.duration_since(now) > LONGEST {
                return Err(Refused::invalid("expires_at", "is invalid: at most five years ahead, or null"));
            }
        }
        let secret = self.new_secret();
        let new = NewToken {
            account: actor.account,
            name,
            hash: authn::token_hash(&secret),
            last4: authn::last4(&secret).to_string(),
            access: wish.access,
            scope: wish.scope,
            expires_at: wish.expires_at,
        };
        match self.store.create_token(&new, &self.cause(actor)).await? {
            Ok(token) => Ok((token, secret)),
            Err(why) => Err(Refused::invalid("base", why)),
        }
    }

    /// Makes another token with the name, rights and lifetime of one, which goes
    /// on for [`OVERLAP`].
    ///
    /// # Errors
    /// [`Refused::NotFound`], [`Refused::Forbidden`]; [`Refused::Invalid`] where
    /// it is good no more or was reset before.
    pub async fn reset_account_token(&self, actor: &Actor, id: TokenId) -> Result<(Token, String)> {
        self.known_token(actor, id).await?;
        self.reset(id, &self.cause(actor)).await
    }

    /// The same, on the command line, whatever account it belongs to.
    ///
    /// # Errors
    /// As [`Self::reset_account_token`].
    pub async fn reset_token(&self, id: TokenId) -> Result<(Token, String)> {
        self.reset(id, &self.operator_cause()).await
    }

    async fn reset(&self, id: TokenId, cause: &Cause) -> Result<(Token, String)> {
        let secret = self.new_secret();
        let reset = Reset {
            hash: authn::token_hash(&secret),
            last4: authn::last4(&secret).to_string(),
            old_until: cause.at.saturating_add(OVERLAP).unwrap_or(Timestamp::MAX),
        };
        let why = match self.store.reset_token(id, &reset, cause).await?.ok_or(Refused::NotFound)? {
            Ok(token) => return Ok((token, secret)),
            Err(NotReset::Revoked) => "This token was deleted: make a new one".to_string(),
            Err(NotReset::Expired) => "This token has expired: make a new one".to_string(),
            Err(NotReset::Before(by)) => {
                format!("This token was reset before: token {by} is in its place")
            }
            Err(NotReset::TooMany) => format!(
                "The account has {} tokens with those that were reset, which is the limit; delete some before",
                Token::MOST_IN_ALL
            ),
        };
        Err(Refused::invalid("base", why))
    }

    /// Revokes a token of the account, from now on. Every opaque token may
    /// revoke itself.
    ///
    /// # Errors
    /// [`Refused::NotFound`], [`Refused::Forbidden`].
    pub async fn delete_account_token(&self, actor: &Actor, id: TokenId) -> Result<()> {
        if actor.token() != Some(id) {
            let token = self.known_token(actor, id).await?;
            if token.revoked_at.is_some() {
                return Err(Refused::NotFound);
            }
        }
        self.store.revoke_token(id, &self.cause(actor)).await?.ok_or(Refused::NotFound)?;
        Ok(())
    }
}

/// How many days ahead an owner is told that a token expires, the last time
/// first: whoever hears that need not hear the other.
const TOLD_DAYS_AHEAD: [i64; 2] = [3, 30];
/// How many tokens one transaction tells of.
const TOLD_AT_ONCE: u32 = 100;

impl Ops {
    /// Has owners told of tokens that expire soon, each 30 and 3 days ahead.
    ///
    /// # Errors
    /// When the store fails; what was not told is found again.
    pub async fn tell_of_expiring_tokens(&self) -> std::result::Result<(), StoreError> {
        for days in TOLD_DAYS_AHEAD {
            // Each one found is marked, so that this ends.
            while self.store.tell_of_expiry(days, TOLD_AT_ONCE, self.clock.now()).await? > 0 {
                self.noticed.notify_one();
            }
        }
        Ok(())
    }
}

/// Whether the actor is shown a token of their account.
fn shows(actor: &Actor, token: &Token) -> bool {
    token.access != Access::Operator || actor.is_operator()
}
