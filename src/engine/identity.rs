//! Which store this is: the identity file, the store ids that it names, and giving a copy its own.

use super::commit::Item;
use super::directory::{check_version, checksum_holds, with_checksum};
use super::error::{Code, Error, Result};
use super::event::{NewEvent, SYSTEM_ENTITY, SYSTEM_SCOPE};
use super::frame::{array_at, u32_at, u64_at};
use super::id::{Hash, Id, Kind};
use super::limits::{FORMAT_VERSION, IDENTITY_CHANGES_MAX, SEQUENCE_MAX};
use super::query::Region;
use super::scan::Scan;
use super::segment::Flow;
use super::store::{random_id, Inner, OpenMode, Options, Store};
use super::{directory, system};
use std::path::Path;
use std::sync::atomic::Ordering;

const MAGIC: [u8; 8] = *b"FBATSTOR";
/// Without changes; the checksum included.
const LEN: usize = 80;
const CHANGE_LEN: usize = 24;

/// What the identity file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The id of the log: what the genesis event names and every segment carries. It never changes.
    pub log_id: Id,
    pub created_us: i64,
    pub genesis_hash: Hash,
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
    /// Whether an identity file may name it behind these.
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
    fn store_id_before(&self, at: usize) -> Id {
        at.checked_sub(1).map_or(self.log_id, |last| self.changes[last].store_id)
    }

    /// The payload of the event that tells of change number `at`.
    fn payload(&self, at: usize) -> Vec<u8> {
        let Change { store_id, first_sequence } = self.changes[at];
        system::identity_payload(store_id, self.store_id_before(at), first_sequence)
    }

    /// The identity of a log that ends with this sequence. A newest id that begins right behind it
    /// is in force, though the log does not tell of it yet.
    pub fn until(mut self, last_sequence: u64) -> Identity {
        self.changes.retain(|change| change.first_sequence <= last_sequence + 1);
        self
    }

    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(&FORMAT_VERSION.to_le_bytes());
        bytes.extend_from_slice(&((LEN + CHANGE_LEN * self.changes.len()) as u32).to_le_bytes());
        bytes.extend_from_slice(&self.log_id.to_bytes());
        bytes.extend_from_slice(&self.created_us.to_le_bytes());
        bytes.extend_from_slice(&self.genesis_hash.0);
        bytes.resize(LEN - 4, 0);
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
            return corrupt("the identity file does not have the length that it says");
        }
        if !checksum_holds(bytes) {
            return corrupt("the checksum of the identity file does not hold");
        }
        let changes: Vec<Change> = bytes[LEN - 4..bytes.len() - 4]
            .chunks_exact(CHANGE_LEN)
            .map(|b| Change {
                store_id: Id::from_bytes(array_at(b, 0)),
                first_sequence: u64_at(b, 16),
            })
            .collect();
        if !(0..changes.len()).all(|at| changes[at].may_follow(&changes[..at])) {
            return corrupt("the identity file contradicts itself");
        }
        Ok(Identity {
            log_id: Id::from_bytes(array_at(bytes, 16)),
            created_us: u64_at(bytes, 32) as i64,
            genesis_hash: Hash(array_at(bytes, 40)),
            changes,
        })
    }
}

/// Compares, event by event, what a log says of store ids with what an identity file says.
pub struct Declared<'a> {
    identity: &'a Identity,
    /// Changes that the log has told of.
    seen: usize,
    /// The last event that was met.
    last_sequence: u64,
}

impl<'a> Declared<'a> {
    /// From the start of the log.
    pub fn new(identity: &'a Identity) -> Declared<'a> {
        Declared { identity, seen: 0, last_sequence: 0 }
    }

    /// The next event. The first one under a store id, but for gaps, is the one that names it.
    pub fn meet(
        &mut self,
        sequence: u64,
        kind: Kind,
        payload: &[u8],
    ) -> std::result::Result<(), &'static str> {
        if kind == Kind::GAP {
            return Ok(());
        }
        let before = std::mem::replace(&mut self.last_sequence, sequence);
        if kind != Kind::IDENTITY {
            return Ok(());
        }
        let at = self.seen;
        self.seen += 1;
        let holds = self.identity.changes.get(at).is_some_and(|change| {
            before < change.first_sequence
                && change.first_sequence <= sequence
                && system::new_identity(payload) == Some(*change)
        });
        if holds {
            Ok(())
        } else {
            Err("the event names a store id, and the identity file says otherwise")
        }
    }

    /// After the last event. The event of the newest store id may still be to come.
    pub fn finish(&self) -> std::result::Result<(), &'static str> {
        match self.identity.changes.get(self.seen) {
            Some(change) if change.first_sequence <= self.last_sequence => {
                Err("the identity file names a store id that the log does not tell of")
            }
            _ => Ok(()),
        }
    }
}

impl Inner {
    /// Tells the log of the newest store id, unless it has been told. The identity file, which is
    /// on disk, comes first: a crash in between leaves this to the next writer.
    pub fn declare_identity(&self, identity: &Identity) -> Result<()> {
        let Some((at, newest)) = identity.changes.iter().enumerate().next_back() else {
            return Ok(());
        };
        let visible = self.visible.load(Ordering::Acquire);
        let corrupt = |why| Error::corrupt(&self.dir.file(directory::IDENTITY), 0, why);
        if newest.first_sequence > visible + 1 {
            return Err(corrupt("the newest store id begins behind the end of the log"));
        }
        let mut declared =
            Declared { identity, seen: at, last_sequence: newest.first_sequence - 1 };
        let mut agrees = Ok(());
        let (region, go_on) = (Region::default(), || Ok(()));
        let scan = Scan {
            region: &region,
            after: newest.first_sequence - 1,
            until: visible,
            backward: false,
            system: true,
            previous_hash: false,
            rehash: false,
            go_on: &go_on,
        };
        self.scan(&scan, &mut |event| {
            agrees = declared.meet(event.sequence, event.kind, event.payload);
            Ok(if event.kind == Kind::GAP { Flow::Continue(()) } else { Flow::Break(()) })
        })?;
        agrees.and(declared.finish()).map_err(corrupt)?;
        if declared.seen == at {
            self.commit(&[system_item(Kind::IDENTITY, &identity.payload(at))], None)?;
            self.sync_visible()?;
        }
        Ok(())
    }
}

/// An event of the library's own.
pub fn system_item(kind: Kind, payload: &[u8]) -> Item<'_> {
    let event = NewEvent {
        entity: SYSTEM_ENTITY,
        scope: SYSTEM_SCOPE,
        kind,
        payload,
        ..NewEvent::default()
    };
    Item::of_event(&event, &[])
}

/// Gives the store in the directory `path` a store id of its own, from its next sequence on, and
/// answers with it: for a copied directory, which is a second store with the id of the first.
///
/// Opens the store for writing, so recovery runs first, and the codes are those of
/// [`Store::open`]; `LimitExceeded` after [`IDENTITY_CHANGES_MAX`] times. After another failure
/// the store has its old id or a new one, whole; opening it tells.
pub fn new_identity(path: &Path, options: &Options) -> Result<Id> {
    Store::open(path, &Options { mode: OpenMode::MustExist, ..options.clone() })?.change_identity()
}

impl Store {
    /// Gives the store, which was opened just now for this, a new id, and closes it.
    pub(crate) fn change_identity(self) -> Result<Id> {
        let store = &*self.0;
        let mut identity = store.identity.clone();
        if identity.changes.len() == IDENTITY_CHANGES_MAX {
            let max = IDENTITY_CHANGES_MAX as u64;
            let message = format!("the store was given a new id {max} times already");
            return Err(Error::new(Code::LimitExceeded, message).with_numbers(max + 1, max));
        }
        // What lies below the sequence that the file will name must not be lost afterwards.
        let first_sequence = store.sync_for_copy()? + 1;
        let store_id = random_id(&store.options);
        identity.changes.push(Change { store_id, first_sequence });
        store.dir.write_identity(&identity)?;
        store.declare_identity(&identity)?;
        self.close()?;
        Ok(store_id)
    }
}
