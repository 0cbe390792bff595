//! As much DER (ITU-T X.690) as finding one's way in a private key takes. What is
//! found is judged by the cryptography library, which reads it again strictly.

pub(super) const INTEGER: u8 = 0x02;
pub(super) const OCTETS: u8 = 0x04;
pub(super) const OID: u8 = 0x06;
const SEQUENCE: u8 = 0x30;

/// What has not been read yet.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn new(octets: &'a [u8]) -> Self {
        Self(octets)
    }

    pub(super) fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// The content of the next element, which must have `tag`.
    pub(super) fn element(&mut self, tag: u8) -> Option<&'a [u8]> {
        let (length, rest) = match *self.0 {
            [found, ..] if found != tag => return None,
            [_, short @ ..=0x7f, ref rest @ ..] => (usize::from(short), rest),
            [_, 0x81, length, ref rest @ ..] => (usize::from(length), rest),
            [_, 0x82, high, low, ref rest @ ..] => (usize::from(u16::from_be_bytes([high, low])), rest),
            _ => return None,
        };
        let (content, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some(content)
    }

    /// The next element, a SEQUENCE, to read on in.
    pub(super) fn sequence(&mut self) -> Option<Self> {
        self.element(SEQUENCE).map(Self)
    }

    /// The next element, an INTEGER, without the zeros before it.
    pub(super) fn unsigned(&mut self) -> Option<&'a [u8]> {
        let number = self.element(INTEGER)?;
        let zeros = number.iter().take_while(|&&octet| octet == 0).count();
        Some(&number[zeros..])
    }
}
