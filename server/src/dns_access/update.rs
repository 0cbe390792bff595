//! By DNS UPDATE.

use super::{Access, Broken, Means, PATIENCE, Then, Written, providers::Values};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use signet_core::{
    names::Name,
    observe::RecordType,
    plan::RecordKey,
    publish::{Action, Change},
};
use signet_dns::{
    ask::is_public,
    update::{self, Algorithm, Key, UpdateFailed},
};
use std::net::{IpAddr, SocketAddr};
use zeroize::Zeroizing;

/// Where DNS is.
const PORT: u16 = 53;
/// Below it every port is a well-known service's (RFC 6335 §6).
const WELL_KNOWN: u16 = 1024;

/// A name server as it was named.
#[derive(Debug)]
enum Host {
    Address(IpAddr),
    Name(Name),
}

/// Reads what was given; what is wrong, completing "credentials".
pub(super) fn read(values: &Values) -> Result<Key, String> {
    host_and_port(values.get("server"))
        .ok_or_else(|| "has a server that is neither an address nor a host name".to_string())?;
    let name =
        Name::parse(values.get("key_name")).map_err(|_| "has a key_name that is no name".to_string())?;
    let algorithm = match values.get("algorithm") {
        "" => Algorithm::HmacSha256,
        word => Algorithm::parse(word).ok_or_else(|| {
            let known = Algorithm::ALL.map(Algorithm::as_str).join(", ");
            format!("has an algorithm that is none of {known}")
        })?,
    };
    let secret = STANDARD.decode(values.get("key_secret")).map(Zeroizing::new);
    let secret = secret.ok().filter(|secret| !secret.is_empty());
    let secret = secret.ok_or_else(|| "has a key_secret that is no base64".to_string())?;
    Key::new(&name, algorithm, &secret).ok_or_else(|| "has a key_name that is no name".to_string())
}

/// `192.0.2.1`, `192.0.2.1:53`, `[2001:db8::1]:53`, `ns1.example.com:53`.
fn host_and_port(text: &str) -> Option<(Host, u16)> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some((Host::Address(address), PORT));
    }
    if let Ok(address) = text.parse::<SocketAddr>() {
        return Some((Host::Address(address.ip()), address.port()));
    }
    let (host, port) = match text.split_once(':') {
        Some((host, port)) => (host, port.parse().ok()?),
        None => (text, PORT),
    };
    // One label is a machine of somebody's own network.
    let name = Name::parse(host).ok().filter(|name| name.labels() > 1)?;
    Some((Host::Name(name), port))
}

pub(super) async fn try_out(access: &Access, means: &Means) -> Result<(), String> {
    let key = read(&access.values)?;
    let server = server(access, means).await?;
    let probed = update::probe(server, &key, &access.zone, now(means)).await;
    probed.map_err(|failed| sentence(access, server, &failed))
}

/// All of it in one message. Where something stands at a name that seemed unused,
/// that can be the tracking host's: its name is anybody's, while the others to be
/// added are made for the domain. It alone is then left out.
pub(super) async fn write(access: &Access, means: &Means, changes: &[&Change]) -> Written {
    let keys = |changes: &[&Change]| -> Vec<RecordKey> { changes.iter().map(|change| change.key).collect() };
    let sent = async {
        let failed = |reason: String| not_done(Broken::new(Then::Plan, reason));
        let key = read(&access.values).map_err(failed)?;
        let server = server(access, means).await.map_err(failed)?;
        let send = async |changes: &[&Change]| {
            let sent = update::send(server, &key, &access.zone, changes, now(means)).await;
            sent.map_err(|error| {
                let unsure = if error.nothing_written() { Vec::new() } else { keys(changes) };
                let broken = broken(access, server, &error);
                (error, Written { unsure, ..not_done(broken) })
            })
        };
        match send(changes).await {
            Ok(()) => Ok(Written { done: keys(changes), ..Written::default() }),
            Err((UpdateFailed::NameInUse, written)) => {
                let of_tracking = |change: &&Change| {
                    change.key == RecordKey::LinkVerification && change.action == Action::Add
                };
                let (tracking, others): (Vec<&Change>, Vec<&Change>) =
                    changes.iter().copied().partition(of_tracking);
                let [tracking] = tracking[..] else { return Err(written) };
                if others.is_empty() {
                    return Err(written);
                }
                match send(&others).await {
                    Ok(()) => {}
                    Err((error, _)) if error.nothing_written() => return Err(written),
                    Err((_, others_written)) => return Err(others_written),
                }
                let reason = format!(
                    "The tracking host was left out: at {} there is a record where nothing was read (YXDOMAIN), new or \
                     of a type that is not asked for, such as TLSA. Delete it first if it is not needed.",
                    tracking.owner
                );
                Ok(Written { done: keys(&others), ..not_done(Broken::new(Then::Plan, reason)) })
            }
            Err((_, written)) => Err(written),
        }
    };
    let late = || Written { unsure: keys(changes), ..not_done(Broken::new(Then::Plan, "It took too long.")) };
    let sent = tokio::time::timeout(PATIENCE, sent).await.unwrap_or_else(|_| Err(late()));
    sent.unwrap_or_else(|written| written)
}

fn not_done(broken: Broken) -> Written {
    Written { broken: Some(broken), ..Written::default() }
}

fn broken(access: &Access, server: SocketAddr, failed: &UpdateFailed) -> Broken {
    let known = if failed.nothing_written() {
        "Nothing was written."
    } else {
        "Whether anything was written is not known; plan again to see. All of it was, or none."
    };
    let then = match failed {
        UpdateFailed::Changed(_) | UpdateFailed::NameInUse => Then::Outdated,
        _ => Then::Plan,
    };
    Broken::new(then, format!("{} {known}", sentence(access, server, failed)))
}

fn sentence(access: &Access, server: SocketAddr, failed: &UpdateFailed) -> String {
    let named = access.values.get("server");
    let address = if named.parse::<IpAddr>().is_ok() || named.parse::<SocketAddr>().is_ok() {
        String::new()
    } else {
        format!(" ({server})")
    };
    format!("The name server {named}{address} did not do it: {failed}.")
}

fn now(means: &Means) -> u64 {
    u64::try_from(means.clock.now().as_second()).unwrap_or(0)
}

/// Where the server is. If any of its addresses is not public, none is asked.
async fn server(access: &Access, means: &Means) -> Result<SocketAddr, String> {
    let named = access.values.get("server");
    let (host, port) = host_and_port(named).ok_or_else(|| format!("{named} is no name server"))?;
    let found = match host {
        Host::Address(address) => vec![address],
        Host::Name(name) => addresses(means, &name).await?,
    };
    // Other services would take the message for a command of theirs, too.
    if !means.allow_private && port != PORT && port < WELL_KNOWN {
        return Err(format!("Port {port} is another service's; a name server is asked on 53 or above 1023."));
    }
    if let Some(private) = found.iter().find(|address| !means.allow_private && !is_public(**address)) {
        return Err(format!("The name server {named} has the address {private}, which is not a public one."));
    }
    let first = found.first().ok_or_else(|| format!("The name server {named} has no address."))?;
    Ok(SocketAddr::new(*first, port))
}

async fn addresses(means: &Means, name: &Name) -> Result<Vec<IpAddr>, String> {
    let (v4, v6) = tokio::join!(
        means.asker.addresses(name, RecordType::A),
        means.asker.addresses(name, RecordType::Aaaa)
    );
    match (v4, v6) {
        (Ok(v4), Ok(v6)) => Ok(v4.into_iter().chain(v6).collect()),
        // Half an answer that has an address will do.
        (Ok(found), Err(_)) | (Err(_), Ok(found)) if !found.is_empty() => Ok(found),
        (Err(failure), _) | (_, Err(failure)) => {
            Err(format!("The address of {name} could not be found: the resolver {failure}."))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_as_people_write_them() {
        for (text, host, port) in [
            ("192.0.2.1", "Address(192.0.2.1)", 53),
            ("192.0.2.1:5353", "Address(192.0.2.1)", 5353),
            ("2001:db8::1", "Address(2001:db8::1)", 53),
            ("[2001:db8::1]:5353", "Address(2001:db8::1)", 5353),
            ("ns1.example.com", r#"Name("ns1.example.com")"#, 53),
            ("NS1.example.com:1053", r#"Name("ns1.example.com")"#, 1053),
        ] {
            let (found, at) = host_and_port(text).unwrap();
            assert_eq!((format!("{found:?}").as_str(), at), (host, port), "{text}");
        }
        for text in
            ["", "localhost", "ns1.example.com:", "ns1.example.com:99999", "a b.c", "http://ns1.example.com"]
        {
            assert!(host_and_port(text).is_none(), "{text}");
        }
    }

    fn values(secret: &str, algorithm: &str) -> Values {
        let pairs =
            [("server", "192.0.2.1"), ("key_name", "k"), ("key_secret", secret), ("algorithm", algorithm)];
        pairs.into_iter().map(|(name, value)| (name, value.to_string())).collect()
    }

    #[test]
    fn keys_as_servers_have_them() {
        assert!(read(&values("c2VjcmV0", "")).is_ok());
        assert!(read(&values("c2VjcmV0", "hmac-sha384")).is_ok());
        assert!(read(&values("c2VjcmV0", "hmac-md5")).unwrap_err().contains("hmac-sha512"));
        assert!(read(&values("secret!", "")).unwrap_err().contains("base64"));
    }
}
