//! The object behind a store's handle, and what of its opening goes to the log.

use super::args::Text;
use super::{handle, sink};
use crate::engine::log::options::Options;
use crate::engine::log::recovery::OpenReport;
use crate::engine::log::state::CLOCK_BEHIND_US;
use crate::engine::model::error::{Code, Result};
use crate::engine::platform::watch::Watch;
use crate::engine::store::Store;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

/// An open store.
/// @par Threads
/// Everything that takes a `const fbat_store *` may run at once, on any threads.
/// @since 0.1
pub struct fbat_store {
    _opaque: [u8; 0],
}

/// What a handle to a store leads to: the engine's store, and text for the getters to lend.
pub(crate) struct StoreObject {
    pub engine: Store,
    pub namespace: Text,
    pub label: Text,
    pub path: Text,
    pub dropped_path: Text,
    /// A callback freed the handle; the import that called it closes the store when it is over.
    freed_in_callback: AtomicBool,
}

impl handle::Object for StoreObject {
    type Raw = fbat_store;
    const TAG: u8 = 4;
    const NAME: &'static str = "store";
}

impl StoreObject {
    pub(crate) fn open(path: &Path, options: &Options, watch: &Watch<'_>) -> Result<StoreObject> {
        let engine = Store::open_watched(path, options, watch)?;
        let report = engine.open_report();
        tell_log(engine.path(), report);
        Ok(StoreObject {
            namespace: Text::new(engine.native_namespace()),
            label: Text::new(engine.label()),
            path: Text::new(engine.path().as_os_str().as_bytes()),
            dropped_path: Text::new(report.dropped_path.as_os_str().as_bytes()),
            freed_in_callback: AtomicBool::new(false),
            engine,
        })
    }

    /// Closes, and reports a failure to nobody but the log. Within a callback of a call that uses
    /// the store, it is left to that call.
    pub(crate) fn close_quietly(&self) {
        match self.engine.close() {
            Ok(()) => {}
            Err(e) if e.code() == Code::Busy => {
                self.freed_in_callback.store(true, Ordering::Relaxed)
            }
            // The parent's, in a child.
            Err(e) if e.code() == Code::Forked => {}
            Err(e) => sink::error(&format!("closing {}: {e}", self.path.as_str())),
        }
    }

    /// Reports to the log, once, that the clock was met far behind the log.
    pub(crate) fn tell_of_clock(&self) {
        if let Some(behind_us) = self.engine.tells_of_clock() {
            tell_log_of_clock(self.engine.path(), behind_us);
        }
    }

    /// What a call does when it is over; an outer one may use the store still.
    pub(crate) fn close_if_freed(&self) {
        if self.freed_in_callback.load(Ordering::Relaxed)
            && self.freed_in_callback.swap(false, Ordering::Relaxed)
        {
            self.close_quietly();
        }
    }
}

impl Drop for StoreObject {
    fn drop(&mut self) {
        self.close_quietly();
    }
}

/// Reports to the log what an open had to repair.
fn tell_log(path: &Path, report: &OpenReport) {
    let (store, path) = (path, path.display());
    if report.unclean {
        sink::info(&format!("{path}: the last writer did not close the store"));
    }
    if report.dropped_bytes > 0 {
        sink::warning(&format!(
            "{}: {} bytes of a torn tail were cut off at offset {}, with {} whole batches \
             ({} events) after the hole",
            report.dropped_path.display(),
            report.dropped_bytes,
            report.dropped_offset,
            report.dropped_batches,
            report.dropped_events,
        ));
    }
    if report.gap_first > 0 {
        let (first, last) = (report.gap_first, report.gap_last);
        sink::warning(&format!(
            "{path}: the sequences {first} to {last} are left out, somebody may have seen them"
        ));
    }
    if report.clock_behind_us > CLOCK_BEHIND_US {
        tell_log_of_clock(store, report.clock_behind_us);
    }
    if report.indexes_rebuilt > 0 {
        sink::warning(&format!(
            "{path}: {} missing or damaged indexes were rebuilt",
            report.indexes_rebuilt
        ));
    }
}

fn tell_log_of_clock(path: &Path, behind_us: u64) {
    sink::warning(&format!(
        "{}: the clock is {} seconds behind the recorded time of the last event; events are \
         recorded at that time until it has caught up (docs/clocks.md)",
        path.display(),
        behind_us / 1_000_000
    ));
}
