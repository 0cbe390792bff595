//! What a removal has to know of a domain's past.

use super::{Ops, Result};
use crate::store::Domain;
use serde::Deserialize;
use signet_core::{
    plan::RecordKey,
    publish::{Action, Past},
};

/// What the history has of one time that records were written.
#[derive(Deserialize)]
struct Applied {
    changes: Vec<Written>,
}

#[derive(Deserialize)]
struct Written {
    key: String,
    action: String,
    after: Vec<String>,
}

impl Ops {
    pub(super) async fn past(&self, domain: &Domain) -> Result<Past> {
        let written = self.store.what_was_written(domain.account, domain.id).await?;
        let others = self.store.registered_beside(domain.account, domain.id).await?;
        Ok(Past { added: added(&written), others })
    }
}

/// Of each record the last that was written, if that was where there was none.
fn added(newest_first: &[String]) -> Vec<(RecordKey, String)> {
    let times = newest_first.iter().filter_map(|text| serde_json::from_str::<Applied>(text).ok());
    let mut last: Vec<Written> = Vec::new();
    for written in times.flat_map(|applied| applied.changes) {
        if last.iter().all(|known| known.key != written.key) {
            last.push(written);
        }
    }
    let added = last.into_iter().filter(|written| written.action == Action::Add.as_str());
    added
        .filter_map(|written| Some((RecordKey::parse(&written.key)?, written.after.first()?.clone())))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_was_written_last_counts() {
        let time = |changes: serde_json::Value| json!({ "changes": changes }).to_string();
        let spf = |action: &str, after: &str| json!({"key": "spf", "action": action, "after": [after]});
        let dmarc = json!({"key": "dmarc", "action": "add", "after": ["TXT v=DMARC1; p=none"]});
        let first = time(json!([spf("add", "TXT a"), dmarc]));
        let second = time(json!([spf("merge", "TXT b")]));
        let dmarc = (RecordKey::Dmarc, "TXT v=DMARC1; p=none".to_string());
        assert_eq!(
            added(std::slice::from_ref(&first)),
            [(RecordKey::Spf, "TXT a".to_string()), dmarc.clone()]
        );
        assert_eq!(added(&[second, "{}".to_string(), first]), [dmarc]);
    }
}
