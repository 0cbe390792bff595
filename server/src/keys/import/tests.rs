use super::*;
use crate::clock::Randomness;

macro_rules! pem {
    ($name:literal) => {
        include_str!(concat!("pem/", $name, ".pem"))
    };
}

fn refused(pem: &str) -> ImportError {
    read(pem).err().unwrap()
}

#[test]
fn what_openssl_makes_is_taken() {
    let keys = [
        (pem!("rsa2048"), Algorithm::Rsa2048),
        (pem!("pkcs1"), Algorithm::Rsa2048),
        (pem!("rsa4096"), Algorithm::Rsa4096),
        (pem!("ed25519"), Algorithm::Ed25519),
    ];
    for (pem, algorithm) in keys {
        let key = read(pem).unwrap();
        assert_eq!(key.algorithm, algorithm);
        assert!(signet_core::verify::dkim::PublicKey::from_spki(&key.public).is_some());
        // What is stored reads as the key it was.
        let again = pkcs8(&key.private).unwrap();
        assert_eq!((again.public, again.private), (key.public, key.private));
    }
    assert_eq!(read(pem!("pkcs1")).unwrap().public, read(pem!("rsa2048")).unwrap().public);
    let published = STANDARD.encode(&read(pem!("rsa2048")).unwrap().public);
    let body: String = pem!("public").lines().filter(|line| !line.starts_with('-')).collect();
    assert_eq!(published, body);
}

#[test]
fn what_signet_makes_is_taken() {
    for algorithm in [Algorithm::Rsa2048, Algorithm::Ed25519] {
        let made = make::make(algorithm, &Randomness::default()).unwrap();
        let pem = format!(
            "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----",
            STANDARD.encode(&made.private)
        );
        assert_eq!(read(&pem).unwrap().public, made.public);
    }
}

#[test]
fn lines_may_end_in_whatever_way() {
    let pem = pem!("ed25519");
    let expected = read(pem).unwrap().public;
    for pem in [
        pem.replace('\n', "\r\n"),
        pem.replace('\n', "\r"),
        format!("\u{feff}\n\n  {pem}  \n\n"),
        pem.trim_end().to_string(),
    ] {
        assert_eq!(read(&pem).unwrap().public, expected);
    }
}

#[test]
fn everything_else_is_named() {
    use ImportError as E;
    assert_eq!(refused(""), E::NoPem);
    assert_eq!(refused("v=DKIM1; p=MII"), E::NoPem);
    assert_eq!(refused(pem!("encrypted")), E::Encrypted);
    assert_eq!(refused(pem!("encrypted_pkcs1")), E::Encrypted);
    assert_eq!(refused(pem!("public")), E::Public);
    assert!(matches!(refused(pem!("certificate")), E::Other(what) if what == "a certificate"));
    assert!(matches!(refused(pem!("ec")), E::Unsuitable(_)));
    assert!(matches!(refused(pem!("ec_sec1")), E::Unsuitable(_)));
    assert!(matches!(refused(pem!("x25519")), E::Unsuitable(_)));
    assert!(matches!(refused(pem!("pss")), E::Unsuitable(_)));
    assert!(matches!(refused(pem!("rsa1024")), E::Size(1024, _)));
    assert!(matches!(refused(pem!("rsa3072")), E::Size(3072, _)));
    assert_eq!(refused(pem!("exponent3")), E::Exponent);
    assert!(matches!(refused(pem!("threeprimes")), E::Inconsistent(_)));
    assert!(matches!(refused(pem!("close")), E::Weak(why) if why.contains("close")));
    assert!(matches!(refused(pem!("roca")), E::Weak(why) if why.contains("ROCA")));
    let twice = format!("{}{}", pem!("rsa2048"), pem!("ed25519"));
    assert_eq!(refused(&twice), E::Several(2));
    let chain = format!("{}{}", pem!("rsa2048"), pem!("certificate"));
    assert_eq!(refused(&chain), E::Several(2));
    let behind = format!("{}and so on", pem!("ed25519"));
    assert_eq!(refused(&behind), E::Around("behind"));
    let before = format!("Key: {}", pem!("ed25519"));
    assert_eq!(refused(&before), E::Around("before"));
    assert_eq!(refused(&"x".repeat(LONGEST + 1)), E::TooLong);
    // Each says what to do, and none says a secret.
    for error in [refused(pem!("encrypted")), refused(pem!("rsa1024")), refused(pem!("ec"))] {
        assert!(error.to_string().contains("openssl"), "{error}");
    }
}

#[test]
fn a_damaged_key_is_refused_wherever_it_is_cut_or_changed() {
    for pem in [pem!("ed25519"), pem!("pkcs1"), pem!("rsa2048")] {
        for cut in (0..pem.trim_end().len()).step_by(7) {
            read(&pem[..cut]).unwrap_err();
        }
        let der = {
            let (_, body) = only_block(pem).unwrap();
            decoded(body).unwrap()
        };
        let label = only_block(pem).unwrap().0;
        let encoded =
            |der: &[u8]| format!("-----BEGIN {label}-----\n{}\n-----END {label}-----", STANDARD.encode(der));
        let good = read(pem).unwrap();
        assert_eq!(read(&encoded(&der)).unwrap().public, good.public);
        for cut in (0..der.len()).step_by(11) {
            read(&encoded(&der[..cut])).unwrap_err();
        }
        read(&encoded(&[&der[..], &[0]].concat())).unwrap_err();
        for changed in (0..der.len()).step_by(13) {
            let mut der = der.to_vec();
            der[changed] ^= 1;
            // A changed Ed25519 seed is another good key; an RSA key has parts that
            // must fit each other.
            match read(&encoded(&der)) {
                Ok(other) => assert_eq!(other.algorithm, Algorithm::Ed25519, "octet {changed}"),
                Err(error) => assert!(!error.to_string().is_empty()),
            }
        }
    }
}

#[test]
fn an_ed25519_key_with_the_wrong_public_half_is_refused() {
    let random = Randomness::default();
    let pair = Ed25519KeyPair::from_seed_unchecked(&random.bytes::<32>()).unwrap();
    let with_public = pair.to_pkcs8().unwrap();
    let encoded = |der: &[u8]| {
        format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----", STANDARD.encode(der))
    };
    read(&encoded(with_public.as_ref())).unwrap();
    let mut wrong = with_public.as_ref().to_vec();
    *wrong.last_mut().unwrap() ^= 1;
    assert!(matches!(refused(&encoded(&wrong)), ImportError::Inconsistent(_)));
}

#[test]
fn nothing_shows_a_key() {
    let key = read(pem!("ed25519")).unwrap();
    let shown = format!("{key:?}");
    assert_eq!(shown, "KeyPair { algorithm: Ed25519, .. }");
}
