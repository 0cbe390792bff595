//! What a removal has to know of a domain's past.

use super::{Ops, Result};
use crate::store::{Domain, EventKind};
use serde::Deserialize;
use signet_core::{
    plan::RecordKey,
    publish::{Action, Past},
};

/// What the history has of one time that records were written, or were to be.
#[derive(Deserialize)]
struct Time {
    changes: Vec<Written>,
}

#[derive(Deserialize)]
struct Written {
    key: String,
    action: String,
    before: Vec<String>,
    after: Vec<String>,
}

impl Ops {
    pub(super) async fn past(&self, domain: &Domain) -> Result<Past> {
        let written = self.store.what_was_written(domain.account, domain.id).await?;
        let beside = self.store.registered_beside(domain.account, domain.id).await?;
        Ok(Past { added: added(&written), beside })
    }
}

/// Of each record the last that was written, if that was where there was none.
///
/// That writing began counts as well: a process that ends, or an answer that is lost,
/// leaves no other trace of what was written. Where it is certain that nothing was,
/// the history says so, and what stands there is somebody else's.
fn added(newest_first: &[(EventKind, String)]) -> Vec<(RecordKey, String)> {
    let times = newest_first
        .iter()
        .filter_map(|(kind, text)| Some((*kind, serde_json::from_str::<Time>(text).ok()?.changes)));
    let mut last: Vec<Written> = Vec::new();
    let mut not_written: Vec<String> = Vec::new();
    for (kind, written) in times.flat_map(|(kind, changes)| changes.into_iter().map(move |one| (kind, one))) {
        let begun_in_vain = not_written.iter().position(|key| *key == written.key);
        match (kind, begun_in_vain) {
            (EventKind::DnsNotWritten, _) => not_written.push(written.key),
            (EventKind::DnsWriting, Some(at)) => drop(not_written.remove(at)),
            // What was to be taken out stands there still, or is gone.
            _ if written.action == Action::Remove.as_str() => {}
            _ if last.iter().all(|known| known.key != written.key) => last.push(written),
            _ => {}
        }
    }
    let into_nothing = |written: &Written| {
        written.action == Action::Add.as_str()
            && written.after.iter().all(|one| !written.before.contains(one))
    };
    let added = last.into_iter().filter(into_nothing);
    added
        .filter_map(|written| Some((RecordKey::parse(&written.key)?, written.after.first()?.clone())))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use EventKind::{DnsApplied, DnsNotWritten, DnsWriting};
    use serde_json::{Value, json};

    fn time(kind: EventKind, changes: &[&Value]) -> (EventKind, String) {
        (kind, json!({ "changes": changes }).to_string())
    }

    fn change(key: &str, action: &str, after: &[&str]) -> Value {
        json!({"key": key, "action": action, "before": [], "after": after})
    }

    fn of_spf(text: &str) -> (RecordKey, String) {
        (RecordKey::Spf, text.to_string())
    }

    #[test]
    fn what_was_written_last_counts() {
        let dmarc = change("dmarc", "add", &["TXT v=DMARC1; p=none"]);
        let first = time(DnsApplied, &[&change("spf", "add", &["TXT a"]), &dmarc]);
        let second = time(DnsApplied, &[&change("spf", "merge", &["TXT b"])]);
        let dmarc = (RecordKey::Dmarc, "TXT v=DMARC1; p=none".to_string());
        assert_eq!(added(std::slice::from_ref(&first)), [of_spf("TXT a"), dmarc.clone()]);
        assert_eq!(added(&[second, (DnsApplied, "{}".to_string()), first]), [dmarc]);
    }

    #[test]
    fn what_was_begun_counts_until_it_is_known_to_be_in_vain() {
        let (spf, link) =
            (change("spf", "add", &["TXT a"]), change("link_verification", "add", &["CNAME b"]));
        let link_added = (RecordKey::LinkVerification, "CNAME b".to_string());
        let begun = time(DnsWriting, &[&spf, &link]);
        assert_eq!(added(std::slice::from_ref(&begun)), [of_spf("TXT a"), link_added.clone()]);
        let in_vain = time(DnsNotWritten, &[&spf]);
        assert_eq!(added(&[in_vain.clone(), begun.clone()]), std::slice::from_ref(&link_added));
        // Only that once.
        assert_eq!(
            added(&[in_vain.clone(), begun.clone(), begun.clone()]),
            [link_added.clone(), of_spf("TXT a")]
        );
        // What was added before a change that came to nothing is still there.
        let merge = change("spf", "merge", &["TXT c"]);
        let merging = [time(DnsNotWritten, &[&merge]), time(DnsWriting, &[&merge])];
        let all = [&merging[..], &[time(DnsApplied, &[&spf])]].concat();
        assert_eq!(added(&all), [of_spf("TXT a")]);
        assert!(added(&all[1..]).is_empty());
    }

    #[test]
    fn a_removal_that_came_to_nothing_can_be_tried_again() {
        let applied = time(DnsApplied, &[&change("spf", "add", &["TXT a"])]);
        let removing = time(DnsWriting, &[&change("spf", "remove", &[])]);
        assert_eq!(added(&[removing, applied]), [of_spf("TXT a")]);
    }

    #[test]
    fn what_stood_there_is_not_ours() {
        let stood = json!({"key": "spf", "action": "add", "before": ["TXT a"], "after": ["TXT a"]});
        assert!(added(&[time(DnsWriting, &[&stood])]).is_empty());
    }
}
