//! Writes well-formed inputs to start from: `cargo run --example seeds -- FOLDER`
//! makes a folder per target in it.

use hickory_proto::{
    op::{Edns, Message, MessageType, OpCode, Query},
    rr::{
        Name, RData, Record, RecordType,
        rdata::{A, AAAA, CNAME, MX, NS, SOA, TXT},
    },
};
use std::{fs, path::Path};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args().nth(1).ok_or("which folder?")?;
    let folder = Path::new(&folder);
    let message: Vec<Vec<u8>> = messages();
    write(&folder.join("message"), message)?;
    write(&folder.join("spf"), with_settings(SPF))?;
    write(&folder.join("dmarc"), with_settings(DMARC))?;
    write(&folder.join("dkim_key"), DKIM.iter().map(|text| text.as_bytes().to_vec()).collect())?;
    write(&folder.join("zone_query"), zone_queries())?;
    Ok(())
}

fn write(folder: &Path, inputs: Vec<Vec<u8>>) -> std::io::Result<()> {
    fs::create_dir_all(folder)?;
    for (number, input) in inputs.iter().enumerate() {
        fs::write(folder.join(format!("seed-{number:02}")), input)?;
    }
    Ok(())
}

fn with_settings(texts: &[&str]) -> Vec<Vec<u8>> {
    (0_u8..).zip(texts).map(|(number, text)| [&[number & 15], text.as_bytes()].concat()).collect()
}

const SPF: &[&str] = &[
    "@ TXT v=spf1 include:_spf.signet.test ~all",
    "@ TXT v=spf1 mx a ip4:192.0.2.0/24 -all\n@ MX mx.example.com\nmx.example.com A 203.0.113.9\n@ A 192.0.2.7",
    "@ TXT v=spf1 include:a.test include:b.test ?all\na.test TXT v=spf1 ip4:203.0.113.0/25 -all\nb.test TXT v=spf1 redirect=c.test\nc.test TXT v=spf1 ip6:2001:db8::/32 ~all",
    "@ TXT v=spf1 include:example.com -all",
    "@ TXT v=spf1 exists:%{ir}.%{l1r-+}.x.test ptr:example.com exp=e.test -all\ne.test TXT %{i} is not one of %{d}%_%%\n9.113.0.203.in-addr.arpa PTR host.example.com\nhost.example.com A 203.0.113.9",
    "@ TXT v=spf1 a:v1.test a:v2.test a:v3.test include:_spf.signet.test ~all",
    "@ TXT v=spf1 mx -all\n@ TXT v=spf1 a ~all",
    "@ TXT \"v=spf1 mx -all\"\n@ TXT site-verification=7",
    "@ TXT v=spf1 include=_spf.signet.test, ip4:2001:db8::1; -all",
    "@ CNAME elsewhere.test\nelsewhere.test TXT v=spf1 -all",
    "_spf.example.com TXT v=spf1 mx -all\n@ SPF v=spf1 mx -all",
    "@ TXT v=spf1 +all include:_spf.signet.test",
    "@ TXT v=spf1 include:a.test include:_spf.signet.test ~all\na.test ! timeout",
    "@ TXT v=spf1 include:a.test -all\na.test TXT v=spf1 include:b.test include:b.test include:b.test ~all\nb.test TXT v=spf1 include:c.test include:c.test ~all\nc.test TXT v=spf1 a:d.test mx:d.test ~all\nd.test A 203.0.113.9\nd.test MX d.test",
    "@ TXT v=spf1 a/24//64 ip4:0.0.0.0/1 ip4:128.0.0.0/1 ip6:::/0 all\n@ AAAA 2001:db8::5",
];

const DMARC: &[&str] = &[
    "@ TXT v=DMARC1; p=none",
    "@ TXT v=DMARC1; p=reject; sp=quarantine; np=reject; adkim=s; aspf=s; fo=1:d:s; rua=mailto:a@example.com,mailto:b@other.test!10m; ruf=mailto:c@example.com",
    "@ TXT v=DMARC1; p=nonsense; rua=mailto:a@example.com; pct=50; rf=afrf; ri=86400",
    "@ TXT v=DMARC1; p=none\n@ TXT v=DMARC1; p=reject\n@ TXT \"v=DMARC1; p=quarantine\"",
    "@ TXT p=reject; v=DMARC1; rua=a@example.com",
    "_dmarc.example.com TXT v=DMARC1; p=reject; psd=y; t=y; sp=none\n_dmarc.com TXT v=DMARC1; p=reject; psd=n",
    "@ TXT v=DMARC1; p=none; rua=mailto:x@reports.test\nexample.com._report._dmarc.reports.test TXT v=DMARC1",
    "@ CNAME d.vendor.test\nd.vendor.test TXT v=DMARC1; p=quarantine;",
    "@ CNAME a.test\na.test CNAME b.test\nb.test CNAME a.test",
    "example.com TXT v=DMARC1; p=none\n_dmarc.example.com.example.com TXT v=DMARC1; p=none",
    "_dmarc.example.com ! timeout\n_dmarc.com ! servfail",
    "@ TXT v=DMARC1;p=none;rua=mailto:",
];

const DKIM: &[&str] = &[
    "v=DKIM1; k=rsa; p={rsa2048}",
    "v=DKIM1; k=ed25519; p={ed25519}",
    "v=DKIM1; h=sha1:sha256; k=rsa; n=a=20note; s=email; t=y:s; p={rsa1024}",
    "v=DKIM1; p=",
    "\"v=DKIM1; k=rsa; \" \"p={rsa2048}\"",
    "k=rsa; v=DKIM1; p={rsa2048};",
    "v=DKIM1; k=rsa; p={rsa2048}\0v=DKIM1; k=rsa; p={rsa1024}",
    "-----BEGIN PUBLIC KEY-----\n{rsa2048}\n-----END PUBLIC KEY-----",
    "v=DKIM1; g=*; k=RSA; s=*; h=SHA256; p={rsa4096}",
    "{rsa2048}",
    "p={rsa512}",
    "v=DKIM1 k=rsa p={rsa2048}",
];

fn name(text: &str) -> Name {
    Name::from_ascii(text).expect("a literal name")
}

fn record(owner: &str, data: RData) -> Record {
    Record::from_rdata(name(owner), 300, data)
}

fn soa(owner: &str) -> Record {
    let data = SOA::new(name("ns1.example.com."), name("hostmaster.example.com."), 7, 7200, 900, 86_400, 300);
    record(owner, RData::SOA(data))
}

fn txt(owner: &str, text: &str) -> Record {
    let strings: Vec<String> =
        text.as_bytes().chunks(255).map(|s| String::from_utf8_lossy(s).into()).collect();
    record(owner, RData::TXT(TXT::new(strings)))
}

fn alias(owner: &str, target: &str) -> Record {
    record(owner, RData::CNAME(CNAME(name(target))))
}

/// What stands where, as selectors of `replies.rs` say it.
fn messages() -> Vec<Vec<u8>> {
    let id = "abcdefghijklmnop";
    let own = format!("sg-{id}.example.com.");
    let keys = [1, 2]
        .map(|n| (format!("sg{n}-{id}._domainkey.example.com."), format!("sg{n}.{id}.dkim.signet.test.")));
    let right = [
        chunk(0x02, &own, RecordType::CNAME, vec![alias(&own, "bounce.signet.test.")]),
        chunk(
            0x19,
            "example.com.",
            RecordType::TXT,
            vec![
                txt("example.com.", "site-verification=7"),
                txt("example.com.", "v=spf1 mx include:_spf.signet.test ~all"),
            ],
        ),
        chunk(0x22, &keys[0].0, RecordType::CNAME, vec![alias(&keys[0].0, &keys[0].1)]),
        chunk(0x32, &keys[1].0, RecordType::CNAME, vec![alias(&keys[1].0, &keys[1].1)]),
        chunk(
            0x49,
            "_dmarc.example.com.",
            RecordType::TXT,
            vec![txt("_dmarc.example.com.", "v=DMARC1; p=none")],
        ),
        chunk(
            0x52,
            "sg-link.example.com.",
            RecordType::CNAME,
            vec![alias("sg-link.example.com.", "track.signet.test.")],
        ),
        chunk(
            0x69,
            "_spf.signet.test.",
            RecordType::TXT,
            vec![txt("_spf.signet.test.", "v=spf1 ip4:192.0.2.1 ip6:2001:db8::1 -all")],
        ),
        chunk(
            0x70,
            "bounce.signet.test.",
            RecordType::A,
            vec![record("bounce.signet.test.", RData::A(A::new(192, 0, 2, 1)))],
        ),
        chunk(
            0x71,
            "bounce.signet.test.",
            RecordType::AAAA,
            vec![record("bounce.signet.test.", RData::AAAA(AAAA::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1)))],
        ),
        chunk(
            0x74,
            "example.com.",
            RecordType::MX,
            vec![record("example.com.", RData::MX(MX::new(10, name("mx.example.com."))))],
        ),
        chunk(
            0x75,
            "example.com.",
            RecordType::NS,
            vec![record("example.com.", RData::NS(NS(name("a.ns.cloudflare.com."))))],
        ),
        chunk(0x77, "example.com.", RecordType::SOA, vec![soa("example.com.")]),
    ];
    let long = txt("example.com.", &format!("v=spf1 {}-all", "ip4:198.51.100.7 ".repeat(20)));
    let singles = [
        chunk(0x19, "example.com.", RecordType::TXT, vec![long]),
        chunk(0x19, "example.com.", RecordType::TXT, vec![alias("example.com.", "elsewhere.test.")]),
        chunk(
            0x49,
            "_dmarc.example.com.",
            RecordType::TXT,
            vec![txt("_dmarc.example.com.", "\"v=DMARC1; p=nonsense; rua=mailto:a@b.test\"")],
        ),
        chunk(0x02, &own, RecordType::CNAME, vec![alias(&own, "bounce.signet.test.example.com.")]),
        negative(0x19, "example.com.", RecordType::TXT),
        referral(0x49, "_dmarc.example.com."),
        dname(0x2f, &keys[0].0),
        failed(0x09),
    ];
    let mut inputs = Vec::new();
    for case in [0x00, 0x10, 0x30, 0x11, 0x74, 0x3a, 0x80, 0xb1, 0xf0] {
        inputs.push([&[case, 0, 0][..], &right.concat()].concat());
    }
    for (number, chunk) in (0_u8..).zip(&singles) {
        inputs.push([&[0x30, number, number][..], chunk, chunk, &right.concat()].concat());
        inputs.push([&[0x10, number, 0][..], chunk].concat());
    }
    inputs
}

fn reply(owner: &str, rtype: RecordType) -> Message {
    let mut message = Message::new(0, MessageType::Response, OpCode::Query);
    message.metadata.authoritative = true;
    message.add_query(Query::query(name(owner), rtype));
    message
}

fn chunk(selector: u8, owner: &str, rtype: RecordType, answers: Vec<Record>) -> Vec<u8> {
    let mut message = reply(owner, rtype);
    message.answers = answers;
    packed(selector, owner, &message)
}

fn negative(selector: u8, owner: &str, rtype: RecordType) -> Vec<u8> {
    let mut message = reply(owner, rtype);
    message.authorities = vec![soa("example.com.")];
    packed(selector, owner, &message)
}

fn referral(selector: u8, cut: &str) -> Vec<u8> {
    let mut message = reply(cut, RecordType::TXT);
    message.metadata.authoritative = false;
    let server = format!("ns1.{cut}");
    message.authorities = vec![record(cut, RData::NS(NS(name(&server))))];
    message.additionals = vec![record(&server, RData::A(A::new(192, 0, 2, 77)))];
    packed(selector, cut, &message)
}

/// A DNAME at `example.com` without the CNAME made from it (RFC 6672).
fn dname(selector: u8, owner: &str) -> Vec<u8> {
    let mut body = vec![0x84, 0, 1, 0, 0];
    let above = owner.len() - "example.com.".len();
    body.extend([0xc0, 12 + u8::try_from(above).expect("a short name")]);
    body.extend([0, 39, 0, 1, 0, 0, 1, 44, 0, 12]);
    body.extend(b"\x05other\x04test\0");
    framed(selector, &body)
}

/// SERVFAIL as a whole message.
fn failed(selector: u8) -> Vec<u8> {
    let mut message = reply("example.com.", RecordType::TXT);
    message.metadata.response_code = hickory_proto::op::ResponseCode::ServFail;
    message.set_edns(Edns::new());
    framed(selector | 0x80, &message.to_vec().expect("a message"))
}

/// Without header and question, which `replies.rs` puts before it.
fn packed(selector: u8, owner: &str, message: &Message) -> Vec<u8> {
    let octets = message.to_vec().expect("a message");
    let question = 12 + owner.len() + 1 + 4;
    let head = [octets[2], octets[3], octets[7], octets[9], octets[11]];
    framed(selector, &[&head[..], &octets[question..]].concat())
}

fn framed(selector: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len()).expect("a short message").to_be_bytes();
    [&[selector, length[0], length[1]][..], body].concat()
}

fn zone_queries() -> Vec<Vec<u8>> {
    let id = "abcdefghijklmnop";
    let asked = [
        ("signet.test.".to_string(), RecordType::SOA),
        ("signet.test.".to_string(), RecordType::AXFR),
        ("bounce.signet.test.".to_string(), RecordType::MX),
        ("_spf.signet.test.".to_string(), RecordType::TXT),
        (format!("sg1.{id}.dkim.signet.test."), RecordType::TXT),
        (format!("sg2.{id}.dkim.signet.test."), RecordType::TXT),
        ("sg1.cccccccccccccccc.dkim.signet.test.".to_string(), RecordType::TXT),
        ("shop.demo.signet.test.".to_string(), RecordType::ANY),
        (format!("sg1-{id}._domainkey.shop.demo.signet.test."), RecordType::TXT),
        ("x._report._dmarc.signet.test.".to_string(), RecordType::TXT),
        ("nothing.SIGNET.test.".to_string(), RecordType::A),
    ];
    let mut inputs = Vec::new();
    for (owner, rtype) in asked {
        let mut message = Message::new(0x1234, MessageType::Query, OpCode::Query);
        message.add_query(Query::query(name(&owner), rtype));
        inputs.push([&[0][..], &message.to_vec().expect("a message")].concat());
        let mut edns = Edns::new();
        edns.set_max_payload(1232).set_dnssec_ok(true);
        message.set_edns(edns);
        for transport in [0, 1] {
            inputs.push([&[transport][..], &message.to_vec().expect("a message")].concat());
        }
    }
    inputs.extend(odd_queries());
    inputs
}

/// What a library would not write: a cookie, a notification, a signature of
/// nobody's, a wildcard with a label above it, a name that leads to itself.
fn odd_queries() -> Vec<Vec<u8>> {
    let apex = b"\x06signet\x04test\x00";
    let header = |opcode: u8, additionals: u8| [0, 0x12, 0x34, opcode << 3, 0, 0, 1, 0, 0, 0, 0, 0, additionals];
    let soa = [0, 6, 0, 1];
    let cookie = b"\x00\x00\x29\x04\xd0\x00\x00\x00\x00\x00\x0c\x00\x0a\x00\x0812345678";
    let mut signature = b"\x06nobody\x00\x00\xfa\x00\xff\x00\x00\x00\x00\x00\x3d\x0bhmac-sha256\x00".to_vec();
    signature.extend(b"\x00\x00\x5f\xb0\x00\x00\x01\x2c\x00\x20");
    signature.extend([7; 32]);
    signature.extend([0x12, 0x34, 0, 0, 0, 0]);
    let consent = b"\x01x\x01*\x07_report\x06_dmarc\x05dmarc\x06signet\x04test\x00";
    vec![
        [&header(0, 1)[..], apex, &soa, cookie].concat(),
        [&header(4, 0)[..], apex, &soa].concat(),
        [&header(5, 0)[..], apex, &soa].concat(),
        [&header(0, 1)[..], apex, &[0, 252, 0, 1], &signature].concat(),
        [&header(0, 1)[..], apex, &[0, 251, 0, 1], &signature].concat(),
        [&header(0, 0)[..], consent, &[0, 16, 0, 1]].concat(),
        [&header(0, 0)[..], &consent[2..], &[0, 16, 0, 1]].concat(),
        [&header(0, 0)[..], b"\x01\xff", &consent[4..], &[0, 16, 0, 1]].concat(),
        [&header(0, 0)[..], b"\x01a\xc0\x0c", &soa].concat(),
    ]
}
