//! What an open log shares with the work in its background: its segments, how far it is on disk,
//! and poison.

use super::directory::{Directory, LOCK, POISONED};
use super::levels::Upkeep;
use super::recovery::Opening;
use super::segment::Segment;
use super::segments::Segments;
use super::tail::Tail;
use crate::engine::format::identity::Identity;
use crate::engine::index::room::StringRoom;
use crate::engine::model::error::{Code, Error, Result};
use crate::engine::platform::news::{Bell, News};
use crate::engine::platform::vfs::Lock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, RwLock};

pub(crate) struct Shared {
    pub dir: Directory,
    pub identity: Identity,
    pub room: Arc<StringRoom>,
    pub(crate) segments: RwLock<Arc<Segments>>,
    pub durable: AtomicU64,
    /// Rings whenever a handle that writes makes something visible or durable.
    pub(crate) bell: Arc<Bell>,
    /// Held by a writing handle until it is closed.
    pub(crate) lock: Mutex<Option<Box<dyn Lock>>>,
    /// Held while segments are compressed.
    pub(crate) compressing: Mutex<()>,
    /// Held while runs are made and merged.
    pub(crate) upkeep: Mutex<Upkeep>,
    /// Held while a segment is synced, and until the store is poisoned where that fails. Innermost
    /// except for `lock` and `unsynced`.
    pub(crate) fsync: Mutex<()>,
    /// The sealed segment that is not known to be on disk, if there is one. It is synced before
    /// anything that follows it.
    pub(crate) unsynced: Mutex<Option<Sealed>>,
    pub(crate) poisoned: OnceLock<String>,
    /// What went wrong in the background, until a caller is told.
    pub(crate) failure: Mutex<Option<Error>>,
}

/// A sealed segment, and the place after its seal.
#[derive(Clone)]
pub(crate) struct Sealed {
    pub segment: Arc<Segment>,
    pub tail: Tail,
}

impl Shared {
    pub(crate) fn check_poison(&self) -> Result<()> {
        let Some(why) = self.poisoned.get() else { return Ok(()) };
        if let Some(error) = lock(&self.failure).take() {
            return Err(error);
        }
        let message = format!("the store takes no more writes until it is opened again: {why}");
        Err(Error::new(Code::Poisoned, message).at(&self.dir.path))
    }

    pub fn poison(&self, why: &str) {
        let _first_reason_stays = self.poisoned.set(why.to_owned());
        // Best effort: where this fails too, the next writer still finds the store unclean.
        let _ = self.describe_lock(POISONED);
        self.bell.call();
    }

    /// Everything up to `through` is on disk.
    pub fn set_durable(&self, through: u64) {
        self.durable.fetch_max(through, Ordering::SeqCst);
        self.bell.ring();
    }

    /// Writes into the lock file who holds it, and under which boot of the machine.
    pub(crate) fn describe_lock(&self, state: &str) -> Result<()> {
        let Some(lock) = &*lock(&self.lock) else { return Ok(()) };
        self.dir.describe_holder(&**lock, &format!("{}{state}", self.dir.boot_id()))
    }

    /// The segments as they are now.
    pub fn segments(&self) -> Arc<Segments> {
        self.segments.read().unwrap_or_else(|e| e.into_inner()).clone()
    }

    /// Puts the same segment, now known by its index, in the place of one.
    pub fn replace_segment(&self, segment: &Arc<Segment>) {
        let same = |s: &&mut Arc<Segment>| s.header.first_sequence == segment.header.first_sequence;
        self.change_segments(|segments| {
            segments.iter_mut().rfind(same).into_iter().for_each(|s| *s = segment.clone());
        });
    }

    /// Changes the list, and looks for its runs anew.
    pub fn change_segments(&self, change: impl FnOnce(&mut Vec<Arc<Segment>>)) {
        let mut current = self.segments.write().unwrap_or_else(|e| e.into_inner());
        let mut segments = current.to_vec();
        change(&mut segments);
        *current = Arc::new(current.followed_by(segments));
    }

    /// What reading other files of this log takes.
    pub fn opening(&self) -> Opening<'_> {
        Opening::for_reading(&self.dir, &self.identity, &self.room)
    }

    /// Makes a segment durable, which has the log up to `through`, and all before it; poisons the
    /// store where that fails. One at a time: the kernel reports a failed write only once.
    pub fn sync_segment(&self, segment: &Segment, through: u64) -> Result<()> {
        let one_at_a_time = lock(&self.fsync);
        self.sync_sealed(&one_at_a_time)?;
        self.sync_file(segment)?;
        self.set_durable(through);
        Ok(())
    }

    /// Makes the sealed segment durable that was not, and the name of the next. Nothing that
    /// follows it is said to be durable before.
    pub fn sync_sealed(&self, _one_at_a_time: &MutexGuard<'_, ()>) -> Result<()> {
        self.check_poison()?;
        let unsynced = lock(&self.unsynced).clone();
        let Some(Sealed { segment, tail }) = unsynced else { return Ok(()) };
        let cut = segment.file.set_len(tail.offset);
        cut.map_err(|e| self.poisoned_by(Error::io("cannot cut", &segment.path, &e)))?;
        self.sync_file(&segment)?;
        self.dir.sync().map_err(|e| self.poisoned_by(e))?;
        self.set_durable(tail.next_sequence - 1);
        *lock(&self.unsynced) = None;
        Ok(())
    }

    fn sync_file(&self, segment: &Segment) -> Result<()> {
        let synced = segment.file.sync();
        synced.map_err(|e| self.poisoned_by(Error::io("cannot sync", &segment.path, &e)))?;
        self.check_names(segment)
    }

    /// Poisons the store where the segment or the lock file no longer has its name: what is
    /// written is lost with its file, or another writer may be at work.
    pub fn check_names(&self, segment: &Segment) -> Result<()> {
        // A look that fails says nothing.
        let gone = |linked: std::io::Result<bool>| linked.is_ok_and(|linked| !linked);
        let unlocked = || lock(&self.lock).as_ref().is_some_and(|lock| gone(lock.is_linked()));
        let (path, what) = if gone(segment.file.is_named(&segment.name())) {
            (segment.path.to_path_buf(), "the log was removed or replaced while it was open")
        } else if unlocked() {
            let what = "the lock file was removed or replaced: another process may be writing";
            (self.dir.file(LOCK), what)
        } else {
            return Ok(());
        };
        let message = match self.dir.was_removed() {
            true => format!("the directory {} was removed", self.dir.path.display()),
            false => format!("{}: {what}", path.display()),
        };
        Err(self.poisoned_by(Error::new(Code::Io, message).at(&path)))
    }

    /// Poisons the store with an error.
    pub fn poisoned_by(&self, error: Error) -> Error {
        self.poison(&error.message);
        error
    }
}

/// Poisons the store where a panic ends the sync that others wait for.
pub(crate) struct PoisonOnPanic<'a>(pub &'a Shared);

impl Drop for PoisonOnPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.poison("a panic interrupted a sync");
        }
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|e| e.into_inner())
}
