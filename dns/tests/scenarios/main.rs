//! Mistakes that people make and faults that servers have, each as the zones
//! it shows in and the verdicts it must get: `scenarios/` at the root of the
//! repository, on literal servers over UDP. `e2e/scenarios.py` runs the same
//! on real ones.

mod format;
mod world;

use format::Scenario;
use futures_util::{StreamExt as _, stream};
use signet_core::verify::{self, Code, Context, Verdict};
use signet_dns::{
    ask::{Ask, Asker, Settings},
    testing::{Fake, Rule},
};
use std::collections::BTreeSet;
use world::{Keys, RESOLVERS, World};

/// Scenarios at a time; each has servers of its own.
const AT_A_TIME: usize = 8;
const FEWEST: usize = 110;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_scenario_gets_its_verdicts() {
    let scenarios = format::all();
    assert!(scenarios.len() >= FEWEST, "there are {} scenarios", scenarios.len());
    let only = std::env::var("SCENARIO").ok();
    let chosen = scenarios.into_iter().filter(|scenario| only.as_ref().is_none_or(|id| *id == scenario.id));
    let differences: Vec<(String, Vec<String>)> = stream::iter(chosen)
        .map(|scenario| async move {
            let label = format!("{} {}", scenario.id, scenario.title);
            let run = tokio::spawn(async move { run(&scenario).await });
            (label, run.await.unwrap_or_else(|error| vec![error.to_string()]))
        })
        .buffered(AT_A_TIME)
        .collect()
        .await;
    let all = differences.len();
    let wrong: Vec<String> = differences
        .into_iter()
        .filter(|(_, found)| !found.is_empty())
        .map(|(label, found)| format!("{label}\n    {}", found.join("\n    ")))
        .collect();
    println!("{} of {all} scenarios", all - wrong.len());
    assert!(
        wrong.is_empty(),
        "{} of {all} scenarios; these differ:\n{}",
        all - wrong.len(),
        wrong.join("\n")
    );
}

/// What is not as expected.
async fn run(scenario: &Scenario) -> Vec<String> {
    let keys = Keys::read();
    let world = World::new(scenario, &keys);
    let verdicts = judged(scenario, &world, &keys).await;
    let mut differences: Vec<String> =
        scenario.expected.iter().flat_map(|expected| difference(expected, &verdicts, &world)).collect();
    match &scenario.pending {
        Some(pending) if differences.is_empty() => differences.push(format!("`{pending}` and yet it passes")),
        Some(_) => differences.clear(),
        None => {}
    }
    differences
}

async fn judged(scenario: &Scenario, world: &World, keys: &Keys) -> Vec<Verdict> {
    let fake = Fake::start(world.zones.clone(), world.rules.clone()).await;
    let in_vain = world.rules.iter().any(Rule::keeps_waiting);
    let settings = Settings {
        resolvers: RESOLVERS.map(|host| fake.address(host)).to_vec(),
        allow_private: !scenario.guarded,
        ..if in_vain { fake.hasty() } else { fake.settings() }
    };
    let asker = Asker::new(settings).await.expect("sockets");
    let names = scenario.raw.clone().unwrap_or_else(|| ["key1", "key2"].map(str::to_string));
    let [first, second] = names.map(|name| keys.der(&name));
    let context = Context {
        provider: &world.provider,
        domain: &world.domain,
        probe: "zzprobe",
        dkim_keys: [Some(&first), Some(&second)],
        thorough: true,
        second_view: true,
    };
    let settled = asker.settle(Ask::thorough(), |seen| verify::judge(&context, &world.plan, seen)).await;
    assert!(!settled.cut_short, "it took too many questions");
    settled.value.expect("a judge that comes to an end").verdicts
}

fn difference(expected: &format::Expected, verdicts: &[Verdict], world: &World) -> Vec<String> {
    let Some(verdict) = verdicts.iter().find(|verdict| verdict.key == expected.key) else {
        return vec![format!("{} was not judged", expected.key)];
    };
    let mut differences = Vec::new();
    let (status, code) = (verdict.status.as_str(), verdict.code.as_str());
    if (status, code) != (&*expected.status, &*expected.code) {
        differences.push(format!(
            "{}: wanted {} {}, got {status} {code}: {} {:?}",
            expected.key, expected.status, expected.code, verdict.reason, verdict.remarks
        ));
    }
    for fix in expected.fixes.iter().map(|fix| world.fill(fix)) {
        if !verdict.fix.contains(&fix) {
            differences.push(format!("{}: the fix is without {fix:?}: {}", expected.key, verdict.fix));
        }
    }
    for remark in expected.remarks.iter().map(|remark| world.fill(remark)) {
        if !verdict.remarks.iter().any(|made| made.contains(&remark)) {
            differences.push(format!("{}: no remark has {remark:?}: {:?}", expected.key, verdict.remarks));
        }
    }
    differences
}

#[test]
fn every_rule_has_a_scenario() {
    let scenarios = format::all();
    let told: BTreeSet<&str> =
        scenarios.iter().flat_map(|scenario| scenario.about.iter().map(String::as_str)).collect();
    let clauses = format::clauses();
    for (id, rule) in &clauses {
        let elsewhere = rule.starts_with("(elsewhere");
        assert!(told.contains(id.as_str()) != elsewhere, "{id}: {rule}");
    }
    for scenario in &scenarios {
        assert!(!scenario.about.is_empty(), "{} is about nothing", scenario.id);
        for about in &scenario.about {
            assert!(clauses.iter().any(|(id, _)| id == about), "{} is about {about:?}", scenario.id);
        }
    }
    println!("{} rules", clauses.len());
}

/// Codes that no single look at a zone can lead to.
const NO_SCENARIO: &[(&str, &str)] = &[
    ("unchecked", "nobody has looked"),
    ("servers_split", "it takes a day"),
    ("zone_dead", "it takes a day"),
    ("dkim_key_short", "none of our keys is; another's is `other_key`"),
];

#[test]
fn every_code_has_a_scenario() {
    let scenarios = format::all();
    let expected: BTreeSet<&str> =
        scenarios.iter().flat_map(|scenario| scenario.expected.iter().map(|e| e.code.as_str())).collect();
    for code in Code::of_reports() {
        let excused = NO_SCENARIO.iter().any(|(other, _)| *other == code.as_str());
        assert!(expected.contains(code.as_str()) != excused, "{code}: {}", code.meaning());
    }
    // A status that the code cannot come with is a mistake in the scenario.
    for scenario in scenarios.iter().filter(|scenario| scenario.pending.is_none()) {
        for expected in &scenario.expected {
            let code =
                Code::parse(&expected.code).unwrap_or_else(|| panic!("{}: {}", scenario.id, expected.code));
            assert!(
                code.statuses().iter().any(|s| s.as_str() == expected.status),
                "{}: {expected:?}",
                scenario.id
            );
        }
    }
}

#[test]
fn titles_are_unique() {
    let scenarios = format::all();
    let titles: BTreeSet<&str> = scenarios.iter().map(|scenario| scenario.title.as_str()).collect();
    assert_eq!(titles.len(), scenarios.len());
}
