//! What is tracked in a domain's messages, and who hears about its health.

use crate::email::EmailAddress;

/// A domain's settings. [`Default`] is what a new domain has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tracking {
    /// Count opens.
    pub open: bool,
    /// Rewrite links to count clicks.
    pub click: bool,
    /// Add an unsubscribe link to each message.
    pub unsubscribe_link: bool,
    /// Rewritten links use the domain's own host. Always on with `click`.
    pub custom_domain: bool,
    /// Send the weekly health report.
    pub health_alerts: bool,
    /// Send alerts about lost records and lost verification.
    pub critical_alerts: bool,
    /// Who gets both; the account's owner where unset.
    pub alert_recipient: Option<EmailAddress>,
}

impl Default for Tracking {
    fn default() -> Self {
        Self {
            open: true,
            click: false,
            unsubscribe_link: false,
            custom_domain: false,
            health_alerts: true,
            critical_alerts: true,
            alert_recipient: None,
        }
    }
}

/// A change of settings; what is `None` stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrackingPatch {
    /// See [`Tracking::open`].
    pub open: Option<bool>,
    /// See [`Tracking::click`].
    pub click: Option<bool>,
    /// See [`Tracking::unsubscribe_link`].
    pub unsubscribe_link: Option<bool>,
    /// See [`Tracking::custom_domain`].
    pub custom_domain: Option<bool>,
    /// See [`Tracking::health_alerts`].
    pub health_alerts: Option<bool>,
    /// See [`Tracking::critical_alerts`].
    pub critical_alerts: Option<bool>,
    /// See [`Tracking::alert_recipient`]; `Some(None)` clears it.
    pub alert_recipient: Option<Option<EmailAddress>>,
}

impl Tracking {
    /// The settings after `patch`. Click tracking needs the domain's own link
    /// host, so turning it on turns that on, and it cannot be turned off alone.
    #[must_use]
    pub fn with(&self, patch: &TrackingPatch) -> Self {
        let click = patch.click.unwrap_or(self.click);
        Self {
            open: patch.open.unwrap_or(self.open),
            click,
            unsubscribe_link: patch.unsubscribe_link.unwrap_or(self.unsubscribe_link),
            custom_domain: click || patch.custom_domain.unwrap_or(self.custom_domain),
            health_alerts: patch.health_alerts.unwrap_or(self.health_alerts),
            critical_alerts: patch.critical_alerts.unwrap_or(self.critical_alerts),
            alert_recipient: patch.alert_recipient.clone().unwrap_or_else(|| self.alert_recipient.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn click_tracking_brings_the_own_link_host() {
        let on = Tracking::default().with(&TrackingPatch { click: Some(true), ..Default::default() });
        assert!(on.click && on.custom_domain && on.open);
        let still = on.with(&TrackingPatch { custom_domain: Some(false), ..Default::default() });
        assert!(still.custom_domain);
        let off = on.with(&TrackingPatch { click: Some(false), ..Default::default() });
        assert!(!off.click && off.custom_domain, "turning clicks off leaves the host as it was set");
    }

    #[test]
    fn nothing_named_nothing_changed() {
        let recipient = Some(EmailAddress::parse("ops@example.com").unwrap());
        let settings = Tracking { alert_recipient: recipient, ..Default::default() };
        assert_eq!(settings.with(&TrackingPatch::default()), settings);
        let cleared = settings.with(&TrackingPatch { alert_recipient: Some(None), ..Default::default() });
        assert_eq!(cleared.alert_recipient, None);
    }
}
