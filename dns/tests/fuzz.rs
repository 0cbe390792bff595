//! The octets that the fuzzers in `fuzz/` keep, through the targets' own code:
//! what was once found is tried again on every toolchain.

use std::path::Path;

#[path = "../../fuzz/src/lib.rs"]
pub mod targets;

use targets::{dkim_key, dmarc, message, spf, zone_query};

/// Fewer files than this is no corpus.
const FEWEST: usize = 8;

/// Each file of a target. The last one named before a panic is the one.
fn replay(target: &str, run: fn(&[u8])) {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz");
    let mut tried = 0;
    for folder in ["corpus", "found"] {
        let Ok(files) = std::fs::read_dir(fuzz.join(folder).join(target)) else { continue };
        for file in files {
            let path = file.expect("a folder that can be read").path();
            println!("{}", path.display());
            run(&std::fs::read(path).expect("a file that can be read"));
            tried += 1;
        }
    }
    assert!(tried >= FEWEST, "only {tried} inputs for {target}");
}

#[test]
fn messages() {
    replay("message", message::run);
}

#[test]
fn spf_records() {
    replay("spf", spf::run);
}

#[test]
fn dkim_keys() {
    replay("dkim_key", dkim_key::run);
}

#[test]
fn dmarc_records() {
    replay("dmarc", dmarc::run);
}

#[test]
fn questions_to_our_zone() {
    replay("zone_query", zone_query::run);
}
