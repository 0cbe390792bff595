//! Base64 as `p=` holds it (RFC 6376 §2.10, RFC 4648 §4).

use alloc::{string::String, vec::Vec};

const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// What is wrong with a text that is not base64.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bad {
    /// This character is none of the alphabet.
    Character(char),
    /// `=` in the middle, too many of them, or too few.
    Padding,
}

/// The octets of `text`, with white space between the characters left out, and
/// what is wrong with it. Up to a bad character, or in spite of bad padding,
/// there are octets all the same: they tell whether a key was cut.
pub(super) fn decode(text: &str) -> (Vec<u8>, Option<Bad>) {
    let mut out = Vec::with_capacity(text.len() * 3 / 4);
    let (mut bits, mut held, mut letters, mut padding) = (0u32, 0u32, 0usize, 0usize);
    for letter in text.chars() {
        match letter {
            ' ' | '\t' | '\r' | '\n' => continue,
            '=' => {
                padding += 1;
                continue;
            }
            _ => {}
        }
        let Some(value) = value(letter) else {
            return (out, Some(Bad::Character(letter)));
        };
        if padding > 0 {
            return (out, Some(Bad::Padding));
        }
        letters += 1;
        bits = bits << 6 | value;
        held += 6;
        if held >= 8 {
            held -= 8;
            out.push((bits >> held & 0xff) as u8);
        }
    }
    // Two letters are one octet, three are two; one alone is none.
    let right = match letters % 4 {
        0 => padding == 0,
        2 => padding == 2,
        3 => padding == 1,
        _ => false,
    };
    (out, (!right).then_some(Bad::Padding))
}

fn value(letter: char) -> Option<u32> {
    Some(match letter {
        'A'..='Z' => letter as u32 - 'A' as u32,
        'a'..='z' => letter as u32 - 'a' as u32 + 26,
        '0'..='9' => letter as u32 - '0' as u32 + 52,
        '+' => 62,
        '/' => 63,
        _ => return None,
    })
}

/// `bytes` in base64, padded, in one piece.
pub(super) fn encode(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let bits =
            group.iter().fold(0u32, |bits, &byte| bits << 8 | u32::from(byte)) << (8 * (3 - group.len()));
        for place in 0..4 {
            if place <= group.len() {
                out.push(LETTERS[(bits >> (18 - 6 * place) & 63) as usize] as char);
            } else {
                out.push('=');
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn read_as_published() {
        let good = |text: &str| match decode(text) {
            (bytes, None) => bytes,
            bad => panic!("{text}: {bad:?}"),
        };
        assert_eq!(good("Zm9v"), b"foo");
        assert_eq!(good(" Zm\t9\r\n v YmE="), b"fooba");
        assert_eq!(good("Zg=\t="), b"f");
        assert_eq!(good(""), b"");
        for (text, bytes, bad) in [
            ("Zm9vY", b"foo".as_slice(), Bad::Padding),
            ("Zm9vYg", b"foob", Bad::Padding),
            ("Zm9v=", b"foo", Bad::Padding),
            ("Zg===", b"f", Bad::Padding),
            ("Zg==Zg==", b"f", Bad::Padding),
            ("=", b"", Bad::Padding),
            ("Zm9v\"Zm9v", b"foo", Bad::Character('"')),
            ("Zm9v_w==", b"foo", Bad::Character('_')),
            ("Zm9v\u{201d}", b"foo", Bad::Character('\u{201d}')),
        ] {
            assert_eq!(decode(text), (bytes.to_vec(), Some(bad)), "{text}");
        }
    }

    proptest! {
        #[test]
        fn written_and_read_again(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            prop_assert_eq!(decode(&encode(&bytes)), (bytes, None));
        }
    }
}
