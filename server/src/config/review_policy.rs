//! The policy file of the automatic review. It is read key by key, so that a
//! mistake is told with its line and a misspelt key is never passed over.

use signet_core::{
    names::Name,
    review::{AfterQuestionnaire, Check, Outcome, Policy, Protected, Rule},
};
use std::collections::BTreeSet;
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

/// The policy that comes with the program.
const BUILT_IN: &str = include_str!("../../review-policy.toml");

/// Rules of one policy, and names or lists of one rule.
const MOST: usize = 200;
/// Blocklists and registries are asked for every review.
const MOST_ASKED: usize = 20;

/// A policy with the file it was read from.
#[derive(Clone, Debug)]
pub struct ReviewPolicy {
    /// What it says.
    pub policy: Policy,
    /// The file, as it stands.
    pub text: String,
}

/// A mistake in a policy file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct PolicyError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong there, and what would be right.
    pub problem: String,
}

impl ReviewPolicy {
    /// The built-in one.
    ///
    /// # Panics
    /// Never: a test reads it.
    #[must_use]
    pub fn built_in() -> Self {
        Self::parse(BUILT_IN).expect("the built-in policy is read by a test")
    }

    /// Reads a policy file.
    ///
    /// # Errors
    /// The first mistake in it, with its line.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        let file = File(text);
        let document = DeTable::parse(text).map_err(|error| {
            file.error(error.span().map_or(0, |span| span.start), error.message().to_string())
        })?;
        let policy = file.policy(document.get_ref())?;
        Ok(Self { policy, text: text.to_string() })
    }
}

type Value<'i> = Spanned<DeValue<'i>>;
type Read<T> = Result<T, PolicyError>;

struct File<'a>(&'a str);

/// A table that knows which of its keys have been asked for.
struct Keys<'a, 'i> {
    file: &'a File<'a>,
    table: &'a DeTable<'i>,
    /// Where it begins, for what is lacking.
    at: usize,
    known: BTreeSet<&'static str>,
}

impl<'a> File<'a> {
    fn error(&self, at: usize, problem: impl Into<String>) -> PolicyError {
        let line = 1 + self.0.as_bytes().iter().take(at).filter(|&&byte| byte == b'\n').count();
        PolicyError { line, problem: problem.into() }
    }

    fn wrong(&self, key: &str, value: &Value<'_>, wanted: &str) -> PolicyError {
        let given = &self.0[value.span()];
        self.error(value.span().start, format!("{key} = {given} is not {wanted}"))
    }

    fn policy(&self, document: &DeTable<'_>) -> Read<Policy> {
        let mut keys = Keys { file: self, table: document, at: 0, known: BTreeSet::new() };
        let after = keys.chosen(
            "after_questionnaire",
            &[("refer", AfterQuestionnaire::Refer), ("pass", AfterQuestionnaire::Pass)],
        )?;
        let protected = keys.array("protected_names")?.iter().map(|value| self.protected(value));
        let protected = protected.collect::<Read<Vec<_>>>()?;
        let built_in = match keys.get("built_in_names") {
            None => true,
            Some(value) => match value.get_ref() {
                DeValue::Boolean(used) => *used,
                _ => return Err(self.wrong("built_in_names", value, "true or false")),
            },
        };
        let mut rules: Vec<Rule> = Vec::new();
        for value in keys.array("rule")? {
            let DeValue::Table(table) = value.get_ref() else {
                return Err(self.error(value.span().start, "a rule is a table, begun with [[rule]]"));
            };
            let rule = self.rule(table, value.span().start)?;
            if rules.iter().any(|other| other.name == rule.name) {
                return Err(self.error(
                    value.span().start,
                    format!("there are two rules {:?}; give one of them another name", rule.name),
                ));
            }
            rules.push(rule);
        }
        keys.done()?;
        let policy = Policy {
            rules,
            after_questionnaire: after.unwrap_or_default(),
            protected,
            without_built_in_names: !built_in,
        };
        let wanted = policy.wanted();
        if wanted.lists.len() > MOST_ASKED || wanted.rdap_urls.len() > 1 || wanted.windows.len() > MOST_ASKED
        {
            return Err(self.error(
                0,
                format!("at most {MOST_ASKED} blocklists, {MOST_ASKED} numbers of days and one rdap_url are asked about a domain"),
            ));
        }
        Ok(policy)
    }

    fn rule(&self, table: &DeTable<'_>, at: usize) -> Read<Rule> {
        let mut keys = Keys { file: self, table, at, known: BTreeSet::new() };
        let kind = keys.needed("check", "what the rule looks at")?;
        let DeValue::String(name) = kind.get_ref() else {
            return Err(self.wrong("check", kind, "the name of a check"));
        };
        let check = match name.as_ref() {
            "blocklist" => Check::Blocklist { lists: keys.lists()? },
            "website_unreachable" => Check::WebsiteUnreachable,
            "website_unrelated" => Check::WebsiteUnrelated,
            "website_parked" => Check::WebsiteParked,
            "parking_name_servers" => Check::ParkingNameServers,
            "look_alike" => Check::LookAlike,
            "brand_in_name" => Check::BrandInName,
            "free_mail" => Check::FreeMail,
            "disposable" => Check::Disposable,
            "private_suffix" => Check::PrivateSuffix,
            "contradictory_company" => Check::ContradictoryCompany,
            "many_new_domains" => {
                Check::ManyNewDomains { most: keys.number("most", 0)?, days: keys.number("days", 1)? }
            }
            "rejected_in_account" => Check::RejectedInAccount,
            "domain_age" => Check::DomainAge { days: keys.number("days", 1)?, rdap_url: keys.rdap_url()? },
            _ => return Err(self.wrong("check", kind, &format!("one of {}", Check::NAMES.join(", ")))),
        };
        let outcomes = Outcome::ALL.map(|outcome| (outcome.as_str(), outcome));
        let then = keys.chosen("then", &outcomes)?;
        let then = then.ok_or_else(|| keys.lacking("then", "what follows when the check is not passed"))?;
        let name = match keys.text("name")? {
            Some((name, value))
                if name.is_empty() || name.len() > 60 || name.chars().any(char::is_control) =>
            {
                return Err(self.wrong("name", value, "a name of 1 to 60 characters"));
            }
            Some((name, _)) => name,
            None => check.as_str().to_string(),
        };
        keys.done()?;
        Ok(Rule { name, check, then })
    }

    fn protected(&self, value: &Value<'_>) -> Read<Protected> {
        let one = |value: &Value<'_>| {
            let name = match value.get_ref() {
                DeValue::String(text) => Name::typed(text).ok(),
                _ => None,
            };
            name.filter(|name| name.organizational().as_ref() == Some(name)).ok_or_else(|| {
                self.wrong("protected_names", value, "a registered domain such as \"example.com\"")
            })
        };
        let domains = match value.get_ref() {
            DeValue::Array(domains) if !domains.is_empty() && domains.len() <= MOST => {
                domains.iter().map(one).collect::<Read<Vec<_>>>()?
            }
            _ => vec![one(value)?],
        };
        Ok(Protected { domains, word: false })
    }
}

impl<'a, 'i> Keys<'a, 'i> {
    fn get(&mut self, key: &'static str) -> Option<&'a Value<'i>> {
        self.known.insert(key);
        self.table.get(key)
    }

    fn needed(&mut self, key: &'static str, what: &str) -> Read<&'a Value<'i>> {
        let found = self.get(key);
        found.ok_or_else(|| self.lacking(key, what))
    }

    fn lacking(&self, key: &str, what: &str) -> PolicyError {
        self.file.error(self.at, format!("{key} is missing: {what}"))
    }

    fn text(&mut self, key: &'static str) -> Read<Option<(String, &'a Value<'i>)>> {
        match self.get(key).map(|value| (value.get_ref(), value)) {
            None => Ok(None),
            Some((DeValue::String(text), value)) => Ok(Some((text.to_string(), value))),
            Some((_, value)) => Err(self.file.wrong(key, value, "a text in quotation marks")),
        }
    }

    fn chosen<T: Copy>(&mut self, key: &'static str, choices: &[(&str, T)]) -> Read<Option<T>> {
        let Some(value) = self.get(key) else { return Ok(None) };
        let found = match value.get_ref() {
            DeValue::String(text) => choices.iter().find(|(word, _)| *word == text.as_ref()),
            _ => None,
        };
        found.map(|&(_, choice)| Some(choice)).ok_or_else(|| {
            let words: Vec<_> = choices.iter().map(|(word, _)| *word).collect();
            self.file.wrong(key, value, &format!("one of {}", words.join(", ")))
        })
    }

    fn array(&mut self, key: &'static str) -> Read<&'a [Value<'i>]> {
        match self.get(key).map(|value| (value.get_ref(), value)) {
            None => Ok(&[]),
            Some((DeValue::Array(values), _)) if values.len() <= MOST => Ok(values),
            Some((_, value)) => {
                let wanted = format!("a list of at most {MOST}");
                Err(self.file.error(value.span().start, format!("{key} is not {wanted}")))
            }
        }
    }

    fn number(&mut self, key: &'static str, least: u32) -> Read<u32> {
        let value = self.needed(key, "a whole number")?;
        let number = match value.get_ref() {
            DeValue::Integer(number) => u32::from_str_radix(number.as_str(), number.radix()).ok(),
            _ => None,
        };
        // Days are counted back from now.
        number
            .filter(|number| (least..=36_500).contains(number))
            .ok_or_else(|| self.file.wrong(key, value, &format!("a whole number from {least} to 36500")))
    }

    fn lists(&mut self) -> Read<Vec<Name>> {
        self.needed("lists", "the zones of the blocklists")?;
        let values = self.array("lists")?;
        if values.is_empty() {
            return Err(self.lacking("lists", "the zones of the blocklists"));
        }
        let list = |value: &Value<'_>| {
            let name = match value.get_ref() {
                DeValue::String(text) => Name::parse(text).ok(),
                _ => None,
            };
            // Room for a name in front of it.
            name.filter(|name| name.labels() > 1 && name.as_str().len() <= 100)
                .ok_or_else(|| self.file.wrong("lists", value, "a zone such as \"dbl.example.org\""))
        };
        values.iter().map(list).collect()
    }

    fn rdap_url(&mut self) -> Read<String> {
        let wanted = "an address such as \"https://rdap.org/domain/{domain}\"";
        let Some((text, value)) = self.text("rdap_url")? else {
            return Err(self.lacking("rdap_url", wanted));
        };
        let url = text.replace("{domain}", "example.com").parse::<url::Url>().ok();
        let web = |url: &url::Url| matches!(url.scheme(), "http" | "https") && url.has_host();
        if text.contains("{domain}") && url.is_some_and(|url| web(&url)) {
            return Ok(text);
        }
        Err(self.file.wrong("rdap_url", value, wanted))
    }

    /// Every key has been asked for.
    fn done(self) -> Read<()> {
        let odd = self.table.keys().find(|key| !self.known.contains(key.get_ref().as_ref()));
        odd.map_or(Ok(()), |key| {
            let known: Vec<_> = self.known.iter().copied().collect();
            let problem = format!("unknown key {:?}; known here are {}", key.get_ref(), known.join(", "));
            Err(self.file.error(key.span().start, problem))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_policy_is_safe_by_default() {
        let policy = ReviewPolicy::built_in().policy;
        let rules: Vec<_> = policy.rules.iter().map(|rule| (rule.check.as_str(), rule.then)).collect();
        assert_eq!(rules.len(), 12, "{rules:?}");
        assert!(rules.iter().all(|(_, then)| *then != Outcome::Pass));
        assert_eq!(policy.after_questionnaire, AfterQuestionnaire::Refer);
        // Nobody is asked whose terms the operator has not agreed to.
        assert!(policy.wanted().lists.is_empty() && policy.wanted().rdap_urls.is_empty());
        assert!(policy.wanted().website && policy.wanted().name_servers);
    }

    #[test]
    fn what_is_commented_out_in_it_is_right_too() {
        let text = BUILT_IN.replace("# [[rule]]", "[[rule]]");
        let keys = ["check", "then", "lists", "rdap_url", "days"];
        let text =
            keys.iter().fold(text, |text, key| text.replace(&format!("\n# {key} ="), &format!("\n{key} =")));
        let policy = ReviewPolicy::parse(&text).unwrap().policy;
        assert_eq!(policy.rules.len(), 14);
        assert_eq!(
            policy.rules.iter().map(|r| r.check.as_str()).collect::<BTreeSet<_>>(),
            BTreeSet::from(Check::NAMES)
        );
    }

    #[test]
    fn everything_at_once() {
        let policy = ReviewPolicy::parse(
            "after_questionnaire = 'pass'\nbuilt_in_names = false\n\
             protected_names = ['a.example', ['bücher.example', 'b.example']]\n\
             [[rule]]\nname = 'old'\ncheck = 'domain_age'\ndays = 0x1e\nrdap_url = 'https://r.example/{domain}'\nthen = 'ask_card'\n\
             [[rule]]\ncheck = 'blocklist'\nlists = ['dbl.example', 'uri.example']\nthen = 'reject'\n",
        )
        .unwrap()
        .policy;
        assert_eq!(policy.after_questionnaire, AfterQuestionnaire::Pass);
        assert!(policy.without_built_in_names);
        assert_eq!(policy.protected[1].domains[0].as_str(), "xn--bcher-kva.example");
        assert_eq!(policy.rules[0].name, "old");
        assert_eq!(
            policy.rules[0].check,
            Check::DomainAge { days: 30, rdap_url: "https://r.example/{domain}".to_string() }
        );
        assert_eq!((policy.rules[1].name.as_str(), policy.rules[1].then), ("blocklist", Outcome::Reject));
        assert!(ReviewPolicy::parse("").unwrap().policy.rules.is_empty());
    }

    #[test]
    fn mistakes_are_told_with_their_line() {
        let rule = |text: &str| format!("\n[[rule]]\n{text}\n");
        for (text, told) in [
            ("x = ".to_string(), "line 1: "),
            ("rules = []".to_string(), "line 1: unknown key \"rules\"; known here are after_questionnaire"),
            (
                "\n\nafter_questionnaire = 'ask'".to_string(),
                "line 3: after_questionnaire = 'ask' is not one of refer, pass",
            ),
            ("built_in_names = 'yes'".to_string(), "line 1: built_in_names = 'yes' is not true or false"),
            ("protected_names = 'a.example'".to_string(), "line 1: protected_names is not a list"),
            (
                "protected_names = ['www.a.example']".to_string(),
                "line 1: protected_names = 'www.a.example' is not a registered",
            ),
            ("protected_names = [\n[],\n]".to_string(), "line 2: protected_names = [] is not a registered"),
            ("rule = [1]".to_string(), "line 1: a rule is a table"),
            (rule("then = 'refer'"), "line 2: check is missing"),
            (rule("check = 'free_mail'"), "line 2: then is missing"),
            (
                rule("check = 'free_male'\nthen = 'refer'"),
                "line 3: check = 'free_male' is not one of blocklist, ",
            ),
            (rule("check = 7\nthen = 'refer'"), "line 3: check = 7 is not the name of a check"),
            (
                rule("check = 'free_mail'\nthen = 'refuse'"),
                "line 4: then = 'refuse' is not one of pass, ask_questionnaire",
            ),
            (
                rule("check = 'free_mail'\nthen = 'refer'\ndays = 7"),
                "line 5: unknown key \"days\"; known here are check, name, then",
            ),
            (rule("check = 'free_mail'\nthen = 'refer'\nname = ''"), "line 5: name = '' is not a name"),
            (rule("check = 'blocklist'\nthen = 'refer'"), "line 2: lists is missing"),
            (rule("check = 'blocklist'\nlists = []\nthen = 'refer'"), "line 2: lists is missing"),
            (
                rule("check = 'blocklist'\nlists = ['a b']\nthen = 'refer'"),
                "line 4: lists = 'a b' is not a zone",
            ),
            (rule("check = 'many_new_domains'\nmost = 5\nthen = 'refer'"), "line 2: days is missing"),
            (
                rule("check = 'many_new_domains'\nmost = 5\ndays = 0\nthen = 'refer'"),
                "line 5: days = 0 is not a whole number from 1",
            ),
            (
                rule("check = 'many_new_domains'\nmost = -5\ndays = 1\nthen = 'refer'"),
                "line 4: most = -5 is not a whole number",
            ),
            (rule("check = 'domain_age'\ndays = 7\nthen = 'refer'"), "line 2: rdap_url is missing"),
            (
                rule("check = 'domain_age'\ndays = 7\nrdap_url = 'https://rdap.example/'\nthen = 'refer'"),
                "line 5: rdap_url = ",
            ),
            (
                rule("check = 'domain_age'\ndays = 7\nrdap_url = 'file:///{domain}'\nthen = 'refer'"),
                "line 5: rdap_url = ",
            ),
            (
                rule("check = 'free_mail'\nthen = 'refer'") + &rule("check = 'free_mail'\nthen = 'reject'"),
                "line 6: there are two rules \"free_mail\"",
            ),
        ] {
            let error = ReviewPolicy::parse(&text).map(|_| ()).unwrap_err().to_string();
            assert!(error.starts_with(told), "{text}\n{error}");
        }
    }
}
