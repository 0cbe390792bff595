//! Settings that can be used, but hardly as they are meant.

use super::Config;
use signet_dns::zone::spf_lookups;

impl Config {
    /// What whoever starts a server with these settings should know, a sentence each.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        [self.costly_spf(), self.unserved_key(), self.lone_name_servers()].into_iter().flatten().collect()
    }

    fn costly_spf(&self) -> Option<String> {
        let include = self.provider.spf_include();
        let fewer = "Send from fewer addresses, or from neighbouring ones: whole blocks of them (8, 16, 32…) are written \
                     as one network";
        match spf_lookups(&self.provider) {
            Ok(1) => None,
            Ok(lookups) => Some(format!(
                "SIGNET_SENDING_IPS does not fit into one SPF record: include:{include} takes {lookups} of the ten look-ups \
                 that each customer's whole SPF record may take, where it could take one. {fewer}"
            )),
            Err(error) => Some(format!("SIGNET_SENDING_IPS: {error}. {fewer}")),
        }
    }

    fn unserved_key(&self) -> Option<String> {
        let unserved = self.dns.secondaries.is_some() && self.dns.listen.is_none();
        unserved.then(|| {
            "SIGNET_DNS_TSIG is set, but SIGNET_DNS_LISTEN is not: no zone is served here that anybody could take with \
             that key"
                .to_string()
        })
    }

    fn lone_name_servers(&self) -> Option<String> {
        let shared = !self.database_url.starts_with("sqlite:");
        let unnamed = self.dns.listen.is_some() && self.dns.name_servers.is_empty();
        (shared && unnamed).then(|| {
            "SIGNET_DNS_NAME_SERVERS is not set: every node that shares the database names itself alone as the zone's \
             name server"
                .to_string()
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::config::{Config, Sources};

    fn warnings(settings: &[(&'static str, &str)]) -> Vec<String> {
        let flags = settings.iter().map(|(name, value)| (*name, (*value).to_string()));
        Config::from_sources(&Sources::read(None, [], flags).unwrap()).unwrap().warnings()
    }

    /// Every second address of a network, so that no two are neighbours.
    fn scattered(count: u8) -> String {
        (0..count).map(|i| format!("192.0.2.{}", i * 2)).collect::<Vec<_>>().join(",")
    }

    #[test]
    fn nothing_is_said_of_what_is_usual() {
        let neighbours = (0..=255).map(|i| format!("192.0.2.{i}")).collect::<Vec<_>>().join(",");
        let tsig = "xfr:hmac-sha256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
        for settings in [
            &[][..],
            &[("sending_ips", neighbours.as_str())],
            &[("dns_listen", "127.0.0.1:5353"), ("dns_tsig", tsig)],
            &[("database_url", "postgres:///signet")],
            &[
                ("database_url", "postgres:///signet"),
                ("dns_listen", "[::]:53"),
                ("dns_name_servers", "ns.example"),
            ],
        ] {
            assert_eq!(warnings(settings), [] as [String; 0], "{settings:?}");
        }
    }

    #[test]
    fn what_customers_pay_for_many_addresses() {
        let said = warnings(&[("sending_ips", &scattered(60))]);
        assert_eq!(said.len(), 1);
        assert!(said[0].contains("include:_spf.signet.test takes 4 of the ten look-ups"), "{said:?}");
        assert!(said[0].contains("written as one network"), "{said:?}");
        let far = (0..200).map(|i| format!("2001:db8:1234:5678::{:x}", i * 2)).collect::<Vec<_>>().join(",");
        let said = warnings(&[("sending_ips", &far)]);
        assert!(said[0].contains("do not fit into SPF"), "{said:?}");
    }

    #[test]
    fn what_waits_for_a_zone_to_be_served() {
        let tsig = "xfr:hmac-sha256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
        let said = warnings(&[("dns_tsig", tsig)]);
        assert!(said.len() == 1 && said[0].starts_with("SIGNET_DNS_TSIG is set"), "{said:?}");
        let said = warnings(&[("database_url", "postgres:///signet"), ("dns_listen", "[::]:53")]);
        assert!(said.len() == 1 && said[0].starts_with("SIGNET_DNS_NAME_SERVERS is not set"), "{said:?}");
    }
}
