//! Questions to our own zone server: whatever comes, what goes out is a reply
//! to it and of a size the client takes.
//!
//! The first octet chooses UDP or TCP, and whether the message, which is the rest,
//! is signed as a secondary would. That gets it transfers, too.

use super::judged::{name, provider};
use hickory_proto::{
    op::{Message, MessageType, Query, ResponseCode},
    rr::{Name as WireName, RecordType},
};
use signet_core::{
    names::{Name, RecordId},
    plan::SpfMode,
};
use signet_dns::{
    fuzzing::Listener,
    zone::{Changes, OwnZone, OwnZoneSettings, SourceFailed, TsigKey, ZoneDomainView, ZoneSource},
};
use std::sync::{Arc, LazyLock};
use tokio::runtime::{Builder, Runtime};

/// What a client without EDNS takes (RFC 1035 §4.2.1), and the most we send.
const PLAIN: usize = 512;
const DATAGRAM: usize = 1232;

static SERVER: LazyLock<(Runtime, Listener)> = LazyLock::new(|| {
    let runtime = Builder::new_current_thread().enable_time().build().expect("a runtime");
    let settings = OwnZoneSettings::new(provider(SpfMode::Recommended, true));
    let zone = OwnZone::new(settings, Arc::new(Store)).expect("a literal zone");
    let key = TsigKey::new("secondary", "hmac-sha256", &[7; 32]).expect("a literal key");
    (runtime, Listener::new(Arc::new(zone), key))
});

/// One domain with keys of ordinary and of great length, one that fails.
struct Store;

#[async_trait::async_trait]
impl ZoneSource for Store {
    async fn domains(&self, ids: &[RecordId]) -> Result<Vec<ZoneDomainView>, SourceFailed> {
        ids.iter()
            .filter_map(|id| match id.as_str() {
                "abcdefghijklmnop" => Some(Ok(domain(id))),
                "cccccccccccccccc" => Some(Err(SourceFailed)),
                _ => None,
            })
            .collect()
    }

    async fn demo(&self, name: &Name) -> Result<Option<RecordId>, SourceFailed> {
        Ok(if name.first_label() == "shop" { RecordId::parse("abcdefghijklmnop") } else { None })
    }

    // Nobody follows the zone here.
    async fn ids(&self, _: Option<&RecordId>, _: u32) -> Result<Vec<RecordId>, SourceFailed> {
        Err(SourceFailed)
    }

    async fn demos(&self, _: Option<&Name>, _: u32) -> Result<Vec<(Name, RecordId)>, SourceFailed> {
        Err(SourceFailed)
    }

    async fn page(&self, after: Option<&RecordId>, _: u32) -> Result<Vec<ZoneDomainView>, SourceFailed> {
        Ok(if after.is_none() {
            RecordId::parse("abcdefghijklmnop").iter().map(domain).collect()
        } else {
            Vec::new()
        })
    }

    async fn changes(&self, _: Option<i64>) -> Result<Changes, SourceFailed> {
        Err(SourceFailed)
    }
}

fn domain(id: &RecordId) -> ZoneDomainView {
    let keys = [Some("7".repeat(410)), Some("7".repeat(1_500))];
    ZoneDomainView { id: id.clone(), keys, demo: Some(name("shop.demo.signet.test")) }
}

/// Panics when something does not hold.
pub fn run(input: &[u8]) {
    let Some((&how, octets)) = input.split_first() else { return };
    let (tcp, sign) = (how & 1 != 0, how & 2 != 0);
    let (runtime, listener) = &*SERVER;
    let (octets, sent, proven) = if sign {
        runtime.block_on(listener.answer_signed(octets, tcp))
    } else {
        (octets.to_vec(), runtime.block_on(listener.answer(octets, tcp)), false)
    };
    assert!(tcp || sent.len() <= 1, "one datagram is answered by {}", sent.len());
    let asked = Message::from_vec(&octets).ok();
    for sent in &sent {
        let reply = Message::from_vec(sent).unwrap_or_else(|error| panic!("{error}: {sent:02x?}"));
        assert_eq!(sent[..2], octets[..2], "another id");
        assert_eq!(reply.metadata.message_type, MessageType::Response);
        let well = reply.metadata.response_code == ResponseCode::NoError;
        assert!(!sign || !well || proven, "an answer without proof to one who has proven himself: {reply}");
        if let Some(asked) = &asked {
            fits(&reply, asked, sent.len(), tcp);
        }
    }
}

/// Whether a reply is one to this question.
fn fits(reply: &Message, asked: &Message, octets: usize, tcp: bool) {
    let takes = match &asked.edns {
        _ if tcp => usize::from(u16::MAX),
        Some(edns) => usize::from(edns.max_payload()).clamp(PLAIN, DATAGRAM),
        None => PLAIN,
    };
    assert!(octets <= takes, "{octets} octets to one who takes {takes}");
    let transfers = |query: &Query| matches!(query.query_type, RecordType::AXFR | RecordType::IXFR);
    let is_transfer = tcp && asked.queries.iter().any(transfers);
    assert!(is_transfer || reply.edns.is_some() == asked.edns.is_some(), "EDNS where it is spoken");
    if reply.metadata.response_code == ResponseCode::NXDomain {
        assert!(reply.metadata.authoritative && !reply.authorities.is_empty(), "{reply}");
    }
    let ours = WireName::from_ascii("signet.test.").expect("a name");
    for record in &reply.answers {
        assert!(ours.zone_of(&record.name), "{record}");
    }
}
