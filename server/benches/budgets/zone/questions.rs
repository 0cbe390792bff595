//! What is asked: names out of the zone, and names that are not in it.

use crate::world::{record_id, scrambled};
use anyhow::Context as _;
use signet_core::{names::RecordId, plan::Provider};
use std::{
    fs::File,
    io::{BufWriter, Write as _},
    path::{Path, PathBuf},
};

/// Questions in a file; asked again from the first once they are used up.
const MOST: usize = 1_000_000;
/// Letters of a name that nobody has.
const LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// Which names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Load {
    /// DKIM targets, the second asked for half as often as the first, the third
    /// a third as often, and so on.
    Zipf,
    /// DKIM targets, each as often as any other.
    Uniform,
    /// Targets of domains that there are none of.
    NoDomain,
    /// Names of no kind that the zone has.
    NoName,
}

impl Load {
    pub(super) const ALL: [Self; 4] = [Self::Zipf, Self::Uniform, Self::NoDomain, Self::NoName];

    pub(super) fn told(self) -> &'static str {
        match self {
            Self::Zipf => "names by Zipf (s = 1)",
            Self::Uniform => "all names alike",
            Self::NoDomain => "targets of no domain",
            Self::NoName => "names that do not exist",
        }
    }

    /// How all of them are answered.
    pub(super) fn rcode(self) -> &'static str {
        match self {
            Self::Zipf | Self::Uniform => "NOERROR",
            Self::NoDomain | Self::NoName => "NXDOMAIN",
        }
    }

    /// Writes the questions for a zone with so many domains into a file.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn write(self, folder: &Path, provider: &Provider, domains: u32) -> anyhow::Result<PathBuf> {
        let path = folder.join(format!("questions-{self:?}"));
        let mut file = BufWriter::new(File::create(&path)?);
        let zipf = Zipf::new(2 * domains as usize);
        // Enough that a small zone is gone round many times.
        for number in 0..MOST.min(200 * domains as usize) {
            let draw = scrambled(number as u64 ^ 0x5163_6e65_7400_0000);
            match self {
                Self::Zipf => target(&mut file, provider, zipf.place(draw))?,
                Self::Uniform => target(&mut file, provider, draw % (2 * u64::from(domains)))?,
                // Numbers past all that have been given away, selector by selector.
                Self::NoDomain => target(&mut file, provider, 2 * u64::from(domains) + draw % (1 << 31))?,
                Self::NoName => {
                    let letters: Vec<u8> =
                        (0..12).map(|place| LETTERS[(draw >> (5 * place)) as usize % 32]).collect();
                    writeln!(file, "{}.{} TXT", String::from_utf8_lossy(&letters), provider.zone)?;
                }
            }
        }
        file.flush()?;
        Ok(path)
    }
}

/// Asks for one of the two targets of a domain.
fn target(file: &mut impl std::io::Write, provider: &Provider, place: u64) -> anyhow::Result<()> {
    let id = record_id(u32::try_from(place / 2)?);
    let id = RecordId::parse(&id).context("no record id")?;
    let selector = 1 + u8::from(place % 2 == 1);
    Ok(writeln!(file, "{} TXT", provider.dkim_target(selector, &id))?)
}

/// Places of a distribution by Zipf: the shares of the first, of the first two,
/// and so on.
struct Zipf(Vec<f64>);

impl Zipf {
    fn new(places: usize) -> Self {
        let mut sum = 0.0;
        let sums = (1..=places).map(|place| {
            sum += 1.0 / place as f64;
            sum
        });
        Self(sums.collect())
    }

    fn place(&self, draw: u64) -> u64 {
        let all = self.0.last().copied().unwrap_or_default();
        let share = draw as f64 / u64::MAX as f64 * all;
        self.0.partition_point(|&sum| sum < share).min(self.0.len() - 1) as u64
    }
}
