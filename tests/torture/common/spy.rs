//! A disk that is watched: it remembers which segments were written to and not synced since, and
//! fails writes and syncs of segments when told to.

use super::is_segment;
use super::layer::{Call, Layer, Layered, Make, Op, Part};
use fbat::engine::log::options::Options;
use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

#[derive(Debug, Default)]
pub struct Spy {
    /// What holds bytes that no sync covered: the file, and its name at the last write.
    dirty: Mutex<BTreeMap<usize, PathBuf>>,
    syncs: AtomicU64,
    /// Writes to segments that still succeed; negative: all of them do.
    writes_left: AtomicI64,
    fails_sync: AtomicBool,
    panics_in_sync: AtomicBool,
}

impl Spy {
    /// `options` with a watched disk, and the watch.
    pub fn watch(mut options: Options) -> (Options, Arc<Spy>) {
        let spy = Arc::new(Spy { writes_left: AtomicI64::new(-1), ..Spy::default() });
        options.vfs = Arc::new(Layered::over(options.vfs, spy.clone()));
        (options, spy)
    }
    /// The segments that hold bytes which no sync covered.
    pub fn dirty_segments(&self) -> Vec<PathBuf> {
        self.dirty.lock().unwrap().values().filter(|path| is_segment(path)).cloned().collect()
    }
    pub fn syncs(&self) -> u64 {
        self.syncs.load(Ordering::SeqCst)
    }
    /// The disk is full after so many more writes to segments; a negative number lifts that.
    pub fn fill_up_after(&self, writes: i64) {
        self.writes_left.store(writes, Ordering::SeqCst);
    }
    /// Whether syncing a segment fails from now on.
    pub fn fail_syncs(&self, fail: bool) {
        self.fails_sync.store(fail, Ordering::SeqCst);
    }
    /// Whether syncing a segment panics from now on.
    pub fn panic_in_syncs(&self, panic: bool) {
        self.panics_in_sync.store(panic, Ordering::SeqCst);
    }

    fn write(&self, call: &Call<'_>) -> io::Result<()> {
        if is_segment(call.path) {
            let left = self.writes_left.load(Ordering::SeqCst);
            if left == 0 {
                return Err(io::Error::from_raw_os_error(libc::ENOSPC));
            }
            if left > 0 {
                self.writes_left.store(left - 1, Ordering::SeqCst);
            }
        }
        self.dirty.lock().unwrap().insert(call.file, call.path.to_owned());
        Ok(())
    }

    fn sync(&self, call: &Call<'_>) -> io::Result<()> {
        if is_segment(call.path) {
            assert!(!self.panics_in_sync.load(Ordering::SeqCst), "a test asked for it");
            if self.fails_sync.load(Ordering::SeqCst) {
                return Err(io::Error::from_raw_os_error(libc::EIO));
            }
        }
        // Before the call: what is written while it runs may not be covered by it.
        self.dirty.lock().unwrap().remove(&call.file);
        self.syncs.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}

impl Layer for Spy {
    fn call(&self, call: &Call<'_>, make: Make<'_>) -> io::Result<()> {
        match call.op {
            Op::Write => self.write(call)?,
            Op::Sync => self.sync(call)?,
            _ => {}
        }
        let file = make(Part::Whole)?;
        let mut dirty = self.dirty.lock().unwrap();
        match call.op {
            Op::Rename => {
                // What had the name before is gone.
                dirty.retain(|other, path| *other == file || path != call.path);
                dirty.entry(file).and_modify(|path| *path = call.path.to_owned());
            }
            Op::Remove => drop(dirty.remove(&file)),
            _ => {}
        }
        Ok(())
    }
}
