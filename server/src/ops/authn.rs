//! Who is asking: opaque tokens and JWTs become an [`Actor`].

use super::{Ops, Refused, Result};
use crate::{
    config::{Jwks, Jwt, without_credentials},
    store::{Access, AccountId, Domain, DomainId, Grant, TokenHash, TokenId, TokenScope},
};
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, jwk::JwkSet};
use sha2::{Digest, Sha256};
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// What every token begins with, so that scanners for leaked secrets know it.
pub const TOKEN_PREFIX: &str = "sgt_";

/// What the label of whoever comes with an opaque token begins with.
const TOKEN_LABEL: &str = "token:";

/// Whoever makes a request, with what they may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// The account, to which everything is confined.
    pub account: AccountId,
    /// What they may do.
    pub access: Access,
    /// On what.
    pub scope: TokenScope,
    /// Who they are in the history: `token:7`, `jwt:alice`.
    pub label: String,
    /// From where they ask, for the history, see [`Cause::origin`].
    ///
    /// [`Cause::origin`]: crate::store::Cause::origin
    pub origin: String,
}

impl Actor {
    /// The operator, on the command line, acting in an account.
    #[must_use]
    pub fn operator(account: AccountId) -> Self {
        Self {
            account,
            access: Access::Operator,
            scope: TokenScope::Account,
            label: "operator".to_string(),
            origin: "command line".to_string(),
        }
    }

    /// Whether they can see the domain with this number, if it is the account's.
    #[must_use]
    pub fn sees(&self, id: DomainId) -> bool {
        match &self.scope {
            TokenScope::Account => true,
            TokenScope::Domains(ids) => ids.contains(&id),
        }
    }

    /// Whether they may change what they see.
    #[must_use]
    pub fn may_write(&self) -> bool {
        matches!(self.access, Access::Admin | Access::Operator)
    }

    /// Whether they do what the operator does, in all accounts.
    #[must_use]
    pub fn is_operator(&self) -> bool {
        self.access == Access::Operator && self.scope == TokenScope::Account
    }

    /// Needed to act in accounts that are not theirs.
    pub(super) fn with_operator(&self) -> Result<()> {
        if self.is_operator() { Ok(()) } else { Err(Refused::Forbidden) }
    }

    /// What they may do with a domain they see: read, update, destroy.
    #[must_use]
    pub fn permissions(&self, _domain: &Domain) -> [bool; 3] {
        [true, self.may_write(), self.may_write()]
    }

    /// Whether they have any right at all in the account.
    pub(super) fn with_any_right(&self) -> Result<()> {
        match &self.scope {
            TokenScope::Domains(ids) if ids.is_empty() => Err(Refused::Forbidden),
            _ => Ok(()),
        }
    }

    /// Needed to have anything to do with the domain of this number.
    pub(super) fn with_sight_of(&self, id: DomainId) -> Result<()> {
        self.with_any_right()?;
        if self.sees(id) { Ok(()) } else { Err(Refused::NotFound) }
    }

    /// The opaque token they came with, if it was one.
    #[must_use]
    pub fn token(&self) -> Option<TokenId> {
        self.label.strip_prefix(TOKEN_LABEL)?.parse().ok()
    }

    /// Needed to see what is the account's and no single domain's.
    pub(super) fn with_account_sight(&self) -> Result<()> {
        if self.scope == TokenScope::Account { Ok(()) } else { Err(Refused::Forbidden) }
    }

    /// Needed to change what is the account's and no single domain's.
    pub(super) fn with_account_admin(&self) -> Result<()> {
        match (&self.scope, self.access) {
            (TokenScope::Account, Access::Admin | Access::Operator) => Ok(()),
            _ => Err(Refused::Forbidden),
        }
    }

    /// Needed to change what they see.
    pub(super) fn with_write(&self) -> Result<()> {
        if self.may_write() { Ok(()) } else { Err(Refused::Forbidden) }
    }
}

/// The hash a token is kept and looked up by.
#[must_use]
pub fn token_hash(token: &str) -> TokenHash {
    TokenHash(Sha256::digest(token.as_bytes()).into())
}

/// The end of a token, which is kept to tell it from others by.
#[must_use]
pub fn last4(token: &str) -> &str {
    let from = token.char_indices().rev().nth(3).map_or(0, |(index, _)| index);
    &token[from..]
}

/// Tokens used since they were last written down; each at most once.
#[derive(Debug, Default)]
pub struct UsedTokens(Mutex<HashMap<TokenId, Timestamp>>);

impl UsedTokens {
    fn note(&self, id: TokenId, at: Timestamp) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(id, at);
    }

    fn take(&self) -> Vec<(TokenId, Timestamp)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).drain().collect()
    }
}

/// Opaque tokens have no dots, JWTs two (RFC 7519 §3).
fn is_jwt(credential: &str) -> bool {
    credential.bytes().filter(|&b| b == b'.').count() == 2
}

impl Ops {
    /// The actor behind a credential: an opaque token or a JWT.
    ///
    /// `None` for whatever is unknown, expired, revoked or forged; the answer
    /// does not say which.
    ///
    /// # Errors
    /// When the store fails, which is no statement on the credential.
    pub async fn authenticate(&self, credential: &str) -> Result<Option<Actor>> {
        if is_jwt(credential) {
            return self.authenticate_jwt(credential).await;
        }
        let token = self.store.token(&token_hash(credential)).await?;
        Ok(token.and_then(|token| self.admit(token.into())))
    }

    /// [`authenticate`](Self::authenticate), and for an actor then
    /// [`domain`](Self::domain). With an opaque token the store is asked once
    /// for both; what is found is judged just the same.
    ///
    /// # Errors
    /// When the store fails, which is no statement on the credential.
    pub async fn authenticate_for(
        &self,
        credential: &str,
        id: DomainId,
    ) -> Result<Option<(Actor, Result<Domain>)>> {
        if is_jwt(credential) {
            let Some(actor) = self.authenticate_jwt(credential).await? else { return Ok(None) };
            let domain = self.domain(&actor, id).await;
            return Ok(Some((actor, domain)));
        }
        let found = self.store.grant_and_domain(&token_hash(credential), id).await?;
        Ok(found.and_then(|(grant, domain)| {
            let actor = self.admit(grant)?;
            let domain = actor.with_sight_of(id).and_then(|()| domain.ok_or(Refused::NotFound));
            Some((actor, domain))
        }))
    }

    /// The actor behind a token, if it counts now.
    fn admit(&self, grant: Grant) -> Option<Actor> {
        let now = self.clock.now();
        if grant.revoked_at.is_some() || grant.expires_at.is_some_and(|at| at <= now) {
            return None;
        }
        self.used_tokens.note(grant.token, now);
        let label = format!("{TOKEN_LABEL}{}", grant.token);
        let Grant { account, access, scope, .. } = grant;
        Some(Actor { account, access, scope, label, origin: String::new() })
    }

    async fn authenticate_jwt(&self, credential: &str) -> Result<Option<Actor>> {
        let Some(verifier) = &self.jwt else { return Ok(None) };
        let claims = match verifier.verify(credential, self.clock.now()).await {
            Ok(claims) => claims,
            Err(why) => {
                tracing::info!(reason = %why, "a JWT was refused");
                return Ok(None);
            }
        };
        let account = AccountId(claims.signet_account);
        if self.store.account(account).await?.is_none() {
            return Ok(None);
        }
        let label =
            format!("jwt:{}", claims.sub.as_deref().unwrap_or("?").chars().take(200).collect::<String>());
        let (access, scope) = (claims.signet_access.into(), TokenScope::Account);
        Ok(Some(Actor { account, access, scope, label, origin: String::new() }))
    }

    /// Writes down when tokens were last used.
    ///
    /// # Errors
    /// When the store fails; the times are lost then, which nobody minds.
    pub async fn flush_used_tokens(&self) -> Result<()> {
        let used = self.used_tokens.take();
        if !used.is_empty() {
            self.store.touch_tokens(&used).await?;
        }
        Ok(())
    }
}

#[derive(Debug, serde::Deserialize)]
struct Claims {
    signet_account: i64,
    signet_access: ClaimedAccess,
    sub: Option<String>,
    exp: i64,
    nbf: Option<i64>,
}

/// Access by its word or by the hosted service's number.
#[derive(Clone, Copy, Debug, serde::Deserialize)]
#[serde(untagged)]
enum ClaimedAccess {
    Word(AccessWord),
    Number(AccessNumber),
}

#[derive(Clone, Copy, Debug, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
enum AccessWord {
    Admin,
    Viewer,
}

#[derive(Clone, Copy, Debug, serde::Deserialize)]
#[serde(try_from = "u8")]
struct AccessNumber(Access);

impl TryFrom<u8> for AccessNumber {
    type Error = String;
    fn try_from(number: u8) -> std::result::Result<Self, String> {
        match number {
            100 => Ok(Self(Access::Admin)),
            10 => Ok(Self(Access::Viewer)),
            other => Err(format!("{other} is no access level")),
        }
    }
}

impl From<ClaimedAccess> for Access {
    fn from(claimed: ClaimedAccess) -> Self {
        match claimed {
            ClaimedAccess::Word(AccessWord::Admin) => Self::Admin,
            ClaimedAccess::Word(AccessWord::Viewer) => Self::Viewer,
            ClaimedAccess::Number(AccessNumber(access)) => access,
        }
    }
}

/// Checks JWTs against one issuer's keys.
#[derive(Debug)]
pub struct JwtVerifier {
    settings: Jwt,
    client: reqwest::Client,
    keys: tokio::sync::Mutex<Keys>,
}

#[derive(Debug, Default)]
struct Keys {
    set: Option<JwkSet>,
    read: Option<Instant>,
}

/// Clocks of issuers run a little apart from ours.
const LEEWAY_SECONDS: i64 = 30;
/// Keys are read again this often at most, and at least this often.
const KEYS_NOT_AGAIN_WITHIN: Duration = Duration::from_secs(60);
const KEYS_STALE_AFTER: Duration = Duration::from_secs(900);
const KEYS_MAX_BYTES: usize = 1 << 20;

impl JwtVerifier {
    /// A verifier that has read no keys yet.
    ///
    /// # Panics
    /// When the TLS library cannot be set up, at start.
    #[must_use]
    pub fn new(settings: Jwt) -> Self {
        #[expect(
            clippy::disallowed_methods,
            reason = "the one client; it fetches nothing but the configured key set"
        )]
        let client = reqwest::Client::builder()
            .timeout(Duration::from_secs(10))
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .expect("a client with a constant configuration can be built");
        Self { settings, client, keys: tokio::sync::Mutex::default() }
    }

    async fn verify(&self, token: &str, now: Timestamp) -> std::result::Result<Claims, String> {
        let header = jsonwebtoken::decode_header(token).map_err(|e| e.to_string())?;
        // An allow list: neither `none` nor the symmetric algorithms, for which
        // the public key would be the secret.
        if !matches!(header.alg, Algorithm::RS256 | Algorithm::ES256 | Algorithm::EdDSA) {
            return Err(format!("the algorithm {:?} is not taken", header.alg));
        }
        let key = self.key(header.kid.as_deref(), header.alg).await?;
        let mut validation = Validation::new(header.alg);
        validation.set_issuer(&[&self.settings.issuer]);
        validation.set_audience(&[&self.settings.audience]);
        validation.set_required_spec_claims(&["exp", "iss", "aud"]);
        // Time is judged below, by our own clock.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        let claims =
            jsonwebtoken::decode::<Claims>(token, &key, &validation).map_err(|e| e.to_string())?.claims;
        let now = now.as_second();
        if claims.exp.saturating_add(LEEWAY_SECONDS) <= now {
            return Err("it is expired".to_string());
        }
        if claims.nbf.is_some_and(|nbf| nbf.saturating_sub(LEEWAY_SECONDS) > now) {
            return Err("it is not valid yet".to_string());
        }
        Ok(claims)
    }

    async fn key(&self, kid: Option<&str>, algorithm: Algorithm) -> std::result::Result<DecodingKey, String> {
        let mut keys = self.keys.lock().await;
        let age = keys.read.map(|read| read.elapsed());
        if keys.set.is_none() || age.is_none_or(|age| age > KEYS_STALE_AFTER) {
            self.read_keys(&mut keys).await?;
        }
        if let Some(key) = find(keys.set.as_ref(), kid, algorithm) {
            return Ok(key);
        }
        // The issuer may have rotated.
        if keys.read.is_none_or(|read| read.elapsed() > KEYS_NOT_AGAIN_WITHIN) {
            self.read_keys(&mut keys).await?;
        }
        find(keys.set.as_ref(), kid, algorithm).ok_or_else(|| "no key of the issuer fits".to_string())
    }

    async fn read_keys(&self, keys: &mut Keys) -> std::result::Result<(), String> {
        if keys.read.is_some_and(|read| read.elapsed() < Duration::from_secs(1)) {
            return Ok(());
        }
        keys.read = Some(Instant::now());
        let text = match &self.settings.jwks {
            Jwks::File(path) => {
                tokio::fs::read(path).await.map_err(|e| format!("{}: {e}", path.display()))?
            }
            Jwks::Url(url) => self.fetch(url.as_str()).await.map_err(|e| {
                let shown = without_credentials(url.as_str());
                format!("{shown}: {e}")
            })?,
        };
        keys.set = Some(serde_json::from_slice(&text).map_err(|e| format!("the key set: {e}"))?);
        Ok(())
    }

    async fn fetch(&self, url: &str) -> std::result::Result<Vec<u8>, String> {
        let mut answer = self.client.get(url).send().await.map_err(|e| e.without_url().to_string())?;
        if !answer.status().is_success() {
            return Err(format!("answered {}", answer.status()));
        }
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|e| e.to_string())? {
            if body.len() + chunk.len() > KEYS_MAX_BYTES {
                return Err("is longer than 1 MiB".to_string());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }
}

/// The key with this id, or without one the only key that fits the algorithm.
fn find(set: Option<&JwkSet>, kid: Option<&str>, algorithm: Algorithm) -> Option<DecodingKey> {
    use jsonwebtoken::jwk::AlgorithmParameters as P;
    let fits = |jwk: &&jsonwebtoken::jwk::Jwk| {
        matches!(
            (&jwk.algorithm, algorithm),
            (P::RSA(_), Algorithm::RS256)
                | (P::EllipticCurve(_), Algorithm::ES256)
                | (P::OctetKeyPair(_), Algorithm::EdDSA)
        )
    };
    let mut fitting =
        set?.keys.iter().filter(fits).filter(|jwk| kid.is_none() || jwk.common.key_id.as_deref() == kid);
    let found = fitting.next()?;
    if kid.is_none() && fitting.next().is_some() {
        return None;
    }
    DecodingKey::from_jwk(found).ok()
}
