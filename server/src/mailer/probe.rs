//! Whether the SMTP server for our own messages would take them: a connection,
//! a greeting, a log-in where one is set, and good-bye.

use super::{
    Mailer, Route, chain,
    relay::{CONNECTED_WITHIN, Relay},
};
use crate::config::Mail;
use lettre::transport::smtp::{
    client::AsyncSmtpConnection,
    extension::{ClientId, Extension},
};
use std::time::Duration;
use url::Url;

/// For all that is asked of a server.
const OVER_WITHIN: Duration = Duration::from_secs(45);

/// What an SMTP server is like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probed {
    /// Host and port.
    pub server: String,
    /// Whether the connection is encrypted as the settings have it.
    pub encrypted: bool,
    /// Whether it offers STARTTLS (RFC 3207); `None` where TLS comes first.
    pub offers_starttls: Option<bool>,
}

/// Connects to where messages go and hangs up again; nothing is sent. `None`
/// where they are written to a directory.
///
/// # Errors
/// The server, and what went wrong with it.
pub async fn probe(mail: &Mail) -> Result<Option<Probed>, (String, String)> {
    probe_within(mail, OVER_WITHIN).await
}

async fn probe_within(mail: &Mail, patience: Duration) -> Result<Option<Probed>, (String, String)> {
    let mailer = Mailer::new(mail).map_err(|e| (String::new(), e))?;
    let (Route::Smtp(relay), crate::config::MailRoute::Smtp(url)) = (&mailer.route, &mail.route) else {
        return Ok(None);
    };
    let Ok(url) = Url::parse(url) else { return Ok(None) };
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_string();
    let wants_tls = url.scheme() == "smtps" || url.query_pairs().any(|(key, _)| key == "tls");
    let usual = match (url.scheme(), wants_tls) {
        ("smtps", _) => 465,
        (_, true) => 587,
        (_, false) => 25,
    };
    let port = url.port().unwrap_or(usual);
    let server = format!("{host}:{port}");
    let greeted_first = url.scheme() == "smtp";
    // lettre waits for ever for what a server has to say.
    let asked = tokio::time::timeout(patience, converse(relay, &host, port, greeted_first));
    let offers_starttls = match asked.await {
        Ok(Ok(offers)) => offers,
        Ok(Err(why)) => return Err((server, why)),
        Err(_) => {
            return Err((
                server,
                format!("the conversation was not over within {} s", patience.as_secs_f64()),
            ));
        }
    };
    let opportunistic = url.query_pairs().any(|(key, value)| key == "tls" && value == "opportunistic");
    let encrypted = wants_tls && (!opportunistic || offers_starttls == Some(true));
    Ok(Some(Probed { server, encrypted, offers_starttls }))
}

/// Whether it offers STARTTLS, and that it takes us as the settings have it.
async fn converse(relay: &Relay, host: &str, port: u16, greeted_first: bool) -> Result<Option<bool>, String> {
    let mut offers_starttls = None;
    if greeted_first {
        let hello = ClientId::default();
        let greeted =
            AsyncSmtpConnection::connect_tokio1((host, port), Some(CONNECTED_WITHIN), &hello, None, None);
        let mut connection = greeted.await.map_err(|e| chain(&e))?;
        offers_starttls = Some(connection.server_info().supports_feature(Extension::StartTls));
        // It has said all that was wanted of it.
        let _ = connection.quit().await;
    }
    match relay.transport().test_connection().await {
        Ok(true) => Ok(offers_starttls),
        Ok(false) => Err("it hung up".to_string()),
        Err(e) => Err(chain(&e)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::MailRoute;
    use signet_core::email::EmailAddress;
    use tokio::net::TcpListener;

    #[tokio::test]
    async fn one_that_says_nothing_is_left() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("smtp://{}", listener.local_addr().unwrap());
        // It accepts, and that is all.
        let silent = tokio::spawn(async move {
            let mut connections = Vec::new();
            while let Ok(connection) = listener.accept().await {
                connections.push(connection);
            }
        });
        let from = EmailAddress::parse("signet@signet.test").unwrap();
        let mail = Mail { route: MailRoute::Smtp(url), from };
        let (_, why) = probe_within(&mail, Duration::from_millis(200)).await.unwrap_err();
        assert!(why.contains("not over within 0.2 s"), "{why}");
        silent.abort();
    }
}
