//! Whether the SMTP server for our own messages would take them: a connection,
//! a greeting, a log-in where one is set, and good-bye.

use super::{Mailer, Route, chain, relay::CONNECTED_WITHIN};
use crate::config::Mail;
use lettre::transport::smtp::{
    client::AsyncSmtpConnection,
    extension::{ClientId, Extension},
};
use url::Url;

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
    let failed = |why: String| (server.clone(), why);
    let mut offers_starttls = None;
    if url.scheme() == "smtp" {
        let hello = ClientId::default();
        let greeted = AsyncSmtpConnection::connect_tokio1(
            (host.as_str(), port),
            Some(CONNECTED_WITHIN),
            &hello,
            None,
            None,
        );
        let mut connection = greeted.await.map_err(|e| failed(chain(&e)))?;
        offers_starttls = Some(connection.server_info().supports_feature(Extension::StartTls));
        // It has said all that was wanted of it.
        let _ = connection.quit().await;
    }
    match relay.transport().test_connection().await {
        Ok(true) => {}
        Ok(false) => return Err(failed("it hung up".to_string())),
        Err(e) => return Err(failed(chain(&e))),
    }
    let opportunistic = url.query_pairs().any(|(key, value)| key == "tls" && value == "opportunistic");
    let encrypted = wants_tls && (!opportunistic || offers_starttls == Some(true));
    Ok(Some(Probed { server, encrypted, offers_starttls }))
}
