//! `signet check` and `signet spf` as people run them: the real program, in an
//! empty directory it may not write to, asking literal zones over UDP.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking, and so do what they are made of")]

use serde_json::Value;
use signet_dns::testing::{Fake, Fault, RESOLVER, Rule, Zone};
use std::{os::unix::fs::PermissionsExt as _, process::Command};

const GOOD: [&str; 8] = [
    "@ MX 10 mx",
    "mx A 192.0.2.25",
    "@ TXT v=spf1 include:_spf.vendor.test mx -all exp=why.good.test",
    "why TXT %{i} is no server of %{d}",
    "_dmarc TXT v=DMARC1; p=reject; rua=mailto:dmarc@good.test",
    "google._domainkey TXT v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=",
    "_smtp._tls TXT v=TLSRPTv1; rua=mailto:tls@good.test",
    "s1._domainkey CNAME gone.vendor.test.",
];

/// The program's end, as others see it.
struct Ended {
    code: i32,
    out: String,
    err: String,
}

impl Ended {
    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|e| panic!("{e}: {}\n{}", self.out, self.err))
    }
}

struct World {
    fake: Fake,
}

impl World {
    async fn new(rules: Vec<Rule>) -> Self {
        let zones = vec![
            Zone::new(
                "test",
                &[6, 7],
                &[
                    "good NS ns2.good",
                    "good NS ns3.good",
                    "ns2.good A 127.0.0.2",
                    "ns3.good A 127.0.0.3",
                    "bad NS ns4.bad",
                    "ns4.bad A 127.0.0.4",
                    "broken NS ns2.good",
                    "broken DS x",
                ],
            ),
            Zone::new("good.test", &[2, 3], &GOOD),
            Zone::new("broken.test", &[2], &["@ NS ns2.good.test.", "@ TXT v=spf1 -all"]),
            Zone::new("bad.test", &[4], &["@ TXT v=spf1 +all", "@ TXT v=spf1 -all"]),
            Zone::new("vendor.test", &[5], &["_spf TXT v=spf1 ip4:198.51.100.0/26 -all"]),
        ];
        Self { fake: Fake::start(zones, rules).await }
    }

    async fn run(&self, args: &[&str]) -> Ended {
        let resolver = self.fake.address(RESOLVER);
        self.run_with(args, &resolver.to_string()).await
    }

    async fn run_with(&self, args: &[&str], resolvers: &str) -> Ended {
        let directory = tempfile::tempdir().unwrap();
        std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(0o555)).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_signet"));
        command
            .args(args)
            .current_dir(directory.path())
            .env("SIGNET_DNS_RESOLVERS", resolvers)
            .env("SIGNET_DNS_AUTHORITY_PORT", self.fake.address(RESOLVER).port().to_string())
            .env("SIGNET_DNS_ALLOW_PRIVATE", "true");
        let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
        let left: Vec<_> = std::fs::read_dir(directory.path()).unwrap().collect();
        assert!(left.is_empty(), "it left {left:?} behind");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Ended { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
    }
}

fn finding<'a>(document: &'a Value, key: &str) -> &'a Value {
    document["findings"].as_array().unwrap().iter().find(|f| f["key"] == key).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_domain_in_order_is_good() {
    let world = World::new(vec![]).await;
    // As people write it.
    let ended =
        world.run(&["check", "Good.Test.", "--ip", "198.51.100.7", "--selector", "google", "--json"]).await;
    let document = ended.json();
    assert_eq!((ended.code, &document["status"]), (0, &"good".into()), "{document:#}");
    assert_eq!((&document["name"], &document["zone"]), (&"good.test".into(), &"good.test".into()));
    for finding in document["findings"].as_array().unwrap() {
        let mut members: Vec<&str> = finding.as_object().unwrap().keys().map(String::as_str).collect();
        members.sort_unstable();
        let expected = [
            "checked_at",
            "code",
            "expected",
            "fix",
            "key",
            "name",
            "observed",
            "rcode",
            "reason",
            "remarks",
            "selector",
            "server",
            "status",
            "ttl",
            "weight",
        ];
        assert_eq!(members, expected);
    }
    let servers = finding(&document, "name_servers");
    assert_eq!(servers["code"], "ok", "{servers:#}");
    assert_eq!(servers["observed"].as_array().unwrap().len(), 2);
    let key = finding(&document, "dkim");
    assert_eq!((&key["name"], &key["selector"]), (&"google._domainkey.good.test".into(), &"google".into()));
    assert_eq!(finding(&document, "dnssec")["code"], "unsigned");
    assert_eq!(finding(&document, "mta_sts")["weight"], "note");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn problems_are_told_with_what_was_seen_and_what_to_do() {
    let world = World::new(vec![]).await;
    let ended = world.run(&["check", "bad.test"]).await;
    assert_eq!(ended.code, 1, "{}{}", ended.out, ended.err);
    for part in [
        "SPF  spf_multiple",
        "  seen  v=spf1 +all",
        "  by    ns4.bad.test (127.0.0.4), NOERROR, TTL 3600 s",
        "DMARC  ",
        "MX  no_record",
        "name servers  name_servers_few",
        "problems, 1 warning.",
    ] {
        assert!(ended.out.contains(part), "no {part:?} in\n{}", ended.out);
    }
    // No colour and no spinner in a pipe.
    assert!(!ended.out.contains('\u{1b}') && ended.err.is_empty(), "{}{}", ended.out, ended.err);
    let given = world.run(&["check", "good.test", "--selector", "other", "--json"]).await;
    assert_eq!((given.code, &given.json()["status"]), (1, &"problems".into()));
    let gone = world.run(&["check", "gone.test", "--json"]).await;
    assert_eq!((gone.code, &gone.json()["findings"][0]["code"]), (1, &"not_delegated".into()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silence_is_not_held_against_anybody() {
    let one = World::new(vec![Rule::at(3, Fault::Silent)]).await;
    let ended = one.run(&["check", "good.test", "--json"]).await;
    let document = ended.json();
    assert_eq!(ended.code, 0, "{document:#}");
    let servers = finding(&document, "name_servers");
    assert_eq!((&servers["status"], &servers["code"]), (&"softfail".into(), &"name_servers_lame".into()));
    assert!(servers["reason"].as_str().unwrap().contains("ns3.good.test (127.0.0.3) did not answer in time"));
    // Nor is it when the other one loses a question: it is asked again.
    let lost = Rule::at(2, Fault::Silent).about("_dmarc.good.test").times(1);
    let ended =
        World::new(vec![Rule::at(3, Fault::Silent), lost]).await.run(&["check", "good.test", "--json"]).await;
    assert_eq!((ended.code, finding(&ended.json(), "dmarc")["status"].clone()), (0, "pass".into()));
    let both = World::new(vec![Rule::at(2, Fault::Silent), Rule::at(3, Fault::Silent)]).await;
    let ended = both.run(&["check", "good.test", "--json"]).await;
    assert_eq!((ended.code, &ended.json()["status"]), (2, &"unknown".into()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn broken_dnssec_is_a_problem() {
    let world = World::new(vec![Rule::at(RESOLVER, Fault::Bogus).about("broken.test")]).await;
    let ended = world.run(&["check", "broken.test", "--json"]).await;
    let document = ended.json();
    assert_eq!(
        (ended.code, &finding(&document, "dnssec")["code"]),
        (1, &"dnssec_bogus".into()),
        "{document:#}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_asked_is_refused_with_a_sentence() {
    let world = World::new(vec![]).await;
    for (args, told) in [
        (&["check", "exa mple.test"][..], "the name \"exa mple.test\" is invalid: it may have letters"),
        (&["check", "https://good.test/"], "without http://"),
        (&["check", "good.test", "--selector", "a b"], "the selector \"a b\" cannot be one"),
        (&["spf", "192.0.2.1", "<>"], "give --helo"),
    ] {
        let ended = world.run(args).await;
        assert_eq!(ended.code, 2, "{args:?}: {}", ended.err);
        assert!(ended.err.starts_with("error: ") && ended.err.contains(told), "{args:?}: {}", ended.err);
    }
    let nobody = world.run_with(&["check", "good.test"], "127.0.0.1:not-a-port").await;
    assert_eq!(nobody.code, 2);
    assert!(nobody.err.contains("SIGNET_DNS_RESOLVERS"), "{}", nobody.err);
    assert_eq!(world.run(&["spf", "not-an-address", "good.test"]).await.code, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn spf_shows_how_the_result_came_about() {
    let world = World::new(vec![]).await;
    let passed = world.run(&["spf", "198.51.100.7", "jo@good.test"]).await;
    assert_eq!(passed.code, 0, "{}{}", passed.out, passed.err);
    let failed = world.run(&["spf", "203.0.113.9", "<jo@good.test>"]).await;
    assert_eq!(failed.code, 1, "{}{}", failed.out, failed.err);
    insta::assert_snapshot!(failed.out, @"
    fail  203.0.113.9 as jo@good.test
      The address may not send: -all in the record of good.test matched.
      The domain explains: 203.0.113.9 is no server of good.test

    good.test  v=spf1 include:_spf.vendor.test mx -all exp=why.good.test
    ├─ include:_spf.vendor.test  no match  1 look-up
    │  _spf.vendor.test  v=spf1 ip4:198.51.100.0/26 -all
    │  ├─ ip4:198.51.100.0/26  no match  203.0.113.9 is not in it
    │  └─ -all  fail  matches every address
    ├─ mx  no match  no mail exchanger of good.test has such an address, 1 look-up
    └─ -all  fail  matches every address

    look-ups 2 of 10, void ones 0 of 2
    ");
    let document = world.run(&["spf", "203.0.113.9", "good.test", "--json"]).await.json();
    assert_eq!(document["result"], "fail");
    assert_eq!(document["mail_from"], "postmaster@good.test");
    assert_eq!(document["explanation"], "203.0.113.9 is no server of good.test");
    assert_eq!((&document["lookups"], &document["void_lookups"]), (&2.into(), &0.into()));
    let steps = document["trace"]["steps"].as_array().unwrap();
    assert_eq!(steps[0]["trace"]["steps"][0]["term"], "ip4:198.51.100.0/26");
    assert_eq!(steps[2]["result"], "fail");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn spf_of_the_helo_name_and_of_silent_servers() {
    let world = World::new(vec![]).await;
    let helo = world.run(&["spf", "192.0.2.25", "", "--helo", "good.test", "--json"]).await;
    assert_eq!((helo.code, &helo.json()["mail_from"]), (0, &"postmaster@good.test".into()));
    let silent = World::new(vec![Rule::at(5, Fault::Silent)]).await;
    let ended = silent.run(&["spf", "192.0.2.25", "jo@good.test", "--json"]).await;
    assert_eq!((ended.code, &ended.json()["result"]), (2, &"temperror".into()));
}
