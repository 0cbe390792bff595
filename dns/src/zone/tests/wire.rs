use super::*;
use hickory_proto::rr::DNSClass;
use proptest::prelude::*;
use std::net::{IpAddr, Ipv4Addr};

const KEY: &str = "sg1.abcdefghijklmnop.dkim.signet.test";

async fn client() -> Client {
    Client::of(own_zone(source())).await
}

#[tokio::test]
async fn what_does_not_fit_is_sent_over_tcp() {
    // Two keys of RSA-4096 would do; here the client's buffer is small.
    let long: Keys = [Some("1".repeat(760)), None];
    let source = source();
    source.keys.lock().unwrap().insert(id(ID), long);
    let client = Client::of(own_zone(source)).await;

    let plain = plain_question(KEY, RecordType::TXT);
    let answer = client.udp(&plain).await;
    assert!(answer.metadata.truncation && answer.answers.is_empty(), "{answer}");
    assert_eq!(answer.metadata.response_code, ResponseCode::NoError);
    let bytes = client.udp_bytes(&plain.to_vec().unwrap()).await.unwrap();
    assert!(bytes.len() <= 512);

    let mut small = plain.clone();
    let mut edns = Edns::new();
    edns.set_max_payload(600);
    small.set_edns(edns);
    assert!(client.udp(&small).await.metadata.truncation);

    let answer = client.tcp(&plain).await;
    assert!(!answer.metadata.truncation);
    assert_eq!(answer.answers.len(), 1);
    assert_eq!(client.ask(KEY, RecordType::TXT).await.answers.len(), 1);
}

#[tokio::test]
async fn an_rsa_2048_key_is_sent_to_clients_without_edns() {
    // Those that get it over UDP ask no second time, and it is nearly too long:
    // no octet is spent on names that stand there already.
    let source = source();
    let key = format!("v=DKIM1; k=rsa; p={}", "x".repeat(392));
    source.keys.lock().unwrap().insert(id(ID), [Some(key), None]);
    let client = Client::of(own_zone(source)).await;
    let asked = plain_question(KEY, RecordType::TXT);
    let answer = client.udp(&asked).await;
    assert!(!answer.metadata.truncation && answer.answers.len() == 1, "{answer}");

    let octets = client.udp_bytes(&asked.to_vec().unwrap()).await.unwrap();
    let name: usize = KEY.split('.').map(|label| 1 + label.len()).sum::<usize>() + 1;
    let texts = 2 + "v=DKIM1; k=rsa; p=".len() + 392;
    assert_eq!(octets.len(), 12 + name + 4 + 2 + 10 + texts);
}

#[tokio::test]
async fn clients_without_edns_get_none() {
    let client = client().await;
    let answer = client.udp(&plain_question("_spf.signet.test", RecordType::TXT)).await;
    assert_eq!(answer.answers.len(), 1, "{answer}");
    assert!(answer.edns.is_none());
}

#[tokio::test]
async fn edns_is_answered_as_ours() {
    let client = client().await;
    let mut asked = plain_question(KEY, RecordType::TXT);
    let mut edns = Edns::new();
    edns.set_max_payload(65_535).set_dnssec_ok(true);
    asked.set_edns(edns);
    let answer = client.udp(&asked).await;
    let edns = answer.edns.unwrap();
    assert_eq!((edns.max_payload(), edns.version(), edns.flags().dnssec_ok), (1232, 0, true));

    let mut asked = question(KEY, RecordType::TXT);
    asked.edns.as_mut().unwrap().set_version(1);
    let answer = client.udp(&asked).await;
    // On the wire BADVERS and TSIG's BADSIG are the same number.
    assert_eq!(u16::from(answer.metadata.response_code), u16::from(ResponseCode::BADVERS));
    assert!(answer.answers.is_empty());
}

#[tokio::test]
async fn other_names_classes_and_kinds_of_question_are_refused() {
    let client = client().await;
    for (owner, rtype) in [
        ("bakery.test", RecordType::A),
        ("test", RecordType::NS),
        ("xsignet.test", RecordType::A),
        ("signet.test", RecordType::AXFR),
        ("signet.test", RecordType::IXFR),
    ] {
        let answer = client.ask(owner, rtype).await;
        assert_eq!(answer.metadata.response_code, ResponseCode::Refused, "{owner} {rtype}");
        assert!(answer.answers.is_empty() && answer.authorities.is_empty());
        assert!(!answer.metadata.authoritative);
    }
    let mut chaos = question("signet.test", RecordType::TXT);
    chaos.queries[0].set_query_class(DNSClass::CH);
    assert_eq!(client.udp(&chaos).await.metadata.response_code, ResponseCode::Refused);

    let mut notify = question("signet.test", RecordType::SOA);
    notify.metadata.op_code = OpCode::Notify;
    assert_eq!(client.udp(&notify).await.metadata.response_code, ResponseCode::NotImp);

    let mut two = question("signet.test", RecordType::SOA);
    two.add_query(two.queries[0].clone());
    assert_eq!(client.udp(&two).await.metadata.response_code, ResponseCode::FormErr);
}

/// A pointer into the header leads elsewhere in the header of the reply.
#[tokio::test]
async fn a_question_that_points_into_the_header_is_not_repeated() {
    let client = client().await;
    // The name is what stands at octet 4: one label of no octets, the root.
    for name in [&[0xc0, 4][..], &[1, b'a', 0xc0, 4], &[6, b's', b'i', b'g', b'n', b'e', b't', 0xc0, 6]] {
        let octets = [&[0x12, 0x34, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0][..], name, &[0, 16, 0, 1]].concat();
        let answer = Message::from_vec(&client.udp_bytes(&octets).await.unwrap()).unwrap();
        assert_eq!((answer.metadata.id, answer.metadata.response_code), (0x1234, ResponseCode::FormErr));
        assert!(answer.queries.is_empty());
    }
}

/// RFC 4035 §3.1.6: a server of zones clears it.
#[tokio::test]
async fn the_bit_that_disables_checking_does_not_come_back() {
    let client = client().await;
    for name in ["signet.test", "none.signet.test", "bakery.test"] {
        let mut asked = question(name, RecordType::SOA);
        asked.metadata.checking_disabled = true;
        asked.metadata.recursion_desired = true;
        let answer = client.udp(&asked).await.metadata;
        assert!(!answer.checking_disabled && answer.recursion_desired, "{name}");
    }
}

#[tokio::test]
async fn any_is_answered_with_one_record() {
    let client = client().await;
    for owner in ["signet.test", "bounce.signet.test", KEY] {
        let answer = client.ask(owner, RecordType::ANY).await;
        assert_eq!(answer.answers.len(), 1, "{answer}");
        let RData::HINFO(hinfo) = &answer.answers[0].data else { panic!("{answer}") };
        assert_eq!(&*hinfo.cpu, b"RFC8482");
    }
    assert_nxdomain(&client.ask("nothing.signet.test", RecordType::ANY).await, "signet.test.");
}

#[tokio::test]
async fn the_case_of_a_question_comes_back_and_means_nothing() {
    let client = client().await;
    let answer = client.ask("Sg1.aBcDeFgHiJkLmNoP.dKiM.SIGNET.tEsT", RecordType::TXT).await;
    assert_eq!(answer.answers.len(), 1);
    let spelled = "Sg1.aBcDeFgHiJkLmNoP.dKiM.SIGNET.tEsT.";
    assert_eq!(answer.queries[0].name().to_ascii(), spelled);
    assert_eq!(answer.answers[0].name.to_ascii(), spelled);
    assert_nodata(&client.ask("DKIM.Signet.Test", RecordType::A).await, "signet.test.");
    let answer = client.ask("_DMARC.Shop.Demo.Signet.Test", RecordType::TXT).await;
    assert_eq!(answer.answers.len(), 1);
}

#[tokio::test]
async fn it_stops_when_told_and_frees_its_port() {
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let shutdown = async {
        let _ = stopped.await;
    };
    let bound = serve("127.0.0.1:0".parse().unwrap(), own_zone(source()), Serving::default(), shutdown)
        .await
        .unwrap();
    let at = bound.local_addr();
    assert!(
        serve(at, own_zone(source()), Serving::default(), std::future::pending()).await.is_err(),
        "taken"
    );
    stop.send(()).unwrap();
    tokio::time::timeout(Duration::from_secs(30), bound.finished()).await.unwrap();
    serve(at, own_zone(source()), Serving::default(), std::future::pending()).await.unwrap();
}

#[test]
fn nothing_that_arrives_kills_the_server() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let client = runtime.block_on(client());
    let valid = question(KEY, RecordType::TXT).to_vec().unwrap();
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let well_formed_start = valid.clone();
    let packets = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..600),
        // A valid question with some bytes changed gets further in.
        proptest::collection::vec((0..valid.len(), any::<u8>()), 1..6).prop_map(move |changes| {
            let mut bytes = well_formed_start.clone();
            changes.into_iter().for_each(|(at, byte)| bytes[at] = byte);
            bytes
        }),
    ];
    proptest!(ProptestConfig::with_cases(2_000), |(bytes in packets)| {
        socket.send_to(&bytes, client.at).unwrap();
    });
    runtime.block_on(async {
        // Half a message, then silence, over TCP.
        let mut stream = TcpStream::connect(client.at).await.unwrap();
        stream.write_all(&[0xff, 0xff, 1, 2, 3]).await.unwrap();
        // The datagrams before this one have been read by now or were dropped.
        let mut answer = None;
        for _ in 0..30 {
            let asked = client.udp_bytes(&valid);
            answer = tokio::time::timeout(Duration::from_secs(2), asked).await.ok().flatten();
            if answer.is_some() {
                break;
            }
        }
        let answer = Message::from_vec(&answer.expect("it lives on")).unwrap();
        assert_eq!(answer.answers.len(), 1);
        assert_eq!(client.tcp(&question(KEY, RecordType::TXT)).await.answers.len(), 1);
    });
}

#[tokio::test]
async fn answers_leave_from_the_address_that_was_asked() {
    for listen in ["0.0.0.0:0", "[::]:0"] {
        let at =
            serve(listen.parse().unwrap(), own_zone(source()), Serving::default(), std::future::pending());
        let port = at.await.unwrap().local_addr().port();
        let hosts = ["127.0.0.1", "127.0.0.2", "127.8.9.10", "::1"];
        for host in hosts.into_iter().filter(|host| listen.starts_with('[') || !host.contains(':')) {
            let host: IpAddr = host.parse().unwrap();
            let from: IpAddr = if host.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { host };
            // A connected socket takes nothing from elsewhere.
            let socket = UdpSocket::bind((from, 0)).await.unwrap();
            socket.connect((host, port)).await.unwrap();
            socket.send(&question(KEY, RecordType::TXT).to_vec().unwrap()).await.unwrap();
            let mut buffer = [0; 2_000];
            let received = tokio::time::timeout(Duration::from_secs(30), socket.recv(&mut buffer)).await;
            let length = received.unwrap_or_else(|_| panic!("{listen} asked at {host}")).unwrap();
            assert_eq!(Message::from_vec(&buffer[..length]).unwrap().answers.len(), 1);
        }
    }
}
