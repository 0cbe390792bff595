//! What to enter where, in the words of the customer's DNS host. Every fix that
//! names a record is written here, so that all of them say it the same way and
//! the text to paste stands in it verbatim, between backticks.
//!
//! Where the host is not known the words are general ones, and the name is
//! given both as most forms want it and in full.

#[cfg(test)]
mod tests;

use super::{
    dkim::{STRING, in_quotes, split_hint},
    dns_host::{DnsHost, Hosting, LongText, Targets},
};
use crate::{
    names::Name,
    observe::{Look, RecordType, Zone},
};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

/// Name servers of a delegated zone that are named.
const NAMED: usize = 4;

/// What a record is to hold.
#[derive(Clone, Copy)]
pub(crate) enum Value<'a> {
    /// A CNAME's target.
    Target(&'a str),
    /// A CNAME's target that its host was seen to append the zone to.
    TargetWithDot(&'a str),
    /// A TXT's text.
    Text(&'a str),
}

impl Value<'_> {
    fn rtype(self) -> RecordType {
        match self {
            Self::Target(_) | Self::TargetWithDot(_) => RecordType::Cname,
            Self::Text(_) => RecordType::Txt,
        }
    }
}

/// The place of one record: its owner in the zone of a DNS host.
pub(crate) struct Paste<'a> {
    owner: &'a Name,
    zone: Option<&'a Name>,
    /// The CNAME that leads to the owner.
    alias: Option<&'a Name>,
    /// The zone's servers, where it begins below the sending domain and may be
    /// another party's.
    delegated_to: Vec<String>,
    hosting: Hosting,
}

impl<'a> Paste<'a> {
    /// For a record at `owner`, in the zone and at the servers `look` found.
    pub(crate) fn new(owner: &'a Name, look: &'a Look) -> Self {
        let zone = match &look.zone {
            Zone::Found(apex) if owner.is_at_or_below(apex) => Some(apex),
            _ => None,
        };
        Self { owner, zone, alias: None, delegated_to: Vec::new(), hosting: Hosting::of_look(look) }
    }

    /// For a record at `owner`, which is somebody else's name that the CNAME at
    /// `alias` leads to.
    pub(crate) fn behind(owner: &'a Name, alias: &'a Name) -> Self {
        Self { owner, zone: None, alias: Some(alias), delegated_to: Vec::new(), hosting: Hosting::Unknown }
    }

    /// The same for a record of the sending domain `domain`: a zone of its own
    /// below that (`_dmarc`, `_domainkey`) may be another party's, so its servers
    /// are named.
    pub(crate) fn below(mut self, domain: &Name, look: &Look) -> Self {
        if self.zone.is_some_and(|zone| zone != domain && zone.is_at_or_below(domain)) {
            let named = look.replies.iter().filter_map(|reply| reply.server.name.as_ref());
            self.delegated_to = named.map(ToString::to_string).collect();
            self.delegated_to.dedup();
            self.delegated_to.truncate(NAMED);
        }
        self
    }

    /// To publish the record.
    pub(crate) fn publish(&self, value: Value<'_>) -> String {
        let rtype = value.rtype();
        let what = match self.host() {
            Some(host) => format!(
                "{}, add a {rtype} record with {} and {}{}.",
                self.at(host),
                self.named(),
                self.given(value),
                self.unproxied(rtype)
            ),
            None => format!("Publish a {rtype} record named {} with {}.", self.named(), self.given(value)),
        };
        self.with_notes(what, Some(value))
    }

    /// To change the record, which `what` calls by what it is: "CNAME record".
    pub(crate) fn change(&self, what: &str, value: Value<'_>) -> String {
        let what = match self.host() {
            Some(host) => format!(
                "{}, change the {what} with {} to {}{}.",
                self.at(host),
                self.named(),
                self.given(value),
                self.unproxied(value.rtype())
            ),
            None => format!("Change the {what} named {} to {}.", self.named(), self.given(value)),
        };
        self.with_notes(what, Some(value))
    }

    /// To keep one of several records.
    pub(crate) fn keep(&self, what: &str, value: Value<'_>) -> String {
        let what = match self.host() {
            Some(host) => format!(
                "{}, keep one {what} with {} and {}, and delete the others.",
                self.at(host),
                self.named(),
                self.given(value)
            ),
            None => {
                format!(
                    "Keep one {what} named {} with {}. Delete the others.",
                    self.named(),
                    self.given(value)
                )
            }
        };
        self.with_notes(what, Some(value))
    }

    /// To enter the record under its right name, when its host appended the
    /// zone to a name that was full already, and to do `then` as well.
    pub(crate) fn undouble(&self, value: Option<Value<'_>>, then: &str) -> String {
        match self.host() {
            Some(host) if host.doubles => format!(
                "{} appends the domain to every name, to a full one as well. {}",
                host.name,
                self.enter(value, then)
            ),
            Some(_) => format!("The domain was appended to the name. {}", self.enter(value, then)),
            None => {
                let what = format!(
                    "Your DNS host appends the domain: enter {} as the name{}, and {then}.",
                    self.named(),
                    self.with_value(value)
                );
                self.with_notes(what, value)
            }
        }
    }

    /// To enter the record under its right name, and to do `then` as well.
    pub(crate) fn enter(&self, value: Option<Value<'_>>, then: &str) -> String {
        let what = match self.host() {
            Some(host) => {
                format!("{}, enter {}{}, and {then}.", self.at(host), self.named(), self.with_value(value))
            }
            None => {
                let zone = self.zone.map_or_else(String::new, |zone| format!(" in the zone {zone}"));
                format!("Enter {} as the name{zone}{}, and {then}.", self.named(), self.with_value(value))
            }
        };
        self.with_notes(what, value)
    }

    /// To switch off a proxy that answers in place of the record.
    pub(crate) fn proxy_off(&self) -> String {
        match self.host().and_then(|host| Some((host, host.proxy?))) {
            Some((host, proxy)) => format!(
                "At {}, switch the proxy off for this name: set {} to `{}`.",
                host.name, proxy.switch, proxy.off
            ),
            None => "Switch the proxy off for this name (DNS only).".to_string(),
        }
    }

    /// To switch off flattening, which answers with the addresses of the target.
    pub(crate) fn flattening_off(&self) -> String {
        match self.host().and_then(|host| Some((host, host.flattening?))) {
            Some((host, place)) => {
                format!("At {}, switch CNAME flattening off for this name ({place}).", host.name)
            }
            None => "Switch CNAME flattening off for this name.".to_string(),
        }
    }

    fn host(&self) -> Option<&DnsHost> {
        self.hosting.host()
    }

    /// "At Cloudflare (DNS → Records, https://…), in the zone example.com".
    fn at(&self, host: &DnsHost) -> String {
        let zone = self.zone.map_or_else(String::new, |zone| format!(", in the zone {zone}"));
        format!("At {}{zone}", host.place())
    }

    /// The name to enter, with the label of its field where that is known, and
    /// the name in full.
    fn named(&self) -> String {
        let Self { owner, zone, alias, .. } = self;
        if let Some(alias) = alias {
            return format!("`{owner}`, where the CNAME at {alias} leads,");
        }
        let Some(zone) = zone else { return format!("`{owner}`") };
        let Some(host) = self.host() else {
            let relative = owner.as_entered_in(zone);
            return match &self.delegated_to[..] {
                [] => format!("`{relative}` (in full: {owner})"),
                servers => format!(
                    "`{relative}` in the zone {zone}, which is delegated to {} (in full: {owner})",
                    servers.join(" and ")
                ),
            };
        };
        let label = host.name_field.unwrap_or("the name");
        let appends = if host.doubles { format!("; {} appends the rest", host.name) } else { String::new() };
        match host.entered(owner, zone) {
            name if name.is_empty() => format!("{label} left empty (in full: {owner}{appends})"),
            name if name.trim_end_matches('.') == owner.as_str() => format!("{label} `{name}`"),
            // The zone's own name, and how its form takes that is not known.
            name if name == "@" && host.apex.is_none() => {
                format!("{label} `@`, or left empty where that is refused (in full: {owner})")
            }
            name => format!("{label} `{name}` (in full: {owner}{appends})"),
        }
    }

    /// What to enter as the value, with the label of its field or as "the value".
    fn given(&self, value: Value<'_>) -> String {
        let host = self.host();
        let label = match value.rtype() {
            RecordType::Cname => host.and_then(|host| host.target_field),
            _ => host.and_then(|host| host.text_field),
        };
        let label = label.unwrap_or("the value");
        match value {
            Value::Text(text) => {
                let long = text.len() > STRING;
                let quoted = host
                    .is_some_and(|host| host.quotes || (long && host.long_text == Some(LongText::Quoted)));
                match quoted {
                    true => format!("{label} `{}`", in_quotes(text)),
                    false => format!("{label} `{text}`"),
                }
            }
            Value::Target(name) | Value::TargetWithDot(name) => {
                let seen = matches!(value, Value::TargetWithDot(_));
                let dot = match host.and_then(|host| host.targets) {
                    Some(Targets::Dot) => true,
                    Some(Targets::Plain) => false,
                    None => seen,
                };
                match dot {
                    true => format!("{label} `{name}.`, with the dot at its end"),
                    false => format!("{label} `{name}`"),
                }
            }
        }
    }

    fn with_value(&self, value: Option<Value<'_>>) -> String {
        value.map_or_else(String::new, |value| format!(", with {}", self.given(value)))
    }

    /// The setting that keeps a proxy out of the way of a CNAME.
    fn unproxied(&self, rtype: RecordType) -> String {
        match self.host().and_then(|host| host.proxy) {
            Some(proxy) if rtype == RecordType::Cname => format!(", {} `{}`", proxy.switch, proxy.off),
            _ => String::new(),
        }
    }

    /// What else has to be known to enter it right.
    fn with_notes(&self, mut fix: String, value: Option<Value<'_>>) -> String {
        if let Some(Value::Text(text)) = value
            && text.len() > STRING
        {
            match self.host().map(|host| (host.name, host.long_text)) {
                Some((_, Some(LongText::Quoted))) => {}
                Some((name, Some(LongText::Whole))) => {
                    fix.push_str(&format!(" Paste it in one piece: {name} splits it by itself."));
                }
                Some((_, None)) | None => fix.push_str(&split_hint(text)),
            }
        }
        if let Hosting::Mixed(one, other) = &self.hosting {
            fix.push_str(&format!(
                " The zone has name servers of both {} and {}: enter it at both, or have the ones you no longer \
                 use taken out at your registrar.",
                one.name, other.name
            ));
        }
        fix
    }
}
