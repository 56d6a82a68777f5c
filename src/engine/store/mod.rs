//! A store: the state machine around the log, and the calls that append to it.

use crate::engine::log::recovery::OpenReport;
use crate::engine::log::state::{is_importing, lock, Frontier, Log, Role, Stats, CLOCK_TOLD};
use crate::engine::model::error::{Code, Error, Result};
use crate::engine::model::id::{Hash, Id};
use crate::engine::model::key::native_namespace;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::Arc;

pub(crate) mod append;
pub mod backup;
pub(crate) mod commit;
pub mod compress;
pub mod count;
pub(crate) mod damaged;
pub mod diff;
pub(crate) mod examine;
pub(crate) mod files;
pub(crate) mod find;
pub mod identity;
pub(crate) mod index_check;
pub(crate) mod item;
pub mod lineage;
pub(crate) mod log_hash;
pub mod open;
pub mod origin;
pub mod query;
pub mod ranges;
pub mod report;
mod reread;
pub(crate) mod scan;
mod screen;
pub mod set;
mod set_check;
pub mod verify;
pub mod wait;

/// An open store. Cheap to clone; every method may be called from any thread.
#[derive(Clone)]
pub struct Store(pub(crate) Arc<Log>);

impl Store {
    /// Flushes, releases the directory, and ends every later call with `Closed`. May be called
    /// again. A flush that fails is reported, and the store is closed all the same. `Busy` from
    /// within a callback of an import that this store takes part in; nothing happens then.
    pub fn close(&self) -> Result<()> {
        if is_importing(Arc::as_ptr(&self.0)) {
            return Err(Error::new(
                Code::Busy,
                "a callback cannot close a store of its own import",
            ));
        }
        self.0.close()
    }

    /// Whether it was opened before this process was forked: then every call gives `Forked`.
    pub fn is_from_before_a_fork(&self) -> bool {
        self.0.check_process().is_err()
    }

    /// Waits until every segment that is full is on disk and has its index.
    #[cfg(feature = "internal")]
    pub fn finish_background(&self) {
        self.0.finish_background();
    }

    /// Makes everything visible durable.
    pub fn sync(&self) -> Result<Frontier> {
        self.0.check_open()?;
        self.0.sync_visible()?;
        Ok(self.0.current_frontier())
    }

    pub fn frontier(&self) -> Result<Frontier> {
        self.0.check_open()?;
        self.0.clear_descriptor()?;
        self.0.refresh()?;
        Ok(self.0.current_frontier())
    }

    pub fn stats(&self) -> Result<Stats> {
        self.0.check_open()?;
        self.0.refresh()?;
        self.0.stats()
    }

    /// How far the clock was behind when it was first met far behind; said once.
    pub fn tells_of_clock(&self) -> Option<u64> {
        let behind_us = self.0.clock_behind_us.load(Ordering::Relaxed);
        let is_new = behind_us > 0
            && behind_us != CLOCK_TOLD
            && self.0.clock_behind_us.swap(CLOCK_TOLD, Ordering::Relaxed) != CLOCK_TOLD;
        is_new.then_some(behind_us)
    }

    pub fn open_report(&self) -> &OpenReport {
        &self.0.report
    }

    /// The id that is current: the one that the store was made with, or the newest that it was
    /// given, as of when this handle was opened.
    pub fn store_id(&self) -> Id {
        self.0.identity.store_id()
    }

    /// `store:` and the store id: the name of this store as an origin.
    pub fn native_namespace(&self) -> String {
        native_namespace(self.store_id())
    }

    /// The label that the store was created with.
    pub fn label(&self) -> &str {
        &self.0.label
    }

    pub fn path(&self) -> &Path {
        &self.0.dir.path
    }

    pub fn is_read_only(&self) -> bool {
        matches!(self.0.role, Role::Reader(_))
    }

    /// Ends every later write with `Poisoned` until the store is opened again.
    pub fn poison(&self, why: &str) {
        self.0.poison(why);
    }

    /// The log hash at the visible frontier, one value for the whole history, as the log has it:
    /// nothing is computed. [`Store::verify`] computes it.
    pub fn log_hash(&self) -> Result<Hash> {
        self.0.check_open()?;
        self.0.refresh()?;
        Ok(match &self.0.role {
            Role::Writer(writer) => lock(writer).tail.log_hash,
            Role::Reader(follower) => lock(follower).tail.log_hash,
        })
    }
}
