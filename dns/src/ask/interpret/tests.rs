use super::*;
use proptest::prelude::*;

const APEX: &str = "example.test";

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

/// A reply with one question and the records given as octets.
fn message(flags: [u8; 2], sections: [&[&[u8]]; 3]) -> Vec<u8> {
    let mut octets = vec![0, 0, flags[0], flags[1], 0, 1];
    for section in sections {
        octets.extend((section.len() as u16).to_be_bytes());
    }
    octets.extend(b"\x01a\x07example\x04test\x00\x00\x10\x00\x01");
    octets.extend(sections.concat().concat());
    octets
}

fn record(owner: &[u8], rtype: u16, rdata: &[u8]) -> Vec<u8> {
    let mut octets = owner.to_vec();
    octets.extend(rtype.to_be_bytes());
    octets.extend([0, 1, 0, 0, 0x0e, 0x10]);
    octets.extend((rdata.len() as u16).to_be_bytes());
    octets.extend(rdata);
    octets
}

/// A name as it is in the question: at offset 12.
const HERE: &[u8] = &[0xc0, 12];
/// `example.test`, within the question.
const ZONE: &[u8] = &[0xc0, 14];
const AA: [u8; 2] = [0x84, 0];

fn read(octets: &[u8], rtype: u16) -> Result<Said, Failure> {
    interpret(octets, &name("a.example.test"), rtype, Sender::Authority(&name(APEX)))
}

fn answer(said: Result<Said, Failure>) -> Answer {
    match said {
        Ok(Said::Answer(answer)) => answer,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_dname_makes_an_alias() {
    let dname = record(ZONE, code::DNAME, b"\x05other\x03net\x00");
    let said = read(&message(AA, [&[&dname], &[], &[]]), code::TXT);
    assert_eq!(answer(said).records[0].data, Data::Cname(name("a.other.net")));
    for broken in [&b""[..], b"\x05oth", b"\xc0\x0c", b"\x05other"] {
        let dname = record(ZONE, code::DNAME, broken);
        let said = read(&message(AA, [&[&dname], &[], &[]]), code::TXT);
        assert!(
            !matches!(said, Ok(Said::Answer(Answer { ref records, .. })) if !records.is_empty()),
            "{said:?}"
        );
    }
}

#[test]
fn records_elsewhere_do_not_count() {
    let here = record(HERE, code::TXT, b"\x02me");
    let above = record(ZONE, code::TXT, b"\x05other");
    let a = record(HERE, code::A, &[192, 0, 2, 1]);
    let said = read(&message(AA, [&[&above, &here, &a], &[], &[]]), code::TXT);
    assert_eq!(answer(said).records.len(), 1);
    let said = read(&message(AA, [&[], &[], &[&here]]), code::TXT);
    assert!(answer(said).is_negative(), "nor in another section");
}

#[test]
fn only_referrals_downward_lead_anywhere() {
    let ns = |owner: &[u8]| record(owner, code::NS, b"\x02ns\xc0\x0c");
    let glue = record(b"\x02ns\xc0\x0c", code::A, &[127, 0, 0, 1]);
    let foreign = record(b"\x01x\x00", code::A, &[127, 0, 0, 2]);
    match read(&message([0x80, 0], [&[], &[&ns(HERE)], &[&glue, &foreign]]), code::TXT) {
        Ok(Said::Referral(referral)) => {
            assert_eq!(referral.cut, name("a.example.test"));
            assert_eq!(referral.name_servers, [name("ns.a.example.test")]);
            assert_eq!(referral.glue, [(name("ns.a.example.test"), [127, 0, 0, 1].into())]);
        }
        other => panic!("{other:?}"),
    }
    for lame in [ns(ZONE), ns(b"\x04test\x00"), ns(b"\x00"), ns(b"\x05other\x00")] {
        assert_eq!(read(&message([0x80, 0], [&[], &[&lame], &[]]), code::TXT), Err(Failure::Lame));
    }
}

#[test]
fn the_parents_or_a_strangers_zone_says_nothing_about_ours() {
    let soa = |owner: &[u8]| record(owner, code::SOA, &[&[0, 0][..], &[0; 16], &[0, 0, 0, 60]].concat());
    let said = read(&message([0x84, 3], [&[], &[&soa(ZONE)], &[]]), code::TXT);
    let negative = answer(said);
    assert_eq!((negative.soa, negative.negative_ttl), (Some(name(APEX)), Some(60)));
    for lame in [soa(b"\x04test\x00"), soa(b"\x00"), soa(b"\x06parked\x00")] {
        assert_eq!(read(&message([0x84, 3], [&[], &[&lame], &[]]), code::TXT), Err(Failure::Lame));
    }
    let root = message([0x81, 0x83], [&[], &[&soa(b"\x00")], &[]]);
    assert_eq!(interpret(&root, &name("a.example.test"), code::TXT, Sender::Resolver), Ok(Said::NoTopLevel));
}

#[test]
fn a_resolver_that_does_not_recurse_knows_nothing() {
    let ask = |flags| {
        interpret(&message(flags, [&[], &[], &[]]), &name("a.example.test"), code::TXT, Sender::Resolver)
    };
    assert_eq!(ask([0x80, 0]), Err(Failure::Lame));
    assert!(answer(ask([0x81, 0x80])).is_negative());
}

proptest! {
    #[test]
    fn arbitrary_octets_do_not_panic(octets in proptest::collection::vec(any::<u8>(), 0..600), rtype in any::<u16>()) {
        let _ = read(&octets, rtype);
        let _ = interpret(&octets, &name("a.example.test"), rtype, Sender::Resolver);
    }

    #[test]
    fn nor_do_well_meant_ones(
        flags in any::<[u8; 2]>(),
        records in proptest::collection::vec(
            (0..3_usize, prop_oneof![Just(HERE.to_vec()), Just(ZONE.to_vec()), Just(vec![0])],
             prop_oneof![Just(1_u16), Just(2), Just(5), Just(6), Just(12), Just(15), Just(16), Just(28), Just(39), Just(41)],
             proptest::collection::vec(any::<u8>(), 0..40)), 0..8),
        rtype in prop_oneof![Just(1_u16), Just(5), Just(6), Just(16)],
    ) {
        let mut sections = [vec![], vec![], vec![]];
        for (section, owner, rtype, rdata) in &records {
            sections[*section].push(record(owner, *rtype, rdata));
        }
        let sections: Vec<Vec<&[u8]>> = sections.iter().map(|s| s.iter().map(Vec::as_slice).collect()).collect();
        let octets = message(flags, [&sections[0], &sections[1], &sections[2]]);
        for said in [read(&octets, rtype), interpret(&octets, &name("a.example.test"), rtype, Sender::Resolver)] {
            if let Ok(Said::Answer(answer)) = said {
                prop_assert!(answer.records.len() <= RECORDS);
                prop_assert!(answer.soa.is_none_or(|apex| name("a.example.test").is_at_or_below(&apex)));
            }
        }
    }
}
