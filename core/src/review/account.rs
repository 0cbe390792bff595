//! What the account has done before, and how old the domain is.

use super::{Found, Observed, Result, Sender};
use alloc::{format, string::ToString as _};
use jiff::SignedDuration;

const SOURCE: &str = "account";

/// The account has registered many domains lately.
pub(super) fn many_new_domains(sender: &Sender<'_>, most: u32, days: u32) -> Result {
    let Some(account) = sender.account else {
        return no_account();
    };
    let Some(&created) = account.created.get(&days) else {
        return Found::Nothing("The account's new domains were not counted.".to_string()).from(SOURCE);
    };
    let domains = if created == 1 { "domain" } else { "domains" };
    let within = if days == 1 { "a day".to_string() } else { format!("{days} days") };
    let fact = format!("The account has registered {created} {domains} within {within}");
    if created > u64::from(most) {
        Found::Against(format!("{fact}; {most} are let pass.")).from(SOURCE)
    } else {
        Found::Fine(format!("{fact}.")).from(SOURCE)
    }
}

/// Another domain of the account has been rejected.
pub(super) fn rejected(sender: &Sender<'_>) -> Result {
    let Some(account) = sender.account else {
        return no_account();
    };
    match &account.rejected {
        Some(name) => Found::Against(format!("The account's domain {name} has been rejected.")),
        None => Found::Fine("No other domain of the account has been rejected.".to_string()),
    }
    .from(SOURCE)
}

fn no_account() -> Result {
    Found::Fine("The domain is looked at without an account.".to_string()).from(SOURCE)
}

/// The domain was registered a short time ago.
pub(super) fn domain_age(sender: &Sender<'_>, observed: &Observed, days: u32) -> Result {
    const SOURCE: &str = "RDAP";
    let registered = match &observed.registered {
        Ok(Some(registered)) => *registered,
        Ok(None) => {
            return Found::Nothing("The registry does not say when the domain was registered.".to_string())
                .from(SOURCE);
        }
        Err(problem) => {
            let text = format!("When the domain was registered could not be found out: {problem}.");
            return Found::Nothing(text).from(SOURCE);
        }
    };
    let age = sender.now.duration_since(registered);
    let fact = format!("The domain was registered on {}", registered.strftime("%Y-%m-%d"));
    // A date to come is a registry's clock, or not to be believed; it proves no age.
    if age >= SignedDuration::from_hours(24 * i64::from(days)) {
        Found::Fine(format!("{fact}.")).from(SOURCE)
    } else {
        let old = age.as_hours().max(0) / 24;
        Found::Against(format!("{fact} and is {old} days old; {days} are asked for.")).from(SOURCE)
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{AccountFacts, testing::*},
        *,
    };
    use crate::names::Name;

    #[test]
    fn new_domains_are_counted() {
        let domain: Name = "acme.test".parse().unwrap();
        let facts = AccountFacts { created: [(7, 5), (30, 20)].into(), rejected: None };
        let sender = Sender { account: Some(&facts), ..sender(&domain) };
        for (most, days, expected) in [(5, 7, 'f'), (4, 7, 'a'), (20, 30, 'f'), (19, 30, 'a'), (9, 90, 'n')] {
            assert_eq!(kind(&many_new_domains(&sender, most, days)), expected, "{most} in {days}");
        }
        let one = AccountFacts { created: [(7, 1)].into(), rejected: None };
        let alone = Sender { account: Some(&one), ..sender };
        let result = many_new_domains(&alone, 0, 7);
        assert_eq!(evidence(&result), "The account has registered 1 domain within 7 days; 0 are let pass.");
        assert_eq!(kind(&many_new_domains(&Sender { account: None, ..sender }, 0, 7)), 'f');
    }

    #[test]
    fn a_rejected_sibling() {
        let domain: Name = "acme.test".parse().unwrap();
        let bad = AccountFacts { rejected: Some("spam.test".parse().unwrap()), ..AccountFacts::default() };
        let found = rejected(&Sender { account: Some(&bad), ..sender(&domain) });
        assert_eq!(
            (kind(&found), evidence(&found)),
            ('a', "The account's domain spam.test has been rejected.")
        );
        let good = AccountFacts::default();
        assert_eq!(kind(&rejected(&Sender { account: Some(&good), ..sender(&domain) })), 'f');
        assert_eq!(kind(&rejected(&sender(&domain))), 'f');
    }

    #[test]
    fn ages() {
        let domain: Name = "acme.test".parse().unwrap();
        let sender = sender(&domain);
        let hours = |hours: i64| Ok(Some(sender.now - SignedDuration::from_hours(hours)));
        for (registered, expected) in [
            (hours(30 * 24), 'f'),
            (hours(30 * 24 - 1), 'a'),
            (hours(0), 'a'),
            (hours(-48), 'a'),
            (Ok(None), 'n'),
            (Err("it did not answer in time".to_string()), 'n'),
        ] {
            let result =
                domain_age(&sender, &Observed { registered: registered.clone(), ..Observed::default() }, 30);
            assert_eq!(kind(&result), expected, "{registered:?}: {result:?}");
        }
        let young = Observed { registered: hours(50), ..Observed::default() };
        assert_eq!(
            evidence(&domain_age(&sender, &young, 30)),
            "The domain was registered on 2027-01-13 and is 2 days old; 30 are asked for."
        );
    }
}
