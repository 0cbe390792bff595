//! NSD on loopback, with whatever zones it is given.

use crate::machine;
use anyhow::Context as _;
use std::{
    fmt::Write as _,
    fs,
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// How long it may take to read its zones: a million domains come to more than
/// a gigabyte of text.
const PATIENCE: Duration = Duration::from_secs(900);

/// A zone's name, and the file it stands in.
pub(crate) type ZoneFile = (String, PathBuf);

/// Running; ended when dropped.
pub(crate) struct Nsd {
    process: Child,
    /// The port, the same at all its addresses.
    pub(crate) port: u16,
}

impl Nsd {
    /// Serves `zones`, of which one is `signet.test`, at all of these addresses,
    /// from so many processes. Its files go to `folder`.
    ///
    /// # Errors
    /// When there is no NSD, or it does not come up.
    pub(crate) fn start(
        folder: &Path,
        addresses: &[Ipv4Addr],
        servers: usize,
        zones: &[ZoneFile],
    ) -> anyhow::Result<Self> {
        let first = addresses.first().copied().unwrap_or(Ipv4Addr::LOCALHOST);
        let port = UdpSocket::bind((first, 0))?.local_addr()?.port();
        let config = folder.join("nsd.conf");
        fs::write(&config, configuration(folder, port, addresses, servers, zones))?;
        let process = Command::new("nsd")
            .env("PATH", "/usr/sbin:/sbin:/usr/bin:/bin")
            .arg("-d")
            .arg("-c")
            .arg(&config)
            .stderr(fs::File::create(folder.join("log"))?)
            .stdout(Stdio::null())
            .spawn()
            .context("NSD (on Debian: apt-get install nsd)")?;
        let mut nsd = Self { process, port };
        nsd.wait(folder, SocketAddr::new(first.into(), port))?;
        Ok(nsd)
    }

    /// CPU time used so far, by all its processes.
    pub(crate) fn cpu(&self) -> Duration {
        self.processes().iter().map(|id| machine::cpu_of(&id.to_string())).sum()
    }

    /// Memory of all its processes, what they share counted once.
    pub(crate) fn mebibytes(&self) -> f64 {
        let proportional = |id: &u32| {
            let size = machine::value(&format!("/proc/{id}/smaps_rollup"), "Pss:")?;
            size.trim_end_matches(" kB").parse::<f64>().ok()
        };
        self.processes().iter().filter_map(proportional).sum::<f64>() / 1024.0
    }

    fn processes(&self) -> Vec<u32> {
        let (mut found, mut next) = (Vec::new(), vec![self.process.id()]);
        while let Some(id) = next.pop() {
            found.push(id);
            let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap_or_default();
            next.extend(children.split_whitespace().filter_map(|id| id.parse::<u32>().ok()));
        }
        found
    }

    /// Large zones take a while to be read.
    fn wait(&mut self, folder: &Path, address: SocketAddr) -> anyhow::Result<()> {
        let question =
            b"\x00\x07\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x06signet\x04test\x00\x00\x06\x00\x01";
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until && self.process.try_wait()?.is_none() {
            let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
            udp.set_read_timeout(Some(Duration::from_millis(200)))?;
            let _ = udp.send_to(question, address);
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

fn configuration(
    folder: &Path,
    port: u16,
    addresses: &[Ipv4Addr],
    servers: usize,
    zones: &[ZoneFile],
) -> String {
    let at = folder.display();
    let mut text = format!(
        "server:\n  server-count: {servers}\n  username: \"\"\n  chroot: \"\"\n  zonesdir: \"{at}\"\n  \
         database: \"\"\n  pidfile: \"{at}/nsd.pid\"\n  zonelistfile: \"{at}/zone.list\"\n  \
         xfrdfile: \"{at}/xfrd.state\"\n  xfrdir: \"{at}\"\n  zonefiles-check: no\n  zonefiles-write: 0\n  \
         rrl-ratelimit: 0\n  minimal-responses: yes\n"
    );
    for address in addresses {
        let _ = writeln!(text, "  ip-address: {address}@{port}");
    }
    text += "remote-control:\n  control-enable: no\n";
    for (name, file) in zones {
        let _ = write!(text, "zone:\n  name: \"{name}\"\n  zonefile: \"{}\"\n", file.display());
    }
    text
}
