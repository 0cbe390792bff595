//! The programs that tests need: found, installed, or asked for.

use crate::step;
use anyhow::{Context as _, bail};
use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::Duration,
};

/// A program, and the Debian package it is in.
pub(crate) struct Tool {
    program: &'static str,
    package: &'static str,
}

const fn tool(program: &'static str, package: &'static str) -> Tool {
    Tool { program, package }
}

/// What `cargo test` needs beyond Rust.
pub(crate) const TESTS: &[Tool] = &[tool("initdb", "postgresql"), tool("postgres", "postgresql")];

/// What every script in `e2e/` needs.
pub(crate) const SCRIPTS: &[Tool] =
    &[tool("python3", "python3"), tool("node", "nodejs"), tool("npm", "npm"), tool("openssl", "openssl")];

/// What the stories need beside that.
pub(crate) const STORIES: &[Tool] = &[
    tool("nsd", "nsd"),
    tool("nsd-checkzone", "nsd"),
    tool("named", "bind9"),
    tool("named-checkconf", "bind9-utils"),
    tool("dnssec-signzone", "bind9-utils"),
    tool("dnssec-keygen", "bind9-utils"),
    tool("dnssec-dsfromkey", "bind9-utils"),
    tool("knotd", "knot"),
    tool("unbound", "unbound"),
    tool("unbound-checkconf", "unbound"),
    tool("dig", "bind9-dnsutils"),
    tool("nsupdate", "bind9-dnsutils"),
    tool("initdb", "postgresql"),
    tool("postgres", "postgresql"),
    tool("psql", "postgresql-client"),
    tool("postfix", "postfix"),
    tool("faketime", "faketime"),
    tool("chromium", "chromium"),
];

/// What looking at domains is measured with.
pub(crate) const LOOKING: &[Tool] = &[tool("nsd", "nsd"), tool("python3", "python3")];

/// What our zone server is measured with.
pub(crate) const ANSWERING: &[Tool] = &[tool("nsd", "nsd"), tool("dnsperf", "dnsperf")];

/// Registries are sometimes busy.
const TRIES: u32 = 3;

/// Sees that `tools` are there: as root on Debian by installing what is missing.
///
/// # Errors
/// When something is missing and cannot be installed; the message is the
/// command that installs it.
pub(crate) fn ensure(tools: &[Tool]) -> anyhow::Result<()> {
    let missing = missing(tools);
    if missing.is_empty() {
        return Ok(());
    }
    install(&missing)?;
    let still = self::missing(tools);
    if still.is_empty() { Ok(()) } else { bail!("installed, and yet missing: {}", still.join(" ")) }
}

fn install(packages: &[&str]) -> anyhow::Result<()> {
    if !(is_root() && Path::new("/usr/bin/apt-get").exists()) {
        bail!("some programs are missing; on Debian: sudo apt-get install {}", packages.join(" "));
    }
    println!("installing {}", packages.join(" "));
    let apt = |words: &[&str]| {
        let mut command = Command::new("apt-get");
        command.args(["--quiet=2", "--option=DPkg::Lock::Timeout=300", "--option=Acquire::Retries=5"]);
        // In single-user mode servers are installed and not started (invoke-rc.d(8)).
        command.args(words).env("DEBIAN_FRONTEND", "noninteractive").env("RUNLEVEL", "1");
        command
    };
    tried(|| {
        step::run(&mut apt(&["update"]))?;
        step::run(apt(&["install", "--yes", "--no-install-recommends"]).args(packages))
    })
}

fn missing(tools: &[Tool]) -> Vec<&'static str> {
    let mut packages: Vec<_> =
        tools.iter().filter(|tool| !found(tool.program)).map(|tool| tool.package).collect();
    packages.sort_unstable();
    packages.dedup();
    packages
}

fn found(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let postgres = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    std::env::split_paths(&path)
        .chain(["/usr/sbin", "/sbin"].map(PathBuf::from))
        .chain(postgres.map(|version| version.path().join("bin")))
        .any(|folder| folder.join(program).is_file())
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output();
    id.is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

fn tried(mut work: impl FnMut() -> anyhow::Result<()>) -> anyhow::Result<()> {
    for attempt in 1..TRIES {
        match work() {
            Ok(()) => return Ok(()),
            Err(error) => println!("{error:#}; once more"),
        }
        thread::sleep(Duration::from_secs(u64::from(attempt) * 5));
    }
    work()
}

/// A Python with the packages of `e2e/requirements.txt`; its path.
///
/// # Errors
/// When it cannot be made.
pub(crate) fn python() -> anyhow::Result<PathBuf> {
    environment("venv", "requirements.txt")
}

/// A Python with checkdmarc; its path.
///
/// # Errors
/// When it cannot be made.
pub(crate) fn checkdmarc() -> anyhow::Result<PathBuf> {
    environment("checkdmarc", "requirements-bench.txt")
}

fn environment(name: &str, requirements: &str) -> anyhow::Result<PathBuf> {
    let folder = step::target().join("e2e").join(name);
    let python = folder.join("bin").join("python");
    made(&folder, &[requirements], || {
        let able =
            Command::new("python3").args(["-c", "import ensurepip, venv"]).stderr(Stdio::null()).status();
        if !able.is_ok_and(|status| status.success()) {
            // Debian keeps it apart from python3.
            install(&["python3-venv"])?;
        }
        step::run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder))?;
        let requirements = step::root().join("e2e").join(requirements);
        tried(|| {
            let mut pip = Command::new(&python);
            pip.args(["-m", "pip", "--quiet", "--disable-pip-version-check", "install"]);
            // The file names all there is to install.
            step::run(pip.args(["--no-deps", "--requirement"]).arg(&requirements))
        })
    })?;
    Ok(python)
}

/// The RFC 7208 test suite, where it is not at hand already: out of the source
/// of pyspf, pinned by hash. Tests read it from `SIGNET_SPF_SUITE`.
///
/// # Errors
/// When it cannot be had.
pub(crate) fn spf_suite() -> anyhow::Result<Option<PathBuf>> {
    const SUITE: &str = "pyspf-2.0.14/test/rfc7208-tests.yml";
    let beside = step::root().join("../shared/spf/rfc7208-tests.yml");
    if std::env::var_os("SIGNET_SPF_SUITE").is_some() || beside.exists() {
        return Ok(None);
    }
    let python = python()?;
    let folder = step::target().join("e2e").join("spf");
    made(&folder, &["spf-suite.txt"], || {
        let requirement = step::root().join("e2e").join("spf-suite.txt");
        tried(|| {
            let mut pip = Command::new(&python);
            pip.args(["-m", "pip", "--quiet", "--disable-pip-version-check", "download", "--no-deps"]);
            pip.args(["--no-binary", ":all:", "--require-hashes", "--requirement"]).arg(&requirement);
            step::run(pip.arg("--dest").arg(&folder))
        })?;
        let archive = folder.join("pyspf-2.0.14.tar.gz");
        step::run(Command::new("tar").arg("-xzf").arg(&archive).arg("-C").arg(&folder).arg(SUITE))
    })?;
    Ok(Some(folder.join(SUITE)))
}

/// A `node_modules` with the packages of `e2e/package-lock.json`; its path.
///
/// # Errors
/// When it cannot be made.
pub(crate) fn node_modules() -> anyhow::Result<PathBuf> {
    let folder = step::target().join("e2e").join("node");
    let files = ["package.json", "package-lock.json", ".npmrc"];
    made(&folder, &files, || {
        for file in files {
            std::fs::copy(step::root().join("e2e").join(file), folder.join(file))?;
        }
        tried(|| {
            step::run(Command::new("npm").args(["ci", "--ignore-scripts", "--silent"]).current_dir(&folder))
        })
    })?;
    Ok(folder.join("node_modules"))
}

/// Makes `folder` anew where the files it is made from are not those of the last time.
fn made(folder: &Path, files: &[&str], make: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<()> {
    let mut wanted = Vec::new();
    for file in files {
        let path = step::root().join("e2e").join(file);
        wanted.extend(std::fs::read(&path).with_context(|| path.display().to_string())?);
    }
    let stamp = folder.join(".made-from");
    if std::fs::read(&stamp).is_ok_and(|made_from| made_from == wanted) {
        return Ok(());
    }
    println!("making {}", folder.display());
    if folder.exists() {
        std::fs::remove_dir_all(folder)?;
    }
    std::fs::create_dir_all(folder)?;
    make()?;
    Ok(std::fs::write(stamp, wanted)?)
}
