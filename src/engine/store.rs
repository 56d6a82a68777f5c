//! A store: the state machine around the log, and the calls that append to it.

use super::clock::{Clock, Entropy};
use super::error::Result;
use super::event::{Columns, NewEvent, Receipt};
use super::id::{Hash, Id};
use super::limits::Limits;
use super::query::{Page, Query};
use super::vfs::Vfs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Which stores [`Store::open`] accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum OpenMode {
    /// Opens the store for writing, or makes a new one.
    #[default]
    CreateIfMissing,
    /// Must be there.
    MustExist,
    /// Must not be there.
    MustBeNew,
    /// For reading; takes no lock and changes nothing. May run beside a writer.
    ReadOnly,
}

/// When an append is acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Durability {
    /// When it is on disk. Concurrent callers share an fsync.
    #[default]
    Durable,
    /// When the kernel has it: survives a killed process, not a power cut.
    Os,
}

/// How to open a store.
#[derive(Clone)]
pub struct Options {
    pub mode: OpenMode,
    pub durability: Durability,
    pub limits: Limits,
    /// A label for people, kept in the genesis event of a new store; at most 1024 bytes.
    pub label: String,
    pub vfs: Arc<dyn Vfs>,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<dyn Entropy>,
}

impl Default for Options {
    fn default() -> Options {
        unimplemented!()
    }
}

/// What [`Store::open`] found and did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OpenReport {
    pub created: bool,
    /// The last writer did not close the store.
    pub unclean: bool,
    /// Bytes of a torn tail that were cut off, from this offset of this file.
    pub dropped_bytes: u64,
    pub dropped_offset: u64,
    pub dropped_path: PathBuf,
    /// Whole batches behind the hole that were dropped with it, and their events.
    pub dropped_batches: u64,
    pub dropped_events: u64,
    /// Sequences jumped because somebody may have seen them; 0 when none were.
    pub gap_first: u64,
    pub gap_last: u64,
    /// Indexes that were missing or damaged and were made anew.
    pub indexes_rebuilt: u64,
}

/// How far the log goes. 1 is the genesis event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Frontier {
    /// The highest sequence that readers may see.
    pub visible: u64,
    /// The highest that is known to have reached the disk.
    pub durable: u64,
}

/// The newest event of an entity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    pub version: u64,
    pub sequence: u64,
    pub event_id: Id,
    pub event_hash: Hash,
}

/// Figures about a store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Events in the log, system events included.
    pub events: u64,
    pub segments: u64,
    /// Bytes of the log and of its indexes on disk.
    pub log_bytes: u64,
    pub index_bytes: u64,
    /// Events and bytes in memory that no index file covers yet.
    pub unindexed_events: u64,
    pub memory_bytes: u64,
}

/// An open store. Cheap to clone; every method may be called from any thread.
#[derive(Clone)]
pub struct Store {}

impl Store {
    pub fn open(_path: &Path, _options: &Options) -> Result<Store> {
        unimplemented!()
    }
    /// Flushes, releases the directory, and ends every later call with `Closed`. May be called again.
    pub fn close(&self) -> Result<()> {
        unimplemented!()
    }
    pub fn append(&self, event: &NewEvent<'_>) -> Result<Receipt> {
        Ok(self.append_batch(std::slice::from_ref(event))?[0])
    }
    /// Appends all of `events` or none.
    pub fn append_batch(&self, _events: &[NewEvent<'_>]) -> Result<Vec<Receipt>> {
        unimplemented!()
    }
    /// Makes everything visible durable.
    pub fn sync(&self) -> Result<Frontier> {
        unimplemented!()
    }
    /// The event of this id as a page of one row; none when there is no such event.
    pub fn get(&self, _id: Id, _columns: Columns) -> Result<Option<Page>> {
        unimplemented!()
    }
    pub fn query(&self, _query: &Query) -> Result<Page> {
        unimplemented!()
    }
    pub fn head(&self, _entity: &str) -> Result<Option<Head>> {
        unimplemented!()
    }
    pub fn frontier(&self) -> Result<Frontier> {
        unimplemented!()
    }
    pub fn stats(&self) -> Result<Stats> {
        unimplemented!()
    }
    pub fn open_report(&self) -> &OpenReport {
        unimplemented!()
    }
    pub fn store_id(&self) -> Id {
        unimplemented!()
    }
    /// `store:` and the store id: the name of this store as an origin.
    pub fn native_namespace(&self) -> String {
        format!("store:{}", self.store_id())
    }
    pub fn label(&self) -> &str {
        unimplemented!()
    }
    pub fn path(&self) -> &Path {
        unimplemented!()
    }
    pub fn is_read_only(&self) -> bool {
        unimplemented!()
    }
    /// Ends every later write with `Poisoned` until the store is opened again.
    pub fn poison(&self, _why: &str) {
        unimplemented!()
    }
    /// The log hash at the visible frontier: one value that stands for the whole history.
    pub fn log_hash(&self) -> Result<Hash> {
        unimplemented!()
    }
}
