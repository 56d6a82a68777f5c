//! Appending: the checks that need no store, then one commit.

use super::commit::Outcome;
use super::item::Item;
use super::Store;
use crate::engine::log::options::Durability;
use crate::engine::model::error::{Error, Result};
use crate::engine::model::event::{self, batch_bytes, encode_extensions, NewEvent, Receipt};
use crate::engine::model::limits::Limits;
use std::sync::atomic::Ordering;

impl Store {
    /// Appends one event; see [`Store::append_batch`].
    pub fn append(&self, event: &NewEvent<'_>) -> Result<Receipt> {
        let store = &*self.0;
        store.check_writable()?;
        check_batch(std::slice::from_ref(event), &store.options.limits)?;
        let extensions = encode_extensions(event.extensions);
        let outcomes = self.append_items(&[Item::of_event(event, &extensions)])?;
        store.receipt_of(0, &outcomes[0], store.durable.load(Ordering::Acquire))
    }

    /// Appends all of `events` or none. Errors name the item.
    pub fn append_batch(&self, events: &[NewEvent<'_>]) -> Result<Vec<Receipt>> {
        let store = &*self.0;
        store.check_writable()?;
        check_batch(events, &store.options.limits)?;
        let extensions: Vec<Vec<u8>> =
            events.iter().map(|event| encode_extensions(event.extensions)).collect();
        let outcomes = self.append_items(&Item::of_events(events, &extensions))?;
        let durable = store.durable.load(Ordering::Acquire);
        outcomes
            .iter()
            .enumerate()
            .map(|(item, outcome)| store.receipt_of(item, outcome, durable))
            .collect()
    }

    fn append_items(&self, items: &[Item<'_>]) -> Result<Vec<Outcome>> {
        let store = &*self.0;
        let outcomes = store.commit(items, None)?;
        if store.options.durability == Durability::Durable && !items.is_empty() {
            store.sync_through(store.visible.load(Ordering::Acquire))?;
        }
        Ok(outcomes)
    }

    /// Appends an event whose provenance extension holds these bytes, whatever they are.
    #[cfg(feature = "internal")]
    pub fn append_with_provenance_body(
        &self,
        event: &NewEvent<'_>,
        body: &[u8],
    ) -> Result<Receipt> {
        self.0.check_writable()?;
        let extensions = encode_extensions(event.extensions);
        let mut item = Item::of_event(event, &extensions);
        item.event.source = event::Source::Raw(body);
        let outcomes = self.append_items(&[item])?;
        self.0.receipt_of(0, &outcomes[0], self.0.durable.load(Ordering::Acquire))
    }
}

fn check_batch(events: &[NewEvent<'_>], limits: &Limits) -> Result<()> {
    event::check_limit("batch events", events.len(), limits.batch_events_max)?;
    let mut bytes = 0;
    for (item, event) in events.iter().enumerate() {
        let check = || {
            event::check_event(event, limits)?;
            match event.cause {
                event::Cause::Item(cause) if cause >= item => Err(Error::invalid(format!(
                    "its cause is item {cause}, which is not before it"
                ))),
                _ => Ok(()),
            }
        };
        check().map_err(|e| e.with_item(item))?;
        bytes +=
            batch_bytes(event.entity, event.scope, event.payload, event.extensions.iter().copied());
        event::check_limit("batch bytes", bytes, limits.batch_bytes_max)
            .map_err(|e| e.with_item(item))?;
    }
    Ok(())
}
