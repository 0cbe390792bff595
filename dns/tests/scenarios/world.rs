//! A scenario as zones and faults of a literal DNS.

use crate::format::{Names, Scenario, Section, lines};
use signet_core::{
    names::{DomainName, Name, RecordId},
    observe::RecordType,
    plan::{Dkim, PlannedRecord, Present, Provider, RecordKey, SpfMode, Subject, plan},
};
use signet_dns::testing::{Fault, RESOLVER, Rule, SECOND_RESOLVER, Zone};
use std::collections::{BTreeMap, BTreeSet};

/// The customer's servers, ours, and those of `test.`.
const CUSTOMER: [u8; 2] = [2, 3];
const OURS: u8 = 4;
const OTHERS: u8 = 5;
const PARENT: u8 = 9;
const ID: &str = "abcdefghijklmnop";

/// What stands before the 32 octets (RFC 8410 §4).
const ED25519: &[u8] = &[0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// Keys by name, in base64.
pub(crate) struct Keys(BTreeMap<String, String>);

impl Keys {
    pub(crate) fn read() -> Self {
        let pairs = lines("keys.txt");
        let pairs = pairs.iter().filter_map(|line| line.split_once(' '));
        Self(pairs.map(|(name, key)| (name.to_string(), key.to_string())).collect())
    }

    /// SubjectPublicKeyInfo.
    pub(crate) fn der(&self, name: &str) -> Vec<u8> {
        let key = decode(&self.0[name]);
        if key.len() == 32 { [ED25519, &key].concat() } else { key }
    }

    /// The record that publishes it.
    fn text(&self, name: &str) -> String {
        let kind = if decode(&self.0[name]).len() == 32 { "ed25519" } else { "rsa" };
        format!("v=DKIM1; k={kind}; p={}", self.0[name])
    }
}

/// What is judged: the scenario with its variables filled in.
pub(crate) struct World {
    pub(crate) provider: Provider,
    pub(crate) domain: Name,
    pub(crate) plan: Vec<PlannedRecord>,
    pub(crate) zones: Vec<Zone>,
    pub(crate) rules: Vec<Rule>,
    variables: BTreeMap<String, String>,
}

pub(crate) fn provider() -> Provider {
    Provider {
        zone: Name::parse("signet.test").expect("a name"),
        prefix: "sg".to_string(),
        demo_zone: Name::parse("demo.signet.test").expect("a name"),
        spf_mode: SpfMode::Recommended,
        dmarc_rua: None,
        sending_ips: vec![
            "192.0.2.1".parse().expect("an address"),
            "2001:db8::1".parse().expect("an address"),
        ],
    }
}

impl World {
    pub(crate) fn new(scenario: &Scenario, keys: &Keys) -> Self {
        let org = format!("{}.test", scenario.id);
        let domain =
            if scenario.domain.is_empty() { org.clone() } else { format!("{}.{org}", scenario.domain) };
        let provider = provider();
        let name = Name::parse(&domain).unwrap_or_else(|error| panic!("{domain}: {error}"));
        let id = RecordId::parse(ID).expect("an id");
        let trusted = DomainName::trusted(name.clone());
        let subject = Subject { domain: &trusted, id: &id, demo: false, dkim: Dkim::Delegated };
        let mut plan = plan(&provider, &subject, &Present::default());
        for (key, name) in [RecordKey::Dkim1, RecordKey::Dkim2].into_iter().zip(scenario.raw.iter().flatten())
        {
            for record in plan.iter_mut().filter(|record| record.key == key) {
                (record.rtype, record.value) = (RecordType::Txt, keys.text(name));
            }
        }
        let variables = variables(scenario, &org, &domain, keys);
        let mut world =
            Self { provider, domain: name, plan, zones: Vec::new(), rules: Vec::new(), variables };
        world.zones(scenario, &org);
        world.rules(scenario);
        world
    }

    pub(crate) fn fill(&self, text: &str) -> String {
        let mut text = text.to_string();
        for (variable, value) in &self.variables {
            text = text.replace(variable.as_str(), value);
        }
        assert!(!has_variable(&text), "{text:?} has a variable nobody knows");
        text
    }

    fn zones(&mut self, scenario: &Scenario, org: &str) {
        let apexes: Vec<String> = scenario.sections.iter().map(|section| self.fill(&section.apex)).collect();
        let mut parent: Vec<String> = Vec::new();
        let mut told = BTreeSet::new();
        for (section, apex) in scenario.sections.iter().zip(&apexes) {
            let servers = servers_of(scenario, section);
            let all = all_servers(scenario, &section.apex);
            let mut records = self.records(section, apex, &apexes);
            if !records.iter().any(|line| line.starts_with("@ NS ")) {
                records.extend(delegation("@", "", &all));
            }
            let below = |other: &&String| other.ends_with(&format!(".{apex}"));
            for cut in apexes.iter().filter(below).collect::<BTreeSet<_>>() {
                let label = cut.trim_end_matches(&format!(".{apex}"));
                let at = apexes.iter().position(|other| other == cut).expect("it is one of them");
                let hosts = all_servers(scenario, &scenario.sections[at].apex);
                records.extend(delegation(label, &format!(".{label}"), &hosts));
            }
            let top = apexes.iter().all(|other| !apex.ends_with(&format!(".{other}")));
            if top && !(scenario.undelegated && apex == org) && told.insert(apex.clone()) {
                let label = apex.trim_end_matches(".test");
                let hosts = match &scenario.delegated_to {
                    Some(hosts) if apex == org => hosts.clone(),
                    _ => all,
                };
                parent.extend(delegation(label, &format!(".{label}"), &hosts));
                if scenario.signed && apex == org {
                    parent.push(format!("{label} DS 1 13 2 00"));
                }
            }
            if !(scenario.undelegated && apex == org) {
                let zone = zone(apex, &servers, &records);
                // The resolvers see the first of several.
                if section.remembered { self.zones.insert(0, zone) } else { self.zones.push(zone) }
            }
        }
        parent.extend(delegation("signet", ".signet", &[OURS]));
        self.zones.push(zone("test", &[PARENT], &parent));
        let ours = [
            "bounce TXT v=spf1 ip4:192.0.2.1 ip6:2001:db8::1 -all",
            "bounce A 192.0.2.1",
            "bounce MX 10 bounce",
            "_spf TXT v=spf1 ip4:192.0.2.1 ip6:2001:db8::1 ~all",
            "track A 192.0.2.90",
            "track AAAA 2001:db8::90",
        ];
        self.zones.push(Zone::new("signet.test", &[OURS], &ours));
    }

    /// The records of one section, those of the plan among them.
    fn records(&self, section: &Section, apex: &str, apexes: &[String]) -> Vec<String> {
        let mut records: Vec<String> = section.records.iter().map(|line| self.fill(line)).collect();
        let planned = self.plan.iter().filter(|record| !section.without.contains(&record.key));
        for PlannedRecord { owner, rtype, value, .. } in planned {
            let enclosing = apexes
                .iter()
                .filter(|apex| owner.as_str().ends_with(&format!(".{apex}")) || owner.as_str() == *apex)
                .max_by_key(|apex| apex.len());
            if enclosing.is_some_and(|enclosing| enclosing == apex) {
                let dot = if *rtype == RecordType::Txt { "" } else { "." };
                records.push(format!("{owner}. {rtype} {value}{dot}"));
            }
        }
        if !section.bare && section.apex == "{org}" {
            let base = ["@ A 192.0.2.80", "www A 192.0.2.80", "@ MX 10 mx", "mx A 192.0.2.81"];
            records.extend(base.map(str::to_string));
        }
        records
    }

    fn rules(&mut self, scenario: &Scenario) {
        for broken in &scenario.broken {
            for &host in &broken.servers {
                let rule = Rule::at(host, fault(&broken.fault));
                self.rules.push(match &broken.names {
                    Names::All => rule,
                    Names::At(name) => rule.about(&self.fill(name)),
                    Names::Below(name) => rule.below(&self.fill(name)),
                });
            }
        }
    }
}

fn zone(apex: &str, servers: &[u8], records: &[String]) -> Zone {
    let lines: Vec<&str> = records.iter().map(String::as_str).collect();
    Zone::new(apex, servers, &lines)
}

/// Name servers called after their last octets, below the cut they serve.
fn delegation(owner: &str, suffix: &str, hosts: &[u8]) -> Vec<String> {
    let ns = |host: &u8| format!("{owner} NS ns{host}{suffix}");
    let address = |host: &u8| format!("ns{host}{suffix} A 127.0.0.{host}");
    hosts.iter().flat_map(|host| [ns(host), address(host)]).collect()
}

/// Every server of the zone, whichever version it has.
fn all_servers(scenario: &Scenario, apex: &str) -> Vec<u8> {
    let sections = scenario.sections.iter().filter(|section| section.apex == apex);
    let named: BTreeSet<u8> = sections.flat_map(|section| section.servers.iter().copied()).collect();
    if apex == "{org}" {
        return named.into_iter().chain(CUSTOMER).collect::<BTreeSet<_>>().into_iter().collect();
    }
    if named.is_empty() { vec![OTHERS] } else { named.into_iter().collect() }
}

fn servers_of(scenario: &Scenario, section: &Section) -> Vec<u8> {
    if section.remembered {
        return Vec::new();
    }
    if !section.servers.is_empty() {
        return section.servers.clone();
    }
    let taken: Vec<u8> = scenario
        .sections
        .iter()
        .filter(|other| other.apex == section.apex)
        .flat_map(|other| other.servers.clone())
        .collect();
    all_servers(scenario, &section.apex).into_iter().filter(|host| !taken.contains(host)).collect()
}

fn fault(word: &str) -> Fault {
    match word {
        "silent" => Fault::Silent,
        "refused" => Fault::Rcode(5),
        "servfail" => Fault::Rcode(2),
        "notimp" => Fault::Rcode(4),
        "lame" => Fault::LameReferral,
        "without-aa" => Fault::NotAuthoritative,
        "denying" => Fault::Denying,
        "without-edns" => Fault::NoEdns,
        "lower-case" => Fault::LowerCase,
        "truncated" => Fault::Truncated,
        "truncated-without-tcp" => Fault::TruncatedWithoutTcp,
        "garbage" => Fault::Garbage,
        "noise" => Fault::Noise,
        "forging-id" => Fault::WrongId,
        "forging-question" => Fault::WrongQuestion,
        "forging-source" => Fault::WrongSource,
        "filtering" => Fault::Extended(2, 15),
        "finding-bogus" => Fault::Bogus,
        other => panic!("{other:?} is no fault"),
    }
}

/// The last octets of the two resolvers, as scenarios call them.
pub(crate) const RESOLVERS: [u8; 2] = [RESOLVER, SECOND_RESOLVER];

fn variables(scenario: &Scenario, org: &str, domain: &str, keys: &Keys) -> BTreeMap<String, String> {
    let mut variables: BTreeMap<String, String> = [
        ("{t}", ID),
        ("{zone}", "signet.test"),
        ("{org}", org),
        ("{domain}", domain),
        ("{ip4}", "192.0.2.1"),
        ("{ip6}", "2001:db8::1"),
    ]
    .into_iter()
    .map(|(variable, value)| (variable.to_string(), value.to_string()))
    .collect();
    for other in ["other", "third"] {
        variables.insert(format!("{{{other}}}"), format!("{}-{other}.test", scenario.id));
    }
    for length in [200, 1500] {
        variables.insert(format!("{{{length}}}"), "x".repeat(length));
    }
    for (name, key) in &keys.0 {
        let (front, back) = key.split_at(key.len() / 2);
        variables.insert(format!("{{{name}}}"), key.clone());
        variables.insert(format!("{{{name}.front}}"), front.to_string());
        variables.insert(format!("{{{name}.back}}"), back.to_string());
        variables.insert(format!("{{{name}.spaced}}"), format!("{front} {back}"));
        variables
            .insert(format!("{{{name}.cut}}"), key.chars().take(255 - "v=DKIM1; k=rsa; p=".len()).collect());
        if (300..400).contains(&key.len()) {
            // Without the 24 octets that say it is RSA: eight groups of base64.
            variables.insert(format!("{{{name}.pkcs1}}"), key[32..].to_string());
        }
    }
    variables
}

/// SPF's macros have braces too, behind a percent sign.
fn has_variable(text: &str) -> bool {
    text.match_indices('{').any(|(at, _)| !text[..at].ends_with('%'))
}

fn decode(text: &str) -> Vec<u8> {
    const LETTERS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (mut out, mut bits, mut held) = (Vec::new(), 0u32, 0);
    for letter in text.chars().filter(|&letter| letter != '=') {
        let value = LETTERS.find(letter).unwrap_or_else(|| panic!("{letter:?} is not base64"));
        bits = bits << 6 | value as u32;
        held += 6;
        if held >= 8 {
            held -= 8;
            out.push((bits >> held & 0xff) as u8);
        }
    }
    out
}
