//! What is behind a name, as any program on the machine would find it.

use super::{Ask, Asker};
use signet_core::{
    names::Name,
    observe::{Answer, Data, Failure, Question, RecordType, View},
};
use std::net::IpAddr;

/// Aliases followed from a name to what it stands for.
const ALIASES: usize = 8;

impl Asker {
    /// What the first of the resolvers that answers has for a question; whatever
    /// it is not asked about, an alias among it, is left to the caller.
    ///
    /// # Errors
    /// How the resolvers failed, when none answers.
    pub async fn resolved(&self, name: &Name, rtype: RecordType) -> Result<Answer, Failure> {
        let question = Question { view: View::Resolvers, ..Question::new(name, rtype) };
        let look = self.look(&question, Ask::routine()).await;
        let answer = look.answers().next().map(|(_, answer)| answer.clone());
        answer.ok_or_else(|| look.failures().next().map_or(Failure::Timeout, |(_, failure)| failure.clone()))
    }

    /// The addresses of one family (`A` or `AAAA`) at the end of the aliases, none
    /// where DNS says that there are none.
    ///
    /// # Errors
    /// How the resolvers failed, when none answers; aliases without end.
    pub async fn addresses(&self, host: &Name, rtype: RecordType) -> Result<Vec<IpAddr>, Failure> {
        let answer = self.at_the_end(host, rtype).await?;
        let address = |data: &Data| match data {
            Data::Address(address) => Some(*address),
            _ => None,
        };
        Ok(answer.records.iter().filter_map(|record| address(&record.data)).collect())
    }

    /// The texts of the TXT records at the end of the aliases, likewise.
    ///
    /// # Errors
    /// As [`Self::addresses`].
    pub async fn texts(&self, name: &Name) -> Result<Vec<Vec<u8>>, Failure> {
        let answer = self.at_the_end(name, RecordType::Txt).await?;
        Ok(answer.records.iter().filter_map(|record| record.data.txt()).collect())
    }

    async fn at_the_end(&self, name: &Name, rtype: RecordType) -> Result<Answer, Failure> {
        let mut name = name.clone();
        for _ in 0..ALIASES {
            let answer = self.resolved(&name, rtype).await?;
            match answer.cname() {
                Some(target) => name = target.clone(),
                None => return Ok(answer),
            }
        }
        Err(Failure::Malformed("one alias after another".to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Fake, Fault, RESOLVER, Rule, SECOND_RESOLVER, Zone};

    #[tokio::test]
    async fn aliases_are_followed_and_absence_is_no_failure() {
        let records = ["a CNAME b", "b CNAME c", "c A 192.0.2.1", "c A 192.0.2.2", "x CNAME y", "y CNAME x"];
        let fake = Fake::start(vec![Zone::new("test", &[2], &records)], vec![]).await;
        let mut settings = fake.settings();
        settings.resolvers = [RESOLVER, SECOND_RESOLVER].map(|host| fake.address(host)).to_vec();
        let asker = Asker::new(settings).await.unwrap();
        let ask = async |name: &str| asker.addresses(&name.parse().unwrap(), RecordType::A).await;
        let two = Ok(vec!["192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap()]);
        assert_eq!(ask("a.test").await, two);
        assert_eq!(ask("none.test").await, Ok(vec![]));
        assert!(matches!(ask("x.test").await, Err(Failure::Malformed(_))));
        // One resolver that answers is enough, and none is a failure.
        fake.set_rules(vec![Rule::at(RESOLVER, Fault::Rcode(2))]);
        assert_eq!(ask("a.test").await, two);
        fake.set_rules(vec![Rule::at(RESOLVER, Fault::Rcode(2)), Rule::at(SECOND_RESOLVER, Fault::Rcode(2))]);
        assert!(ask("a.test").await.is_err());
    }
}
