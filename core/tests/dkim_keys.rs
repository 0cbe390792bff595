//! DKIM key records: what the linter says of each, and the section it rests on.
//!
//! The keys are in `dkim_keys.txt`; `{rsa2048}` in a text is the key of that
//! name there. `<cut N>` at the end leaves only the first N characters, and a
//! line `---` stands between several records at one selector.

use proptest::prelude::*;
use signet_core::verify::{
    Code, Status,
    dkim::{Lint, PublicKey, lint, never_alone, split},
};

const KEYS: &str = include_str!("dkim_keys.txt");

fn key(name: &str) -> &'static str {
    let found = KEYS.lines().filter(|line| !line.starts_with('#')).find_map(|line| {
        let (this, key) = line.split_once(' ')?;
        (this == name).then_some(key)
    });
    found.unwrap_or_else(|| panic!("no such key: {name}"))
}

/// The texts a line of the table stands for.
fn texts(text: &str) -> Vec<Vec<u8>> {
    text.split("\n---\n").map(spelled_out).collect()
}

fn spelled_out(text: &str) -> Vec<u8> {
    let cut =
        text.rsplit_once("<cut ").and_then(|(text, cut)| Some((text, cut.strip_suffix('>')?.parse().ok()?)));
    let (text, cut) = cut.unwrap_or((text, usize::MAX));
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}').expect("a closing brace");
        out.push_str(before);
        // `{rsa2048[..9]}` is a part of it, `{rsa2048[9..]}` the rest.
        match name.strip_suffix(']').and_then(|name| name.split_once('[')) {
            Some((name, range)) => {
                let (from, to) = range.split_once("..").expect("a range");
                let whole = key(name);
                out.push_str(&whole[from.parse().unwrap_or(0)..to.parse().unwrap_or(whole.len())]);
            }
            None => out.push_str(key(name)),
        }
        rest = after;
    }
    out.push_str(rest);
    out.truncate(cut.min(out.len()));
    out.into_bytes()
}

/// Name, section, text, and what is said of it; `+` where a whole text to paste
/// instead is offered.
const VECTORS: &[(&str, &str, &str, &str)] = &[
    // Right.
    ("rsa 2048", "RFC 6376 §3.6.1", "v=DKIM1; k=rsa; p={rsa2048}", "pass/ok"),
    ("only the key", "RFC 6376 §3.6.1 p", "p={rsa2048}", "pass/ok"),
    ("no k means rsa", "RFC 6376 §3.6.1 k", "v=DKIM1; p={rsa2048}", "pass/ok"),
    ("a final semicolon", "RFC 6376 §3.2", "v=DKIM1; k=rsa; p={rsa2048};", "pass/ok"),
    ("no blanks", "RFC 6376 §3.2", "v=DKIM1;k=rsa;p={rsa2048}", "pass/ok"),
    ("blanks everywhere", "RFC 6376 §3.2", " v = DKIM1 ;\tk = rsa ; p = {rsa2048} ", "pass/ok"),
    (
        "every tag",
        "RFC 6376 §3.6.1",
        "v=DKIM1; h=sha256; k=rsa; n=made=20in 2026; s=email; t=s; p={rsa2048}",
        "pass/ok",
    ),
    ("tags in any order behind v", "RFC 6376 §3.2", "v=DKIM1; p={rsa2048}; k=rsa; t=s", "pass/ok"),
    (
        "blanks in the key",
        "RFC 6376 §2.10",
        "v=DKIM1; p={rsa2048[..64]} {rsa2048[64..200]}\t  {rsa2048[200..]}",
        "pass/ok",
    ),
    ("a folded key", "RFC 6376 §2.8", "v=DKIM1; p={rsa2048[..64]}\r\n {rsa2048[64..]}", "pass/ok"),
    ("a folded record", "RFC 6376 §3.2", "v=DKIM1;\r\n\tk=rsa;\r\n p={rsa2048}", "pass/ok"),
    ("rsa 3072", "RFC 8301 §3.2", "v=DKIM1; k=rsa; p={rsa3072}", "pass/ok"),
    ("rsa 4096", "RFC 8301 §3.2", "v=DKIM1; k=rsa; p={rsa4096}", "pass/ok"),
    ("rsa 2048, bare", "RFC 6376 §3.6.1 p", "v=DKIM1; k=rsa; p={rsa2048-pkcs1}", "pass/ok"),
    ("rsa 3072, bare", "RFC 6376 §3.6.1 p", "v=DKIM1; k=rsa; p={rsa3072-pkcs1}", "pass/ok"),
    ("rsa 4096, bare", "RFC 6376 §3.6.1 p", "v=DKIM1; k=rsa; p={rsa4096-pkcs1}", "pass/ok"),
    ("exponent 3", "RFC 8017 §3.1", "v=DKIM1; k=rsa; p={rsa2048-e3}", "pass/ok"),
    ("ed25519", "RFC 8463 §A.2", "v=DKIM1; k=ed25519; p={ed25519-rfc8463}", "pass/ok"),
    ("an unknown tag", "RFC 6376 §3.2", "v=DKIM1; k=rsa; x_1=?; p={rsa2048}", "pass/ok"),
    ("g of RFC 4871", "RFC 6376 §3.2", "v=DKIM1; g=*; k=rsa; p={rsa2048}", "pass/ok"),
    ("an unknown flag", "RFC 6376 §3.6.1 t", "v=DKIM1; t=s:q; p={rsa2048}", "pass/ok"),
    ("an empty flag list", "RFC 6376 §3.6.1 t", "v=DKIM1; t=; p={rsa2048}", "pass/ok"),
    (
        "unknown services beside ours",
        "RFC 6376 §3.6.1 s",
        "v=DKIM1; s=tlsrpt : email; p={rsa2048}",
        "pass/ok",
    ),
    ("all services", "RFC 6376 §3.6.1 s", "v=DKIM1; s=*; p={rsa2048}", "pass/ok"),
    ("unknown hashes beside ours", "RFC 6376 §3.6.1 h", "v=DKIM1; h=sha512 : sha256; p={rsa2048}", "pass/ok"),
    ("sha1 beside sha256", "RFC 8301 §3.1", "v=DKIM1; h=sha1:sha256; p={rsa2048}", "pass/ok"),
    ("notes that are not quoted-printable", "RFC 6376 §3.6.1 n", "v=DKIM1; n=a=b; p={rsa2048}", "pass/ok"),
    // Key sizes.
    ("rsa 512", "RFC 8301 §3.2", "v=DKIM1; k=rsa; p={rsa512}", "fail/dkim_key_short"),
    ("rsa 512, bare", "RFC 8301 §3.2", "v=DKIM1; k=rsa; p={rsa512-pkcs1}", "fail/dkim_key_short"),
    ("rsa 768", "RFC 8301 §3.2", "v=DKIM1; k=rsa; p={rsa768}", "fail/dkim_key_short"),
    ("rsa 768, bare", "RFC 8301 §3.2", "v=DKIM1; k=rsa; p={rsa768-pkcs1}", "fail/dkim_key_short"),
    ("rsa 1023", "RFC 8301 §3.2", "v=DKIM1; k=rsa; p={rsa1023}", "fail/dkim_key_short"),
    ("rsa 2047", "RFC 8301 §3.2", "v=DKIM1; k=rsa; p={rsa2047}", "softfail/dkim_key_weak"),
    ("rsa 1024", "RFC 8301 §3.2", "v=DKIM1; k=rsa; p={rsa1024}", "softfail/dkim_key_weak"),
    ("rsa 1024, bare", "RFC 8301 §3.2", "v=DKIM1; k=rsa; p={rsa1024-pkcs1}", "softfail/dkim_key_weak"),
    ("rsa 1024 of the RFC", "RFC 8463 §A.2", "v=DKIM1; k=rsa; p={rsa1024-rfc8463}", "softfail/dkim_key_weak"),
    ("rsa 1536", "RFC 8301 §3.2", "v=DKIM1; k=rsa; p={rsa1536}", "softfail/dkim_key_weak"),
    ("rsa 1536, bare", "RFC 8301 §3.2", "v=DKIM1; k=rsa; p={rsa1536-pkcs1}", "softfail/dkim_key_weak"),
    ("rsa 4104", "RFC 8301 §3.2", "v=DKIM1; k=rsa; p={rsa4104}", "softfail/dkim_key_long"),
    // Keys that are none.
    ("revoked", "RFC 6376 §3.6.1 p", "v=DKIM1; k=rsa; p=", "fail/revoked"),
    ("revoked, nothing else", "RFC 6376 §3.6.1 p", "p=", "fail/revoked"),
    ("revoked, blanks", "RFC 6376 §3.6.1 p", "v=DKIM1; p=  ;", "fail/revoked"),
    ("no key", "RFC 6376 §3.6.1 p", "v=DKIM1; k=rsa", "fail/dkim_syntax"),
    ("only the version", "RFC 6376 §3.6.1 p", "v=DKIM1", "fail/dkim_syntax"),
    ("a capital P", "RFC 6376 §3.2", "v=DKIM1; P={rsa2048}", "fail/dkim_syntax+"),
    ("cut at 255", "RFC 1035 §3.3", "v=DKIM1; k=rsa; p={rsa2048}<cut 255>", "fail/dkim_key_truncated"),
    ("cut at 254", "RFC 1035 §3.3", "v=DKIM1; k=rsa; p={rsa2048}<cut 254>", "fail/dkim_key_truncated"),
    (
        "4096 bits cut at 255",
        "RFC 1035 §3.3",
        "v=DKIM1; k=rsa; p={rsa4096}<cut 255>",
        "fail/dkim_key_truncated",
    ),
    (
        "4096 bits cut at 510",
        "RFC 1035 §3.3",
        "v=DKIM1; k=rsa; p={rsa4096}<cut 510>",
        "fail/dkim_key_truncated",
    ),
    ("cut anywhere", "RFC 6376 §3.6.1 p", "v=DKIM1; k=rsa; p={rsa2048}<cut 300>", "fail/dkim_key_truncated"),
    ("a few letters", "RFC 6376 §3.6.1 p", "v=DKIM1; p=MIIB", "fail/dkim_key_truncated"),
    ("the last letters lost", "RFC 6376 §3.6.1 p", "v=DKIM1; p={rsa2048[..390]}", "fail/dkim_key_truncated"),
    ("the first letters lost", "RFC 6376 §3.6.1 p", "v=DKIM1; p={rsa2048[4..]}", "fail/dkim_key_invalid"),
    ("pasted twice", "RFC 6376 §3.6.1 p", "v=DKIM1; p={rsa2048}{rsa2048}", "fail/dkim_key_invalid"),
    ("letters that are not base64", "RFC 6376 §2.10", "v=DKIM1; p=!!", "fail/dkim_key_invalid"),
    ("the placeholder", "RFC 6376 §2.10", "v=DKIM1; k=rsa; p=<public-key>", "fail/dkim_key_invalid"),
    (
        "base64 for URLs",
        "RFC 4648 §5",
        "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo=",
        "fail/dkim_key_invalid+",
    ),
    (
        "padding left out",
        "RFC 4648 §3.2",
        "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo",
        "fail/dkim_key_invalid+",
    ),
    ("too much padding", "RFC 4648 §3.2", "v=DKIM1; k=rsa; p={rsa2048}=", "fail/dkim_key_invalid+"),
    (
        "a text in base64",
        "RFC 6376 §3.6.1 p",
        "v=DKIM1; p=SGVsbG8sIHdvcmxkLCB0aGlzIGlzIG5vIGtleQ==",
        "fail/dkim_key_invalid",
    ),
    (
        "a PEM file",
        "RFC 6376 §3.6.1 p",
        "v=DKIM1; k=rsa; p=-----BEGIN PUBLIC KEY----- {rsa2048} -----END PUBLIC KEY-----",
        "fail/dkim_key_invalid+",
    ),
    ("a private key", "RFC 6376 §8.5", "v=DKIM1; k=rsa; p={private-pkcs1}", "fail/dkim_key_private"),
    ("a private key, PKCS#8", "RFC 6376 §8.5", "v=DKIM1; k=rsa; p={private-pkcs8}", "fail/dkim_key_private"),
    (
        "a private key, cut",
        "RFC 6376 §8.5",
        "v=DKIM1; k=rsa; p={private-pkcs1}<cut 255>",
        "fail/dkim_key_private",
    ),
    ("another algorithm", "RFC 6376 §3.3", "v=DKIM1; k=rsa; p={p256}", "fail/dkim_key_invalid"),
    ("exponent 1", "RFC 8017 §3.1", "v=DKIM1; k=rsa; p={rsa2048-e1}", "fail/dkim_key_invalid"),
    ("an even exponent", "RFC 8017 §3.1", "v=DKIM1; k=rsa; p={rsa2048-even}", "fail/dkim_key_invalid"),
    (
        "an exponent of 80 bits",
        "RFC 8017 §3.1",
        "v=DKIM1; k=rsa; p={rsa2048-huge-e}",
        "fail/dkim_key_invalid",
    ),
    ("an even modulus", "RFC 8017 §3.1", "v=DKIM1; k=rsa; p={rsa2048-even-modulus}", "fail/dkim_key_invalid"),
    // Ed25519.
    (
        "ed25519 as SPKI",
        "RFC 8463 §4.2",
        "v=DKIM1; k=ed25519; p={ed25519-rfc8463-spki}",
        "fail/dkim_key_invalid+",
    ),
    (
        "ed25519 as SPKI, k left out",
        "RFC 8463 §4.2",
        "v=DKIM1; p={ed25519-rfc8463-spki}",
        "fail/dkim_key_invalid+",
    ),
    ("ed25519, k left out", "RFC 8463 §4.2", "v=DKIM1; p={ed25519-rfc8463}", "fail/dkim_key_type+"),
    ("ed25519 called rsa", "RFC 8463 §4.2", "v=DKIM1; k=rsa; p={ed25519-rfc8463}", "fail/dkim_key_type+"),
    ("rsa called ed25519", "RFC 8463 §4.2", "v=DKIM1; k=ed25519; p={rsa2048}", "fail/dkim_key_type+"),
    (
        "ed25519 of 24 bytes",
        "RFC 8463 §4.2",
        "v=DKIM1; k=ed25519; p={ed25519-rfc8463[..32]}",
        "fail/dkim_key_invalid",
    ),
    // Versions and types.
    ("v is not first", "RFC 6376 §3.6.1 v", "k=rsa; v=DKIM1; p={rsa2048}", "fail/dkim_version+"),
    ("v is last", "RFC 6376 §3.6.1 v", "p={rsa2048}; v=DKIM1", "fail/dkim_version+"),
    ("a small v", "RFC 6376 §3.6.1 v", "v=dkim1; k=rsa; p={rsa2048}", "fail/dkim_version+"),
    ("version 1.0", "RFC 6376 §3.6.1 v", "v=DKIM1.0; k=rsa; p={rsa2048}", "fail/dkim_version+"),
    ("version 2", "RFC 6376 §3.6.1 v", "v=DKIM2; k=rsa; p={rsa2048}", "fail/dkim_version+"),
    ("version 1 alone", "RFC 6376 §3.6.1 v", "v=1; k=rsa; p={rsa2048}", "fail/dkim_version+"),
    ("an empty version", "RFC 6376 §3.6.1 v", "v=; p={rsa2048}", "fail/dkim_version+"),
    ("a capital V is no v", "RFC 6376 §3.2", "V=DKIM1; p={rsa2048}", "pass/ok"),
    ("an unknown type", "RFC 6376 §3.6.1 k", "v=DKIM1; k=dsa; p={rsa2048}", "fail/dkim_key_type+"),
    ("an empty type", "RFC 6376 §3.6.1 k", "v=DKIM1; k=; p={rsa2048}", "fail/dkim_key_type+"),
    (
        "the algorithm as type",
        "RFC 6376 §3.6.1 k",
        "v=DKIM1; k=rsa-sha256; p={rsa2048}",
        "fail/dkim_key_type+",
    ),
    ("a capital type", "RFC 6376 §3.2", "v=DKIM1; k=RSA; p={rsa2048}", "softfail/dkim_syntax+"),
    // Hashes, services, flags.
    ("sha1 only", "RFC 8301 §3.1", "v=DKIM1; h=sha1; p={rsa2048}", "fail/dkim_hash+"),
    ("an unknown hash only", "RFC 6376 §3.6.1 h", "v=DKIM1; h=sha512; p={rsa2048}", "fail/dkim_hash+"),
    ("no hash", "RFC 6376 §3.6.1 h", "v=DKIM1; h=; p={rsa2048}", "fail/dkim_hash+"),
    ("hashes with a comma", "RFC 6376 §3.6.1 h", "v=DKIM1; h=sha1,sha256; p={rsa2048}", "fail/dkim_hash+"),
    ("a capital hash", "RFC 6376 §3.2", "v=DKIM1; h=SHA256; p={rsa2048}", "softfail/dkim_syntax+"),
    ("another service", "RFC 6376 §3.6.1 s", "v=DKIM1; s=tlsrpt; p={rsa2048}", "fail/dkim_service+"),
    ("no service", "RFC 6376 §3.6.1 s", "v=DKIM1; s=; p={rsa2048}", "fail/dkim_service+"),
    ("testing", "RFC 6376 §3.6.1 t", "v=DKIM1; k=rsa; t=y; p={rsa2048}", "softfail/dkim_testing+"),
    ("testing and strict", "RFC 6376 §3.6.1 t", "v=DKIM1; t=y:s; p={rsa2048}", "softfail/dkim_testing+"),
    ("testing with a weak key", "RFC 8301 §3.2", "v=DKIM1; t=y; p={rsa1024}", "softfail/dkim_key_weak"),
    ("testing what is revoked", "RFC 6376 §3.6.1 p", "v=DKIM1; t=y; p=", "fail/revoked"),
    // Syntax.
    ("quotes around", "RFC 6376 §3.2", "\"v=DKIM1; k=rsa; p={rsa2048}\"", "fail/malformed+"),
    (
        "quotes of the strings",
        "RFC 6376 §3.6.2.2",
        "v=DKIM1; k=rsa; p={rsa2048[..230]}\" \"{rsa2048[230..]}",
        "fail/dkim_key_invalid+",
    ),
    (
        "all quotes",
        "RFC 6376 §3.6.2.2",
        "\"v=DKIM1; k=rsa; \" \"p={rsa2048[..100]}\" \"{rsa2048[100..]}\"",
        "fail/malformed+",
    ),
    ("quotes around a weak key", "RFC 8301 §3.2", "\"v=DKIM1; p={rsa1024}\"", "fail/malformed"),
    ("backslashes", "RFC 6376 §3.2", "v=DKIM1\\; k=rsa\\; p={rsa2048}", "fail/dkim_version+"),
    (
        "typographic quotes",
        "RFC 6376 §3.2",
        "\u{201c}v=DKIM1; k=rsa; p={rsa2048}\u{201d}",
        "fail/dkim_syntax+",
    ),
    (
        "an invisible space",
        "RFC 6376 §3.2",
        "v=DKIM1; k=rsa; p={rsa2048[..90]}\u{200b}{rsa2048[90..]}",
        "fail/dkim_syntax+",
    ),
    ("a NUL", "RFC 6376 §3.2", "v=DKIM1; k=rsa; p={rsa2048}\0", "fail/dkim_syntax+"),
    (
        "the whole line of the zone file",
        "RFC 6376 §3.6.1",
        "s1._domainkey IN TXT ( \"v=DKIM1; k=rsa; \" \"p={rsa2048[..200]}\" \"{rsa2048[200..]}\" ) ; ----- DKIM key s1",
        "fail/malformed+",
    ),
    ("only the base64", "RFC 6376 §3.6.1", "{rsa2048}", "fail/malformed+"),
    ("only the base64, cut", "RFC 6376 §3.6.1", "{rsa2048[..255]}", "fail/malformed"),
    ("no semicolons", "RFC 6376 §3.2", "v=DKIM1 k=rsa p={rsa2048}", "fail/dkim_version+"),
    ("a comma for a semicolon", "RFC 6376 §3.2", "v=DKIM1, k=rsa, p={rsa2048}", "fail/dkim_version+"),
    ("a word without value", "RFC 6376 §3.2", "v=DKIM1; rsa; p={rsa2048}", "fail/dkim_syntax+"),
    ("a colon for the equals sign", "RFC 6376 §3.2", "v=DKIM1; k:rsa; p={rsa2048}", "fail/dkim_syntax+"),
    ("p twice", "RFC 6376 §3.2", "v=DKIM1; p={rsa2048}; p={rsa2048}", "fail/dkim_syntax+"),
    ("k twice", "RFC 6376 §3.2", "v=DKIM1; k=rsa; k=rsa; p={rsa2048}", "fail/dkim_syntax+"),
    ("an unknown tag twice", "RFC 6376 §3.2", "v=DKIM1; x=1; x=2; p={rsa2048}", "fail/dkim_syntax+"),
    ("two semicolons", "RFC 6376 §3.2", "v=DKIM1;; k=rsa; p={rsa2048}", "softfail/dkim_syntax+"),
    (
        "a bare line feed",
        "RFC 6376 §2.8",
        "v=DKIM1; k=rsa; p={rsa2048[..64]}\n{rsa2048[64..]}",
        "softfail/dkim_syntax+",
    ),
    (
        "a line break without a blank",
        "RFC 6376 §2.8",
        "v=DKIM1; k=rsa; p={rsa2048[..64]}\r\n{rsa2048[64..]}",
        "softfail/dkim_syntax+",
    ),
    ("a line break at the end", "RFC 6376 §2.8", "v=DKIM1; k=rsa; p={rsa2048}\r\n", "softfail/dkim_syntax+"),
    // Several, and none.
    (
        "two records",
        "RFC 6376 §3.6.2.2",
        "v=DKIM1; p={rsa2048}\n---\nv=DKIM1; p={rsa2048-other}",
        "fail/dkim_multiple",
    ),
    (
        "a good one and a revoked one",
        "RFC 6376 §3.6.2.2",
        "v=DKIM1; p={rsa2048}\n---\nv=DKIM1; p=",
        "fail/dkim_multiple+",
    ),
    (
        "a good one and another text",
        "RFC 6376 §3.6.2.2",
        "v=DKIM1; p={rsa2048}\n---\nv=spf1 -all",
        "fail/dkim_multiple+",
    ),
    (
        "the strings as records",
        "RFC 6376 §3.6.2.2",
        "v=DKIM1; k=rsa; p={rsa2048[..230]}\n---\n{rsa2048[230..]}",
        "fail/dkim_multiple",
    ),
    ("another text", "RFC 6376 §3.6.2.2", "v=spf1 -all", "missing/no_record"),
    ("DMARC", "RFC 6376 §3.6.1 v", "v=DMARC1; p=none", "missing/no_record"),
    ("an empty text", "RFC 6376 §3.6.1", "", "missing/no_record"),
    ("two other texts", "RFC 6376 §3.6.2.2", "v=spf1 -all\n---\nhello", "missing/no_record"),
];

/// What must hold for everything the linter says.
fn sound(texts: &[Vec<u8>], lint: &Lint) {
    assert!(lint.code.statuses().contains(&lint.status), "{lint:?}");
    assert!(!lint.reason.is_empty(), "{lint:?}");
    assert!(lint.fix.is_empty() == (lint.status == Status::Pass), "{lint:?}");
    if lint.status.is_right() {
        assert!(lint.key.is_some(), "{lint:?}");
    }
    // What is offered to be pasted is right itself, whole and split.
    if let Some(text) = &lint.replacement {
        assert_ne!(texts, [text.as_bytes()], "{lint:?}");
        let again = signet_core::verify::dkim::lint(&[text.clone().into_bytes()]);
        assert_eq!((again.status, &again.key), (Status::Pass, &lint.key), "{again:?}");
        assert!(lint.fix.contains(&format!("`{text}`")), "{lint:?}");
        if text.len() > 255 {
            let strings = split(text);
            assert!(strings.iter().all(|string| string.len() <= 255));
            assert!(lint.fix.contains(&format!("`\"{}\"`", strings.join("\" \""))), "{lint:?}");
        }
    } else {
        assert!(!lint.fix.contains("`v=DKIM1; "), "{lint:?}");
    }
}

#[test]
fn the_vectors() {
    let mut wrong = Vec::new();
    for (name, section, text, expected) in VECTORS {
        let texts = texts(text);
        let lint = lint(&texts);
        sound(&texts, &lint);
        assert!(!lint.reason.contains("  ") && !lint.fix.contains("  "), "{lint:?}");
        let offered = if lint.replacement.is_some() { "+" } else { "" };
        let said = format!("{}/{}{offered}", lint.status, lint.code);
        if said != *expected {
            wrong.push(format!("{name} ({section}): {said}, not {expected}: {}", lint.reason));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(VECTORS.len() >= 60);
    let mut names: Vec<&str> = VECTORS.iter().map(|(name, ..)| *name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), VECTORS.len(), "two vectors have one name");
}

#[test]
fn every_code_of_a_key_record_has_a_vector() {
    for code in Code::ALL.iter().filter(|code| code.as_str().starts_with("dkim_")) {
        // That one takes a whole domain.
        let has = *code == Code::DkimEd25519Alone
            || VECTORS.iter().any(|(.., expected)| expected.contains(&format!("/{code}")));
        assert!(has, "{code}");
    }
}

fn lint_of(text: &str) -> Lint {
    lint(&texts(text))
}

#[test]
fn sizes_and_types_are_told() {
    for (name, bits) in [
        ("rsa512", 512),
        ("rsa768", 768),
        ("rsa1024", 1024),
        ("rsa1536", 1536),
        ("rsa2048", 2048),
        ("rsa3072", 3072),
        ("rsa4096", 4096),
        ("rsa4104", 4104),
    ] {
        let found = lint_of(&format!("v=DKIM1; p={{{name}}}")).key.unwrap();
        assert_eq!((found.kind(), found.bits()), ("rsa", bits));
        let PublicKey::Rsa(rsa) = &found else { panic!("{found:?}") };
        assert_eq!(rsa.exponent(), 65537);
        // The bare key is the same key, and what we publish for it is its SPKI.
        if bits != 4104 {
            let bare = lint_of(&format!("v=DKIM1; p={{{name}-pkcs1}}"));
            assert_eq!(bare.key.as_ref(), Some(&found));
            assert!(bare.remarks.join(" ").contains("bare RSAPublicKey"), "{bare:?}");
        }
        assert_eq!(found.record_text(), format!("v=DKIM1; k=rsa; p={}", key(name)));
    }
    let PublicKey::Rsa(rsa) = lint_of("p={rsa2048-e3}").key.unwrap() else { panic!() };
    assert_eq!(rsa.exponent(), 3);
    let ed25519 = lint_of("k=ed25519; p={ed25519-rfc8463}").key.unwrap();
    assert_eq!((ed25519.kind(), ed25519.bits()), ("ed25519", 256));
    assert_eq!(ed25519.record_text(), format!("v=DKIM1; k=ed25519; p={}", key("ed25519-rfc8463")));
}

#[test]
fn what_is_said_is_exact() {
    let said = |text: &str| {
        let Lint { reason, fix, .. } = lint_of(text);
        (reason, fix)
    };
    let (reason, fix) = said("v=DKIM1; k=rsa; p={rsa2048}<cut 255>");
    assert_eq!(
        reason,
        "The key was cut after 255 characters: one string of a TXT record holds no more than 255."
    );
    assert!(fix.contains("split into several strings of at most 255 characters"), "{fix}");
    assert!(said("v=DKIM1; k=rsa; p={rsa2048}<cut 300>").0.contains("ends in the middle"));
    let (_, fix) = said("\"v=DKIM1; k=rsa; p={rsa2048}\"");
    let text = format!("v=DKIM1; k=rsa; p={}", key("rsa2048"));
    assert_eq!(
        fix,
        format!(
            "Change the TXT record to `{text}`. If your DNS host takes no more than 255 characters at once, enter \
             it as 2 strings of the same record: `\"{}\" \"{}\"`.",
            &text[..255],
            &text[255..]
        )
    );
    // What the record allows is kept, and what breaks it is not.
    let (_, fix) = said("v=DKIM1; h=sha1:sha256; s=email; t=y:s; n=x; p={rsa2048}");
    assert!(fix.contains("`v=DKIM1; k=rsa; h=sha256; s=email; t=s; p=MII"), "{fix}");
    let (_, fix) = said("v=DKIM1; s=*:email; t=y; p={rsa2048}");
    assert!(fix.contains("`v=DKIM1; k=rsa; p=MII"), "{fix}");
    // Of a private key nothing is shown again.
    let private = lint_of("v=DKIM1; k=rsa; p={private-pkcs1}");
    assert!(!format!("{private:?}").contains(&key("private-pkcs1")[..40]), "{private:?}");
    assert!(private.fix.contains("stop signing with the key"));
    // What is wrong beside what decides.
    let remarks = lint_of("v=DKIM1; s=tlsrpt; t=y; x=1; p={rsa1024}").remarks.join("\n");
    for expected in ["1024 bits", "`t=y`", "`x` is unknown"] {
        assert!(remarks.contains(expected), "{remarks}");
    }
    let remarks = |text: &str| lint_of(text).remarks.join("\n");
    assert!(remarks("p={rsa2048}").contains("`v=DKIM1;` at the start is missing"));
    assert!(remarks("v=DKIM1; h=sha1:sha256; p={rsa2048}").contains("sha1"));
    assert!(remarks("V=DKIM1; p={rsa2048}").contains("small letters"));
    assert!(remarks("v=DKIM1; n=a=b; p={rsa2048}").contains("quoted-printable"));
    assert_eq!(remarks("v=DKIM1; k=rsa; t=s; n=ok; s=email; h=sha256; p={rsa2048}"), "");
}

/// Folding white space is allowed in a record, and in no form.
#[test]
fn the_record_to_keep_can_be_pasted() {
    let kept = |text: &str| lint(&texts(&format!("{text}\n---\nv=DKIM1; p="))).replacement.unwrap();
    let plain = format!("v=DKIM1; n=a; p={}", key("rsa2048"));
    assert_eq!(kept("v=DKIM1; n=a; p={rsa2048}"), plain, "as it stands");
    let written_anew = format!("v=DKIM1; k=rsa; t=s; p={}", key("rsa2048"));
    assert_eq!(kept("v=DKIM1;\r\n\tn=a; t=s; p={rsa2048[..99]}\r\n {rsa2048[99..]}"), written_anew);
}

/// RFC 8463 §6: both kinds of key, at two selectors.
#[test]
fn an_ed25519_key_is_never_alone() {
    let ed25519 = lint_of("v=DKIM1; k=ed25519; p={ed25519-rfc8463}");
    let statuses = |beside: &[&str]| {
        let mut all: Vec<Lint> = beside.iter().map(|text| lint_of(text)).collect();
        all.insert(0, ed25519.clone());
        never_alone(&mut all);
        all.iter().map(|lint| format!("{}/{}", lint.status, lint.code)).collect::<Vec<_>>()
    };
    let alone = "softfail/dkim_ed25519_alone";
    assert_eq!(statuses(&[]), [alone]);
    assert_eq!(statuses(&["v=DKIM1; p={rsa2048}"]), ["pass/ok", "pass/ok"]);
    assert_eq!(statuses(&["v=DKIM1; p={rsa1024}"]), ["pass/ok", "softfail/dkim_key_weak"]);
    // A key that verifies nothing is no company.
    assert_eq!(statuses(&["v=DKIM1; p={rsa512}"]), [alone, "fail/dkim_key_short"]);
    assert_eq!(statuses(&["v=DKIM1; p="]), [alone, "fail/revoked"]);
    assert_eq!(statuses(&["v=DKIM1; k=ed25519; p={ed25519-rfc8463}"]), [alone, alone]);
}

#[test]
fn long_texts_are_bounded() {
    let long = |text: String| lint(&[text.into_bytes()]);
    let tenkilobytes = long(format!("v=DKIM1; p={}", "A".repeat(10_000)));
    assert_eq!(tenkilobytes.code, Code::DkimSyntax);
    assert!(tenkilobytes.reason.contains("longer than any key"), "{tenkilobytes:?}");
    for text in [
        format!("v=DKIM1; {}p=", "x=1;".repeat(2_000)),
        format!("v=DKIM1; t={}; p={}", "q:".repeat(3_000), key("rsa2048")),
        "v=".repeat(5_000),
        "p=".repeat(4_000),
        "\"".repeat(10_000),
    ] {
        let said = long(text);
        assert!(said.remarks.len() <= 32 && said.fix.len() < 2_000 && said.reason.len() < 500, "{said:?}");
    }
    let many = vec![b"v=DKIM1; p=".to_vec(); 5_000];
    assert_eq!(lint(&many).code, Code::DkimMultiple);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn no_bytes_panic(texts in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..300), 0..4)) {
        sound(&texts, &lint(&texts));
    }

    /// Nearly right texts, which go deeper than random bytes.
    #[test]
    fn no_near_miss_panics(
        text in "[v\"' ]{0,2}(v=|V = |=)?(DKIM1|dkim1|DKIM)?([;, ]{0,2}(p|k|h|s|t|n|x|P)[ =]{0,2}(rsa|ed25519|sha256|sha1|email|\\*|y:s|MII[A-Za-z0-9+/]{0,40}|MCowBQYDK2VwAyEA[A-Za-z0-9+/]{43}=|[!-~é]{0,20})){0,6}"
    ) {
        let texts = [text.into_bytes()];
        sound(&texts, &lint(&texts));
    }

    /// Any octet of a key changed, or any part of it left out.
    #[test]
    fn no_broken_key_panics(name in "rsa(512|1024|2048)(-pkcs1)?", at in 0usize..80, with in "[A-Za-z0-9+/=]{0,3}", cut in 0usize..8) {
        let mut key = key(&name).to_string();
        let at = at.min(key.len() - 8);
        key.replace_range(at..at + cut, &with);
        let texts = [format!("v=DKIM1; k=rsa; p={key}").into_bytes()];
        sound(&texts, &lint(&texts));
    }

    /// Every record the grammar allows, with a good key, is right.
    #[test]
    fn every_valid_record_is_right(
        blanks in proptest::collection::vec("( |\t|\r\n |\r\n\t){0,2}", 12),
        version in any::<bool>(),
        name in "rsa(2048|3072|4096)(-pkcs1)?",
        tags in proptest::sample::subsequence(
            vec!["k=rsa", "h=sha256", "h2=x", "n=a=20b", "s=*", "t=s", "x_y=1", "z="], 0..8
        ).prop_shuffle(),
        p_at in 0usize..8,
        fold in 1usize..100,
        last in any::<bool>(),
    ) {
        let mut all: Vec<String> = tags.iter().map(|tag| tag.to_string()).collect();
        let folded = key(&name).as_bytes().chunks(fold * 4 + 3).map(|part| std::str::from_utf8(part).unwrap())
            .collect::<Vec<_>>().join(&blanks[11]);
        all.insert(p_at.min(all.len()), format!("p={folded}"));
        if version {
            all.insert(0, "v=DKIM1".to_string());
        }
        let mut text = String::new();
        for (tag, blank) in all.iter().zip(&blanks) {
            if !text.is_empty() {
                text.push(';');
            }
            let (name, value) = tag.split_once('=').unwrap();
            text.push_str(&format!("{blank}{name}{blank}={blank}{value}{blank}"));
        }
        if last {
            text.push(';');
        }
        let texts = [text.into_bytes()];
        let lint = lint(&texts);
        prop_assert_eq!((lint.status, lint.code), (Status::Pass, Code::Ok), "{:?}", lint);
        sound(&texts, &lint);
    }
}
