//! A name server that has all the records right: NSD on loopback.

use super::population;
use anyhow::Context as _;
use std::{
    fmt::Write as _,
    fs::{self, File},
    io::{BufWriter, Write as _},
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// Running; ended when dropped.
pub(super) struct Nsd {
    process: Child,
    /// The port, the same at all its addresses.
    pub(super) port: u16,
}

impl Nsd {
    /// Serves the zones of `domains` domains, each zone on the address of one
    /// of so many operators.
    ///
    /// # Errors
    /// When there is no NSD, or it does not come up.
    pub(super) fn start(folder: &Path, domains: u32, operators: u32) -> anyhow::Result<Self> {
        let folder = folder.join(format!("nsd-{domains}-{operators}"));
        fs::create_dir(&folder)?;
        let port = UdpSocket::bind((operator_address(0), 0))?.local_addr()?.port();
        let mut zones = Vec::new();
        zones.push(own_zone(&folder)?);
        for operator in 0..operators {
            zones.push(operator_zone(&folder, operator)?);
        }
        for zone in 0..population::ZONES {
            zones.push(customers_zone(&folder, zone, domains, operators)?);
        }
        let config = folder.join("nsd.conf");
        fs::write(&config, configuration(&folder, port, operators, &zones))?;
        let process = Command::new("nsd")
            .env("PATH", "/usr/sbin:/sbin:/usr/bin:/bin")
            .arg("-d")
            .arg("-c")
            .arg(&config)
            .stderr(File::create(folder.join("log"))?)
            .stdout(Stdio::null())
            .spawn()
            .context("NSD (on Debian: apt-get install nsd)")?;
        let mut nsd = Self { process, port };
        nsd.wait(&folder)?;
        Ok(nsd)
    }

    /// Where an operator's server is.
    pub(super) fn address(&self, operator: u32) -> SocketAddr {
        SocketAddr::new(operator_address(operator).into(), self.port)
    }

    /// CPU time used so far, by all its processes.
    pub(super) fn cpu(&self) -> Duration {
        let mut total = Duration::ZERO;
        let mut processes = vec![self.process.id()];
        while let Some(id) = processes.pop() {
            total += super::cpu_of(&id.to_string());
            let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap_or_default();
            processes.extend(children.split_whitespace().filter_map(|id| id.parse::<u32>().ok()));
        }
        total
    }

    /// Large zones take a while to be read.
    fn wait(&mut self, folder: &Path) -> anyhow::Result<()> {
        let question =
            b"\x00\x07\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x06signet\x04test\x00\x00\x06\x00\x01";
        let until = Instant::now() + Duration::from_secs(300);
        while Instant::now() < until && self.process.try_wait()?.is_none() {
            let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
            udp.set_read_timeout(Some(Duration::from_millis(200)))?;
            let _ = udp.send_to(question, self.address(0));
            let mut reply = [0; 512];
            if udp.recv_from(&mut reply).is_ok() && reply[3] & 0x0f == 0 && reply[7] > 0 {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        let log = fs::read_to_string(folder.join("log")).unwrap_or_default();
        anyhow::bail!("NSD does not answer:\n{log}")
    }
}

impl Drop for Nsd {
    fn drop(&mut self) {
        // It passes this on to its children, which a SIGKILL would orphan.
        let _ = Command::new("kill").arg(self.process.id().to_string()).status();
        let _ = self.process.wait();
    }
}

fn operator_address(operator: u32) -> Ipv4Addr {
    Ipv4Addr::new(127, 0, 1, u8::try_from(operator + 1).unwrap_or(254))
}

fn operator_name(operator: u32) -> String {
    format!("ns.op-{operator}.test")
}

fn configuration(folder: &Path, port: u16, operators: u32, zones: &[(String, PathBuf)]) -> String {
    let at = folder.display();
    let mut text = format!(
        "server:\n  server-count: 1\n  username: \"\"\n  chroot: \"\"\n  zonesdir: \"{at}\"\n  database: \"\"\n  \
         pidfile: \"{at}/nsd.pid\"\n  zonelistfile: \"{at}/zone.list\"\n  xfrdfile: \"{at}/xfrd.state\"\n  \
         xfrdir: \"{at}\"\n  zonefiles-check: no\n  zonefiles-write: 0\n  rrl-ratelimit: 0\n  \
         minimal-responses: yes\n"
    );
    for operator in 0..operators {
        let _ = writeln!(text, "  ip-address: {}@{port}", operator_address(operator));
    }
    text += "remote-control:\n  control-enable: no\n";
    for (name, file) in zones {
        let _ = write!(text, "zone:\n  name: \"{name}\"\n  zonefile: \"{}\"\n", file.display());
    }
    text
}

/// A zone file that has been begun.
struct ZoneFile(BufWriter<File>);

impl ZoneFile {
    fn begin(folder: &Path, name: &str, operator: u32) -> anyhow::Result<(Self, (String, PathBuf))> {
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

fn own_zone(folder: &Path) -> anyhow::Result<(String, PathBuf)> {
    let (mut file, zone) = ZoneFile::begin(folder, population::OWN, 0)?;
    let spf = population::OWN_SPF;
    write!(file.0, "_spf TXT \"{spf}\"\nbounce TXT \"{spf}\"\nbounce A 192.0.2.1\ntrack A 192.0.2.1\n")?;
    Ok(zone)
}

fn operator_zone(folder: &Path, operator: u32) -> anyhow::Result<(String, PathBuf)> {
    let (mut file, zone) = ZoneFile::begin(folder, &format!("op-{operator}.test"), operator)?;
    writeln!(file.0, "ns A {}", operator_address(operator))?;
    Ok(zone)
}

fn customers_zone(
    folder: &Path,
    number: u32,
    domains: u32,
    operators: u32,
) -> anyhow::Result<(String, PathBuf)> {
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
