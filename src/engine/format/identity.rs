//! Which store this is: the identity file, the store ids that it names, and giving a copy its own.

use crate::engine::model::bytes::{array_at, u32_at, u64_at};
use crate::engine::model::error::{Code, Error, Result};
use crate::engine::model::id::{Hash, Id};
use crate::engine::model::limits::{FORMAT_VERSION, IDENTITY_CHANGES_MAX, SEQUENCE_MAX};
use std::path::Path;

const MAGIC: [u8; 8] = *b"FBATSTOR";
/// Without changes; the checksum included.
const LEN: usize = 84;
const CHANGE_LEN: usize = 24;

/// What the identity file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The id of the log: what the genesis event names and every segment carries. It never changes.
    pub log_id: Id,
    pub created_us: i64,
    pub genesis_hash: Hash,
    /// The last sequence of the log when a repair last left something out; 0 where nothing is
    /// declared as lost. Below it, what was there is no proof that what came before it still is.
    pub repaired_through: u64,
    /// Store ids that the store was given since, oldest first.
    pub changes: Vec<Change>,
}

/// A store id that took the place of the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    pub store_id: Id,
    /// The first sequence that belongs to it.
    pub first_sequence: u64,
}

impl Change {
    /// Whether an identity file may name it after these.
    pub fn may_follow(&self, earlier: &[Change]) -> bool {
        let after = earlier.last().map_or(1, |last| last.first_sequence);
        let ascends = (after + 1..=SEQUENCE_MAX).contains(&self.first_sequence);
        !self.store_id.is_none() && ascends && earlier.len() < IDENTITY_CHANGES_MAX
    }
}

impl Identity {
    /// The store id that is current.
    pub fn store_id(&self) -> Id {
        self.store_id_before(self.changes.len())
    }

    /// The store id that change number `at` took the place of.
    pub fn store_id_before(&self, at: usize) -> Id {
        at.checked_sub(1).map_or(self.log_id, |last| self.changes[last].store_id)
    }

    /// The store id to which a sequence belongs.
    pub fn store_id_at(&self, sequence: u64) -> Id {
        let later = self.changes.partition_point(|change| change.first_sequence <= sequence);
        self.store_id_before(later)
    }

    /// Every store id of its history, with the first sequence that belongs to it; oldest first.
    pub fn store_ids(&self) -> impl Iterator<Item = Change> + '_ {
        let first = Change { store_id: self.log_id, first_sequence: 0 };
        std::iter::once(first).chain(self.changes.iter().copied())
    }

    /// The identity of a log that ends with this sequence. A newest id that begins right after it
    /// is in force, though the log does not declare it yet.
    pub fn until(mut self, last_sequence: u64) -> Identity {
        self.changes.retain(|change| change.first_sequence <= last_sequence + 1);
        self
    }

    /// With another store id from a sequence on.
    pub fn renamed(mut self, store_id: Id, first_sequence: u64) -> Result<Identity> {
        // To one that begins there, no event belongs.
        self.changes.retain(|change| change.first_sequence < first_sequence);
        if self.changes.len() == IDENTITY_CHANGES_MAX {
            let max = IDENTITY_CHANGES_MAX as u64;
            let message = format!("the store was given a new id {max} times already");
            return Err(Error::new(Code::LimitExceeded, message).with_numbers(max + 1, max));
        }
        self.changes.push(Change { store_id, first_sequence });
        Ok(self)
    }

    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(&FORMAT_VERSION.to_le_bytes());
        bytes.extend_from_slice(&((LEN + CHANGE_LEN * self.changes.len()) as u32).to_le_bytes());
        bytes.extend_from_slice(&self.log_id.to_bytes());
        bytes.extend_from_slice(&self.created_us.to_le_bytes());
        bytes.extend_from_slice(&self.genesis_hash.0);
        bytes.extend_from_slice(&self.repaired_through.to_le_bytes());
        for change in &self.changes {
            bytes.extend_from_slice(&change.store_id.to_bytes());
            bytes.extend_from_slice(&change.first_sequence.to_le_bytes());
        }
        with_checksum(bytes)
    }

    /// Reads the bytes of the file at `path`, checking version, length and checksum.
    pub fn decode(path: &Path, bytes: &[u8]) -> Result<Identity> {
        let corrupt = |why| Err(Error::corrupt(path, 0, why));
        if bytes.len() < LEN || bytes[..8] != MAGIC {
            return corrupt("not the identity file of a store");
        }
        check_version(path, u32_at(bytes, 8))?;
        let listed = bytes.len() - LEN;
        if u32_at(bytes, 12) as usize != bytes.len() || !listed.is_multiple_of(CHANGE_LEN) {
            return corrupt("the length of the identity file is not the one that it says");
        }
        if !checksum_holds(bytes) {
            return corrupt("the checksum of the identity file does not match");
        }
        let changes: Vec<Change> = bytes[LEN - 4..bytes.len() - 4]
            .chunks_exact(CHANGE_LEN)
            .map(|b| Change {
                store_id: Id::from_bytes(array_at(b, 0)),
                first_sequence: u64_at(b, 16),
            })
            .collect();
        let repaired_through = u64_at(bytes, 72);
        let ascend = (0..changes.len()).all(|at| changes[at].may_follow(&changes[..at]));
        if !ascend || repaired_through > SEQUENCE_MAX {
            return corrupt("the identity file contradicts itself");
        }
        Ok(Identity {
            log_id: Id::from_bytes(array_at(bytes, 16)),
            created_us: u64_at(bytes, 32) as i64,
            genesis_hash: Hash(array_at(bytes, 40)),
            repaired_through,
            changes,
        })
    }
}

/// Refuses a format that this library does not read, saying which.
pub fn check_version(path: &Path, version: u32) -> Result<()> {
    if version == FORMAT_VERSION {
        return Ok(());
    }
    let message = format!(
        "{} has format version {version}; this library reads version {FORMAT_VERSION}",
        path.display()
    );
    Err(Error::new(Code::FutureVersion, message)
        .with_numbers(version.into(), FORMAT_VERSION.into()))
}

pub fn with_checksum(mut bytes: Vec<u8>) -> Vec<u8> {
    let crc = crc32fast::hash(&bytes);
    bytes.extend_from_slice(&crc.to_le_bytes());
    bytes
}

pub fn checksum_holds(bytes: &[u8]) -> bool {
    let (body, crc) = bytes.split_at(bytes.len() - 4);
    crc32fast::hash(body) == u32_at(crc, 0)
}
