//! Records into a zone through a provider's API: planned from what name servers
//! say, written by the library over HTTP, and read back. The provider is a PowerDNS
//! made up here; what it is given, the name servers then serve.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking, and so do what they are made of")]

use axum::{
    Json, Router,
    extract::{Query, State},
    http::{HeaderMap, StatusCode},
    routing::get,
};
use serde_json::{Value, json};
use signet::{
    clock::Clock,
    config::{Config, Sources},
    keys::KeyFile,
    ops::{Actor, Ops, Refused, publish::AccessWish},
    store::{self, AccountId, DomainId},
};
use signet_core::{plan::RecordKey, publish::Action};
use signet_dns::{
    ask::Asker,
    testing::{Fake, Fault, Rule, Zone},
};
use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex},
};

const NAME: &str = "bakery.test";
const SERVERS: [u8; 2] = [2, 3];
const KEY: &str = "hunter2";

/// Contents as in a zone file, by owner and type.
type Records = BTreeMap<(String, String), Vec<String>>;

/// A PowerDNS, and the name servers it feeds.
struct Host {
    fake: Fake,
    records: Mutex<Records>,
    /// Whether the name servers hear of changes.
    serves: Mutex<bool>,
    /// Changes that are taken before it fails.
    left: Mutex<usize>,
    /// Changes of the domain's texts that lose what is there and fail.
    loses: Mutex<usize>,
    /// The name whose change is made without an answer; after that it takes nothing.
    unheard: Mutex<Option<String>>,
    /// Whether it repeats the key it was given, and does nothing.
    repeats: Mutex<bool>,
}

impl Host {
    fn publish(&self) {
        if !*self.serves.lock().unwrap() {
            return;
        }
        let records = self.records.lock().unwrap();
        let lines: Vec<String> = records
            .iter()
            .flat_map(|((owner, rtype), all)| all.iter().map(move |one| format!("{owner} {rtype} {one}")))
            .collect();
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let ours = Zone::new("signet.test", &[4], &["_spf TXT v=spf1 ip4:192.0.2.1 ip6:2001:db8::1 -all"]);
        self.fake.set_zones(vec![Zone::new(NAME, &SERVERS, &lines), ours]);
    }

    fn set(&self, owner: &str, rtype: &str, contents: &[&str]) {
        let contents = contents.iter().map(|content| (*content).to_string()).collect();
        self.records.lock().unwrap().insert((format!("{owner}."), rtype.to_string()), contents);
        self.publish();
    }

    fn all(&self) -> Records {
        self.records.lock().unwrap().clone()
    }
}

async fn zone(
    State(host): State<Arc<Host>>,
    headers: HeaderMap,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Json<Value>, StatusCode> {
    authorized(&headers)?;
    let wanted = |name: &str, rtype: &str| {
        query.get("rrset_name").is_none_or(|wanted| wanted == name)
            && query.get("rrset_type").is_none_or(|wanted| wanted == rtype)
    };
    let all = host.all();
    let sets =
        all.iter().filter(|((name, rtype), _)| wanted(name, rtype)).map(|((name, rtype), contents)| {
            let records: Vec<Value> =
                contents.iter().map(|content| json!({"content": content, "disabled": false})).collect();
            json!({"name": name, "type": rtype, "ttl": 3600, "records": records})
        });
    Ok(Json(json!({"name": format!("{NAME}."), "rrsets": sets.collect::<Vec<_>>()})))
}

async fn change(
    State(host): State<Arc<Host>>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> Result<StatusCode, (StatusCode, String)> {
    let failed = |status| (status, String::new());
    authorized(&headers).map_err(failed)?;
    if *host.repeats.lock().unwrap() {
        let key = headers["x-api-key"].to_str().unwrap();
        return Err((StatusCode::UNPROCESSABLE_ENTITY, format!("bad key <{key}>")));
    }
    let at = (format!("{NAME}."), "TXT".to_string());
    if body["rrsets"][0]["name"] == at.0.as_str() && *host.loses.lock().unwrap() > 0 {
        *host.loses.lock().unwrap() -= 1;
        host.records.lock().unwrap().remove(&at);
        host.publish();
        return Err(failed(StatusCode::INTERNAL_SERVER_ERROR));
    }
    {
        let mut left = host.left.lock().unwrap();
        *left = left.checked_sub(1).ok_or(failed(StatusCode::INTERNAL_SERVER_ERROR))?;
    }
    for set in body["rrsets"].as_array().unwrap() {
        let at = (set["name"].as_str().unwrap().to_string(), set["type"].as_str().unwrap().to_string());
        let contents = set["records"].as_array().into_iter().flatten();
        let contents: Vec<String> =
            contents.map(|record| record["content"].as_str().unwrap().to_string()).collect();
        let mut records = host.records.lock().unwrap();
        if contents.is_empty() {
            records.remove(&at);
        } else {
            records.insert(at, contents);
        }
    }
    host.publish();
    let changed = body["rrsets"][0]["name"].as_str().unwrap();
    if host.unheard.lock().unwrap().take_if(|name| format!("{name}.") == changed).is_some() {
        *host.left.lock().unwrap() = 0;
        return Err(failed(StatusCode::INTERNAL_SERVER_ERROR));
    }
    Ok(StatusCode::NO_CONTENT)
}

fn authorized(headers: &HeaderMap) -> Result<(), StatusCode> {
    if headers.get("x-api-key").is_some_and(|key| key == KEY) {
        Ok(())
    } else {
        Err(StatusCode::UNAUTHORIZED)
    }
}

struct World {
    host: Arc<Host>,
    url: String,
    ops: Ops,
    actor: Actor,
    domain: DomainId,
    _directory: tempfile::TempDir,
}

impl World {
    async fn new() -> Self {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let everybody = Zone::new("nowhere.test", &[2, 3, 4], &[]);
        let host = Arc::new(Host {
            fake: Fake::start(vec![everybody], Vec::new()).await,
            records: Mutex::default(),
            serves: Mutex::new(true),
            left: Mutex::new(usize::MAX),
            loses: Mutex::default(),
            unheard: Mutex::default(),
            repeats: Mutex::default(),
        });
        host.set(NAME, "TXT", &[r#""hello""#, r#""v=spf1 ip4:192.0.2.200 -all""#]);
        host.set(&format!("_dmarc.{NAME}"), "TXT", &[r#""v=DMARC1; p=reject""#]);
        let path = format!("/api/v1/servers/localhost/zones/{NAME}.");
        let router = Router::new().route(&path, get(zone).patch(change)).with_state(host.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });

        let directory = tempfile::tempdir().unwrap();
        let database = format!("sqlite:{}", directory.path().join("signet.db").display());
        let key_file = directory.path().join("signet.key").display().to_string();
        let flags = [
            ("database_url", database.clone()),
            ("key_file", key_file),
            ("dns_allow_private", "true".to_string()),
        ];
        let config = Config::from_sources(&Sources::read(None, [], flags).unwrap()).unwrap();
        let clock = Clock::manual("2026-04-28T08:00:00Z".parse().unwrap());
        let mut ops = Ops::new(store::open(&database).await.unwrap(), Arc::new(config), clock);
        let (key, _): (KeyFile, _) = ops.install().await.unwrap();
        ops.key = Some(Arc::new(key));
        ops.asker = Some(Asker::new(host.fake.settings()).await.unwrap());
        let actor = Actor::operator(AccountId(1));
        let domain = ops.create_domain(&actor, NAME).await.unwrap().id;
        Self { host, url, ops, actor, domain, _directory: directory }
    }

    async fn give(&self, key: &str) -> Result<(), String> {
        let credentials = [("url", self.url.clone()), ("api_key", key.to_string())].into_iter().collect();
        let (zone, provider) = (NAME.to_string(), "powerdns".to_string());
        let wish = AccessWish { zone, provider, credentials, try_out: true };
        self.ops.give_dns_access(&self.actor, &wish).await.map(drop).map_err(|refused| said(&refused))
    }

    async fn plan(&self) -> (Vec<(RecordKey, Action)>, String) {
        let planned = self.ops.plan_dns(&self.actor, self.domain).await.unwrap();
        (planned.changes.iter().map(|change| (change.key, change.action)).collect(), planned.digest)
    }

    async fn apply(&self, digest: &str) -> Result<Vec<RecordKey>, String> {
        let applied = self.ops.apply_dns(&self.actor, self.domain, digest).await;
        applied.map(|planned| planned.written).map_err(|refused| said(&refused))
    }

    async fn nothing_left(&self) -> bool {
        self.plan().await.0.iter().all(|(_, action)| *action == Action::InPlace)
    }

    async fn history(&self) -> Vec<String> {
        let events = self.ops.events(&self.actor, self.domain, None, 100).await.unwrap();
        events.into_iter().rev().map(|event| event.kind).collect()
    }
}

fn said(refused: &Refused) -> String {
    match refused {
        Refused::Invalid(errors) => errors.values().flatten().cloned().collect::<Vec<_>>().join(" "),
        Refused::Outdated(errors) => format!("409 {}", errors["digest"].join(" ")),
        other => panic!("{other:?}"),
    }
}

fn texts(records: &Records) -> Vec<String> {
    records[&(format!("{NAME}."), "TXT".to_string())].clone()
}

#[tokio::test]
async fn what_is_planned_is_written_and_can_be_taken_out_again() {
    let world = World::new().await;
    let before = world.host.all();
    use Action::{Add, InPlace, Merge};
    let (actions, digest) = world.plan().await;
    assert_eq!(
        actions.iter().map(|(_, action)| *action).collect::<Vec<_>>(),
        [Add, Merge, Add, Add, InPlace, Add]
    );

    let keyless = world.apply(&digest).await.unwrap_err();
    assert!(keyless.contains("no key to the zone bakery.test"), "{keyless}");
    let wrong = world.give("wrong").await.unwrap_err();
    assert!(wrong.contains("does not accept the credentials"), "{wrong}");
    world.give(KEY).await.unwrap();
    assert_eq!(world.host.all(), before, "nothing was written");

    let written = world.apply(&digest).await.unwrap();
    assert_eq!(written.len(), 5, "{written:?}");
    let mut spf = texts(&world.host.all());
    spf.sort();
    assert_eq!(spf, [r#""hello""#, r#""v=spf1 ip4:192.0.2.200 include:_spf.signet.test -all""#]);
    assert!(world.nothing_left().await);
    assert!(world.history().await.contains(&"dns.applied".to_string()));

    world.ops.delete_domain_and_records(&world.actor, world.domain).await.unwrap();
    let mut after = world.host.all();
    let at = (format!("{NAME}."), "TXT".to_string());
    after.get_mut(&at).unwrap().sort();
    assert_eq!(after, before);
}

#[tokio::test]
async fn where_it_breaks_off_is_said_and_it_goes_on_from_there() {
    let world = World::new().await;
    world.give(KEY).await.unwrap();
    *world.host.left.lock().unwrap() = 2;
    let (_, digest) = world.plan().await;
    let broken = world.apply(&digest).await.unwrap_err();
    assert!(broken.contains("Done: verification, spf."), "{broken}");
    assert!(broken.contains("Not done: dkim1, dkim2, link_verification."), "{broken}");
    // What was written is in the history, and the old plan is outdated.
    assert!(world.history().await.contains(&"dns.applied".to_string()));
    *world.host.left.lock().unwrap() = usize::MAX;
    assert!(world.apply(&digest).await.unwrap_err().contains("Nothing was written"));
    let (_, digest) = world.plan().await;
    assert_eq!(
        world.apply(&digest).await.unwrap(),
        [RecordKey::Dkim1, RecordKey::Dkim2, RecordKey::LinkVerification]
    );
    assert!(world.nothing_left().await);
}

#[tokio::test]
async fn a_provider_that_has_something_else_than_its_servers_is_not_written_to() {
    let world = World::new().await;
    world.give(KEY).await.unwrap();
    *world.host.serves.lock().unwrap() = false;
    world.host.set(NAME, "TXT", &[r#""v=spf1 ip4:192.0.2.201 -all""#]);
    let (_, digest) = world.plan().await;
    let refused = world.apply(&digest).await.unwrap_err();
    assert!(refused.contains("not what the zone's name servers say"), "{refused}");
    assert!(refused.contains("Done: verification."), "{refused}");
    assert_eq!(texts(&world.host.all()), [r#""v=spf1 ip4:192.0.2.201 -all""#]);
    // The name servers have not heard of it: the same plan finds the zone changed.
    let outdated = world.apply(&digest).await.unwrap_err();
    assert!(outdated.starts_with("409 ") && outdated.contains("nothing was written"), "{outdated}");
}

#[tokio::test]
async fn what_changed_since_it_was_shown_is_not_written() {
    let world = World::new().await;
    world.give(KEY).await.unwrap();
    let (_, digest) = world.plan().await;
    world.host.set(NAME, "TXT", &[r#""v=spf1 mx -all""#]);
    let before = world.host.all();
    assert!(world.apply(&digest).await.unwrap_err().contains("no longer as it was shown"));
    assert_eq!(world.host.all(), before);
}

#[tokio::test]
async fn silence_blocks_everything() {
    let mut world = World::new().await;
    world.give(KEY).await.unwrap();
    world.ops.asker = Some(Asker::new(world.host.fake.hasty()).await.unwrap());
    world.host.fake.set_rules(SERVERS.map(|server| Rule::at(server, Fault::Silent)).to_vec());
    let planned = world.ops.plan_dns(&world.actor, world.domain).await.unwrap();
    for change in &planned.changes {
        assert_eq!(change.action, Action::Blocked);
        assert!(
            change.reason.contains("did not answer in time") || change.reason.contains("answered in time"),
            "{}",
            change.reason
        );
    }
    let before = world.host.all();
    assert_eq!(world.apply(&planned.digest).await.unwrap(), []);
    let refused = world.ops.delete_domain_and_records(&world.actor, world.domain).await.unwrap_err();
    assert!(said(&refused).starts_with("The domain was not deleted"), "{refused:?}");
    assert_eq!(world.host.all(), before);
    assert!(world.ops.domain(&world.actor, world.domain).await.is_ok());
}

#[tokio::test]
async fn what_a_provider_loses_is_put_back_or_said() {
    let world = World::new().await;
    world.give(KEY).await.unwrap();
    let before = texts(&world.host.all());
    for (loses, back) in [(1, true), (2, false)] {
        *world.host.loses.lock().unwrap() = loses;
        let broken = world.apply(&world.plan().await.1).await.unwrap_err();
        assert_eq!(broken.contains("Plan and apply again"), back, "{broken}");
        let has_text = broken.contains("`v=spf1 ip4:192.0.2.200 -all`");
        assert_eq!(has_text, !back, "{broken}");
        if back {
            let mut after = texts(&world.host.all());
            after.sort();
            assert_eq!(after, before);
        }
    }
    // The history has it as well, whatever became of it.
    let events = world.ops.events(&world.actor, world.domain, None, 100).await.unwrap();
    let begun = events.iter().find(|event| event.kind == "dns.writing").unwrap();
    assert!(begun.evidence.as_ref().unwrap().contains("v=spf1 ip4:192.0.2.200 -all"), "{begun:?}");
}

#[tokio::test]
async fn a_provider_that_repeats_the_key_does_not_give_it_away() {
    let world = World::new().await;
    world.give(KEY).await.unwrap();
    *world.host.repeats.lock().unwrap() = true;
    let refused = world.apply(&world.plan().await.1).await.unwrap_err();
    assert!(refused.contains("bad key <***>") && !refused.contains(KEY), "{refused}");
}

#[tokio::test]
async fn removal_says_what_it_kept_and_leaves_what_stood_there() {
    let world = World::new().await;
    world.give(KEY).await.unwrap();
    let link = format!("sg-link.{NAME}");
    world.host.set(NAME, "TXT", &[r#""v=spf1 ~all""#]);
    world.host.set(&format!("_dmarc.{NAME}"), "TXT", &[r#""v=DMARC1; p=none""#]);
    world.host.set(&link, "CNAME", &["track.signet.test."]);
    let before = world.host.all();
    world.apply(&world.plan().await.1).await.unwrap();
    assert_eq!(texts(&world.host.all()), [r#""v=spf1 include:_spf.signet.test ~all""#]);

    let removed = world.ops.delete_domain_and_records(&world.actor, world.domain).await.unwrap().unwrap();
    assert_eq!(world.host.all(), before);
    let kept = removed.changes.iter().filter(|change| change.action == Action::Keep);
    let kept: Vec<RecordKey> = kept.map(|change| change.key).collect();
    assert_eq!(kept, [RecordKey::Dmarc, RecordKey::LinkVerification]);
    assert_eq!(removed.written.len(), 4);
}

#[tokio::test]
async fn what_a_registration_below_inherits_is_not_taken_away() {
    let world = World::new().await;
    world.give(KEY).await.unwrap();
    world.host.set(&format!("_dmarc.{NAME}"), "TXT", &[]);
    world.apply(&world.plan().await.1).await.unwrap();
    let dmarc = (format!("_dmarc.{NAME}."), "TXT".to_string());
    assert_eq!(world.host.all()[&dmarc], [r#""v=DMARC1; p=none""#]);
    let below = world.ops.create_domain(&world.actor, &format!("mail.{NAME}")).await.unwrap();
    world.ops.delete_domain_and_records(&world.actor, world.domain).await.unwrap();
    assert!(world.host.all().contains_key(&dmarc), "{below:?} inherits it");
    assert!(!world.host.all().contains_key(&(format!("sg-link.{NAME}."), "CNAME".to_string())));
}

/// As when a process ends between the writing and the row that says that it is done.
#[tokio::test]
async fn what_was_written_without_an_answer_is_taken_out_again() {
    let dmarc = format!("_dmarc.{NAME}");
    for unheard in [NAME.to_string(), dmarc.clone(), format!("sg-link.{NAME}")] {
        let world = World::new().await;
        world.give(KEY).await.unwrap();
        world.host.set(NAME, "TXT", &[r#""hello""#]);
        world.host.records.lock().unwrap().remove(&(format!("{dmarc}."), "TXT".to_string()));
        world.host.publish();
        let before = world.host.all();
        *world.host.unheard.lock().unwrap() = Some(unheard.clone());
        let broken = world.apply(&world.plan().await.1).await.unwrap_err();
        assert!(broken.contains("Not done: "), "{unheard}: {broken}");
        *world.host.left.lock().unwrap() = usize::MAX;

        world.apply(&world.plan().await.1).await.unwrap();
        assert!(world.nothing_left().await);
        world.ops.delete_domain_and_records(&world.actor, world.domain).await.unwrap();
        assert_eq!(world.host.all(), before, "{unheard}");
    }
}

#[tokio::test]
async fn what_was_not_written_after_all_is_not_taken_out() {
    let world = World::new().await;
    world.give(KEY).await.unwrap();
    let dmarc = format!("_dmarc.{NAME}");
    world.host.records.lock().unwrap().remove(&(format!("{dmarc}."), "TXT".to_string()));
    world.host.publish();
    // The customer has just added, word for word, what is planned: the name servers
    // have not heard of it, and the provider has.
    *world.host.serves.lock().unwrap() = false;
    world.host.set(&dmarc, "TXT", &[r#""v=DMARC1; p=none""#]);
    let refused = world.apply(&world.plan().await.1).await.unwrap_err();
    assert!(refused.contains("not what the zone's name servers say"), "{refused}");
    assert!(refused.contains("Not done: dmarc, link_verification."), "{refused}");
    assert_eq!(world.history().await.last().unwrap(), "dns.not_written");

    *world.host.serves.lock().unwrap() = true;
    world.host.set(&format!("sg-link.{NAME}"), "CNAME", &["track.signet.test."]);
    assert!(world.nothing_left().await);
    let removed = world.ops.delete_domain_and_records(&world.actor, world.domain).await.unwrap().unwrap();
    let kept = removed.changes.iter().filter(|change| change.action == Action::Keep);
    let kept: Vec<RecordKey> = kept.map(|change| change.key).collect();
    assert_eq!(kept, [RecordKey::Dmarc, RecordKey::LinkVerification]);
    assert!(world.host.all().contains_key(&(format!("{dmarc}."), "TXT".to_string())));
}
