//! The public key in the text of a DKIM record, to tell ours from another.

use alloc::vec::Vec;

/// A key record with a 4096-bit RSA key has some 750 characters.
const LONGEST: usize = 4096;

/// The decoded `p=` of a DKIM key record (RFC 6376 §3.6.1): empty for a revoked
/// key and for one that is not base64, `None` when the text has no `p=`.
pub(super) fn public_key(text: &[u8]) -> Option<Vec<u8>> {
    let text = text.get(..LONGEST).unwrap_or(text);
    text.split(|&b| b == b';').find_map(|tag| {
        let equals = tag.iter().position(|&b| b == b'=')?;
        let (name, value) = tag.split_at(equals);
        (name.trim_ascii() == b"p").then(|| decode(&value[1..]).unwrap_or_default())
    })
}

/// Whether `key` is the one whose SPKI is `spki`. An RSA key may be published
/// as its bare `RSAPublicKey` (RFC 8301 leaves both in use), an Ed25519 key
/// is published as its 32 bytes (RFC 8463 §4.2); both are the content of the
/// BIT STRING that ends the SPKI, behind the octet that counts unused bits.
pub(super) fn is_key(key: &[u8], spki: &[u8]) -> bool {
    if key.is_empty() {
        return false;
    }
    let bare = spki.strip_suffix(key).is_some_and(|before| {
        let whole = key.len() == 32 || (key.len() > 64 && key.first() == Some(&0x30));
        whole && before.last() == Some(&0)
    });
    key == spki || bare
}

/// Base64 (RFC 4648 §4), white space anywhere (RFC 6376 §2.10), padding or not.
fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len() * 3 / 4);
    let (mut bits, mut held, mut padded) = (0u32, 0u32, false);
    for &byte in text {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            b'=' => {
                padded = true;
                continue;
            }
            b' ' | b'\t' | b'\r' | b'\n' => continue,
            _ => return None,
        };
        if padded {
            return None;
        }
        bits = bits << 6 | u32::from(value);
        held += 6;
        if held >= 8 {
            held -= 8;
            out.push((bits >> held & 0xff) as u8);
        }
    }
    Some(out)
}
