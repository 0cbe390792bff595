//! Keys for the judges' tests, out of those the linter is tested with.

use super::base64::decode;
use alloc::vec::Vec;

/// The key with that name in the file, in base64.
pub(in crate::verify) fn base64(name: &str) -> &'static str {
    let keys = include_str!("../../../tests/dkim_keys.txt");
    let mut lines = keys.lines().filter_map(|line| line.split_once(' '));
    lines.find_map(|(this, key)| (this == name).then_some(key)).expect("a key of that name")
}

/// The same as octets.
pub(in crate::verify) fn spki(name: &str) -> Vec<u8> {
    let (octets, bad) = decode(base64(name));
    assert_eq!(bad, None);
    octets
}
