//! What outages do over days: to domains, nothing that is not theirs; to their
//! owners and the operator, one word each.

use super::{CUSTOMER, World, lines, waiting};
use jiff::SignedDuration;
use signet::store::{Domain, DomainId};
use signet_core::{plan::RecordKey, verify::Code};
use signet_dns::testing::{Fault, RESOLVER, Rule, SECOND_RESOLVER, Zone};
use std::time::Duration;

/// The other DNS host's two servers.
const OTHER: [u8; 2] = [5, 6];
const OURS: [u8; 1] = [4];

/// Many domains at two DNS hosts, `host-a` and `host-b`.
struct Town {
    world: World,
    domains: Vec<Domain>,
}

impl Town {
    async fn new(at_a: usize, at_b: usize) -> Self {
        let world = World::with_servers(&[&CUSTOMER[..], &OTHER, &OURS].concat()).await;
        let mut domains = Vec::new();
        for n in 0..at_a + at_b {
            let host = if n < at_a { "a" } else { "b" };
            domains.push(world.register(&format!("d{n}-{host}.test")).await);
        }
        let town = Self { world, domains };
        town.publish(|_| true);
        for domain in &town.domains {
            assert!(town.world.check(domain.id).await.dns.is_verified(), "{}", domain.name);
        }
        town
    }

    /// Publishes the records of those domains that `is_there`; the others have
    /// an empty zone.
    fn publish(&self, is_there: impl Fn(&Domain) -> bool) {
        let mut zones: Vec<Zone> = self
            .domains
            .iter()
            .map(|domain| {
                let servers = if domain.name.as_str().ends_with("-a.test") { CUSTOMER } else { OTHER };
                let records = if is_there(domain) { lines(&self.world.ops, domain) } else { Vec::new() };
                let records: Vec<&str> = records.iter().map(String::as_str).collect();
                Zone::new(domain.name.as_str(), &servers, &records)
            })
            .collect();
        zones.extend(super::our_zone());
        self.world.fake.set_zones(zones);
    }

    /// As if all of them had become due at once.
    async fn look_at_all(&self) {
        for domain in &self.domains {
            self.world.check(domain.id).await;
        }
    }

    /// Every domain is looked at when its time comes, for so many hours.
    async fn live(&self, hours: i64) {
        let end = self.world.ops.clock.now() + SignedDuration::from_hours(hours);
        loop {
            self.world.settle().await;
            // A worker does it by the machine's time, of which little passes here.
            self.world.ops.remind_owners().await.unwrap();
            let next = self.world.ops.store.next_due().await.unwrap().unwrap();
            if next >= end {
                break;
            }
            let now = self.world.ops.clock.now();
            // What is due within ten minutes of the next is looked at with it.
            let step = next.duration_since(now).max(SignedDuration::ZERO) + SignedDuration::from_mins(10);
            self.world.pass_time(step);
        }
        self.world.pass_time(end.duration_since(self.world.ops.clock.now()));
        self.world.settle().await;
    }

    async fn states(&self) -> Vec<&'static str> {
        let mut states = Vec::new();
        for domain in &self.domains {
            states.push(self.domain(domain.id).await.dns.name());
        }
        states
    }

    async fn domain(&self, id: DomainId) -> Domain {
        self.world.ops.domain(&self.world.actor, id).await.unwrap()
    }

    /// What happened to a domain's verification since the beginning.
    async fn story(&self, id: DomainId) -> Vec<String> {
        let mut story = self.world.history(id).await;
        let told =
            ["domain.verified", "domain.at_risk", "domain.unverified", "domain.recovered", "domain.mended"];
        story.retain(|kind| told.contains(&kind.as_str()));
        story
    }

    /// Subjects of the messages handed over so far, without those on first
    /// verification and the weekly reports.
    async fn messages(&self) -> Vec<String> {
        let ops = &self.world.ops;
        self.world.pass_time(signet_core::alert::WAIT);
        let now = ops.clock.now();
        let look = async || {
            let waiting = ops.store.due_notices(now, 1).await.unwrap();
            let outbox = ops.store.counts(now).await.unwrap().outbox;
            if waiting.is_empty() && outbox == 0 {
                return Ok(());
            }
            ops.noticed.notify_one();
            ops.queued.notify_one();
            Err(outbox)
        };
        waiting::until("told of all", look).await;
        let mut subjects = self.world.subjects();
        let beside = ["company information is next", "Health report"];
        subjects.retain(|subject| !beside.iter().any(|beside| subject.contains(beside)));
        subjects
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_week_of_silence_and_servfail_everywhere_changes_nothing() {
    for fault in [Fault::Silent, Fault::Rcode(2)] {
        let mut town = Town::new(2, 1).await;
        if matches!(fault, Fault::Silent) {
            town.world.give_up_after(Duration::from_millis(50)).await;
        }
        let everybody = [&CUSTOMER[..], &OTHER, &OURS, &[RESOLVER, SECOND_RESOLVER]].concat();
        town.world.fake.set_rules(everybody.iter().map(|&host| Rule::at(host, fault.clone())).collect());
        town.live(7 * 24).await;
        assert_eq!(town.states().await, ["verified"; 3], "{fault:?}");
        for domain in &town.domains {
            assert_eq!(town.story(domain.id).await, ["domain.verified"], "{fault:?}");
        }
        for _ in 0..3 {
            town.world.ops.watch().await.unwrap();
        }
        let told = ["DNS gives no answers: no domain can be checked"];
        assert_eq!(town.messages().await, told, "the operator, once, and no owner");
        town.world.fake.set_rules(Vec::new());
        town.world.be_patient_again().await;
        let back = town.world.check(town.domains[0].id).await;
        assert_eq!(town.world.shown(&back, RecordKey::Dkim1), signet_core::verify::Status::Pass);
    }
}

/// It refuses every question for a week; the domains elsewhere do not notice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_dns_host_dead_for_a_week_takes_its_own_domains_only() {
    let town = Town::new(3, 3).await;
    town.world.fake.set_rules(CUSTOMER.map(|host| Rule::at(host, Fault::Rcode(5))).to_vec());
    town.live(23).await;
    assert_eq!(town.states().await, ["verified"; 6], "for a day it is evidence of nothing");
    // Noticed within 29 hours, a fact at the first look a day later, confirmed.
    town.live(38).await;
    assert_eq!(town.states().await[..3], ["at_risk"; 3]);
    let verdict = town.world.verdict(town.domains[0].id, RecordKey::Verification).await;
    assert_eq!(verdict.code, Code::ZoneDead, "{}", verdict.reason);
    town.live(7 * 24 - 61).await;
    assert_eq!(town.states().await, ["lost", "lost", "lost", "verified", "verified", "verified"]);
    for (n, domain) in town.domains.iter().enumerate() {
        let told: &[&str] = if n < 3 {
            &["domain.verified", "domain.at_risk", "domain.unverified"]
        } else {
            &["domain.verified"]
        };
        assert_eq!(town.story(domain.id).await, told, "each once");
    }
    let mut told = town.messages().await;
    for (n, domain) in town.domains.iter().enumerate() {
        let about: Vec<String> =
            told.extract_if(.., |subject| subject.contains(domain.name.as_str())).collect();
        if n < 3 {
            assert!(about.iter().any(|subject| subject.contains("sending stops on")), "{about:?}");
            assert!(about.iter().any(|subject| subject.starts_with("Reminder: ")), "{about:?}");
            assert!(about.iter().any(|subject| subject.ends_with("is no longer verified")), "{about:?}");
        }
        assert_eq!(about.len(), if n < 3 { 3 } else { 0 }, "each owner once: {about:?}");
    }
    assert_eq!(told, [""; 0]);
    town.world.fake.set_rules(Vec::new());
    town.live(24).await;
    assert_eq!(town.states().await, ["verified"; 6], "recovery is automatic");
}

/// So many at once cannot be their owners' doing: nobody is lost, the operator
/// hears it once, and the brake lets go when told to.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mass_demotions_are_held_back_and_the_operator_hears_once() {
    let town = Town::new(21, 5).await;
    let is_at_b = |domain: &Domain| domain.name.as_str().ends_with("-b.test");
    town.publish(is_at_b);
    town.look_at_all().await;
    town.live(5).await;
    let states = town.states().await;
    assert!(!states.contains(&"lost"), "{states:?}");
    assert_eq!(states.iter().filter(|state| **state == "verified").count(), 5);
    town.world.ops.watch().await.unwrap();
    town.world.ops.watch().await.unwrap();
    let told = ["21 domains would lose verification: held back"];
    assert_eq!(town.messages().await, told);
    // Restored in time: the brake lets go and nobody has noticed.
    town.publish(|_| true);
    town.live(1).await;
    assert_eq!(town.states().await, ["verified"; 26]);
    for domain in &town.domains {
        assert_eq!(town.story(domain.id).await, ["domain.verified"], "{}", domain.name);
    }
    town.world.ops.watch().await.unwrap();
    assert_eq!(town.messages().await, told);

    // The next time it is real, and the operator says so.
    town.publish(is_at_b);
    town.look_at_all().await;
    town.live(1).await;
    town.world.ops.release_demotions(SignedDuration::from_hours(24)).await.unwrap();
    town.live(2).await;
    let states = town.states().await;
    assert_eq!(states.iter().filter(|state| **state == "lost").count(), 21, "{states:?}");
    let told = town.messages().await;
    assert_eq!(told.iter().filter(|subject| subject.ends_with("is no longer verified")).count(), 21);
}

/// Two servers that contradict one another for a day are a fault that counts,
/// with the whole grace.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_split_of_a_day_puts_at_risk_and_no_sooner() {
    let town = Town::new(1, 0).await;
    let id = town.domains[0].id;
    let full = lines(&town.world.ops, &town.domains[0]);
    let full: Vec<&str> = full.iter().map(String::as_str).collect();
    let ns = ["@ NS ns2", "ns2 A 127.0.0.2", "@ NS ns3", "ns3 A 127.0.0.3"];
    let zone = |host, own: &[&str]| Zone::new("d0-a.test", &[host], &[&ns[..], own].concat());
    let mut zones = vec![zone(2, &full), zone(3, &[])];
    zones.extend(super::our_zone());
    town.world.fake.set_zones(zones);
    // Whichever server the routine pass asks, in two days it meets the other.
    town.live(48).await;
    let domain = town.domain(id).await;
    assert!(domain.dns.is_verified());
    assert!(["verified", "suspect"].contains(&domain.dns.name()), "{}", domain.dns.name());
    town.live(36).await;
    assert_eq!(town.world.verdict(id, RecordKey::Dkim1).await.code, Code::ServersSplit);
    assert_eq!(town.domain(id).await.dns.name(), "at_risk");
}

/// A resolver that lies to us alone is no proof either: nothing is lost while
/// the domains' own servers answer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn broken_resolvers_change_nothing_for_a_week() {
    let town = Town::new(2, 2).await;
    let rules = [RESOLVER, SECOND_RESOLVER].map(|host| Rule::at(host, Fault::Rcode(5)));
    town.world.fake.set_rules(rules.to_vec());
    town.live(7 * 24).await;
    assert_eq!(town.states().await, ["verified"; 4]);
}
