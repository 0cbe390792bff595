//! What the figures depend on and what cannot be seen from them.

use crate::Arguments;
use std::{path::Path, time::Duration};

/// The machine, the disk, the size of the run.
pub(crate) fn facts(folder: &Path, arguments: &Arguments) -> Vec<String> {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let memory =
        value("/proc/meminfo", "MemTotal:").and_then(|text| text.split(' ').next()?.parse::<u64>().ok());
    vec![
        format!(
            "{cores} cores, {}, {} GiB of memory; server and clients share them",
            value("/proc/cpuinfo", "model name").unwrap_or_else(|| "processor unknown".to_string()),
            memory.map_or_else(|| "?".to_string(), |kib| (kib / (1 << 20)).to_string()),
        ),
        format!(
            "databases on {}",
            file_system(folder).unwrap_or_else(|| "a file system unknown".to_string())
        ),
        format!(
            "{}{} s per contender{}",
            if arguments.wants("get") {
                format!("{} domains asked over HTTP, in turns, ", arguments.domains)
            } else {
                String::new()
            },
            arguments.seconds,
            if arguments.quick { "; a quick run, whose figures mean nothing" } else { "" }
        ),
        format!("load average before: {}", load()),
    ]
}

/// To be said at the end.
pub(crate) fn load_after() -> String {
    format!("load average after: {} (the bench alone brings some 2 to 4)", load())
}

fn load() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').take(3).collect::<Vec<_>>().join(" ")
}

/// User and system time of a process, from clock ticks of 10 ms.
pub(crate) fn cpu_of(process: &str) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // The name, in brackets, may hold anything.
    let after = stat.rsplit(')').next().unwrap_or_default();
    let ticks = after.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok());
    Duration::from_millis(10 * ticks.sum::<u64>())
}

/// What stands behind `key` in one of the kernel's files.
pub(crate) fn value(file: &str, key: &str) -> Option<String> {
    let text = std::fs::read_to_string(file).ok()?;
    let line = text.lines().find(|line| line.starts_with(key))?;
    Some(line.get(key.len()..)?.trim_start_matches([' ', '\t', ':']).to_string())
}

fn file_system(folder: &Path) -> Option<String> {
    let folder = folder.canonicalize().ok()?;
    let mounts = std::fs::read_to_string("/proc/mounts").ok()?;
    let mounts = mounts.lines().filter_map(|line| {
        let mut words = line.split(' ');
        let (device, place, kind) = (words.next()?, words.next()?, words.next()?);
        folder.starts_with(place).then(|| (place.len(), format!("{kind} ({device})")))
    });
    mounts.max_by_key(|(length, _)| *length).map(|(_, text)| text)
}
