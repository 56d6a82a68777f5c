//! A store: the state machine around the log, and the calls that append to it.

use super::cache::BlockCache;
use super::clock::{Clock, Entropy};
use super::commit::{Item, Outcome};
use super::directory::{self, Directory, Listing};
use super::error::{Code, Error, Result};
use super::event::{self, NewEvent, Receipt};
use super::follower::Follower;
use super::frame::encode_extensions;
use super::group::Group;
use super::id::{Hash, Id, Kind};
pub use super::identity::new_identity;
use super::identity::{system_item, Identity};
use super::limits::{self, Limits};
use super::os::{OsVfs, SystemClock, SystemEntropy};
use super::recovery::{self, not_a_store, OpenLog, Opening};
use super::segment::Segment;
use super::segments::Segments;
use super::tail::Tail;
use super::vfs::{Lock, LockOutcome, Vfs};
use super::watch::Watch;
use super::writer::{self, Writer};
use super::{hash, system};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, RwLock};

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
        Options {
            mode: OpenMode::default(),
            durability: Durability::default(),
            limits: Limits::default(),
            label: String::new(),
            vfs: Arc::new(OsVfs),
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy::default()),
        }
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
pub struct Store(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub dir: Directory,
    pub options: Options,
    pub identity: Identity,
    pub label: String,
    pub cache: Arc<BlockCache>,
    report: OpenReport,
    segments: RwLock<Arc<Segments>>,
    pub visible: AtomicU64,
    pub durable: AtomicU64,
    role: Role,
    /// Held by a writing handle until it is closed.
    lock: Mutex<Option<Box<dyn Lock>>>,
    group: Group,
    /// Held while a segment is synced, and until the store is poisoned where that fails. Innermost
    /// but for `lock`.
    fsync: Mutex<()>,
    closed: AtomicBool,
    poisoned: OnceLock<String>,
}

enum Role {
    Writer(Mutex<Writer>),
    Reader(Mutex<Follower>),
}

impl Store {
    /// Opens the store in the directory `path`, or makes one, as `options` say.
    ///
    /// `StoreNotFound`, `StoreExists`, `Busy` (another handle writes; the message names its
    /// process), `FutureVersion`, `Corrupt` (nothing was changed), `InvalidArgument`, `Io`.
    pub fn open(path: &Path, options: &Options) -> Result<Store> {
        Store::open_watched(path, options, &Watch::default())
    }

    /// As [`Store::open`], under a watch that counts the bytes of the log that recovery reads.
    pub fn open_watched(path: &Path, options: &Options, watch: &Watch<'_>) -> Result<Store> {
        watch.begin(0, 1)?;
        options.limits.check()?;
        event::check_limit("label bytes", options.label.len(), limits::COORDINATE_BYTES_MAX)?;
        // A program may change its working directory while the store is open.
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let dir = Directory { path, vfs: options.vfs.clone() };
        match options.mode {
            OpenMode::ReadOnly => open_reader(dir, options),
            _ => open_writer(dir, options),
        }
    }

    /// Flushes, releases the directory, and ends every later call with `Closed`. May be called
    /// again. A flush that fails is reported, and the store is closed all the same. `Busy` from
    /// within a callback of an import that this store takes part in; nothing happens then.
    pub fn close(&self) -> Result<()> {
        if super::import::is_importing(Arc::as_ptr(&self.0)) {
            return Err(Error::new(
                Code::Busy,
                "a callback cannot close a store of its own import",
            ));
        }
        self.0.close()
    }

    /// Appends one event; see [`Store::append_batch`].
    pub fn append(&self, event: &NewEvent<'_>) -> Result<Receipt> {
        let store = &*self.0;
        store.check_writable()?;
        check_batch(std::slice::from_ref(event), &store.options.limits)?;
        let extensions = encode_extensions(event.extensions);
        let outcomes = self.append_items(&[Item::of_event(event, &extensions)])?;
        store.receipt_of(0, &outcomes[0], store.durable.load(Ordering::Acquire))
    }

    /// Appends all of `events` or none. Errors name the item.
    pub fn append_batch(&self, events: &[NewEvent<'_>]) -> Result<Vec<Receipt>> {
        let store = &*self.0;
        store.check_writable()?;
        check_batch(events, &store.options.limits)?;
        let extensions: Vec<Vec<u8>> =
            events.iter().map(|event| encode_extensions(event.extensions)).collect();
        let items: Vec<Item<'_>> =
            events.iter().zip(&extensions).map(|(e, x)| Item::of_event(e, x)).collect();
        let outcomes = self.append_items(&items)?;
        let durable = store.durable.load(Ordering::Acquire);
        outcomes
            .iter()
            .enumerate()
            .map(|(item, outcome)| store.receipt_of(item, outcome, durable))
            .collect()
    }

    fn append_items(&self, items: &[Item<'_>]) -> Result<Vec<Outcome>> {
        let store = &*self.0;
        let outcomes = store.commit(items, None)?;
        if store.options.durability == Durability::Durable && !items.is_empty() {
            store.sync_through(store.visible.load(Ordering::Acquire))?;
        }
        Ok(outcomes)
    }

    /// Makes everything visible durable.
    pub fn sync(&self) -> Result<Frontier> {
        self.0.check_open()?;
        self.0.sync_visible()?;
        Ok(self.0.current_frontier())
    }

    pub fn frontier(&self) -> Result<Frontier> {
        self.0.check_open()?;
        self.0.refresh()?;
        Ok(self.0.current_frontier())
    }

    pub fn stats(&self) -> Result<Stats> {
        self.0.check_open()?;
        self.0.refresh()?;
        self.0.stats()
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
        format!("store:{}", self.store_id())
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

    /// Whether both handles are of the same open store.
    pub fn is_same(&self, other: &Store) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Ends every later write with `Poisoned` until the store is opened again.
    pub fn poison(&self, why: &str) {
        self.0.poison(why);
    }

    /// The log hash at the visible frontier: one value that stands for the whole history.
    pub fn log_hash(&self) -> Result<Hash> {
        self.0.check_open()?;
        self.0.refresh()?;
        Ok(match &self.0.role {
            Role::Writer(writer) => lock(writer).tail.log_hash,
            Role::Reader(follower) => lock(follower).tail.log_hash,
        })
    }

    /// Appends an event whose provenance extension holds these bytes, whatever they are.
    #[cfg(feature = "internal")]
    pub fn append_with_provenance_body(
        &self,
        event: &NewEvent<'_>,
        body: &[u8],
    ) -> Result<Receipt> {
        self.0.check_writable()?;
        let extensions = encode_extensions(event.extensions);
        let item = Item { source: event::Source::Raw(body), ..Item::of_event(event, &extensions) };
        let outcomes = self.append_items(&[item])?;
        self.0.receipt_of(0, &outcomes[0], self.0.durable.load(Ordering::Acquire))
    }
}

fn check_batch(events: &[NewEvent<'_>], limits: &Limits) -> Result<()> {
    event::check_limit("batch events", events.len(), limits.batch_events_max)?;
    let mut bytes = 0;
    for (item, event) in events.iter().enumerate() {
        let check = || {
            event::check_event(event, limits)?;
            match event.cause {
                event::Cause::Item(cause) if cause >= item => Err(Error::invalid(format!(
                    "its cause is item {cause}, which is not before it"
                ))),
                _ => Ok(()),
            }
        };
        check().map_err(|e| e.with_item(item))?;
        bytes += event_bytes(event);
        event::check_limit("batch bytes", bytes, limits.batch_bytes_max)
            .map_err(|e| e.with_item(item))?;
    }
    Ok(())
}

/// What an event counts towards the bytes of a batch.
fn event_bytes(event: &NewEvent<'_>) -> usize {
    let extensions: usize =
        event.extensions.iter().map(|(key, value)| key.len() + value.len()).sum();
    event.payload.len() + extensions + event.entity.len() + event.scope.len()
}

/// Refuses to go on in a child that was forked: locks may be held there by threads that are not.
pub(crate) fn check_fork() -> Result<()> {
    match super::os::in_forked_child() {
        true => Err(Error::new(Code::Forked, "the store belongs to the parent of this process")),
        false => Ok(()),
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|e| e.into_inner())
}

fn open_reader(dir: Directory, options: &Options) -> Result<Store> {
    let present = dir.list()?;
    let is_there = present.is_some();
    let listing = present
        .filter(|listing| listing.identity)
        .ok_or_else(|| not_a_store(&dir.path, is_there))?;
    let identity = dir.read_identity()?;
    let cache = Arc::new(BlockCache::new());
    let opening = Opening::for_reading(&dir, &identity, cache.clone());
    let log = opening.open_log(&listing)?;
    let follower = Follower::new(log.tail, log.clean, log.durable);
    finish_open(dir, options, identity, cache, log, Role::Reader(Mutex::new(follower)), None)
}

fn open_writer(dir: Directory, options: &Options) -> Result<Store> {
    let present = dir.list()?;
    let is_store = present.as_ref().is_some_and(|listing| listing.identity);
    match options.mode {
        OpenMode::MustExist if !is_store => return Err(not_a_store(&dir.path, present.is_some())),
        OpenMode::MustBeNew if is_store => return Err(store_exists(&dir)),
        _ => {}
    }
    match &present {
        None => create_directory(&dir)?,
        Some(listing) if !is_store => refuse_foreign(&dir, listing)?,
        Some(_) => {}
    }
    let held = take_lock(&dir)?;
    let boot = dir.vfs.boot_id();
    let (same_boot, poisoned) = describe_holder(held.previous(), boot.as_deref());
    let created = !dir.list()?.is_some_and(|listing| listing.identity);
    if !created && options.mode == OpenMode::MustBeNew {
        return Err(store_exists(&dir));
    }
    // Until what the last writer left is settled, the lock file goes on saying under which boot it
    // wrote.
    let before = held.previous().split_whitespace().skip(3).collect::<Vec<_>>().join(" ");
    let lock_file = dir.file(directory::LOCK);
    let failed = |e: io::Error| Error::io("cannot write", &lock_file, &e);
    held.describe(&format!("pid {} boot {before}", dir.vfs.process_name())).map_err(failed)?;
    if created {
        recovery::refuse_orphan(&dir)?;
        create_store(&dir, options)?;
    }
    let identity = dir.read_identity()?;
    let listing = dir.list()?.unwrap_or_default();
    for name in &listing.temporary {
        dir.remove_if_there(&dir.file(name))?;
    }
    let cache = Arc::new(BlockCache::new());
    let same_boot = same_boot && !poisoned;
    let opening =
        Opening { dir: &dir, identity: &identity, cache: cache.clone(), writable: true, same_boot };
    let mut log = opening.open_log(&listing)?;
    log.report.created = created;
    if log.gap.is_some() {
        // Said until the gap is declared: what tells of it is gone when the log has been settled.
        held.describe(&format!("pid {} boot {before} poisoned", dir.vfs.process_name()))
            .map_err(failed)?;
    }
    opening.settle(&mut log)?;
    let segment = log.segments.last().expect("an open log has a segment").clone();
    let writer = Writer::new(dir.clone(), segment, log.tail, log.clean)?;
    let gap = log.gap;
    let store = finish_open(
        dir,
        options,
        identity,
        cache,
        log,
        Role::Writer(Mutex::new(writer)),
        Some(held),
    )?;
    // Poisoned, so that dropping the store does not mark as clean a log whose gap is not declared.
    store.0.resume(gap).map_err(|e| store.0.poisoned_by(e))?;
    store.0.describe_lock("").map_err(failed)?;
    store.0.declare_identity(&store.0.identity)?;
    Ok(store)
}

pub(crate) fn create_directory(dir: &Directory) -> Result<()> {
    match dir.vfs.create_dir(&dir.path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            Err(Error::io("cannot create", &dir.path, &e).context("the directory above is missing"))
        }
        Err(e) if e.kind() != io::ErrorKind::AlreadyExists => {
            Err(Error::io("cannot create", &dir.path, &e))
        }
        _ => Ok(()),
    }
}

/// Makes the directory's own name durable, whoever made the directory.
pub(crate) fn sync_parent(dir: &Directory) -> Result<()> {
    let Some(parent) = dir.path.parent() else { return Ok(()) };
    match dir.vfs.sync_dir(parent) {
        // A directory above may be closed to us; then the name of ours is not in our hands.
        Err(e) if e.kind() != io::ErrorKind::PermissionDenied => {
            Err(Error::io("cannot sync directory", parent, &e))
        }
        _ => Ok(()),
    }
}

/// A directory without an identity file is empty, a store that was never finished, or not for us.
fn refuse_foreign(dir: &Directory, listing: &Listing) -> Result<()> {
    if let Some(name) = listing.foreign.first() {
        let message =
            format!("{} is not a store, and not empty: it has {name}", dir.path.display());
        return Err(Error::invalid(message));
    }
    match listing.segments.as_slice() {
        [] | [1] => Ok(()),
        _ => Err(Error::corrupt(
            &dir.path,
            0,
            "there are segments, but the identity file is missing",
        )),
    }
}

pub(crate) fn store_exists(dir: &Directory) -> Error {
    Error::new(Code::StoreExists, format!("{} is a store already", dir.path.display()))
        .at(&dir.path)
}

pub(crate) fn take_lock(dir: &Directory) -> Result<Box<dyn Lock>> {
    let path = dir.file(directory::LOCK);
    match dir.vfs.lock(&path).map_err(|e| Error::io("cannot lock", &path, &e))? {
        LockOutcome::Held(lock) => Ok(lock),
        LockOutcome::Taken(by) => {
            let holder = by.split_whitespace().nth(1).unwrap_or("unknown");
            let message = format!("{} is open for writing in process {holder}", dir.path.display());
            Err(Error::new(Code::Busy, message)
                .with_numbers(holder.parse().unwrap_or(0), 0)
                .at(&dir.path))
        }
    }
}

/// From what the last writer wrote into the lock file: whether the machine has been up since, and
/// whether that writer saw an fsync fail.
fn describe_holder(text: &str, boot: Option<&str>) -> (bool, bool) {
    let mut words = text.split_whitespace().skip(3);
    let same_boot = boot.is_some() && words.next() == boot;
    (same_boot, words.next() == Some("poisoned"))
}

/// Makes the first segment with the genesis event, then the identity file, which makes it a store.
fn create_store(dir: &Directory, options: &Options) -> Result<()> {
    for name in [Segment::log_name(1), Segment::index_name(1), directory::CLEAN.to_owned()] {
        dir.remove_if_there(&dir.file(&name))?;
    }
    let created_us = options.clock.now_us();
    let store_id = random_id(options);
    let identity =
        Identity { log_id: store_id, created_us, genesis_hash: Hash::ZERO, changes: Vec::new() };
    let inner = new_log(dir, options, identity.clone())?;
    let payload = system::genesis_payload(store_id, created_us, &options.label);
    let outcomes = inner.commit(&[system_item(Kind::GENESIS, &payload)], None)?;
    inner.sync_through(1)?;
    let genesis_hash = inner.receipt(&outcomes[0])?.event_hash;
    inner.close()?;
    dir.write_identity(&Identity { genesis_hash, ..identity })
}

/// The first segment, empty, of a log that is being made: what is around it writes, and becomes a
/// store only when the identity file is there.
pub(crate) fn new_log(dir: &Directory, options: &Options, identity: Identity) -> Result<Inner> {
    sync_parent(dir)?;
    let log_hash = hash::log_start(identity.log_id);
    let start = Tail {
        next_sequence: 1,
        log_hash,
        last_recorded_us: identity.created_us,
        ..Tail::default()
    };
    let header = writer::next_header(identity.log_id, &start, 0, 1, random_salt(options));
    let file = writer::create_segment(dir, &header)?;
    dir.sync()?;
    let path = dir.file(&Segment::log_name(1));
    let cache = Arc::new(BlockCache::new());
    let segment = Arc::new(Segment::new(header, path, file, None, cache.clone()));
    let writer = Writer::new(dir.clone(), segment.clone(), Tail::at_start(&header), false)?;
    let log = OpenLog::of_new(segment, Tail::at_start(&header));
    let role = Role::Writer(Mutex::new(writer));
    Ok(Inner::new(
        dir.clone(),
        options.clone(),
        identity,
        options.label.clone(),
        cache,
        log,
        role,
        None,
    ))
}

pub(crate) fn random_id(options: &Options) -> Id {
    let mut bytes = [0; 16];
    options.entropy.fill(&mut bytes);
    Id::from_bytes(bytes)
}

pub(crate) fn random_salt(options: &Options) -> u64 {
    let mut bytes = [0; 8];
    options.entropy.fill(&mut bytes);
    u64::from_le_bytes(bytes)
}

fn finish_open(
    dir: Directory,
    options: &Options,
    identity: Identity,
    cache: Arc<BlockCache>,
    log: OpenLog,
    role: Role,
    lock: Option<Box<dyn Lock>>,
) -> Result<Store> {
    let label = system::label(&log.segments[0], &identity)?;
    let inner = Inner::new(dir, options.clone(), identity, label, cache, log, role, lock);
    Ok(Store(Arc::new(inner)))
}

impl Inner {
    #[allow(clippy::too_many_arguments)] // the parts of an open store, put together in one place
    fn new(
        dir: Directory,
        options: Options,
        identity: Identity,
        label: String,
        cache: Arc<BlockCache>,
        log: OpenLog,
        role: Role,
        lock: Option<Box<dyn Lock>>,
    ) -> Inner {
        let segments = Segments::new(&dir, log.segments);
        Inner {
            dir,
            options,
            identity,
            label,
            cache,
            report: log.report,
            segments: RwLock::new(Arc::new(segments)),
            visible: AtomicU64::new(log.tail.next_sequence - 1),
            durable: AtomicU64::new(log.durable),
            role,
            lock: Mutex::new(lock),
            group: Group::default(),
            fsync: Mutex::default(),
            closed: AtomicBool::new(false),
            poisoned: OnceLock::new(),
        }
    }

    /// What a writer does before it is handed out: opens a new segment where the last is sealed,
    /// and declares sequences that were lost.
    pub fn resume(&self, gap: Option<(u64, u64)>) -> Result<()> {
        if let Some((first, last)) = gap {
            let payload = system::gap_payload(first, last);
            let key = system::gap_id(&self.writer()?.tail.log_hash, &payload);
            self.commit(
                &[Item { key, skip_to: last + 1, ..system_item(Kind::GAP, &payload) }],
                None,
            )?;
            self.sync_visible()?;
        }
        Ok(())
    }

    pub fn check_open(&self) -> Result<()> {
        check_fork()?;
        match self.closed.load(Ordering::Acquire) {
            true => Err(Error::new(
                Code::Closed,
                format!("the store {} is closed", self.dir.path.display()),
            )),
            false => Ok(()),
        }
    }

    pub fn check_writable(&self) -> Result<()> {
        self.check_open()?;
        if matches!(self.role, Role::Reader(_)) {
            return Err(Error::new(
                Code::ReadOnly,
                format!("{} is open for reading only", self.dir.path.display()),
            ));
        }
        self.check_poison()
    }

    fn check_poison(&self) -> Result<()> {
        let Some(why) = self.poisoned.get() else { return Ok(()) };
        let message = format!("the store takes no more writes until it is opened again: {why}");
        Err(Error::new(Code::Poisoned, message))
    }

    pub fn poison(&self, why: &str) {
        let _first_reason_stays = self.poisoned.set(why.to_owned());
        // Best effort: where this fails too, the next writer still finds the store unclean.
        let _ = self.describe_lock(" poisoned");
    }

    /// Writes into the lock file who holds it, and under which boot of the machine.
    fn describe_lock(&self, state: &str) -> io::Result<()> {
        let Some(lock) = &*lock(&self.lock) else { return Ok(()) };
        let boot = self.dir.vfs.boot_id();
        let boot = boot.as_deref().unwrap_or("unknown");
        lock.describe(&format!("pid {} boot {boot}{state}", self.dir.vfs.process_name()))
    }

    /// The segments as they are now.
    pub fn segments(&self) -> Arc<Segments> {
        self.segments.read().unwrap_or_else(|e| e.into_inner()).clone()
    }

    pub fn set_segments(&self, segments: Vec<Arc<Segment>>) {
        let mut current = self.segments.write().unwrap_or_else(|e| e.into_inner());
        *current = Arc::new(current.followed_by(segments));
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
    fn lock_writer<'a>(&self, writer: &'a Mutex<Writer>) -> MutexGuard<'a, Writer> {
        writer.lock().unwrap_or_else(|e| {
            self.poison("a panic broke off a write");
            e.into_inner()
        })
    }

    /// For a reading handle: takes in what the writing process has added.
    pub fn refresh(&self) -> Result<()> {
        match &self.role {
            Role::Writer(_) => Ok(()),
            Role::Reader(follower) => lock(follower).refresh(self),
        }
    }

    pub fn current_frontier(&self) -> Frontier {
        let durable = self.durable.load(Ordering::Acquire);
        Frontier { visible: self.visible.load(Ordering::Acquire), durable }
    }

    /// Makes everything that is visible durable, through whichever handle this is.
    pub fn sync_visible(&self) -> Result<()> {
        match &self.role {
            Role::Writer(_) => self.sync_through(self.visible.load(Ordering::Acquire)),
            Role::Reader(follower) => lock(follower).sync(self),
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

    /// Makes a segment durable, which holds the log up to `through`; poisons the store where that
    /// fails. One at a time: the kernel tells of a failed write only once.
    pub fn sync_segment(&self, segment: &Segment, through: u64) -> Result<()> {
        let _one_at_a_time = lock(&self.fsync);
        self.check_poison()?;
        segment
            .file
            .sync()
            .map_err(|e| self.poisoned_by(Error::io("cannot sync", &segment.path, &e)))?;
        self.durable.fetch_max(through, Ordering::AcqRel);
        Ok(())
    }

    /// Gives back the space that was reserved behind the log, and makes all of it durable.
    pub fn cut_and_sync(&self, writer: &mut Writer) -> Result<()> {
        writer.cut().map_err(|e| self.poisoned_by(e))?;
        self.sync_segment(&writer.segment, writer.tail.next_sequence - 1)
    }

    pub fn close(&self) -> Result<()> {
        check_fork()?;
        self.closed.store(true, Ordering::Release);
        let Role::Writer(writer) = &self.role else { return Ok(()) };
        // Whoever comes second waits here for the first: when it returns, the directory is
        // released.
        let mut writer = self.lock_writer(writer);
        if std::mem::replace(&mut writer.left, true) {
            return Ok(());
        }
        let result = self.check_poison().and_then(|()| match writer.clean_mark {
            true => Ok(()),
            // Where the mark cannot be written, the log is on disk all the same.
            false => self.cut_and_sync(&mut writer).and_then(|()| writer.mark()),
        });
        drop(lock(&self.lock).take());
        result
    }

    /// Poisons the store with an error.
    pub fn poisoned_by(&self, error: Error) -> Error {
        self.poison(&error.message);
        error
    }

    fn stats(&self) -> Result<Stats> {
        // Both under the lock: the count is that of the last of these segments.
        let of_tail = |tail: &Tail| (self.segments(), tail.events);
        let (segments, events_here) = match &self.role {
            Role::Writer(writer) => of_tail(&lock(writer).tail),
            Role::Reader(follower) => of_tail(&lock(follower).tail),
        };
        let (count, index_bytes) = (segments.len() as u64, segments.run_bytes());
        let mut stats = Stats { segments: count, index_bytes, ..Stats::default() };
        for segment in segments.iter() {
            stats.log_bytes += segment.end();
            stats.index_bytes += segment.index().map_or(0, |index| index.file_bytes());
            stats.unindexed_events += segment.table_len() as u64;
            stats.memory_bytes += segment.table_bytes() as u64;
        }
        stats.events = segments.last().map_or(0, |last| last.header.events_before) + events_here;
        stats.memory_bytes += self.cache.bytes() as u64;
        Ok(stats)
    }
}

/// Poisons the store where a panic ends the sync that others wait for.
struct PoisonOnPanic<'a>(&'a Inner);

impl Drop for PoisonOnPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.poison("a panic broke off a sync");
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // Whoever wants to know whether the last flush worked calls close.
        let _ = self.close();
    }
}
