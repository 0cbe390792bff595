use super::{
    testing::{base64, spki},
    *,
};
use crate::{
    names::Name,
    observe::RecordType,
    plan::{PlannedRecord, RecordKey, tests::provider},
    verify::{
        Context, Verdict,
        literal::{Literal, settle, sound},
    },
};
use proptest::prelude::*;

/// Judges `dkim1` of `mail.example.com`, published as TXT with `key`.
fn judge_in(key: &str, beside: Option<&str>, literal: &Literal) -> (Verdict, usize) {
    let expected = spki(key);
    let beside = beside.map(spki);
    let provider = provider();
    let domain = Name::parse("mail.example.com").unwrap();
    let record = PlannedRecord {
        key: RecordKey::Dkim1,
        owner: Name::parse("s1._domainkey.mail.example.com").unwrap(),
        rtype: RecordType::Txt,
        value: PublicKey::from_spki(&expected).unwrap().record_text(),
        gates: true,
    };
    let dkim_keys = [Some(&expected[..]), beside.as_deref()];
    let context = Context {
        provider: &provider,
        domain: &domain,
        probe: "zzprobe",
        dkim_keys,
        thorough: true,
        second_view: false,
    };
    // Through the front door, which reads the key from the context.
    let (verdict, asked) = settle(literal, |seen| {
        let found = crate::verify::judge(&context, core::slice::from_ref(&record), seen)?;
        Ok(found.verdicts.into_iter().next().unwrap())
    });
    sound(&verdict);
    // What is to be pasted is the whole record, and right.
    for pasted in verdict.fix.split('`').filter(|text| text.starts_with("v=")) {
        assert_eq!(pasted, record.value);
        assert_eq!(lint(&[pasted.as_bytes().to_vec()]).status, Status::Pass);
    }
    (verdict, asked)
}

fn spelled_out(text: &str) -> Literal {
    let key = base64("rsa2048");
    let text = text
        .replace("SEL", "s1._domainkey.mail.example.com")
        .replace("KEY-SPACED", &format!("{} \t{}", &key[..64], &key[64..]))
        .replace("KEY-STRINGS", &format!("{}\" \"{}", &key[..200], &key[200..]))
        .replace("KEY-BARE", base64("rsa2048-pkcs1"))
        .replace("KEY-OTHER", base64("rsa2048-other"))
        .replace("KEY-SHORT", &key[..237])
        .replace("KEY-WEAK", base64("rsa1024"))
        .replace("KEY", key);
    Literal::parse(&format!("zone example.com\nzone vendor.net\n{text}"))
}

#[track_caller]
fn expect(text: &str, expected: &str) -> Verdict {
    let (verdict, _) = judge_in("rsa2048", None, &spelled_out(text));
    assert_eq!(format!("{}/{}", verdict.status, verdict.code), expected, "in\n{text}\n{verdict:#?}");
    assert!(!verdict.reason.contains("  ") && !verdict.fix.contains("  "), "{verdict:?}");
    verdict
}

/// `SEL` is the selector of `mail.example.com`, in the zone `example.com`.
const TABLE: &[(&str, &str)] = &[
    // Right, however it is written.
    ("SEL TXT v=DKIM1; k=rsa; p=KEY", "pass/ok"),
    ("SEL TXT p=KEY", "pass/ok"),
    ("SEL TXT v=DKIM1; p=KEY-SPACED", "pass/ok"),
    ("SEL TXT \"v=DKIM1; p=KEY-STRINGS\"", "pass/ok"),
    ("SEL TXT v=DKIM1; p=KEY-BARE", "pass/ok"),
    ("SEL TXT v=DKIM1; t=y; p=KEY", "softfail/dkim_testing"),
    ("SEL TXT v=DKIM1; k=RSA; p=KEY", "softfail/dkim_syntax"),
    // Another key, or none.
    ("SEL TXT v=DKIM1; p=KEY-OTHER", "fail/other_key"),
    ("SEL TXT v=DKIM1; p=KEY-WEAK", "fail/other_key"),
    ("SEL TXT v=DKIM1; h=sha1; p=KEY-OTHER", "fail/other_key"),
    ("SEL TXT v=DKIM1; p=", "fail/revoked"),
    ("SEL TXT v=DKIM1; k=rsa; p=KEY-SHORT", "fail/dkim_key_truncated"),
    ("SEL TXT v=DKIM1; p=!!", "fail/dkim_key_invalid"),
    ("SEL TXT 'v=DKIM1; p=KEY'", "fail/malformed"),
    ("SEL TXT k=rsa; v=DKIM1; p=KEY", "fail/dkim_version"),
    ("SEL TXT v=DKIM1; k=dsa; p=KEY", "fail/dkim_key_type"),
    ("SEL TXT v=DKIM1; h=sha1; p=KEY", "fail/dkim_hash"),
    ("SEL TXT v=DKIM1; s=tlsrpt; p=KEY", "fail/dkim_service"),
    ("SEL TXT v=DKIM1; p=KEY\nSEL TXT v=DKIM1; p=KEY-OTHER", "fail/dkim_multiple"),
    ("SEL TXT v=DKIM1; p=KEY\nSEL TXT hello", "fail/dkim_multiple"),
    ("SEL TXT hello", "missing/no_record"),
    // Nothing there, and elsewhere.
    ("", "missing/name_not_found"),
    ("SEL A 192.0.2.1", "missing/no_record"),
    ("undelegated example.com", "missing/not_delegated"),
    ("SEL.example.com TXT v=DKIM1; p=KEY", "missing/name_doubled"),
    ("SEL.mail.example.com TXT v=DKIM1; p=KEY", "missing/name_doubled"),
    ("SEL.example.com TXT 'v=DKIM1; p=KEY'", "missing/name_doubled"),
    ("SEL.example.com TXT v=DKIM1; p=KEY-OTHER", "missing/name_not_found"),
    ("s1._domainkey.example.com TXT v=DKIM1; p=KEY", "missing/name_at_apex"),
    // Wildcards.
    ("*.example.com TXT v=DKIM1; p=KEY", "missing/wildcard"),
    ("*.mail.example.com TXT v=spf1 -all", "missing/wildcard"),
    ("*._domainkey.mail.example.com TXT v=DKIM1; p=\nSEL TXT v=DKIM1; p=KEY", "pass/ok"),
    // Through a CNAME, as receivers go.
    ("SEL CNAME k.vendor.net\nk.vendor.net TXT v=DKIM1; p=KEY", "pass/ok"),
    ("SEL CNAME k.vendor.net\nk.vendor.net TXT v=DKIM1; p=KEY-OTHER", "fail/other_key"),
    ("SEL CNAME k.vendor.net", "missing/no_record"),
    ("SEL CNAME k.gone.test\nundelegated gone.test", "missing/no_record"),
    ("SEL CNAME k.vendor.net\nk.vendor.net CNAME k.vendor.net", "fail/cname_loop"),
    ("SEL CNAME k.vendor.net\nfault vendor.net timeout", "network_error/timeout"),
    // No answer.
    ("fault example.com timeout", "network_error/timeout"),
    ("fault SEL TXT refused", "network_error/refused"),
    ("SEL TXT v=DKIM1; p=KEY\nsecond SEL TXT", "network_error/servers_disagree"),
    // Above.
    ("SEL TXT v=DKIM1; p=KEY\nnxdomain _domainkey.mail.example.com", "softfail/nxdomain_above"),
    ("SEL TXT v=DKIM1; t=y; p=KEY\nnxdomain _domainkey.mail.example.com", "softfail/dkim_testing"),
    ("SEL TXT v=DKIM1; p=\nnxdomain _domainkey.mail.example.com", "fail/revoked"),
];

#[test]
fn the_table() {
    for (text, expected) in TABLE {
        expect(text, expected);
    }
}

#[test]
fn the_fix_is_the_whole_record_and_how_it_is_split() {
    let text = format!("v=DKIM1; k=rsa; p={}", base64("rsa2048"));
    let split = format!(
        " If your DNS host takes no more than 255 characters at once, enter it as 2 strings of the same record: \
         `\"{}\" \"{}\"`.",
        &text[..255],
        &text[255..]
    );
    let named = "TXT record named `s1._domainkey.mail` (in full: s1._domainkey.mail.example.com)";
    assert_eq!(
        expect("", "missing/name_not_found").fix,
        format!("Publish a {named} with the value `{text}`.{split}")
    );
    assert_eq!(
        expect("SEL TXT v=DKIM1; k=rsa; p=KEY-SHORT", "fail/dkim_key_truncated").fix,
        format!("Change the {named} to the value `{text}`.{split}")
    );
    let doubled = expect("SEL.example.com TXT v=DKIM1; p=KEY", "missing/name_doubled").fix;
    assert!(
        doubled.contains("enter `s1._domainkey.mail` (in full: s1._domainkey.mail.example.com) as the name")
            && doubled.ends_with(&split),
        "{doubled}"
    );
    let several = expect("SEL TXT v=DKIM1; p=KEY\nSEL TXT v=DKIM1; p=KEY-OTHER", "fail/dkim_multiple").fix;
    assert!(several.starts_with("Delete every TXT record with this name. Publish a"), "{several}");
}

#[test]
fn an_ed25519_key_is_judged_by_the_pair() {
    let zones = spelled_out(&format!("SEL TXT v=DKIM1; k=ed25519; p={}", base64("ed25519-rfc8463")));
    let judged = |beside| {
        let (verdict, _) = judge_in("ed25519-rfc8463-spki", beside, &zones);
        (verdict.status, verdict.code)
    };
    assert_eq!(judged(None), (Status::Softfail, Code::DkimEd25519Alone));
    assert_eq!(judged(Some("ed25519-rfc8463-spki")), (Status::Softfail, Code::DkimEd25519Alone));
    assert_eq!(judged(Some("rsa2048")), (Status::Pass, Code::Ok));
    // Published as it comes out of the tools, with its header.
    let zones = spelled_out(&format!("SEL TXT v=DKIM1; k=ed25519; p={}", base64("ed25519-rfc8463-spki")));
    let (verdict, _) = judge_in("ed25519-rfc8463-spki", Some("rsa2048"), &zones);
    assert_eq!(verdict.code, Code::DkimKeyInvalid);
    assert!(verdict.fix.contains("`v=DKIM1; k=ed25519; p=11qYAYKxCrfVS"), "{verdict:?}");
}

#[test]
fn without_the_right_plan_nothing_is_said() {
    let provider = provider();
    let domain = Name::parse("mail.example.com").unwrap();
    let record = |value: String| PlannedRecord {
        key: RecordKey::Dkim2,
        owner: Name::parse("s2._domainkey.mail.example.com").unwrap(),
        rtype: RecordType::Txt,
        value,
        gates: true,
    };
    let ours = spki("rsa2048");
    let other = PublicKey::from_spki(&spki("rsa2048-other")).unwrap().record_text();
    let zones = spelled_out("s2._domainkey.mail.example.com TXT v=DKIM1; p=KEY");
    let judged = |keys, value: &str| {
        let context = Context {
            provider: &provider,
            domain: &domain,
            probe: "zzprobe",
            dkim_keys: keys,
            thorough: true,
            second_view: false,
        };
        let records = [record(value.to_string())];
        settle(&zones, |seen| crate::verify::judge(&context, &records, seen)).0.verdicts[0].code
    };
    let text = PublicKey::from_spki(&ours).unwrap().record_text();
    assert_eq!(judged([None, Some(&ours[..])], &text), Code::Ok);
    assert_eq!(judged([Some(&ours[..]), None], &text), Code::Unchecked);
    assert_eq!(judged([None, Some(&ours[..])], &other), Code::Unchecked);
    assert_eq!(judged([None, Some(b"no key")], &text), Code::Unchecked);
}

#[test]
fn a_right_answer_takes_three_questions() {
    assert_eq!(judge_in("rsa2048", None, &spelled_out("SEL TXT p=KEY")).1, 3);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn no_bytes_panic(texts in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..300), 0..4)) {
        let mut zones = spelled_out("");
        for text in &texts {
            zones.txt("s1._domainkey.mail.example.com", text);
        }
        prop_assert!(!judge_in("rsa2048", None, &zones).0.status.is_right());
    }
}

#[test]
fn a_key_comes_back_from_its_record() {
    for name in ["rsa2048", "rsa4096", "ed25519-rfc8463-spki"] {
        let octets = spki(name);
        let key = PublicKey::from_spki(&octets).unwrap();
        assert_eq!(key.to_spki(), octets, "{name}");
        assert_eq!(PublicKey::from_record(&key.record_text()), Some(key), "{name}");
    }
    for none in ["", "v=DKIM1; k=rsa; p=", "v=DKIM1; k=rsa; p=AAAA", "v=spf1 -all"] {
        assert_eq!(PublicKey::from_record(none), None, "{none}");
    }
}
