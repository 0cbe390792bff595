//! From answers to octets.

use super::{
    answer::Response,
    request::{Request, Transport},
    tsig::Signature,
};
use hickory_proto::{
    ProtoError,
    op::{Edns, Header, HeaderCounts, Metadata, Query, ResponseCode, emit_message_parts},
    rr::Record,
    serialize::binary::{BinEncodable as _, BinEncoder},
};

/// The largest datagram sent, and said to be received: what passes everywhere
/// without fragments (the DNS flag day's 1232 bytes).
pub(super) const MAX_DATAGRAM: u16 = 1232;
/// What a signature takes up beside the key's name (RFC 8945 §4.2): what comes
/// before the data, the longest name of an algorithm, the longest hash, times and
/// lengths, the server's time.
const SIGNATURE: usize = 10 + 26 + 64 + 16 + 6;

/// How an answer goes out.
pub(super) struct Sending {
    /// Empty and with TC, whatever it is.
    pub(super) truncate: bool,
    pub(super) edns: Option<Edns>,
    /// With the time, in seconds since 1970.
    pub(super) signature: Option<(Signature, u64)>,
}

/// The EDNS of an answer, to what was asked with `asked`.
pub(super) fn edns(asked: &Edns) -> Edns {
    let mut edns = Edns::new();
    edns.set_max_payload(MAX_DATAGRAM);
    // RFC 3225 §3: DO comes back as it came.
    edns.set_dnssec_ok(asked.flags().dnssec_ok);
    edns
}

/// FORMERR with nothing but a header, to what is no message beyond that.
pub(super) fn malformed(header: &Header) -> Option<Vec<u8>> {
    let mut metadata = Metadata::response_from_request(&header.metadata);
    metadata.response_code = ResponseCode::FormErr;
    let mut octets = Vec::with_capacity(12);
    Header { metadata, counts: HeaderCounts::default() }.emit(&mut BinEncoder::new(&mut octets)).ok()?;
    Some(octets)
}

/// The message that says `response` to `request`, as much as the client takes of
/// it.
///
/// # Errors
/// When not even an empty answer can be written.
pub(super) fn write(request: &Request, response: &Response, sending: Sending) -> Result<Vec<u8>, ProtoError> {
    let Sending { truncate, edns, signature } = sending;
    let mut metadata = Metadata::response_from_request(&request.metadata);
    metadata.response_code = response.rcode;
    metadata.authoritative = response.authoritative;
    metadata.recursion_available = response.recursion_available;
    // RFC 4035 §3.1.6: nothing is checked here, whatever the client wants.
    metadata.checking_disabled = false;
    // What was not understood is not repeated.
    let questions = if response.rcode == ResponseCode::FormErr { &[] } else { &request.questions[..] };
    let reserved = signature.as_ref().map_or(0, |_| SIGNATURE + key_name(request));
    let room = request.room(MAX_DATAGRAM).saturating_sub(u16::try_from(reserved).unwrap_or(u16::MAX));
    let parts = Parts { questions, edns: edns.as_ref(), room };

    let mut whole = None;
    if !truncate {
        whole = parts.write(metadata, response, &response.additionals)?;
        if whole.is_none() && !response.additionals.is_empty() {
            // Only what was volunteered does not fit (RFC 2181 §9: no TC for that).
            whole = parts.write(metadata, response, &[])?;
        }
    }
    let mut octets = match whole {
        Some(octets) => octets,
        // An empty truncated answer sends everybody to TCP; half a record set
        // is of no use to anyone.
        None => {
            metadata.truncation = request.transport == Transport::Udp;
            if !metadata.truncation {
                metadata.response_code = ResponseCode::ServFail;
            }
            let empty = parts.write(metadata, &Response::empty(), &[])?;
            let bare = || Parts { questions: &[], ..parts }.write(metadata, &Response::empty(), &[]);
            // A long question beside the signature of a key with a long name.
            let least = if empty.is_some() { empty } else { bare()? };
            least.ok_or_else(|| ProtoError::from("not even an empty answer fits"))?
        }
    };
    if let Some((signature, now)) = signature {
        signature.add(&mut octets, now)?;
    }
    Ok(octets)
}

/// The octets of the name of the key that a request names.
fn key_name(request: &Request) -> usize {
    request.signature.as_ref().map_or(0, |signature| signature.name.len() + 2)
}

/// What all forms of an answer have in common.
struct Parts<'a> {
    questions: &'a [Query],
    edns: Option<&'a Edns>,
    room: u16,
}

impl Parts<'_> {
    /// The message, `None` if there is no room for it. The header says what
    /// `metadata` does; of `response` there are the records.
    fn write(
        &self,
        metadata: Metadata,
        response: &Response,
        additionals: &[Record],
    ) -> Result<Option<Vec<u8>>, ProtoError> {
        let mut octets = Vec::with_capacity(usize::from(MAX_DATAGRAM));
        let mut encoder = BinEncoder::new(&mut octets);
        encoder.set_max_size(self.room);
        let written = emit_message_parts(
            &metadata,
            &mut self.questions.iter(),
            &mut response.answers.iter(),
            &mut response.authorities.iter(),
            &mut additionals.iter(),
            self.edns,
            None,
            &mut encoder,
        );
        match written {
            Ok(header) if header.metadata.truncation == metadata.truncation => Ok(Some(octets)),
            Ok(_) | Err(ProtoError::NotAllRecordsWritten { .. } | ProtoError::MaxBufferSizeExceeded(_)) => {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}
