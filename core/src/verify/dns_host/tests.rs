use super::*;
use crate::{
    observe::{Failure, Reply, Server, Zone},
    plan::{Present, tests::planned, tests::provider},
};
use alloc::collections::BTreeSet;

/// Every host of the table, each with the name of a server of its own.
pub(crate) fn hosts() -> Vec<(DnsHost, String)> {
    blocks()
        .map(|block| {
            let host = DnsHost::parse(block).unwrap_or_else(|line| panic!("cannot be read: {line}"));
            let pattern = patterns(block).next().unwrap();
            (host, pattern.replace('#', "12").replace('*', "abc"))
        })
        .collect()
}

fn names(servers: &[&str]) -> Vec<Name> {
    servers.iter().map(|server| Name::parse(server).unwrap()).collect()
}

fn hosting(servers: &[&str]) -> Hosting {
    Hosting::of(names(servers).iter())
}

/// The id of the host, `-` for none, `a+b` for two.
fn id(servers: &[&str]) -> String {
    match hosting(servers) {
        Hosting::Unknown => "-".to_string(),
        Hosting::At(host) => host.id.to_string(),
        Hosting::Mixed(one, other) => format!("{}+{}", one.id, other.id),
    }
}

#[test]
fn the_table_keeps_its_rules() {
    let hosts = hosts();
    assert!(hosts.len() >= 50, "{}", hosts.len());
    let ids: BTreeSet<&str> = hosts.iter().map(|(host, _)| host.id).collect();
    assert_eq!(ids.len(), hosts.len(), "an id stands twice");
    let all: Vec<&str> = blocks().flat_map(patterns).collect();
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len(), "a pattern stands twice");
    for pattern in all {
        // At least the registered domain is spelled out, in lower case.
        let domain: Vec<&str> = pattern.rsplit('.').take(2).collect();
        assert!(!domain.concat().contains('*') && pattern.matches('.').count() >= 2, "{pattern}");
        assert!(Name::parse(&pattern.replace(['#', '*'], "1")).is_ok(), "{pattern}");
        assert_eq!(pattern.to_lowercase(), pattern);
    }
    for block in blocks() {
        let keys: Vec<&str> = lines(block).filter_map(|line| line.split(": ").next()).collect();
        assert_eq!(keys.iter().collect::<BTreeSet<_>>().len(), keys.len(), "a key stands twice: {block}");
        assert!(lines(block).all(|line| line.trim() == line && !line.contains('`')), "{block}");
    }
    for (host, _) in &hosts {
        assert!(host.id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'), "{}", host.id);
        if let Some(url) = host.url {
            assert!(url.starts_with("https://") && !url.contains(char::is_whitespace), "{url}");
            assert!(url.matches('/').count() >= 3, "a site ends with its slash: {url}");
        }
        // Nobody may be told two things that exclude one another.
        assert!(
            !(host.doubles && matches!(host.names, Some(Names::Full | Names::FullWithDot))),
            "{}",
            host.id
        );
    }
    let with_url = hosts.iter().filter(|(host, _)| host.url.is_some()).count();
    assert!(with_url + 3 >= hosts.len(), "{with_url}");
}

#[test]
fn a_line_that_cannot_be_read_is_refused() {
    let broken = [
        "id: a\nname: A\nnames: short",
        "id: a\nname: A\ndoubles: no",
        "id: a\nname: A\nproxy: on",
        "id: a\nname: A\ncolour: red",
        "id: a\nname: A\nurl:",
        "id: a",
        "name: A",
    ];
    for block in broken {
        assert!(DnsHost::parse(block).is_err(), "{block}");
    }
    assert!(DnsHost::parse("# said in passing\nid: a\nname: A").is_ok());
}

const SERVERS_OF: &[(&str, &str)] = &[
    ("ada.ns.cloudflare.com", "cloudflare"),
    ("ns01.domaincontrol.com", "godaddy"),
    ("pdns07.domaincontrol.com", "godaddy"),
    ("dns1.registrar-servers.com", "namecheap"),
    ("pdns2.registrar-servers.com", "namecheap"),
    ("ns-1536.awsdns-00.co.uk", "route53"),
    ("ns-0.awsdns-00.com", "route53"),
    ("ns-1024.awsdns-00.org", "route53"),
    ("ns-512.awsdns-00.net", "route53"),
    ("ns-cloud-e1.googledomains.com", "google"),
    ("ns01.squarespacedns.com", "squarespace"),
    ("dns1.p08.nsone.net", "ns1"),
    ("ns1-05.azure-dns.com", "azure"),
    ("ns4-205.azure-dns.info", "azure"),
    ("ns1.digitalocean.com", "digitalocean"),
    ("ns5.linode.com", "linode"),
    ("a1-64.akam.net", "akamai"),
    ("hydrogen.ns.hetzner.com", "hetzner"),
    ("helium.ns.hetzner.de", "hetzner"),
    ("dns102.ovh.net", "ovh"),
    ("ns200.anycast.me", "ovh"),
    ("ns1045.ui-dns.biz", "ionos"),
    ("ns-12-a.gandi.net", "gandi"),
    ("ns2.dnsimple-edge.net", "dnsimple"),
    ("curitiba.ns.porkbun.com", "porkbun"),
    ("ns1fgh.name.com", "name-com"),
    ("ns2.hover.com", "hover"),
    ("ns10.wixdns.net", "wix"),
    ("ns43.worldnic.com", "network-solutions"),
    ("dns001.a.register.com", "register-com"),
    ("ns1.bluehost.com", "bluehost"),
    ("ns8123.hostgator.com", "hostgator"),
    ("ns3.dreamhost.com", "dreamhost"),
    ("ns1.siteground.net", "siteground"),
    ("ns2.dns-parking.com", "hostinger"),
    ("ns1.vercel-dns.com", "vercel"),
    ("ns3.wordpress.com", "wordpress-com"),
    ("nsany1.infomaniak.com", "infomaniak"),
    ("docks17.rzone.de", "strato"),
    ("ns5.kasserver.com", "all-inkl"),
    ("ns.inwx.de", "inwx"),
    ("ns3.inwx.eu", "inwx"),
    ("second-dns.netcup.net", "netcup"),
    ("1-you.njalla.no", "njalla"),
    ("ns2.desec.org", "desec"),
    ("ns1.dyna-ns.net", "dynadot"),
    ("ns01.one.com", "one-com"),
    ("ns1.simply.com", "simply-com"),
    ("ns2.loopia.se", "loopia"),
    ("ns1.hyp.net", "domeneshop"),
    ("ns0.transip.net", "transip"),
    ("ns2.hostpoint.ch", "hostpoint"),
    ("ns1.messagingengine.com", "fastmail"),
    ("ns1.yandexcloud.net", "yandex-cloud"),
    ("dns2.yandex.net", "yandex-360"),
    ("dns.technorail.com", "aruba"),
    ("ns1.register.it", "register-it"),
    ("dns9.hichina.com", "alibaba"),
    ("f1g1ns1.dnspod.net", "dnspod"),
    ("ns2.vultr.com", "vultr"),
    ("ns0.dom.scw.cloud", "scaleway"),
    ("dns3.easydns.org", "easydns"),
    ("pns31.cloudns.net", "cloudns"),
    ("ns10.dnsmadeeasy.com", "dnsmadeeasy"),
    ("ns5.he.net", "hurricane-electric"),
    ("ns1.p201.dns.oraclecloud.net", "oracle"),
    ("ns1.p01.dynect.net", "dyn"),
];

#[test]
fn hosts_are_known_by_their_servers() {
    for (server, expected) in SERVERS_OF {
        assert_eq!(id(&[server]), *expected, "{server}");
        let matching =
            blocks().filter(|block| patterns(block).any(|pattern| matches(pattern, server))).count();
        assert_eq!(matching, 1, "{server}");
    }
    let shown: BTreeSet<&str> = SERVERS_OF.iter().map(|(_, id)| *id).collect();
    let all: BTreeSet<&str> = hosts().iter().map(|(host, _)| host.id).collect();
    assert_eq!(shown, all, "every host has its row");
}

#[test]
fn names_made_to_look_like_a_host_are_not_taken_for_it() {
    for server in [
        "ns.cloudflare.com.evil.example",
        "ada.ns.cloudflare.com.evil.example",
        "evilns.cloudflare.com",
        "ns.cloudflare.com",
        "cloudflare.com",
        "a.b.ns.cloudflare.com",
        "ada.ns.cloudflare.com.co",
        "ada.ns-cloudflare.com",
        "ada.ns.xcloudflare.com",
        "domaincontrol.com",
        "ns01.domaincontrol.com.example.com",
        "ns-1.awsdns-1.example",
        "ns-1.awsdns-evil.com",
        "ns-12345.awsdns-00.com",
        "ns-.awsdns-00.com",
        "xns-1.awsdns-00.com",
        "ns1-05.azure-dns.com.evil.example",
        // Customers' own machines at a host.
        "ns3012345.ovh.net",
        "li123.members.linode.com",
        "ps123.dreamhost.com",
        "ns.example.linode.com",
        // Vanity names.
        "ns1.example.com",
        "dns1.example.org",
    ] {
        assert_eq!(id(&[server]), "-", "{server}");
    }
}

#[test]
fn a_zone_is_at_a_host_when_most_servers_are_and_none_is_at_another() {
    assert_eq!(id(&[]), "-");
    assert_eq!(id(&["ada.ns.cloudflare.com", "bob.ns.cloudflare.com"]), "cloudflare");
    assert_eq!(id(&["ada.ns.cloudflare.com", "bob.ns.cloudflare.com", "ns1.example.com"]), "cloudflare");
    assert_eq!(id(&["ada.ns.cloudflare.com", "ns1.example.com"]), "-");
    assert_eq!(id(&["ada.ns.cloudflare.com", "ns1.domaincontrol.com"]), "cloudflare+godaddy");
    let two = ["ns1.domaincontrol.com", "ns1.example.com", "ns2.example.com", "ada.ns.cloudflare.com"];
    assert_eq!(id(&two), "godaddy+cloudflare");
    assert_eq!(id(&["ns-0.awsdns-00.com", "ns1-05.azure-dns.com"]), "route53+azure");
    // Squarespace lists servers that are run for it beside its own.
    assert_eq!(id(&["dns1.p03.nsone.net", "dns2.p03.nsone.net", "ns01.squarespacedns.com"]), "squarespace");
    assert_eq!(id(&["ns01.squarespacedns.com", "dns2.p03.nsone.net"]), "squarespace");
    // However many a hostile delegation lists.
    let many: Vec<String> = (0..2000).map(|i| format!("ns{i}.example.com")).collect();
    let mut many: Vec<&str> = many.iter().map(String::as_str).collect();
    many.push("ada.ns.cloudflare.com");
    assert_eq!(id(&many), "-");
}

#[test]
fn a_look_tells_by_the_servers_it_asked() {
    let look = |servers: &[Option<&str>]| Look {
        zone: Zone::Found(Name::parse("example.com").unwrap()),
        replies: servers
            .iter()
            .map(|server| Reply {
                server: Server { name: server.map(|name| Name::parse(name).unwrap()), address: None },
                outcome: Err(Failure::Timeout),
            })
            .collect(),
    };
    let hosting = Hosting::of_look(&look(&[Some("ada.ns.cloudflare.com"), Some("bob.ns.cloudflare.com")]));
    assert_eq!(hosting.host().map(|host| host.name), Some("Cloudflare"));
    assert_eq!(Hosting::of_look(&look(&[None])), Hosting::Unknown);
    assert_eq!(Hosting::of_look(&look(&[])), Hosting::Unknown);
}

#[test]
fn verdicts_tell_by_the_servers_they_rest_on() {
    let plan = planned(&provider(), "example.com", &Present::default());
    let hosting = |servers: &[Option<&str>]| {
        let verdicts: Vec<Verdict> = servers
            .iter()
            .map(|server| {
                let server = server.map(|name| Server { name: Name::parse(name).ok(), address: None });
                Verdict { server, ..Verdict::unchecked(&plan[0]) }
            })
            .collect();
        Hosting::of_verdicts(&verdicts)
    };
    let known = hosting(&[None, Some("ada.ns.cloudflare.com"), Some("bob.ns.cloudflare.com")]);
    let host = known.host().unwrap();
    assert_eq!(
        host.place(),
        "Cloudflare (DNS → Records, https://dash.cloudflare.com/?to=/:account/:zone/dns/records)"
    );
    // DMARC read at a vendor's.
    let two = hosting(&[Some("ada.ns.cloudflare.com"), Some("ns1.digitalocean.com")]);
    assert_eq!(two.host(), None);
    assert_eq!(hosting(&[None, None]), Hosting::Unknown);
}
