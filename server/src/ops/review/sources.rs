//! What the review looks at: each source asked on its own, all at once, none for
//! longer than the limit.

mod html;
mod rdap;

use crate::{
    config::Config,
    fetch::{FetchError, Fetcher},
};
use futures_util::future::join_all;
use signet_core::{
    names::Name,
    observe::{Data, RecordType},
    review::{self, Finding, Learned, Listing, Observed, Page, Policy, Sender, Wanted, Website},
};
use signet_dns::ask::Asker;
use std::{collections::BTreeMap, net::IpAddr, time::Duration};
use url::Url;

/// How long a source may take.
const LIMIT: Duration = Duration::from_secs(30);
/// A website that fails is looked at once more, after this long.
const SECOND_TRY: Duration = Duration::from_secs(2);

/// What is needed to look. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Examiner {
    asker: Asker,
    fetcher: Fetcher,
}

impl Examiner {
    /// Looks through `asker`, and at websites as the settings allow.
    ///
    /// # Panics
    /// When the TLS library cannot be set up, at start.
    #[must_use]
    pub fn new(asker: Asker, config: &Config) -> Self {
        Self { fetcher: Fetcher::new(asker.clone(), config.review_allow_private), asker }
    }

    /// Looks at everything the policy wants to know of a sender, and judges it.
    ///
    /// Takes half a minute at most; never fails, since a source that cannot be
    /// reached is a finding too.
    pub async fn examine(&self, policy: &Policy, sender: &Sender<'_>) -> Vec<Finding> {
        let observed = self.observe(&policy.wanted(), sender).await;
        review::judge(policy, sender, &observed)
    }

    async fn observe(&self, wanted: &Wanted, sender: &Sender<'_>) -> Observed {
        let registered = organization(sender.domain);
        let (lists, website, name_servers, registered) = tokio::join!(
            join_all(wanted.lists.iter().map(async |list| {
                (list.clone(), within(LIMIT, self.listing(list, sender.domain)).await)
            })),
            self.website_if(wanted.website, sender),
            self.name_servers_if(wanted.name_servers, &registered),
            self.registered_if(wanted.rdap_urls.first(), &registered),
        );
        Observed { lists: lists.into_iter().collect::<BTreeMap<_, _>>(), website, name_servers, registered }
    }

    /// Whether a blocklist has the domain, or the registered one above it.
    async fn listing(&self, list: &Name, domain: &Name) -> Learned<Listing> {
        let mut names = vec![domain.clone()];
        let registered = organization(domain);
        // What a hosting company gives away is not the company's.
        if registered != *domain && review::private_suffix(domain).is_none() {
            names.push(registered);
        }
        let asked = names.into_iter().map(async |name| {
            let answers = self.listed(list, name.as_str()).await;
            (name, answers)
        });
        let (asked, control) = tokio::join!(join_all(asked), self.listed(list, "invalid"));
        Listing::read(&asked, &control)
    }

    async fn listed(&self, list: &Name, name: &str) -> Learned<Vec<IpAddr>> {
        let Some(name) = list.prepend(name) else {
            return Err(format!("{name} is too long to be asked about there"));
        };
        self.asker.addresses(&name, RecordType::A).await.map_err(|failure| format!("the resolver {failure}"))
    }

    async fn website_if(&self, wanted: bool, sender: &Sender<'_>) -> Learned<Website> {
        // Without company information, for a domain that is only tried out, its
        // own site is as good a guess as any.
        let own = || format!("http://{}/", organization(sender.domain));
        let url = match (sender.company, sender.website()) {
            (None, _) => Some(own()),
            (Some(_), url) => url.map(ToString::to_string),
        };
        match url.filter(|_| wanted) {
            Some(url) => within(LIMIT, self.website(url)).await,
            None => Ok(Website::Unknown),
        }
    }

    async fn website(&self, url: String) -> Learned<Website> {
        let Ok(parsed) = url.parse::<Url>() else {
            return Ok(Website::Unreachable { url, problem: "has an address that is none".to_string() });
        };
        let mut found = self.fetcher.get(&parsed).await;
        if found.as_ref().map_or_else(FetchError::may_pass, |page| page.status >= 500) {
            tokio::time::sleep(SECOND_TRY).await;
            found = self.fetcher.get(&parsed).await;
        }
        match found {
            Ok(page) => Ok(Website::Page(Page {
                asked: url,
                host: page.url.host_str().and_then(|host| Name::typed(host).ok()),
                status: page.status,
                html: html::read(&page),
                url: page.url.to_string(),
            })),
            Err(error) if error.is_the_sites() => {
                Ok(Website::Unreachable { url, problem: error.to_string() })
            }
            Err(error) => Err(error.to_string()),
        }
    }

    async fn name_servers_if(&self, wanted: bool, registered: &Name) -> Learned<Vec<Name>> {
        if !wanted {
            return Err(NOT_ASKED.to_string());
        }
        within(LIMIT, async {
            let answer = self.asker.resolved(registered, RecordType::Ns).await;
            let answer = answer.map_err(|failure| format!("the resolver {failure}"))?;
            let server = |data: &Data| match data {
                Data::Ns(name) => Some(name.clone()),
                _ => None,
            };
            Ok(answer.records.iter().filter_map(|record| server(&record.data)).collect())
        })
        .await
    }

    async fn registered_if(
        &self,
        url: Option<&String>,
        registered: &Name,
    ) -> Learned<Option<jiff::Timestamp>> {
        let Some(url) = url else {
            return Err(NOT_ASKED.to_string());
        };
        let url = url.replace("{domain}", registered.as_str());
        let url = url.parse::<Url>().map_err(|error| format!("{url} is no address: {error}"))?;
        within(LIMIT, async {
            let page =
                self.fetcher.get(&url).await.map_err(|error: FetchError| format!("the service {error}"))?;
            rdap::registered(&page)
        })
        .await
    }
}

const NOT_ASKED: &str = "the policy does not ask for it";

/// What a source says, or that it took too long to.
async fn within<T>(limit: Duration, source: impl Future<Output = Learned<T>>) -> Learned<T> {
    let late = || Err(format!("did not answer within {} s", limit.as_secs()));
    tokio::time::timeout(limit, source).await.unwrap_or_else(|_| late())
}

fn organization(name: &Name) -> Name {
    name.organizational().unwrap_or_else(|| name.clone())
}
