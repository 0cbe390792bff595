use super::*;
use crate::plan::tests::{planned, provider};

const PLAIN: &str = "v=spf1 include:_spf.signet.test ~all";

/// What is given of the record with this key, and the note to it.
fn given(key: RecordKey, verdict: &Verdict, theirs: Option<&str>) -> (Option<String>, Option<String>) {
    let present = Present { spf: theirs.map(String::from), dmarc: theirs.map(String::from) };
    let records = planned(&provider(), "example.com", &Present::default());
    let record = records.into_iter().find(|record| record.key == key).unwrap();
    let Handout { record, note } = Handout::of(record, verdict, &present);
    (record.is_made().then_some(record.value), note)
}

fn found(key: RecordKey, status: Status, code: Code, offer: Option<&str>) -> Verdict {
    Verdict { offer: offer.map(String::from), ..Verdict::about(key, status, code, "So it is (§3).") }
}

#[test]
fn spf_and_dmarc_are_what_may_be_published() {
    use {Code as C, RecordKey::Dmarc, RecordKey::Spf, Status as S};
    let merged = "v=spf1 mx include:_spf.signet.test -all";
    let reject = "v=DMARC1; p=reject";
    let policy = "v=DMARC1; p=none";
    #[rustfmt::skip]
    let rows = [
        // Nobody knows: as planned, with a warning.
        (Spf, S::Unchecked, C::Unchecked, None, None, Some(PLAIN), "has not been read. Where SPF stands there already"),
        (Spf, S::Missing, C::NotDelegated, None, None, Some(PLAIN), "has not been read"),
        (Dmarc, S::Unchecked, C::Unchecked, None, None, Some(policy), "has not been read"),
        (Dmarc, S::NetworkError, C::Timeout, None, None, Some(policy), "has not been read"),
        // Nothing is there.
        (Spf, S::Missing, C::NoRecord, Some(PLAIN), None, Some(PLAIN), ""),
        (Dmarc, S::Missing, C::NoRecord, Some(policy), None, Some(policy), ""),
        // Theirs with ours in it; as it stands, where it is right.
        (Spf, S::Fail, C::SpfNotIncluded, Some(merged), Some("v=spf1 mx -all"), Some(merged), "takes the place of every SPF record"),
        (Spf, S::Fail, C::SpfMultiple, Some(merged), None, Some(merged), "takes the place of every SPF record"),
        (Spf, S::Softfail, C::Pinned, None, Some("v=spf1 ip4:192.0.2.1 -all"), Some("v=spf1 ip4:192.0.2.1 -all"), "stands there already"),
        (Dmarc, S::Pass, C::Ok, None, Some(reject), Some(reject), "stands there already"),
        // Nothing that would break or weaken it.
        (Spf, S::Fail, C::SpfTooManyLookups, None, Some("v=spf1 include:wide.test -all"), None, "Left out. So it is (§3). What to do"),
        (Spf, S::NetworkError, C::Timeout, None, Some("v=spf1 mx -all"), None, "Left out. So it is (§3)."),
        (Dmarc, S::Pass, C::Inherited, None, None, None, "Left out. So it is (§3). Nothing is to be done."),
        (Dmarc, S::Fail, C::DmarcMultiple, None, None, None, "Left out."),
        (Dmarc, S::Missing, C::NameDoubled, None, None, None, "Left out."),
    ];
    for (key, status, code, offer, theirs, value, note) in rows {
        let (found_value, found_note) = given(key, &found(key, status, code, offer), theirs);
        assert_eq!(found_value.as_deref(), value, "{key} {status} {code}");
        let found_note = found_note.unwrap_or_default();
        assert!(
            found_note.contains(note) && found_note.is_empty() == note.is_empty(),
            "{code}: {found_note}"
        );
    }
}

#[test]
fn names_made_for_us_are_ours_and_the_tracking_host_may_be_theirs() {
    use {Code as C, RecordKey::LinkVerification as Link, RecordKey::Verification as Own, Status as S};
    #[rustfmt::skip]
    let rows = [
        (Own, S::Missing, C::NoRecord, true, ""),
        (Own, S::Pass, C::Ok, true, ""),
        (Own, S::Fail, C::WrongTarget, true, "takes the place of whatever stands at sg-abcdefghijklmnop.example.com."),
        (Link, S::Missing, C::NameNotFound, true, ""),
        (Link, S::Fail, C::WrongTarget, false, "Left out. So it is (§3). What to do"),
        (Link, S::Fail, C::TargetAppended, true, "takes the place"),
        // That is no matter of the record.
        (Link, S::Fail, C::ZoneDead, true, ""),
    ];
    for (key, status, code, there, note) in rows {
        let (value, found_note) = given(key, &found(key, status, code, None), None);
        assert_eq!(value.is_some(), there, "{key} {code}");
        let found_note = found_note.unwrap_or_default();
        assert!(
            found_note.contains(note) && found_note.is_empty() == note.is_empty(),
            "{code}: {found_note}"
        );
    }
}

#[test]
fn a_key_being_made_is_left_out() {
    let mut record = planned(&provider(), "example.com", &Present::default()).remove(2);
    record.value.clear();
    let verdict = Verdict::unchecked(&record);
    let handout = Handout::of(record, &verdict, &Present::default());
    assert!(handout.note.unwrap().contains("is being made"));
}

#[test]
fn comments_are_one_line_of_ascii() {
    let record = planned(&provider(), "example.com", &Present::default()).remove(0);
    let note = Some("RFC 1 §2\nevil. A 192.0.2.1\r\u{2028}\u{202e}é\u{0}".to_string());
    let comment = Handout { record, note }.comment().unwrap();
    assert_eq!(comment, "RFC 1 section 2?evil. A 192.0.2.1?????");
}
