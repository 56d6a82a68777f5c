//! What a dry run would have brought. An import asks its destination for what it has brought
//! itself, so a dry run has to know of that: most events as one bit of their sequence in the
//! source, and in full those that may be asked for by an id.

use super::chunk::Admitted;
use super::naming::Name;
use super::plan::Sums;
use crate::engine::format::hash;
use crate::engine::log::state::Log;
use crate::engine::model::error::{Code, Error, Result};
use crate::engine::model::event::Event;
use crate::engine::model::id::Id;
use crate::engine::store::scan::Strings;
use foldhash::HashMap;

/// So many events are known in full, so that memory is bounded.
const IN_FULL_MAX: usize = 1 << 20;

/// An event that would be there, under some id.
#[derive(Clone, Copy)]
pub struct Brought {
    /// Of its content.
    pub tag: u64,
    /// The key of its name.
    pub name: Id,
}

/// The events that a dry run would have brought so far.
#[derive(Default)]
pub struct Foreseen {
    in_full: HashMap<Id, Brought>,
    /// Too many to know all in full.
    is_over: bool,
    /// Of the others, the sequences in the source.
    sequences: Sequences,
    /// All may be asked for.
    all_in_full: bool,
    /// Sums them up, where that is wanted.
    sums: Option<Sums>,
}

impl Foreseen {
    pub fn new(all_in_full: bool, sums: Option<Sums>) -> Foreseen {
        Foreseen { all_in_full, sums, ..Foreseen::default() }
    }

    pub fn into_sums(self) -> Option<Sums> {
        self.sums
    }

    /// The event that would be there under this id by now.
    pub fn find(&self, id: Id) -> Result<Option<Brought>> {
        match self.in_full.get(&id) {
            Some(brought) => Ok(Some(*brought)),
            None if self.is_over => {
                let message = format!(
                    "a dry run knows {IN_FULL_MAX} events that would be asked for again, and there \
                     are more: the import can be tried in parts"
                );
                let (actual, allowed) = (IN_FULL_MAX as u64 + 1, IN_FULL_MAX as u64);
                Err(Error::new(Code::LimitExceeded, message).with_numbers(actual, allowed))
            }
            None => Ok(None),
        }
    }

    /// An event would be appended. `is_alone`: it is where the first of its name is in the source.
    pub fn add(
        &mut self,
        event: &Event<'_>,
        name: &mut Name<'_>,
        admitted: Admitted,
        is_alone: bool,
    ) {
        if let Some(sums) = &mut self.sums {
            sums.add(event, name.namespace);
        }
        let is_plain = is_alone && !name.may_be_elsewhere && !self.all_in_full;
        if is_plain && !matches!(admitted, Admitted::Conflict { .. }) {
            return self.sequences.add(event.sequence);
        }
        let brought = Brought { tag: hash::tag_of(event), name: name.key() };
        self.keep(admitted.id(), brought);
    }

    fn keep(&mut self, id: Id, brought: Brought) {
        match self.in_full.len() < IN_FULL_MAX || self.in_full.contains_key(&id) {
            true => _ = self.in_full.insert(id, brought),
            false => self.is_over = true,
        }
    }

    /// An event of the source is not where the first of its name is, which has the id `first`
    /// there. Whether that would have been brought, which has the id `here` then, is to be known in
    /// full.
    pub fn recall(&mut self, source: &Log, first: Id, here: Id, name: &mut Name<'_>) -> Result<()> {
        let Some((segment, found)) = source.find_key(first)? else { return Ok(()) };
        let mut window = segment.window();
        let frame = segment.frame_at(&mut window, found.offset.into())?;
        if !self.sequences.has(frame.sequence) {
            return Ok(());
        }
        // Under another store id of the source it has another name.
        let mut strings = Strings::new(segment.clone());
        let event = strings.event(&frame, None)?;
        if source.is_named(&event, name.namespace, name.event_id)? {
            self.keep(here, Brought { tag: found.tag, name: name.key() });
        }
        Ok(())
    }
}

/// Ascending sequences, as bits.
#[derive(Default)]
struct Sequences(Vec<(u64, Box<[u64; WORDS]>)>);

const WORDS: usize = 64;

impl Sequences {
    /// The page of a sequence; word and bit in it.
    fn place(sequence: u64) -> (u64, usize, u64) {
        let bits = 64 * WORDS as u64;
        let at = sequence % bits;
        (sequence / bits, (at / 64) as usize, 1 << (at % 64))
    }

    fn add(&mut self, sequence: u64) {
        let (page, word, bit) = Sequences::place(sequence);
        if self.0.last().is_none_or(|(last, _)| *last != page) {
            self.0.push((page, Box::new([0; WORDS])));
        }
        if let Some((_, words)) = self.0.last_mut() {
            words[word] |= bit;
        }
    }

    fn has(&self, sequence: u64) -> bool {
        let (page, word, bit) = Sequences::place(sequence);
        let found = self.0.binary_search_by_key(&page, |(page, _)| *page);
        found.is_ok_and(|at| self.0[at].1[word] & bit != 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequences_that_were_added_are_there_and_no_others() {
        let mut sequences = Sequences::default();
        let added = [1, 2, 64, 4095, 4096, 4097, 1 << 40, (1 << 40) + 3];
        added.iter().for_each(|sequence| sequences.add(*sequence));
        for sequence in (0..10_000).chain((1 << 40) - 5000..(1 << 40) + 5000) {
            assert_eq!(sequences.has(sequence), added.contains(&sequence), "{sequence}");
        }
    }
}
