//! A set of DNS replies for the questions of one check.
//!
//! Chunks of `selector, length (two octets), body`. The selector's low four bits
//! are the type a chunk answers for (in the order of `RecordType::ALL`; from thirteen
//! on any), the next three the name (in the order of the plan; six is our SPF
//! record, seven any other). With the highest bit the body is a whole message;
//! without, it is the two octets of flags, the three counts that follow that of
//! the questions, and the records: header and question are put before it, since
//! without them a reply is never read.

use super::judged::name;
use signet_core::{
    names::Name,
    observe::{Failure, Look, Question, RecordType, Server, View, Zone},
};
use signet_dns::fuzzing;

/// Chunks read. Each may be an answer from each server.
const CHUNKS: usize = 64;
const SERVERS: usize = 3;

/// What is said to a question that no chunk is for.
#[derive(Clone, Copy)]
pub(crate) enum Otherwise {
    NotThere,
    Silent,
    NotDelegated,
}

pub(crate) struct Replies<'a> {
    chunks: Vec<Chunk<'a>>,
    /// The names that selectors stand for.
    pub(crate) names: Vec<Name>,
    pub(crate) apex: Name,
    pub(crate) servers: [&'static str; SERVERS],
    pub(crate) otherwise: Otherwise,
}

struct Chunk<'a> {
    rtype: Option<RecordType>,
    name: usize,
    whole: bool,
    body: &'a [u8],
}

/// Reads the chunks; a last one that is cut short is as long as it is.
fn chunks(mut rest: &[u8]) -> Vec<Chunk<'_>> {
    let mut chunks = Vec::new();
    while let Some((&[selector, high, low], after)) = rest.split_first_chunk()
        && chunks.len() < CHUNKS
    {
        let length = usize::from(u16::from_be_bytes([high, low])).min(after.len());
        let (body, after) = after.split_at(length);
        chunks.push(Chunk {
            rtype: RecordType::ALL.get(usize::from(selector & 0x0f)).copied(),
            name: usize::from(selector >> 4 & 7),
            whole: selector & 0x80 != 0,
            body,
        });
        rest = after;
    }
    chunks
}

impl<'a> Replies<'a> {
    pub(crate) fn read(octets: &'a [u8], names: Vec<Name>, apex: Name) -> Self {
        let servers = ["a.ns.cloudflare.com", "b.ns.cloudflare.com", "c.ns.cloudflare.com"];
        Self { chunks: chunks(octets), names, apex, servers, otherwise: Otherwise::NotThere }
    }

    pub(crate) fn look(&self, question: &Question) -> Look {
        let named = self.names.iter().position(|name| *name == question.name).unwrap_or(7);
        let fitting = |chunk: &&Chunk<'_>| {
            chunk.name == named && chunk.rtype.is_none_or(|rtype| rtype == question.rtype)
        };
        let messages: Vec<Vec<u8>> = self
            .chunks
            .iter()
            .filter(fitting)
            .take(SERVERS)
            .map(|chunk| if chunk.whole { chunk.body.to_vec() } else { dressed(question, chunk.body) })
            .collect();
        let apex = if question.name.is_at_or_below(&self.apex) {
            self.apex.clone()
        } else {
            question.name.organizational().unwrap_or_else(|| question.name.clone())
        };
        let apex = match question.view {
            View::Parent => question.name.parent().unwrap_or(apex),
            _ => apex,
        };
        if messages.is_empty() {
            return match self.otherwise {
                Otherwise::NotThere => {
                    let nothing = dressed(question, &not_there(&apex));
                    fuzzing::look(question, &apex, self.sent(question.view, &[nothing]))
                }
                Otherwise::Silent => Look { zone: Zone::Unknown(Failure::Timeout), replies: vec![] },
                Otherwise::NotDelegated => Look { zone: Zone::NotDelegated { name: apex }, replies: vec![] },
            };
        }
        fuzzing::look(question, &apex, self.sent(question.view, &messages))
    }

    fn sent<'m>(&self, view: View, messages: &'m [Vec<u8>]) -> Vec<(Server, &'m [u8])> {
        let own = matches!(view, View::Servers | View::Stream | View::Parent);
        let servers = self.servers.iter().zip(1..).map(|(server, number)| Server {
            name: own.then(|| name(server)),
            address: Some([192, 0, 2, 50 + number].into()),
        });
        servers.zip(messages).map(|(server, message)| (server, &message[..])).collect()
    }
}

/// A message with `body` behind the question.
fn dressed(question: &Question, body: &[u8]) -> Vec<u8> {
    let (head, records) = body.split_at(body.len().min(5));
    let mut head = head.to_vec();
    head.resize(5, 0);
    let mut octets = vec![0, 0, head[0] | 0x80, head[1], 0, 1, 0, head[2], 0, head[3], 0, head[4]];
    wire(&question.name, &mut octets);
    let rtype: u16 = match question.rtype {
        RecordType::A => 1,
        RecordType::Aaaa => 28,
        RecordType::Cname => 5,
        RecordType::Ds => 43,
        RecordType::Mx => 15,
        RecordType::Ns => 2,
        RecordType::Ptr => 12,
        RecordType::Soa => 6,
        RecordType::Spf => 99,
        RecordType::Txt => 16,
        RecordType::Caa => 257,
        RecordType::Https => 65,
        RecordType::Srv => 33,
    };
    octets.extend(rtype.to_be_bytes());
    octets.extend([0, 1]);
    octets.extend(records);
    octets
}

/// NXDOMAIN from the zone: one SOA.
fn not_there(apex: &Name) -> Vec<u8> {
    let mut body = vec![0x84, 0x83, 0, 1, 0];
    wire(apex, &mut body);
    body.extend([0, 6, 0, 1, 0, 0, 0, 60, 0, 22, 0, 0]);
    body.extend([0; 16]);
    body.extend([0, 0, 0, 60]);
    body
}

fn wire(name: &Name, octets: &mut Vec<u8>) {
    for label in name.as_str().split('.') {
        octets.push(u8::try_from(label.len()).expect("a label of a name"));
        octets.extend(label.as_bytes());
    }
    octets.push(0);
}
