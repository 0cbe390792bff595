//! Following the source, and what is remembered because of it.

use super::*;

fn target(id: &RecordId) -> WireName {
    WireName::from_ascii(format!("sg1.{id}.dkim.signet.test.")).unwrap()
}

async fn asks(zone: &OwnZone, name: &WireName) -> Response {
    zone.answer(Ask { name, rtype: RecordType::TXT, recursion_desired: false }).await
}

fn numbered(number: u16) -> RecordId {
    let [high, low] = number.to_be_bytes();
    RecordId::from_random([high, low, 1, 1, 1, 1, 1, 1, high, low])
}

/// A zone that follows its source; time stands but for what the test lets pass.
async fn followed(source: &Arc<Literal>) -> Arc<OwnZone> {
    tokio::time::pause();
    let zone = own_zone(source.clone());
    tokio::spawn(zone.clone().follow(std::future::pending()));
    pass(1).await;
    zone
}

async fn pass(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

/// Days, in which nothing runs until they are over.
async fn jump(days: u64) {
    tokio::time::advance(Duration::from_secs(days * 24 * 3_600)).await;
    pass(1).await;
}

#[tokio::test]
async fn names_that_do_not_exist_cost_the_source_nothing() {
    let source = source();
    let zone = followed(&source).await;
    assert_eq!(zone.cache_stats().known, 3);
    for number in 0..1_000 {
        assert_eq!(asks(&zone, &target(&numbered(number))).await.rcode, ResponseCode::NXDomain);
    }
    for shop in ["none", "other"] {
        let name = WireName::from_ascii(format!("_dmarc.{shop}.demo.signet.test.")).unwrap();
        assert_eq!(asks(&zone, &name).await.rcode, ResponseCode::NXDomain);
    }
    assert_eq!(source.asked.load(Ordering::Relaxed), 0);
    let demo = WireName::from_ascii("_dmarc.shop.demo.signet.test.").unwrap();
    assert_eq!(asks(&zone, &demo).await.answers.len(), 1);
    assert_eq!(asks(&zone, &target(&id(ID))).await.answers.len(), 1);
    assert_eq!(source.asked.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn what_is_known_is_not_asked_for_until_it_changes() {
    let source = source();
    let zone = followed(&source).await;
    let (held, new) = (id(ID), numbered(7));
    for _ in 0..100 {
        assert_eq!(asks(&zone, &target(&held)).await.answers.len(), 1);
        pass(10).await;
    }
    assert_eq!(source.asked.load(Ordering::Relaxed), 1);
    assert_eq!(zone.serial(), 1);

    source.set(5, &held, Some([Some("v=DKIM1; p=".to_owned()), None]));
    source.set(5, &new, Some([Some("v=DKIM1; p=new".to_owned()), None]));
    pass(1).await;
    assert_eq!(zone.serial(), 5);
    assert_eq!(asks(&zone, &target(&held)).await.answers[0].data.to_string(), "v=DKIM1; p=");
    assert_eq!(asks(&zone, &target(&new)).await.answers.len(), 1);
    source.set(9, &new, None);
    source.set(9, &id(DEMO_ID), None);
    pass(1).await;
    assert_eq!(asks(&zone, &target(&new)).await.rcode, ResponseCode::NXDomain);
    let demo = WireName::from_ascii("_dmarc.shop.demo.signet.test.").unwrap();
    assert_eq!(asks(&zone, &demo).await.rcode, ResponseCode::NXDomain);

    // For safety's sake everything is read again at times.
    let before = source.asked.load(Ordering::Relaxed);
    pass(3_700).await;
    asks(&zone, &target(&held)).await;
    assert_eq!(source.asked.load(Ordering::Relaxed), before + 1);
}

#[tokio::test]
async fn a_source_that_is_down_is_stood_in_for() {
    let source = source();
    let zone = followed(&source).await;
    assert_eq!(asks(&zone, &target(&id(ID))).await.answers.len(), 1);
    source.fails.store(true, Ordering::Relaxed);
    jump(13).await;
    assert_eq!(asks(&zone, &target(&id(ID))).await.answers.len(), 1, "remembered");
    let cold = asks(&zone, &target(&id(KEYLESS))).await;
    assert_eq!(cold.rcode, ResponseCode::ServFail, "never read");
    let unknown = asks(&zone, &target(&numbered(1))).await;
    assert_eq!(unknown.rcode, ResponseCode::ServFail, "somebody may have made it meanwhile");
    jump(2).await;
    assert_eq!(asks(&zone, &target(&id(ID))).await.rcode, ResponseCode::ServFail, "as a secondary would");

    source.set(3, &id(KEYLESS), None);
    source.fails.store(false, Ordering::Relaxed);
    pass(2).await;
    assert_eq!(asks(&zone, &target(&id(ID))).await.answers.len(), 1);
    assert_eq!(asks(&zone, &target(&id(KEYLESS))).await.rcode, ResponseCode::NXDomain);
    assert_eq!(zone.serial(), 3);
}

#[tokio::test]
async fn questions_are_read_together_and_one_name_once() {
    let source = source();
    for number in 0..1_000 {
        source.keys.lock().unwrap().insert(numbered(number), [Some("text".to_owned()), None]);
    }
    let zone = followed(&source).await;
    let mut waiting = Vec::new();
    for number in 0..1_000 {
        let zone = zone.clone();
        waiting.push(tokio::spawn(async move { asks(&zone, &target(&numbered(number % 500))).await }));
    }
    for answer in waiting {
        assert_eq!(answer.await.unwrap().answers.len(), 1);
    }
    let batches = source.batches.lock().unwrap().clone();
    assert_eq!(batches.iter().sum::<usize>(), 500, "{batches:?}");
    assert!(batches.len() <= 20 && batches.iter().all(|size| *size <= 64), "{batches:?}");
}

/// A read that began before a change must not be kept beyond it.
#[tokio::test]
async fn what_was_read_before_a_change_is_not_kept() {
    struct Slow(Arc<Literal>);
    #[async_trait::async_trait]
    impl ZoneSource for Slow {
        async fn domains(&self, ids: &[RecordId]) -> Result<Vec<ZoneDomainView>, SourceFailed> {
            let read = self.0.domains(ids).await;
            pass(1).await;
            read
        }
        async fn demo(&self, name: &Name) -> Result<Option<RecordId>, SourceFailed> {
            self.0.demo(name).await
        }
        async fn ids(&self, after: Option<&RecordId>, limit: u32) -> Result<Vec<RecordId>, SourceFailed> {
            self.0.ids(after, limit).await
        }
        async fn demos(
            &self,
            after: Option<&Name>,
            limit: u32,
        ) -> Result<Vec<(Name, RecordId)>, SourceFailed> {
            self.0.demos(after, limit).await
        }
        async fn page(
            &self,
            after: Option<&RecordId>,
            limit: u32,
        ) -> Result<Vec<ZoneDomainView>, SourceFailed> {
            self.0.page(after, limit).await
        }
        async fn changes(&self, since: Option<i64>) -> Result<Changes, SourceFailed> {
            self.0.changes(since).await
        }
    }
    tokio::time::pause();
    let source = source();
    let zone = OwnZone::new(OwnZoneSettings::new(provider()), Arc::new(Slow(source.clone()))).unwrap();
    let zone = Arc::new(zone);
    tokio::spawn(zone.clone().follow(std::future::pending()));
    pass(1).await;
    let reading = tokio::spawn({
        let zone = zone.clone();
        async move { asks(&zone, &target(&id(ID))).await }
    });
    tokio::time::sleep(Duration::from_millis(10)).await;
    source.set(2, &id(ID), Some([Some("new".to_owned()), None]));
    assert_ne!(reading.await.unwrap().answers[0].data.to_string(), "new", "read before the change");
    pass(2).await;
    assert_eq!(asks(&zone, &target(&id(ID))).await.answers[0].data.to_string(), "new");
}

#[tokio::test]
async fn the_digest_is_of_what_the_settings_decide() {
    let digest = |settings: OwnZoneSettings| OwnZone::new(settings, source()).unwrap().digest();
    let settings = OwnZoneSettings::new(provider());
    let same = OwnZoneSettings { serial: 99, cache_bytes: 1, ..settings.clone() };
    assert_eq!(digest(settings.clone()), digest(same));
    let others = [
        OwnZoneSettings { tracking_caa: vec![name("ca.test")], ..settings.clone() },
        OwnZoneSettings { host_addresses: vec![], ..settings.clone() },
        OwnZoneSettings { provider: Provider { prefix: "xy".to_owned(), ..provider() }, ..settings.clone() },
    ];
    for other in others {
        assert_ne!(digest(settings.clone()), digest(other));
    }
}
