use super::*;
use crate::{
    clock::Randomness,
    store::{AccountId, DomainId, Keyless, SealedKey},
};
use aws_lc_rs::{
    encoding::{AsDer, PublicKeyX509Der},
    hmac, rsa,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use signet_core::rotation::{Algorithm, Selector};
use std::{fs, os::unix::fs::PermissionsExt as _, path::PathBuf};

/// A key file of its own.
struct Place {
    directory: tempfile::TempDir,
    random: Randomness,
}

impl Place {
    fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap(), random: Randomness::default() }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("signet.key")
    }

    fn file(&self) -> KeyFile {
        KeyFile::open_or_make(&self.path(), &self.random).unwrap()
    }

    fn domain(&self) -> Keyless {
        Keyless { account: AccountId(1), domain: DomainId(2), record_id: self.random.record_id() }
    }
}

#[test]
fn the_file_is_private_and_stays_the_same() {
    let place = Place::new();
    let path = place.path();
    assert!(KeyFile::open(&path).unwrap_err().contains("is missing"));
    let made = place.file();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(place.file().fingerprint(), made.fingerprint());
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    assert!(KeyFile::open(&path).unwrap_err().contains("chmod 600"));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    let key = STANDARD.encode([7; 32]);
    let good = [
        format!("signet-key-v1\n- {key}\n{key}"),
        format!("signet-key-v1\n{key}"),
        format!("signet-key-v1\r\n-\r\n{key}\r\n\n"),
    ];
    for text in good {
        fs::write(&path, text).unwrap();
        KeyFile::open(&path).unwrap();
    }
    let bad = [
        String::new(),
        "hello".to_string(),
        "signet-key-v1\n".to_string(),
        "signet-key-v1\n-\n".to_string(),
        format!("signet-key-v1\n{key}\n-\n"),
        format!("signet-key-v1\n{key}\n\n{key}\n"),
        format!("signet-key-v1\n{key}A\n"),
        format!("{key}\n"),
        format!("signet-key-v1\n- {key}A\n{key}"),
    ];
    for text in bad {
        fs::write(&path, &text).unwrap();
        assert!(KeyFile::open(&path).unwrap_err().contains("is not a Signet key file"), "{text}");
    }
    fs::write(&path, [0xff; 64]).unwrap();
    assert!(KeyFile::open(&path).unwrap_err().contains("is not a Signet key file"));
}

#[test]
fn versions_are_added_and_retired() {
    let place = Place::new();
    let file = place.file();
    let (one, before) = (file.fingerprint(), fs::read_to_string(place.path()).unwrap());
    // Whatever one that was stopped has left is in nobody's way.
    fs::write(place.directory.path().join("signet.key.new"), "half").unwrap();
    let other = KeyFile::open(&place.path()).unwrap();
    let locked = file.lock().unwrap();
    assert!(other.lock().unwrap_err().contains("another signet keys rewrap"));
    assert_eq!(locked.add(&place.random), Ok(2));
    assert_eq!((file.current(), file.last(), file.present()), (1, 2, vec![1, 2]));
    assert_eq!(file.fingerprint(), one);
    let text = fs::read_to_string(place.path()).unwrap();
    assert!(text.starts_with(&before), "the first version is still there");
    assert_eq!(fs::metadata(place.path()).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(!place.directory.path().join("signet.key.new").exists());

    let two = file.fingerprint_of(2).unwrap();
    assert!(!file.select("something else"));
    assert!(file.select(&two));
    assert_eq!((file.current(), file.fingerprint()), (2, two.clone()));
    // The other process finds it when the database names it.
    assert!(other.select(&two));
    assert!(locked.retire(2).unwrap_err().contains("the one that seals"));
    locked.retire(1).unwrap();
    assert_eq!(file.present(), [2]);
    let text = fs::read_to_string(place.path()).unwrap();
    assert!(text.lines().nth(1).unwrap().starts_with("- "));
    assert!(!text.contains(before.lines().nth(1).unwrap()), "the key is gone");
    assert!(!file.select(&one));
    drop(locked);
    other.lock().unwrap();
}

#[test]
fn a_link_to_the_file_stays_a_link() {
    let place = Place::new();
    place.file();
    let link = place.directory.path().join("link");
    std::os::unix::fs::symlink(place.path(), &link).unwrap();
    let file = KeyFile::open(&link).unwrap();
    file.lock().unwrap().add(&place.random).unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(KeyFile::open(&place.path()).unwrap().last(), 2);
}

#[test]
fn a_sealed_secret_opens_for_its_purpose_only() {
    let place = Place::new();
    let file = place.file();
    let sealed = file.seal_secret("webhook 1", b"whsec", &place.random).sealed;
    assert_eq!(file.open_secret("webhook 1", &sealed).unwrap().as_slice(), b"whsec");
    assert!(file.open_secret("webhook 2", &sealed).is_none());
    for cut in 0..sealed.len() {
        assert!(file.open_secret("webhook 1", &sealed[..cut]).is_none());
        assert!(file.rewrap_secret(&sealed[..cut], &place.random).is_none() || cut >= 63);
    }
    let mac = |purpose| hmac::sign(&file.mac_key(purpose), b"x").as_ref().to_vec();
    assert_eq!(mac("links"), mac("links"));
    assert_ne!(mac("links"), mac("others"));
}

#[test]
fn what_lies_under_a_version_moves_to_the_next() {
    let place = Place::new();
    let file = place.file();
    let domain = place.domain();
    let owner = KeyOwner { domain: &domain, selector: Selector::First, id: "one" };
    let (key, under) = file.seal(b"private", &owner, &place.random);
    assert_eq!(under, file.fingerprint());
    let secret = file.seal_secret("webhook 1", b"whsec", &place.random).sealed;
    let link = hmac::sign(&file.mac_key("links"), b"x");
    assert!(secret.starts_with(&sealed_under(1)));
    {
        let locked = file.lock().unwrap();
        locked.add(&place.random).unwrap();
    }
    let two = file.fingerprint_of(2).unwrap();
    assert!(file.select(&two));
    // Under the old version everything opens still.
    assert_eq!(file.open_sealed(&key, &owner, "test").unwrap().as_slice(), b"private");
    assert_eq!(file.open_secret("webhook 1", &secret).unwrap().as_slice(), b"whsec");
    let verifies = || file.mac_keys("links").iter().any(|key| hmac::verify(key, b"x", link.as_ref()).is_ok());
    assert!(verifies());

    let (kek, wrapped) = file.rewrap(key.kek, &key.wrapped, &owner, &place.random).unwrap();
    assert_eq!(kek, 2);
    let moved = SealedKey { kek, wrapped, sealed: key.sealed.clone() };
    let moved_secret = file.rewrap_secret(&secret, &place.random).unwrap();
    assert!(moved_secret.starts_with(&sealed_under(2)));
    // Which version it lies under is bound in.
    assert!(file.open_sealed(&SealedKey { kek: 1, ..moved.clone() }, &owner, "test").is_none());
    assert!(file.rewrap(1, &moved.wrapped, &owner, &place.random).is_none());
    file.lock().unwrap().retire(1).unwrap();
    assert_eq!(file.open_sealed(&moved, &owner, "test").unwrap().as_slice(), b"private");
    assert_eq!(file.open_secret("webhook 1", &moved_secret).unwrap().as_slice(), b"whsec");
    assert!(file.open_sealed(&key, &owner, "test").is_none());
    assert!(file.open_secret("webhook 1", &secret).is_none());
    // Links never expire, unless the operator says so.
    assert!(verifies());
    let text = fs::read_to_string(place.path()).unwrap();
    let retired = text.lines().nth(1).unwrap();
    assert!(retired.starts_with("- ") && retired.len() == 46, "{retired}");
    fs::write(place.path(), text.replace(retired, "-")).unwrap();
    file.read_again().unwrap();
    assert!(!verifies());
}

#[test]
fn a_version_it_does_not_know_is_looked_for_in_the_file() {
    let place = Place::new();
    let (server, other) = (place.file(), place.file());
    other.lock().unwrap().add(&place.random).unwrap();
    assert!(other.select(&other.fingerprint_of(2).unwrap()));
    let secret = other.seal_secret("webhook 1", b"whsec", &place.random).sealed;
    std::thread::sleep(std::time::Duration::from_millis(1100));
    assert_eq!(server.open_secret("webhook 1", &secret).unwrap().as_slice(), b"whsec");
    assert_eq!(server.current(), 1, "which seals is the database's to say");
}

#[test]
fn a_sealed_key_opens_for_its_owner_only() {
    let (place, elsewhere) = (Place::new(), Place::new());
    let (file, random) = (place.file(), &place.random);
    let domain = place.domain();
    let key = file.make(&domain, Selector::First, Algorithm::Rsa2048, "one".to_string(), random).unwrap();
    let owner = KeyOwner { domain: &domain, selector: Selector::First, id: "one" };
    let private = file.open_sealed(&key.private, &owner, "test").unwrap();
    let pair = rsa::KeyPair::from_pkcs8(&private).unwrap();
    let public =
        AsDer::<PublicKeyX509Der<'_>>::as_der(aws_lc_rs::signature::KeyPair::public_key(&pair)).unwrap();
    assert_eq!(public.as_ref(), key.public);
    let others = [
        Keyless { account: AccountId(9), ..domain.clone() },
        Keyless { domain: DomainId(9), ..domain.clone() },
        Keyless { record_id: random.record_id(), ..domain.clone() },
    ];
    let opens = |key: &SealedKey, owner: &KeyOwner<'_>| file.open_sealed(key, owner, "test").is_some();
    for other in &others {
        assert!(!opens(&key.private, &KeyOwner { domain: other, ..owner }));
    }
    assert!(!opens(&key.private, &KeyOwner { selector: Selector::Second, ..owner }));
    assert!(!opens(&key.private, &KeyOwner { id: "two", ..owner }));
    assert!(elsewhere.file().open_sealed(&key.private, &owner, "test").is_none());
    for cut in 0..key.private.sealed.len() {
        let cut = SealedKey { sealed: key.private.sealed[..cut].to_vec(), ..key.private.clone() };
        assert!(!opens(&cut, &owner));
    }
}

/// Only the private half is sealed: whoever writes to the database could have another
/// key published.
#[test]
fn a_key_is_read_beside_its_other_half_only() {
    let random = Randomness::default();
    let pairs = [Algorithm::Ed25519, Algorithm::Rsa2048]
        .map(|algorithm| [make(algorithm, &random).unwrap(), make(algorithm, &random).unwrap()]);
    for [pair, other] in &pairs {
        assert!(SigningKey::read(pair.algorithm, &pair.public, &pair.private).is_some());
        assert!(SigningKey::read(pair.algorithm, &other.public, &pair.private).is_none());
        assert!(SigningKey::read(pair.algorithm, &[], &pair.private).is_none());
    }
    let [[ed25519, _], [rsa, _]] = &pairs;
    assert!(SigningKey::read(rsa.algorithm, &ed25519.public, &ed25519.private).is_none());
    assert!(SigningKey::read(ed25519.algorithm, &rsa.public, &rsa.private).is_none());
}

#[test]
fn what_changed_in_the_file_is_read() {
    let place = Place::new();
    let (server, other) = (place.file(), place.file());
    server.read_if_changed().unwrap();
    other.lock().unwrap().add(&place.random).unwrap();
    assert_eq!(server.last(), 1);
    server.read_if_changed().unwrap();
    assert_eq!((server.current(), server.present()), (1, vec![1, 2]));
    assert!(server.select(&server.fingerprint_of(2).unwrap()));
    assert!(other.select(&server.fingerprint()));
    other.lock().unwrap().retire(1).unwrap();
    server.read_if_changed().unwrap();
    assert_eq!(server.present(), [2], "and what was retired in it is gone");
    fs::remove_file(place.path()).unwrap();
    assert!(server.read_if_changed().unwrap_err().contains("is missing"));
    assert_eq!(server.present(), [2], "but it goes on");
}

#[test]
fn nothing_that_is_shown_shows_a_key() {
    let place = Place::new();
    let file = place.file();
    let text = fs::read_to_string(place.path()).unwrap();
    let kek = STANDARD.decode(text.lines().nth(1).unwrap()).unwrap();
    let pair = make(Algorithm::Ed25519, &place.random).unwrap();
    let seed = pair.private[16..].to_vec();
    let opened = OpenedKeys::default();
    let signing = SigningKey::read(Algorithm::Ed25519, &pair.public, &pair.private).unwrap();
    let shown = format!("{file:?} {:?} {pair:?} {signing:?}", file.lock().unwrap());
    opened.put("one", std::sync::Arc::new(signing), jiff::Timestamp::UNIX_EPOCH);
    let pool = KeyMaker::default();
    let shown = format!("{shown} {opened:?} {pool:?}");
    for secret in [kek, seed] {
        let hex: String = secret[..4].iter().map(|octet| format!("{octet:02x}")).collect();
        let spelt: Vec<String> = vec![
            hex.clone(),
            hex.to_uppercase(),
            STANDARD.encode(&secret[..6]),
            format!("{:?}", &secret[..4]),
        ];
        for spelt in spelt {
            let spelt = spelt.trim_start_matches('[').trim_end_matches(']');
            assert!(!shown.contains(spelt), "{spelt} in {shown}");
        }
    }
}
