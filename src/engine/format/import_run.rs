//! What an import leaves in the log of its destination: a record of the run, and one of a fork that
//! it met. Both are found by their ids, which follow from what is imported and a number.

use super::system::{decode, ImportIdentity};
use crate::engine::model::id::{Hash, Id};
use crate::engine::model::key::operation_key;
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// A record of a run: what an import selected, how far it came, and where the events went.
///
/// It says: of the events of the source after `after`, up to the watermark, all that the selector
/// lets through are here. The selector is region, filter, and whether conflicts are left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportRun {
    pub source_log_id: Id,
    pub source_store_id: Id,
    /// What the source's events are called by: with identity by origin, its native namespace.
    pub source_namespace: String,
    /// The source's label, which names nothing.
    pub label: String,
    pub identity: ImportIdentity,
    /// What the caller calls the import; empty where it has no name.
    pub name: String,
    /// In the form of [`super::selector`].
    pub region: Vec<u8>,
    /// None, or the caller's name for it, which may be empty: nobody can look into a filter.
    pub filter: Option<String>,
    /// Events whose name exists with other content were left out.
    pub conflicts_left_out: bool,
    /// The `after` that the caller gave.
    pub after: u64,
    /// The first sequence of the source that was examined; 0: none.
    pub first_sequence: u64,
    /// The last sequence of the source that the run covers, and the source's log hash there.
    pub watermark: u64,
    pub watermark_log_hash: Hash,
    pub counts: Counts,
    /// Which history of the source this is of: the number of the record that begins its branch.
    pub branch: u64,
    /// Of the other branches that were known: that number, and the number of the newest record.
    pub others: Vec<(u64, u64)>,
    /// A signed head of the source.
    pub head: Option<Vec<u8>>,
}

/// Where the events went that a run examined.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    pub imported: u64,
    pub deduplicated: u64,
    pub skipped_reserved: u64,
    pub skipped_filtered: u64,
    pub skipped_reimported: u64,
    pub conflicts: u64,
    pub overtaken: u64,
    pub restored: u64,
    pub conflicts_kept: u64,
}

/// What is on disk. Ids and hashes are hex digits.
#[derive(Serialize, Deserialize)]
struct RunPayload {
    source_log_id: String,
    source_store_id: String,
    source_namespace: String,
    label: String,
    mode: String,
    name: String,
    region: Bytes,
    filter: Option<String>,
    conflicts_left_out: bool,
    after: u64,
    first_sequence: u64,
    watermark: u64,
    watermark_log_hash: String,
    counts: Counts,
    branch: u64,
    others: Vec<(u64, u64)>,
    head: Option<Bytes>,
}

/// One log id with two histories: a copied directory went on by itself, or a store was restored
/// from an older copy and went on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fork {
    pub source_log_id: Id,
    /// The last sequence that both are known to share; 0: none is known.
    pub common_sequence: u64,
    /// At this sequence they differ.
    pub sequence: u64,
    /// The branch that was imported before: its store id, and its log hash at that sequence, which
    /// is as far as it was known.
    pub known_store_id: Id,
    pub known_log_hash: Hash,
    /// The branch that was met: its store id, its log hash at that sequence, and its end then.
    pub met_store_id: Id,
    pub met_log_hash: Hash,
    pub met_last_sequence: u64,
    pub met_last_log_hash: Hash,
}

#[derive(Serialize, Deserialize)]
struct ForkPayload {
    source_log_id: String,
    common_sequence: u64,
    sequence: u64,
    known_store_id: String,
    known_log_hash: String,
    met_store_id: String,
    met_log_hash: String,
    met_last_sequence: u64,
    met_last_log_hash: String,
}

/// What makes runs one series: their records are numbered together, from 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Series {
    key: Id,
}

impl Series {
    /// The series of a run. Records from before a repair that left something out belong to others:
    /// what they say is here may not be.
    pub fn of(run: &ImportRun, repaired_through: u64) -> Series {
        let by_origin = run.identity == ImportIdentity::Origin;
        let unnamed = run.name.is_empty();
        let repaired_through = repaired_through.to_le_bytes();
        let parts = [
            &run.source_log_id.to_bytes()[..],
            run.identity.name().as_bytes(),
            // By origin, a source that was given a new id goes on under it.
            if by_origin { &[] } else { run.source_namespace.as_bytes() },
            run.name.as_bytes(),
            // What is named stays one series where its selector changes.
            if unnamed { &run.region } else { &[] },
            if unnamed && run.filter.is_some() { b"filter" } else { b"" },
            &repaired_through,
        ];
        Series { key: operation_key(b"fbat.import-series", parts.into_iter()) }
    }

    /// The id of the record with this number.
    pub fn run_id(&self, number: u64) -> Id {
        self.numbered(b"fbat.import-run", number)
    }

    /// The id of the fork that the branch beginning with this record is one side of.
    pub fn fork_id(&self, branch: u64) -> Id {
        self.numbered(b"fbat.fork", branch)
    }

    fn numbered(&self, domain: &[u8], number: u64) -> Id {
        let (key, number) = (self.key.to_bytes(), number.to_le_bytes());
        operation_key(domain, [&key[..], &number[..]].into_iter())
    }
}

impl ImportRun {
    pub fn encode(&self) -> Vec<u8> {
        let payload = RunPayload {
            source_log_id: self.source_log_id.to_string(),
            source_store_id: self.source_store_id.to_string(),
            source_namespace: self.source_namespace.clone(),
            label: self.label.clone(),
            mode: self.identity.name().to_owned(),
            name: self.name.clone(),
            region: Bytes(self.region.clone()),
            filter: self.filter.clone(),
            conflicts_left_out: self.conflicts_left_out,
            after: self.after,
            first_sequence: self.first_sequence,
            watermark: self.watermark,
            watermark_log_hash: self.watermark_log_hash.to_string(),
            counts: self.counts,
            branch: self.branch,
            others: self.others.clone(),
            head: self.head.clone().map(Bytes),
        };
        rmp_serde::to_vec_named(&payload).expect("a plain struct encodes")
    }

    pub fn decode(payload: &[u8]) -> Option<ImportRun> {
        let read: RunPayload = decode(payload)?;
        Some(ImportRun {
            source_log_id: Id::from_hex(read.source_log_id.as_bytes())?,
            source_store_id: Id::from_hex(read.source_store_id.as_bytes())?,
            source_namespace: read.source_namespace,
            label: read.label,
            identity: ImportIdentity::from_name(&read.mode)?,
            name: read.name,
            region: read.region.0,
            filter: read.filter,
            conflicts_left_out: read.conflicts_left_out,
            after: read.after,
            first_sequence: read.first_sequence,
            watermark: read.watermark,
            watermark_log_hash: Hash::from_hex(read.watermark_log_hash.as_bytes())?,
            counts: read.counts,
            branch: read.branch,
            others: read.others,
            head: read.head.map(|head| head.0),
        })
    }
}

impl Fork {
    pub fn encode(&self) -> Vec<u8> {
        let payload = ForkPayload {
            source_log_id: self.source_log_id.to_string(),
            common_sequence: self.common_sequence,
            sequence: self.sequence,
            known_store_id: self.known_store_id.to_string(),
            known_log_hash: self.known_log_hash.to_string(),
            met_store_id: self.met_store_id.to_string(),
            met_log_hash: self.met_log_hash.to_string(),
            met_last_sequence: self.met_last_sequence,
            met_last_log_hash: self.met_last_log_hash.to_string(),
        };
        rmp_serde::to_vec_named(&payload).expect("a plain struct encodes")
    }

    pub fn decode(payload: &[u8]) -> Option<Fork> {
        let read: ForkPayload = decode(payload)?;
        let (id, hash) = (
            |text: &str| Id::from_hex(text.as_bytes()),
            |text: &str| Hash::from_hex(text.as_bytes()),
        );
        Some(Fork {
            source_log_id: id(&read.source_log_id)?,
            common_sequence: read.common_sequence,
            sequence: read.sequence,
            known_store_id: id(&read.known_store_id)?,
            known_log_hash: hash(&read.known_log_hash)?,
            met_store_id: id(&read.met_store_id)?,
            met_log_hash: hash(&read.met_log_hash)?,
            met_last_sequence: read.met_last_sequence,
            met_last_log_hash: hash(&read.met_last_log_hash)?,
        })
    }
}

/// Bytes, where serde would spell a vector as an array of numbers.
struct Bytes(Vec<u8>);

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Bytes, D::Error> {
        deserializer.deserialize_bytes(BytesVisitor)
    }
}

struct BytesVisitor;

impl<'de> Visitor<'de> for BytesVisitor {
    type Value = Bytes;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bytes")
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Bytes, E> {
        Ok(Bytes(bytes.to_vec()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run() -> ImportRun {
        ImportRun {
            source_log_id: Id(1),
            source_store_id: Id(2),
            source_namespace: "store:x".into(),
            label: "plant".into(),
            identity: ImportIdentity::Origin,
            name: "nightly".into(),
            region: vec![0x80],
            filter: Some("nightly".into()),
            conflicts_left_out: true,
            after: 3,
            first_sequence: 4,
            watermark: 5,
            watermark_log_hash: Hash([6; 32]),
            counts: Counts { imported: 7, conflicts_kept: 8, ..Counts::default() },
            branch: 9,
            others: vec![(0, 8), (3, 5)],
            head: Some(vec![10, 11]),
        }
    }

    #[test]
    fn records_are_read_back() {
        let plain = ImportRun { filter: None, head: None, ..run() };
        for run in [run(), plain] {
            let payload = run.encode();
            assert_eq!(ImportRun::decode(&payload), Some(run));
            (0..payload.len())
                .for_each(|cut| assert!(ImportRun::decode(&payload[..cut]).is_none()));
        }
        let fork = Fork {
            source_log_id: Id(1),
            common_sequence: 2,
            sequence: 3,
            known_store_id: Id(4),
            known_log_hash: Hash([5; 32]),
            met_store_id: Id(6),
            met_log_hash: Hash([7; 32]),
            met_last_sequence: 8,
            met_last_log_hash: Hash([9; 32]),
        };
        assert_eq!(Fork::decode(&fork.encode()), Some(fork));
    }

    #[test]
    fn unknown_members_are_tolerated_and_their_depth_is_bounded() {
        // The first byte of the map says how many members it has.
        let with = |value: &[u8]| {
            let mut payload = run().encode();
            assert_eq!(payload[..3], [0xde, 0, 17]);
            payload[2] = 18;
            payload.extend_from_slice(b"\xa5later");
            payload.extend_from_slice(value);
            ImportRun::decode(&payload)
        };
        assert_eq!(with(&[0xc0]), Some(run()));
        assert_eq!(with(&[0x91, 0x91, 0xc0]), Some(run()));
        assert_eq!(with(&[0x91; 100_000]), None);
    }

    #[test]
    fn a_series_is_what_goes_on_where_a_run_ended() {
        let series = |change: fn(&mut ImportRun)| {
            let mut run = run();
            change(&mut run);
            Series::of(&run, 0)
        };
        let named = series(|_| {});
        assert_eq!(named, series(|run| (run.region, run.filter) = (vec![0x81], None)));
        assert_eq!(named, series(|run| run.source_namespace = "store:y".into()));
        assert_ne!(named, series(|run| run.name = "weekly".into()));
        assert_ne!(named, series(|run| run.source_log_id = Id(3)));
        assert_ne!(named, Series::of(&run(), 1));
        let by_source = series(|run| run.identity = ImportIdentity::Source);
        assert_ne!(named, by_source);
        let other = |run: &mut ImportRun| {
            (run.identity, run.source_namespace) = (ImportIdentity::Source, "other".into());
        };
        assert_ne!(by_source, series(other));
        let unnamed = series(|run| run.name.clear());
        assert_ne!(unnamed, series(|run| (run.name, run.region) = ("".into(), vec![0x81])));
        assert_ne!(unnamed, series(|run| (run.name, run.filter) = ("".into(), None)));
        assert_ne!(named.run_id(0), named.run_id(1));
        assert_ne!(named.run_id(0), named.fork_id(0));
    }
}
