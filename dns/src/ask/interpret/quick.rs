//! The plain case of a reply, read without building a message of it.
//!
//! Nearly every reply to a routine pass is one record, or few, at the name
//! asked about. Those are read here in place; whatever is the least bit unusual
//! is left to [`interpret`](super::interpret), which knows everything. What is
//! read here it would have read the same.

use super::{super::wire::code, RECORDS, TEXT};
use signet_core::{
    names::Name,
    observe::{Answer, Data, Rcode, Record},
};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Where the question is, behind the header.
const QUESTION: usize = 12;
const CLASS_IN: u16 = 1;
/// Pointers followed within one name.
const JUMPS: usize = 8;

/// The answer in a reply to a question for `rtype`, whose question ends at
/// `question_end` and has been compared already. `None` when it is not plain.
pub(in super::super) fn answer(octets: &[u8], question_end: usize, rtype: u16) -> Option<Answer> {
    let header = octets.first_chunk::<12>()?;
    let count = usize::from(u16::from_be_bytes([header[6], header[7]]));
    // No error, not truncated.
    if header[3] & 0x0f != 0 || header[2] & 0x02 != 0 || count == 0 || count > RECORDS {
        return None;
    }
    if !matches!(rtype, code::A | code::AAAA | code::CNAME | code::TXT) {
        return None;
    }
    let mut at = question_end;
    let mut text = 0;
    let mut records: Vec<Record> = Vec::with_capacity(count);
    for _ in 0..count {
        at += owner(octets.get(at..)?, octets.get(QUESTION..question_end.checked_sub(4)?)?)?;
        let fixed = octets.get(at..)?.first_chunk::<10>()?;
        let word = |at: usize| u16::from_be_bytes([fixed[at], fixed[at + 1]]);
        let (found, class, length) = (word(0), word(2), usize::from(word(8)));
        let ttl = u32::from_be_bytes([fixed[4], fixed[5], fixed[6], fixed[7]]);
        let plain = class == CLASS_IN && (found == rtype || found == code::CNAME);
        // RFC 2181 §8: no TTL has the highest bit.
        if !plain || ttl > u32::MAX >> 1 {
            return None;
        }
        let begin = at + 10;
        at = begin.checked_add(length)?;
        let data = data(octets, begin..at, found, &mut text)?;
        if records.iter().all(|seen| seen.data != data) {
            records.push(Record { data, ttl });
        }
    }
    Some(Answer {
        authoritative: header[2] & 0x04 != 0,
        authenticated: header[3] & 0x20 != 0,
        recursion: header[3] & 0x80 != 0,
        records,
        ..Answer::nothing(Rcode::NoError)
    })
}

/// How long the owner at the beginning of `record` is, if it is the name asked
/// about, in whatever case. From any label on it may be a pointer to the same
/// label of the question.
fn owner(record: &[u8], asked: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        if let Some(&[high @ 0xc0..=0xff, low]) = record.get(at..)?.first_chunk() {
            let target = usize::from(u16::from_be_bytes([high & 0x3f, low]));
            return (target == QUESTION + at).then_some(at + 2);
        }
        let end = at + 1 + usize::from(*record.get(at)?);
        let label = record.get(at..end)?;
        if !label.eq_ignore_ascii_case(asked.get(at..end)?) {
            return None;
        }
        if label == [0] {
            return Some(end);
        }
        at = end;
    }
}

fn data(octets: &[u8], place: std::ops::Range<usize>, rtype: u16, text: &mut usize) -> Option<Data> {
    let rdata = octets.get(place.clone())?;
    match rtype {
        code::A => Some(Data::Address(IpAddr::V4(Ipv4Addr::from(<[u8; 4]>::try_from(rdata).ok()?)))),
        code::AAAA => Some(Data::Address(IpAddr::V6(Ipv6Addr::from(<[u8; 16]>::try_from(rdata).ok()?)))),
        code::CNAME => name(octets, place).map(Data::Cname),
        code::TXT if !rdata.is_empty() => {
            let mut chunks = Vec::new();
            let mut rest = rdata;
            while let Some((&length, after)) = rest.split_first() {
                let (chunk, after) = after.split_at_checked(usize::from(length))?;
                chunks.push(chunk.to_vec());
                *text += chunk.len();
                rest = after;
            }
            (*text <= TEXT).then_some(Data::Txt(chunks))
        }
        _ => None,
    }
}

/// A name that fills `place`, with pointers to what stands before it (RFC 1035
/// §4.1.4).
fn name(octets: &[u8], place: std::ops::Range<usize>) -> Option<Name> {
    let mut text = String::with_capacity(64);
    let (mut at, mut limit, mut jumps) = (place.start, place.start, 0);
    loop {
        let length = *octets.get(at)?;
        let ends = match length {
            0 => Some(at + 1),
            1..=63 => {
                let end = at + 1 + usize::from(length);
                let label = octets.get(at + 1..end)?;
                // As a host name has them; a hyphen in front is odd.
                let plain = |b: &u8| b.is_ascii_alphanumeric() || *b == b'-' || *b == b'_';
                if label[0] == b'-' || !label.iter().all(plain) {
                    return None;
                }
                if !text.is_empty() {
                    text.push('.');
                }
                text.push_str(std::str::from_utf8(label).ok()?);
                at = end;
                None
            }
            0xc0.. => Some(at + 2),
            _ => return None,
        };
        let Some(end) = ends else { continue };
        if jumps == 0 && end != place.end {
            return None;
        }
        if length == 0 {
            return Name::parse(&text).ok();
        }
        let target = usize::from(u16::from_be_bytes([length & 0x3f, *octets.get(at + 1)?]));
        // Only ever backwards, and so not in a circle.
        if target >= limit || jumps == JUMPS {
            return None;
        }
        (at, limit, jumps) = (target, target, jumps + 1);
    }
}

#[cfg(test)]
mod tests {
    use super::owner;

    const ASKED: &[u8] = b"\x02sG\x04tESt\0";

    #[test]
    fn an_owner_is_the_name_asked_about_wherever_it_is_compressed() {
        for whole in [&b"\xc0\x0c"[..], b"\x02Sg\xc0\x0f", b"\x02sg\x04test\xc0\x14", b"\x02sg\x04TEST\0"] {
            assert_eq!(owner(&[whole, b"rest"].concat(), ASKED), Some(whole.len()), "{whole:?}");
        }
        for other in [
            &b"\xc0\x0f"[..],
            b"\x02sg\xc0\x0c",
            b"\x02sx\xc0\x0f",
            b"\x04test\0",
            b"\x02sg\0",
            b"\x02s",
            b"\xc0",
            b"",
        ] {
            assert_eq!(owner(other, ASKED), None, "{other:?}");
        }
    }
}
