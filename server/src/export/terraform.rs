//! Records as HCL, for Terraform and OpenTofu.

use super::{Export, strings};
use signet_core::{
    handout::Handout,
    observe::RecordType,
    plan::{CUSTOMER_TTL, PlannedRecord, RecordKey},
    verify::dns_host::DnsHost,
};
use std::fmt::Write as _;

/// Whose resources are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Provider {
    /// `cloudflare_dns_record`, as of version 5 of that provider.
    Cloudflare,
    /// `aws_route53_record`.
    Route53,
    /// A map of records, for a resource of the reader's own.
    Generic,
}

impl Provider {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Cloudflare, Self::Route53, Self::Generic];

    /// As on the wire and the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cloudflare => "cloudflare",
            Self::Route53 => "route53",
            Self::Generic => "generic",
        }
    }

    /// The inverse of [`Self::as_str`].
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|provider| provider.as_str() == text)
    }

    /// The one for zones at this host.
    #[must_use]
    pub fn of_host(host: Option<&DnsHost>) -> Self {
        match host.map(|host| host.id) {
            Some("cloudflare") => Self::Cloudflare,
            Some("route53") => Self::Route53,
            _ => Self::Generic,
        }
    }
}

/// The file's text.
pub(super) fn render(export: &Export, provider: Provider) -> String {
    let mut file = File { text: String::new(), label: label(export), provider };
    file.head(export);
    match provider {
        Provider::Generic => file.map(export),
        Provider::Cloudflare | Provider::Route53 => {
            file.variable(export);
            export.records.iter().for_each(|handout| file.resource(handout));
        }
    }
    file.text
}

/// What the domain is called in identifiers (letters, digits, `_` and `-`): no
/// two domains come to the same, since none has an underscore.
fn label(export: &Export) -> String {
    format!("signet_{}", export.domain.as_str().replace('.', "_"))
}

struct File {
    text: String,
    label: String,
    provider: Provider,
}

impl File {
    /// Writing to a string cannot fail.
    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        let _ = writeln!(self.text, "{line}");
    }

    fn head(&mut self, export: &Export) {
        self.line(format_args!("# DNS records for {}", export.domain));
        // Others' texts at the same name are not ours to take over.
        if export.given().any(|record| record.key == RecordKey::Spf) {
            for line in self.of_spf() {
                self.line(format_args!("# {line}"));
            }
        }
        self.line(format_args!(""));
    }

    /// What to know where the name of the SPF record has other texts already.
    fn of_spf(&self) -> &'static [&'static str] {
        match self.provider {
            Provider::Cloudflare => {
                &["Where the domain has an SPF record already, import it instead of adding another."]
            }
            Provider::Route53 => &[
                "All TXT values of a name are one record here: where the name of the SPF record has others,",
                "keep them in its list. One of them only may begin with v=spf1.",
            ],
            Provider::Generic => {
                &["Where the domain has an SPF record already, change it instead of adding another."]
            }
        }
    }

    fn variable(&mut self, export: &Export) {
        let zone = export.zone.as_ref().map_or_else(String::new, |zone| format!(" {zone}"));
        let described = format!("The id of the zone{zone} that the records of {} go into", export.domain);
        let label = self.label.clone();
        self.line(format_args!("variable \"{label}_zone_id\" {{"));
        self.line(format_args!("  description = {}", quoted(&described)));
        self.line(format_args!("  type        = string"));
        self.line(format_args!("}}"));
    }

    /// The note to a record, above it or in its place.
    fn note(&mut self, handout: &Handout, indent: &str) {
        let Some(note) = handout.comment() else { return };
        let record = &handout.record;
        self.line(format_args!("{indent}# {} {}: {note}", record.owner, record.rtype));
    }

    fn resource(&mut self, handout: &Handout) {
        let record = &handout.record;
        self.line(format_args!(""));
        self.note(handout, "");
        if !record.is_made() {
            return;
        }
        let resource = match self.provider {
            Provider::Cloudflare => "cloudflare_dns_record",
            _ => "aws_route53_record",
        };
        let label = self.label.clone();
        self.line(format_args!("resource \"{resource}\" \"{label}_{}\" {{", record.key));
        self.line(format_args!("  zone_id = var.{label}_zone_id"));
        self.line(format_args!("  name    = {}", quoted(record.owner.as_str())));
        self.line(format_args!("  type    = {}", quoted(record.rtype.as_str())));
        self.line(format_args!("  ttl     = {CUSTOMER_TTL}"));
        match self.provider {
            Provider::Cloudflare => {
                self.line(format_args!("  content = {}", quoted(&cloudflare(record))));
                if record.rtype == RecordType::Cname {
                    // A proxied name answers with addresses of the proxy.
                    self.line(format_args!("  proxied = false"));
                }
            }
            _ => self.line(format_args!("  records = [{}]", quoted(&route53(record)))),
        }
        self.line(format_args!("}}"));
    }

    fn map(&mut self, export: &Export) {
        let label = self.label.clone();
        self.line(format_args!("locals {{"));
        self.line(format_args!("  {label} = {{"));
        for handout in &export.records {
            self.note(handout, "    ");
            let record = &handout.record;
            if !record.is_made() {
                continue;
            }
            self.line(format_args!("    {} = {{", record.key));
            self.line(format_args!("      name    = {}", quoted(record.owner.as_str())));
            self.line(format_args!("      type    = {}", quoted(record.rtype.as_str())));
            self.line(format_args!("      ttl     = {CUSTOMER_TTL}"));
            self.line(format_args!("      value   = {}", quoted(&record.value)));
            let strings: Vec<String> = strings(record).into_iter().map(quoted).collect();
            self.line(format_args!("      strings = [{}]", strings.join(", ")));
            self.line(format_args!("    }}"));
        }
        self.line(format_args!("  }}"));
        self.line(format_args!("}}"));
    }
}

/// Cloudflare takes a text as quoted character-strings, and finds a difference
/// at every plan where they are left for it to make.
fn cloudflare(record: &PlannedRecord) -> String {
    match record.rtype {
        RecordType::Txt => {
            let quoted =
                |string: &&str| format!("\"{}\"", presentation(string, |byte| format!("\\{byte:03}")));
            strings(record).iter().map(quoted).collect::<Vec<_>>().join(" ")
        }
        _ => record.value.clone(),
    }
}

/// The AWS provider puts the outer quotation marks around a text itself, and wants
/// those between two character-strings. Route 53 reads escapes in octal.
fn route53(record: &PlannedRecord) -> String {
    match record.rtype {
        RecordType::Txt => {
            let escaped = |string: &&str| presentation(string, |byte| format!("\\{byte:03o}"));
            strings(record).iter().map(escaped).collect::<Vec<_>>().join("\"\"")
        }
        _ => record.value.clone(),
    }
}

/// A character-string without its quotation marks: `"` behind a backslash, and
/// whatever else is not plain as `numbered` writes it.
fn presentation(string: &str, numbered: impl Fn(u8) -> String) -> String {
    let mut out = String::with_capacity(string.len());
    for byte in string.bytes() {
        match byte {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str(&numbered(byte)),
            0x20..0x7f => out.push(char::from(byte)),
            _ => out.push_str(&numbered(byte)),
        }
    }
    out
}

/// A string of HCL. What would begin a template is doubled, which is how the
/// language writes it for itself.
fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    let mut rest = text.chars().peekable();
    while let Some(char) = rest.next() {
        match char {
            '"' | '\\' => out.extend(['\\', char]),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '$' | '%' if rest.peek() == Some(&'{') => out.extend([char, char]),
            // What reads differently than it is (line ends of Unicode, direction marks) too.
            _ if char.is_control() || !char.is_ascii() => {
                let mut units = [0; 2];
                match char.encode_utf16(&mut units) {
                    [unit] => out.push_str(&format!("\\u{unit:04x}")),
                    _ => out.push_str(&format!("\\U{:08x}", u32::from(char))),
                }
            }
            _ => out.push(char),
        }
    }
    out.push('"');
    out
}
