//! Events that are kept beside others of their name. The log says so, with an event of kind
//! [`Kind::CONFLICT`] right before each, in the same batch. They are found by kind, and by their
//! ids: these follow from the name and a number.

use super::names::Record;
use crate::engine::format::system::{self, ConflictIds};
use crate::engine::log::state::Log;
use crate::engine::model::error::Result;
use crate::engine::model::id::{Id, Kind};
use crate::engine::store::commit::Outcome;
use crate::engine::store::item::Item;

/// The records of a batch, each with the place that the event it goes with has without them.
/// Ascending; none as a rule.
#[derive(Default)]
pub struct Records(Vec<(usize, Record)>);

impl Records {
    /// Makes the record of the event at this place, unless the log has the event.
    pub fn add(&mut self, log: &Log, at: usize, namespace: &str, ids: ConflictIds) -> Result<()> {
        let id_of = |number| system::conflict_id(namespace, ids.event_id, number);
        let is_taken = |id: Id| match self.0.iter().any(|(_, record)| record.id == id) {
            true => Ok(true),
            false => log.find_key(id).map(|found| found.is_some()),
        };
        let id = id_of(first_free(|number| is_taken(id_of(number)))?);
        // In this order: whoever brings the event now takes the number, too.
        if log.find_key(ids.kept)?.is_none() {
            let payload = system::conflict_payload(namespace, ids);
            self.0.push((at, Record { kind: Kind::CONFLICT, id, payload }));
        }
        Ok(())
    }

    /// Adds items to those of a batch, each record before the one that it goes with.
    pub fn weave<'a>(&'a self, items: impl Iterator<Item = Item<'a>>, batch: &mut Vec<Item<'a>>) {
        let mut records = self.0.iter().peekable();
        for (at, item) in items.enumerate() {
            batch.extend(records.next_if(|(of, _)| *of == at).map(|(_, record)| record.item()));
            batch.push(item);
        }
    }

    /// The place of an item without the records; none for a record.
    pub fn unwoven(&self, at: usize) -> Option<usize> {
        let place = |number: usize| self.0[number].0 + number;
        let before = (0..self.0.len()).take_while(|number| place(*number) < at).count();
        (before == self.0.len() || place(before) != at).then_some(at - before)
    }

    /// What became of the items, without the records.
    pub fn unweave(&self, outcomes: &mut Vec<Outcome>) {
        if !self.0.is_empty() {
            let mut at = 0..;
            outcomes.retain(|_| at.next().and_then(|at| self.unwoven(at)).is_some());
        }
    }
}

/// The first number that is free, where those that are taken come one after the other.
fn first_free(is_taken: impl Fn(u64) -> Result<bool>) -> Result<u64> {
    // Below `low` all are taken.
    let (mut low, mut step) = (0, 1);
    while is_taken(low + step - 1)? {
        (low, step) = (low + step, step * 2);
    }
    let mut high = low + step - 1;
    while low < high {
        let middle = low + (high - low) / 2;
        match is_taken(middle)? {
            true => low = middle + 1,
            false => high = middle,
        }
    }
    Ok(low)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_free_number_is_found_in_few_steps() {
        for taken in (0..70).chain([1000, 123_456]) {
            let asked = std::cell::Cell::new(0);
            let found = first_free(|number| {
                asked.set(asked.get() + 1);
                Ok(number < taken)
            });
            assert_eq!(found.unwrap(), taken);
            assert!(asked.get() <= 40, "{taken}: {}", asked.get());
        }
    }
}
