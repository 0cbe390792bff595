//! A name server that has all the records right: NSD on loopback.

use super::population;
use crate::nsd::{Nsd, ZoneFile as Served};
use std::{
    fs::{self, File},
    io::{BufWriter, Write as _},
    net::{Ipv4Addr, SocketAddr},
    path::Path,
};

/// Serves the zones of `domains` domains, each zone on the address of one of so
/// many operators.
///
/// # Errors
/// When there is no NSD, or it does not come up.
pub(super) fn start(folder: &Path, domains: u32, operators: u32) -> anyhow::Result<Nsd> {
    let folder = folder.join(format!("nsd-{domains}-{operators}"));
    fs::create_dir(&folder)?;
    let mut zones = Vec::new();
    zones.push(own_zone(&folder)?);
    for operator in 0..operators {
        zones.push(operator_zone(&folder, operator)?);
    }
    for zone in 0..population::ZONES {
        zones.push(customers_zone(&folder, zone, domains, operators)?);
    }
    let addresses: Vec<Ipv4Addr> = (0..operators).map(operator_address).collect();
    Nsd::start(&folder, &addresses, 1, &zones)
}

/// Where an operator's server is.
pub(super) fn address(nsd: &Nsd, operator: u32) -> SocketAddr {
    SocketAddr::new(operator_address(operator).into(), nsd.port)
}

fn operator_address(operator: u32) -> Ipv4Addr {
    Ipv4Addr::new(127, 0, 1, u8::try_from(operator + 1).unwrap_or(254))
}

fn operator_name(operator: u32) -> String {
    format!("ns.op-{operator}.test")
}

/// A zone file that has been begun.
struct ZoneFile(BufWriter<File>);

impl ZoneFile {
    fn begin(folder: &Path, name: &str, operator: u32) -> anyhow::Result<(Self, Served)> {
        let path = folder.join(format!("{name}.zone"));
        let mut file = BufWriter::new(File::create(&path)?);
        let server = operator_name(operator);
        write!(
            file,
            "$ORIGIN {name}.\n$TTL 300\n@ SOA {server}. hostmaster 1 3600 600 86400 300\n@ NS {server}.\n"
        )?;
        Ok((Self(file), (name.to_string(), path)))
    }
}

fn own_zone(folder: &Path) -> anyhow::Result<Served> {
    let (mut file, zone) = ZoneFile::begin(folder, population::OWN, 0)?;
    let spf = population::OWN_SPF;
    write!(file.0, "_spf TXT \"{spf}\"\nbounce TXT \"{spf}\"\nbounce A 192.0.2.1\ntrack A 192.0.2.1\n")?;
    Ok(zone)
}

fn operator_zone(folder: &Path, operator: u32) -> anyhow::Result<Served> {
    let (mut file, zone) = ZoneFile::begin(folder, &format!("op-{operator}.test"), operator)?;
    writeln!(file.0, "ns A {}", operator_address(operator))?;
    Ok(zone)
}

fn customers_zone(folder: &Path, number: u32, domains: u32, operators: u32) -> anyhow::Result<Served> {
    let (mut file, zone) = ZoneFile::begin(folder, &population::zone(number), number % operators)?;
    let mut domain = number;
    while domain < domains {
        for (owner, rtype, data) in population::records(domain) {
            writeln!(file.0, "{owner}. {rtype} {data}")?;
        }
        domain += population::ZONES;
    }
    Ok(zone)
}
