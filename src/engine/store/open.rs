//! Opening a store: make, claim, recover, hand out.

use super::commit::Item;
use super::identity::system_item;
use super::Store;
use crate::engine::format::hash;
use crate::engine::format::identity::Identity;
use crate::engine::format::system;
use crate::engine::index::cache::BlockCache;
use crate::engine::log::directory;
use crate::engine::log::directory::create_directory;
use crate::engine::log::directory::not_a_store;
use crate::engine::log::directory::store_exists;
use crate::engine::log::directory::sync_parent;
use crate::engine::log::directory::take_lock;
use crate::engine::log::directory::Directory;
use crate::engine::log::directory::Listing;
use crate::engine::log::follower::Follower;
use crate::engine::log::options::random_id;
use crate::engine::log::options::random_salt;
use crate::engine::log::options::OpenMode;
use crate::engine::log::options::Options;
use crate::engine::log::recovery;
use crate::engine::log::recovery::label;
use crate::engine::log::recovery::OpenLog;
use crate::engine::log::recovery::Opening;
use crate::engine::log::segment::Segment;
use crate::engine::log::state::Inner;
use crate::engine::log::state::Role;
use crate::engine::log::tail::Tail;
use crate::engine::log::writer;
use crate::engine::log::writer::Writer;
use crate::engine::model::error::Error;
use crate::engine::model::error::Result;
use crate::engine::model::event;
use crate::engine::model::id::Hash;
use crate::engine::model::id::Kind;
use crate::engine::model::limits;
use crate::engine::platform::vfs::Lock;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::Mutex;

impl Store {
    /// Opens the store in the directory `path`, or makes one, as `options` say.
    ///
    /// `StoreNotFound`, `StoreExists`, `Busy` (another handle writes; the message names its
    /// process), `FutureVersion`, `Corrupt` (nothing was changed), `InvalidArgument`, `Io`.
    pub fn open(path: &Path, options: &Options) -> Result<Store> {
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

fn finish_open(
    dir: Directory,
    options: &Options,
    identity: Identity,
    cache: Arc<BlockCache>,
    log: OpenLog,
    role: Role,
    lock: Option<Box<dyn Lock>>,
) -> Result<Store> {
    let label = label(&log.segments[0], &identity)?;
    let inner = Inner::new(dir, options.clone(), identity, label, cache, log, role, lock);
    Ok(Store(Arc::new(inner)))
}

impl Inner {
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
}
