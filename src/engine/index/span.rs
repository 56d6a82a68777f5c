//! What a segment has of one entity or scope: how many events, which are the first and the last.

use crate::engine::model::bytes::u64_at;

/// First and last of some events, and how many there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    pub events: u64,
    pub sequences: (u64, u64),
    /// The times of those two.
    pub timestamps: (i64, i64),
}

impl Span {
    /// Takes in events that are all later.
    pub fn extend(&mut self, later: &Span) {
        match (self.events, later.events) {
            (_, 0) => {}
            (0, _) => *self = *later,
            _ => {
                self.events += later.events;
                self.sequences.1 = later.sequences.1;
                self.timestamps.1 = later.timestamps.1;
            }
        }
    }

    /// Takes in an event that is later.
    pub fn add(&mut self, sequence: u64, timestamp_us: i64) {
        let (sequences, timestamps) = ((sequence, sequence), (timestamp_us, timestamp_us));
        self.extend(&Span { events: 1, sequences, timestamps });
    }

    /// As the spans section has it, which leaves out the number of events.
    pub fn encode(&self) -> [u8; 32] {
        let mut out = [0; 32];
        let words = [
            self.sequences.0,
            self.sequences.1,
            self.timestamps.0 as u64,
            self.timestamps.1 as u64,
        ];
        out.chunks_mut(8).zip(words).for_each(|(to, word)| to.copy_from_slice(&word.to_le_bytes()));
        out
    }

    pub fn decode(bytes: &[u8], at: usize, events: u64) -> Span {
        let word = |n: usize| u64_at(bytes, at + n * 8);
        Span { events, sequences: (word(0), word(1)), timestamps: (word(2) as i64, word(3) as i64) }
    }
}
