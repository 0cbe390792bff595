use super::*;
use crate::{
    plan::{
        Present, Provider,
        tests::{planned, provider},
    },
    verify::literal::{Literal, settle},
};
use alloc::collections::BTreeSet;
use proptest::prelude::*;

const OURS: &str = "zone signet.test
    _spf.signet.test TXT v=spf1 ip4:192.0.2.1 ip6:2001:db8::1 -all
    zone example.com";
const PLAIN: &str = "v=spf1 include:_spf.signet.test ~all";
/// Nine look-ups behind one include.
const WIDE: &str = "zone wide.test
    wide.test TXT v=spf1 a:a1.wide.test a:a2.wide.test a:a3.wide.test a:a4.wide.test a:a5.wide.test a:a6.wide.test a:a7.wide.test a:a8.wide.test a:a9.wide.test ?all
    *.wide.test A 192.0.2.99
    *.wide.test AAAA 2001:db8::99";

/// A zone as lines for [`Literal`]: owner, type, data.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Model(BTreeSet<(String, &'static str, String)>);

impl Model {
    fn parse(text: &str) -> Self {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        Self(
            lines
                .map(|line| {
                    let mut words = line.splitn(3, ' ');
                    let mut next = || words.next().unwrap();
                    let (owner, rtype, data) = (next(), next(), next());
                    let rtype = RecordType::ALL.into_iter().find(|t| t.as_str() == rtype).unwrap().as_str();
                    (owner.to_string(), rtype, data.to_string())
                })
                .collect(),
        )
    }

    fn literal(&self, more: &str) -> Literal {
        let mut text = format!("{OURS}\n{more}\n");
        for (owner, rtype, data) in &self.0 {
            text.push_str(&format!("{owner} {rtype} {data}\n"));
        }
        Literal::parse(&text)
    }

    /// As a server does a DNS UPDATE: all requirements hold, or nothing happens.
    fn apply(&mut self, changes: &[Change]) {
        for change in changes.iter().filter(|change| change.action.writes()) {
            let owner = change.owner.to_string();
            let at: Vec<_> = self.0.iter().filter(|(o, ..)| *o == owner).cloned().collect();
            for requirement in &change.requires {
                let of = |rtype: RecordType| {
                    let mut of: Vec<String> = at
                        .iter()
                        .filter(|(_, t, _)| *t == rtype.as_str())
                        .map(|(.., data)| data.clone())
                        .collect();
                    of.sort();
                    of
                };
                match requirement {
                    Requirement::NameUnused => assert!(at.is_empty(), "{change:?}"),
                    Requirement::None(rtype) => assert!(of(*rtype).is_empty(), "{change:?}"),
                    Requirement::Exactly(rtype, data) => {
                        let mut data: Vec<String> = data.iter().map(ToString::to_string).collect();
                        data.sort();
                        assert_eq!(of(*rtype), data, "{change:?}");
                    }
                }
            }
            for entry in &change.before {
                let line = (owner.clone(), entry.rtype().as_str(), entry.data.to_string());
                assert!(self.0.remove(&line), "{line:?} is not there: {change:?}");
            }
            for entry in &change.after {
                self.0.insert((owner.clone(), entry.rtype().as_str(), entry.data.to_string()));
            }
            let cname = self.0.iter().any(|(o, t, _)| *o == owner && *t == "CNAME");
            let count = self.0.iter().filter(|(o, ..)| *o == owner).count();
            assert!(!cname || count == 1, "a CNAME beside others at {owner}: {change:?}");
        }
    }
}

fn context<'a>(provider: &'a Provider, domain: &'a Name) -> Context<'a> {
    Context {
        provider,
        domain,
        probe: "qprobe7",
        dkim_keys: [None, None],
        thorough: true,
        second_view: false,
    }
}

fn run(
    model: &Model,
    more: &str,
    plan: impl Fn(&Context<'_>, &[PlannedRecord], &Seen) -> Result<Vec<Change>, Need>,
) -> Vec<Change> {
    run_for("example.com", model, more, plan)
}

fn run_for(
    domain: &str,
    model: &Model,
    more: &str,
    plan: impl Fn(&Context<'_>, &[PlannedRecord], &Seen) -> Result<Vec<Change>, Need>,
) -> Vec<Change> {
    let provider = provider();
    let records = planned(&provider, domain, &Present::default());
    let domain = Name::parse(domain).unwrap();
    let (changes, _) =
        settle(&model.literal(more), |seen| plan(&context(&provider, &domain), &records, seen));
    assert_eq!(changes.len(), records.len());
    for change in &changes {
        assert!(!change.reason.is_empty(), "{change:?}");
        assert_eq!(change.requires.is_empty(), !change.action.writes(), "{change:?}");
    }
    changes
}

/// Takes out what is ours; of the rest what is in the history of `applied`.
fn removal_of(model: &Model, applied: &[Change], others: Others) -> Vec<Change> {
    let added = applied.iter().filter(|change| change.action == Action::Add);
    let added = added.map(|change| (change.key, change.after[0].to_string())).collect();
    let past = Past { added, beside: Beside { own: others, ..Beside::default() } };
    run(model, "", |context, plan, seen| removal(context, plan, &past, seen))
}

/// That all that is not made for the domain alone was added where there was nothing.
fn all_added() -> Past {
    let added = [
        (RecordKey::Spf, format!("TXT {PLAIN}")),
        (RecordKey::Dmarc, "TXT v=DMARC1; p=none".to_string()),
        (RecordKey::LinkVerification, "CNAME track.signet.test".to_string()),
    ];
    Past { added: added.to_vec(), ..Past::default() }
}

fn plan_of(zone: &str, more: &str) -> Vec<Change> {
    run(&Model::parse(zone), more, changes)
}

fn of(changes: &[Change], key: RecordKey) -> &Change {
    changes.iter().find(|change| change.key == key).unwrap()
}

fn texts(entries: &[Entry]) -> Vec<String> {
    entries.iter().map(|entry| entry.data.to_string()).collect()
}

#[test]
fn into_an_empty_zone_everything_is_added() {
    let mut model = Model::parse("example.com MX 10 mx.example.com");
    let planned = run(&model, "", changes);
    assert!(planned.iter().all(|change| change.action == Action::Add), "{planned:#?}");
    assert!(planned.iter().all(|change| change.zone.as_ref().unwrap().as_str() == "example.com"));
    model.apply(&planned);
    assert!(run(&model, "", changes).iter().all(|change| change.action == Action::InPlace));
}

/// Zone lines, more of the world, the record asked about, what is planned, and what comes.
type Row = (&'static str, &'static str, RecordKey, Action, &'static str);

#[rustfmt::skip]
const ROWS: &[Row] = &[
    // Theirs is merged, their policy kept.
    ("example.com TXT v=spf1 ip4:192.0.2.200 -all", "", RecordKey::Spf, Action::Merge, "v=spf1 ip4:192.0.2.200 include:_spf.signet.test -all"),
    ("example.com TXT v=spf1 include:_spf.signet.test -all", "", RecordKey::Spf, Action::InPlace, ""),
    ("example.com TXT google-site-verification=abc", "", RecordKey::Spf, Action::Add, PLAIN),
    // Several that are all right become one.
    ("example.com TXT v=spf1 ip4:192.0.2.200 -all\nexample.com TXT v=spf1 ip4:192.0.2.201 -all", "", RecordKey::Spf, Action::Merge,
        "v=spf1 ip4:192.0.2.200 ip4:192.0.2.201 include:_spf.signet.test -all"),
    // What would not evaluate is not offered.
    ("example.com TXT v=spf1 include:wide.test -all", WIDE, RecordKey::Spf, Action::Blocked, ""),
    ("example.com TXT v=spf1 include:wide.test -all\nexample.com TXT v=spf1 ip4:192.0.2.201 -all", WIDE, RecordKey::Spf, Action::Blocked, ""),
    // What is broken, or lets everybody send, is theirs to mend.
    ("example.com TXT v=spf1 ip4:192.0.2.300 -all", "", RecordKey::Spf, Action::Blocked, ""),
    ("example.com TXT v=spf1 +all", "", RecordKey::Spf, Action::Blocked, ""),
    ("example.com TXT v=spf1include:_spf.signet.test ~all", "", RecordKey::Spf, Action::Blocked, ""),
    ("_spf.example.com TXT v=spf1 ip4:192.0.2.200 -all", "", RecordKey::Spf, Action::Blocked, ""),
    ("example.com CNAME www.host.test", "", RecordKey::Spf, Action::Blocked, ""),
    // Nobody knows.
    ("", "fault example.com TXT timeout", RecordKey::Spf, Action::Blocked, ""),
    ("", "fault example.com servfail", RecordKey::Dmarc, Action::Blocked, ""),
    ("", "fault example.com refused", RecordKey::Verification, Action::Blocked, ""),
    ("", "undelegated example.com", RecordKey::Dkim1, Action::Blocked, ""),
    ("example.com TXT v=spf1 ip4:192.0.2.200 -all", "second example.com TXT", RecordKey::Spf, Action::Blocked, ""),
    ("sg-abcdefghijklmnop.example.com CNAME bounce.signet.test", "second sg-abcdefghijklmnop.example.com CNAME", RecordKey::Verification, Action::Blocked, ""),
    ("example.com TXT v=spf1 include:other.test -all", "zone other.test\nfault other.test timeout", RecordKey::Spf, Action::Blocked, ""),
    // A policy of their own stays, an inherited one too.
    ("_dmarc.example.com TXT v=DMARC1; p=reject", "", RecordKey::Dmarc, Action::InPlace, ""),
    ("_dmarc.example.com TXT v=DMARC1; p=nonsense", "", RecordKey::Dmarc, Action::Blocked, ""),
    ("_dmarc.example.com TXT v=DMARC1; p=none\n_dmarc.example.com TXT v=DMARC1; p=reject", "", RecordKey::Dmarc, Action::Blocked, ""),
    ("_dmarc.example.com TXT something else", "", RecordKey::Dmarc, Action::Add, "v=DMARC1; p=none"),
    ("_dmarc.example.com CNAME dmarc.host.test", "zone host.test\ndmarc.host.test TXT v=DMARC1; p=none", RecordKey::Dmarc, Action::InPlace, ""),
    ("_dmarc.example.com CNAME dmarc.host.test", "zone host.test", RecordKey::Dmarc, Action::Blocked, ""),
    ("_dmarc.example.com.example.com TXT v=DMARC1; p=reject", "", RecordKey::Dmarc, Action::Blocked, ""),
    ("*.example.com TXT hello", "", RecordKey::Dmarc, Action::Add, "v=DMARC1; p=none"),
    // Names made for us.
    ("sg-abcdefghijklmnop.example.com CNAME bounce.signet.test", "", RecordKey::Verification, Action::InPlace, ""),
    ("sg-abcdefghijklmnop.example.com CNAME elsewhere.test", "", RecordKey::Verification, Action::Replace, "bounce.signet.test"),
    ("sg-abcdefghijklmnop.example.com TXT bounce.signet.test", "", RecordKey::Verification, Action::Replace, "bounce.signet.test"),
    ("sg-abcdefghijklmnop.example.com A 192.0.2.7", "", RecordKey::Verification, Action::Blocked, ""),
    ("*.example.com A 192.0.2.7", "", RecordKey::Verification, Action::Add, "bounce.signet.test"),
    ("*.example.com CNAME www.host.test", "", RecordKey::Verification, Action::Add, "bounce.signet.test"),
    ("sg1-abcdefghijklmnop._domainkey.example.com TXT v=DKIM1; p=abc", "", RecordKey::Dkim1, Action::Replace, "sg1.abcdefghijklmnop.dkim.signet.test"),
    // This one is not.
    ("sg-link.example.com CNAME elsewhere.test", "", RecordKey::LinkVerification, Action::Blocked, ""),
    ("sg-link.example.com TXT hello", "", RecordKey::LinkVerification, Action::Blocked, ""),
    ("sg-link.example.com CAA 0 issue \"ca.test\"", "", RecordKey::LinkVerification, Action::Blocked, ""),
    ("sg-link.example.com HTTPS 1 . alpn=h2", "", RecordKey::LinkVerification, Action::Blocked, ""),
    ("sg-link.example.com SRV 0 0 443 www.host.test", "", RecordKey::LinkVerification, Action::Blocked, ""),
    ("sg-link.example.com CNAME track.signet.test", "", RecordKey::LinkVerification, Action::InPlace, ""),
];

#[test]
fn one_record_after_the_other() {
    for &(zone, more, key, action, comes) in ROWS {
        let planned = plan_of(zone, more);
        let change = of(&planned, key);
        assert_eq!(change.action, action, "{zone}\n{more}\n{change:#?}");
        assert_eq!(texts(&change.after).join(" | "), comes, "{zone}\n{change:#?}");
    }
}

#[test]
fn a_reason_says_which_server_said_what() {
    let zone = "example.com TXT v=spf1 ip4:192.0.2.200 -all";
    let planned = plan_of(zone, "second example.com TXT");
    let reason = &of(&planned, RecordKey::Spf).reason;
    assert!(reason.contains("ns1.example.com (192.0.2.53): v=spf1 ip4:192.0.2.200 -all"), "{reason}");
    assert!(reason.contains("ns2.example.com (192.0.2.54): nothing"), "{reason}");
    let planned = plan_of(zone, "fault example.com TXT timeout");
    let reason = &of(&planned, RecordKey::Spf).reason;
    assert!(reason.contains("ns2.example.com (192.0.2.54) did not answer in time"), "{reason}");
    let planned = plan_of("example.com TXT v=spf1 include:wide.test -all", WIDE);
    let reason = &of(&planned, RecordKey::Spf).reason;
    assert!(reason.contains("no room for include:_spf.signet.test"), "{reason}");
}

#[test]
fn other_texts_at_the_domain_are_required_and_not_touched() {
    let zone = "example.com TXT hello\nexample.com TXT v=spf1 mx -all\nexample.com MX 10 mx.example.com\nmx.example.com A 192.0.2.9";
    let planned = plan_of(zone, "");
    let change = of(&planned, RecordKey::Spf);
    assert_eq!(texts(&change.before), ["v=spf1 mx -all"]);
    let both = [txt("hello"), txt("v=spf1 mx -all")].to_vec();
    assert_eq!(
        change.requires,
        [Requirement::None(RecordType::Cname), Requirement::Exactly(RecordType::Txt, both)]
    );
    // All of a set have one TTL.
    assert_eq!(change.after[0].ttl, 300);
}

#[test]
fn a_long_text_is_cut_into_strings() {
    let long = "x".repeat(600);
    let Data::Txt(strings) = txt(&long) else { panic!() };
    assert_eq!(strings.iter().map(Vec::len).collect::<Vec<_>>(), [255, 255, 90]);
    assert_eq!(txt(""), Data::Txt(vec![vec![]]));
}

/// Everything of ours in it, and more.
const FULL: &str = "example.com TXT v=spf1 ip4:192.0.2.200 include:_spf.signet.test -all
    example.com TXT hello
    _dmarc.example.com TXT v=DMARC1; p=none
    sg-abcdefghijklmnop.example.com CNAME elsewhere.test
    sg1-abcdefghijklmnop._domainkey.example.com TXT v=DKIM1; p=abc
    sg-link.example.com CNAME track.signet.test";

#[test]
fn removal_takes_what_is_ours() {
    let mut model = Model::parse(FULL);
    let past = all_added();
    let removed = run(&model, "", |c, p, s| removal(c, p, &past, s));
    let actions: Vec<_> = removed.iter().map(|change| change.action).collect();
    use Action::{Keep, Merge, Remove};
    assert_eq!(actions, [Remove, Merge, Remove, Keep, Remove, Remove]);
    model.apply(&removed);
    assert_eq!(model, Model::parse("example.com TXT v=spf1 ip4:192.0.2.200 -all\nexample.com TXT hello"));
    assert!(run(&model, "", |c, p, s| removal(c, p, &past, s)).iter().all(|change| change.action == Keep));
}

#[test]
fn what_stood_there_before_stays_whatever_it_says() {
    let zone = "example.com TXT v=spf1 ~all
        _dmarc.example.com TXT v=DMARC1; p=none
        sg-link.example.com CNAME track.signet.test";
    let before = Model::parse(zone);
    let mut model = before.clone();
    let applied = run(&model, "", changes);
    model.apply(&applied);
    assert!(model.0.iter().any(|(_, _, data)| data == PLAIN), "{model:?}");
    model.apply(&removal_of(&model, &applied, Others::None));
    assert_eq!(model, before);
}

#[test]
fn what_was_added_into_nothing_goes() {
    let before = Model::parse("example.com TXT hello");
    let mut model = before.clone();
    let applied = run(&model, "", changes);
    model.apply(&applied);
    model.apply(&removal_of(&model, &applied, Others::None));
    assert_eq!(model, before);
}

#[test]
fn what_another_registration_needs_stays() {
    use RecordKey::{Dmarc, LinkVerification, Spf};
    for (others, kept) in [
        (Others::Same, &[Spf, Dmarc, LinkVerification][..]),
        (Others::Below, &[Spf, Dmarc]),
        (Others::None, &[]),
    ] {
        let past = Past { beside: Beside { own: others, ..Beside::default() }, ..all_added() };
        let removed = run(&Model::parse(FULL), "", |c, p, s| removal(c, p, &past, s));
        for key in [Spf, Dmarc, LinkVerification] {
            let change = of(&removed, key);
            assert_eq!(change.action == Action::Keep, kept.contains(&key), "{others:?}: {change:?}");
        }
        assert_eq!(of(&removed, RecordKey::Dkim1).action, Action::Remove);
    }
}

/// Whoever deletes a domain does not learn what others have registered.
#[test]
fn of_other_accounts_nothing_is_told() {
    use RecordKey::{Dmarc, LinkVerification, Spf};
    let reason = |own, elsewhere, key| {
        let past = Past { beside: Beside { own, elsewhere }, ..all_added() };
        let removed = run(&Model::parse(FULL), "", |c, p, s| removal(c, p, &past, s));
        let change = of(&removed, key);
        (change.action == Action::Keep).then(|| change.reason.clone())
    };
    let nobody = Some("Something else may rest on this record.".to_string());
    for key in [Spf, Dmarc] {
        assert_eq!(reason(Others::None, Others::Same, key), nobody);
        assert_eq!(reason(Others::None, Others::Below, key), nobody);
        let own = reason(Others::Below, Others::Same, key).unwrap();
        assert!(own.starts_with("A name below the domain is registered"), "{own}");
    }
    assert_eq!(reason(Others::Below, Others::Same, LinkVerification), nobody);
    assert_eq!(reason(Others::Below, Others::Below, LinkVerification), None);
    let own = reason(Others::Same, Others::Same, LinkVerification).unwrap();
    assert!(own.starts_with("The domain is registered a second time"), "{own}");
}

#[test]
fn removal_leaves_what_is_not_exactly_ours() {
    let rows = [
        ("_dmarc.example.com TXT v=DMARC1; p=none", "", RecordKey::Dmarc, Action::Remove),
        ("_dmarc.example.com TXT v=DMARC1;p=none", "", RecordKey::Dmarc, Action::Keep),
        // Without ours a stricter one would be in effect.
        (
            "_dmarc.example.com TXT v=DMARC1; p=none",
            "_dmarc.example.com TXT v=DMARC1; p=reject",
            RecordKey::Dmarc,
            Action::Keep,
        ),
        ("sg-link.example.com CNAME track.signet.test", "", RecordKey::LinkVerification, Action::Remove),
        ("sg-link.example.com CNAME elsewhere.test", "", RecordKey::LinkVerification, Action::Keep),
        ("example.com TXT v=spf1 ip4:192.0.2.200 -all", "", RecordKey::Spf, Action::Keep),
        ("example.com TXT v=spf1 include:_spf.signet.test ~all", "", RecordKey::Spf, Action::Remove),
        ("example.com TXT v=spf1 include:_spf.signet.test -all", "", RecordKey::Spf, Action::Merge),
        (
            "example.com TXT v=spf1 include:_spf.signet.test ~all",
            "example.com TXT v=spf1 -all",
            RecordKey::Spf,
            Action::Merge,
        ),
        ("*.example.com CNAME www.host.test", "", RecordKey::Verification, Action::Keep),
    ];
    let past = all_added();
    for (zone, more, key, action) in rows {
        let removed = run(&Model::parse(&format!("{zone}\n{more}")), "", |c, p, s| removal(c, p, &past, s));
        assert_eq!(of(&removed, key).action, action, "{zone}\n{removed:#?}");
    }
    let removed = run(&Model::parse(FULL), "fault example.com timeout", |c, p, s| removal(c, p, &past, s));
    assert!(removed.iter().all(|change| change.action == Action::Blocked), "{removed:#?}");
}

/// A website and mail that only a wildcard answers for.
const SHOP: &str = "shop.example.com";

#[test]
fn what_a_wildcard_answers_for_is_not_taken_offline() {
    for (zone, more, blocked) in [
        ("*.example.com A 192.0.2.80\n*.example.com MX 10 mx.example.com", "", true),
        ("*.example.com CNAME www.host.test", "", true),
        ("*.example.com TXT v=spf1 -all", "", true),
        ("*.example.com A 192.0.2.80", "fault shop.example.com MX timeout", true),
        // The domain has records of its own, whatever the wildcard has.
        ("*.example.com A 192.0.2.80\nshop.example.com A 192.0.2.81", "", false),
        ("*.example.com A 192.0.2.80\nshop.example.com A 192.0.2.80", "", false),
        ("*.example.com A 192.0.2.80\nshop.example.com MX 10 mx.example.com", "", false),
        ("*.example.com TXT hello\nshop.example.com TXT hello", "", false),
        // It is there for what is below it.
        ("*.example.com A 192.0.2.80\nwww.shop.example.com A 192.0.2.81", "", false),
        ("*.shop.example.com A 192.0.2.80\nshop.example.com A 192.0.2.80", "", false),
        // What is answered differently each time is no wildcard's if none is there.
        ("shop.example.com A 192.0.2.80", "second shop.example.com A", false),
        ("", "", false),
    ] {
        let planned = run_for(SHOP, &Model::parse(zone), more, changes);
        let writes: Vec<bool> = planned.iter().map(|change| change.action.writes()).collect();
        assert_eq!(writes.contains(&true), !blocked, "{zone}\n{more}\n{planned:#?}");
    }
    let planned = run_for(SHOP, &Model::parse("*.example.com MX 10 mx.example.com"), "", changes);
    let reason = &of(&planned, RecordKey::Verification).reason;
    assert!(reason.contains("`shop.example.com MX 10 mx.example.com`"), "{reason}");
}

#[test]
fn an_alias_to_an_odd_name_is_an_alias() {
    let planned = plan_of("sg-link.example.com CNAME a b.evil.test", "");
    let reason = &of(&planned, RecordKey::LinkVerification).reason;
    assert!(reason.contains("used for something else: CNAME a b.evil.test"), "{reason}");
}

/// Lines a zone may have; none is word for word one of ours.
fn line() -> impl Strategy<Value = String> {
    let owner = prop_oneof![
        4 => Just("example.com".to_string()),
        2 => Just("_dmarc.example.com".to_string()),
        1 => Just("www.example.com".to_string()),
        1 => Just("_domainkey.example.com".to_string()),
        1 => Just("*.example.com".to_string()),
    ];
    let policy = prop::sample::select(vec!["-all", "~all", "?all", "redirect=ok.test"]);
    let terms = prop::collection::vec(
        prop::sample::select(vec![
            "ip4:192.0.2.200",
            "ip4:192.0.2.201",
            "include:ok.test",
            "a:host.example.com",
            "mx",
        ]),
        1..4,
    );
    let spf = (terms, policy).prop_map(|(terms, policy)| format!("TXT v=spf1 {} {policy}", terms.join(" ")));
    let data = prop_oneof![
        3 => spf,
        2 => prop::sample::select(vec!["TXT v=DMARC1; p=reject", "TXT v=DMARC1; p=quarantine; rua=mailto:a@example.com"])
            .prop_map(String::from),
        2 => "[a-z]{3,9}=[a-z0-9]{4}".prop_map(|text| format!("TXT {text}")),
        1 => Just("A 192.0.2.9".to_string()),
        1 => Just("MX 10 mx.example.com".to_string()),
    ];
    (owner, data).prop_map(|(owner, data)| format!("{owner} {data}"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn applied_there_is_nothing_left_and_removal_restores(lines in prop::collection::vec(line(), 0..7)) {
        let more = "zone ok.test\nok.test TXT v=spf1 ip4:192.0.2.203 -all";
        let mut zone = lines.join("\n");
        zone.push_str("\nhost.example.com A 192.0.2.204\nmx.example.com A 192.0.2.205");
        let before = Model::parse(&zone);
        let mut model = before.clone();
        let planned = run(&model, more, changes);
        model.apply(&planned);

        let again = run(&model, more, changes);
        for (first, second) in planned.iter().zip(&again) {
            let wanted = if first.action.writes() { Action::InPlace } else { first.action };
            prop_assert_eq!(second.action, wanted, "{:#?}\n{:#?}\n{:#?}", model, first, second);
        }

        let is_spf = |line: &&(String, &str, String)| line.0 == "example.com" && line.2.starts_with("v=spf1 ");
        for line in before.0.iter().filter(|line| !is_spf(line)) {
            prop_assert!(model.0.contains(line), "{:?} is gone", line);
        }
        let senders = |model: &Model| -> BTreeSet<String> {
            let spf = model.0.iter().filter(is_spf).flat_map(|line| line.2.split(' '));
            let spf = spf.map(|term| term.replace("redirect=", "include:"));
            spf.filter(|term| term.contains(':') && !term.contains("signet")).collect()
        };
        prop_assert_eq!(senders(&before), senders(&model));

        model.apply(&removal_of(&model, &planned, Others::None));
        if before.0.iter().filter(is_spf).count() < 2 {
            prop_assert_eq!(model, before);
        } else {
            // Several have become one, which stays without ours.
            let others = |model: &Model| -> Vec<_> { model.0.iter().filter(|l| !is_spf(l)).cloned().collect() };
            prop_assert_eq!(others(&model), others(&before));
        }
    }
}
