//! What lies on this machine, or is set on it.

use super::super::asking;
use crate::{
    clock::Clock,
    config::{Config, MailRoute},
    fetch::Fetcher,
    keys::KeyFile,
    mailer::{self, Probed},
    ops::Ops,
};
use jiff::{SignedDuration, Timestamp};
use signet_core::{
    doctor::{Code, Finding, Subject},
    names::Name,
    observe::{Consensus, Failure, Question, RecordType, Server, View},
};
use signet_dns::ask::{Ask, Asker, Mode, Settings};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use url::Url;

/// More than this between two clocks lets leases and deadlines go wrong.
const SKEW: SignedDuration = SignedDuration::from_secs(5);
/// Top-level domains, all of them signed, that any resolver finds.
const KNOWN: [&str; 2] = ["org", "net"];

/// Everything that needs no word from the world about our zone.
pub(super) async fn look(config: &Config, ops: Option<&Ops>, asker: &Asker) -> Vec<Finding> {
    let (key, resolvers, url, smtp) = tokio::join!(
        key_file(config, ops),
        resolvers(config, asker),
        public_url(config, asker),
        smtp(config)
    );
    key.into_iter().chain(resolvers).chain([url, smtp]).collect()
}

/// The database that could be opened; `empty` is what is said when there is
/// nothing in it.
pub(super) async fn database(ops: &Ops, shown: &str, empty: Finding) -> Vec<Finding> {
    let finding = |code, reason| Finding::new(Subject::Database, shown, code, reason);
    let before = Clock::system().now();
    let both =
        async { Ok::<_, crate::store::StoreError>((ops.store.now().await?, ops.store.is_empty().await?)) };
    let (its, is_empty) = match both.await {
        Ok(both) => both,
        Err(error) => {
            let fix = "See what its log says; the message is from there.";
            let reason = format!("The database {shown} cannot be read: {error}.");
            return vec![finding(Code::DatabaseUnusable, reason).fix(fix)];
        }
    };
    let after = Clock::system().now();
    let apart = apart(before, its, after);
    let postgres = ops.config.database_url.starts_with("postgres");
    vec![read(shown, postgres, apart, is_empty, empty)]
}

/// A database that could be read. SQLite's clock is this machine's.
fn read(shown: &str, postgres: bool, apart: SignedDuration, is_empty: bool, empty: Finding) -> Finding {
    let finding = |code, reason| Finding::new(Subject::Database, shown, code, reason);
    if postgres && apart > SKEW {
        let reason = format!(
            "This machine's clock and the database's are {:.1} s apart: leases and deadlines go wrong by as much.",
            apart.as_secs_f64()
        );
        let fix = "Have both keep time (NTP): `timedatectl set-ntp true`, or chrony.";
        return finding(Code::ClockSkewed, reason).fix(fix);
    }
    if is_empty {
        return empty;
    }
    let clock = if postgres { ", and its clock agrees with this machine's" } else { "" };
    finding(Code::Ok, format!("The database {shown} answers{clock}."))
}

/// How far a clock is off that was read at some moment between these two.
fn apart(before: Timestamp, its: Timestamp, after: Timestamp) -> SignedDuration {
    before.duration_since(its).max(its.duration_since(after)).max(SignedDuration::ZERO)
}

/// The key file, and that it belongs to the database.
async fn key_file(config: &Config, ops: Option<&Ops>) -> Option<Finding> {
    let path = config.key_file.display().to_string();
    let noted = match ops {
        Some(ops) => ops.store.key_fingerprint().await.ok().flatten(),
        None => None,
    };
    let finding = |code, reason| Finding::new(Subject::KeyFile, &path, code, reason);
    match (KeyFile::open(&config.key_file), noted) {
        // Nothing is to be opened with it yet.
        (Err(_), None) if !config.key_file.exists() => None,
        (Err(why), _) => {
            let fix =
                "Without the right key file no DKIM key can be opened, and `signet serve` does not start.";
            Some(finding(Code::KeyFileUnusable, format!("{}.", capital(&why))).fix(fix))
        }
        (Ok(key), Some(noted)) if !key.select(&noted) => {
            let reason = format!("The key file {path} is not the one this database was made with.");
            let fix = "Put the right one there, or name it in SIGNET_KEY_FILE.";
            Some(finding(Code::KeyFileOther, reason).fix(fix).observed([
                format!("the file's fingerprint is {}", key.fingerprint()),
                format!("the database notes {noted}"),
            ]))
        }
        (Ok(_), Some(_)) => {
            Some(finding(Code::Ok, format!("{path} is this database's, and can be read by its owner only.")))
        }
        (Ok(_), None) => Some(finding(Code::Ok, format!("{path} can be read by its owner only."))),
    }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// What one resolver did.
#[derive(Default)]
struct Resolver {
    answers: bool,
    validates: bool,
    failure: Option<Failure>,
}

/// Every configured resolver: that it answers, and whether it checks signatures.
async fn resolvers(config: &Config, asker: &Asker) -> Vec<Finding> {
    let zone = &config.provider.zone;
    let top = zone.as_str().rsplit('.').next().and_then(|label| Name::parse(label).ok());
    let names = KNOWN.iter().filter_map(|name| Name::parse(name).ok()).chain(top);
    let mut found: Vec<(Server, Resolver)> = Vec::new();
    for name in names {
        let question = Question { name, rtype: RecordType::Soa, view: View::Resolvers };
        for reply in asker.look(&question, Ask::thorough()).await.replies {
            let known = found.iter().position(|(server, _)| *server == reply.server);
            let index = known.unwrap_or_else(|| {
                found.push((reply.server.clone(), Resolver::default()));
                found.len() - 1
            });
            let resolver = &mut found[index].1;
            match reply.outcome {
                Ok(answer) => {
                    resolver.answers = true;
                    resolver.validates |= answer.authenticated;
                }
                Err(failure) => resolver.failure = Some(failure),
            }
        }
    }
    judged(&found)
}

fn judged(found: &[(Server, Resolver)]) -> Vec<Finding> {
    let list = |these: &mut dyn Iterator<Item = &(Server, Resolver)>| {
        these.map(|(server, _)| server.to_string()).collect::<Vec<_>>().join(", ")
    };
    let all = list(&mut found.iter());
    let finding = |code, reason| Finding::new(Subject::Resolvers, &all, code, reason);
    if !found.iter().any(|(_, resolver)| resolver.answers) {
        let reason =
            format!("Could not tell: no resolver answers ({all}); perhaps this machine is off the net.");
        let fix =
            "Name resolvers that answer in SIGNET_DNS_RESOLVERS, such as 127.0.0.1:53 with Unbound there.";
        return vec![finding(Code::Unanswered, reason).fix(fix)];
    }
    let mut findings: Vec<Finding> = found
        .iter()
        .filter(|(_, resolver)| !resolver.answers)
        .map(|(server, resolver)| {
            let why = resolver.failure.as_ref().map_or_else(String::new, ToString::to_string);
            let fix = "Take it out of SIGNET_DNS_RESOLVERS, or see to it: look-ups wait for it.";
            finding(Code::ResolverSilent, format!("The resolver {server} {why}.")).fix(fix)
        })
        .collect();
    let validating = list(&mut found.iter().filter(|(_, resolver)| resolver.validates));
    if validating.is_empty() {
        let reason = format!(
            "No resolver checks DNSSEC ({all}): customers whose signatures are broken are not told of it, though their \
             receivers find nothing."
        );
        let fix =
            "Run one that does beside Signet (Unbound does as it comes) and name it in SIGNET_DNS_RESOLVERS.";
        findings.push(finding(Code::ResolverNotValidating, reason).fix(fix));
    } else if findings.is_empty() {
        findings.push(finding(Code::Ok, format!("{all} answer; DNSSEC is checked by {validating}.")));
    }
    findings
}

/// Where links in messages lead.
async fn public_url(config: &Config, asker: &Asker) -> Finding {
    let shown = &config.http.public_url;
    let finding = |code, reason| Finding::new(Subject::PublicUrl, shown, code, reason);
    let Ok(url) = Url::parse(&format!("{shown}/healthz")) else {
        return finding(Code::PublicUrlPlain, format!("{shown} is no URL.")).fix("Set SIGNET_PUBLIC_URL.");
    };
    if url.scheme() != "https" {
        let reason = format!(
            "Links in messages to people begin with {shown}: without https anybody on the way can read them."
        );
        let fix = "Set SIGNET_PUBLIC_URL to the https:// address at which people reach this installation.";
        return finding(Code::PublicUrlPlain, reason).fix(fix);
    }
    let fetcher = Fetcher::new(asker.clone(), config.dns.allow_private);
    let unreachable = |why: String| {
        let reason = format!("From here {url} {why}. Links in messages may lead nowhere.");
        let fix = "Open it in a browser elsewhere; behind a proxy, see that it leads to SIGNET_LISTEN.";
        finding(Code::PublicUrlUnreachable, reason).fix(fix)
    };
    match fetcher.get(&url).await {
        Ok(page) if page.status == 200 => finding(Code::Ok, format!("{shown} answers.")),
        Ok(page) => unreachable(format!("answers with status {}", page.status)),
        Err(error) => unreachable(error.to_string()),
    }
}

/// How our own messages leave.
async fn smtp(config: &Config) -> Finding {
    if let MailRoute::Directory(path) = &config.mail.route {
        let path = path.display();
        let reason = format!("Messages to people are written as files to {path}, and sent to nobody.");
        return Finding::new(Subject::Smtp, path, Code::MailToFiles, reason).fix(
            "Set SIGNET_SMTP_URL to a mail server that takes them: smtps://user:password@mail.example.com",
        );
    }
    taken(mailer::probe(&config.mail).await)
}

/// What a try at the mail server says of it.
fn taken(probed: Result<Option<Probed>, (String, String)>) -> Finding {
    match probed {
        Ok(probed) => {
            let server = probed.as_ref().map_or("", |probed| probed.server.as_str());
            let plain = probed.as_ref().is_some_and(|probed| !probed.encrypted);
            let offered = probed.as_ref().is_some_and(|probed| probed.offers_starttls == Some(true));
            let finding = |code, reason| Finding::new(Subject::Smtp, server, code, reason);
            if !plain {
                return finding(Code::Ok, format!("{server} takes our messages, encrypted."));
            }
            if loopback(server) {
                return finding(Code::Ok, format!("{server}, on this machine, takes our messages."));
            }
            let fix = if offered {
                "It offers STARTTLS: add ?tls=required to SIGNET_SMTP_URL."
            } else {
                "It offers no STARTTLS: use one that does, or smtps://."
            };
            let reason =
                format!("Our messages, and the password, if there is one, go to {server} unencrypted.");
            finding(Code::SmtpPlain, reason).fix(fix)
        }
        Err((server, why)) => {
            let reason =
                format!("The mail server for our own messages, {server}, does not take them: {why}.");
            let fix = "See that it runs and lets this machine in; SIGNET_SMTP_URL says where it is.";
            Finding::new(Subject::Smtp, server, Code::SmtpUnusable, reason).fix(fix)
        }
    }
}

fn loopback(server: &str) -> bool {
    let host = server.rsplit_once(':').map_or(server, |(host, _)| host);
    let host = host.trim_matches(['[', ']']);
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Our own zone server, asked directly; `seen` is the newest version that the
/// world sees.
pub(super) async fn zone_server(config: &Config, seen: Option<u32>) -> Option<Finding> {
    let listen = config.dns.listen?;
    let zone = &config.provider.zone;
    let address = SocketAddr::new(reachable(listen.ip()), listen.port());
    let settings = Settings {
        resolvers: vec![address],
        mode: Mode::Authoritative,
        allow_private: true,
        sockets: 1,
        tries: 2,
        ..asking::asker_settings(config)
    };
    let finding = |code, reason| Finding::new(Subject::ZoneServer, address, code, reason);
    let asker = Asker::new(settings).await.ok()?;
    let question = Question { name: zone.clone(), rtype: RecordType::Soa, view: View::Resolvers };
    let look = asker.look(&question, Ask::thorough()).await;
    let answer = match look.consensus() {
        Consensus::Agreed { answer, .. } if answer.authoritative => answer,
        other => {
            let why = match other {
                Consensus::Nothing { failure, .. } => failure.to_string(),
                _ => "answers, but not for our zone".to_string(),
            };
            let reason = format!("Our own zone server at {address} (SIGNET_DNS_LISTEN) {why}.");
            let fix =
                "See that `signet serve` runs with the same setting, and that nothing else has the port.";
            return Some(finding(Code::ZoneServerSilent, reason).fix(fix));
        }
    };
    Some(beside(zone, address, answer.serial, seen))
}

/// What our own server has beside what the world sees.
fn beside(zone: &Name, address: SocketAddr, own: Option<u32>, seen: Option<u32>) -> Finding {
    let finding = |code, reason| Finding::new(Subject::ZoneServer, address, code, reason);
    match (own, seen) {
        (Some(own), Some(seen)) if own != seen => {
            let reason = format!("Our own zone server has version {own} of {zone}; the world sees {seen}.");
            let fix = "If it stays so, see that the public name servers are told of changes and may transfer the zone.";
            finding(Code::ZoneServerDiffers, reason).fix(fix)
        }
        (Some(own), Some(_)) => {
            finding(Code::Ok, format!("{address} answers with version {own}, which the world sees, too."))
        }
        _ => finding(Code::Ok, format!("{address} answers for {zone}.")),
    }
}

/// Where something that listens on every address can be asked.
fn reachable(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Code::{Ok as Good, SmtpPlain, SmtpUnusable};

    fn second(n: i64) -> Timestamp {
        Timestamp::from_second(n).unwrap()
    }

    #[test]
    fn a_clock_read_in_between_is_not_off() {
        for (its, wanted) in [(10, 0), (11, 0), (12, 0), (4, 6), (20, 8)] {
            assert_eq!(
                apart(second(10), second(its), second(12)),
                SignedDuration::from_secs(wanted),
                "{its}"
            );
        }
    }

    #[test]
    fn a_clock_that_is_off_is_told() {
        let empty = || Finding::new(Subject::Database, "db", Code::DatabaseEmpty, "Empty.");
        let told = |off, postgres, is_empty| {
            read("db", postgres, SignedDuration::from_secs(off), is_empty, empty()).code
        };
        assert_eq!(told(6, true, false), Code::ClockSkewed);
        assert_eq!(told(5, true, false), Good);
        // SQLite has no clock of its own.
        assert_eq!(told(6, false, false), Good);
        assert_eq!(told(0, true, true), Code::DatabaseEmpty);
    }

    #[test]
    fn a_mail_server_is_to_encrypt_unless_it_is_here() {
        let at = |server: &str, encrypted, offers| {
            taken(Ok(Some(Probed { server: server.to_string(), encrypted, offers_starttls: offers })))
        };
        assert_eq!(at("mail.example.com:587", true, Some(true)).code, Good);
        assert_eq!(at("mail.example.com:465", true, None).code, Good);
        assert_eq!(at("127.0.0.1:25", false, Some(false)).code, Good);
        assert_eq!(at("[::1]:25", false, Some(false)).code, Good);
        let offered = at("mail.example.com:25", false, Some(true));
        assert!(offered.code == SmtpPlain && offered.fix.contains("?tls=required"), "{offered:?}");
        assert!(at("mail.example.com:25", false, Some(false)).fix.contains("offers no STARTTLS"));
        assert_eq!(taken(Err(("mail.example.com:25".to_string(), "no".to_string()))).code, SmtpUnusable);
    }

    #[test]
    fn resolvers_are_told_apart() {
        let resolver = |last: u8, answers: bool, validates: bool| {
            let server = Server { name: None, address: Some(Ipv4Addr::new(192, 0, 2, last).into()) };
            let failure = (!answers).then_some(Failure::Timeout);
            (server, Resolver { answers, validates, failure })
        };
        let codes = |found: &[(Server, Resolver)]| judged(found).iter().map(|f| f.code).collect::<Vec<_>>();
        assert_eq!(codes(&[resolver(1, true, true), resolver(2, true, false)]), [Good]);
        assert_eq!(codes(&[resolver(1, true, false)]), [Code::ResolverNotValidating]);
        assert_eq!(codes(&[resolver(1, true, true), resolver(2, false, false)]), [Code::ResolverSilent]);
        assert_eq!(codes(&[resolver(1, false, false)]), [Code::Unanswered]);
        assert_eq!(codes(&[]), [Code::Unanswered]);
    }

    #[test]
    fn versions_are_compared() {
        let zone = Name::parse("signet.test").unwrap();
        let address = "192.0.2.53:53".parse().unwrap();
        let told = |own, seen| beside(&zone, address, own, seen).code;
        assert_eq!(told(Some(3), Some(3)), Good);
        assert_eq!(told(Some(3), None), Good);
        assert_eq!(told(Some(4), Some(3)), Code::ZoneServerDiffers);
    }
}
