//! The file a backup is: text, one JSON value per line, the same whatever
//! database it was taken from.
//!
//! The first line says what it is and which schema it has; then comes a line
//! for each row, and one for each sequence of numbers; the last has the number
//! of rows and the SHA-256 of everything before it, so that a file cut short
//! or changed is noticed.

use super::{Result, StoreError};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use std::{
    collections::BTreeMap,
    fmt::Write as _,
    path::{Path, PathBuf},
};
use tokio::{
    fs::File,
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, BufWriter},
};

/// The version of this format.
const FORMAT: u32 = 1;
/// No row of ours comes near.
const LONGEST_LINE: u64 = 64 << 20;

/// A line of the file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub(super) enum Line {
    /// The first one.
    Header {
        /// The format's version.
        signet_backup: u32,
        /// The version of the schema the rows fit.
        schema: i64,
        /// When, in microseconds, by the database's clock.
        taken_at: i64,
    },
    /// A row of a table.
    Row {
        /// Which table.
        table: String,
        /// Its columns.
        row: Map<String, Value>,
    },
    /// The highest number a table has ever given out.
    Sequence {
        /// Which table.
        sequence: String,
        /// That number; 0 for none.
        last: i64,
    },
    /// The last line.
    Trailer {
        /// How many rows each table has.
        rows: BTreeMap<String, u64>,
        /// Of everything before this line, in hexadecimal.
        sha256: String,
    },
}

/// What a file was found to hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Contents {
    /// The version of the schema the rows fit.
    pub(super) schema: i64,
    rows: BTreeMap<String, u64>,
    sha256: String,
}

fn failed(what: &str, file: &Path, why: impl std::fmt::Display) -> StoreError {
    StoreError::Backup(format!("{}: {what}: {why}", file.display()))
}

/// Writes a backup beside its file and moves it there when it is whole.
pub(super) struct Writer {
    out: BufWriter<File>,
    file: PathBuf,
    partial: Partial,
    hash: Sha256,
    rows: BTreeMap<String, u64>,
}

/// The unfinished file; deleted when dropped.
struct Partial(PathBuf);

impl Drop for Partial {
    fn drop(&mut self) {
        // Gone already when the backup was finished.
        let _ = std::fs::remove_file(&self.0);
    }
}

impl Writer {
    /// Begins a backup that is to become `file`, which must not exist.
    pub(super) async fn create(file: &Path, schema: i64, taken_at: i64) -> Result<Self> {
        if tokio::fs::symlink_metadata(file).await.is_ok() {
            return Err(failed("not written", file, "there is such a file already"));
        }
        let mut temporary = file.as_os_str().to_owned();
        temporary.push(".tmp");
        let temporary = PathBuf::from(temporary);
        let mut options = tokio::fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        options.mode(0o600);
        let out = options.open(&temporary).await.map_err(|error| {
            failed("cannot be made (left by a backup that was broken off? then delete it)", &temporary, error)
        })?;
        let mut writer = Self {
            out: BufWriter::with_capacity(1 << 16, out),
            file: file.to_path_buf(),
            partial: Partial(temporary),
            hash: Sha256::new(),
            rows: BTreeMap::new(),
        };
        writer.line(&Line::Header { signet_backup: FORMAT, schema, taken_at }).await?;
        Ok(writer)
    }

    async fn line(&mut self, line: &Line) -> Result<()> {
        let mut text = super::stored::json(line);
        text.push('\n');
        self.hash.update(text.as_bytes());
        self.out
            .write_all(text.as_bytes())
            .await
            .map_err(|error| failed("cannot be written", &self.partial.0, error))
    }

    /// Adds a row.
    pub(super) async fn row(&mut self, table: &str, row: Map<String, Value>) -> Result<()> {
        *self.rows.entry(table.to_string()).or_default() += 1;
        self.line(&Line::Row { table: table.to_string(), row }).await
    }

    /// Adds the state of a table's numbering.
    pub(super) async fn sequence(&mut self, table: &str, last: i64) -> Result<()> {
        self.line(&Line::Sequence { sequence: table.to_string(), last }).await
    }

    /// Completes the file and gives it its name.
    pub(super) async fn finish(mut self) -> Result<()> {
        let trailer = Line::Trailer { rows: self.rows.clone(), sha256: hex(&self.hash.clone().finalize()) };
        self.line(&trailer).await?;
        let disk = async {
            self.out.flush().await?;
            self.out.get_ref().sync_all().await?;
            // Unlike a rename, a link never replaces a file that came to be
            // meanwhile. The temporary name goes when `partial` is dropped.
            tokio::fs::hard_link(&self.partial.0, &self.file).await?;
            let directory = self.file.parent().filter(|parent| !parent.as_os_str().is_empty());
            File::open(directory.unwrap_or(Path::new("."))).await?.sync_all().await
        };
        disk.await.map_err(|error: std::io::Error| failed("cannot be written", &self.file, error))
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Reads a backup line by line.
pub(super) struct Reader {
    input: BufReader<File>,
    file: PathBuf,
    hash: Sha256,
    pending: Vec<u8>,
}

impl Reader {
    /// Opens a backup.
    pub(super) async fn open(file: &Path) -> Result<Self> {
        let input = File::open(file).await.map_err(|error| failed("cannot be read", file, error))?;
        let input = BufReader::with_capacity(1 << 16, input);
        Ok(Self { input, file: file.to_path_buf(), hash: Sha256::new(), pending: Vec::new() })
    }

    /// The next line. After the trailer, which must be the last, and only when
    /// its hash is right, there is `None`.
    pub(super) async fn next(&mut self) -> Result<Option<Line>> {
        self.hash.update(&self.pending);
        self.pending.clear();
        let read = (&mut self.input).take(LONGEST_LINE).read_until(b'\n', &mut self.pending).await;
        let read = read.map_err(|error| failed("cannot be read", &self.file, error))?;
        if read == 0 {
            return Ok(None);
        }
        if self.pending.last() != Some(&b'\n') {
            return Err(failed("is no whole backup", &self.file, "it ends in the middle of a line"));
        }
        let line = serde_json::from_slice(&self.pending)
            .map_err(|error| failed("is no backup of Signet", &self.file, error))?;
        if let Line::Trailer { sha256, .. } = &line
            && *sha256 != hex(&self.hash.clone().finalize())
        {
            return Err(failed("is damaged", &self.file, "its contents do not match its SHA-256"));
        }
        Ok(Some(line))
    }
}

/// Reads a backup from beginning to end and says what it holds.
pub(super) async fn verify(file: &Path) -> Result<Contents> {
    let mut reader = Reader::open(file).await?;
    let schema = match reader.next().await? {
        Some(Line::Header { signet_backup: FORMAT, schema, .. }) => schema,
        Some(Line::Header { signet_backup, .. }) => {
            return Err(failed(
                "cannot be read",
                file,
                format!("its format {signet_backup} is not known here"),
            ));
        }
        _ => return Err(failed("is no backup of Signet", file, "its first line does not say so")),
    };
    let mut counted = BTreeMap::<String, u64>::new();
    loop {
        match reader.next().await? {
            Some(Line::Row { table, .. }) => *counted.entry(table).or_default() += 1,
            Some(Line::Sequence { .. }) => {}
            Some(Line::Trailer { rows, sha256 }) => {
                if rows != counted {
                    return Err(failed("is damaged", file, "rows are missing"));
                }
                if reader.next().await?.is_some() {
                    return Err(failed("is damaged", file, "something follows its end"));
                }
                return Ok(Contents { schema, rows, sha256 });
            }
            Some(Line::Header { .. }) => return Err(failed("is damaged", file, "it begins twice")),
            None => return Err(failed("is no whole backup", file, "its end is missing")),
        }
    }
}

impl Contents {
    /// Whether this is how the same file ends, read once more.
    pub(super) fn ends_with(&self, trailer: &Line) -> bool {
        matches!(trailer, Line::Trailer { rows, sha256 } if *rows == self.rows && *sha256 == self.sha256)
    }
}
