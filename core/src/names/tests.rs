use super::*;
use proptest::prelude::*;

fn zone() -> Name {
    Name::parse("signet.test").unwrap()
}

#[test]
fn any_domain_can_be_typed() {
    let typed = |input: &str| Name::typed(input).map(|name| name.to_string());
    for (input, name) in [
        (" Example.COM. ", "example.com"),
        ("Bücher.example", "xn--bcher-kva.example"),
        // Others cannot register these, and anybody may look at them.
        ("co.uk", "co.uk"),
        ("mail.signet.test", "mail.signet.test"),
        ("printer.local", "printer.local"),
    ] {
        assert_eq!(typed(input).as_deref(), Ok(name), "{input}");
    }
    assert_eq!(typed("com"), Err(NameRefused::SingleLabel("com".to_string())));
    assert_eq!(typed("jo@example.com"), Err(NameRefused::EmailAddress));
    assert_eq!(typed("a..example.com"), Err(NameRefused::EmptyLabel));
}

fn registered(input: &str) -> Result<String, NameRefused> {
    DomainName::parse(input, &zone()).map(|d| d.to_string())
}

#[test]
fn what_people_type_becomes_one_spelling() {
    assert_eq!(registered("Example.COM").unwrap(), "example.com");
    assert_eq!(registered("  example.com.  ").unwrap(), "example.com");
    assert_eq!(registered("bücher.example").unwrap(), "xn--bcher-kva.example");
    assert_eq!(registered("BÜCHER.example").unwrap(), "xn--bcher-kva.example");
    assert_eq!(registered("faß.de").unwrap(), "xn--fa-hia.de");
    assert_eq!(registered("例え。テスト").unwrap(), "xn--r8jz45g.xn--zckzah");
    assert_eq!(registered("mail.example.co.uk").unwrap(), "mail.example.co.uk");
    assert_eq!(registered("shop.github.io").unwrap(), "shop.github.io");
}

#[test]
fn refusals_say_what_is_wrong() {
    use NameRefused as R;
    let cases: &[(&str, R)] = &[
        ("", R::Blank),
        (" \t", R::Blank),
        (".", R::Blank),
        ("https://example.com/", R::Url),
        ("example.com/path", R::Url),
        ("jo@example.com", R::EmailAddress),
        ("192.0.2.1", R::Address),
        ("2001:db8::1", R::Address),
        ("[192.0.2.1]", R::Address),
        ("*.example.com", R::Wildcard),
        ("example", R::SingleLabel("example".into())),
        ("com", R::SingleLabel("com".into())),
        ("co.uk", R::PublicSuffix("co.uk".into())),
        ("signet.test", R::OwnZone("signet.test".into())),
        ("a.b.signet.test", R::OwnZone("signet.test".into())),
        ("a..example.com", R::EmptyLabel),
        (".example.com", R::EmptyLabel),
        ("-a.example.com", R::Hyphen("-a".into())),
        ("a_b.example.com", R::Character),
        ("a b.example.com", R::Character),
        ("a\r\nb.example.com", R::Character),
        ("example.123", R::NumericTld),
        ("printer.local", R::SpecialUse("local".into())),
    ];
    for (input, refused) in cases {
        assert_eq!(registered(input).as_ref(), Err(refused), "{input:?}");
    }
    let long = "a".repeat(64);
    assert!(matches!(registered(&format!("{long}.com")), Err(R::LabelTooLong(_))));
    let deep = "a.".repeat(120) + "com";
    assert_eq!(registered(&deep), Err(R::TooLong(DomainName::MAX)));
}

#[test]
fn relative_names() {
    let name = Name::parse("sg._domainkey.mail.example.com.").unwrap();
    let at = |origin: &str| name.as_entered_in(&Name::parse(origin).unwrap());
    assert_eq!(at("mail.example.com"), "sg._domainkey");
    assert_eq!(at("example.com"), "sg._domainkey.mail");
    assert_eq!(at("ample.com"), "sg._domainkey.mail.example.com.");
    assert_eq!(Name::parse("a.b").unwrap().as_entered_in(&Name::parse("a.b").unwrap()), "@");
}

#[test]
fn organizational_domains_ignore_private_suffixes() {
    let org = |n: &str| Name::parse(n).unwrap().organizational().map(|n| n.to_string());
    assert_eq!(org("a.b.example.co.uk").as_deref(), Some("example.co.uk"));
    assert_eq!(org("shop.github.io").as_deref(), Some("github.io"));
    assert_eq!(org("a.bakery.test").as_deref(), Some("bakery.test"));
    assert_eq!(org("co.uk"), None);
    assert_eq!(org("test"), None);
}

#[test]
fn record_ids_spell_their_bits() {
    assert_eq!(RecordId::from_random([0; 10]).as_str(), "aaaaaaaaaaaaaaaa");
    assert_eq!(RecordId::from_random([0xff; 10]).as_str(), "7777777777777777");
    assert_eq!(RecordId::parse("aaaaaaaaaaaaaaa1"), None);
}

proptest! {
    #[test]
    fn no_input_panics_and_accepted_names_are_stable(input in "\\PC{0,80}") {
        if let Ok(domain) = DomainName::parse(&input, &zone()) {
            prop_assert_eq!(DomainName::parse(domain.as_str(), &zone()), Ok(domain.clone()));
            prop_assert!(domain.as_str().is_ascii());
            let longest = format!("{}._domainkey", "x".repeat(36));
            prop_assert!(domain.name().prepend(&longest).is_some());
        }
    }

    #[test]
    fn ids_round_trip(bytes: [u8; 10]) {
        let id = RecordId::from_random(bytes);
        prop_assert_eq!(id.to_bytes(), bytes);
        prop_assert_eq!(RecordId::parse(id.as_str()), Some(id));
    }
}
