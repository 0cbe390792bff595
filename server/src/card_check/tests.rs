use super::*;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// The example of the Standard Webhooks specification.
#[test]
fn signatures_are_those_of_standard_webhooks() {
    let secret = SECRET.parse().unwrap();
    let adapter = SignedCallback { secret: &secret, url: None };
    let callback = Callback {
        id: "msg_p5jXN8AQM9LWM0D4loKWxJek",
        timestamp: "1614265330",
        signature: "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        body: br#"{"test": 2432232314}"#,
    };
    let at = |seconds: i64| Timestamp::from_second(1_614_265_330 + seconds).unwrap();
    assert_eq!(adapter.verify(&callback, at(0)), Ok(()));
    assert_eq!(adapter.verify(&callback, at(300)), Ok(()));
    assert_eq!(adapter.verify(&callback, at(-300)), Ok(()));
    let outdated = "webhook-timestamp is more than 5 minutes from now";
    assert_eq!(adapter.verify(&callback, at(301)), Err(outdated));
    assert_eq!(adapter.verify(&callback, at(-301)), Err(outdated));

    let both = format!("v2,abc v1,AAAA {}", callback.signature);
    assert_eq!(adapter.verify(&Callback { signature: &both, ..callback }, at(0)), Ok(()));
    let unfit = [
        Callback { body: b"{}", ..callback },
        Callback { id: "msg_2", ..callback },
        Callback { timestamp: "1614265331", ..callback },
        Callback { signature: "v1,AAAA", ..callback },
        Callback { signature: "v1,", ..callback },
        Callback { signature: "v1a,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", ..callback },
        Callback { signature: "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", ..callback },
    ];
    for callback in unfit {
        assert_eq!(adapter.verify(&callback, at(0)), Err("webhook-signature does not fit"), "{callback:?}");
    }
    assert!(adapter.verify(&Callback { id: "", ..callback }, at(0)).is_err());
}

#[test]
fn secrets() {
    assert!(SECRET.parse::<CallbackSecret>().is_ok());
    for bad in ["", "secret", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_", "whsec_AAAA", "whsec_%%%%"] {
        assert!(bad.parse::<CallbackSecret>().is_err(), "{bad}");
    }
    assert!(!format!("{:?}", SECRET.parse::<CallbackSecret>()).contains("MfKQ"));
}

#[test]
fn bodies() {
    let result = |passed, detail: &str| Ok(CardResult { passed, detail: detail.to_string() });
    assert_eq!(read(br#"{"result":"passed"}"#), result(true, ""));
    assert_eq!(read(br#"{"result":"failed","detail":" declined "}"#), result(false, "declined"));
    for (body, field) in [
        (&b""[..], "base"),
        (b"[]", "base"),
        (br#"{"result":1}"#, "base"),
        (br#"{"result":"passed","card":{"number":"4111"}}"#, "base"),
        (br#"{"result":"maybe"}"#, "result"),
        (b"{\"result\":\"passed\",\"detail\":\"a\\nb\"}", "detail"),
        (br#"{"result":"passed","detail":"card 4111 1111 1111 1111 is fine"}"#, "detail"),
    ] {
        match read(body) {
            Err(CallbackRefused::Unreadable(found, why)) => {
                assert_eq!(found, field);
                assert!(!why.contains("4111"), "nothing of it is repeated");
            }
            other => panic!("{other:?}"),
        }
    }
    let long = format!("{{\"result\":\"passed\",\"detail\":\"{}\"}}", "x".repeat(501));
    assert!(read(long.as_bytes()).is_err());
}

#[test]
fn numbers_of_cards() {
    for text in ["4111111111111111", "x4111-1111-1111-1111x", "5500 0055 5555 5559", "378282246310005"] {
        assert!(holds_card_number(text), "{text}");
    }
    for text in ["", "4111111111111112", "ends in 4242", "attempt 12345678901", "2026-04-28"] {
        assert!(!holds_card_number(text), "{text}");
    }
}

#[test]
fn owners_are_sent_where_the_setting_says() {
    let url = Some("https://pay.example/check?ref={reference}".to_string());
    let settings = CardSettings { secret: None, url };
    assert_eq!(settings.adapter().url("card_1").as_deref(), Some("https://pay.example/check?ref=card_1"));
    assert_eq!(CardSettings::default().adapter().url("card_1"), None);
    let callback = Callback { id: "1", timestamp: "0", signature: "v1,", body: b"{}" };
    let refused = settings.adapter().read(&callback, Timestamp::UNIX_EPOCH);
    assert_eq!(refused, Err(CallbackRefused::Off));
}
