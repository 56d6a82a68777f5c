//! The event hashes of a batch. An event is chained to its entity's event before, which may be in
//! the same batch. Events that are not chained to each other are hashed side by side, in rounds.

use super::hash::{self, PREVIOUS_AT};
use super::lanes::{self, Inputs};
use crate::engine::model::event::Event;
use crate::engine::model::id::Hash;

/// The hash that an event is chained to.
#[derive(Clone, Copy)]
pub enum Before {
    Known(Hash),
    /// That of an earlier event of the batch, counted from 0.
    InBatch(usize),
}

/// Events are hashed when so many of them wait, or so many bytes.
const TOGETHER: usize = 256;
const TOGETHER_BYTES: usize = 256 << 10;

#[derive(Default)]
pub struct Chain {
    /// Of all events of the batch, zero for those that wait.
    hashes: Vec<Hash>,
    inputs: Inputs,
    waiting: Vec<Waiting>,
}

struct Waiting {
    /// The number of those before it that wait for each other.
    round: usize,
    number: usize,
    before: Before,
}

impl Chain {
    /// Begins a batch.
    pub fn clear(&mut self) {
        self.hashes.clear();
        self.inputs.clear();
        self.waiting.clear();
    }

    /// Adds the next event, which has this content hash; returns its number in the batch.
    pub fn push(&mut self, event: &Event<'_>, content_hash: &Hash, before: Before) -> usize {
        let number = self.hashes.len();
        let round = match before {
            Before::Known(_) => 0,
            Before::InBatch(at) => {
                let waits = at.checked_sub(number - self.waiting.len());
                waits.map_or(0, |at| self.waiting[at].round + 1)
            }
        };
        let previous = self.hash_before(before);
        self.inputs.push(|out| hash::put_event(event, content_hash, &previous, out));
        self.hashes.push(Hash::ZERO);
        self.waiting.push(Waiting { round, number, before });
        number
    }

    /// Whether so many events wait that it is time to hash them.
    pub fn is_full(&self) -> bool {
        self.waiting.len() >= TOGETHER || self.inputs.bytes() >= TOGETHER_BYTES
    }

    /// Hashes the events that wait.
    pub fn hash(&mut self) {
        let Chain { hashes, inputs, waiting } = self;
        let first = hashes.len() - waiting.len();
        if let [Waiting { number, before: Before::Known(_), .. }] = waiting[..] {
            hashes[number] = hash::content_hash(inputs.get(0));
            return self.leave();
        }
        waiting.sort_by_key(|event| event.round);
        for round in waiting.chunk_by(|a, b| a.round == b.round) {
            for Waiting { number, before, .. } in round {
                if let Before::InBatch(at) = before {
                    inputs.get_mut(number - first)[PREVIOUS_AT].copy_from_slice(&hashes[*at].0);
                }
            }
            let inputs = round.iter().map(|event| inputs.get(event.number - first));
            lanes::hash_each(inputs, |at, hash| hashes[round[at].number] = hash);
        }
        self.leave();
    }

    /// None waits any more.
    fn leave(&mut self) {
        self.waiting.clear();
        self.inputs.clear();
    }

    pub fn hash_before(&self, before: Before) -> Hash {
        match before {
            Before::Known(hash) => hash,
            Before::InBatch(at) => self.hashes[at],
        }
    }

    /// Of all events of the batch, once none of them waits.
    pub fn hashes(&self) -> &[Hash] {
        &self.hashes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_hashed_as_one_after_the_other() {
        let (mut chain, mut scratch) = (Chain::default(), Vec::new());
        let names: Vec<String> = (0..40).map(|entity| format!("entity {entity}")).collect();
        for entities in [1, 2, 7, 40] {
            for count in [1, 5, 255, 256, 257, 1000] {
                chain.clear();
                let mut newest = vec![None; entities];
                let mut expected: Vec<Hash> = Vec::new();
                for number in 0..count {
                    let entity = number * number % 41 % entities;
                    let event = Event {
                        sequence: number as u64,
                        entity: &names[entity],
                        ..Event::default()
                    };
                    let before =
                        newest[entity].map_or(Before::Known(Hash([7; 32])), Before::InBatch);
                    let previous = match before {
                        Before::Known(hash) => hash,
                        Before::InBatch(at) => expected[at],
                    };
                    expected.push(hash::event_hash(&event, &previous, &mut scratch));
                    assert_eq!(chain.push(&event, &event.content_hash(), before), number);
                    newest[entity] = Some(number);
                    if chain.is_full() {
                        chain.hash();
                    }
                }
                chain.hash();
                assert_eq!(chain.hashes(), expected, "{entities} entities, {count} events");
            }
        }
    }
}
