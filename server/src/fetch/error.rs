//! Why nothing could be fetched, and whose doing that is.

use std::{io, net::IpAddr};

/// Why nothing was fetched; the text completes "the website …".
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// Not `http` or `https`.
    #[error("has an address that begins with {0}:, where only http: and https: are looked at")]
    Scheme(String),
    /// A user name or password in the URL.
    #[error("has an address with a user name in it, which is not followed")]
    Credentials,
    /// No host, or one that can be no name in DNS.
    #[error("has an address without a full host name")]
    Host,
    /// The port of another service.
    #[error("has the port {0} in its address, which is not one of the web")]
    Port(u16),
    /// One of the host's addresses is not a public one.
    #[error("is at {host}, which has the address {address}; that is not a public one and is not asked")]
    Private {
        /// The host.
        host: String,
        /// The first address that is not public.
        address: IpAddr,
    },
    /// DNS says that there is no such host, or that it has no address.
    #[error("is at {0}, which has no address in DNS")]
    NoAddress(String),
    /// DNS said nothing. Never held against the site.
    #[error("is at {host}, whose address could not be looked up: {problem}")]
    Dns {
        /// The host.
        host: String,
        /// What the resolver did.
        problem: String,
    },
    /// The host is there and nothing listens.
    #[error("does not take connections")]
    Refused,
    /// What it speaks is no TLS of today, or its certificate is expired, revoked or
    /// another host's.
    #[error("cannot be reached over HTTPS: {0}")]
    Tls(String),
    /// A redirect after the third.
    #[error("redirects more than three times")]
    TooManyRedirects,
    /// A redirect to what is no URL.
    #[error("redirects to something that is no address")]
    BadRedirect,
    /// The time is over. Never held against the site: it may be our network.
    #[error("did not answer in time")]
    Timeout,
    /// The network failed on the way.
    #[error("could not be reached: {0}")]
    Network(String),
    /// What came back is no HTTP, or broke off.
    #[error("sent an answer that could not be read: {0}")]
    Broken(String),
}

impl FetchError {
    /// Whether it is a fact about the site rather than, possibly, trouble on our
    /// side or on the way.
    #[must_use]
    pub fn is_the_sites(&self) -> bool {
        !matches!(self, Self::Dns { .. } | Self::Timeout | Self::Network(_) | Self::Broken(_))
    }

    /// Whether another try may well come to something else.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        !self.is_the_sites() || *self == Self::Refused
    }

    /// What lies at the bottom of the client's error.
    pub(super) fn of(error: &reqwest::Error) -> Self {
        if error.is_timeout() {
            return Self::Timeout;
        }
        let mut last = error.to_string();
        let mut cause = std::error::Error::source(error);
        while let Some(error) = cause {
            if let Some(ours) = error.downcast_ref::<Self>() {
                return ours.clone();
            }
            if let Some(tls) = error.downcast_ref::<rustls::Error>() {
                return Self::tls(tls);
            }
            if let Some(io) = error.downcast_ref::<io::Error>() {
                if let Some(tls) = tls_in(io) {
                    return Self::tls(tls);
                }
                match io.kind() {
                    io::ErrorKind::ConnectionRefused => return Self::Refused,
                    io::ErrorKind::TimedOut => return Self::Timeout,
                    _ => {}
                }
            }
            last = error.to_string();
            cause = error.source();
        }
        if error.is_connect() { Self::Network(last) } else { Self::Broken(last) }
    }

    /// An issuer that is not known here may be one that this machine lacks, or whose
    /// certificate browsers find by themselves.
    fn tls(error: &rustls::Error) -> Self {
        use rustls::CertificateError as C;
        let theirs = match error {
            rustls::Error::InvalidCertificate(why) => matches!(
                why,
                C::Expired
                    | C::ExpiredContext { .. }
                    | C::Revoked
                    | C::NotValidForName
                    | C::NotValidForNameContext { .. }
            ),
            _ => true,
        };
        if theirs { Self::Tls(error.to_string()) } else { Self::Network(error.to_string()) }
    }
}

/// What an `io::Error` carries is not among its sources, and may be one itself.
fn tls_in(error: &io::Error) -> Option<&rustls::Error> {
    let inner = error.get_ref()?;
    inner.downcast_ref::<rustls::Error>().or_else(|| inner.downcast_ref::<io::Error>().and_then(tls_in))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustls::CertificateError as C;

    #[test]
    fn whose_doing_a_certificate_is() {
        for (why, theirs) in [
            (C::Expired, true),
            (C::NotValidForName, true),
            (C::Revoked, true),
            // Our own list of authorities may be what is lacking; so may our clock.
            (C::UnknownIssuer, false),
            (C::NotValidYet, false),
        ] {
            let error = FetchError::tls(&rustls::Error::InvalidCertificate(why.clone()));
            assert_eq!(error.is_the_sites(), theirs, "{why:?}");
        }
    }
}
