//! A throw-away PostgreSQL cluster, from whatever `initdb` is found.
//!
//! One cluster serves a test binary; each test makes a database of its own in
//! it. It listens on a Unix socket in a temporary directory only, and stops
//! when the test process ends, however that ends: a small shell waits for the
//! end of a pipe that the process holds, and then stops the server.

use sqlx::Connection as _;
use std::{
    fs,
    io::Read as _,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        LazyLock,
        atomic::{AtomicU32, Ordering},
    },
};

static CLUSTER: LazyLock<Option<Cluster>> = LazyLock::new(Cluster::start);
static DATABASES: AtomicU32 = AtomicU32::new(0);

/// Nothing is to survive the machine: no test is about that, and the disk may be
/// slow.
const THROWN_AWAY: &str = "-c fsync=off -c synchronous_commit=off -c full_page_writes=off";

struct Cluster {
    directory: PathBuf,
    /// Its standard input is the pipe whose end stops the server.
    _keeper: Child,
}

/// The URL of a fresh database, or `None`, said loudly, where there is no
/// PostgreSQL to be found.
///
/// # Panics
/// When there is none and `CI` is `true`; when the cluster does not start.
pub(crate) async fn database() -> Option<String> {
    let cluster = CLUSTER.as_ref()?;
    let url =
        |name: &str| format!("postgres://postgres@{}/{name}", path(&cluster.directory).replace('/', "%2F"));
    let name = format!("t{}", DATABASES.fetch_add(1, Ordering::Relaxed));
    let mut admin = sqlx::PgConnection::connect(&url("postgres")).await.expect("the cluster runs");
    let create = sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"));
    sqlx::raw_sql(create).execute(&mut admin).await.expect("the name is fresh");
    Some(url(&name))
}

impl Cluster {
    fn start() -> Option<Self> {
        let Some(bin) = find_bin() else {
            assert!(
                std::env::var("CI").as_deref() != Ok("true"),
                "no initdb in PATH or /usr/lib/postgresql/*/bin, and CI must test PostgreSQL"
            );
            eprintln!("\n*** NO PostgreSQL (initdb) FOUND: ITS TESTS ARE SKIPPED ***\n");
            return None;
        };
        let directory = std::env::temp_dir().join(format!("signet-pg-{}", std::process::id()));
        let _ = fs::remove_dir_all(&directory);
        fs::create_dir(&directory).expect("the temporary directory is writable");
        if is_root() {
            fs::set_permissions(&directory, fs::Permissions::from_mode(0o777)).expect("it is ours");
        }
        let data = directory.join("data");
        let made = as_postgres(&bin.join("initdb"))
            .args([
                "--auth=trust",
                "--username=postgres",
                "--encoding=UTF8",
                "--no-locale",
                "--no-sync",
                "--pgdata",
                path(&data),
            ])
            .output()
            .expect("initdb runs");
        assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
        let options = format!(
            "-c listen_addresses= -c unix_socket_directories={} -c max_connections=400 {THROWN_AWAY}",
            path(&directory)
        );
        let log = directory.join("log");
        // Output to nowhere: the server would keep a pipe open for ever.
        let started = as_postgres(&bin.join("pg_ctl"))
            .args([
                "start",
                "--wait",
                "--silent",
                "--timeout",
                "300",
                "--pgdata",
                path(&data),
                "--log",
                path(&log),
                "--options",
                &options,
            ])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .expect("pg_ctl runs");
        assert!(started.success(), "pg_ctl: {}", fs::read_to_string(&log).unwrap_or_default());
        let keeper = keeper(&bin, &directory, &data);
        Some(Self { directory, _keeper: keeper })
    }
}

/// Waits for the end of its input, then stops the server and tidies up. In a
/// process group of its own, so that an interrupt does not end it too early.
fn keeper(bin: &Path, directory: &Path, data: &Path) -> Child {
    use std::os::unix::process::CommandExt as _;
    let script = r#"cat >/dev/null; cd /; if [ "$(id -u)" = 0 ]; then
        runuser -u postgres -- "$1" stop --silent --mode immediate --pgdata "$3" >/dev/null 2>&1
    else
        "$1" stop --silent --mode immediate --pgdata "$3" >/dev/null 2>&1
    fi; rm -rf "$2""#;
    Command::new("sh")
        .args(["-c", script, "keeper", path(&bin.join("pg_ctl")), path(directory), path(data)])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .expect("sh runs")
}

fn find_bin() -> Option<PathBuf> {
    let in_path = std::env::var_os("PATH").map(|all| std::env::split_paths(&all).collect::<Vec<_>>());
    let packaged = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut packaged: Vec<PathBuf> = packaged.map(|entry| entry.path().join("bin")).collect();
    packaged.sort();
    in_path
        .into_iter()
        .flatten()
        .chain(packaged.into_iter().rev())
        .find(|bin| bin.join("initdb").is_file() && bin.join("pg_ctl").is_file())
}

/// PostgreSQL refuses to be run by root.
fn as_postgres(program: &Path) -> Command {
    let mut command = if is_root() {
        let mut command = Command::new("runuser");
        command.args(["-u", "postgres", "--"]).arg(program);
        command
    } else {
        Command::new(program)
    };
    command.current_dir("/");
    command
}

fn is_root() -> bool {
    let mut status = String::new();
    let read = fs::File::open("/proc/self/status").and_then(|mut file| file.read_to_string(&mut status));
    read.is_ok()
        && status.lines().any(|line| line.starts_with("Uid:") && line.split_whitespace().nth(1) == Some("0"))
}

fn path(path: &Path) -> &str {
    path.to_str().expect("temporary directories have plain names")
}
