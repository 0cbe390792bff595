//! Taking out of the customer's zone what is ours, and nothing else.

use super::standing::{Reading, read};
use super::{Action, Case, Change, Entry, each, owner_is_ours, txt, unread};
use crate::{
    names::Name,
    observe::{Data, Need, Seen},
    plan::{PlannedRecord, RecordKey},
    verify::{Context, dmarc, spf},
};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

/// Which registrations may rest on a domain's records, beside the domain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Others {
    /// None.
    #[default]
    None,
    /// One of a name below it, which inherits its DMARC policy and may refer to
    /// its SPF record.
    Below,
    /// One of the same name.
    Same,
}

/// The registrations beside a domain by whose they are: of other accounts' nobody is
/// told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Beside {
    /// Of the domain's own account.
    pub own: Others,
    /// Of other accounts, and verified.
    pub elsewhere: Others,
}

/// What a removal has to know beside what stands in the zone.
#[derive(Clone, Debug, Default)]
pub struct Past {
    /// The records that were added for the domain where there had been none,
    /// each as [`Entry`] shows it.
    pub added: Vec<(RecordKey, String)>,
    /// Who else needs what is not made for the domain alone.
    pub beside: Beside,
}

impl Others {
    fn rest_on(self, key: RecordKey) -> bool {
        match self {
            Self::None => false,
            Self::Below => matches!(key, RecordKey::Spf | RecordKey::Dmarc),
            Self::Same => true,
        }
    }
}

impl Past {
    fn has_added(&self, key: RecordKey, entry: &Entry) -> bool {
        self.added.iter().any(|(of, text)| *of == key && *text == entry.to_string())
    }

    /// Why the record stays whatever it is.
    fn still_needed(&self, key: RecordKey) -> Option<&'static str> {
        let Beside { own, elsewhere } = self.beside;
        if own.rest_on(key) {
            return Some(match own {
                Others::Same => "The domain is registered a second time, which needs this record.",
                _ => "A name below the domain is registered, too, which may rest on this record.",
            });
        }
        elsewhere.rest_on(key).then_some("Something else may rest on this record.")
    }
}

/// What is to be done so that nothing of ours is left in the zone. `planned` is
/// the same as for [`super::changes`].
///
/// A name with the domain's id is ours, whatever stands there. From an SPF record
/// our include is taken out. Anything else goes only if it was added for this
/// domain and is still what was added: many have a DMARC record that is word for
/// word the one we ask for.
///
/// # Errors
/// [`Need`] with what has to be looked at first.
pub fn removal(
    context: &Context<'_>,
    planned: &[PlannedRecord],
    past: &Past,
    seen: &Seen,
) -> Result<Vec<Change>, Need> {
    each(planned, |record| {
        let standing = match read(context, record, seen)? {
            Reading::Standing(standing) => standing,
            Reading::Failed { zone, reason } => return Ok(unread(record, zone, reason)),
        };
        let case = Case { record, standing };
        if owner_is_ours(record.key) {
            return Ok(case.take_out_ours());
        }
        if let Some(reason) = past.still_needed(record.key) {
            return Ok(case.keep(reason));
        }
        Ok(match record.key {
            RecordKey::Spf => case.take_out_of_spf(&context.provider.spf_include(), past),
            RecordKey::Dmarc => case.take_out_dmarc(past),
            _ => case.take_out_link(past),
        })
    })
}

impl Case<'_> {
    fn take_out(&self, before: Vec<Entry>) -> Change {
        self.write(Action::Remove, "It is ours and no longer needed.".to_string(), before, Vec::new())
    }

    fn take_out_ours(&self) -> Change {
        let all = self.standing.all();
        if all.iter().any(|entry| matches!(entry.data, Data::Other(_))) {
            return self.blocked(format!(
                "{} points to something that is no host name. Delete that record by hand.",
                self.record.owner
            ));
        }
        if all.is_empty() { self.keep("It is not there.") } else { self.take_out(all) }
    }

    fn take_out_link(&self, past: &Past) -> Change {
        match &self.standing.all()[..] {
            [] => self.keep("It is not there."),
            [one] if past.has_added(self.record.key, one) => self.take_out(Vec::from([one.clone()])),
            _ => self.keep(NOT_ADDED),
        }
    }

    fn take_out_dmarc(&self, past: &Past) -> Change {
        match &self.standing.texts_where(dmarc::starts_as_dmarc)[..] {
            [] => self.keep("It is not there."),
            [one] if past.has_added(self.record.key, one) => self.take_out(Vec::from([one.clone()])),
            [_] => self.keep(NOT_ADDED),
            // None of them is in effect (RFC 9989 §4.10.1); one alone would be.
            _ => self.keep("There are several DMARC records; without one of them another might take effect."),
        }
    }

    fn take_out_of_spf(&self, include: &Name, past: &Past) -> Change {
        if self.standing.wildcard {
            return self.keep("What is read at this name comes from a wildcard.");
        }
        let records = self.standing.texts_where(|text| spf::after_version(text).is_some());
        if let [one] = &records[..]
            && past.has_added(self.record.key, one)
        {
            return self.take_out(records);
        }
        let (mut before, mut after) = (Vec::new(), Vec::new());
        for entry in records {
            let without = entry.data.txt().and_then(|text| spf::without_include(&text, include));
            let Some(rest) = without else { continue };
            after.push(Entry { data: txt(&rest), ttl: entry.ttl });
            before.push(entry);
        }
        if before.is_empty() {
            return self.keep(format!("No SPF record there has include:{include}."));
        }
        let reason = format!("include:{include} is taken out; the rest stays as it is.");
        self.write(Action::Merge, reason, before, after)
    }
}

const NOT_ADDED: &str = "What stands at this name was not added from here, or is no longer what was added.";
