//! The automatic review (COMPLIANCE): what the rules make of a sender.
//!
//! A [`Policy`] is data, written by the operator: which checks are made and what
//! follows from each that is not passed. [`Wanted`] says what of the world a
//! policy needs to know; whoever goes and looks brings it back as [`Observed`];
//! [`judge`] makes a [`Finding`] with its evidence of each rule, and [`decide()`]
//! makes one decision of all of them.
//!
//! What could not be looked at is never held against anybody: such a rule says
//! so and decides nothing. A check is written to be fair before it is clever:
//! what it holds against a sender is a fact that the sender can be shown.

mod account;
mod blocklist;
mod company;
mod decide;
mod listed;
mod look_alike;
mod name_kind;
mod observed;
mod policy;
#[cfg(test)]
mod testing;
mod website;
mod words;

pub use decide::{Decided, decide, undecided};
pub use name_kind::private_suffix_of as private_suffix;
pub use observed::{AccountFacts, Learned, Listing, Observed, Page, Sender, Website};
pub use policy::{AfterQuestionnaire, Check, Outcome, Policy, Protected, Rule, Wanted};

use alloc::{string::String, vec::Vec};

/// What one rule came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The rule's name.
    pub rule: String,
    /// What follows; `None`: its source could not be reached, and nothing does.
    pub outcome: Option<Outcome>,
    /// What was found, in a sentence or two, for the operator and the sender.
    pub evidence: String,
    /// Where it was found: a zone, a URL, a list.
    pub source: String,
}

/// What a check found, before the policy says what follows.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Found {
    /// Nothing against the sender, or nothing to look at.
    Fine(String),
    /// What the rule is about.
    Against(String),
    /// The source could not be reached.
    Nothing(String),
}

/// A check's result with its source.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Result {
    found: Found,
    source: String,
}

impl Found {
    fn from(self, source: impl Into<String>) -> Result {
        Result { found: self, source: source.into() }
    }
}

/// What every rule of the policy makes of what was observed, in its order.
#[must_use]
pub fn judge(policy: &Policy, sender: &Sender<'_>, observed: &Observed) -> Vec<Finding> {
    let one = |rule: &Rule| {
        let Result { found, source } = check(policy, &rule.check, sender, observed);
        let (outcome, evidence) = match found {
            Found::Fine(evidence) => (Some(Outcome::Pass), evidence),
            Found::Against(evidence) => (Some(rule.then), evidence),
            Found::Nothing(evidence) => (None, evidence),
        };
        Finding { rule: rule.name.clone(), outcome, evidence: shown(&evidence), source: shown(&source) }
    };
    policy.rules.iter().map(one).collect()
}

/// How much of a text is kept, in characters.
const SHOWN: usize = 1_000;

/// Evidence has in it what sites and registries said: it stays one line, and short.
fn shown(text: &str) -> String {
    let mut out: String = text.chars().take(SHOWN).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.chars().nth(SHOWN).is_some() {
        out.push('…');
    }
    out
}

fn check(policy: &Policy, check: &Check, sender: &Sender<'_>, observed: &Observed) -> Result {
    match check {
        Check::Blocklist { lists } => blocklist::check(lists, observed),
        Check::WebsiteUnreachable => website::unreachable(sender, observed),
        Check::WebsiteUnrelated => website::unrelated(sender, observed),
        Check::WebsiteParked => website::parked(sender, observed),
        Check::ParkingNameServers => name_kind::parking_name_servers(observed),
        Check::LookAlike => look_alike::resembling(policy, sender.domain),
        Check::BrandInName => look_alike::containing(policy, sender.domain),
        Check::FreeMail => name_kind::free_mail(sender.domain),
        Check::Disposable => name_kind::disposable(sender.domain),
        Check::PrivateSuffix => name_kind::private_suffix(sender.domain),
        Check::ContradictoryCompany => company::contradictory(sender),
        Check::ManyNewDomains { most, days } => account::many_new_domains(sender, *most, *days),
        Check::RejectedInAccount => account::rejected(sender),
        Check::DomainAge { days, .. } => account::domain_age(sender, observed, *days),
    }
}

#[cfg(test)]
mod tests {
    use super::{testing::*, *};
    use crate::names::Name;
    use alloc::{borrow::ToOwned, string::ToString, vec};

    #[test]
    fn each_rule_says_what_it_found_and_the_policy_what_follows() {
        let rule = |name: &str, check, then| Rule { name: name.to_owned(), check, then };
        let policy = Policy {
            rules: vec![
                rule("mail", Check::FreeMail, Outcome::Reject),
                rule("ns", Check::ParkingNameServers, Outcome::AskCard),
                rule("brand", Check::LookAlike, Outcome::AskQuestionnaire),
            ],
            ..Policy::default()
        };
        let name: Name = "gmail.com".parse().unwrap();
        let observed = Observed { name_servers: Err("all silent".to_string()), ..Observed::default() };
        let findings = judge(&policy, &sender(&name), &observed);
        let shown: Vec<_> = findings.iter().map(|f| (f.rule.as_str(), f.outcome)).collect();
        assert_eq!(
            shown,
            [("mail", Some(Outcome::Reject)), ("ns", None), ("brand", Some(Outcome::Pass))],
            "{findings:#?}"
        );
        assert!(findings[1].evidence.contains("all silent"));
        assert!(findings.iter().all(|f| !f.evidence.is_empty() && !f.source.is_empty()));
    }

    #[test]
    fn what_others_said_stays_short_and_on_one_line() {
        let rules =
            vec![Rule { name: "ns".to_owned(), check: Check::ParkingNameServers, then: Outcome::Refer }];
        let policy = Policy { rules, ..Policy::default() };
        let name: Name = "acme.test".parse().unwrap();
        let said = alloc::format!("no\r\nBcc: x\u{7}{}", "é".repeat(5_000));
        let observed = Observed { name_servers: Err(said), ..Observed::default() };
        let evidence = &judge(&policy, &sender(&name), &observed)[0].evidence;
        assert!(evidence.chars().count() == SHOWN + 1 && !evidence.contains(char::is_control), "{evidence}");
    }
}
