//! The events of a store as a set, whatever order it has them in: the hash of an item, sums of
//! such hashes, and the file that keeps the sums of a segment.

use crate::engine::format::frame::SegmentHeader;
use crate::engine::model::bytes::{
    array_at, put_slice, put_varint, take_slice, take_varint, u32_at,
};
use crate::engine::model::id::{Hash, Id};
use std::collections::BTreeMap;
use std::sync::Arc;

const ITEM_DOMAIN: &[u8; 16] = b"fbat item v1\0\0\0\0";

/// Events whose sequences at their origin differ in these low bits only share a bucket.
pub const BUCKET_BITS: u32 = 10;

const MAGIC: [u8; 8] = *b"FBATSET\0";
/// Files of another version are not used.
const VERSION: u32 = 1;
const CHECKSUM_LEN: usize = 4;

/// Appends what the hash of an item is the hash of: an event by its origin and its content.
pub fn put_item(namespace: &str, event_id: Id, content_hash: &Hash, out: &mut Vec<u8>) {
    out.extend_from_slice(ITEM_DOMAIN);
    out.extend_from_slice(&(namespace.len() as u32).to_le_bytes());
    out.extend_from_slice(namespace.as_bytes());
    out.extend_from_slice(&event_id.to_bytes());
    out.extend_from_slice(&content_hash.0);
}

/// How many items there are, and the sum of their hashes, read as little-endian integers, modulo
/// 2^256. The sum does not depend on their order, and sums of parts add up to that of the whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    pub count: u64,
    words: [u64; 4],
}

impl Sum {
    pub fn of(item: &Hash) -> Sum {
        Sum::new(1, &item.0)
    }

    fn new(count: u64, bytes: &[u8; 32]) -> Sum {
        let word = |at: usize| u64::from_le_bytes(array_at(bytes, at * 8));
        Sum { count, words: [word(0), word(1), word(2), word(3)] }
    }

    pub fn add(&mut self, other: &Sum) {
        self.count += other.count;
        let mut carry = false;
        for (word, more) in self.words.iter_mut().zip(other.words) {
            let (sum, over) = word.overflowing_add(more);
            let (sum, again) = sum.overflowing_add(carry.into());
            (*word, carry) = (sum, over | again);
        }
    }

    pub fn fingerprint(&self) -> Hash {
        let mut bytes = [0; 32];
        for (place, word) in bytes.chunks_exact_mut(8).zip(self.words) {
            place.copy_from_slice(&word.to_le_bytes());
        }
        Hash(bytes)
    }
}

/// The events of a segment in one bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bucket {
    pub sum: Sum,
    /// The sequences here of the first of them and the last.
    pub first: u64,
    pub last: u64,
}

/// The events of a segment with one origin.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OriginSet {
    /// The greatest sequence that one of them has at the origin.
    pub greatest: u64,
    pub buckets: BTreeMap<u64, Bucket>,
}

/// The events of a segment, by their origins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SegmentSet {
    pub origins: BTreeMap<Arc<str>, OriginSet>,
}

/// The log that a file is about: a segment to its end. What follows it begins with this hash.
pub struct SetHead {
    pub segment: SegmentHeader,
    pub next_sequence: u64,
    pub log_hash: Hash,
}

impl SetHead {
    fn encode(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        out.extend_from_slice(&VERSION.to_le_bytes());
        out.extend_from_slice(&self.segment.store_id.to_bytes());
        out.extend_from_slice(&self.segment.first_sequence.to_le_bytes());
        out.extend_from_slice(&self.segment.salt.to_le_bytes());
        out.extend_from_slice(&self.next_sequence.to_le_bytes());
        out.extend_from_slice(&self.log_hash.0);
        out
    }
}

impl SegmentSet {
    /// Adds events with one origin and in one bucket, in the order of the log.
    pub fn add(&mut self, namespace: &Arc<str>, greatest: u64, events: &Bucket) {
        if !self.origins.contains_key(namespace) {
            self.origins.insert(namespace.clone(), OriginSet::default());
        }
        let Some(origin) = self.origins.get_mut(namespace) else { return };
        origin.greatest = origin.greatest.max(greatest);
        let bucket = origin.buckets.entry(greatest >> BUCKET_BITS);
        let bucket = bucket.or_insert(Bucket { sum: Sum::default(), ..*events });
        bucket.sum.add(&events.sum);
        bucket.last = events.last;
    }

    /// The bytes of the file.
    pub fn encode(&self, head: &SetHead) -> Vec<u8> {
        let mut out = head.encode();
        put_varint(&mut out, self.origins.len() as u64);
        for (namespace, origin) in &self.origins {
            put_slice(&mut out, namespace.as_bytes());
            put_varint(&mut out, origin.greatest);
            put_varint(&mut out, origin.buckets.len() as u64);
            let mut next = 0;
            for (number, bucket) in &origin.buckets {
                put_varint(&mut out, number - next);
                put_varint(&mut out, bucket.sum.count);
                put_varint(&mut out, bucket.first - head.segment.first_sequence);
                put_varint(&mut out, bucket.last - bucket.first);
                out.extend_from_slice(&bucket.sum.fingerprint().0);
                next = number + 1;
            }
        }
        let crc = crc32fast::hash(&out);
        out.extend_from_slice(&crc.to_le_bytes());
        out
    }

    /// Reads the bytes of a file about this log. None where it is damaged, about another log or of
    /// another version.
    pub fn decode(bytes: &[u8], head: &SetHead) -> Option<SegmentSet> {
        let (front, crc) = bytes.split_at_checked(bytes.len().checked_sub(CHECKSUM_LEN)?)?;
        if u32_at(crc, 0) != crc32fast::hash(front) {
            return None;
        }
        let mut rest = front.strip_prefix(&*head.encode())?;
        let mut set = SegmentSet::default();
        for _ in 0..take_varint(&mut rest)? {
            let namespace = std::str::from_utf8(take_slice(&mut rest)?).ok()?;
            let mut origin =
                OriginSet { greatest: take_varint(&mut rest)?, ..OriginSet::default() };
            let mut next = 0u64;
            for _ in 0..take_varint(&mut rest)? {
                let number = next.checked_add(take_varint(&mut rest)?)?;
                let count = take_varint(&mut rest)?;
                let first = head.segment.first_sequence.checked_add(take_varint(&mut rest)?)?;
                let last = first.checked_add(take_varint(&mut rest)?)?;
                let (sum, tail) = rest.split_first_chunk::<32>()?;
                let bucket = Bucket { sum: Sum::new(count, sum), first, last };
                origin.buckets.insert(number, bucket);
                (rest, next) = (tail, number.checked_add(1)?);
            }
            set.origins.insert(namespace.into(), origin);
        }
        rest.is_empty().then_some(set)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head() -> SetHead {
        let segment = SegmentHeader {
            version: 1,
            store_id: Id(7),
            first_sequence: 100,
            created_us: 0,
            log_hash: Hash::ZERO,
            salt: 9,
            log_start: 1,
            events_before: 0,
        };
        SetHead { segment, next_sequence: 900, log_hash: Hash([3; 32]) }
    }

    fn set() -> SegmentSet {
        let mut set = SegmentSet::default();
        for (at, name) in ["store:a", "store:b", "plant/7"].into_iter().enumerate() {
            for sequence in [0, 1, 1023, 1024, 5_000_000, u64::MAX] {
                let local = 100 + at as u64 * 7 + (sequence & 0xff);
                let sum = Sum::of(&Hash([(at as u8).wrapping_add(sequence as u8); 32]));
                set.add(&name.into(), sequence, &Bucket { sum, first: local, last: local });
            }
        }
        set
    }

    #[test]
    fn a_file_reads_as_what_was_written() {
        for set in [set(), SegmentSet::default()] {
            assert_eq!(SegmentSet::decode(&set.encode(&head()), &head()), Some(set));
        }
    }

    #[test]
    fn damage_another_log_and_what_is_cut_are_refused() {
        let bytes = set().encode(&head());
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(SegmentSet::decode(&damaged, &head()), None, "bit {bit}");
        }
        for length in 0..bytes.len() {
            assert_eq!(SegmentSet::decode(&bytes[..length], &head()), None);
        }
        let other = SetHead { log_hash: Hash([4; 32]), ..head() };
        assert_eq!(SegmentSet::decode(&bytes, &other), None);
    }

    #[test]
    fn sums_are_those_of_integers_of_256_bits() {
        let mut sum = Sum::of(&Hash([0xff; 32]));
        let mut one = [0; 32];
        one[0] = 1;
        sum.add(&Sum::of(&Hash(one)));
        assert_eq!((sum.count, sum.fingerprint()), (2, Hash::ZERO));
        let mut carried = [0; 32];
        carried[..8].fill(0xff);
        let mut sum = Sum::of(&Hash(carried));
        sum.add(&Sum::of(&Hash(one)));
        let mut expected = [0; 32];
        expected[8] = 1;
        assert_eq!(sum.fingerprint(), Hash(expected));
    }
}
