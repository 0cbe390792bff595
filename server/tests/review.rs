//! `signet review policy` and `signet review dry-run` as people run them: the real
//! program, against literal zones and a literal website.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking, and so do what they are made of")]

use serde_json::Value;
use signet::{
    clock::{Clock, Randomness},
    store::{self, AccountId, Cause, DomainId, NewAccount, NewDomain, Ruling, Store},
};
use signet_core::{
    company::{CompanyInfo, Field, InfoLevel},
    email::EmailAddress,
    names::{DomainName, Name},
};
use signet_dns::testing::{Fake, Fault, RESOLVER, Rule, Zone};
use std::{path::Path, process::Command, sync::Arc};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

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

    /// Outcome and evidence of a rule; no outcome where it could not tell.
    fn finding(&self, rule: &str) -> (Option<String>, String) {
        let document = self.json();
        let findings = document["findings"].as_array().unwrap();
        let finding = findings.iter().find(|f| f["rule"] == rule).unwrap_or_else(|| panic!("{document:#}"));
        let text = |key: &str| finding[key].as_str().map(ToString::to_string);
        (text("outcome"), text("evidence").unwrap())
    }
}

struct World {
    fake: Fake,
    directory: tempfile::TempDir,
    /// Where the website is.
    port: u16,
}

fn zones() -> Vec<Zone> {
    vec![
        Zone::new(
            "test",
            &[2],
            &[
                "spam.test.dbl A 127.0.1.2",
                "bakery.test.broken A 203.0.113.5",
                "bakery.test.refusing A 127.255.255.254",
            ],
        ),
        Zone::new("bakery.test", &[2], &["@ A 127.0.0.1", "rdap A 127.0.0.1"]),
        Zone::new("parked.test", &[2], &["@ NS ns1.sedoparking.com.", "@ A 127.0.0.1"]),
    ]
}

impl World {
    async fn new() -> Self {
        let fake = Fake::start(zones(), vec![]).await;
        Self { fake, directory: tempfile::tempdir().unwrap(), port: website().await }
    }

    fn path(&self, file: &str) -> String {
        self.directory.path().join(file).display().to_string()
    }

    async fn run(&self, args: &[&str]) -> Ended {
        let mut command = Command::new(env!("CARGO_BIN_EXE_signet"));
        command
            .args(args)
            .current_dir(self.directory.path())
            .env("SIGNET_DNS_RESOLVERS", self.fake.address(RESOLVER).to_string())
            .env("SIGNET_DNS_AUTHORITY_PORT", self.fake.address(RESOLVER).port().to_string())
            .env("SIGNET_DNS_ALLOW_PRIVATE", "true")
            .env("SIGNET_REVIEW_ALLOW_PRIVATE", "true");
        let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Ended { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
    }

    /// A dry run under this policy.
    async fn dry_run(&self, policy: &str, args: &[&str]) -> Ended {
        std::fs::write(self.path("policy.toml"), policy).unwrap();
        let args = [&["review", "dry-run", "--policy", "policy.toml", "--json"], args].concat();
        self.run(&args).await
    }

    async fn store(&self) -> Arc<dyn Store> {
        store::open(&format!("sqlite:{}", self.path("signet.db"))).await.unwrap()
    }
}

/// A web server of two companies.
async fn website() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let mut first = true;
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut buffer = [0; 4096];
            let length = stream.read(&mut buffer).await.unwrap_or(0);
            let request = String::from_utf8_lossy(&buffer[..length]).to_lowercase();
            // A restart that a person would not even notice.
            if request.starts_with("get /restarting") && first {
                first = false;
                let _ = stream.write_all(b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n").await;
                continue;
            }
            let body = if request.contains("host: parked.test") {
                "<h1>parked.test</h1><p>This domain is for sale!</p>".to_string()
            } else if request.starts_with("get /domain/") {
                r#"{"events":[{"eventAction":"registration","eventDate":"2001-02-03T04:05:06Z"}]}"#
                    .to_string()
            } else {
                "<h1>Bäckerei Sonnenschein</h1><p>Brot und Kuchen.</p>".to_string()
            };
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: {}\r\n\r\n",
                body.len()
            );
            let _ = stream.write_all((head + &body).as_bytes()).await;
        }
    });
    port
}

fn rule(check: &str, then: &str, rest: &str) -> String {
    format!("[[rule]]\ncheck = '{check}'\nthen = '{then}'\n{rest}\n")
}

fn cause() -> Cause {
    Cause::command_line("because", Clock::system().now())
}

async fn account(store: &Arc<dyn Store>, website: &str) -> AccountId {
    let random = Randomness::default();
    let new = NewAccount {
        name: "Sonnenschein".to_string(),
        owner_email: EmailAddress::parse("jo@example.org").unwrap(),
        demo: (
            DomainName::trusted(Name::parse(&format!("{}.demo.signet.test", random.record_id())).unwrap()),
            random.record_id(),
        ),
        demo_allowance: 50,
    };
    let id = store.create_account(&new, &cause()).await.unwrap().id;
    let fields = [
        (Field::Name, "Bäckerei Sonnenschein GmbH"),
        (Field::Address, "Ring 1"),
        (Field::City, "Wien"),
        (Field::Country, "Austria"),
        (Field::ZipCode, "1010"),
        (Field::WebsiteUrl, website),
    ];
    let fields = fields.map(|(field, value)| (field, value.to_string()));
    assert!(
        store.create_company(id, &CompanyInfo::stored(fields, InfoLevel::Business), &cause()).await.unwrap()
    );
    id
}

async fn register(store: &Arc<dyn Store>, account: AccountId, name: &str) -> DomainId {
    let name = DomainName::trusted(Name::parse(name).unwrap());
    let new =
        NewDomain { account, name, record_id: Randomness::default().record_id(), dkim: Default::default() };
    store.create_domain(&new, None, &cause()).await.unwrap().unwrap().id
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_policy_in_force_can_be_copied() {
    let world = World::new().await;
    let printed = world.run(&["review", "policy"]).await;
    assert_eq!(
        (printed.code, printed.out.as_str()),
        (0, include_str!("../review-policy.toml")),
        "{}",
        printed.err
    );
    let own = rule("many_new_domains", "refer", "most = 3\ndays = 7") + "# mine\n";
    std::fs::write(world.path("own.toml"), &own).unwrap();
    let printed = world.run(&["review", "policy", "--review-policy", "own.toml"]).await;
    assert_eq!((printed.code, printed.out), (0, own));
    let document = world.run(&["review", "policy", "--review-policy", "own.toml", "--json"]).await.json();
    assert_eq!(document["rule"][0]["most"], 3, "{document:#}");
    std::fs::write(world.path("own.toml"), "\n[[rule]]\ncheck = 'free_male'\nthen = 'refer'\n").unwrap();
    let refused = world.run(&["review", "policy", "--review-policy", "own.toml"]).await;
    assert_eq!(refused.code, 1);
    assert!(refused.err.contains("own.toml: line 3: check = 'free_male' is not one of"), "{}", refused.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_name_can_be_tried_without_a_database() {
    let world = World::new().await;
    let names = rule("look_alike", "refer", "") + &rule("free_mail", "reject", "");
    for (name, code, decision) in
        [("bakery.test", 0, "approve"), ("paypa1.test", 1, "refer"), ("Mail.GMail.com.", 1, "reject")]
    {
        let ended = world.dry_run(&names, &[name]).await;
        assert_eq!(
            (ended.code, &ended.json()["decision"]),
            (code, &decision.into()),
            "{}{}",
            ended.out,
            ended.err
        );
    }
    let ask = rule("look_alike", "ask_card", "");
    let document = world.dry_run(&ask, &["paypa1.test"]).await.json();
    assert_eq!((&document["decision"], &document["ask_card"]), (&"ask".into(), &true.into()));
    assert_eq!((&document["id"], &document["name"]), (&Value::Null, &"paypa1.test".into()));
    // For people.
    let ended = world.run(&["review", "dry-run", "paypa1.test", "--policy", "policy.toml"]).await;
    let last = ended.out.lines().last().unwrap();
    assert_eq!(last, "paypa1.test (not registered; nothing is known of its account): ask for the card check");
    assert!(
        ended.out.contains("can be taken for \"paypal\"") && ended.err.is_empty(),
        "{}{}",
        ended.out,
        ended.err
    );
    assert!(!Path::new(&world.path("signet.db")).exists(), "it makes no database");
    // What cannot be looked at at all.
    for (args, told) in [
        (&["7"][..], "no database"),
        (&["not a name"], "is invalid"),
        (&["bakery.test", "--account", "3"], "no database"),
    ] {
        let ended = world.dry_run(&names, args).await;
        assert!(ended.code == 2 && ended.err.contains(told), "{args:?}: {}{}", ended.out, ended.err);
    }
    let broken = world.dry_run("rule = 1", &["bakery.test"]).await;
    assert!(
        broken.code == 2 && broken.err.contains("policy.toml: line 1: rule is not a list"),
        "{}",
        broken.err
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn blocklists_and_name_servers_are_asked() {
    let world = World::new().await;
    let list = |zone: &str| rule("blocklist", "reject", &format!("lists = ['{zone}']"));
    let run = async |policy: &str, name: &str| {
        let ended = world.dry_run(policy, &[name]).await;
        let (outcome, evidence) =
            ended.finding(if policy.contains("blocklist") { "blocklist" } else { "parking_name_servers" });
        (ended.code, outcome.unwrap_or_default(), evidence)
    };
    let (code, outcome, evidence) = run(&list("dbl.test"), "mail.spam.test").await;
    assert_eq!((code, outcome.as_str()), (1, "reject"), "{evidence}");
    assert_eq!(evidence, "spam.test is on the blocklist dbl.test, which answers 127.0.1.2 for it.");
    let (code, outcome, _) = run(&list("dbl.test"), "bakery.test").await;
    assert_eq!((code, outcome.as_str()), (0, "pass"));
    for zone in ["broken.test", "refusing.test"] {
        let (code, outcome, evidence) = run(&list(zone), "bakery.test").await;
        assert_eq!((code, outcome.as_str()), (2, ""), "{zone}: {evidence}");
    }
    let parking = rule("parking_name_servers", "refer", "");
    assert_eq!(run(&parking, "www.parked.test").await.1, "refer");
    assert_eq!(run(&parking, "bakery.test").await.1, "pass");
    // A resolver that fails says nothing about anybody.
    world.fake.set_rules(vec![Rule::at(RESOLVER, Fault::Rcode(2))]);
    for policy in [parking, list("dbl.test")] {
        let (code, outcome, evidence) = run(&policy, "spam.test").await;
        assert_eq!((code, outcome.as_str()), (2, ""), "{evidence}");
        assert!(evidence.contains("SERVFAIL"), "{evidence}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_registered_domain_is_judged_with_what_its_account_is_known_for() {
    let world = World::new().await;
    let store = world.store().await;
    let good = account(&store, &format!("http://bakery.test:{}/restarting", world.port)).await;
    let bakery = register(&store, good, "bakery.test").await;
    let bad = account(&store, &format!("http://parked.test:{}/", world.port)).await;
    let parked = register(&store, bad, "parked.test").await;
    let other = register(&store, bad, "other.test").await;
    store.rule(other, Ruling::Reject, None, &cause()).await.unwrap();
    register(&store, bad, "both.test").await;
    register(&store, good, "both.test").await;
    store.close().await;

    let rules = [
        "website_unreachable",
        "website_unrelated",
        "website_parked",
        "contradictory_company",
        "rejected_in_account",
    ];
    let policy = rules.map(|check| rule(check, "refer", "")).concat()
        + &rule("many_new_domains", "ask_card", "most = 2\ndays = 1")
        + &rule(
            "domain_age",
            "refer",
            &format!("days = 30\nrdap_url = 'http://rdap.bakery.test:{}/domain/{{domain}}'", world.port),
        );
    let ended = world.dry_run(&policy, &["bakery.test"]).await;
    assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
    let document = ended.json();
    assert_eq!((&document["id"], &document["account_id"]), (&bakery.0.into(), &good.0.into()));
    assert!(document["findings"].as_array().unwrap().iter().all(|f| f["outcome"] == "pass"), "{document:#}");
    assert_eq!(ended.finding("domain_age").1, "The domain was registered on 2001-02-03.");
    assert_eq!(ended.finding("many_new_domains").1, "The account has registered 2 domains within a day.");

    // By its number, too.
    let ended = world.dry_run(&policy, &[&parked.0.to_string()]).await;
    assert_eq!((ended.code, ended.json()["decision"].as_str()), (1, Some("ask")), "{}", ended.out);
    for (name, outcome) in [
        ("website_unreachable", "pass"),
        ("website_unrelated", "pass"),
        ("website_parked", "refer"),
        ("contradictory_company", "pass"),
        ("rejected_in_account", "refer"),
        ("many_new_domains", "ask_card"),
    ] {
        let (got, evidence) = ended.finding(name);
        assert_eq!(got.as_deref(), Some(outcome), "{name}: {evidence}");
    }
    assert_eq!(ended.finding("rejected_in_account").1, "The account's domain other.test has been rejected.");

    // One name in two accounts.
    let several = world.dry_run(&policy, &["both.test"]).await;
    assert!(several.code == 2 && several.err.contains("several accounts"), "{}", several.err);
    let one = world.dry_run(&policy, &["both.test", "--account", &good.0.to_string()]).await;
    assert_eq!(one.json()["account_id"], good.0);
    // Registered by nobody.
    let none = world.dry_run(&rule("free_mail", "refer", ""), &["nobody.test"]).await;
    assert_eq!((none.code, &none.json()["id"]), (0, &Value::Null));
}
