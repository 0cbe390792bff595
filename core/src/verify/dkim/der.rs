//! As much DER (ITU-T X.690) as a public key takes: definite lengths in their
//! shortest form, three kinds of element, nothing nested deeper than asked for.

use alloc::vec::Vec;

pub(super) const INTEGER: u8 = 0x02;
pub(super) const BIT_STRING: u8 = 0x03;
pub(super) const NULL: u8 = 0x05;
pub(super) const OBJECT_IDENTIFIER: u8 = 0x06;
pub(super) const SEQUENCE: u8 = 0x30;

/// Why an element cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bad {
    /// The octets end before it does.
    Ends,
    /// Another element, or no DER.
    Other,
}

/// The rest of the octets of one element's content.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn new(octets: &'a [u8]) -> Self {
        Self(octets)
    }

    pub(super) fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// The octets not read yet.
    pub(super) fn rest(self) -> &'a [u8] {
        self.0
    }

    /// The tag of the next element.
    pub(super) fn peek(self) -> Option<u8> {
        self.0.first().copied()
    }

    /// The content of the next element, which must have `tag`.
    pub(super) fn element(&mut self, tag: u8) -> Result<&'a [u8], Bad> {
        let (&found, rest) = self.0.split_first().ok_or(Bad::Ends)?;
        if found != tag {
            return Err(Bad::Other);
        }
        let (&first, rest) = rest.split_first().ok_or(Bad::Ends)?;
        // 65,535 octets are more than any TXT record holds.
        let (length, rest) = match first {
            0..=0x7f => (usize::from(first), rest),
            0x81 => {
                let (&length, rest) = rest.split_first().ok_or(Bad::Ends)?;
                if length < 0x80 {
                    return Err(Bad::Other);
                }
                (usize::from(length), rest)
            }
            0x82 => {
                let (length, rest) = rest.split_first_chunk::<2>().ok_or(Bad::Ends)?;
                let length = usize::from(u16::from_be_bytes(*length));
                if length < 0x100 {
                    return Err(Bad::Other);
                }
                (length, rest)
            }
            _ => return Err(Bad::Other),
        };
        let (content, rest) = rest.split_at_checked(length).ok_or(Bad::Ends)?;
        self.0 = rest;
        Ok(content)
    }

    /// The next element, a SEQUENCE, to read on in.
    pub(super) fn sequence(&mut self) -> Result<Self, Bad> {
        self.element(SEQUENCE).map(Self)
    }

    /// The next element, an INTEGER that is not negative, without the zero octet
    /// that only says so.
    pub(super) fn unsigned(&mut self) -> Result<&'a [u8], Bad> {
        match self.element(INTEGER)? {
            [0] => Ok(&[]),
            [0, second, ..] if *second < 0x80 => Err(Bad::Other),
            [0, number @ ..] => Ok(number),
            number @ [first, ..] if *first < 0x80 => Ok(number),
            _ => Err(Bad::Other),
        }
    }
}

/// One element with `tag` and `content`.
pub(super) fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(content.len() + 4);
    out.push(tag);
    match content.len() {
        length @ 0..=0x7f => out.push(length as u8),
        length @ 0x80..=0xff => out.extend([0x81, length as u8]),
        length => out.extend([0x82, (length >> 8) as u8, length as u8]),
    }
    out.extend_from_slice(content);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    #[test]
    fn only_the_shortest_form_is_read() {
        let read = |octets: &[u8]| Reader::new(octets).element(INTEGER).map(<[u8]>::len);
        assert_eq!(read(&[2, 1, 7]), Ok(1));
        assert_eq!(read(&[2, 0]), Ok(0));
        for ends in [&[][..], &[2], &[2, 1], &[2, 0x81], &[2, 0x82, 1], &[2, 0x81, 0x80, 1]] {
            assert_eq!(read(ends), Err(Bad::Ends), "{ends:?}");
        }
        for other in
            [&[3, 1, 7][..], &[2, 0x80, 0, 0], &[2, 0x81, 1, 7], &[2, 0x82, 0, 1, 7], &[2, 0x83, 0, 0, 1, 7]]
        {
            assert_eq!(read(other), Err(Bad::Other), "{other:?}");
        }
        // Lengths in more octets than they take, with all the content there.
        for (long, length) in [(&[2, 0x81, 0x7f][..], 0x7f), (&[2, 0x82, 0, 0xff], 0xff)] {
            assert_eq!(read(&[long, &vec![1; length]].concat()), Err(Bad::Other), "{length}");
        }
        for length in [0, 1, 127, 128, 255, 256, 5000] {
            assert_eq!(read(&element(INTEGER, &vec![1; length])), Ok(length));
        }
    }

    #[test]
    fn integers_are_minimal_and_not_negative() {
        let read = |content: &[u8]| Reader::new(&element(INTEGER, content)).unsigned().map(<[u8]>::to_vec);
        assert_eq!(read(&[0]), Ok(vec![]));
        assert_eq!(read(&[1, 0, 1]), Ok(vec![1, 0, 1]));
        assert_eq!(read(&[0, 0x80]), Ok(vec![0x80]));
        for bad in [&[][..], &[0x80], &[0, 1], &[0, 0]] {
            assert_eq!(read(bad), Err(Bad::Other), "{bad:?}");
        }
    }
}
