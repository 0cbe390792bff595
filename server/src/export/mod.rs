//! The records of a domain in the forms DNS is kept in: a zone file, JSON, a
//! table, Terraform.
//!
//! A form holds the owner's own SPF and DMARC text as it stands in their zone, and
//! notes that speak of it. That text is anybody's: no form lets it be more than the
//! value of its record or a comment, in a shell, a spreadsheet or a configuration
//! language.

pub mod csv;
mod json;
mod terraform;
#[cfg(test)]
mod tests;

pub use json::ExportView;
pub use terraform::Provider;

use signet_core::{
    handout::Handout,
    names::Name,
    observe::RecordType,
    plan::{CUSTOMER_TTL, PlannedRecord},
    verify::{dkim::split, dns_host::DnsHost},
};
use signet_dns::zone::{bind_lines, bind_lines_in};

/// A form to export records in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Lines of a zone file (RFC 1035 §5), which most DNS servers and hosts load.
    Bind,
    /// For programs.
    Json,
    /// A table (RFC 4180).
    Csv,
    /// HCL for Terraform and OpenTofu.
    Terraform,
}

impl Format {
    /// All of them, the one that is meant where nothing is said first.
    pub const ALL: [Self; 4] = [Self::Bind, Self::Json, Self::Csv, Self::Terraform];

    /// As on the wire and the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bind => "bind",
            Self::Json => "json",
            Self::Csv => "csv",
            Self::Terraform => "terraform",
        }
    }

    /// The inverse of [`Self::as_str`].
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.as_str() == text)
    }

    /// The media type of what [`Export::render`] makes.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            // RFC 4027.
            Self::Bind => "text/dns",
            Self::Json => "application/json; charset=utf-8",
            // RFC 4180 §3.
            Self::Csv => "text/csv; charset=utf-8; header=present",
            Self::Terraform => "text/plain; charset=utf-8",
        }
    }

    fn extension(self) -> &'static str {
        match self {
            Self::Bind => "zone",
            Self::Json => "json",
            Self::Csv => "csv",
            Self::Terraform => "tf",
        }
    }
}

/// The records of a domain, to be written down.
#[derive(Clone, Debug)]
pub struct Export {
    /// The sending domain.
    pub domain: Name,
    /// The zone its records go into, as far as DNS has shown it.
    pub zone: Option<Name>,
    /// Who runs that zone's DNS, where that is known.
    pub host: Option<DnsHost>,
    /// What the plan asks for, as its owner is given it.
    pub records: Vec<Handout>,
}

impl Export {
    /// What to call a file with it: letters, digits, hyphens and dots only.
    #[must_use]
    pub fn file_name(&self, format: Format) -> String {
        format!("{}.{}", self.domain, format.extension())
    }

    /// Writes it down. `provider` is for Terraform; where it is left open, the
    /// DNS host decides.
    #[must_use]
    pub fn render(&self, format: Format, provider: Option<Provider>) -> String {
        match format {
            Format::Bind => match &self.zone {
                Some(zone) => bind_lines_in(zone, &self.records),
                None => bind_lines(&self.records),
            },
            Format::Json => format!("{:#}\n", serde_json::json!(self.view())),
            Format::Csv => self.table(),
            Format::Terraform => {
                let provider = provider.unwrap_or_else(|| Provider::of_host(self.host.as_ref()));
                terraform::render(self, provider)
            }
        }
    }

    /// For programs.
    #[must_use]
    pub fn view(&self) -> ExportView<'_> {
        ExportView::of(self)
    }

    /// The name of a record within the zone, `@` for the zone itself. `None`
    /// while the zone is not known.
    #[must_use]
    pub fn name_in_zone(&self, record: &PlannedRecord) -> Option<String> {
        self.zone.as_ref().map(|zone| record.owner.as_entered_in(zone))
    }

    /// What the DNS host's own form takes as the name of a record; empty where
    /// nothing is to be entered. `None` while zone or host is not known.
    #[must_use]
    pub fn entered(&self, record: &PlannedRecord) -> Option<String> {
        Some(self.host.as_ref()?.entered(&record.owner, self.zone.as_ref()?))
    }

    /// The records that are given, without those that are left out.
    fn given(&self) -> impl Iterator<Item = &PlannedRecord> {
        self.records.iter().map(|handout| &handout.record).filter(|record| record.is_made())
    }

    /// A table has no place for comments: what is left out is not in it.
    fn table(&self) -> String {
        let mut table = csv::Table::new(&["key", "name", "name_in_zone", "type", "value", "ttl", "required"]);
        for record in self.given() {
            // `@` would begin a formula; a full name is understood, too.
            let named = self.name_in_zone(record).filter(|name| name != "@");
            table.row(&[
                record.key.as_str(),
                record.owner.as_str(),
                &named.unwrap_or_else(|| format!("{}.", record.owner)),
                record.rtype.as_str(),
                &record.value,
                &CUSTOMER_TTL.to_string(),
                if record.gates { "yes" } else { "no" },
            ]);
        }
        table.finish()
    }
}

/// The character-strings of a TXT record; none of any other.
fn strings(record: &PlannedRecord) -> Vec<&str> {
    if record.rtype == RecordType::Txt { split(&record.value) } else { Vec::new() }
}
