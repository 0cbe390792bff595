//! Who runs the zone's DNS, told by the names of its name servers, and what
//! that host's form for records wants.
//!
//! The facts are in `data/dns_hosts.txt`. Names of servers come from foreign
//! zones: they are compared with the patterns there and never shown as advice,
//! so a hostile name can at most make us say nothing about its host.

#[cfg(test)]
pub(crate) mod tests;

use super::Verdict;
use crate::{names::Name, observe::Look};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

const TABLE: &str = include_str!("../../data/dns_hosts.txt");
/// Servers of one zone that are looked at; a hostile delegation may list more.
const SERVERS: usize = 32;

/// A company that answers for its customers' zones. Whatever is not known of
/// it is `None`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DnsHost {
    /// One stable word.
    pub id: &'static str,
    /// As people know it; completes "at …".
    pub name: &'static str,
    /// Its servers also stand in zones that customers edit elsewhere.
    pub shared: bool,
    /// What its form takes as the name of a record.
    pub names: Option<Names>,
    /// How the zone itself is entered as a name.
    pub apex: Option<Apex>,
    /// Its form appends the zone even to what is a full name already.
    pub doubles: bool,
    /// How a CNAME target is read.
    pub targets: Option<Targets>,
    /// Its proxy.
    pub proxy: Option<Proxy>,
    /// Where CNAME flattening is switched.
    pub flattening: Option<&'static str>,
    /// How a TXT longer than 255 characters is entered.
    pub long_text: Option<LongText>,
    /// Whether a TXT is entered in quotation marks.
    pub quotes: bool,
    /// The label of the field for the name.
    pub name_field: Option<&'static str>,
    /// The label of the field for a CNAME's target.
    pub target_field: Option<&'static str>,
    /// The label of the field for a TXT's text.
    pub text_field: Option<&'static str>,
    /// The way to the DNS records within its site.
    pub page: Option<&'static str>,
    /// Its site, or the very page.
    pub url: Option<&'static str>,
}

/// What a form takes as the name of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Names {
    /// The part left of the zone.
    Relative,
    /// The whole name.
    Full,
    /// The whole name with its final dot.
    FullWithDot,
}

/// How a form takes the zone itself as a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Apex {
    /// `@`.
    At,
    /// Nothing.
    Blank,
    /// The zone's name, as [`Names`] has it.
    Domain,
}

/// How a form reads a CNAME target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Targets {
    /// Always as a full name.
    Plain,
    /// As relative to the zone, unless it ends with a dot.
    Dot,
}

/// A proxy that answers in place of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proxy {
    /// What its switch is called.
    pub switch: &'static str,
    /// What the switch says when the proxy is off.
    pub off: &'static str,
}

/// How a form takes a TXT that does not fit into one string of 255 octets
/// (RFC 1035 §3.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LongText {
    /// In one piece.
    Whole,
    /// As several strings in quotation marks.
    Quoted,
}

/// Who the name servers of one zone belong to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hosting {
    /// Nobody we know: a host of its own, or names made to look like one.
    Unknown,
    /// More than half to this one and none to another.
    At(DnsHost),
    /// To at least these two.
    Mixed(DnsHost, DnsHost),
}

impl Hosting {
    /// Recognises the host of a zone by the names of its servers.
    #[must_use]
    pub fn of<'a>(servers: impl Iterator<Item = &'a Name>) -> Self {
        let mut found: Option<DnsHost> = None;
        let (mut all, mut known) = (0, 0);
        for server in servers.take(SERVERS) {
            all += 1;
            let Some(host) = DnsHost::of_server(server) else { continue };
            known += 1;
            match &found {
                Some(other) if other.id == host.id || host.shared => {}
                Some(other) if !other.shared => return Self::Mixed(other.clone(), host),
                _ => found = Some(host),
            }
        }
        match found {
            Some(host) if 2 * known > all => Self::At(host),
            _ => Self::Unknown,
        }
    }

    /// The same for the servers that were asked. A resolver has no name and
    /// tells nothing.
    #[must_use]
    pub fn of_look(look: &Look) -> Self {
        Self::of(look.replies.iter().filter_map(|reply| reply.server.name.as_ref()))
    }

    /// The same for the servers that the verdicts on a domain rest on; one that
    /// rests on a vendor's or a parent's zone makes it unknown.
    #[must_use]
    pub fn of_verdicts(verdicts: &[Verdict]) -> Self {
        Self::of(verdicts.iter().filter_map(|verdict| verdict.server.as_ref()?.name.as_ref()))
    }

    /// The one host the zone is at.
    #[must_use]
    pub fn host(&self) -> Option<&DnsHost> {
        match self {
            Self::At(host) => Some(host),
            Self::Unknown | Self::Mixed(..) => None,
        }
    }
}

impl DnsHost {
    /// The host with the way to its DNS records, as in
    /// "Cloudflare (DNS → Records, https://…)".
    #[must_use]
    pub fn place(&self) -> String {
        let way: Vec<&str> = [self.page, self.url].into_iter().flatten().collect();
        if way.is_empty() { self.name.to_string() } else { format!("{} ({})", self.name, way.join(", ")) }
    }

    /// What its form takes as the name of a record at `owner` in `zone`; empty
    /// where nothing is to be entered.
    #[must_use]
    pub fn entered(&self, owner: &Name, zone: &Name) -> String {
        let full = || match self.names {
            Some(Names::FullWithDot) => format!("{owner}."),
            _ => owner.to_string(),
        };
        if owner == zone {
            return match self.apex {
                Some(Apex::Blank) => String::new(),
                Some(Apex::Domain) => full(),
                Some(Apex::At) | None => "@".to_string(),
            };
        }
        match self.names {
            Some(Names::Full | Names::FullWithDot) => full(),
            Some(Names::Relative) | None => owner.as_entered_in(zone),
        }
    }

    fn of_server(server: &Name) -> Option<Self> {
        let block =
            blocks().find(|block| patterns(block).any(|pattern| matches(pattern, server.as_str())))?;
        // That every block can be read is tested.
        Self::parse(block).ok()
    }

    /// Reads a block of the table; the error is the line that cannot be read.
    fn parse(block: &'static str) -> Result<Self, &'static str> {
        let mut host = Self {
            id: "",
            name: "",
            shared: false,
            names: None,
            apex: None,
            doubles: false,
            targets: None,
            proxy: None,
            flattening: None,
            long_text: None,
            quotes: false,
            name_field: None,
            target_field: None,
            text_field: None,
            page: None,
            url: None,
        };
        for line in lines(block) {
            let (key, value) = line.split_once(": ").ok_or(line)?;
            host.set(key, value).ok_or(line)?;
        }
        if host.id.is_empty() || host.name.is_empty() { Err(block) } else { Ok(host) }
    }

    fn set(&mut self, key: &str, value: &'static str) -> Option<()> {
        let yes = (value == "yes").then_some(true);
        match key {
            "id" => self.id = value,
            "name" => self.name = value,
            "servers" => {}
            "shared" => self.shared = yes?,
            "names" => {
                self.names = Some(match value {
                    "relative" => Names::Relative,
                    "full" => Names::Full,
                    "full-dot" => Names::FullWithDot,
                    _ => return None,
                });
            }
            "apex" => {
                self.apex = Some(match value {
                    "@" => Apex::At,
                    "blank" => Apex::Blank,
                    "domain" => Apex::Domain,
                    _ => return None,
                });
            }
            "doubles" => self.doubles = yes?,
            "targets" => {
                self.targets = Some(match value {
                    "plain" => Targets::Plain,
                    "dot" => Targets::Dot,
                    _ => return None,
                });
            }
            "proxy" => {
                let (switch, off) = value.split_once(" | ")?;
                self.proxy = Some(Proxy { switch, off });
            }
            "flattening" => self.flattening = Some(value),
            "long-text" => {
                self.long_text = Some(match value {
                    "whole" => LongText::Whole,
                    "quoted" => LongText::Quoted,
                    _ => return None,
                });
            }
            "quotes" => self.quotes = yes?,
            "name-field" => self.name_field = Some(value),
            "target-field" => self.target_field = Some(value),
            "text-field" => self.text_field = Some(value),
            "page" => self.page = Some(value),
            "url" => self.url = Some(value),
            _ => return None,
        }
        Some(())
    }
}

/// The blocks of the table that hold a host.
fn blocks() -> impl Iterator<Item = &'static str> {
    TABLE.split("\n\n").filter(|block| lines(block).next().is_some())
}

fn lines(block: &'static str) -> impl Iterator<Item = &'static str> {
    block.lines().filter(|line| !line.starts_with('#') && !line.is_empty())
}

fn patterns(block: &'static str) -> impl Iterator<Item = &'static str> {
    lines(block).filter_map(|line| line.strip_prefix("servers: ")).flat_map(str::split_whitespace)
}

/// Whether `name` is as `pattern` has it, label by label, so that nothing can
/// stand in front of it or behind.
fn matches(pattern: &str, name: &str) -> bool {
    pattern.split('.').count() == name.split('.').count()
        && pattern
            .split('.')
            .zip(name.split('.'))
            .all(|(pattern, label)| label_matches(pattern.as_bytes(), label.as_bytes()))
}

fn label_matches(pattern: &[u8], label: &[u8]) -> bool {
    match pattern {
        [] => label.is_empty(),
        [b'#', rest @ ..] => (1..=4)
            .map_while(|digits| label.split_at_checked(digits))
            .take_while(|(digits, _)| digits.iter().all(u8::is_ascii_digit))
            .any(|(_, label)| label_matches(rest, label)),
        [b'*', rest @ ..] => (1..=label.len()).any(|from| label_matches(rest, &label[from..])),
        [byte, rest @ ..] => {
            label.split_first().is_some_and(|(first, label)| first == byte && label_matches(rest, label))
        }
    }
}
