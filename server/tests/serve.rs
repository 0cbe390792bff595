//! `signet serve` as a service manager runs it: the real program.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking, and so do what they are made of")]

use std::{
    io::{Read as _, Write as _},
    os::{fd::OwnedFd, unix::net::UnixStream},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// What the program writes, and a socket so full that its first word has to wait.
fn full() -> (UnixStream, UnixStream) {
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    theirs.set_nonblocking(true).unwrap();
    for size in [1024, 1] {
        while theirs.write(&vec![b' '; size]).is_ok() {}
    }
    theirs.set_nonblocking(false).unwrap();
    (ours, theirs)
}

/// Whether the program would notice a SIGTERM, which is signal 15 (proc(5), `SigCgt`).
fn notices_sigterm(program: &Child) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{}/status", program.id())).unwrap();
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap();
    u64::from_str_radix(caught.trim(), 16).unwrap() & (1 << 14) != 0
}

/// Whoever reads that it listens may stop it at once.
#[test]
fn it_can_be_stopped_before_it_says_that_it_listens() {
    let directory = tempfile::tempdir().unwrap();
    let (mut ours, theirs) = full();
    let mut server = Command::new(env!("CARGO_BIN_EXE_signet"))
        .arg("serve")
        .current_dir(directory.path())
        .env_clear()
        .envs([("SIGNET_LISTEN", "127.0.0.1:0"), ("SIGNET_DNS_RESOLVERS", "127.0.0.1:1")])
        .stdout(OwnedFd::from(theirs))
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let began = Instant::now();
    while !notices_sigterm(&server) {
        if began.elapsed() > Duration::from_secs(60) {
            server.kill().unwrap();
            panic!("it announces itself before it can be stopped");
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let kill = ["-c", "kill -TERM \"$1\"", "sh", &server.id().to_string()];
    assert!(Command::new("sh").args(kill).status().unwrap().success());
    let mut said = String::new();
    ours.read_to_string(&mut said).unwrap();
    assert!(said.contains("Signet listens at http://127.0.0.1:"), "{said}");
    assert!(server.wait().unwrap().success(), "it cleans up and ends well");
}
