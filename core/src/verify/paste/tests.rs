use super::*;
use crate::{
    observe::Question,
    plan::{PlannedRecord, Present, RecordKey, tests::planned, tests::provider},
    verify::{
        Context, Verdict,
        dns_host::{Apex, Names, tests::hosts},
        judge,
        literal::{Literal, settle, sound},
    },
};
use proptest::prelude::*;

const ID: &str = "abcdefghijklmnop";
const CLOUDFLARE: &str = "ada.ns.cloudflare.com bob.ns.cloudflare.com";
const GODADDY: &str = "ns01.domaincontrol.com ns02.domaincontrol.com";
const ROUTE53: &str = "ns-0.awsdns-00.com ns-512.awsdns-00.net";
const OVH: &str = "dns102.ovh.net ns102.ovh.net";
const UNKNOWN: &str = "";

/// The verdict on one record of `domain`, in a zone for `example.com` at
/// these name servers that holds `records`.
fn judged(domain: &str, key: RecordKey, servers: &str, records: &str) -> Verdict {
    let provider = provider();
    let plan = planned(&provider, domain, &Present::default());
    let domain = Name::parse(domain).unwrap();
    let context = Context {
        provider: &provider,
        domain: &domain,
        probe: "zzprobe",
        dkim_keys: [None, None],
        thorough: true,
        second_view: false,
    };
    let ours = "zone signet.test
        track.signet.test A 192.0.2.80
        _spf.signet.test TXT v=spf1 ip4:192.0.2.1 ip6:2001:db8::1 -all
        zone com";
    let zones = format!("{ours}\nzone example.com {servers}\n{}", records.replace("ID", ID));
    let (findings, _) = settle(&Literal::parse(&zones), |seen| judge(&context, &plan, seen));
    let verdict = findings.verdicts.into_iter().find(|verdict| verdict.key == key).unwrap();
    sound(&verdict);
    verdict
}

#[track_caller]
fn fix(key: RecordKey, servers: &str, records: &str, code: &str) -> String {
    let verdict = judged("mail.example.com", key, servers, records);
    assert_eq!(verdict.code.as_str(), code, "{verdict:#?}");
    assert!(!verdict.fix.contains("  "), "{verdict:#?}");
    verdict.fix
}

use RecordKey::{Dmarc, LinkVerification as Link, Spf, Verification as Owner};

#[test]
fn at_cloudflare() {
    let fix = |key, records, code| fix(key, CLOUDFLARE, records, code);
    let at = "At Cloudflare (DNS → Records, https://dash.cloudflare.com/?to=/:account/:zone/dns/records), in the \
              zone example.com, ";
    let name = "Name `sg-abcdefghijklmnop.mail` (in full: sg-abcdefghijklmnop.mail.example.com)";
    let rest = "Target `bounce.signet.test`, Proxy status `DNS only`.";
    assert_eq!(fix(Owner, "", "name_not_found"), format!("{at}add a CNAME record with {name} and {rest}"));
    assert_eq!(
        fix(Owner, "sg-ID.mail.example.com CNAME x.example.com", "wrong_target"),
        format!("{at}change the CNAME record with {name} to {rest}")
    );
    assert_eq!(
        fix(Owner, "sg-ID.mail.example.com A 192.0.2.80", "proxied"),
        format!(
            "At Cloudflare, switch the proxy off for this name: set Proxy status to `DNS only`. {at}add a CNAME \
             record with {name} and {rest}"
        )
    );
    assert_eq!(
        fix(Link, "sg-link.mail.example.com A 192.0.2.80", "flattened"),
        format!(
            "At Cloudflare, switch CNAME flattening off for this name (DNS → Settings → CNAME flattening). {at}add a \
             CNAME record with Name `sg-link.mail` (in full: sg-link.mail.example.com) and Target `track.signet.test`, \
             Proxy status `DNS only`."
        )
    );
    assert_eq!(
        fix(Dmarc, "", "name_not_found"),
        format!(
            "{at}add a TXT record with Name `_dmarc.mail` (in full: _dmarc.mail.example.com) and Content \
             `v=DMARC1; p=none`."
        )
    );
    assert_eq!(
        fix(
            Spf,
            "mail.example.com TXT v=spf1 mx -all\nmail.example.com MX 10 mail.example.com",
            "spf_not_included"
        ),
        format!(
            "{at}change the SPF record (TXT) with Name `mail` (in full: mail.example.com) to Content \
             `v=spf1 mx include:_spf.signet.test -all`."
        )
    );
    // It takes a target as a full name: whoever appended the zone typed it so.
    assert_eq!(
        fix(Owner, "sg-ID.mail.example.com CNAME bounce.signet.test.example.com", "target_appended"),
        format!("{at}change the CNAME record with {name} to {rest}")
    );
}

#[test]
fn at_godaddy() {
    let fix = |key, records, code| fix(key, GODADDY, records, code);
    let at =
        "At GoDaddy (Domain → DNS, https://dcc.godaddy.com/control/portfolio), in the zone example.com, ";
    let name = "Name `sg-abcdefghijklmnop.mail` (in full: sg-abcdefghijklmnop.mail.example.com; GoDaddy appends the \
                rest)";
    assert_eq!(
        fix(Owner, "", "name_not_found"),
        format!("{at}add a CNAME record with {name} and Value `bounce.signet.test`.")
    );
    assert_eq!(
        fix(Owner, "sg-ID.mail.example.com.example.com CNAME bounce.signet.test", "name_doubled"),
        format!(
            "GoDaddy appends the domain to every name, to a full one as well. {at}enter {name}, with Value \
             `bounce.signet.test`, and delete the record at sg-abcdefghijklmnop.mail.example.com.example.com."
        )
    );
    assert_eq!(
        fix(Owner, "sg-ID.example.com CNAME bounce.signet.test", "name_at_apex"),
        format!(
            "{at}enter {name}, with Value `bounce.signet.test`, and delete the record at \
             sg-abcdefghijklmnop.example.com."
        )
    );
    assert_eq!(
        fix(Dmarc, "_dmarc.mail.example.com.example.com TXT v=DMARC1; p=reject", "name_doubled"),
        format!(
            "GoDaddy appends the domain to every name, to a full one as well. {at}enter Name `_dmarc.mail` (in full: \
             _dmarc.mail.example.com; GoDaddy appends the rest), and delete the record at \
             _dmarc.mail.example.com.example.com."
        )
    );
    assert_eq!(
        fix(
            Dmarc,
            "_dmarc.mail.example.com TXT v=DMARC1; p=none\n_dmarc.mail.example.com TXT v=DMARC1; p=reject",
            "dmarc_multiple"
        ),
        format!(
            "{at}keep one DMARC record (TXT) with Name `_dmarc.mail` (in full: _dmarc.mail.example.com; GoDaddy appends \
             the rest) and Value `v=DMARC1; p=reject`, and delete the others."
        )
    );
    // Whatever its proxy is called, if it has one.
    assert!(
        fix(Owner, "sg-ID.mail.example.com A 192.0.2.80", "proxied")
            .starts_with("Switch the proxy off for this name (DNS only). At GoDaddy")
    );
}

#[test]
fn at_route_53() {
    let at = "At Amazon Route 53 (Hosted zones, https://console.aws.amazon.com/route53/v2/hostedzones), in the zone \
              example.com, ";
    let apex = judged("example.com", Spf, ROUTE53, "");
    assert_eq!(
        apex.fix,
        format!(
            "{at}add a TXT record with Record name left empty (in full: example.com; Amazon Route 53 appends the rest) \
             and Value `\"v=spf1 include:_spf.signet.test ~all\"`."
        )
    );
    assert_eq!(
        fix(Dmarc, ROUTE53, "_dmarc.mail.example.com TXT v=DMARC1; p=x", "dmarc_syntax"),
        format!(
            "{at}change the DMARC record (TXT) with Record name `_dmarc.mail` (in full: _dmarc.mail.example.com; Amazon \
             Route 53 appends the rest) to Value `\"v=DMARC1; p=none\"`."
        )
    );
}

#[test]
fn a_final_dot_where_it_is_needed() {
    let at = "At OVHcloud (Domain → DNS zone, https://www.ovh.com/manager/), in the zone example.com, ";
    let name = "Sub-domain `sg-abcdefghijklmnop.mail` (in full: sg-abcdefghijklmnop.mail.example.com; OVHcloud appends \
                the rest)";
    let target = "Target `bounce.signet.test.`, with the dot at its end.";
    assert_eq!(
        fix(Owner, OVH, "", "name_not_found"),
        format!("{at}add a CNAME record with {name} and {target}")
    );
    assert_eq!(
        fix(Owner, OVH, "sg-ID.mail.example.com CNAME bounce.signet.test.example.com", "target_appended"),
        format!("{at}change the CNAME record with {name} to {target}")
    );
}

#[test]
fn at_a_host_nobody_knows() {
    let fixed = |servers, key, records, code| fix(key, servers, records, code);
    let fix = |key, records, code| fixed(UNKNOWN, key, records, code);
    let name = "`sg-abcdefghijklmnop.mail` (in full: sg-abcdefghijklmnop.mail.example.com)";
    assert_eq!(
        fix(Owner, "", "name_not_found"),
        format!("Publish a CNAME record named {name} with the value `bounce.signet.test`.")
    );
    assert_eq!(
        fix(Owner, "sg-ID.mail.example.com CNAME x.example.com", "wrong_target"),
        format!("Change the CNAME record named {name} to the value `bounce.signet.test`.")
    );
    assert_eq!(
        fix(Owner, "sg-ID.mail.example.com A 192.0.2.80", "proxied"),
        format!(
            "Switch the proxy off for this name (DNS only). Publish a CNAME record named {name} with the value \
             `bounce.signet.test`."
        )
    );
    assert_eq!(
        fix(Owner, "sg-ID.mail.example.com.example.com CNAME bounce.signet.test", "name_doubled"),
        format!(
            "Your DNS host appends the domain: enter {name} as the name, with the value `bounce.signet.test`, and \
             delete the record at sg-abcdefghijklmnop.mail.example.com.example.com."
        )
    );
    assert_eq!(
        fix(Owner, "sg-ID.example.com CNAME bounce.signet.test", "name_at_apex"),
        format!(
            "Enter {name} as the name in the zone example.com, with the value `bounce.signet.test`, and delete the \
             record at sg-abcdefghijklmnop.example.com."
        )
    );
    // A hostile name of a server is as unknown as any other.
    let hostile = fixed("ns.cloudflare.com.evil.example", Owner, "", "name_not_found");
    assert_eq!(hostile, format!("Publish a CNAME record named {name} with the value `bounce.signet.test`."));
}

#[test]
fn between_two_hosts() {
    assert_eq!(
        fix(Owner, "ada.ns.cloudflare.com ns01.domaincontrol.com", "", "name_not_found"),
        "Publish a CNAME record named `sg-abcdefghijklmnop.mail` (in full: sg-abcdefghijklmnop.mail.example.com) with \
         the value `bounce.signet.test`. The zone has name servers of both Cloudflare and GoDaddy: enter it at both, or \
         have the ones you no longer use taken out at your registrar."
    );
}

fn look_at(zone: &Name, servers: &str) -> Look {
    let question = Question::new(&zone, RecordType::Txt);
    Literal::parse(&format!("zone {zone} {servers}")).look(&question)
}

#[test]
fn long_texts_as_each_host_takes_them() {
    let zone = Name::parse("example.com").unwrap();
    let text = format!("v=spf1 {}~all", "ip4:192.0.2.1 ".repeat(20));
    let (front, back) = text.split_at(255);
    let publish = |servers: &str| Paste::new(&zone, &look_at(&zone, servers)).publish(Value::Text(&text));
    let route53 = publish(ROUTE53);
    assert!(route53.ends_with(&format!("and Value `\"{front}\" \"{back}\"`.")), "{route53}");
    let cloudflare = publish(CLOUDFLARE);
    let whole = format!("and Content `{text}`. Paste it in one piece: Cloudflare splits it by itself.");
    assert!(cloudflare.ends_with(&whole), "{cloudflare}");
    let split = format!(
        "`{text}`. If your DNS host takes no more than 255 characters at once, enter it as 2 strings of the same \
         record: `\"{front}\" \"{back}\"`."
    );
    for servers in [UNKNOWN, OVH] {
        assert!(publish(servers).ends_with(&split), "{}", publish(servers));
    }
    // Short ones are not spoken of.
    assert!(!Paste::new(&zone, &look_at(&zone, OVH)).publish(Value::Text("v=spf1 -all")).contains("255"));
}

/// What comes of a name typed into the form of `host`: an account of the forms
/// apart from the code that writes for them.
fn stored(host: &DnsHost, zone: &Name, typed: &str) -> String {
    match (typed, host.apex, host.names) {
        ("@", Some(Apex::At) | None, _) | ("", Some(Apex::Blank), _) => zone.to_string(),
        (full, _, Some(Names::FullWithDot)) => full.strip_suffix('.').unwrap().to_string(),
        (full, _, Some(Names::Full)) => full.to_string(),
        (full, ..) if full.ends_with('.') => panic!("{full} leads out of {zone}"),
        (relative, ..) => format!("{relative}.{zone}"),
    }
}

/// The name a fix has the customer enter.
fn typed<'a>(host: &DnsHost, fix: &'a str) -> &'a str {
    let label = format!(" with {} ", host.name_field.unwrap_or("the name"));
    let (_, after) = fix.split_once(&label).unwrap_or_else(|| panic!("{} has no name in {fix}", host.id));
    match after.strip_prefix('`') {
        Some(name) => name.split('`').next().unwrap(),
        None => {
            assert!(after.starts_with("left empty"), "{fix}");
            ""
        }
    }
}

fn holds_up(host: &DnsHost, server: &str, zone: &Name, record: &PlannedRecord) {
    let look = look_at(zone, &format!("{server} {server}"));
    let place = Paste::new(&record.owner, &look);
    assert_eq!(place.hosting.host(), Some(host), "{server}");
    let target = Name::parse(&record.value);
    let value = match &target {
        Ok(target) if record.rtype == RecordType::Cname => Value::Target(target.as_str()),
        _ => Value::Text(&record.value),
    };
    for fix in [place.publish(value), place.change("record", value), place.keep("record", value)] {
        assert_eq!(stored(host, zone, typed(host, &fix)), record.owner.as_str(), "{}: {fix}", host.id);
        let pasted = fix.split('`').skip(1).step_by(2).find(|pasted| pasted.contains(&record.value));
        let pasted = pasted.unwrap_or_else(|| panic!("{}: no value in {fix}", host.id));
        let expected = match (record.rtype, host.targets) {
            (RecordType::Cname, Some(Targets::Dot)) => format!("{}.", record.value),
            (RecordType::Txt, _) if host.quotes => format!("\"{}\"", record.value),
            _ => record.value.clone(),
        };
        assert_eq!(pasted, expected, "{}: {fix}", host.id);
        assert!(fix.contains(host.name) && !fix.contains(server), "{fix}");
    }
}

#[test]
fn what_is_entered_as_told_becomes_the_record() {
    let provider = provider();
    for (host, server) in hosts() {
        for (domain, zone) in [
            ("example.com", "example.com"),
            ("mail.example.com", "example.com"),
            ("a.b.example.co.uk", "example.co.uk"),
        ] {
            let zone = Name::parse(zone).unwrap();
            for record in planned(&provider, domain, &Present::default()) {
                holds_up(&host, &server, &zone, &record);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn quoted_strings_join_to_the_text(text in "[ -~]{0,900}") {
        let quoted = in_quotes(&text);
        let mut strings: Vec<String> = Vec::from([String::new()]);
        let mut chars = quoted.strip_prefix('"').unwrap().strip_suffix('"').unwrap().chars().peekable();
        while let Some(c) = chars.next() {
            match c {
                '\\' => strings.last_mut().unwrap().push(chars.next().unwrap()),
                '"' => {
                    prop_assert_eq!((chars.next(), chars.next()), (Some(' '), Some('"')));
                    strings.push(String::new());
                }
                c => strings.last_mut().unwrap().push(c),
            }
        }
        prop_assert!(strings.iter().all(|string| string.len() <= STRING));
        prop_assert_eq!(strings.concat(), text);
    }

    #[test]
    fn any_sending_domain_is_entered_right(labels in "([a-z0-9]{1,8}\\.){0,4}", index in 0usize..1000) {
        let hosts = hosts();
        let (host, server) = &hosts[index % hosts.len()];
        let zone = Name::parse("example.com").unwrap();
        for record in planned(&provider(), &format!("{labels}example.com"), &Present::default()) {
            holds_up(host, server, &zone, &record);
        }
    }
}
