//! DNS blocklists of domains (RFC 5782 §3).

use super::{Found, Learned, Listing, Observed, Result};
use crate::names::Name;
use alloc::{format, string::String, vec::Vec};
use core::net::{IpAddr, Ipv4Addr};

impl Listing {
    /// What a list's answers mean. `asked` are the addresses at each name asked
    /// about below the list, none for NXDOMAIN and NODATA; `control` those at
    /// `invalid`, which no list has (RFC 5782 §5).
    ///
    /// # Errors
    /// When the list could not be asked, will not answer us, or lists everything.
    pub fn read(asked: &[(Name, Learned<Vec<IpAddr>>)], control: &Learned<Vec<IpAddr>>) -> Learned<Self> {
        let mut problem = None;
        for (name, answers) in asked {
            match answers.clone().and_then(|answers| meant(&answers)) {
                Ok(answers) if answers.is_empty() => {}
                Ok(answers) => {
                    return match control.clone().and_then(|control| meant(&control)) {
                        Ok(control) if control.is_empty() => Ok(Self::Listed { name: name.clone(), answers }),
                        Ok(_) => {
                            Err(String::from("it lists every name there is, even ones that cannot exist"))
                        }
                        Err(problem) => Err(problem),
                    };
                }
                Err(failed) => problem = Some(failed),
            }
        }
        problem.map_or(Ok(Self::NotListed), Err)
    }
}

/// The answers that mean a listing. 127.255.255.x is how the lists say that they
/// will not answer this resolver; 127.0.0.1 is how others do, and never a listing
/// (RFC 5782 §2.1 begins at 127.0.0.2).
fn meant(answers: &[IpAddr]) -> Learned<Vec<IpAddr>> {
    let refusal = |address: &&IpAddr| match address {
        IpAddr::V4(v4) => v4.octets()[..3] == [127, 255, 255] || *v4 == Ipv4Addr::LOCALHOST,
        IpAddr::V6(_) => false,
    };
    if let Some(refused) = answers.iter().find(refusal) {
        return Err(format!(
            "it answers {refused}, which means that it does not answer questions from our resolvers"
        ));
    }
    let listings: Vec<IpAddr> =
        answers.iter().filter(|address| address.is_ipv4() && address.is_loopback()).copied().collect();
    match answers.first() {
        Some(odd) if listings.is_empty() => {
            Err(format!("it answers {odd}, which is no blocklist's answer (those begin with 127)"))
        }
        _ => Ok(listings),
    }
}

/// The domain is on one of the lists.
pub(super) fn check(lists: &[Name], observed: &Observed) -> Result {
    let source = lists.iter().map(Name::as_str).collect::<Vec<_>>().join(", ");
    let mut unknown = Vec::new();
    for list in lists {
        match observed.lists.get(list) {
            Some(Ok(Listing::Listed { name, answers })) => {
                let answers = answers.iter().map(|a| format!("{a}")).collect::<Vec<_>>().join(", ");
                let text = format!("{name} is on the blocklist {list}, which answers {answers} for it.");
                return Found::Against(text).from(list.as_str());
            }
            Some(Ok(Listing::NotListed)) => {}
            Some(Err(problem)) => unknown.push(format!("{list} could not be asked: {problem}.")),
            None => unknown.push(format!("{list} was not asked.")),
        }
    }
    if unknown.is_empty() {
        Found::Fine(format!("The domain is not on {source}.")).from(source)
    } else {
        Found::Nothing(unknown.join(" ")).from(source)
    }
}

#[cfg(test)]
mod tests {
    use super::{super::testing::*, *};
    use alloc::{string::ToString, vec};

    fn answers(text: &str) -> Learned<Vec<IpAddr>> {
        match text {
            "timeout" => Err("did not answer in time".to_string()),
            _ => Ok(text.split_whitespace().map(|a| a.parse().unwrap()).collect()),
        }
    }

    /// Answers for the domain, for the one above it, for the control.
    fn read(own: &str, above: &str, control: &str) -> Learned<Listing> {
        let name = |text: &str| text.parse::<Name>().unwrap();
        let asked = [(name("mail.acme.test"), answers(own)), (name("acme.test"), answers(above))];
        Listing::read(&asked, &answers(control))
    }

    #[test]
    fn what_lists_answer() {
        for (own, above, control, expected) in [
            ("", "", "", 'n'),
            ("127.0.1.2", "", "", 'l'),
            ("", "127.0.0.4", "", 'l'),
            ("127.0.0.8 127.0.0.16", "", "", 'l'),
            // Refused: Spamhaus; SURBL and URIBL.
            ("127.255.255.254", "", "", 'e'),
            ("127.255.255.252", "", "", 'e'),
            ("127.0.0.1", "", "", 'e'),
            ("127.0.0.2 127.255.255.255", "", "", 'e'),
            // A parked list, or a resolver that makes answers up.
            ("203.0.113.7", "", "", 'e'),
            ("10.0.0.1", "10.0.0.1", "10.0.0.1", 'e'),
            // Lists everything.
            ("127.0.0.2", "127.0.0.2", "127.0.0.2", 'e'),
            ("127.0.0.2", "", "timeout", 'e'),
            // A silent list never has anybody listed.
            ("timeout", "timeout", "timeout", 'e'),
            ("timeout", "", "", 'e'),
            ("timeout", "127.0.0.2", "", 'l'),
            // A mixed answer has a listing in it.
            ("127.0.0.2 203.0.113.7", "", "", 'l'),
        ] {
            let got = match read(own, above, control) {
                Ok(Listing::NotListed) => 'n',
                Ok(Listing::Listed { .. }) => 'l',
                Err(_) => 'e',
            };
            assert_eq!(got, expected, "{own:?} {above:?} {control:?}");
        }
    }

    #[test]
    fn one_listing_is_enough_and_a_silent_list_decides_nothing() {
        let (a, b): (Name, Name) = ("dbl.test".parse().unwrap(), "uri.test".parse().unwrap());
        let lists = vec![a.clone(), b.clone()];
        let run = |first: Learned<Listing>, second: Learned<Listing>| {
            let lists_seen = [(a.clone(), first), (b.clone(), second)].into();
            check(&lists, &Observed { lists: lists_seen, ..Observed::default() })
        };
        let listed = || read("127.0.1.2", "", "");
        assert_eq!(kind(&run(Ok(Listing::NotListed), Ok(Listing::NotListed))), 'f');
        let found = run(Err("silent".to_string()), listed());
        assert_eq!(kind(&found), 'a');
        assert_eq!(found.source, "uri.test");
        assert_eq!(
            evidence(&found),
            "mail.acme.test is on the blocklist uri.test, which answers 127.0.1.2 for it."
        );
        let unknown = run(Ok(Listing::NotListed), read("127.255.255.254", "", ""));
        assert_eq!(kind(&unknown), 'n');
        assert!(evidence(&unknown).contains("127.255.255.254"), "{unknown:?}");
        assert_eq!(kind(&check(&lists, &Observed::default())), 'n');
    }
}
