use super::*;
use signet_core::{
    names::DomainName,
    observe::RecordType as CoreType,
    plan::{Dkim, Present, Subject, plan},
};

async fn client() -> Client {
    Client::of(own_zone(source())).await
}

#[tokio::test]
async fn every_kind_of_owner() {
    let client = client().await;
    for (owner, rtype, expected) in [
        ("signet.test", RecordType::NS, vec!["signet.test. NS ns1.signet.test."]),
        ("ns1.signet.test", RecordType::A, vec!["ns1.signet.test. A 192.0.2.1"]),
        ("bounce.signet.test", RecordType::AAAA, vec!["bounce.signet.test. AAAA 2001:db8::1"]),
        ("bounce.signet.test", RecordType::MX, vec!["bounce.signet.test. MX 10 bounce.signet.test."]),
        (
            "bounce.signet.test",
            RecordType::TXT,
            vec!["bounce.signet.test. TXT v=spf1 ip4:192.0.2.1 ip6:2001:db8::1 -all"],
        ),
        (
            "_spf.signet.test",
            RecordType::TXT,
            vec!["_spf.signet.test. TXT v=spf1 ip4:192.0.2.1 ip6:2001:db8::1 ~all"],
        ),
        ("track.signet.test", RecordType::A, vec!["track.signet.test. A 192.0.2.1"]),
        (
            "track.signet.test",
            RecordType::CAA,
            vec![
                r#"track.signet.test. CAA 0 issue "letsencrypt.org""#,
                r#"track.signet.test. CAA 0 issuewild "letsencrypt.org""#,
            ],
        ),
        (
            "sg1.abcdefghijklmnop.dkim.signet.test",
            RecordType::A,
            vec!["sg1.abcdefghijklmnop.dkim.signet.test. A 192.0.2.1"],
        ),
        (
            "bakery.test._report._dmarc.dmarc.signet.test",
            RecordType::TXT,
            vec!["bakery.test._report._dmarc.dmarc.signet.test. TXT v=DMARC1"],
        ),
        (
            "a.b.c.bakery.test._report._dmarc.dmarc.signet.test",
            RecordType::TXT,
            vec!["a.b.c.bakery.test._report._dmarc.dmarc.signet.test. TXT v=DMARC1"],
        ),
    ] {
        let answer = client.ask(owner, rtype).await;
        assert_eq!(answers(&answer), expected, "{owner} {rtype}");
        assert!(answer.metadata.authoritative && !answer.metadata.recursion_available);
        assert_eq!(answer.metadata.response_code, ResponseCode::NoError);
    }

    let answer = client.ask("sg1.abcdefghijklmnop.dkim.signet.test", RecordType::TXT).await;
    assert!(answers(&answer)[0].ends_with(&key_text()), "{answer}");
    let RData::TXT(txt) = &answer.answers[0].data else { panic!("{answer}") };
    assert_eq!(txt.txt_data.iter().map(|s| s.len()).collect::<Vec<_>>(), [255, 410 - 255]);
    assert_eq!(answer.answers[0].ttl, 300);

    let answer = client.ask("signet.test", RecordType::SOA).await;
    assert_eq!(answer.answers[0].record_type(), RecordType::SOA);
    assert_eq!(answer.answers[0].ttl, 3600);
    let answer = client.ask("signet.test", RecordType::NS).await;
    let glue: Vec<String> = answer.additionals.iter().map(|r| r.data.to_string()).collect();
    assert_eq!(glue, ["192.0.2.1", "2001:db8::1"]);
}

#[tokio::test]
async fn names_without_records_exist_and_others_do_not() {
    let client = client().await;
    for (owner, rtype) in [
        ("signet.test", RecordType::A),
        ("signet.test", RecordType::DS),
        ("bounce.signet.test", RecordType::CNAME),
        ("track.signet.test", RecordType::MX),
        // Empty non-terminals.
        ("dkim.signet.test", RecordType::TXT),
        ("abcdefghijklmnop.dkim.signet.test", RecordType::TXT),
        ("abcdefghijklmnop.dkim.signet.test", RecordType::ANY),
        ("demo.signet.test", RecordType::TXT),
        ("_domainkey.shop.demo.signet.test", RecordType::TXT),
        ("dmarc.signet.test", RecordType::A),
        ("_dmarc.dmarc.signet.test", RecordType::TXT),
        ("_report._dmarc.dmarc.signet.test", RecordType::TXT),
        ("bakery.test._report._dmarc.dmarc.signet.test", RecordType::A),
        // Keys still to be made.
        ("sg2.abcdefghijklmnop.dkim.signet.test", RecordType::TXT),
        ("sg1.bbbbbbbbbbbbbbbb.dkim.signet.test", RecordType::TXT),
    ] {
        let answer = client.ask(owner, rtype).await;
        assert_nodata(&answer, "signet.test.");
        assert_eq!(soa(&answer).unwrap().1, 60, "{owner}");
        assert!(answer.metadata.authoritative, "{owner}");
    }
    for owner in [
        "nothing.signet.test",
        "x.bounce.signet.test",
        "aaaaaaaaaaaaaaaa.dkim.signet.test",
        "sg1.aaaaaaaaaaaaaaaa.dkim.signet.test",
        "sg3.abcdefghijklmnop.dkim.signet.test",
        "x.sg1.abcdefghijklmnop.dkim.signet.test",
        "sg1.abcdefghijklmnop.signet.test",
        "none.demo.signet.test",
        "x.shop.demo.signet.test",
        "sg-aaaaaaaaaaaaaaaa.shop.demo.signet.test",
        "bakery.test._report._dmarc.signet.test",
        r"a\.b.signet.test",
        "*.signet.test",
    ] {
        assert_nxdomain(&client.ask(owner, RecordType::TXT).await, "signet.test.");
    }
    // Below a wildcard there is every name, whatever its characters.
    let odd = WireName::from_labels([&b"a.\0 \xff"[..], b"_report", b"_dmarc", b"dmarc", b"signet", b"test"]);
    let mut message = question("signet.test", RecordType::TXT);
    message.queries[0].set_name(odd.unwrap());
    assert_eq!(client.udp(&message).await.answers.len(), 1);
    let odd = WireName::from_labels([&b"\0 \xff"[..], b"signet", b"test"]).unwrap();
    let mut message = question("signet.test", RecordType::TXT);
    message.queries[0].set_name(odd);
    assert_nxdomain(&client.udp(&message).await, "signet.test.");
}

/// The export has a wildcard there, which matches whatever labels there are.
#[tokio::test]
async fn consent_is_given_to_names_of_any_octets() {
    let client = client().await;
    let base = WireName::from_ascii("_report._dmarc.dmarc.Signet.test.").unwrap();
    for labels in
        [vec![&b"*"[..]], vec![b"\0 \xff"], vec![b"a.b"], vec![b"*", b"shop"], vec![b"\xff", b"shop"]]
    {
        let odd = WireName::from_labels(labels).unwrap().append_domain(&base).unwrap();
        for (rtype, records) in [(RecordType::TXT, 1), (RecordType::A, 0)] {
            let mut message = question("signet.test", rtype);
            message.queries[0].set_name(odd.clone());
            let answer = client.udp(&message).await;
            assert_eq!(answer.metadata.response_code, ResponseCode::NoError, "{odd} {rtype}");
            assert_eq!(answer.answers.len(), records, "{odd} {rtype}");
        }
    }
    // The wildcard is a name, too, with nothing below it (RFC 4592 §2.2.1).
    assert_nxdomain(
        &client.ask("shop.*._report._dmarc.dmarc.signet.test", RecordType::TXT).await,
        "signet.test.",
    );
}

#[tokio::test]
async fn aliases_are_followed_inside_the_zone() {
    let client = client().await;
    let alias = "sg-dddddddddddddddd.shop.demo.signet.test";
    assert_eq!(
        answers(&client.ask(alias, RecordType::MX).await),
        [
            "sg-dddddddddddddddd.shop.demo.signet.test. CNAME bounce.signet.test.",
            "bounce.signet.test. MX 10 bounce.signet.test.",
        ]
    );
    assert_eq!(answers(&client.ask(alias, RecordType::CNAME).await).len(), 1);
    // The alias exists, what it points at has no such record (RFC 6604).
    let answer = client.ask(alias, RecordType::CAA).await;
    assert_eq!(answers(&answer).len(), 1);
    assert_eq!(answer.metadata.response_code, ResponseCode::NoError);
    assert!(soa(&answer).is_some());
    let answer = client.ask("sg1-dddddddddddddddd._domainkey.shop.demo.signet.test", RecordType::TXT).await;
    assert_eq!(answer.answers.len(), 2);
    assert_eq!(answer.answers[1].name.to_string(), "sg1.dddddddddddddddd.dkim.signet.test.");
    // RFC 8482 §4.2: an alias is shown to ANY as it is.
    assert_eq!(answers(&client.ask(alias, RecordType::ANY).await).len(), 1);
}

#[tokio::test]
async fn demo_domains_have_what_the_plan_says() {
    let client = client().await;
    let domain = DomainName::trusted(name("shop.demo.signet.test"));
    let subject = Subject { domain: &domain, id: &id(DEMO_ID), demo: true, dkim: Dkim::Delegated };
    let planned = plan(&provider(), &subject, &Present::default());
    assert_eq!(planned.len(), 6);
    for record in planned {
        let (rtype, value) = match record.rtype {
            CoreType::Cname => (RecordType::CNAME, format!("{}.", record.value)),
            _ => (RecordType::TXT, record.value.clone()),
        };
        let answer = client.ask(record.owner.as_str(), rtype).await;
        assert_eq!(answers(&answer), [format!("{}. {rtype} {value}", record.owner)]);
    }
    let dmarc = client.ask("_dmarc.shop.demo.signet.test", RecordType::TXT).await;
    assert!(answers(&dmarc)[0].contains("p=reject"), "{dmarc}");
}

#[tokio::test]
async fn a_failing_source_is_servfail_and_never_absence() {
    let client = client().await;
    let answer = client.ask("sg1.cccccccccccccccc.dkim.signet.test", RecordType::TXT).await;
    assert_eq!(answer.metadata.response_code, ResponseCode::ServFail);
    assert!(answer.answers.is_empty() && answer.authorities.is_empty());
    // What does not need the source goes on.
    assert_eq!(client.ask("bounce.signet.test", RecordType::A).await.answers.len(), 1);
}

#[tokio::test]
async fn a_new_key_is_seen_within_five_seconds_and_not_asked_for_each_time() {
    let source = source();
    let zone = own_zone(source.clone());
    tokio::time::pause();
    let target = WireName::from_ascii("sg2.abcdefghijklmnop.dkim.signet.test.").unwrap();
    let ask = Ask { name: &target, rtype: RecordType::TXT, recursion_desired: false };
    for _ in 0..10 {
        assert!(zone.answer(ask).await.answers.is_empty());
    }
    assert_eq!(source.asked.load(Ordering::Relaxed), 1);
    source.keys.lock().unwrap().insert(id(ID), [None, Some(key_text())]);
    tokio::time::advance(Duration::from_millis(5_001)).await;
    assert_eq!(zone.answer(ask).await.answers.len(), 1);
}

/// A source that never answers.
struct Hangs;

#[async_trait::async_trait]
impl ZoneSource for Hangs {
    async fn domains(&self, _: &[RecordId]) -> Result<Vec<ZoneDomainView>, SourceFailed> {
        std::future::pending().await
    }
    async fn demo(&self, _: &Name) -> Result<Option<RecordId>, SourceFailed> {
        std::future::pending().await
    }
    async fn ids(&self, _: Option<&RecordId>, _: u32) -> Result<Vec<RecordId>, SourceFailed> {
        std::future::pending().await
    }
    async fn demos(&self, _: Option<&Name>, _: u32) -> Result<Vec<(Name, RecordId)>, SourceFailed> {
        std::future::pending().await
    }
    async fn page(&self, _: Option<&RecordId>, _: u32) -> Result<Vec<ZoneDomainView>, SourceFailed> {
        std::future::pending().await
    }
    async fn changes(&self, _: Option<i64>) -> Result<Changes, SourceFailed> {
        std::future::pending().await
    }
}

#[tokio::test(start_paused = true)]
async fn a_source_that_hangs_is_not_waited_for() {
    let zone = Arc::new(OwnZone::new(OwnZoneSettings::new(provider()), Arc::new(Hangs)).unwrap());
    let mut waiting = Vec::new();
    for number in 0..2_000u16 {
        let [high, low] = number.to_be_bytes();
        let id = RecordId::from_random([high, low, 0, 0, 0, 0, 0, 0, 0, 0]);
        let target = WireName::from_ascii(format!("sg1.{id}.dkim.signet.test.")).unwrap();
        let zone = zone.clone();
        waiting.push(tokio::spawn(async move {
            let ask = Ask { name: &target, rtype: RecordType::TXT, recursion_desired: false };
            let started = tokio::time::Instant::now();
            (zone.answer(ask).await.rcode, started.elapsed())
        }));
    }
    let mut at_once = 0;
    for answer in waiting {
        let (rcode, took) = answer.await.unwrap();
        assert_eq!(rcode, ResponseCode::ServFail);
        assert!(took < Duration::from_secs(3), "{took:?}");
        at_once += usize::from(took < Duration::from_millis(100));
    }
    assert_eq!(at_once, 2_000 - 1_024, "beyond the queue the answer comes at once");
}

#[tokio::test]
async fn a_demo_zone_elsewhere_is_a_zone_of_its_own() {
    let provider = Provider { demo_zone: name("demo.example"), ..provider() };
    struct Shop;
    #[async_trait::async_trait]
    impl ZoneSource for Shop {
        async fn domains(&self, ids: &[RecordId]) -> Result<Vec<ZoneDomainView>, SourceFailed> {
            assert_eq!(ids, [id(DEMO_ID)]);
            self.page(None, 1).await
        }
        async fn demo(&self, name: &Name) -> Result<Option<RecordId>, SourceFailed> {
            Ok((name.as_str() == "shop.demo.example").then(|| id(DEMO_ID)))
        }
        async fn ids(&self, _: Option<&RecordId>, _: u32) -> Result<Vec<RecordId>, SourceFailed> {
            Err(SourceFailed)
        }
        async fn demos(&self, _: Option<&Name>, _: u32) -> Result<Vec<(Name, RecordId)>, SourceFailed> {
            Err(SourceFailed)
        }
        async fn page(&self, _: Option<&RecordId>, _: u32) -> Result<Vec<ZoneDomainView>, SourceFailed> {
            let demo = Some(name("shop.demo.example"));
            Ok(vec![ZoneDomainView { id: id(DEMO_ID), keys: [None, None], demo }])
        }
        async fn changes(&self, _: Option<i64>) -> Result<Changes, SourceFailed> {
            Err(SourceFailed)
        }
    }
    let zone = Arc::new(OwnZone::new(OwnZoneSettings::new(provider), Arc::new(Shop)).unwrap());
    assert_eq!(zone.apexes().map(Name::as_str).collect::<Vec<_>>(), ["signet.test", "demo.example"]);
    let client = Client::of(zone.clone()).await;
    let answer = client.ask("demo.example", RecordType::NS).await;
    assert_eq!(answers(&answer), ["demo.example. NS ns1.signet.test."]);
    assert_nodata(&client.ask("_domainkey.shop.demo.example", RecordType::A).await, "demo.example.");
    assert_nxdomain(&client.ask("nobody.demo.example", RecordType::A).await, "demo.example.");
    let answer = client.ask("sg-link.shop.demo.example", RecordType::A).await;
    assert_eq!(
        answers(&answer),
        ["sg-link.shop.demo.example. CNAME track.signet.test.", "track.signet.test. A 192.0.2.1"]
    );
    let (ours, demo) = (export(&zone, "signet.test").await, export(&zone, "demo.example").await);
    assert!(ours.iter().all(|line| !line.contains("demo.example")), "{ours:#?}");
    assert!(ours.iter().any(|line| line.starts_with("sg1.dddddddddddddddd.dkim.signet.test. ")), "{ours:#?}");
    assert!(demo[0].starts_with("demo.example. 3600 IN SOA "), "{demo:#?}");
    assert_eq!(demo.len(), 2 + 6, "{demo:#?}");
}

#[tokio::test]
async fn many_addresses_are_spread_over_spf_records_that_fit() {
    let spread: Vec<_> = (0..60).map(|i| format!("192.0.2.{}", i * 2).parse().unwrap()).collect();
    let zone = |ips: Vec<std::net::IpAddr>| {
        let provider = Provider { sending_ips: ips, ..provider() };
        let settings = OwnZoneSettings { host_addresses: vec![], ..OwnZoneSettings::new(provider) };
        OwnZone::new(settings, source())
    };
    let client = Client::of(Arc::new(zone(spread.clone()).unwrap())).await;
    let mut listed: Vec<std::net::IpAddr> = Vec::new();
    let top = client.ask("_spf.signet.test", RecordType::TXT).await;
    assert!(
        answers(&top)[0].ends_with(
            "v=spf1 include:_spf1.signet.test include:_spf2.signet.test include:_spf3.signet.test ~all"
        ),
        "{top}"
    );
    let bounce = client.ask("bounce.signet.test", RecordType::TXT).await;
    assert!(answers(&bounce)[0].ends_with("include:_spf3.signet.test -all"), "{bounce}");
    for part in ["_spf1.signet.test", "_spf2.signet.test", "_spf3.signet.test"] {
        let answer = client.udp(&plain_question(part, RecordType::TXT)).await;
        assert!(!answer.metadata.truncation);
        let text = rdata(&answer.answers[0].data);
        assert!(text.starts_with("v=spf1 ip4:") && text.ends_with(" ~all") && text.len() <= 450, "{text}");
        listed.extend(
            text.split(' ')
                .filter_map(|t| t.strip_prefix("ip4:"))
                .map(|ip| ip.parse::<std::net::IpAddr>().unwrap()),
        );
    }
    assert_eq!(listed, spread);
    let too_many = (0..200).map(|i| format!("2001:db8:1234:5678::{:x}", i * 2).parse().unwrap()).collect();
    assert_eq!(zone(too_many).err(), Some(ZoneError::TooManyAddresses));
    let lookups = |sending_ips| spf_lookups(&Provider { sending_ips, ..provider() });
    assert_eq!((lookups(spread), lookups(provider().sending_ips)), (Ok(4), Ok(1)));
}

async fn export(zone: &Arc<OwnZone>, apex: &str) -> Vec<String> {
    let mut walk = Walk::new(zone, &name(apex)).expect("a zone of ours");
    let mut lines = Vec::new();
    while let Some(records) = walk.step().await.unwrap() {
        lines.extend(records.iter().map(line));
    }
    lines
}

#[tokio::test]
async fn the_export_is_what_is_answered() {
    let zone = own_zone(source());
    zone.set_serial((7 << 32) + 4_000_000_000);
    let client = Client::of(zone.clone()).await;
    let lines = export(&zone, "signet.test").await;
    let soa =
        "signet.test. 3600 IN SOA ns1.signet.test. hostmaster.signet.test. 4000000000 3600 900 1209600 60";
    assert_eq!(lines[0], soa);
    let answer = client.ask("nothing.signet.test", RecordType::A).await;
    assert!(answer.authorities[0].data.to_string().contains(" 4000000000 "), "{answer}");
    assert_eq!(lines.len(), 14 + 14 + 6, "{lines:#?}");
    for line in &lines {
        let mut fields = line.splitn(5, ' ');
        let owner = fields.next().unwrap().trim_end_matches('.').replace("*.", "bakery.test.");
        let ttl: u32 = fields.next().unwrap().parse().unwrap();
        let rtype: RecordType = fields.nth(1).unwrap().parse().unwrap();
        let answer = client.ask(&owner, rtype).await;
        assert!(answer.answers.iter().any(|r| r.record_type() == rtype && r.ttl == ttl), "{line}\n{answer}");
    }
    assert!(Walk::new(&zone, &name("bakery.test")).is_none());
}

#[tokio::test]
async fn a_real_name_server_accepts_the_export() {
    let checker = ["/usr/sbin/nsd-checkzone", "/usr/bin/nsd-checkzone"];
    let Some(checker) = checker.iter().find(|path| std::path::Path::new(path).exists()) else {
        assert!(std::env::var_os("CI").is_none(), "nsd-checkzone is not installed");
        eprintln!("SKIPPED: nsd-checkzone is not installed, nobody looked at the exported zone");
        return;
    };
    let zone = own_zone(source());
    let text = export(&zone, "signet.test").await.join("\n") + "\n";
    let path = std::env::temp_dir().join(format!("signet-export-{}.zone", std::process::id()));
    std::fs::write(&path, text).unwrap();
    let output =
        std::process::Command::new(checker).arg("-p").arg("signet.test").arg(&path).output().unwrap();
    std::fs::remove_file(&path).unwrap();
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(!said.contains("warning"), "{said}");
    assert!(said.contains("bakery") || said.contains("v=DMARC1"), "printed back: {said}");
}

#[tokio::test]
async fn the_deepest_of_two_zones_answers() {
    let provider = Provider { zone: name("mail.signet.test"), demo_zone: name("signet.test"), ..provider() };
    let zone = Arc::new(OwnZone::new(OwnZoneSettings::new(provider), source()).unwrap());
    zone.set_serial(77);
    let client = Client::of(zone).await;
    let answer = client.ask("mail.signet.test", RecordType::SOA).await;
    let RData::SOA(soa) = &answer.answers[0].data else { panic!("{answer}") };
    assert_eq!(soa.serial, 77);
    assert_nodata(&client.ask("bounce.mail.signet.test", RecordType::SRV).await, "mail.signet.test.");
}
