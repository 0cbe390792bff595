//! The zones, asked over real sockets.

mod following;
mod internet;
mod limits;
mod own;
mod transfer;
mod wire;

use super::*;
use hickory_proto::{
    op::{Edns, Message, MessageType, OpCode, Query, ResponseCode},
    rr::{Name as WireName, RData, RecordType},
    serialize::binary::{BinDecodable, BinDecoder},
};
use signet_core::{
    names::{Name, RecordId},
    plan::{Provider, SpfMode},
};
use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream, UdpSocket},
};

pub(super) const ID: &str = "abcdefghijklmnop";
pub(super) const KEYLESS: &str = "bbbbbbbbbbbbbbbb";
pub(super) const BROKEN: &str = "cccccccccccccccc";
pub(super) const DEMO_ID: &str = "dddddddddddddddd";

pub(super) fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

pub(super) fn id(text: &str) -> RecordId {
    RecordId::parse(text).unwrap()
}

pub(super) fn provider() -> Provider {
    Provider {
        zone: name("signet.test"),
        prefix: "sg".to_owned(),
        demo_zone: name("demo.signet.test"),
        spf_mode: SpfMode::Recommended,
        dmarc_rua: Some("reports@dmarc.signet.test".to_owned()),
        sending_ips: vec!["192.0.2.1".parse().unwrap(), "2001:db8::1".parse().unwrap()],
    }
}

/// A literal store.
#[derive(Default)]
pub(super) struct Literal {
    pub(super) keys: Mutex<HashMap<RecordId, Keys>>,
    /// What the log has, by serial.
    pub(super) log: Mutex<Vec<(i64, RecordId)>>,
    /// How often it was asked about domains, and how many each time.
    pub(super) asked: AtomicUsize,
    pub(super) batches: Mutex<Vec<usize>>,
    pub(super) fails: AtomicBool,
}

impl Literal {
    fn check(&self) -> Result<(), SourceFailed> {
        if self.fails.load(Ordering::Relaxed) { Err(SourceFailed) } else { Ok(()) }
    }

    fn view(id: &RecordId, keys: &Keys) -> ZoneDomainView {
        let demo = (id.as_str() == DEMO_ID).then(|| name("shop.demo.signet.test"));
        ZoneDomainView { id: id.clone(), keys: keys.clone(), demo }
    }

    /// Changes a domain and says so.
    pub(super) fn set(&self, serial: i64, id: &RecordId, keys: Option<Keys>) {
        let mut held = self.keys.lock().unwrap();
        match keys {
            Some(keys) => held.insert(id.clone(), keys),
            None => held.remove(id),
        };
        self.log.lock().unwrap().push((serial, id.clone()));
    }

    fn sorted(&self) -> Vec<ZoneDomainView> {
        let mut all: Vec<_> =
            self.keys.lock().unwrap().iter().map(|(id, keys)| Self::view(id, keys)).collect();
        all.sort_by(|a, b| a.id.as_str().cmp(b.id.as_str()));
        all
    }
}

#[async_trait::async_trait]
impl ZoneSource for Literal {
    async fn domains(&self, ids: &[RecordId]) -> Result<Vec<ZoneDomainView>, SourceFailed> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        self.batches.lock().unwrap().push(ids.len());
        self.check()?;
        if ids.iter().any(|id| id.as_str() == BROKEN) {
            return Err(SourceFailed);
        }
        tokio::task::yield_now().await;
        let keys = self.keys.lock().unwrap();
        Ok(ids.iter().filter_map(|id| Some(Self::view(id, keys.get(id)?))).collect())
    }

    async fn demo(&self, name: &Name) -> Result<Option<RecordId>, SourceFailed> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        self.check()?;
        assert_eq!(name.parent(), Some(provider().demo_zone), "asked about {name}");
        Ok((name.first_label() == "shop").then(|| id(DEMO_ID)))
    }

    async fn ids(&self, after: Option<&RecordId>, limit: u32) -> Result<Vec<RecordId>, SourceFailed> {
        self.check()?;
        Ok(self.page(after, limit).await?.into_iter().map(|view| view.id).collect())
    }

    async fn demos(&self, after: Option<&Name>, _: u32) -> Result<Vec<(Name, RecordId)>, SourceFailed> {
        self.check()?;
        assert_eq!(after, None, "there is one page");
        Ok(self.sorted().into_iter().filter_map(|view| Some((view.demo?, view.id))).collect())
    }

    async fn page(&self, after: Option<&RecordId>, limit: u32) -> Result<Vec<ZoneDomainView>, SourceFailed> {
        self.check()?;
        let later = |view: &ZoneDomainView| after.is_none_or(|after| view.id.as_str() > after.as_str());
        Ok(self.sorted().into_iter().filter(later).take(limit as usize).collect())
    }

    async fn changes(&self, since: Option<i64>) -> Result<Changes, SourceFailed> {
        self.check()?;
        let log = self.log.lock().unwrap();
        let serial = log.iter().map(|(serial, _)| *serial).max().unwrap_or(1);
        let ids =
            since.map(|since| log.iter().filter(|(at, _)| *at > since).map(|(_, id)| id.clone()).collect());
        Ok(Changes { serial, ids })
    }
}

/// A key record as long as one with an RSA-2048 key.
pub(super) fn key_text() -> String {
    format!("v=DKIM1; k=rsa; p={}", &"MIIBIjANBgkqhkiG".repeat(25)[..392])
}

pub(super) fn source() -> Arc<Literal> {
    let source = Literal::default();
    let keys = [
        (id(ID), [Some(key_text()), None]),
        (id(KEYLESS), [None, None]),
        (id(DEMO_ID), [Some(key_text()), None]),
    ];
    source.keys.lock().unwrap().extend(keys);
    Arc::new(source)
}

pub(super) fn own_zone(source: Arc<Literal>) -> Arc<OwnZone> {
    let tracking_caa = vec![name("letsencrypt.org")];
    Arc::new(
        OwnZone::new(OwnZoneSettings { tracking_caa, ..OwnZoneSettings::new(provider()) }, source).unwrap(),
    )
}

/// A listener on a free loopback port, and a client for it.
pub(super) struct Client {
    pub(super) at: SocketAddr,
}

impl Client {
    pub(super) async fn of(answers: Arc<dyn Answers>) -> Self {
        Self::limited(answers, Limits::default()).await.0
    }

    pub(super) async fn limited(answers: Arc<dyn Answers>, limits: Limits) -> (Self, Bound) {
        let anywhere = "127.0.0.1:0".parse().unwrap();
        let bound =
            serve(anywhere, answers, Serving { limits, ..Serving::default() }, std::future::pending())
                .await
                .unwrap();
        (Self { at: bound.local_addr() }, bound)
    }

    pub(super) async fn ask(&self, name: &str, rtype: RecordType) -> Message {
        self.udp(&question(name, rtype)).await
    }

    pub(super) async fn udp(&self, message: &Message) -> Message {
        let reply = self.udp_bytes(&message.to_vec().unwrap()).await.expect("an answer");
        checked(message, &reply)
    }

    /// What comes back to these bytes, if anything does in the time that a busy
    /// machine may take.
    pub(super) async fn udp_bytes(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        socket.send_to(bytes, self.at).await.unwrap();
        let mut buffer = vec![0; 65_535];
        let received = tokio::time::timeout(Duration::from_secs(30), socket.recv(&mut buffer)).await;
        received.ok().map(|length| buffer[..length.unwrap()].to_vec())
    }

    pub(super) async fn tcp(&self, message: &Message) -> Message {
        let bytes = message.to_vec().unwrap();
        let mut stream = TcpStream::connect(self.at).await.unwrap();
        stream.write_u16(bytes.len() as u16).await.unwrap();
        stream.write_all(&bytes).await.unwrap();
        let mut reply = vec![0; usize::from(stream.read_u16().await.unwrap())];
        stream.read_exact(&mut reply).await.unwrap();
        checked(message, &reply)
    }
}

fn checked(asked: &Message, reply: &[u8]) -> Message {
    let mut decoder = BinDecoder::new(reply);
    let answer = Message::read(&mut decoder).unwrap();
    assert!(decoder.is_empty(), "bytes after the message");
    assert_eq!(answer.metadata.id, asked.metadata.id);
    assert_eq!(answer.metadata.message_type, MessageType::Response);
    assert_eq!(answer.edns.is_some(), asked.edns.is_some(), "EDNS is answered with EDNS");
    answer
}

/// A question as a resolver asks it.
pub(super) fn question(name: &str, rtype: RecordType) -> Message {
    let mut message = plain_question(name, rtype);
    let mut edns = Edns::new();
    edns.set_max_payload(1232);
    message.set_edns(edns);
    message
}

pub(super) fn plain_question(name: &str, rtype: RecordType) -> Message {
    let mut message = Message::new(4711, MessageType::Query, OpCode::Query);
    message.add_query(Query::query(WireName::from_ascii(format!("{name}.")).unwrap(), rtype));
    message
}

/// The answers, as in a zone file, without TTL.
pub(super) fn answers(message: &Message) -> Vec<String> {
    message.answers.iter().map(|r| format!("{} {} {}", r.name, r.record_type(), rdata(&r.data))).collect()
}

pub(super) fn rdata(data: &RData) -> String {
    match data {
        RData::TXT(txt) => String::from_utf8(txt.txt_data.concat()).unwrap(),
        other => other.to_string(),
    }
}

/// Owner and TTL of the SOA in a negative answer.
pub(super) fn soa(message: &Message) -> Option<(String, u32)> {
    let [record] = message.authorities.as_slice() else { return None };
    assert_eq!(record.record_type(), RecordType::SOA);
    Some((record.name.to_string(), record.ttl))
}

pub(super) fn assert_nodata(message: &Message, apex: &str) {
    assert_eq!(message.metadata.response_code, ResponseCode::NoError, "{message}");
    assert!(message.answers.is_empty(), "{message}");
    assert_eq!(soa(message).map(|(owner, _)| owner).as_deref(), Some(apex), "{message}");
}

pub(super) fn assert_nxdomain(message: &Message, apex: &str) {
    assert_eq!(message.metadata.response_code, ResponseCode::NXDomain, "{message}");
    assert_eq!(soa(message).map(|(owner, _)| owner).as_deref(), Some(apex), "{message}");
}
