//! From what is said to octets that fit.

use super::answer::Response;
use hickory_proto::{
    ProtoError,
    op::{Edns, Header, HeaderCounts, Metadata, ResponseCode},
    rr::{RData, Record, TSigResponseContext, rdata::TSIG},
    serialize::binary::{BinDecoder, BinEncoder},
};
use hickory_server::{
    net::xfer::Protocol,
    server::{Request, ResponseHandler, ResponseInfo},
    zone_handler::{MessageResponse, MessageResponseBuilder, Queries},
};

/// The largest datagram sent, and said to be received: what passes everywhere
/// without fragments (the DNS flag day's 1232 bytes).
pub(super) const MAX_DATAGRAM: u16 = 1232;
/// What a client without EDNS takes (RFC 1035 §4.2.1).
const PLAIN_DATAGRAM: u16 = 512;

/// Sends what there is to say, as far as it fits; with `truncate` only that there
/// is something.
pub(super) async fn send(
    request: &Request,
    response: &Response,
    truncate: bool,
    edns: Option<&Edns>,
    signature: Option<TSigResponseContext>,
    mut out: impl ResponseHandler,
) -> ResponseInfo {
    let mut metadata = Metadata::response_from_request(&request.metadata);
    metadata.response_code = response.rcode;
    metadata.authoritative = response.authoritative;
    metadata.recursion_available = response.recursion_available;
    // What was not understood is not repeated.
    let none = Queries::read(&mut BinDecoder::new(&[]), 0).ok();
    let queries =
        none.as_ref().filter(|_| response.rcode == ResponseCode::FormErr).unwrap_or(&request.queries);
    let builder = || {
        let mut builder = MessageResponseBuilder::new(queries, None);
        if let Some(edns) = edns {
            builder.edns(edns);
        }
        builder
    };
    let reserved = if signature.is_some() { SIGNATURE } else { 0 };
    let whole = |additionals: &'_ [Record]| fits(request, response, additionals, metadata, edns, reserved);
    let no_records = Response::empty();
    let (response, additionals) = if truncate {
        metadata.truncation = true;
        (&no_records, &[][..])
    } else if whole(&response.additionals) {
        (response, &response.additionals[..])
    } else if whole(&[]) {
        // Only what was volunteered does not fit (RFC 2181 §9: no TC for that).
        (response, &[][..])
    } else {
        // An empty truncated answer sends everybody to TCP; half a record set
        // is of no use to anyone.
        metadata.truncation = true;
        (&no_records, &[][..])
    };
    let message = || builder().build(metadata, &response.answers, &response.authorities, [], additionals);
    let mut reply = message();
    if let Some(context) = signature {
        match signed(context, message()) {
            Ok(signature) => reply.set_signature(signature),
            Err(error) => tracing::warn!(%error, "a DNS answer could not be signed"),
        }
    }
    let sent = out.send_response(reply).await;
    sent.unwrap_or_else(|error| {
        tracing::debug!(%error, "a DNS answer could not be sent");
        unsent(metadata)
    })
}

/// What a signature takes up, with a long key name and hash (RFC 8945 §4.2).
const SIGNATURE: usize = 400;

/// The signature of a message that is otherwise whole.
fn signed<'a>(
    context: TSigResponseContext,
    message: MessageResponse<
        '_,
        'a,
        impl Iterator<Item = &'a Record> + Send + 'a,
        impl Iterator<Item = &'a Record> + Send + 'a,
        impl Iterator<Item = &'a Record> + Send + 'a,
        impl Iterator<Item = &'a Record> + Send + 'a,
    >,
) -> Result<Box<Record<TSIG>>, ProtoError> {
    let mut octets = Vec::with_capacity(512);
    message.destructive_emit(&mut BinEncoder::new(&mut octets))?;
    context.sign(&octets)
}

/// Whether the message fits what the client takes over this transport, with
/// `reserved` octets left.
fn fits(
    request: &Request,
    response: &Response,
    additionals: &[Record],
    metadata: Metadata,
    edns: Option<&Edns>,
    reserved: usize,
) -> bool {
    let limit = match request.protocol() {
        Protocol::Udp if edns.is_some() => request.max_payload().clamp(PLAIN_DATAGRAM, MAX_DATAGRAM),
        Protocol::Udp => PLAIN_DATAGRAM,
        _ => u16::MAX,
    };
    let limit = limit.saturating_sub(u16::try_from(reserved).unwrap_or(u16::MAX));
    let records = response.answers.iter().chain(&response.authorities).chain(additionals);
    let options = edns.is_some_and(|edns| !edns.options().as_ref().is_empty());
    // A cookie is the only option we send.
    let header_and_opt = 12 + 11 + if options { 4 + 40 } else { 0 };
    let at_most = records.fold(header_and_opt + request.queries.as_bytes().len(), |sum, record| {
        sum.saturating_add(uncompressed(record))
    });
    if at_most <= usize::from(limit) {
        return true;
    }
    // Too long without compression: see how long it is with it.
    let mut buffer = Vec::with_capacity(usize::from(MAX_DATAGRAM));
    let mut encoder = BinEncoder::new(&mut buffer);
    encoder.set_max_size(limit);
    let mut builder = MessageResponseBuilder::from_message_request(request);
    if let Some(edns) = edns {
        builder.edns(edns);
    }
    let message = builder.build(metadata, &response.answers, &response.authorities, [], additionals);
    message.destructive_emit(&mut encoder).is_ok_and(|info| !info.truncation)
}

/// An upper bound of a record's length on the wire.
fn uncompressed(record: &Record) -> usize {
    let name = |name: &hickory_proto::rr::Name| name.len() + 2;
    let rdata = match &record.data {
        RData::A(_) => 4,
        RData::AAAA(_) => 16,
        RData::CNAME(target) => name(&target.0),
        RData::NS(target) => name(&target.0),
        RData::PTR(target) => name(&target.0),
        RData::MX(mx) => 2 + name(&mx.exchange),
        RData::TXT(txt) => txt.txt_data.iter().map(|string| 1 + string.len()).sum(),
        RData::SOA(soa) => 20 + name(&soa.mname) + name(&soa.rname),
        // Flags, the length of the tag, a tag of at most fifteen, the name.
        RData::CAA(caa) => 17 + caa.value.len(),
        RData::HINFO(hinfo) => 2 + hinfo.cpu.len() + hinfo.os.len(),
        _ => usize::from(u16::MAX),
    };
    name(&record.name) + 10 + rdata
}

/// What is noted of an answer that was not sent.
pub(super) fn unsent(metadata: Metadata) -> ResponseInfo {
    ResponseInfo::from(Header { metadata, counts: HeaderCounts::default() })
}
