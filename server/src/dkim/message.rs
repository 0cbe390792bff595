//! A message as it is signed and sent: in the form it has in SMTP.

use aws_lc_rs::digest;
use std::borrow::Cow;

/// Longer ones are refused; receivers take a tenth of that.
pub const LONGEST: usize = 256 * 1024 * 1024;
/// More header fields are an attack.
const FIELDS: usize = 2000;

/// Why a message cannot be signed. As text it is a sentence for whoever sends it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unsignable {
    /// More than [`LONGEST`].
    #[error("The message is larger than {} MiB.", LONGEST / 1024 / 1024)]
    TooLarge,
    /// RFC 5321 §2.3.8: CR and LF come together only, and RFC 6376 §5.3 wants them so
    /// before signing. A message that has both line ends means different things to
    /// different servers.
    #[error("Line {0} ends in another way than those before it: lines must all end in CRLF, or all in LF.")]
    LineEnds(usize),
    /// RFC 5322 §4: not even obsolete.
    #[error("There is a NUL octet in line {0}, which servers refuse or remove.")]
    Nul(usize),
    /// Not a header field.
    #[error(
        "Line {0} is no header field. A message begins with its header, one field after the other, and an empty \
         line ends it."
    )]
    NoField(usize),
    /// RFC 6376 §5.4: it must be signed.
    #[error("The message has no From field.")]
    NoFrom,
    /// RFC 5322 §3.6: one at most; which one is shown is anybody's guess.
    #[error("The message has {0} From fields.")]
    ManyFrom(usize),
    /// As above.
    #[error("The message has more than {FIELDS} header fields.")]
    ManyFields,
}

/// A message with CRLF line ends, and without lines of nothing but white space at
/// its end: the canonical form has none, and some verifiers trip over them.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    text: Vec<u8>,
    /// Where each field of the header ends, the line end included.
    ends: Vec<usize>,
    /// Where the body begins.
    body: usize,
}

impl std::fmt::Debug for Message {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Message({} octets)", self.text.len())
    }
}

/// A header field.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field<'a> {
    /// All of it, without the line end.
    pub(super) whole: &'a [u8],
}

impl Field<'_> {
    /// Whether it has this name, in whatever case.
    pub(super) fn is(&self, name: &str) -> bool {
        let found = self.whole.split(|octet| *octet == b':').next().unwrap_or_default();
        found.trim_ascii_end().eq_ignore_ascii_case(name.as_bytes())
    }
}

impl Message {
    /// Reads a message.
    ///
    /// # Errors
    /// [`Unsignable`], for whoever sends it.
    pub fn read(text: &[u8]) -> Result<Self, Unsignable> {
        if text.len() > LONGEST {
            return Err(Unsignable::TooLarge);
        }
        let text = with_crlf(text)?;
        let (ends, header) = header(&text)?;
        // The empty line, where there is one, belongs to neither.
        let body = if text[header..].is_empty() { header } else { header + 2 };
        let mut text = text.into_owned();
        if body == header {
            text.extend(b"\r\n");
        }
        let body = header + 2;
        text.truncate(body + without_blank_end(&text[body..]));
        if text.len() > body && !text.ends_with(b"\r\n") {
            text.extend(b"\r\n");
        }
        let message = Self { text, ends, body };
        match message.fields().filter(|field| field.is("from")).count() {
            0 => Err(Unsignable::NoFrom),
            1 => Ok(message),
            many => Err(Unsignable::ManyFrom(many)),
        }
    }

    /// As it is sent, behind its signatures.
    #[must_use]
    pub fn text(&self) -> &[u8] {
        &self.text
    }

    /// Its header, field by field.
    pub(super) fn fields(&self) -> impl DoubleEndedIterator<Item = Field<'_>> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied()).collect::<Vec<_>>();
        let ends = self.ends.clone();
        (0..ends.len()).map(move |index| Field { whole: &self.text[starts[index]..ends[index] - 2] })
    }

    /// The hash of the canonicalized body (RFC 6376 §3.4.4).
    pub(super) fn body_hash(&self) -> [u8; 32] {
        let mut hash = digest::Context::new(&digest::SHA256);
        for line in self.text[self.body..].split_inclusive(|octet| *octet == b'\n') {
            relax_line(line, |part| hash.update(part));
            hash.update(b"\r\n");
        }
        let mut out = [0; 32];
        out.copy_from_slice(hash.finish().as_ref());
        out
    }
}

/// RFC 6376 §3.4.2: the name in lower case, no white space around the colon and at the
/// end, one blank for any other, whatever lines it was in.
pub(super) fn relax_field(field: &[u8], out: &mut Vec<u8>) {
    let colon = field.iter().position(|octet| *octet == b':').unwrap_or(field.len());
    let (name, value) = field.split_at(colon);
    out.extend(name.trim_ascii_end().to_ascii_lowercase());
    out.push(b':');
    let value = value.get(1..).unwrap_or_default();
    let blank = |octet: &u8| matches!(octet, b' ' | b'\t' | b'\r' | b'\n');
    let words = value.split(blank).filter(|word| !word.is_empty());
    for (index, word) in words.enumerate() {
        if index > 0 {
            out.push(b' ');
        }
        out.extend(word);
    }
}

/// RFC 6376 §3.4.4: one blank for any white space, none at the end. Handed over in parts.
fn relax_line(line: &[u8], mut part: impl FnMut(&[u8])) {
    let end = line.iter().rposition(|octet| !matches!(octet, b' ' | b'\t' | b'\r' | b'\n'));
    let mut rest = &line[..end.map_or(0, |end| end + 1)];
    let blank = |octet: &u8| matches!(octet, b' ' | b'\t');
    while let Some(word) = rest.iter().position(blank) {
        part(&rest[..word]);
        part(b" ");
        let white = rest[word..].iter().take_while(|octet| blank(octet)).count();
        rest = &rest[word + white..];
    }
    part(rest);
}

/// How much of the body there is without lines of nothing but white space at its end.
fn without_blank_end(body: &[u8]) -> usize {
    let Some(last) = body.iter().rposition(|octet| !matches!(octet, b' ' | b'\t' | b'\r' | b'\n')) else {
        return 0;
    };
    let end = body[last..].iter().position(|octet| *octet == b'\n');
    end.map_or(body.len(), |end| last + end + 1)
}

/// The message with CRLF at the end of each line, which either all do or none.
fn with_crlf(text: &[u8]) -> Result<Cow<'_, [u8]>, Unsignable> {
    let first = text.iter().position(|octet| *octet == b'\n');
    let crlf = first.is_some_and(|end| end > 0 && text[end - 1] == b'\r');
    let mut number = 0;
    for line in text.split_inclusive(|octet| *octet == b'\n') {
        number += 1;
        if line.contains(&0) {
            return Err(Unsignable::Nul(number));
        }
        let inside = match (line, crlf) {
            ([inside @ .., b'\r', b'\n'], true) | ([inside @ .., b'\n'], false) => inside,
            ([.., b'\n'], true) => return Err(Unsignable::LineEnds(number)),
            (inside, _) => inside,
        };
        if inside.contains(&b'\r') {
            return Err(Unsignable::LineEnds(number));
        }
    }
    if crlf {
        return Ok(Cow::Borrowed(text));
    }
    let mut out = Vec::with_capacity(text.len() + text.len() / 32 + 2);
    for line in text.split_inclusive(|octet| *octet == b'\n') {
        out.extend(line.strip_suffix(b"\n").unwrap_or(line));
        if line.ends_with(b"\n") {
            out.extend(b"\r\n");
        }
    }
    Ok(Cow::Owned(out))
}

/// Where each field of the header ends, and where the header does.
fn header(text: &[u8]) -> Result<(Vec<usize>, usize), Unsignable> {
    let (mut ends, mut at): (Vec<usize>, usize) = (Vec::new(), 0);
    for (number, line) in (1..).zip(text.split_inclusive(|octet| *octet == b'\n')) {
        if line == b"\r\n" {
            return Ok((ends, at));
        }
        // A header that ends in the middle of a line is none.
        if !line.ends_with(b"\r\n") {
            return Err(Unsignable::NoField(number));
        }
        at += line.len();
        match line[0] {
            b' ' | b'\t' => *ends.last_mut().ok_or(Unsignable::NoField(number))? = at,
            _ if begins_field(line) => ends.push(at),
            _ => return Err(Unsignable::NoField(number)),
        }
        if ends.len() > FIELDS {
            return Err(Unsignable::ManyFields);
        }
    }
    Ok((ends, at))
}

/// RFC 5322 §2.2; blanks before the colon are obsolete (§4.5) and taken.
fn begins_field(line: &[u8]) -> bool {
    let Some(colon) = line.iter().position(|octet| *octet == b':') else { return false };
    let name = line[..colon].trim_ascii_end();
    !name.is_empty() && name.iter().all(u8::is_ascii_graphic)
}
