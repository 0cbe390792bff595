//! What is wrong with one key record (RFC 6376 §3.6.1, RFC 8301, RFC 8463).

use super::{
    base64,
    key::{BadKey, Form, PublicKey, RsaKey, read_der},
    record::{Bad, LONGEST, Lax, Record, is_quoted_printable, items},
    repair,
};
use crate::{
    observe::printable,
    verify::{Code, Status},
};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

/// Below this nobody may verify (RFC 8301 §3.2).
const SHORTEST: u32 = 1024;
/// Below this nobody should sign (RFC 8301 §3.2).
const RECOMMENDED: u32 = 2048;
/// Above this nobody need be able to verify (RFC 8301 §3.2).
const LARGEST: u32 = 4096;
/// Tags or flags named in remarks.
const NAMED: usize = 8;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Flaw {
    pub(super) status: Status,
    pub(super) code: Code,
    /// A sentence on what is wrong.
    pub(super) reason: String,
    /// A sentence on what to do about it, for where no whole text can be given.
    pub(super) remedy: String,
}

/// One record, read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Examined {
    /// In the order a verifier would come upon them.
    pub(super) flaws: Vec<Flaw>,
    pub(super) remarks: Vec<String>,
    /// The key, where one can be read.
    pub(super) key: Option<PublicKey>,
}

impl Examined {
    /// The flaw that decides: the first of the worst.
    pub(super) fn worst(&self) -> Option<&Flaw> {
        self.flaws.iter().find(|flaw| flaw.status == Status::Fail).or(self.flaws.first())
    }

    fn fail(&mut self, code: Code, reason: impl Into<String>, remedy: impl Into<String>) {
        self.flaw(Status::Fail, code, reason, remedy);
    }

    fn soft(&mut self, code: Code, reason: impl Into<String>, remedy: impl Into<String>) {
        self.flaw(Status::Softfail, code, reason, remedy);
    }

    fn flaw(&mut self, status: Status, code: Code, reason: impl Into<String>, remedy: impl Into<String>) {
        self.flaws.push(Flaw { status, code, reason: reason.into(), remedy: remedy.into() });
    }

    fn version(&mut self, record: &Record<'_>) {
        let Some(version) = record.get("v") else {
            self.remarks.push("`v=DKIM1;` at the start is missing, which is recommended.".to_string());
            return;
        };
        if version != "DKIM1" {
            // Compared as a string: neither `dkim1` nor `DKIM1.0` is it.
            self.fail(
                Code::DkimVersion,
                format!(
                    "The record starts with `v={}`; receivers discard any but exactly `v=DKIM1`.",
                    shown(version)
                ),
                "Start the record with exactly `v=DKIM1;`.",
            );
        } else if record.tags.first().is_some_and(|(name, _)| *name != "v") {
            self.fail(
                Code::DkimVersion,
                "`v=DKIM1` does not stand first in the record, where it must.",
                "Move `v=DKIM1;` to the start of the record.",
            );
        }
    }

    /// The key type that counts, `None` for one nobody knows.
    fn kind(&mut self, record: &Record<'_>) -> Option<&'static str> {
        let given = record.get("k").unwrap_or("rsa");
        let kind = ["rsa", "ed25519"].into_iter().find(|kind| kind.eq_ignore_ascii_case(given));
        match kind {
            Some(kind) if kind != given => self.case("k", given, kind),
            Some(_) => {}
            // §3.6.1: unrecognized key types are ignored, and the record with them.
            None => self.fail(
                Code::DkimKeyType,
                format!(
                    "`k={}` is no key type that receivers know: there are rsa and ed25519.",
                    shown(given)
                ),
                "Write `k=rsa`, or `k=ed25519` for a key of that kind.",
            ),
        }
        kind
    }

    /// A value that only some verifiers take, being compared by case (§3.2).
    fn case(&mut self, tag: &str, given: &str, right: &str) {
        self.soft(
            Code::DkimSyntax,
            format!(
                "`{tag}={}` is written in another case than `{right}`; some receivers do not know it.",
                shown(given)
            ),
            format!("Write `{tag}={right}`."),
        );
    }

    fn hashes(&mut self, record: &Record<'_>) {
        let Some(given) = record.get("h") else { return };
        if items(given).any(|hash| hash == "sha256") {
            if items(given).any(|hash| hash.eq_ignore_ascii_case("sha1")) {
                self.remarks.push(
                    "`h=` still allows sha1, which nobody may use any more (RFC 8301 §3.1).".to_string(),
                );
            }
        } else if items(given).any(|hash| hash.eq_ignore_ascii_case("sha256")) {
            self.case("h", given, "sha256");
        } else {
            // RFC 8301 §3.1: rsa-sha1 must be neither signed nor verified with.
            self.fail(
                Code::DkimHash,
                format!(
                    "`h={}` leaves sha256 out, the only hash that receivers accept (RFC 8301).",
                    shown(given)
                ),
                "Remove the tag `h`.",
            );
        }
    }

    fn services(&mut self, record: &Record<'_>) {
        let Some(given) = record.get("s") else { return };
        if items(given).any(|service| matches!(service, "*" | "email")) {
            return;
        }
        if items(given).any(|service| service.eq_ignore_ascii_case("email")) {
            self.case("s", given, "email");
        } else {
            self.fail(
                Code::DkimService,
                format!(
                    "`s={}` says that the key is not for e-mail: that takes `*` or `email`.",
                    shown(given)
                ),
                "Remove the tag `s`.",
            );
        }
    }

    fn flags(&mut self, record: &Record<'_>) {
        let Some(given) = record.get("t") else { return };
        for flag in items(given).take(NAMED) {
            match flag {
                "y" => self.soft(
                    Code::DkimTesting,
                    "`t=y` says that the domain is only testing DKIM, so receivers may treat its mail as unsigned.",
                    "Remove the flag `y` from the tag `t`.",
                ),
                "s" => {}
                other => self.remarks.push(format!("The flag `{}` in `t` is unknown and is ignored.", shown(other))),
            }
        }
    }

    fn others(&mut self, record: &Record<'_>) {
        if record.get("n").is_some_and(|notes| !is_quoted_printable(notes)) {
            self.remarks
                .push("The notes in `n` are not quoted-printable; receivers do not read them.".to_string());
        }
        let known = ["v", "h", "k", "n", "p", "s", "t"];
        for (name, _) in record.tags.iter().filter(|(name, _)| !known.contains(name)).take(NAMED) {
            self.remarks.push(if known.iter().any(|known| known.eq_ignore_ascii_case(name)) {
                format!("The tag `{}` is ignored: names of tags are written in small letters.", shown(name))
            } else {
                format!("The tag `{}` is unknown and is ignored.", shown(name))
            });
        }
    }

    fn public_key(&mut self, text: &[u8], value: &str, kind: &str) {
        let (octets, bad) = base64::decode(value);
        if let Some(base64::Bad::Character(letter)) = bad {
            return self.fail(
                Code::DkimKeyInvalid,
                format!("`{letter}` stands in `p=`, where only base64 may (A–Z, a–z, 0–9, +, /, =)."),
                "Publish the key again, as it was given.",
            );
        }
        let ed25519 = PublicKey::ed25519(&octets);
        match (kind, ed25519) {
            ("ed25519", Some(key)) => self.key = Some(key),
            (_, Some(key)) => {
                self.key = Some(key);
                self.fail(
                    Code::DkimKeyType,
                    "The key has the 32 bytes of an Ed25519 key, but the record does not say `k=ed25519`.",
                    "Add `k=ed25519;` before `p`.",
                );
            }
            _ => match read_der(&octets) {
                Ok((key, form)) => self.rsa(key, form, kind),
                Err(bad) => self.bad_key(bad, text, &octets, kind),
            },
        }
        if bad.is_some() && self.key.is_some() {
            self.fail(
                Code::DkimKeyInvalid,
                "The base64 in `p=` does not end with the right number of `=`, so many receivers cannot read it.",
                "Publish the key again, with every `=` at its end.",
            );
        }
    }

    fn rsa(&mut self, key: RsaKey, form: Form, kind: &str) {
        if kind != "rsa" {
            self.fail(
                Code::DkimKeyType,
                format!("The record says `k={kind}`, but its key is an RSA key."),
                "Write `k=rsa`.",
            );
        }
        if form == Form::Bare {
            self.remarks.push(
                "The key is a bare RSAPublicKey, as RFC 6376 §3.6.1 has it; most keys are published as \
                 SubjectPublicKeyInfo, and some receivers read only those."
                    .to_string(),
            );
        }
        let bits = key.bits();
        let remedy = "Make a new RSA key of 2048 bits and publish it at a new selector.";
        match bits {
            ..SHORTEST => self.fail(
                Code::DkimKeyShort,
                format!("The RSA key has {bits} bits; receivers accept none below {SHORTEST} (RFC 8301 §3.2)."),
                remedy,
            ),
            SHORTEST..RECOMMENDED => self.soft(
                Code::DkimKeyWeak,
                format!("The RSA key has {bits} bits; {RECOMMENDED} are recommended (RFC 8301 §3.2)."),
                remedy,
            ),
            RECOMMENDED..=LARGEST => {}
            _ => self.soft(
                Code::DkimKeyLong,
                format!("The RSA key has {bits} bits; receivers need not accept more than {LARGEST} (RFC 8301 §3.2)."),
                remedy,
            ),
        }
        self.key = Some(PublicKey::Rsa(key));
    }

    fn bad_key(&mut self, bad: BadKey, text: &[u8], octets: &[u8], kind: &str) {
        let invalid = Code::DkimKeyInvalid;
        let again = "Publish the key again, as it was given.";
        let new = "Make a new key pair and publish its public key at a new selector.";
        if kind == "ed25519" && !matches!(bad, BadKey::WrappedEd25519(_) | BadKey::Private) {
            let have = octets.len();
            return self.fail(
                invalid,
                format!("The key has {have} bytes; an Ed25519 key has 32 (RFC 8463 §4.2)."),
                again,
            );
        }
        match bad {
            BadKey::Cut => self.cut(text),
            BadKey::WrappedEd25519(key) => {
                self.key = Some(PublicKey::Ed25519(key));
                self.fail(
                    invalid,
                    "The Ed25519 key is published together with its DER header (44 bytes); only the 32 bytes of the \
                     key itself belong into `p=` (RFC 8463 §4.2).",
                    "Leave the first 12 bytes of the key out.",
                );
            }
            BadKey::Trailing(extra) => self.fail(
                invalid,
                format!("{extra} bytes follow after the end of the key: it was pasted twice, or another text was glued to it."),
                again,
            ),
            BadKey::Private => self.fail(
                Code::DkimKeyPrivate,
                "This is a PRIVATE key, published for everybody to read: anybody can sign mail with it.",
                "Delete this record now and stop signing with the key. Make a new key pair and publish its public \
                 key at a new selector.",
            ),
            BadKey::Algorithm => self.fail(
                invalid,
                "The key is neither an RSA nor an Ed25519 key, and DKIM knows no other.",
                new,
            ),
            BadKey::Exponent => self.fail(
                invalid,
                "The public exponent of the RSA key is even, 1, or far too large: it cannot verify anything.",
                new,
            ),
            BadKey::Other => {
                self.fail(invalid, "What stands in `p=` is base64, but no public key.", again);
            }
        }
    }

    fn cut(&mut self, text: &[u8]) {
        let length = text.len();
        // Hosts cut at the 255 octets of one string, some with the quotes counted.
        let reason = if length.is_multiple_of(255) || (253..=256).contains(&length) {
            format!(
                "The key was cut after {length} characters: one string of a TXT record holds no more than 255."
            )
        } else {
            "The key ends in the middle: the rest of it was lost.".to_string()
        };
        self.fail(
            Code::DkimKeyTruncated,
            reason,
            "Publish the key again, the whole of it, split into several strings of at most 255 characters in one \
             TXT record, in quotes and with a blank between them: `\"the first 255 characters\" \"the rest\"`.",
        );
    }

    fn syntax(&mut self, text: &[u8], bad: Bad) {
        // "Does not start as one": the version is there, but not in front.
        let first = text.split(|&b| b == b';').next().unwrap_or_default();
        let again = "Publish the record again, as it was given.";
        let (code, reason, remedy) = match bad {
            Bad::NotATag(_) if Record::parse(first).is_err() => (
                Code::Malformed,
                "The text is meant to be a DKIM key record but does not start as one, so receivers cannot read it."
                    .to_string(),
                "Remove everything before `v=DKIM1`, quotation marks too.".to_string(),
            ),
            Bad::NotATag(term) => (
                Code::DkimSyntax,
                format!("`{}` in the record is not of the form name=value.", shown(&term)),
                "Remove it, or put the semicolon right before it.".to_string(),
            ),
            Bad::Octet(octet) => (
                Code::DkimSyntax,
                format!("A character that may not stand in a DKIM record is in it (byte {octet}): only plain ASCII may."),
                format!("Remove invisible characters and typographic quotes. {again}"),
            ),
            Bad::Twice(tag) => (
                Code::DkimSyntax,
                format!("The tag `{}` is there twice, which makes the whole record invalid.", shown(&tag)),
                format!("Keep one tag `{}`.", shown(&tag)),
            ),
            Bad::TooLong => (
                Code::DkimSyntax,
                format!("The record is longer than any key needs ({LONGEST} characters, 64 tags)."),
                again.to_string(),
            ),
        };
        self.fail(code, reason, remedy);
    }
}

/// Foreign text in a sentence: short, and without the quotes we use.
fn shown(text: &str) -> String {
    let short = text.get(..text.floor_char_boundary(40)).unwrap_or_default();
    let dots = if short.len() < text.len() { "…" } else { "" };
    format!("{}{dots}", printable(short.as_bytes()).replace('`', "'"))
}

/// Reads one record.
pub(super) fn examine(text: &[u8]) -> Examined {
    let mut examined = Examined::default();
    let record = match Record::parse(text) {
        Ok(record) => record,
        Err(bad) => {
            examined.syntax(text, bad);
            // Nobody can verify with it; it is only to tell ours from another.
            examined.key = repair::meant_key(text);
            return examined;
        }
    };
    match record.lax {
        Some(Lax::LineBreak) => examined.soft(
            Code::DkimSyntax,
            "There is a line break in the record; some receivers do not accept it.",
            "Enter the record in one line.",
        ),
        Some(Lax::EmptyTag) => examined.soft(
            Code::DkimSyntax,
            "There are two semicolons with nothing between them; some receivers do not accept that.",
            "Remove one of the semicolons.",
        ),
        None => {}
    }
    examined.version(&record);
    let kind = examined.kind(&record);
    examined.hashes(&record);
    examined.services(&record);
    match record.get("p") {
        None => examined.fail(
            Code::DkimSyntax,
            "The record has no public key: the tag `p` is missing.",
            "Publish the record again, with the key in `p=`.",
        ),
        Some("") => examined.fail(
            Code::Revoked,
            "The key is revoked: `p=` is empty, so receivers refuse every signature made with it.",
            "Publish the present public key in `p=`, or delete the record and no longer sign with this selector.",
        ),
        Some(value) => examined.public_key(text, value, kind.unwrap_or_default()),
    }
    examined.flags(&record);
    examined.others(&record);
    if examined.key.is_none() {
        examined.key = repair::meant_key(text);
    }
    examined
}
