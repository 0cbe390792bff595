//! The file with the key-encryption key.
//!
//! ```text
//! signet-key-v1
//! - mPz0vQ…
//! 3q2+7w…
//! ```
//!
//! After the header there is one line per version, the first for version 1: the
//! key in base64, or `-` for a version that was retired. Behind that may stand what
//! links made under it are known by, which never expire; nothing is decrypted with
//! it, and the key does not follow from it. Without it those links end. Which version seals is
//! not the file's to say but the database's, by its fingerprint: a new one can so be
//! brought to every node before any uses it.

use crate::clock::Randomness;
use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use sha2::{Digest, Sha256};
use std::{
    fs,
    io::{self, Read as _, Write as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::{Duration, Instant},
};
use zeroize::Zeroizing;

/// First line of a key file.
const HEADER: &str = "signet-key-v1";
/// A version that was retired.
const RETIRED: &str = "-";
/// A file that is longer is none of ours: some 20,000 versions fit.
const LONGEST: u64 = 1024 * 1024;
/// For a version it does not know the file is read again, this often at most.
const READ_AGAIN: Duration = Duration::from_secs(1);

pub(super) type Key = Zeroizing<[u8; 32]>;

/// The key-encryption key in all the versions that are there.
pub struct KeyFile {
    path: PathBuf,
    versions: RwLock<Arc<Versions>>,
    read_at: Mutex<Instant>,
}

/// Tells one content of the file from another: inode, length, and when it changed.
type Stamp = (u64, u64, i64, i64);

/// A version of the key-encryption key.
#[derive(Clone)]
enum Version {
    There(Key),
    /// With what links made under it are authenticated.
    Retired(Option<Key>),
}

impl Version {
    fn key(&self) -> Option<&Key> {
        match self {
            Self::There(key) => Some(key),
            Self::Retired(_) => None,
        }
    }

    /// What the keys are derived from that authenticate what we give away.
    fn mac_master(&self) -> Option<Key> {
        match self {
            Self::There(key) => Some(mac_master(key)),
            Self::Retired(master) => master.clone(),
        }
    }
}

#[derive(Clone)]
struct Versions {
    /// Version n at n − 1.
    keys: Vec<Version>,
    /// The version that seals.
    current: u32,
    /// Of the file they were read from.
    stamp: Stamp,
}

impl Versions {
    fn key(&self, version: u32) -> Option<&Key> {
        self.keys.get(usize::try_from(version).ok()?.checked_sub(1)?)?.key()
    }

    fn last(&self) -> u32 {
        u32::try_from(self.keys.len()).unwrap_or(u32::MAX)
    }

    fn present(&self) -> impl Iterator<Item = (u32, &Key)> {
        (1..).zip(&self.keys).filter_map(|(version, key)| Some((version, key.key()?)))
    }
}

impl std::fmt::Debug for KeyFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "KeyFile({})", self.fingerprint())
    }
}

impl KeyFile {
    /// Reads the file. The last version seals, until [`Self::select`] says another.
    ///
    /// # Errors
    /// A sentence for the operator: not there, not a key, readable by others.
    pub fn open(path: &Path) -> Result<Self, String> {
        let (keys, stamp) = read(path)?;
        let current = u32::try_from(keys.len()).unwrap_or(u32::MAX);
        let versions = RwLock::new(Arc::new(Versions { keys, current, stamp }));
        Ok(Self { path: path.to_path_buf(), versions, read_at: Mutex::new(Instant::now()) })
    }

    /// Reads the file, or makes it (mode 0600) if there is none. Only for an
    /// empty database: a new key opens nothing that exists.
    ///
    /// # Errors
    /// As [`Self::open`], or when it cannot be written.
    pub fn open_or_make(path: &Path, random: &Randomness) -> Result<Self, String> {
        let keys = vec![Version::There(Zeroizing::new(random.bytes::<32>()))];
        match make(path, &text(&keys)) {
            Err(e) if e.kind() != io::ErrorKind::AlreadyExists => {
                Err(format!("the key file {} cannot be made: {e}", path.display()))
            }
            _ => Self::open(path),
        }
    }

    fn versions(&self) -> Arc<Versions> {
        Arc::clone(&self.versions.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Tells the keys that seal apart without giving anything away.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let versions = self.versions();
        versions.key(versions.current).map(fingerprint).unwrap_or_default()
    }

    /// The version that seals.
    #[must_use]
    pub fn current(&self) -> u32 {
        self.versions().current
    }

    /// The highest version there is.
    #[must_use]
    pub fn last(&self) -> u32 {
        self.versions().last()
    }

    /// The fingerprint of a version that is there.
    #[must_use]
    pub fn fingerprint_of(&self, version: u32) -> Option<String> {
        self.versions().key(version).map(fingerprint)
    }

    /// The versions that are there, the first first.
    #[must_use]
    pub fn present(&self) -> Vec<u32> {
        self.versions().present().map(|(version, _)| version).collect()
    }

    /// Has the version with this fingerprint seal, the file read again where it is
    /// not known. Whether it is there.
    pub fn select(&self, noted: &str) -> bool {
        self.select_known(noted) || (self.read_again().is_ok() && self.select_known(noted))
    }

    fn select_known(&self, noted: &str) -> bool {
        let mut versions = self.versions.write().unwrap_or_else(PoisonError::into_inner);
        let found = versions.present().find(|(_, key)| fingerprint(key) == noted).map(|(version, _)| version);
        if let Some(version) = found.filter(|version| *version != versions.current) {
            Arc::make_mut(&mut versions).current = version;
        }
        found.is_some()
    }

    /// Reads the file again where it is another one by now: what was retired in it is
    /// forgotten here as well.
    ///
    /// # Errors
    /// As [`Self::open`]; what was known stays.
    pub fn read_if_changed(&self) -> Result<(), String> {
        let changed = fs::metadata(&self.path).map_or(true, |facts| stamp(&facts) != self.versions().stamp);
        if changed { self.read_again() } else { Ok(()) }
    }

    /// Reads the file again. The version that seals stays the same while it is there.
    ///
    /// # Errors
    /// As [`Self::open`]; what was known stays.
    pub fn read_again(&self) -> Result<(), String> {
        let (keys, stamp) = read(&self.path)?;
        let mut versions = self.versions.write().unwrap_or_else(PoisonError::into_inner);
        let mut fresh = Versions { keys, current: versions.current, stamp };
        if fresh.key(fresh.current).is_none() {
            fresh.current = fresh.last();
        }
        *versions = Arc::new(fresh);
        Ok(())
    }

    /// Does something with the key that seals.
    pub(super) fn with_current<T>(&self, work: impl FnOnce(u32, &Key) -> T) -> T {
        let versions = self.versions();
        let key = versions.key(versions.current).expect("the version that seals is there");
        work(versions.current, key)
    }

    /// Does something with a version, the file read again where it is not known.
    pub(super) fn with<T>(&self, version: u32, work: impl FnOnce(&Key) -> T) -> Option<T> {
        if self.versions().key(version).is_none() {
            let mut read_at = self.read_at.lock().unwrap_or_else(PoisonError::into_inner);
            if read_at.elapsed() >= READ_AGAIN {
                *read_at = Instant::now();
                if let Err(error) = self.read_again() {
                    tracing::warn!(%error, "the key file cannot be read again");
                }
            }
        }
        self.versions().key(version).map(work)
    }

    /// A key for authenticating what we give away, like links.
    #[must_use]
    pub fn mac_key(&self, purpose: &str) -> hmac::Key {
        self.with_current(|_, key| mac_key(&mac_master(key), purpose))
    }

    /// The keys with which what we gave away may be authenticated when it comes back:
    /// one per version, those that were retired mostly included.
    #[must_use]
    pub fn mac_keys(&self, purpose: &str) -> Vec<hmac::Key> {
        let masters = self.versions();
        let masters = masters.keys.iter().filter_map(Version::mac_master);
        masters.map(|master| mac_key(&master, purpose)).collect()
    }

    /// Sees to it that nobody else on this machine changes the file.
    ///
    /// # Errors
    /// A sentence for the operator: somebody else does.
    pub fn lock(&self) -> Result<Locked<'_>, String> {
        let path = real(&self.path)?;
        let directory = directory(&path).to_path_buf();
        let failed = |e: io::Error| format!("{} cannot be locked: {e}", directory.display());
        let handle = fs::File::open(&directory).map_err(failed)?;
        match handle.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => {
                return Err("the key file is being changed by another signet keys rewrap".to_string());
            }
            Err(fs::TryLockError::Error(e)) => return Err(failed(e)),
        }
        self.read_again()?;
        Ok(Locked { file: self, path, _directory: handle })
    }
}

/// The right to change the file.
#[derive(Debug)]
pub struct Locked<'a> {
    file: &'a KeyFile,
    path: PathBuf,
    /// Locked until it is closed, by us or when the process ends.
    _directory: fs::File,
}

impl Locked<'_> {
    /// Adds a version, which does not seal yet; its number.
    ///
    /// # Errors
    /// A sentence for the operator.
    pub fn add(&self, random: &Randomness) -> Result<u32, String> {
        self.change(|keys| keys.push(Version::There(Zeroizing::new(random.bytes::<32>()))))?;
        Ok(self.file.last())
    }

    /// Retires a version that does not seal: what lies under it opens no more.
    ///
    /// # Errors
    /// A sentence for the operator.
    pub fn retire(&self, version: u32) -> Result<(), String> {
        let index = (version as usize).checked_sub(1);
        if version == self.file.current() {
            return Err(format!("version {version} is the one that seals"));
        }
        self.change(|keys| {
            if let Some(version) = index.and_then(|index| keys.get_mut(index)) {
                *version = Version::Retired(version.mac_master());
            }
        })
    }

    /// Replaces the file in one step: there is the old or the new one, whenever the
    /// machine stops.
    fn change(&self, change: impl FnOnce(&mut Vec<Version>)) -> Result<(), String> {
        let (mut keys, _) = read(&self.path)?;
        change(&mut keys);
        let replaced = || -> io::Result<()> {
            let mut name = self.path.clone().into_os_string();
            name.push(".new");
            let fresh = PathBuf::from(name);
            // Left by one that was stopped; the lock says that nobody writes it.
            match fs::remove_file(&fresh) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
                _ => {}
            }
            make(&fresh, &text(&keys))?;
            // The server may run as another user than the one who rewraps.
            let (old, new) = (fs::metadata(&self.path)?, fs::metadata(&fresh)?);
            if (old.uid(), old.gid()) != (new.uid(), new.gid()) {
                std::os::unix::fs::chown(&fresh, Some(old.uid()), Some(old.gid()))?;
            }
            fs::rename(&fresh, &self.path)?;
            fs::File::open(directory(&self.path))?.sync_all()
        };
        replaced().map_err(|e| format!("the key file {} cannot be replaced: {e}", self.path.display()))?;
        self.file.read_again()
    }
}

/// Where the file really is: a link to it stays a link.
fn real(path: &Path) -> Result<PathBuf, String> {
    fs::canonicalize(path).map_err(|e| format!("the key file {} cannot be found: {e}", path.display()))
}

fn directory(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}

/// Writes a file that is not there yet.
fn make(path: &Path, text: &str) -> io::Result<()> {
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::File::open(directory(path))?.sync_all()
}

fn text(keys: &[Version]) -> Zeroizing<String> {
    // As long as it gets: a text that grows leaves copies behind.
    let mut text = Zeroizing::new(String::with_capacity(HEADER.len() + 1 + keys.len() * 47));
    text.push_str(HEADER);
    text.push('\n');
    for key in keys {
        match key {
            Version::There(key) => STANDARD.encode_string(key.as_slice(), &mut text),
            Version::Retired(None) => text.push_str(RETIRED),
            Version::Retired(Some(master)) => {
                text.push_str(RETIRED);
                text.push(' ');
                STANDARD.encode_string(master.as_slice(), &mut text);
            }
        }
        text.push('\n');
    }
    text
}

fn stamp(facts: &fs::Metadata) -> Stamp {
    (facts.ino(), facts.len(), facts.mtime(), facts.mtime_nsec())
}

fn read(path: &Path) -> Result<(Vec<Version>, Stamp), String> {
    let shown = path.display();
    let mut file = match fs::File::open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            return Err(format!(
                "the key file {shown} is missing; it was made together with the database and must be \
                 restored from where you keep it, or be named in SIGNET_KEY_FILE"
            ));
        }
        Err(e) => return Err(format!("the key file {shown} cannot be read: {e}")),
    };
    let facts = file.metadata().map_err(|e| format!("{shown}: {e}"))?;
    if facts.permissions().mode() & 0o077 != 0 {
        return Err(format!("the key file {shown} can be read by others; run: chmod 600 {shown}"));
    }
    let none_of_ours = || format!("{shown} is not a Signet key file");
    if facts.len() > LONGEST {
        return Err(none_of_ours());
    }
    let mut text = Zeroizing::new(String::with_capacity(usize::try_from(facts.len()).unwrap_or(0) + 1));
    file.read_to_string(&mut text).map_err(|e| match e.kind() {
        io::ErrorKind::InvalidData => none_of_ours(),
        _ => format!("the key file {shown} cannot be read: {e}"),
    })?;
    let keys = parse(&text).ok_or_else(none_of_ours)?;
    Ok((keys, stamp(&facts)))
}

fn parse(text: &str) -> Option<Vec<Version>> {
    let mut lines = text.trim_end().lines();
    if lines.next()? != HEADER {
        return None;
    }
    let keys: Vec<Version> = lines
        .map(|line| match line.trim().strip_prefix(RETIRED).map(str::trim) {
            Some("") => Some(Version::Retired(None)),
            Some(master) => parse_key(master).map(|master| Version::Retired(Some(master))),
            None => parse_key(line.trim()).map(Version::There),
        })
        .collect::<Option<_>>()?;
    // Something must seal.
    keys.last()?.key()?;
    Some(keys)
}

fn parse_key(base64: &str) -> Option<Key> {
    let bytes = Zeroizing::new(STANDARD.decode(base64).ok()?);
    <[u8; 32]>::try_from(bytes.as_slice()).ok().map(Zeroizing::new)
}

pub(super) fn fingerprint(key: &Key) -> String {
    let mut hash = Sha256::new();
    hash.update(b"signet key-encryption key fingerprint");
    hash.update(key.as_slice());
    hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

fn mac_master(key: &Key) -> Key {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key.as_slice());
    let master = hmac::sign(&key, b"signet mac master");
    let mut out = Zeroizing::new([0; 32]);
    out.copy_from_slice(master.as_ref());
    out
}

fn mac_key(master: &Key, purpose: &str) -> hmac::Key {
    let master = hmac::Key::new(hmac::HMAC_SHA256, master.as_slice());
    let derived = hmac::sign(&master, format!("signet mac {purpose}").as_bytes());
    hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref())
}
