//! Telling owners what happened: what of it still matters, to whom it goes, and
//! which notices make one message.

use super::{Ops, checks, links::Link};
use crate::{
    notify::notices::{Envelope, Item, compose},
    store::{
        About, Account, DomainId, NewNotice, Notice, NoticeGroup, NoticeId, Request, StoreError, Telling,
        Waiting, WrongRecord,
    },
};
use jiff::{SignedDuration, Timestamp};
use signet_core::{
    alert::{self, Addresses, Kind},
    email::EmailAddress,
    lifecycle::{ComplianceStatus, DnsState},
    names::Name,
    verify::dns_host::Hosting,
};
use std::collections::{BTreeMap, BTreeSet};

/// Groups looked at in one go.
const GROUPS: u32 = 32;
/// Notices of one group taken together; with more of them a second message is made.
const MOST: u32 = 5000;
/// When a group is tried again that cannot be read, as after a newer version wrote it.
const UNREADABLE: SignedDuration = SignedDuration::from_hours(1);
/// Reminders made in one go.
const REMINDERS: u32 = 100;

/// The notices one recipient gets in one message.
struct Together<'a> {
    to: EmailAddress,
    waiting: Vec<&'a Waiting>,
}

impl Ops {
    /// Makes messages of the notices that are due; how many groups were looked at.
    ///
    /// # Errors
    /// When the store fails; what is not told then stays due.
    pub async fn tell_owners(&self) -> Result<usize, StoreError> {
        let now = self.clock.now();
        let groups = self.store.due_notices(now, GROUPS).await?;
        for group in &groups {
            if let Some(until) = held_until(group, now) {
                self.store.hold_notices(group, until).await?;
                continue;
            }
            match self.tell_group(group, now).await {
                // Else it would keep all others waiting.
                Err(StoreError::Corrupt(why)) => {
                    tracing::error!(account = %group.account, kind = group.kind, why, "notices cannot be read");
                    let later = now.saturating_add(UNREADABLE).unwrap_or(Timestamp::MAX);
                    self.store.hold_notices(group, later).await?;
                }
                told => told?,
            }
        }
        Ok(groups.len())
    }

    async fn tell_group(&self, group: &NoticeGroup, now: Timestamp) -> Result<(), StoreError> {
        let waiting = self.store.notices(group, MOST).await?;
        let cards = self.card_checks(group, &waiting).await?;
        let telling = match self.store.account(group.account).await? {
            Some(account) => self.telling(&account, group, &waiting, &cards),
            None => {
                Telling { dropped: waiting.iter().map(|waiting| waiting.id).collect(), ..Telling::default() }
            }
        };
        // Else another node was faster, and its message is the one.
        if self.store.tell(group.account, &telling, now).await? && !telling.messages.is_empty() {
            tracing::info!(account = %group.account, kind = group.kind, notices = telling.told.len(), "told");
            self.queued.notify_one();
        }
        Ok(())
    }

    /// What becomes of the notices of one group.
    fn telling(
        &self,
        account: &Account,
        group: &NoticeGroup,
        waiting: &[Waiting],
        cards: &BTreeMap<DomainId, String>,
    ) -> Telling {
        let mut telling = Telling::default();
        let mut letters: BTreeMap<(i64, String), Together<'_>> = BTreeMap::new();
        let (last, broken) = (last_of_each(waiting), broken(waiting));
        for one in waiting {
            let to = if last.contains(&one.id) { recipients(account, one, &broken) } else { Vec::new() };
            if to.is_empty() { &mut telling.dropped } else { &mut telling.told }.push(one.id);
            telling.informed.extend(one.domain.zip(informed(one, &to)));
            // Only alerts and status changes are listed together.
            let apart = match one.notice.about {
                About::Compliance { .. } => 0,
                _ if one.notice.about.is_alert() => 0,
                _ => one.id.0,
            };
            for to in to {
                let letter = letters.entry((apart, to.for_counting()));
                letter.or_insert_with(|| Together { to, waiting: Vec::new() }).waiting.push(one);
            }
        }
        let letters = letters.values();
        telling.messages = letters
            .filter_map(|letter| {
                let items: Vec<Item<'_>> = letter.waiting.iter().map(|one| self.item(one, cards)).collect();
                let domain = if let [one] = letter.waiting[..] { one.domain } else { None };
                let envelope = Envelope { to: &letter.to, ..self.envelope(account, &group.cause) };
                Some((domain, compose(&items, &envelope, self.message_id())?))
            })
            .collect();
        telling
    }

    /// An envelope to the account's owner.
    pub(super) fn envelope<'a>(&'a self, account: &'a Account, cause: &'a str) -> Envelope<'a> {
        Envelope {
            to: &account.owner_email,
            owner: &account.owner_email,
            service: &self.config.http.public_url,
            operator: &self.config.owner_email,
            cause,
        }
    }

    fn item<'a>(&self, waiting: &'a Waiting, cards: &BTreeMap<DomainId, String>) -> Item<'a> {
        let notice = &waiting.notice;
        // What is told with alerts turned off is the status alone.
        let on = waiting.standing.as_ref().is_some_and(|standing| standing.critical_alerts);
        let mute = waiting.domain.filter(|_| notice.about.is_alert() && on);
        Item {
            notice,
            mute: mute.and_then(|id| self.link_url(Link::Mute(id))),
            questionnaire: waiting.domain.and_then(|id| self.link_url(Link::Questionnaire(id))),
            card: waiting.domain.and_then(|id| cards.get(&id).cloned()),
        }
    }

    /// Where the card checks are passed that notices ask for.
    async fn card_checks(
        &self,
        group: &NoticeGroup,
        waiting: &[Waiting],
    ) -> Result<BTreeMap<DomainId, String>, StoreError> {
        let mut urls = BTreeMap::new();
        for id in waiting.iter().filter(|one| asks_for_card(&one.notice)).filter_map(|one| one.domain) {
            let check = self.store.card_check(group.account, id).await?;
            urls.extend(check.and_then(|check| Some((id, self.card_check_url(&check)?))));
        }
        Ok(urls)
    }

    /// Adds a reminder for each domain whose deadline is near; how many.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn remind_owners(&self) -> Result<usize, StoreError> {
        let now = self.clock.now();
        let mut reminded = 0;
        for domain in self.store.to_remind(now, REMINDERS).await? {
            // Whose deadline has been reminded of is no longer among them.
            let Some(deadline) = alert::reminder(&domain.dns, None, now) else { continue };
            let report = self.store.report(domain.account, domain.id).await?;
            let verdicts = report.map(|report| report.verdicts).unwrap_or_default();
            let wrong: Vec<WrongRecord> = checks::still_wrong(&domain, &self.plan(&domain), &verdicts);
            let notice = NewNotice {
                account: domain.account,
                domain: Some(domain.id),
                cause: checks::cause(&domain, &Hosting::of_verdicts(&verdicts)),
                notice: Notice {
                    domain: Some(domain.name.to_string()),
                    about: About::Reminder { deadline, wrong },
                    compliance: None,
                },
            };
            reminded += usize::from(self.store.remind(&notice, deadline, now).await?);
        }
        Ok(reminded)
    }
}

/// Until when an alert is held, because another of its cause has just been told.
fn held_until(group: &NoticeGroup, now: Timestamp) -> Option<Timestamp> {
    let until = group.told_at?.saturating_add(alert::HOLD).unwrap_or(Timestamp::MAX);
    (until > now && About::is_alert_kind(&group.kind)).then_some(until)
}

/// Of one domain the last notice counts, where several of one kind have been held.
fn last_of_each(waiting: &[Waiting]) -> BTreeSet<NoticeId> {
    let mut domains = BTreeSet::new();
    let last = waiting.iter().rev().filter(|one| one.domain.is_none_or(|domain| domains.insert(domain)));
    last.map(|one| one.id).collect()
}

fn asks_for_card(notice: &Notice) -> bool {
    let status = notice.compliance.as_ref().map(|change| change.to.as_str());
    status == Some(ComplianceStatus::AwaitingCardVerification.as_str())
        || matches!(notice.about, About::Asked { what: Request::CardCheck, .. })
}

fn kind(about: &About) -> Kind {
    match about {
        About::Mended | About::Recovered => Kind::AllClear,
        about if about.is_alert() => Kind::Trouble,
        _ => Kind::Account,
    }
}

/// The domains of a group at which mail may not arrive.
fn broken(waiting: &[Waiting]) -> Vec<Name> {
    let troubled = waiting.iter().filter(|one| kind(&one.notice.about) == Kind::Trouble);
    troubled.filter_map(|one| Name::parse(one.notice.domain.as_deref()?).ok()).collect()
}

/// Who is told of it now; nobody, if it is outdated or its domain is gone.
fn recipients(account: &Account, waiting: &Waiting, broken: &[Name]) -> Vec<EmailAddress> {
    let about = &waiting.notice.about;
    let status = waiting.notice.compliance.as_ref().and_then(|change| ComplianceStatus::parse(&change.to));
    let owner = &account.owner_email;
    let addresses = match &waiting.standing {
        Some(standing) if is_outdated(about, &standing.dns) => return Vec::new(),
        Some(standing) => Addresses {
            owner,
            recipient: standing.recipient.as_ref(),
            critical_alerts: standing.critical_alerts,
            informed: &standing.informed,
        },
        None if waiting.domain.is_some() => return Vec::new(),
        None => Addresses { owner, recipient: None, critical_alerts: true, informed: &[] },
    };
    alert::recipients(kind(about), status, &addresses, broken)
}

/// Whether the domain is no longer where the alert says. What came of it since
/// has a notice of its own, which says all there is to say: who never heard of
/// the trouble hears nothing when it is over, and of a loss that is over already
/// one message tells, that of the recovery.
fn is_outdated(about: &About, dns: &DnsState) -> bool {
    match about {
        About::AtRisk { deadline: told, .. }
        | About::DeadlineMoved { deadline: told, .. }
        | About::Reminder { deadline: told, .. } => {
            !matches!(dns, DnsState::AtRisk { deadline, .. } if deadline == told)
        }
        About::Lost { .. } => !matches!(dns, DnsState::Lost { .. }),
        About::Mended => matches!(dns, DnsState::AtRisk { .. } | DnsState::Lost { .. }),
        About::Recovered => !dns.is_verified(),
        _ => false,
    }
}

/// Who has been told of a domain's trouble, after `to` are told this; `None`
/// where that stays as it was.
fn informed(waiting: &Waiting, to: &[EmailAddress]) -> Option<Vec<EmailAddress>> {
    let standing = waiting.standing.as_ref()?;
    match &waiting.notice.about {
        about if is_outdated(about, &standing.dns) => None,
        About::Mended | About::Recovered => (!standing.informed.is_empty()).then(Vec::new),
        About::AtRisk { .. } | About::DeadlineMoved { .. } | About::Reminder { .. } | About::Lost { .. } => {
            let mut informed = standing.informed.clone();
            informed.extend(to.iter().filter(|to| !standing.informed.contains(to)).cloned());
            (informed != standing.informed).then_some(informed)
        }
        _ => None,
    }
}
