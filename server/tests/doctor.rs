//! `signet doctor` as people run it: the real program over a real database, in a
//! world of literal zones. Ours is in it as the program exports it.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking, and so do what they are made of")]

use serde_json::Value;
use signet_dns::testing::{Fake, Fault, RESOLVER, Rule, SECOND_RESOLVER, Zone};
use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    net::TcpListener,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Command, Output, Stdio},
    sync::OnceLock,
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// The program's end, as others see it.
struct Ended {
    code: i32,
    out: String,
    err: String,
}

impl Ended {
    fn of(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Self { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|e| panic!("{e}: {}\n{}", self.out, self.err))
    }
}

fn signet(directory: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_signet"));
    command
        .current_dir(directory)
        .env("SIGNET_SENDING_IPS", "192.0.2.1")
        .env("SIGNET_DMARC_RUA", "reports@signet.test")
        .env("SIGNET_DNS_ALLOW_PRIVATE", "true");
    command
}

/// A database in which the demo domain has its keys, its key file, and what
/// belongs into our zone.
struct Installation {
    directory: TempDir,
    zone: Vec<String>,
}

fn installation() -> &'static Installation {
    static MADE: OnceLock<Installation> = OnceLock::new();
    MADE.get_or_init(|| {
        let directory = tempfile::tempdir().unwrap();
        let mut server = signet(directory.path())
            .args(["serve", "--listen", "127.0.0.1:0", "--dns-resolvers", "127.0.0.1:1"])
            .stdout(Stdio::null())
            .stderr(fs::File::create(directory.path().join("server.log")).unwrap())
            .spawn()
            .unwrap();
        let began = Instant::now();
        let zone = loop {
            let exported = Ended::of(signet(directory.path()).args(["zone", "export"]).output().unwrap());
            if exported.out.matches("v=DKIM1").count() == 2 {
                break exported.out;
            }
            let patient = server.try_wait().unwrap().is_none() && began.elapsed() < Duration::from_secs(180);
            let log = || fs::read_to_string(directory.path().join("server.log")).unwrap();
            assert!(patient, "no key was made: {}\n{}", exported.err, log());
            std::thread::sleep(Duration::from_millis(200));
        };
        server.kill().unwrap();
        server.wait().unwrap();
        Installation { directory, zone: zone.lines().filter_map(line).collect() }
    })
}

/// A line of a zone file without its TTL and class; the fake makes the SOA, and
/// its servers are given by each test.
fn line(exported: &str) -> Option<String> {
    let mut words = exported.splitn(5, ' ');
    let (owner, _, _) = (words.next()?, words.next()?, words.next()?);
    let (rtype, data) = (words.next()?, words.next()?);
    let of_servers = rtype == "NS" || owner.starts_with("ns1.");
    (rtype != "SOA" && !of_servers).then(|| format!("{owner} {rtype} {data}"))
}

/// An installation and the world around it.
struct World {
    fake: Fake,
    directory: TempDir,
}

impl World {
    /// Our zone with these lines, on two servers; other zones and faults.
    async fn of(ours: &[String], zones: Vec<Zone>, rules: Vec<Rule>) -> Self {
        let lines: Vec<&str> = ours.iter().map(String::as_str).chain(SERVERS).collect();
        Self::with(vec![Zone::new("signet.test", &[2, 3], &lines)], zones, rules).await
    }

    async fn with(ours: Vec<Zone>, zones: Vec<Zone>, rules: Vec<Rule>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        for entry in fs::read_dir(installation().directory.path()).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_file() {
                fs::copy(entry.path(), directory.path().join(entry.file_name())).unwrap();
            }
        }
        let parent = Zone::new(
            "test",
            &[6],
            &[
                "signet NS ns1.signet",
                "signet NS ns3.signet",
                "ns1.signet A 127.0.0.2",
                "ns3.signet A 127.0.0.3",
            ],
        );
        let zones = [parent].into_iter().chain(ours).chain(zones).collect();
        Self { fake: Fake::start(zones, rules).await, directory }
    }

    async fn run(&self, args: &[&str], settings: &[(&str, &str)]) -> Ended {
        let resolver = self.fake.address(RESOLVER);
        let mut command = signet(self.directory.path());
        command
            .arg("doctor")
            .args(args)
            .env("SIGNET_DNS_RESOLVERS", resolver.to_string())
            .env("SIGNET_DNS_AUTHORITY_PORT", resolver.port().to_string())
            .env("SIGNET_DNS_LISTEN", self.fake.address(2).to_string())
            .envs(settings.iter().copied());
        Ended::of(tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap())
    }

    /// The exit code, and the words that are no good ones.
    async fn words(&self, settings: &[(&str, &str)]) -> (i32, Vec<String>) {
        let ended = self.run(&["--json"], settings).await;
        (ended.code, words(&ended.json()))
    }
}

const SERVERS: [&str; 4] = ["@ NS ns1", "@ NS ns3", "ns1 A 127.0.0.2", "ns3 A 127.0.0.3"];

/// What every run here meets: addresses for documentation, a resolver that does
/// not validate, no https and no SMTP.
const ALWAYS: [&str; 4] =
    ["address_not_public", "resolver_not_validating", "public_url_plain", "mail_to_files"];

fn words(document: &Value) -> Vec<String> {
    let findings = document["findings"].as_array().unwrap().iter();
    let mut words: Vec<String> = findings
        .map(|finding| finding["code"].as_str().unwrap().to_string())
        .filter(|word| word != "ok" && !ALWAYS.contains(&word.as_str()))
        .collect();
    words.sort();
    words.dedup();
    words
}

fn ours() -> Vec<String> {
    let mut lines = installation().zone.clone();
    // Mail to the zone itself, for reports.
    lines.push("@ MX 10 bounce".to_string());
    lines
}

/// The sending address's name.
fn names() -> Vec<Zone> {
    vec![
        Zone::new("192.in-addr.arpa", &[5], &["1.2.0 PTR mail.sender.test."]),
        Zone::new("sender.test", &[5], &["mail A 192.0.2.1", "mail TXT v=spf1 a -all"]),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_is_well() {
    let world = World::of(&ours(), names(), vec![]).await;
    let ended = world.run(&["--json", "--all"], &[]).await;
    let document = ended.json();
    assert_eq!((ended.code, words(&document)), (0, vec![]), "{document:#}");
    assert_eq!((&document["status"], &document["zone"]), (&"good".into(), &"signet.test".into()));
    let subjects: Vec<&str> =
        document["findings"].as_array().unwrap().iter().map(|f| f["subject"].as_str().unwrap()).collect();
    for subject in [
        "delegation",
        "name_servers",
        "bounce",
        "spf",
        "track",
        "dkim",
        "dmarc_reports",
        "demo",
        "ptr",
        "helo",
        "key_file",
        "database",
        "resolvers",
        "zone_server",
        "public_url",
        "smtp",
    ] {
        assert!(subjects.contains(&subject), "nothing about {subject}: {subjects:?}");
    }
    let mut members: Vec<&str> =
        document["findings"][0].as_object().unwrap().keys().map(String::as_str).collect();
    members.sort_unstable();
    let all = ["about", "code", "fix", "level", "observed", "paste", "rcode", "reason", "server", "subject"];
    assert_eq!(members, all);
    let page = world.run(&[], &[]).await;
    assert_eq!(page.code, 0, "{}", page.out);
    for part in [
        "✓ delegation        The zone above leads to ns1.signet.test, ns3.signet.test",
        "✓ name servers      Both name servers answer with authority, over UDP and TCP",
        "✓ DKIM keys         2 keys of 1 domain are served",
        "✓ greeting (HELO)   Greeting with mail.sender.test, 192.0.2.1 passes SPF",
        "✓ zone server       127.0.0.2:",
        "✓ 4 remarks.",
    ] {
        assert!(page.out.contains(part), "no {part:?} in\n{}", page.out);
    }
    // No colour and no spinner in a pipe.
    assert!(!page.out.contains('\u{1b}') && page.err.is_empty(), "{}{}", page.out, page.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_with_the_zone_is_told() {
    let without = |part: &str| -> Vec<String> {
        let lines = ours();
        assert!(lines.iter().any(|line| line.contains(part)), "no {part:?} in {lines:#?}");
        lines.into_iter().filter(|line| !line.contains(part)).collect()
    };
    let mut nobody_may = without(" CAA ");
    nobody_may.push("track.signet.test. CAA 0 issue \";\"".to_string());
    for (lines, wanted) in [
        (without("bounce.signet.test. MX"), vec!["no_mail_exchanger"]),
        (without("_spf.signet.test. TXT"), vec!["spf_not_passed"]),
        (without("track.signet.test. A"), vec!["no_address"]),
        (without("v=DKIM1"), vec!["key_missing"]),
        (without("_dmarc."), vec!["consent_missing", "demo_differs"]),
        (nobody_may, vec!["caa_forbids"]),
    ] {
        let world = World::of(&lines, names(), vec![]).await;
        let (code, words) = world.words(&[]).await;
        assert_eq!((code, words), (1, wanted.iter().map(ToString::to_string).collect()));
    }
    let another: Vec<String> = ours()
        .into_iter()
        .map(|line| match line.split_once(" TXT \"v=DKIM1") {
            Some((owner, _)) => format!("{owner} TXT v=DKIM1; k=rsa; p=MAAA"),
            None => line,
        })
        .collect();
    let world = World::of(&another, names(), vec![]).await;
    let page = world.run(&[], &[]).await;
    assert_eq!(page.code, 1, "{}", page.out);
    for part in [
        "✗ DKIM keys  key_differs",
        "There is another key than the database has at sg1.",
        ": v=DKIM1; k=rsa; p=MAAA",
    ] {
        assert!(page.out.contains(part), "no {part:?} in\n{}", page.out);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_with_a_server_is_told() {
    for (fault, code, wanted) in [
        (Fault::Silent, 1, "server_silent"),
        (Fault::Rcode(5), 1, "server_lame"),
        (Fault::WithoutTcp, 1, "no_tcp"),
        (Fault::NotAuthoritative, 1, "not_authoritative"),
        (Fault::OffersRecursion, 0, "recursion_offered"),
    ] {
        let world = World::of(&ours(), names(), vec![Rule::at(3, fault.clone())]).await;
        let (ended, words) = world.words(&[]).await;
        assert_eq!((ended, words), (code, vec![wanted.to_string()]), "{fault:?}");
    }
    let all = vec![Rule::at(2, Fault::Silent), Rule::at(3, Fault::Silent)];
    let world = World::of(&ours(), names(), all).await;
    // Our own zone server is one of them, and of that we know.
    let (code, words) = world.words(&[]).await;
    assert_eq!((code, words), (1, vec!["unanswered".to_string(), "zone_server_silent".to_string()]));
    let (code, words) = world.words(&[("SIGNET_DNS_LISTEN", "")]).await;
    assert_eq!((code, words), (2, vec!["unanswered".to_string()]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_stays_behind_is_told_by_how_much() {
    let lines: Vec<String> = ours().into_iter().chain(SERVERS.map(str::to_string)).collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let zones = vec![
        Zone::new("signet.test", &[2], &lines).serial(12),
        Zone::new("signet.test", &[3], &lines).serial(9),
    ];
    let world = World::with(zones, names(), vec![]).await;
    let ended = world.run(&["--json"], &[]).await;
    let document = ended.json();
    assert_eq!((ended.code, words(&document)), (1, vec!["server_behind".to_string()]), "{document:#}");
    let behind =
        document["findings"].as_array().unwrap().iter().find(|f| f["code"] == "server_behind").unwrap();
    assert!(behind["reason"].as_str().unwrap().contains("version 9 of signet.test, 3 behind the newest, 12"));
    assert_eq!(behind["server"], "ns3.signet.test (127.0.0.3)");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_with_the_addresses_is_told() {
    let nameless = World::of(&ours(), vec![Zone::new("192.in-addr.arpa", &[5], &[])], vec![]).await;
    assert_eq!(nameless.words(&[]).await, (1, vec!["ptr_missing".to_string()]));
    // An outage is nobody's missing name.
    let outage = World::of(&ours(), names(), vec![Rule::at(5, Fault::Rcode(2))]).await;
    assert_eq!(outage.words(&[]).await, (2, vec!["unanswered".to_string()]));
    let world = World::of(&ours(), names(), vec![]).await;
    let greeting = [("SIGNET_HELO", "other.sender.test")];
    assert_eq!(
        world.words(&greeting).await,
        (1, vec!["helo_spf_not_passed".to_string(), "helo_unconfirmed".to_string()])
    );
    assert_eq!(world.words(&[("SIGNET_HELO", "bounce.signet.test")]).await, (0, vec![]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_first_run_is_told_what_to_do_next() {
    let world = World::with(vec![], vec![], vec![]).await;
    world.fake.set_zones(vec![Zone::new("test", &[6], &[])]);
    let empty = tempfile::tempdir().unwrap();
    let world = World { directory: empty, ..world };
    let settings = [("SIGNET_DNS_LISTEN", "")];
    let ended = world.run(&[], &settings).await;
    assert_eq!(ended.code, 1, "{}", ended.out);
    for part in [
        "✗ delegation  not_delegated",
        "    signet.test. NS ns1.signet.test.\n    ns1.signet.test. A 192.0.2.1\n",
        "set SIGNET_DNS_LISTEN",
        "! database  database_empty",
    ] {
        assert!(ended.out.contains(part), "no {part:?} in\n{}", ended.out);
    }
    let left: Vec<_> = fs::read_dir(world.directory.path()).unwrap().collect();
    assert!(left.is_empty(), "it left {left:?} behind");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_on_this_machine_is_told() {
    let world = World::of(&ours(), names(), vec![Rule::at(SECOND_RESOLVER, Fault::Silent)]).await;
    let one = |word: &str| vec![word.to_string()];
    let two = format!("{},{}", world.fake.address(RESOLVER), world.fake.address(SECOND_RESOLVER));
    assert_eq!(world.words(&[("SIGNET_DNS_RESOLVERS", &two)]).await, (1, one("resolver_silent")));
    // Nobody listens there.
    let nowhere = world.fake.address(99).to_string();
    assert_eq!(world.words(&[("SIGNET_DNS_LISTEN", &nowhere)]).await, (1, one("zone_server_silent")));
    let smtp = format!("smtp://{nowhere}");
    assert_eq!(world.words(&[("SIGNET_SMTP_URL", &smtp)]).await, (1, one("smtp_unusable")));
    assert_eq!(world.words(&[("SIGNET_SMTP_URL", &mail_server())]).await, (0, vec![]));
    let url = [("SIGNET_PUBLIC_URL", "https://nowhere.signet.test")];
    assert_eq!(world.words(&url).await, (0, one("public_url_unreachable")));
    let recursive = [("SIGNET_DNS_MODE", "recursive")];
    assert_eq!(world.words(&recursive).await, (0, one("servers_unchecked")));

    let key = world.directory.path().join("signet.key");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    let ended = world.run(&["--json"], &[]).await;
    assert_eq!((ended.code, words(&ended.json())), (1, one("key_file_unusable")));
    assert!(ended.out.contains("chmod 600"), "{}", ended.out);
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    fs::remove_file(&key).unwrap();
    assert_eq!(world.words(&[]).await, (1, one("key_file_unusable")));
    let other = tempfile::tempdir().unwrap();
    let made = signet(other.path())
        .args(["account", "create", "--name", "other", "--owner-email", "jo@example.com"])
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    fs::copy(other.path().join("signet.key"), &key).unwrap();
    assert_eq!(world.words(&[]).await, (1, one("key_file_other")));

    fs::write(world.directory.path().join("other.db"), "this is no database").unwrap();
    let (code, words) = world.words(&[("SIGNET_DATABASE_URL", "sqlite:other.db")]).await;
    assert_eq!((code, words), (1, one("database_unusable")));
}

/// A mail server that greets and says good-bye; its URL.
fn mail_server() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("smtp://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let lines = BufReader::new(stream.try_clone().unwrap()).lines();
            stream.write_all(b"220 mail.test ready\r\n").unwrap();
            for line in lines {
                let Ok(line) = line else { break };
                let reply: &[u8] = match line.split(' ').next() {
                    Some("EHLO") => b"250-mail.test\r\n250 STARTTLS\r\n",
                    Some("QUIT") => b"221 bye\r\n",
                    Some("NOOP") => b"250 ok\r\n",
                    _ => b"502 nothing is to be sent\r\n",
                };
                if stream.write_all(reply).is_err() || line == "QUIT" {
                    break;
                }
            }
        }
    });
    url
}
