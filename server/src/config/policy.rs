//! Where the policy server listens.

use std::{fmt, net::SocketAddr, path::PathBuf, str::FromStr};

/// `policy_listen`, written as Postfix does, but for its `inet:`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PolicyListen {
    /// `tcp:127.0.0.1:10040`, or the address and port alone.
    Tcp(SocketAddr),
    /// `unix:/run/signet/policy.sock`.
    Unix(PathBuf),
}

impl FromStr for PolicyListen {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        if let Some(path) = text.strip_prefix("unix:") {
            // A relative one would depend on where the server was started.
            return if path.starts_with('/') { Ok(Self::Unix(PathBuf::from(path))) } else { Err(()) };
        }
        text.strip_prefix("tcp:").unwrap_or(text).parse().map(Self::Tcp).map_err(drop)
    }
}

impl fmt::Display for PolicyListen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "tcp:{address}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_people_write_it() {
        for (text, shown) in [
            ("tcp:127.0.0.1:10040", "tcp:127.0.0.1:10040"),
            ("127.0.0.1:10040", "tcp:127.0.0.1:10040"),
            ("[::1]:10040", "tcp:[::1]:10040"),
            ("unix:/run/signet/policy.sock", "unix:/run/signet/policy.sock"),
        ] {
            assert_eq!(text.parse::<PolicyListen>().unwrap().to_string(), shown);
        }
        for bad in ["", "10040", "localhost:10040", "unix:", "unix:policy.sock", "inet:127.0.0.1:1", "/run/x"]
        {
            assert_eq!(bad.parse::<PolicyListen>(), Err(()), "{bad}");
        }
    }
}
