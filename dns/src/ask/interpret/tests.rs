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
/// Of every message here.
const QUESTION_END: usize = 12 + 20;
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
fn answers_are_capped_in_count_and_size() {
    let cut = b"\x01b\xc0\x0e";
    let listed: Vec<Vec<u8>> = (0..40)
        .map(|n| record(HERE, code::NS, &[&[3, b'n', b'0' + n / 10, b'0' + n % 10][..], HERE].concat()))
        .chain([record(cut, code::NS, b"\x02ns\xc0\x0c")])
        .collect();
    let glue: Vec<Vec<u8>> = (0..40)
        .flat_map(|n| {
            let owner = [&[3, b'n', b'0' + n / 10, b'0' + n % 10][..], HERE].concat();
            (0..4).map(move |last| record(&owner, code::A, &[192, 0, 2, last]))
        })
        .collect();
    let slices = |records: &'static [Vec<u8>]| records.iter().map(Vec::as_slice).collect::<Vec<_>>();
    let (listed, glue) = (slices(listed.leak()), slices(glue.leak()));
    match read(&message([0x80, 0], [&[], &listed, &glue]), code::TXT) {
        Ok(Said::Referral(referral)) => {
            assert_eq!((referral.name_servers.len(), referral.glue.len()), (NAME_SERVERS, GLUE));
        }
        other => panic!("{other:?}"),
    }
    let many = |count: u8| -> Vec<Vec<u8>> { (0..count).map(|n| record(HERE, code::TXT, &[1, n])).collect() };
    for (count, fits) in [(100, true), (101, false)] {
        let said = read(&message(AA, [&slices(many(count).leak()), &[], &[]]), code::TXT);
        assert_eq!(said.is_ok(), fits, "{count}: {said:?}");
    }
    let long = |count: u8| -> Vec<Vec<u8>> {
        (0..count).map(|n| record(HERE, code::TXT, &[&[255][..], &[n; 255]].concat().repeat(40))).collect()
    };
    for (count, fits) in [(6, true), (7, false)] {
        let octets = message(AA, [&slices(long(count).leak()), &[], &[]]);
        assert_eq!(read(&octets, code::TXT).is_ok(), fits, "{} octets", octets.len());
        assert!(quick::answer(&octets, QUESTION_END, code::TXT).is_none_or(|_| fits));
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

/// Whether the quick reading, where there is one, says what the thorough one does.
fn quick_is_right(octets: &[u8], rtype: u16) -> bool {
    match (quick::answer(octets, QUESTION_END, rtype), read(octets, rtype)) {
        (Some(quick), Ok(Said::Answer(thorough))) => quick == thorough,
        // For something in the other sections, which the quick one never reads.
        (Some(_), said) => matches!(said, Err(Failure::Malformed(_) | Failure::Rcode(_))),
        (None, _) => true,
    }
}

#[test]
fn plain_replies_are_read_quickly() {
    let cname = |rdata: &[u8]| record(HERE, code::CNAME, rdata);
    let target = |octets: &[u8]| match quick::answer(octets, QUESTION_END, code::TXT)?.records.as_slice() {
        [Record { data: Data::Cname(target), ttl: 3600 }] => Some(target.to_string()),
        other => panic!("{other:?}"),
    };
    for (rdata, expected) in [
        (&b"\x06bounce\x06Signet\x04test\x00"[..], Some("bounce.signet.test")),
        (b"\x06bounce\xc0\x0e", Some("bounce.example.test")),
        (b"\xc0\x0e", Some("example.test")),
        // To itself, forwards, to nowhere, the root, cut short, too much.
        (b"\xc0\x2c", None),
        (b"\x01a\xc0\x2c", None),
        (b"\xc0\x40", None),
        (b"\xff\xff", None),
        (b"\x00", None),
        (b"\x05oth", None),
        (b"\x01a\x00\x00", None),
        (b"\x01 \x00", None),
    ] {
        let octets = message(AA, [&[&cname(rdata)], &[], &[]]);
        assert_eq!(target(&octets).as_deref(), expected, "{rdata:?}");
        assert!(quick_is_right(&octets, code::TXT), "{rdata:?}");
    }
    let txt = record(HERE, code::TXT, b"\x02me\x03too");
    let octets = message(AA, [&[&txt, &txt], &[], &[]]);
    let answer = quick::answer(&octets, QUESTION_END, code::TXT).unwrap();
    assert_eq!(answer.records.len(), 1, "servers that repeat themselves");
    assert!(quick_is_right(&octets, code::TXT));
    for unusual in [
        message(AA, [&[], &[], &[]]),
        message([0x84, 3], [&[&txt], &[], &[]]),
        message([0x86, 0], [&[&txt], &[], &[]]),
        message(AA, [&[&record(ZONE, code::TXT, b"\x02me")], &[], &[]]),
        message(AA, [&[&record(HERE, code::MX, b"\x00\x0a\xc0\x0e")], &[], &[]]),
    ] {
        assert_eq!(quick::answer(&unusual, QUESTION_END, code::TXT), None);
    }
}

proptest! {
    #[test]
    fn quick_and_thorough_agree(
        flags in prop_oneof![4 => Just(AA), 1 => any::<[u8; 2]>()],
        records in proptest::collection::vec(
            (prop_oneof![6 => Just(HERE.to_vec()), 1 => Just(ZONE.to_vec()), 1 => Just(b"\x01A\x07exAmple\x04test\x00".to_vec())],
             prop_oneof![
                proptest::collection::vec("[a-z]{0,9}", 1..4).prop_map(|texts| (code::TXT, texts.iter()
                    .flat_map(|text| [&[text.len() as u8], text.as_bytes()].concat()).collect())),
                any::<[u8; 4]>().prop_map(|octets| (code::A, octets.to_vec())),
                ("[A-Za-z_-]{1,9}", prop_oneof![Just(vec![0]), Just(HERE.to_vec()), Just(ZONE.to_vec()), any::<[u8; 2]>().prop_map(|p| p.to_vec())])
                    .prop_map(|(label, end)| (code::CNAME, [&[label.len() as u8], label.as_bytes(), &end].concat())),
             ]), 0..5),
        rtype in prop_oneof![Just(code::A), Just(code::CNAME), Just(code::TXT)],
        flip in proptest::option::weighted(0.3, (any::<proptest::sample::Index>(), any::<u8>())),
    ) {
        let records: Vec<Vec<u8>> = records.iter().map(|(owner, (rtype, rdata))| record(owner, *rtype, rdata)).collect();
        let slices: Vec<&[u8]> = records.iter().map(Vec::as_slice).collect();
        let mut octets = message(flags, [&slices, &[], &[]]);
        if let Some((at, bits)) = flip {
            // The question has been compared before anything is read.
            let body = octets.len() - QUESTION_END;
            if body > 0 {
                octets[QUESTION_END + at.index(body)] ^= bits;
            }
        }
        prop_assert!(quick_is_right(&octets, rtype), "{:?}", (quick::answer(&octets, QUESTION_END, rtype), read(&octets, rtype)));
    }

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
        prop_assert!(quick_is_right(&octets, rtype));
        for said in [read(&octets, rtype), interpret(&octets, &name("a.example.test"), rtype, Sender::Resolver)] {
            if let Ok(Said::Answer(answer)) = said {
                prop_assert!(answer.records.len() <= RECORDS);
                prop_assert!(answer.soa.is_none_or(|apex| name("a.example.test").is_at_or_below(&apex)));
            }
        }
    }
}
