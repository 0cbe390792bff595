//! Links that carry their own right: whoever was sent one may do what it is for,
//! without a token. They are signed with a key derived from the key file.

use super::Ops;
use crate::store::{AccountId, DomainId};
use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

/// What a link is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// Answering a domain's questionnaire.
    Questionnaire(DomainId),
    /// Turning a domain's critical alerts off (RFC 8058).
    Mute(DomainId),
    /// Turning the health reports of an account's domains off.
    MuteHealth(AccountId),
    /// Turning the health reports of a domain off.
    MuteReports(DomainId),
}

impl Link {
    fn parts(self) -> (u8, i64) {
        match self {
            Self::Questionnaire(id) => (1, id.0),
            Self::Mute(id) => (2, id.0),
            Self::MuteHealth(id) => (3, id.0),
            Self::MuteReports(id) => (4, id.0),
        }
    }

    fn of(kind: u8, id: i64) -> Option<Self> {
        match kind {
            1 => Some(Self::Questionnaire(DomainId(id))),
            2 => Some(Self::Mute(DomainId(id))),
            3 => Some(Self::MuteHealth(AccountId(id))),
            4 => Some(Self::MuteReports(DomainId(id))),
            _ => None,
        }
    }

    /// The first part of its path.
    fn path(self) -> &'static str {
        match self {
            Self::Questionnaire(_) => "questionnaire",
            Self::Mute(_) | Self::MuteHealth(_) | Self::MuteReports(_) => "mute",
        }
    }
}

/// Kind and number.
const BODY: usize = 9;
/// Nobody guesses 128 bits.
const MAC: usize = 16;

impl Ops {
    /// The link's address, where this process has the key file.
    #[must_use]
    pub fn link_url(&self, link: Link) -> Option<String> {
        let base = self.config.http.public_url.trim_end_matches('/');
        Some(format!("{base}/{}/{}", link.path(), self.link_token(link)?))
    }

    fn link_token(&self, link: Link) -> Option<String> {
        let (kind, id) = link.parts();
        let mut token = vec![kind];
        token.extend(id.to_be_bytes());
        let mac = hmac::sign(&self.key.as_ref()?.mac_key("links"), &token);
        token.extend(&mac.as_ref()[..MAC]);
        Some(URL_SAFE_NO_PAD.encode(token))
    }

    /// What a link is for; `None` for one we have not made.
    #[must_use]
    pub fn read_link(&self, token: &str) -> Option<Link> {
        // Decoded strictly, so that a link has one spelling.
        let bytes = (token.len() < 64).then(|| URL_SAFE_NO_PAD.decode(token).ok()).flatten()?;
        let (body, mac) = bytes.split_at_checked(BODY)?;
        // Signed under whichever version of the key file: links never expire (ADR 10).
        let ours = |key: &hmac::Key| {
            let expected = hmac::sign(key, body);
            aws_lc_rs::constant_time::verify_slices_are_equal(mac, &expected.as_ref()[..MAC]).is_ok()
        };
        self.key.as_ref()?.mac_keys("links").iter().any(ours).then_some(())?;
        let (&kind, id) = body.split_first()?;
        Link::of(kind, i64::from_be_bytes(id.try_into().ok()?))
    }
}
