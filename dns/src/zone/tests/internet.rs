use super::*;
use signet_core::observe::RecordType as CoreType;
use std::net::IpAddr;

fn registry() -> IpAddr {
    "127.0.0.1".parse().unwrap()
}

fn host() -> IpAddr {
    "127.0.0.2".parse().unwrap()
}

/// A registry at one address; the bakery and our zone at another.
fn internet() -> Arc<Internet> {
    let internet = Internet::new();
    internet.zone(&name("test"), &[(name("ns.test"), registry())]);
    internet.zone(&name("bakery.test"), &[(name("ns1.bakery.test"), host())]);
    let ours = OwnZone::new(
        OwnZoneSettings {
            name_servers: vec![(name("ns1.signet.test"), vec![host()])],
            ..OwnZoneSettings::new(provider())
        },
        source(),
    );
    internet.mount(&name("signet.test"), &[(name("ns1.signet.test"), host())], Arc::new(ours.unwrap()));
    let bakery = name("bakery.test");
    internet.set(&bakery, CoreType::Txt, 300, &["v=spf1 -all", &"long ".repeat(60)]).unwrap();
    internet.set(&bakery, CoreType::Mx, 300, &["10 mail.bakery.test", "20 ."]).unwrap();
    internet.set(&name("a.b.bakery.test"), CoreType::A, 300, &["192.0.2.7"]).unwrap();
    internet.set(&name("www.bakery.test"), CoreType::Cname, 300, &["a.b.bakery.test."]).unwrap();
    internet.set(&name("track.bakery.test"), CoreType::Cname, 300, &["track.signet.test"]).unwrap();
    internet
}

fn resolve(name: &str, rtype: RecordType) -> Message {
    let mut message = question(name, rtype);
    message.metadata.recursion_desired = true;
    message
}

#[tokio::test]
async fn a_server_answers_for_its_zones() {
    let client = Client::of(internet().at(host())).await;
    let answer = client.ask("bakery.test", RecordType::TXT).await;
    assert!(answer.metadata.authoritative);
    assert_eq!(answer.answers.len(), 2);
    assert_eq!(rdata(&answer.answers[1].data).len(), 300);
    assert_eq!(
        answers(&client.ask("bakery.test", RecordType::MX).await),
        ["bakery.test. MX 10 mail.bakery.test.", "bakery.test. MX 20 ."]
    );
    assert_eq!(
        answers(&client.ask("www.bakery.test", RecordType::A).await),
        ["www.bakery.test. CNAME a.b.bakery.test.", "a.b.bakery.test. A 192.0.2.7"]
    );
    assert_eq!(
        answers(&client.ask("bakery.test", RecordType::NS).await),
        ["bakery.test. NS ns1.bakery.test."]
    );
    assert_eq!(client.ask("ns1.bakery.test", RecordType::A).await.answers.len(), 1);
    assert_eq!(client.ask("bakery.test", RecordType::SOA).await.answers.len(), 1);
    assert_nodata(&client.ask("b.bakery.test", RecordType::A).await, "bakery.test.");
    assert_nodata(&client.ask("a.b.bakery.test", RecordType::TXT).await, "bakery.test.");
    assert_nodata(&client.ask("bakery.test", RecordType::DS).await, "bakery.test.");
    assert_nxdomain(&client.ask("c.bakery.test", RecordType::A).await, "bakery.test.");
    assert_nxdomain(&client.ask("bakery.b.bakery.test", RecordType::A).await, "bakery.test.");
    // The mounted zone, and an alias from one into the other on one server.
    let answer = client.ask("track.bakery.test", RecordType::A).await;
    assert_eq!(
        answers(&answer),
        ["track.bakery.test. CNAME track.signet.test.", "track.signet.test. A 192.0.2.1"]
    );
    assert_nxdomain(&client.ask("nothing.signet.test", RecordType::A).await, "signet.test.");
    let refused = client.udp(&resolve("other.test", RecordType::A)).await;
    assert_eq!(refused.metadata.response_code, ResponseCode::Refused);
    assert!(!refused.metadata.recursion_available);
}

#[tokio::test]
async fn a_parent_refers_to_its_children() {
    let internet = internet();
    let client = Client::of(internet.at(registry())).await;
    for below in ["bakery.test", "deep.www.bakery.test"] {
        let answer = client.ask(below, RecordType::NS).await;
        assert_eq!(answer.metadata.response_code, ResponseCode::NoError);
        assert!(!answer.metadata.authoritative && answer.answers.is_empty(), "{answer}");
        let ns: Vec<String> = answer.authorities.iter().map(|r| format!("{} {}", r.name, r.data)).collect();
        assert_eq!(ns, ["bakery.test. ns1.bakery.test."]);
        assert_eq!(answer.additionals[0].data.to_string(), "127.0.0.2");
    }
    assert_nodata(&client.ask("bakery.test", RecordType::DS).await, "test.");
    assert_nxdomain(&client.ask("nobody.test", RecordType::A).await, "test.");

    // A delegation to servers that are not here.
    internet.set(&name("lost.test"), CoreType::Ns, 300, &["ns.nowhere.test"]).unwrap();
    let answer = client.ask("www.lost.test", RecordType::A).await;
    assert_eq!(answer.authorities[0].data.to_string(), "ns.nowhere.test.");
    let resolver = Client::of(internet.resolver_at(registry())).await;
    let answer = resolver.udp(&resolve("www.lost.test", RecordType::A)).await;
    assert_eq!(answer.metadata.response_code, ResponseCode::ServFail);

    assert!(internet.remove_zone(&name("bakery.test")));
    assert_nxdomain(&client.ask("bakery.test", RecordType::NS).await, "test.");
}

#[tokio::test]
async fn a_resolver_goes_everywhere() {
    let internet = internet();
    let client = Client::of(internet.resolver_at(registry())).await;
    let answer = client.udp(&resolve("track.bakery.test", RecordType::A)).await;
    assert!(answer.metadata.recursion_available && !answer.metadata.authoritative);
    assert_eq!(answer.answers.len(), 2);
    let answer = client.udp(&resolve("sg1.abcdefghijklmnop.dkim.signet.test", RecordType::TXT)).await;
    assert_eq!(answer.answers.len(), 1);
    assert_eq!(client.udp(&resolve("bakery.test", RecordType::NS)).await.answers.len(), 1);
    assert_nodata(&client.udp(&resolve("bakery.test", RecordType::AAAA)).await, "bakery.test.");
    assert_nxdomain(&client.udp(&resolve("nobody.test", RecordType::A)).await, "test.");
    assert_nxdomain(&client.udp(&resolve("example.com", RecordType::A)).await, ".");
    // Without RD it is only the registry.
    let referral = client.ask("bakery.test", RecordType::TXT).await;
    assert!(referral.answers.is_empty() && !referral.authorities.is_empty());

    internet.set(&name("x.bakery.test"), CoreType::Cname, 60, &["y.bakery.test"]).unwrap();
    internet.set(&name("y.bakery.test"), CoreType::Cname, 60, &["x.bakery.test"]).unwrap();
    let looped = client.udp(&resolve("x.bakery.test", RecordType::A)).await;
    assert_eq!(looped.metadata.response_code, ResponseCode::ServFail);
    assert_eq!(client.udp(&resolve("x.bakery.test", RecordType::CNAME)).await.answers.len(), 1);
}

#[tokio::test]
async fn edits_show_at_once() {
    let internet = internet();
    let client = Client::of(internet.at(host())).await;
    let owner = name("_dmarc.bakery.test");
    let serial = async || match &client.ask("bakery.test", RecordType::SOA).await.answers[0].data {
        RData::SOA(soa) => soa.serial,
        other => panic!("{other}"),
    };
    let before = serial().await;
    assert_nxdomain(&client.ask("_dmarc.bakery.test", RecordType::TXT).await, "bakery.test.");
    internet.add(&owner, CoreType::Txt, 60, "v=DMARC1; p=none").unwrap();
    internet.add(&owner, CoreType::Txt, 60, "other").unwrap();
    assert_eq!(client.ask("_dmarc.bakery.test", RecordType::TXT).await.answers.len(), 2);
    internet.set(&owner, CoreType::Txt, 60, &["v=DMARC1; p=reject"]).unwrap();
    let answer = client.ask("_dmarc.bakery.test", RecordType::TXT).await;
    assert_eq!(answers(&answer), ["_dmarc.bakery.test. TXT v=DMARC1; p=reject"]);
    assert_eq!(answer.answers[0].ttl, 60);
    assert!(serial().await > before);
    assert!(internet.remove(&owner, CoreType::Txt));
    assert!(!internet.remove(&owner, CoreType::Txt));
    assert_nxdomain(&client.ask("_dmarc.bakery.test", RecordType::TXT).await, "bakery.test.");
}

#[test]
fn nonsense_is_not_added() {
    let internet = internet();
    let bakery = name("bakery.test");
    let set = |owner: &Name, rtype, value| internet.set(owner, rtype, 60, &[value]);
    assert_eq!(
        set(&name("example.com"), CoreType::A, "192.0.2.1"),
        Err(BadRecord::NoZone(name("example.com")))
    );
    assert!(matches!(set(&name("x.signet.test"), CoreType::A, "192.0.2.1"), Err(BadRecord::NoZone(_))));
    assert!(matches!(set(&bakery, CoreType::A, "2001:db8::1"), Err(BadRecord::Address(_))));
    assert!(matches!(set(&bakery, CoreType::Mx, "mail.bakery.test"), Err(BadRecord::Mx(_))));
    assert!(matches!(set(&bakery, CoreType::Cname, "a..b"), Err(BadRecord::NotAName(..))));
}
