//! An open log: its segments, how far it is visible and durable, syncing it, and what has become of
//! the handle. Knows neither appends nor queries.

use super::directory::Directory;
use super::follower::{Follower, List};
use super::group::Group;
use super::levels::Upkeep;
use super::options::Options;
use super::recovery::{OpenLog, OpenReport};
use super::segment::{Segment, Walk};
use super::segments::Segments;
use super::sets::{set_bytes, Sets};
pub(crate) use super::shared::lock;
use super::shared::{PoisonOnPanic, Shared};
use super::strings::KnownStrings;
use super::tail::Tail;
use super::waiting::Waiting;
use super::writer::Writer;
use crate::engine::format::identity::Identity;
use crate::engine::index::room::StringRoom;
use crate::engine::model::error::{Code, Error, Result};
use crate::engine::model::id::Id;
use crate::engine::platform::news::Bell;
use crate::engine::platform::process;
use crate::engine::platform::vfs::Lock;
use std::cell::RefCell;
use std::ops::Deref;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, RwLock, Weak};

/// How far the log goes. 1 is the genesis event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Frontier {
    /// The highest sequence that readers may see.
    pub visible: u64,
    /// The highest that is known to have reached the disk.
    pub durable: u64,
}

/// Figures about a store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Events in the log, system events included.
    pub events: u64,
    /// Those that the library itself wrote.
    pub system_events: u64,
    pub segments: u64,
    /// Bytes of the log and of its indexes on disk.
    pub log_bytes: u64,
    pub index_bytes: u64,
    /// Events and bytes in memory that no index file covers yet.
    pub unindexed_events: u64,
    pub memory_bytes: u64,
    /// How far the clock is behind the recorded time of the last event; 0 where it is not.
    pub clock_behind_us: u64,
}

/// A clock that is further behind the log than this is worth a line in the log of the program.
pub const CLOCK_BEHIND_US: u64 = 60_000_000;
/// Stands for a clock that was told of.
pub const CLOCK_TOLD: u64 = u64::MAX;

pub(crate) struct Log {
    pub(crate) shared: Arc<Shared>,
    pub options: Options,
    pub label: String,
    pub(crate) report: OpenReport,
    pub visible: AtomicU64,
    pub(crate) role: Role,
    pub(crate) group: Group,
    pub(crate) closed: AtomicBool,
    /// How far the clock was behind when it was first met so far behind; 0 where it never was.
    pub(crate) clock_behind_us: AtomicU64,
    /// What opening has not declared yet, since there was no room: it comes before the next event.
    pub(crate) owed: Owed,
    /// Where the last page ended inside a segment.
    pub(crate) left: Left,
    /// What is known of the events as a set. Held while more is found out.
    pub(crate) sets: Mutex<Sets>,
    pub(crate) waiting: Waiting,
    /// That which opened it.
    process: u32,
}

impl Deref for Log {
    type Target = Shared;
    fn deref(&self) -> &Shared {
        &self.shared
    }
}

/// What opening declares in the log before anything else is written.
#[derive(Default)]
pub(crate) struct Owed {
    /// There is something.
    pub any: AtomicBool,
    /// Sequences that are left out. Held while all of it is declared.
    pub gap: Mutex<Option<(u64, u64)>>,
}

/// Where a walk was left: the next page begins there as a rule, with what was read ahead, and the
/// strings that were looked up.
#[derive(Default)]
pub(crate) struct Left(Mutex<Option<(Weak<Segment>, Walk, KnownStrings)>>);

impl Left {
    pub fn put(&self, segment: &Arc<Segment>, walk: Walk, strings: KnownStrings) {
        // Nobody waits for another, who may not exist in a child.
        if let Some(mut left) = self.0.try_lock().ok().filter(|_| !walk.is_large()) {
            *left = Some((Arc::downgrade(segment), walk, strings));
        }
    }

    /// The walk that was left in this segment after a sequence.
    pub fn take(&self, segment: &Arc<Segment>, after: u64) -> Option<(Walk, KnownStrings)> {
        let mut left = self.0.try_lock().ok()?;
        let is_it = |(there, walk, _): &mut (Weak<Segment>, Walk, KnownStrings)| {
            there.as_ptr() == Arc::as_ptr(segment) && walk.sequences.contains(&after)
        };
        left.take_if(is_it).map(|(_, walk, strings)| (walk, strings))
    }
}

pub(crate) enum Role {
    Writer(Box<Mutex<Writer>>),
    Reader(Mutex<Follower>),
}

impl Log {
    #[allow(clippy::too_many_arguments)] // the parts of an open store, put together in one place
    pub(crate) fn new(
        dir: Directory,
        options: Options,
        identity: Identity,
        label: String,
        room: Arc<StringRoom>,
        log: OpenLog,
        role: Role,
        lock: Option<Box<dyn Lock>>,
    ) -> Log {
        let segments = Segments::new(&dir, log.segments);
        let shared = Shared {
            dir,
            identity,
            room,
            segments: RwLock::new(Arc::new(segments)),
            durable: AtomicU64::new(log.durable),
            bell: Arc::new(Bell::default()),
            lock: Mutex::new(lock),
            compressing: Mutex::default(),
            upkeep: Mutex::default(),
            fsync: Mutex::default(),
            unsynced: Mutex::default(),
            poisoned: OnceLock::new(),
            failure: Mutex::default(),
        };
        Log {
            shared: Arc::new(shared),
            options,
            label,
            visible: AtomicU64::new(log.tail.next_sequence - 1),
            role,
            group: Group::default(),
            closed: AtomicBool::new(false),
            // Who opened it hears of it from the report.
            clock_behind_us: AtomicU64::new(match log.report.clock_behind_us > CLOCK_BEHIND_US {
                true => CLOCK_TOLD,
                false => 0,
            }),
            report: log.report,
            owed: Owed::default(),
            left: Left::default(),
            sets: Mutex::default(),
            waiting: Waiting::default(),
            process: process::number(),
        }
    }

    /// Refuses to go on in a forked child: locks may be held there by threads that are not.
    pub fn check_process(&self) -> Result<()> {
        process::check(self.process)
    }

    pub fn check_open(&self) -> Result<()> {
        self.check_process()?;
        match self.closed.load(Ordering::Acquire) {
            true => Err(Error::new(
                Code::Closed,
                format!("the store {} is closed", self.dir.path.display()),
            )
            .at(&self.dir.path)),
            false => Ok(()),
        }
    }

    pub fn check_writable(&self) -> Result<()> {
        self.check_open()?;
        if matches!(self.role, Role::Reader(_)) {
            return Err(Error::new(
                Code::ReadOnly,
                format!("{} is open for reading only", self.dir.path.display()),
            )
            .at(&self.dir.path));
        }
        self.check_poison()
    }

    /// The store id in force. A reader looks: a writer may have given the store a new one since it
    /// was opened.
    pub fn store_id(&self) -> Id {
        let known = self.identity.store_id();
        match &self.role {
            Role::Writer(_) => known,
            Role::Reader(_) => self.dir.read_identity().map_or(known, |found| found.store_id()),
        }
    }

    /// The segments, and a sequence up to which everything in them is visible: no index of theirs
    /// covers more.
    pub fn snapshot(&self) -> (Arc<Segments>, u64) {
        // In this order, and not while a follower has new segments that are not visible yet.
        let _still = match &self.role {
            Role::Writer(_) => None,
            Role::Reader(follower) => Some(lock(follower)),
        };
        (self.segments(), self.visible.load(Ordering::Acquire))
    }

    /// The writing end; `ReadOnly`, `Closed` or `Poisoned` where there is none to be had.
    pub fn writer(&self) -> Result<MutexGuard<'_, Writer>> {
        self.check_writable()?;
        let Role::Writer(writer) = &self.role else { unreachable!("checked above") };
        let guard = self.lock_writer(writer);
        self.check_writable()?;
        Ok(guard)
    }

    /// A panic may have left the writer between two states: whoever comes next poisons the store,
    /// before anything is built on that.
    pub(crate) fn lock_writer<'a>(&self, writer: &'a Mutex<Writer>) -> MutexGuard<'a, Writer> {
        writer.lock().unwrap_or_else(|e| {
            self.poison("a panic interrupted a write");
            e.into_inner()
        })
    }

    /// For a reading handle: takes in what the writing process has added.
    pub fn refresh(&self) -> Result<()> {
        match &self.role {
            Role::Writer(_) => Ok(()),
            Role::Reader(follower) => self.follow(&mut lock(follower)),
        }
    }

    fn follow(&self, follower: &mut Follower) -> Result<()> {
        let known = self.segments();
        let mut segments = List::Borrowed(&known);
        let followed = follower.refresh(&self.opening(), &mut segments);
        if let List::Owned(segments) = segments {
            self.change_segments(|list| *list = segments);
        }
        followed?;
        // In this order, or another thread could see something durable that is not visible.
        self.visible.store(follower.tail.next_sequence - 1, Ordering::Release);
        self.durable.fetch_max(follower.durable, Ordering::AcqRel);
        Ok(())
    }

    pub fn current_frontier(&self) -> Frontier {
        let durable = self.durable.load(Ordering::Acquire);
        Frontier { visible: self.visible.load(Ordering::Acquire), durable }
    }

    /// Makes everything that is visible durable, through whichever handle this is.
    pub fn sync_visible(&self) -> Result<()> {
        match &self.role {
            Role::Writer(_) => {
                // Also where the background has synced everything meanwhile.
                self.check_poison()?;
                self.sync_through(self.visible.load(Ordering::Acquire))
            }
            Role::Reader(follower) => {
                let mut follower = lock(follower);
                self.follow(&mut follower)?;
                follower.sync(&self.opening(), &self.segments())?;
                self.durable.fetch_max(follower.durable, Ordering::AcqRel);
                Ok(())
            }
        }
    }

    /// How far a copy may go: everything visible is synced first, so that no crash makes this store
    /// lose what the copy has. Of a store that takes no more writes, what is known to be on disk.
    pub fn sync_for_copy(&self) -> Result<u64> {
        self.refresh()?;
        let visible = self.current_frontier().visible;
        match self.sync_visible() {
            Err(error) if error.code() != Code::Poisoned => {
                Err(error.context("syncing the source"))
            }
            _ => Ok(visible.min(self.current_frontier().durable)),
        }
    }

    /// Returns once everything up to `target` is on disk. Whoever comes first syncs for all who
    /// wrote before it started; the others wait. Also while the store is being closed, for appends
    /// that were there before.
    pub fn sync_through(&self, target: u64) -> Result<()> {
        let is_done = || self.durable.load(Ordering::Acquire) >= target;
        let Some(turn) = self.group.wait(target, is_done) else { return Ok(()) };
        let Role::Writer(writer) = &self.role else { return Ok(()) };
        let _poison = PoisonOnPanic(self);
        let (segment, through) = {
            let writer = self.lock_writer(writer);
            (writer.segment.clone(), writer.tail.next_sequence - 1)
        };
        turn.covers(through);
        self.sync_segment(&segment, through)
    }

    /// Waits until every segment that is full by now is on disk and has its index. Others append
    /// meanwhile, as long as the next one is not full, too.
    pub fn finish_background(&self) {
        let Role::Writer(writer) = &self.role else { return };
        let running = {
            let background = &mut lock(writer).background;
            let running = background.running();
            if running.is_none() {
                background.finish();
            }
            running
        };
        if let Some(running) = running {
            running.wait();
            lock(writer).background.finish_after(&running);
        }
    }

    /// Gives back the space that was reserved after the log, and makes all of it durable.
    pub fn cut_and_sync(&self, writer: &mut Writer) -> Result<()> {
        writer.cut().map_err(|e| self.poisoned_by(e))?;
        self.sync_segment(&writer.segment, writer.tail.next_sequence - 1)
    }

    pub fn close(&self) -> Result<()> {
        self.check_process()?;
        self.closed.store(true, Ordering::Release);
        self.waiting.call();
        let Role::Writer(writer) = &self.role else { return Ok(()) };
        // Ends soon. Not with the writer held, which whoever compresses may wait for.
        drop(lock(&self.compressing));
        drop(lock(&self.sets));
        // Whoever comes second waits here for the first: when it returns, the directory is
        // released.
        let mut writer = self.lock_writer(writer);
        if std::mem::replace(&mut writer.left, true) {
            return Ok(());
        }
        let result = self.check_poison().and_then(|()| match writer.clean_mark {
            true => Ok(()),
            // Where the mark cannot be written, the log is on disk all the same. A log that is to
            // be continued in another way gets none.
            false => self.cut_and_sync(&mut writer).and_then(|()| {
                writer.background.finish();
                let owed = self.owed.any.load(Ordering::Acquire);
                if owed {
                    Ok(())
                } else {
                    writer.mark()
                }
            }),
        });
        // Nothing is written in the directory, or removed, once it is another writer's.
        writer.background.finish();
        *lock(&self.upkeep) = Upkeep::default();
        drop(lock(&self.lock).take());
        result
    }

    /// Takes note of a clock that is far behind the log.
    pub fn meet_clock(&self, now_us: i64, last_recorded_us: i64) {
        let behind_us = clock_behind_us(now_us, last_recorded_us);
        if behind_us > CLOCK_BEHIND_US && self.clock_behind_us.load(Ordering::Relaxed) == 0 {
            self.clock_behind_us.store(behind_us, Ordering::Relaxed);
        }
    }

    pub(crate) fn stats(&self) -> Result<Stats> {
        // Both under the lock: the count is that of the last of these segments.
        let of_tail = |tail: &Tail| (self.segments(), tail.events, tail.last_recorded_us);
        let (segments, events_here, last_recorded_us) = match &self.role {
            Role::Writer(writer) => of_tail(&lock(writer).tail),
            Role::Reader(follower) => of_tail(&lock(follower).tail),
        };
        let index_bytes = segments.run_bytes() + set_bytes(&self.dir, &segments);
        let count = segments.len() as u64;
        let mut stats = Stats { segments: count, index_bytes, ..Stats::default() };
        for segment in segments.iter() {
            stats.log_bytes += segment.stored_bytes();
            stats.index_bytes += segment.index().map_or(0, |index| index.file_bytes());
            let table = segment.read_table();
            stats.unindexed_events += table.len() as u64;
            let of_index = segment.index().map_or(0, |index| index.system_events);
            stats.system_events += of_index + table.system_events();
            stats.memory_bytes += table.memory_bytes() as u64;
        }
        stats.events = segments.last().map_or(0, |last| last.header.events_before) + events_here;
        stats.memory_bytes += self.room.bytes() as u64;
        stats.clock_behind_us = clock_behind_us(self.options.clock.now_us(), last_recorded_us);
        Ok(stats)
    }
}

/// How far a clock is behind what was recorded last.
pub(crate) fn clock_behind_us(now_us: i64, last_recorded_us: i64) -> u64 {
    u64::try_from(last_recorded_us.saturating_sub(now_us)).unwrap_or(0)
}

impl Drop for Log {
    fn drop(&mut self) {
        // Whoever wants to know whether the last flush worked calls close.
        let _ = self.close();
    }
}

thread_local! {
    /// Stores that take part in an import on this thread.
    static IMPORTING: RefCell<Vec<*const Log>> = const { RefCell::new(Vec::new()) };
}

/// Marks a store as part of an import on this thread, so that a callback cannot close it.
pub(crate) struct Importing;

impl Importing {
    pub(crate) fn new(store: &Arc<Log>) -> Importing {
        IMPORTING.with_borrow_mut(|stores| stores.push(Arc::as_ptr(store)));
        Importing
    }
}

impl Drop for Importing {
    fn drop(&mut self) {
        IMPORTING.with_borrow_mut(|stores| stores.pop());
    }
}

/// Whether this thread is inside of an import that `store` takes part in.
pub(crate) fn is_importing(store: *const Log) -> bool {
    IMPORTING.with_borrow(|stores| stores.contains(&store))
}
