//! The message that carries changes out (RFC 2136 §2).

use hickory_proto::{
    op::{Message, MessageType, OpCode, Query},
    rr::{
        DNSClass, Name as WireName, RData, Record, RecordType as WireType,
        rdata::{CNAME, TXT},
    },
};
use signet_core::{
    names::Name,
    observe::{Data, RecordType},
    publish::{Change, Requirement},
};

/// One update with all of `changes`.
pub(super) fn update(zone: &Name, changes: &[&Change]) -> Result<Message, String> {
    let mut message = about(zone, OpCode::Update)?;
    for change in changes.iter().filter(|change| change.action.writes()) {
        let owner = wire_name(&change.owner)?;
        for requirement in &change.requires {
            message.answers.extend(prerequisite(&owner, requirement)?);
        }
        for entry in &change.before {
            // Delete exactly this one (§2.5.4).
            let record = Record::from_rdata(owner.clone(), 0, rdata(&entry.data)?);
            message.authorities.push(of_class(record, DNSClass::NONE));
        }
        for entry in &change.after {
            // Add it (§2.5.1).
            message.authorities.push(Record::from_rdata(owner.clone(), entry.ttl, rdata(&entry.data)?));
        }
    }
    Ok(message)
}

/// A question for the zone's SOA.
pub(super) fn query(zone: &Name) -> Result<Message, String> {
    about(zone, OpCode::Query)
}

/// The zone section of an update (§2.3) is a question for its SOA.
fn about(zone: &Name, code: OpCode) -> Result<Message, String> {
    let mut message = Message::new(rand::random(), MessageType::Query, code);
    let mut query = Query::new();
    query.set_name(wire_name(zone)?).set_query_type(WireType::SOA).set_query_class(DNSClass::IN);
    message.add_query(query);
    Ok(message)
}

/// §2.4. A TTL of 0 and, where there is no data, RDLENGTH 0.
fn prerequisite(owner: &WireName, requirement: &Requirement) -> Result<Vec<Record>, String> {
    let empty = |rtype, class| of_class(Record::update0(owner.clone(), 0, rtype), class);
    Ok(match requirement {
        Requirement::NameUnused => vec![empty(WireType::ANY, DNSClass::NONE)],
        Requirement::None(rtype) => vec![empty(wire_type(*rtype), DNSClass::NONE)],
        Requirement::Exactly(_, all) => {
            let record = |data| Ok(Record::from_rdata(owner.clone(), 0, rdata(data)?));
            all.iter().map(record).collect::<Result<_, String>>()?
        }
    })
}

fn of_class(mut record: Record, class: DNSClass) -> Record {
    record.dns_class = class;
    record
}

fn wire_type(rtype: RecordType) -> WireType {
    if rtype == RecordType::Txt { WireType::TXT } else { WireType::CNAME }
}

fn wire_name(name: &Name) -> Result<WireName, String> {
    WireName::from_ascii(format!("{name}.")).map_err(|error| error.to_string())
}

fn rdata(data: &Data) -> Result<RData, String> {
    match data {
        Data::Cname(target) => Ok(RData::CNAME(CNAME(wire_name(target)?))),
        Data::Txt(strings) => Ok(RData::TXT(TXT::from_bytes(strings.iter().map(Vec::as_slice).collect()))),
        other => Err(format!("{other} is neither a CNAME nor a TXT")),
    }
}
