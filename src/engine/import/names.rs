//! Which stores a namespace has stood for. A store remembers it in its log, with events of kind
//! [`Kind::NAMESPACE`], which are found by their ids: these follow from the namespace and a number.

use crate::engine::format::system;
use crate::engine::log::state::Log;
use crate::engine::model::error::{Error, Result};
use crate::engine::model::id::{Id, Kind};
use crate::engine::store::identity::system_item;
use crate::engine::store::item::Item;

/// What an import leaves in the log with the first event that it brings.
#[derive(Clone)]
pub struct Record {
    id: Id,
    payload: Vec<u8>,
}

impl Record {
    pub fn item(&self) -> Item<'_> {
        let mut item = Item { with_others: true, ..system_item(Kind::NAMESPACE, &self.payload) };
        item.event.id = self.id;
        item
    }
}

/// The stores that a namespace has stood for in imports into one store, oldest first, and the
/// number that the next record of it has.
fn stores_named(log: &Log, namespace: &str) -> Result<(Vec<Id>, u64)> {
    let mut stores = Vec::new();
    for number in 0.. {
        let Some((segment, found)) = log.find_key(system::namespace_id(namespace, number))? else {
            return Ok((stores, number));
        };
        let mut window = segment.window();
        let frame = segment.frame_at(&mut window, found.offset.into())?;
        // A caller may have computed the id, and used it as a key.
        let record = Some(frame.payload).filter(|_| frame.kind == Kind::NAMESPACE);
        stores.extend(record.and_then(system::namespace_store));
    }
    unreachable!("no log has so many events")
}

/// Lets `namespace` stand for the store `source` in an import into `to`. The record that this
/// needs; none where there is one. Refused where it stood for other stores only, unless `allow`.
pub fn claim(to: &Log, namespace: &str, source: Id, allow: bool) -> Result<Option<Record>> {
    let (stores, number) = stores_named(to, namespace)?;
    match stores.last() {
        _ if stores.contains(&source) => return Ok(None),
        Some(other) if !allow => {
            return Err(Error::invalid(format!(
                "the namespace '{namespace}' stands for the store {other} here, and the source is \
                 the store {source}; FBAT_IMPORT_ALLOW_OTHER_STORE lets it stand for both"
            )));
        }
        _ => {}
    }
    let id = system::namespace_id(namespace, number);
    Ok(Some(Record { id, payload: system::namespace_payload(namespace, source) }))
}

/// Refuses to import a store into itself, or into a copy that has its store id.
pub fn refuse_itself(to: Id, source: Id) -> Result<()> {
    if to != source {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "the source has the store id of the destination, {to}: it is the same store, or a copy of \
         it. fbat_new_identity gives a copy an id of its own; FBAT_IMPORT_ALLOW_SELF imports it as \
         it is"
    )))
}

/// Where events of a source that carry the namespace of an import came to it from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Earlier {
    /// The source is the destination, or a copy of it: what both have is output of this import.
    Itself,
    /// Stores that are not the destination: they are none of its events.
    OtherStores,
    /// The destination, perhaps among others.
    Destination,
    /// The source does not say.
    Unknown,
}

impl Earlier {
    pub fn of(to: &Log, from: &Log, namespace: &str) -> Result<Earlier> {
        if to.store_id() == from.store_id() {
            return Ok(Earlier::Itself);
        }
        let (stores, _) = stores_named(from, namespace)?;
        let ours = |id: &Id| {
            *id == to.identity.log_id || to.identity.changes.iter().any(|c| c.store_id == *id)
        };
        Ok(match stores.as_slice() {
            [] => Earlier::Unknown,
            some if some.iter().any(ours) => Earlier::Destination,
            _ => Earlier::OtherStores,
        })
    }
}
