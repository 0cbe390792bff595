//! Who is behind an account: the company information that sending needs.

use alloc::{
    collections::BTreeMap,
    string::{String, ToString},
    vec,
    vec::Vec,
};

/// Whether a company or a person sends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum InfoLevel {
    /// A registered business.
    #[default]
    Business,
    /// A private person.
    Individual,
}

impl InfoLevel {
    /// As on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Business => "business",
            Self::Individual => "individual",
        }
    }

    /// The inverse of [`Self::as_str`].
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Business, Self::Individual].into_iter().find(|level| level.as_str() == text)
    }
}

/// A text field of [`CompanyInfo`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Field {
    /// Legal name.
    Name,
    /// Street and number.
    Address,
    /// Town.
    City,
    /// Country, as the sender writes it.
    Country,
    /// Telephone number; optional.
    Phone,
    /// Postal code.
    ZipCode,
    /// Optional.
    PrivacyPolicyUrl,
    /// Optional.
    TermsOfServiceUrl,
    /// The sender's website.
    WebsiteUrl,
}

impl Field {
    /// All of them, in the order they are shown.
    pub const ALL: [Self; 9] = [
        Self::Name,
        Self::Address,
        Self::City,
        Self::Country,
        Self::Phone,
        Self::ZipCode,
        Self::PrivacyPolicyUrl,
        Self::TermsOfServiceUrl,
        Self::WebsiteUrl,
    ];

    /// The attribute's name on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Address => "address",
            Self::City => "city",
            Self::Country => "country",
            Self::Phone => "phone",
            Self::ZipCode => "zip_code",
            Self::PrivacyPolicyUrl => "privacy_policy_url",
            Self::TermsOfServiceUrl => "terms_of_service_url",
            Self::WebsiteUrl => "website_url",
        }
    }

    /// Whether the information is incomplete without it.
    #[must_use]
    pub fn required(self) -> bool {
        !matches!(self, Self::Phone | Self::PrivacyPolicyUrl | Self::TermsOfServiceUrl)
    }

    /// The longest value taken, in characters.
    #[must_use]
    pub fn max(self) -> usize {
        match self {
            Self::Phone | Self::ZipCode => 40,
            Self::PrivacyPolicyUrl | Self::TermsOfServiceUrl | Self::WebsiteUrl => 2048,
            _ => 255,
        }
    }

    fn is_url(self) -> bool {
        matches!(self, Self::PrivacyPolicyUrl | Self::TermsOfServiceUrl | Self::WebsiteUrl)
    }
}

/// An account's company information. Values are never blank: a field that is
/// cleared is absent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CompanyInfo {
    fields: BTreeMap<Field, String>,
    /// Fixed once set.
    pub info_level: InfoLevel,
}

/// A request to set fields; what is not named stays. A blank value clears.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CompanyPatch {
    /// The fields named, as given.
    pub fields: BTreeMap<Field, String>,
    /// The level, if named.
    pub info_level: Option<InfoLevel>,
}

/// What is wrong with a request, by attribute.
pub type FieldErrors = BTreeMap<&'static str, Vec<String>>;

impl CompanyInfo {
    /// From what was stored.
    #[must_use]
    pub fn stored(fields: impl IntoIterator<Item = (Field, String)>, info_level: InfoLevel) -> Self {
        Self { fields: fields.into_iter().collect(), info_level }
    }

    /// A field's value.
    #[must_use]
    pub fn get(&self, field: Field) -> Option<&str> {
        self.fields.get(&field).map(String::as_str)
    }

    /// Whether everything sending needs is there.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        Field::ALL.into_iter().all(|field| !field.required() || self.fields.contains_key(&field))
    }

    /// New information from a request.
    ///
    /// # Errors
    /// Every field that is wrong or lacking, with what to do.
    pub fn create(patch: &CompanyPatch) -> Result<Self, FieldErrors> {
        Self::default().changed(patch, patch.info_level.unwrap_or_default())
    }

    /// The information after a change.
    ///
    /// # Errors
    /// Every field that is wrong, with what to do.
    pub fn update(&self, patch: &CompanyPatch) -> Result<Self, FieldErrors> {
        let level_changes = patch.info_level.is_some_and(|level| level != self.info_level);
        match (self.changed(patch, self.info_level), level_changes) {
            (result, false) => result,
            (result, true) => {
                let mut errors = result.err().unwrap_or_default();
                errors.insert("info_level", vec!["can't be changed once set".to_string()]);
                Err(errors)
            }
        }
    }

    /// Whether the facts a review decided on differ (COMPLIANCE: legal name,
    /// country, website).
    #[must_use]
    pub fn needs_new_review(&self, before: &Self) -> bool {
        [Field::Name, Field::Country, Field::WebsiteUrl].into_iter().any(|f| self.get(f) != before.get(f))
    }

    fn changed(&self, patch: &CompanyPatch, info_level: InfoLevel) -> Result<Self, FieldErrors> {
        let mut fields = self.fields.clone();
        let mut errors = FieldErrors::new();
        for (&field, value) in &patch.fields {
            let value = value.trim();
            let problems = problems(field, value);
            if !problems.is_empty() {
                errors.insert(field.as_str(), problems);
            } else if value.is_empty() {
                fields.remove(&field);
            } else {
                fields.insert(field, value.to_string());
            }
        }
        for field in Field::ALL.into_iter().filter(|f| f.required()) {
            if !fields.contains_key(&field) && !errors.contains_key(field.as_str()) {
                errors.insert(field.as_str(), blank(field));
            }
        }
        if errors.is_empty() { Ok(Self { fields, info_level }) } else { Err(errors) }
    }
}

/// A blank website is also no valid URL; the hosted service says both.
fn blank(field: Field) -> Vec<String> {
    let mut messages = vec!["can't be blank".to_string()];
    if field.is_url() {
        messages.push("is invalid".to_string());
    }
    messages
}

fn problems(field: Field, value: &str) -> Vec<String> {
    if value.is_empty() {
        return if field.required() { blank(field) } else { vec![] };
    }
    if value.chars().any(char::is_control) {
        return vec!["is invalid: it may not have line breaks or control characters".to_string()];
    }
    if value.chars().count() > field.max() {
        return vec![alloc::format!("is too long: at most {} characters", field.max())];
    }
    if field.is_url() && !is_web_url(value) {
        return vec!["is invalid: enter a full address such as https://example.com".to_string()];
    }
    vec![]
}

/// `http` or `https`, a dotted host, no user name, no odd characters. What lies
/// there is looked at by the review, with its own safeguards.
fn is_web_url(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let Some(rest) = lower.strip_prefix("https://").or_else(|| lower.strip_prefix("http://")) else {
        return false;
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let (host, port) = authority.split_once(':').map_or((authority, None), |(h, p)| (h, Some(p)));
    let port_ok = port.is_none_or(|p| p.parse::<u16>().is_ok_and(|p| p != 0));
    let host = idna::domain_to_ascii_cow(host.as_bytes(), idna::AsciiDenyList::URL);
    let host_ok = host.is_ok_and(|host| {
        crate::names::Name::parse(&host).is_ok_and(|name| name.labels() >= 2)
            && host.parse::<core::net::IpAddr>().is_err()
    });
    port_ok && host_ok && !text.chars().any(|c| c.is_whitespace() || "<>\"\\^`{|}".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complete() -> CompanyPatch {
        let fields = [
            (Field::Name, "Acme GmbH"),
            (Field::Address, "Ring 1"),
            (Field::City, "Wien"),
            (Field::Country, "Austria"),
            (Field::ZipCode, "1010"),
            (Field::WebsiteUrl, "https://acme.example/"),
        ];
        CompanyPatch { fields: fields.map(|(f, v)| (f, v.to_string())).into(), info_level: None }
    }

    fn with(field: Field, value: &str) -> CompanyPatch {
        CompanyPatch { fields: [(field, value.to_string())].into(), info_level: None }
    }

    #[test]
    fn a_complete_request_is_complete() {
        let info = CompanyInfo::create(&complete()).unwrap();
        assert!(info.is_complete());
        assert_eq!(info.info_level, InfoLevel::Business);
        assert_eq!(info.get(Field::Phone), None);
    }

    #[test]
    fn every_required_field_is_named() {
        let errors = CompanyInfo::create(&CompanyPatch::default()).unwrap_err();
        assert_eq!(
            errors.keys().copied().collect::<Vec<_>>(),
            ["address", "city", "country", "name", "website_url", "zip_code"]
        );
        assert_eq!(errors["website_url"], ["can't be blank", "is invalid"]);
    }

    #[test]
    fn blank_clears_what_is_optional_only() {
        let info = CompanyInfo::create(&complete()).unwrap();
        let info = info.update(&with(Field::Phone, "+43 1 234")).unwrap();
        assert_eq!(info.get(Field::Phone), Some("+43 1 234"));
        assert_eq!(info.update(&with(Field::Phone, " ")).unwrap().get(Field::Phone), None);
        assert_eq!(info.update(&with(Field::City, "")).unwrap_err()["city"], ["can't be blank"]);
    }

    #[test]
    fn the_level_stays() {
        let info = CompanyInfo::create(&complete()).unwrap();
        let same = CompanyPatch { info_level: Some(InfoLevel::Business), ..Default::default() };
        assert!(info.update(&same).is_ok());
        let other = CompanyPatch { info_level: Some(InfoLevel::Individual), ..with(Field::City, "") };
        assert_eq!(
            info.update(&other).unwrap_err().keys().copied().collect::<Vec<_>>(),
            ["city", "info_level"]
        );
    }

    #[test]
    fn urls() {
        for good in ["https://example.com", "http://www.example.co.uk:8080/a?b#c", "HTTPS://bücher.example/é"]
        {
            assert!(is_web_url(good), "{good}");
        }
        for bad in [
            "example.com",
            "ftp://example.com",
            "javascript:alert(1)",
            "https://",
            "https://localhost/",
            "https://192.0.2.1/",
            "https://[2001:db8::1]/",
            "https://a b.example/",
            "https://user@example.com/",
            "https://example.com:0/",
            "https://example.com:99999/",
            "https://example.com/<script>",
            "https://exa_\u{0}mple.com",
        ] {
            assert!(!is_web_url(bad), "{bad}");
        }
    }

    #[test]
    fn hostile_values_name_their_field() {
        let mut patch = complete();
        patch.fields.insert(Field::Name, "A\r\nBcc: x".to_string());
        patch.fields.insert(Field::City, "x".repeat(256));
        let errors = CompanyInfo::create(&patch).unwrap_err();
        assert_eq!(errors.keys().copied().collect::<Vec<_>>(), ["city", "name"]);
    }

    #[test]
    fn what_opens_a_new_review() {
        let before = CompanyInfo::create(&complete()).unwrap();
        let moved = before.update(&with(Field::City, "Graz")).unwrap();
        assert!(!moved.needs_new_review(&before));
        let renamed = before.update(&with(Field::Name, "Apex GmbH")).unwrap();
        assert!(renamed.needs_new_review(&before));
    }
}
