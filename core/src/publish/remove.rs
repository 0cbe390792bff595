//! Taking out of the customer's zone what is ours, and nothing else.

use super::standing::{Reading, read};
use super::{Action, Case, Change, Entry, each, owner_is_ours, txt, unread};
use crate::{
    names::Name,
    observe::{Data, Need, Seen},
    plan::{PlannedRecord, RecordKey},
    verify::{Context, spf},
};
use alloc::{format, string::ToString, vec::Vec};

/// What is to be done so that nothing of ours is left in the zone. `planned` is
/// the same as for [`super::changes`]. With `shared` the same name is registered
/// a second time, so that what both have in common (SPF, DMARC, the tracking
/// host) stays for the other.
///
/// A name with the domain's id is ours, whatever stands there. From an SPF record
/// our include is taken out; the record goes only if it is word for word the one
/// we ask those to publish who have none. DMARC goes only if it is exactly the
/// one we asked for.
///
/// # Errors
/// [`Need`] with what has to be looked at first.
pub fn removal(
    context: &Context<'_>,
    planned: &[PlannedRecord],
    shared: bool,
    seen: &Seen,
) -> Result<Vec<Change>, Need> {
    each(planned, |record| {
        let standing = match read(context, record, seen)? {
            Reading::Standing(standing) => standing,
            Reading::Failed { zone, reason } => return Ok(unread(record, zone, reason)),
        };
        let case = Case { record, standing };
        Ok(if owner_is_ours(record.key) {
            case.take_out_ours()
        } else if shared {
            case.keep("The domain is registered a second time, which needs this record.")
        } else {
            match record.key {
                RecordKey::Spf => case.take_out_of_spf(&context.provider.spf_include()),
                RecordKey::Dmarc => case.take_out_dmarc(),
                _ => case.take_out_link(),
            }
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

    fn take_out_link(&self) -> Change {
        match &self.standing.cnames[..] {
            [] => self.keep("It is not there."),
            [one] if one.data.to_string() == self.record.value && self.standing.texts.is_empty() => {
                self.take_out(self.standing.cnames.clone())
            }
            _ => self.keep("What stands at this name is not ours."),
        }
    }

    fn take_out_dmarc(&self) -> Change {
        let ours = self.standing.texts_where(|text| text == self.record.value.as_bytes());
        match &ours[..] {
            [] => self.keep("There is none that is exactly the one we asked for."),
            _ => self.take_out(ours),
        }
    }

    fn take_out_of_spf(&self, include: &Name) -> Change {
        if self.standing.wildcard {
            return self.keep("What is read at this name comes from a wildcard.");
        }
        let plain = spf::with_include(None, include);
        let (mut before, mut after) = (Vec::new(), Vec::new());
        for entry in &self.standing.texts {
            let Some(text) = entry.data.txt() else { continue };
            let Some(rest) = spf::without_include(&text, include) else { continue };
            before.push(entry.clone());
            if text != plain.as_bytes() {
                after.push(Entry { data: txt(&rest), ttl: entry.ttl });
            }
        }
        if before.is_empty() {
            return self.keep(format!("No SPF record there has include:{include}."));
        }
        if after.is_empty() {
            return self.take_out(before);
        }
        let reason = format!("include:{include} is taken out; the rest stays as it is.");
        self.write(Action::Merge, reason, before, after)
    }
}
