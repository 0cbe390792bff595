//! Who is told of something, and when.
//!
//! Two kinds of word leave for an owner. *Alerts* are about a domain's DNS; they
//! go to the domain's `alert_recipient_email`, or else to the account's owner,
//! and can be turned off. *Status changes* are about who may send; the owner is
//! told each of them, whatever is turned off, because there is something to do.

use crate::{
    email::EmailAddress,
    lifecycle::{ComplianceStatus, DnsState},
    names::Name,
};
use alloc::vec::Vec;
use jiff::{SignedDuration, Timestamp};

/// How long an alert waits for others of the same cause, so that a DNS host
/// that is down makes one message.
pub const WAIT: SignedDuration = SignedDuration::from_secs(20);
/// How long those of one cause are held after a message of it has gone, to be
/// one digest.
pub const HOLD: SignedDuration = SignedDuration::from_mins(30);
/// How long before its deadline an owner is reminded.
pub const REMIND_BEFORE: SignedDuration = SignedDuration::from_hours(24);
/// Whose whole grace is no longer than this is not reminded: the first word
/// has only just gone.
pub const SHORT_GRACE: SignedDuration = SignedDuration::from_hours(25);

/// What kind of word it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Something is wrong with a domain's DNS.
    Trouble,
    /// That is over.
    AllClear,
    /// Neither: the account, or a status and nothing else.
    Account,
}

/// A domain's and its account's addresses.
#[derive(Clone, Copy, Debug)]
pub struct Addresses<'a> {
    /// The account's owner.
    pub owner: &'a EmailAddress,
    /// The domain's own recipient.
    pub recipient: Option<&'a EmailAddress>,
    /// Whether critical alerts are on.
    pub critical_alerts: bool,
    /// Who was told of what is wrong now, or was until now.
    pub informed: &'a [EmailAddress],
}

/// Who is told.
///
/// `status` is the compliance status it changed to, if it did. `broken` are the
/// domains at which mail may not arrive just now.
#[must_use]
pub fn recipients(
    kind: Kind,
    status: Option<ComplianceStatus>,
    addresses: &Addresses<'_>,
    broken: &[Name],
) -> Vec<EmailAddress> {
    let Addresses { owner, recipient, critical_alerts, informed } = *addresses;
    let mut told = Vec::new();
    match kind {
        Kind::Trouble if critical_alerts => {
            let first = recipient.unwrap_or(owner);
            add(&mut told, first);
            if is_at(first, broken) {
                add(&mut told, owner);
            }
        }
        // Whoever was worried hears that it is over, and nobody else.
        Kind::AllClear if critical_alerts => informed.iter().for_each(|address| add(&mut told, address)),
        Kind::Trouble | Kind::AllClear => {}
        Kind::Account => add(&mut told, owner),
    }
    if let Some(status) = status {
        add(&mut told, owner);
        let refused = matches!(status, ComplianceStatus::Suspended | ComplianceStatus::NonCompliant);
        if let Some(recipient) = recipient.filter(|_| refused && critical_alerts) {
            add(&mut told, recipient);
        }
    }
    told
}

/// Adds an address that is not there in whatever spelling.
fn add(told: &mut Vec<EmailAddress>, address: &EmailAddress) {
    if !told.iter().any(|there| there.for_counting() == address.for_counting()) {
        told.push(address.clone());
    }
}

/// Whether an address is at or below one of the domains.
fn is_at(address: &EmailAddress, broken: &[Name]) -> bool {
    Name::parse(address.domain())
        .is_ok_and(|domain| broken.iter().any(|broken| domain.is_at_or_below(broken)))
}

/// The deadline to remind of, where its time has come.
#[must_use]
pub fn reminder(state: &DnsState, reminded: Option<Timestamp>, now: Timestamp) -> Option<Timestamp> {
    let DnsState::AtRisk { since, deadline, .. } = *state else { return None };
    let left = deadline.duration_since(now);
    let due = left > SignedDuration::ZERO && left <= REMIND_BEFORE;
    let long = deadline.duration_since(since) > SHORT_GRACE;
    (due && long && reminded != Some(deadline)).then_some(deadline)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ComplianceStatus as S;
    use alloc::{string::ToString, vec};

    fn email(text: &str) -> EmailAddress {
        EmailAddress::parse(text).unwrap()
    }

    /// Owner `o@own.example`, in each row: kind, status, the domain's recipient,
    /// whether alerts are on, who was told before; and who is told.
    #[test]
    fn who_is_told() {
        type Row =
            (Kind, Option<S>, Option<&'static str>, bool, &'static [&'static str], &'static [&'static str]);
        const OWNER: &str = "o@own.example";
        const OPS: &str = "ops@else.example";
        const THERE: &str = "me@mail.shop.example";
        let rows: [Row; 17] = [
            // What is wrong goes to the recipient, or else to the owner.
            (Kind::Trouble, None, None, true, &[], &[OWNER]),
            (Kind::Trouble, None, Some(OPS), true, &[], &[OPS]),
            // An address at the broken domain may not get it.
            (Kind::Trouble, None, Some(THERE), true, &[], &[THERE, OWNER]),
            // Turned off.
            (Kind::Trouble, None, Some(OPS), false, &[], &[]),
            (Kind::Trouble, None, None, false, &[], &[]),
            // Lost: the status changed, too.
            (Kind::Trouble, Some(S::UnverifiedDns), Some(OPS), true, &[], &[OPS, OWNER]),
            (Kind::Trouble, Some(S::UnverifiedDns), Some(OPS), false, &[], &[OWNER]),
            (Kind::Trouble, Some(S::UnverifiedDns), None, true, &[], &[OWNER]),
            // That it is over goes to those who were told.
            (Kind::AllClear, None, Some(OPS), true, &[OPS], &[OPS]),
            (Kind::AllClear, None, None, true, &[OPS], &[OPS]),
            (Kind::AllClear, None, None, true, &[], &[]),
            (Kind::AllClear, None, Some(OPS), false, &[OPS], &[]),
            (Kind::AllClear, Some(S::Compliant), Some(OPS), true, &[OPS], &[OPS, OWNER]),
            // A status and nothing else.
            (Kind::Account, Some(S::Compliant), Some(OPS), true, &[], &[OWNER]),
            (Kind::Account, Some(S::NonCompliant), Some(OPS), true, &[], &[OWNER, OPS]),
            (Kind::Account, Some(S::Suspended), Some(OPS), false, &[], &[OWNER]),
            (Kind::Account, Some(S::Suspended), Some("O@OWN.example"), true, &[], &[OWNER]),
        ];
        let (owner, broken) = (email(OWNER), [Name::parse("shop.example").unwrap()]);
        for (kind, status, recipient, critical_alerts, informed, expected) in rows {
            let recipient = recipient.map(email);
            let informed: Vec<_> = informed.iter().map(|address| email(address)).collect();
            let addresses = Addresses {
                owner: &owner,
                recipient: recipient.as_ref(),
                critical_alerts,
                informed: &informed,
            };
            let told = recipients(kind, status, &addresses, &broken);
            let told: Vec<_> = told.iter().map(ToString::to_string).collect();
            assert_eq!(told, expected, "{kind:?} {status:?} {recipient:?} {critical_alerts} {informed:?}");
        }
    }

    #[test]
    fn an_address_at_any_broken_domain_brings_the_owner_in() {
        let (owner, recipient) = (email("o@own.example"), email("ops@other.example"));
        let addresses =
            Addresses { owner: &owner, recipient: Some(&recipient), critical_alerts: true, informed: &[] };
        let names = |names: &[&str]| names.iter().map(|name| Name::parse(name).unwrap()).collect::<Vec<_>>();
        let told = |broken: &[&str]| recipients(Kind::Trouble, None, &addresses, &names(broken));
        assert_eq!(told(&["shop.example"]), vec![recipient.clone()]);
        assert_eq!(told(&["shop.example", "other.example"]), vec![recipient.clone(), owner.clone()]);
        assert_eq!(told(&["sub.other.example", "notother.example"]), vec![recipient.clone()]);
    }

    #[test]
    fn a_reminder_comes_once_a_day_before_and_not_after_a_short_grace() {
        let at = |hours: i64| Timestamp::from_second(1_790_000_000 + hours * 3600).unwrap();
        let state = |grace| DnsState::AtRisk {
            at: at(-100),
            since: at(0),
            deadline: at(grace),
            unaligned_since: None,
        };
        assert_eq!(reminder(&state(72), None, at(47)), None);
        assert_eq!(reminder(&state(72), None, at(48)), Some(at(72)));
        assert_eq!(reminder(&state(72), Some(at(72)), at(48)), None, "once");
        assert_eq!(reminder(&state(72), Some(at(80)), at(48)), Some(at(72)), "the deadline moved");
        assert_eq!(reminder(&state(72), None, at(72)), None, "too late");
        assert_eq!(reminder(&state(25), None, at(1)), None);
        assert_eq!(reminder(&state(26), None, at(2)), Some(at(26)));
        assert_eq!(reminder(&DnsState::Verified { at: at(0) }, None, at(1)), None);
    }
}
