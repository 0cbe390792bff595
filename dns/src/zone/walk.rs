//! The whole zone, record by record, for whoever wants all of it: the export
//! and transfers. Exactly what [`OwnZone`] answers.

use super::{
    contents,
    master::line,
    node::{Node, wire_name},
    own::OwnZone,
    source::{SourceFailed, ZoneDomainView},
};
use aws_lc_rs::digest;
use hickory_proto::rr::{Record, RecordType};
use signet_core::names::{Name, RecordId};
use std::{collections::BTreeMap, sync::Arc};

/// How many domains are read at one time.
const PAGE: u32 = 1_000;

/// Goes through one zone in steps, holding no more than a page of it.
///
/// It is not of one moment: what changes meanwhile may be seen or not. Whoever
/// sees it has a serial from before, and hears of the next.
pub struct Walk {
    zone: Arc<OwnZone>,
    apex: Name,
    serial: u32,
    next: Next,
}

enum Next {
    Fixed,
    After(Option<RecordId>),
    End,
}

impl Walk {
    /// Through the zone at `apex`, one of [`OwnZone::apexes`]; `None` if it is
    /// none of them.
    #[must_use]
    pub fn new(zone: &Arc<OwnZone>, apex: &Name) -> Option<Self> {
        zone.apexes().any(|known| known == apex).then(|| Self {
            zone: zone.clone(),
            apex: apex.clone(),
            serial: zone.serial(),
            next: Next::Fixed,
        })
    }

    /// The serial in the zone's SOA, which is the first record.
    #[must_use]
    pub fn serial(&self) -> u32 {
        self.serial
    }

    /// The next records, not none; `None` at the end.
    ///
    /// # Errors
    /// [`SourceFailed`]; the same step can be tried again.
    pub async fn step(&mut self) -> Result<Option<Vec<Record>>, SourceFailed> {
        loop {
            let records = match &self.next {
                Next::Fixed => {
                    let records = self.zone.fixed_records(&self.apex, self.serial);
                    self.next = Next::After(None);
                    records
                }
                Next::After(after) => {
                    let page = self.zone.domains().source.page(after.as_ref(), PAGE).await?;
                    let full = page.len() >= PAGE as usize;
                    self.next = match page.last() {
                        Some(last) if full => Next::After(Some(last.id.clone())),
                        _ => Next::End,
                    };
                    page.iter().flat_map(|view| self.zone.domain_records(&self.apex, view)).collect()
                }
                Next::End => return Ok(None),
            };
            if !records.is_empty() {
                return Ok(Some(records));
            }
        }
    }
}

impl OwnZone {
    /// What of the zone at `apex` the settings alone decide, the SOA first.
    fn fixed_records(&self, apex: &Name, serial: u32) -> Vec<Record> {
        let fixed = self.fixed();
        let Some(apex) = fixed.apexes.iter().find(|known| known.name == *apex) else { return Vec::new() };
        let mut records = vec![apex.soa(serial)];
        for (name, node) in fixed.nodes.iter().filter(|(name, _)| self.is_in(name, &apex.name)) {
            let name = wire_name(name);
            records.extend(node.records(&name).filter(|record| record.record_type() != RecordType::SOA));
        }
        if let Some(consent) = fixed.consent.as_ref().filter(|consent| self.is_in(&consent.base, &apex.name))
        {
            records.extend(consent.node.records(&consent.wildcard));
        }
        records
    }

    /// What of the zone at `apex` there is because of a domain.
    pub(super) fn domain_records(&self, apex: &Name, domain: &ZoneDomainView) -> Vec<Record> {
        let settings = self.settings();
        let mut nodes: BTreeMap<Name, Node> = BTreeMap::new();
        if let Some(name) = &domain.demo {
            nodes.extend(contents::demo(&settings.provider, name, &domain.id));
        }
        for (number, text) in [1, 2].into_iter().zip(&domain.keys) {
            let target = settings.provider.dkim_target(number, &domain.id);
            nodes.insert(target, contents::key(&settings.host_addresses, text.as_deref()));
        }
        let here = nodes.iter().filter(|(name, _)| self.is_in(name, apex));
        here.flat_map(|(name, node)| node.records(&wire_name(name)).collect::<Vec<_>>()).collect()
    }

    /// A digest of all that the settings decide, how domains are put into
    /// records included: whoever has seen another must be told of a new serial.
    #[must_use]
    pub fn digest(&self) -> String {
        let sample = ZoneDomainView {
            id: RecordId::from_random([0; 10]),
            keys: [Some("key".to_owned()), None],
            demo: self.settings().provider.demo_zone.prepend("sample"),
        };
        let mut context = digest::Context::new(&digest::SHA256);
        for apex in self.apexes() {
            for record in self.fixed_records(apex, 0).into_iter().chain(self.domain_records(apex, &sample)) {
                context.update(line(&record).as_bytes());
                context.update(b"\n");
            }
        }
        context.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn is_in(&self, name: &Name, apex: &Name) -> bool {
        self.fixed().apex_of(name).is_some_and(|found| found.name == *apex)
    }
}
