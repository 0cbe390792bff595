//! Replies to our questions: octets to looks, and looks to verdicts by every
//! judge there is.
//!
//! Three octets choose the case, the rest are replies; see `replies.rs`.

use super::{
    judged::{PROBE, context, has_ours, name, planned, provider, settle, showable, sound, told},
    replies::{Otherwise, Replies},
};
use signet_core::{
    audit,
    names::Name,
    observe::{Question, RecordType, View},
    plan::{Present, Provider, RecordKey, SpfMode},
    verify::{Context, dkim::PublicKey, dmarc::policy, judge, own},
};
use std::sync::LazyLock;

/// An Ed25519 key (SubjectPublicKeyInfo): the shortest there is.
static KEY: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut spki = vec![0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0];
    spki.extend([9; 32]);
    spki
});

/// Panics when something does not hold.
pub fn run(input: &[u8]) {
    let Some((&[case, servers, otherwise], octets)) = input.split_first_chunk() else { return };
    let domain = name(if case & 1 == 0 { "example.com" } else { "mail.example.com" });
    let apex = if case & 2 == 0 { name("example.com") } else { domain.clone() };
    let mode = if case & 4 == 0 { SpfMode::Recommended } else { SpfMode::Required };
    let provider = provider(mode, case & 8 != 0);
    let mut plan = planned(&provider, &domain, &Present::default());
    if case & 0x40 != 0 {
        let key = PublicKey::from_spki(&KEY).expect("a literal key").record_text();
        for record in plan.iter_mut().filter(|r| matches!(r.key, RecordKey::Dkim1 | RecordKey::Dkim2)) {
            record.rtype = RecordType::Txt;
            record.value.clone_from(&key);
        }
    }
    let mut names: Vec<_> = plan.iter().map(|record| record.owner.clone()).collect();
    names.push(provider.spf_include());
    let mut replies = Replies::read(octets, names, apex);
    replies.servers = hosted(servers);
    replies.otherwise = match otherwise & 3 {
        0 | 1 => Otherwise::NotThere,
        2 => Otherwise::Silent,
        _ => Otherwise::NotDelegated,
    };
    if case & 0x80 != 0 {
        return audited(&domain, case, &replies);
    }
    let context = Context {
        dkim_keys: [Some(&KEY), None],
        thorough: case & 0x10 != 0,
        second_view: case & 0x20 != 0,
        ..context(&provider, &domain)
    };
    let (findings, _) = settle(|seen| judge(&context, &plan, seen), |question| replies.look(question));
    assert_eq!(findings.verdicts.len(), plan.len());
    findings.verdicts.iter().for_each(sound);
    if let Some(zone) = &findings.zone {
        assert!(domain.is_at_or_below(zone));
    }
    published(&provider, &domain, &findings.present);
    let (side, _) = settle(|seen| own::judge(&provider, seen), |question| replies.look(question));
    assert!(format!("{side:?}").len() < 64 * 1024);
    shown(&replies);
}

/// The same replies, read by somebody who expects nothing of them.
fn audited(domain: &Name, case: u8, replies: &Replies<'_>) {
    let selectors = ["sg1-abcdefghijklmnop".to_string(), "s1".to_string()];
    let addresses = [[192, 0, 2, 1].into()];
    let request = audit::Request {
        domain,
        selectors: &selectors[..usize::from(case >> 4 & 1)],
        addresses: &addresses[..usize::from(case >> 5 & 1)],
        probe: PROBE,
        recursive: case & 0x40 != 0,
    };
    let (audit, _) = settle(|seen| audit::judge(&request, seen), |question| replies.look(question));
    audit.findings.iter().for_each(told);
    assert!(!audit.outcome().as_str().is_empty());
}

/// What the owner publishes already is shown in the plan from then on.
fn published(provider: &Provider, domain: &Name, present: &Present) {
    for record in planned(provider, domain, present) {
        match record.key {
            RecordKey::Spf => drop(has_ours(&record.value, &provider.spf_include())),
            RecordKey::Dmarc => {
                let policy = policy::Record::parse(record.value.as_bytes());
                assert!(policy.is_some_and(|policy| policy.is_valid()), "{:?}", record.value);
            }
            _ => {}
        }
    }
}

/// Every type, as it is shown in evidence.
fn shown(replies: &Replies<'_>) {
    for rtype in RecordType::ALL {
        for view in [View::Servers, View::Stream, View::Parent, View::Resolvers, View::Unchecked] {
            let question = Question { name: replies.names[0].clone(), rtype, view };
            let look = replies.look(&question);
            for (_, answer) in look.answers() {
                answer.records.iter().for_each(|record| showable(&record.data.to_string(), 4 * 1024 + 3));
                assert!(answer.is_negative() || answer.ttl().is_some());
            }
            look.failures().for_each(|(_, failure)| drop((failure.rcode(), failure.to_string())));
        }
    }
}

/// The servers' names decide in which host's words a fix is given.
fn hosted(choice: u8) -> [&'static str; 3] {
    match choice & 7 {
        // The first in the table of hosts is found soonest.
        0 => ["a.ns.cloudflare.com", "b.ns.cloudflare.com", "c.ns.cloudflare.com"],
        1 => ["ns1.host.test", "ns2.host.test", "ns3.host.test"],
        2 => ["ns-1.awsdns-1.com", "ns-2.awsdns-2.net", "ns-3.awsdns-3.org"],
        3 => ["a.ns.cloudflare.com", "ns-1.awsdns-1.com", "ns1.host.test"],
        4 => ["ns1.domaincontrol.com", "ns2.domaincontrol.com", "ns1.host.test"],
        5 => ["ns-1-a.gandi.net", "ns-1-b.gandi.net", "ns-1-c.gandi.net"],
        6 => ["ns1.digitalocean.com", "ns2.digitalocean.com", "ns3.digitalocean.com"],
        _ => ["dns1.registrar-servers.com", "dns2.registrar-servers.com", "a.ns.hetzner.com"],
    }
}
