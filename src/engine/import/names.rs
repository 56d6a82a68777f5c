//! Which stores a namespace has stood for. A store remembers it in its log, with events of kind
//! [`Kind::NAMESPACE`], which are found by their ids: these follow from the namespace and a number.

use crate::engine::format::system::{self, ImportIdentity};
use crate::engine::log::segment::Flow;
use crate::engine::log::state::Log;
use crate::engine::model::error::{Error, Result};
use crate::engine::model::event::Event;
use crate::engine::model::id::{Id, Kind};
use crate::engine::model::key::native_namespace;
use crate::engine::model::region::{KindRange, Region};
use crate::engine::store::identity::system_item;
use crate::engine::store::item::Item;
use crate::engine::store::scan::Scan;
use std::sync::Arc;

/// What an import leaves in the log with an event that it brings.
#[derive(Clone)]
pub struct Record {
    pub kind: Kind,
    pub id: Id,
    pub payload: Vec<u8>,
}

impl Record {
    pub fn item(&self) -> Item<'_> {
        let mut item = Item { with_others: true, ..system_item(self.kind, &self.payload) };
        item.event.id = self.id;
        item
    }

    /// For the end of a batch.
    pub fn closing_item(&self) -> Item<'_> {
        Item { with_others: false, with_all: true, ..self.item() }
    }
}

/// The stores that a namespace has stood for in imports into one store, oldest first, and how
/// their events are identified; and the number that the next record of it has.
fn stores_named(log: &Log, namespace: &str) -> Result<(Vec<(Id, ImportIdentity)>, u64)> {
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

/// Whether events of this store were imported with this identity, under any name.
fn has_used(log: &Log, store: Id, identity: ImportIdentity) -> Result<bool> {
    let (kinds, mut used) = (vec![KindRange::exact(Kind::NAMESPACE)], false);
    let region = Region { kinds, ..Region::default() };
    log.scan(&Scan { system: true, ..Scan::of(&region) }, &mut |event: &Event<'_>| {
        used = system::namespace_store(event.payload) == Some((store, identity));
        Ok(if used { Flow::Break(()) } else { Flow::Continue(()) })
    })?;
    Ok(used)
}

/// What an import asks of the names that the destination remembers.
#[derive(Clone)]
pub struct Claim {
    pub namespace: Arc<str>,
    /// The store id of the source.
    pub source: Id,
    pub identity: ImportIdentity,
    /// The namespace may have stood for other stores.
    pub allow_other_store: bool,
    /// The store may have been imported with the other identity.
    pub allow_other_identity: bool,
}

impl Claim {
    /// Lets the namespace stand for the store in an import into `to`. The record that this needs;
    /// none where there is one. Refused where it stood for other stores only, or where the events
    /// of this store have the other identity, unless that is allowed.
    pub fn record(&self, to: &Log) -> Result<Option<Record>> {
        let Claim { source, identity, .. } = *self;
        let (stores, number) = stores_named(to, &self.namespace)?;
        if stores.contains(&(source, identity)) {
            return Ok(None);
        }
        let other = stores.iter().rev().find(|(store, _)| *store != source);
        if let Some((other, _)) = other.filter(|_| !self.allow_other_store) {
            return Err(Error::invalid(format!(
                "the namespace '{}' stands for the store {other} here, and the source is the store \
                 {source}; FBAT_IMPORT_ALLOW_OTHER_STORE lets it stand for both",
                self.namespace
            )));
        }
        if !self.allow_other_identity {
            self.check_identity(to)?;
        }
        let id = system::namespace_id(&self.namespace, number);
        let payload = system::namespace_payload(&self.namespace, source, identity);
        Ok(Some(Record { kind: Kind::NAMESPACE, id, payload }))
    }

    /// Refuses the other identity than the one that this store's events have first had.
    fn check_identity(&self, to: &Log) -> Result<()> {
        let (other, before) = match self.identity {
            ImportIdentity::Source => {
                let native = native_namespace(self.source);
                let record = (self.source, ImportIdentity::Origin);
                (stores_named(to, &native)?.0.contains(&record), "origin")
            }
            ImportIdentity::Origin => {
                (has_used(to, self.source, ImportIdentity::Source)?, "the name of their source")
            }
        };
        if !other || has_used(to, self.source, self.identity)? {
            return Ok(());
        }
        Err(Error::invalid(format!(
            "events of the store {} were imported here by {before}, and would come again; \
             FBAT_IMPORT_ALLOW_OTHER_IDENTITY lets them",
            self.source
        )))
    }
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
        let ours = |(id, _): &(Id, _)| to.identity.store_ids().any(|ours| ours.store_id == *id);
        Ok(match stores.as_slice() {
            [] => Earlier::Unknown,
            some if some.iter().any(ours) => Earlier::Destination,
            _ => Earlier::OtherStores,
        })
    }
}
