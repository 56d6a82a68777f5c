//! Opening a store, in five steps: look, claim, make, recover, hand out.

use super::commit::Item;
use super::identity::system_item;
use super::Store;
use crate::engine::format::identity::Identity;
use crate::engine::format::{hash, system};
use crate::engine::index::cache::BlockCache;
use crate::engine::log::directory::{
    self, create_directory, not_a_store, store_exists, sync_parent, take_lock, Directory, Listing,
};
use crate::engine::log::follower::Follower;
use crate::engine::log::options::{random_id, random_salt, OpenMode, Options};
use crate::engine::log::recovery::{label, refuse_orphan, OpenLog, OpenReport, Opening};
use crate::engine::log::segment::Segment;
use crate::engine::log::state::{Log, Role};
use crate::engine::log::tail::Tail;
use crate::engine::log::writer::{self, Writer};
use crate::engine::model::error::{Error, Result};
use crate::engine::model::id::{Hash, Id, Kind};
use crate::engine::model::{event, limits};
use crate::engine::platform::vfs::Lock;
use crate::engine::platform::watch::{Watch, STEP_BYTES};
use std::path::Path;
use std::sync::{Arc, Mutex};

impl Store {
    /// Opens the store in the directory `path`, or makes one, as `options` say. The five steps are
    /// the functions below.
    ///
    /// `StoreNotFound`, `StoreExists`, `Busy` (another handle writes; the message names its
    /// process), `FutureVersion`, `Corrupt` (nothing was changed), `InvalidArgument`, `Io`.
    pub fn open(path: &Path, options: &Options) -> Result<Store> {
        Store::open_watched(path, options, &Watch::default())
    }

    /// As [`Store::open`], under a watch that counts the bytes of the log that recovery reads.
    pub fn open_watched(path: &Path, options: &Options, watch: &Watch<'_>) -> Result<Store> {
        watch.begin(0, STEP_BYTES)?;
        options.limits.check()?;
        event::check_limit("label bytes", options.label.len(), limits::COORDINATE_BYTES_MAX)?;
        let dir = Directory::at(path, &options.vfs);
        let found = look(&dir, options.mode)?;
        let claim = match options.mode {
            OpenMode::ReadOnly => None,
            _ => Some(claim(&dir, found.as_ref())?),
        };
        let created = claim.is_some() && make_where_missing(&dir, options)?;
        // What was just made has nothing to recover, and stays: nobody is asked about it.
        let unwatched = Watch::default();
        let watch = if created { &unwatched } else { watch };
        let identity = dir.read_identity()?;
        let cache = Arc::new(BlockCache::new());
        let mut log = match &claim {
            None => Opening::for_reading(&dir, &identity, &cache)
                .open_log(&found.unwrap_or_default(), watch)?,
            Some(claim) => recover(&dir, &identity, &cache, claim, watch)?,
        };
        log.report.created = created;
        hand_out(dir, options, identity, cache, log, claim)
    }
}

/// Gives the store in the directory `path` a store id of its own, from its next sequence on, and
/// answers with it. A copied directory needs it: it is a second store with the id of the first.
///
/// Opens the store for writing, so recovery runs first, and the codes are those of [`Store::open`];
/// `LimitExceeded` after [`limits::IDENTITY_CHANGES_MAX`] times. After another failure the store
/// has its old id or a new one, whole; opening it shows which.
pub fn new_identity(path: &Path, options: &Options) -> Result<Id> {
    Store::open(path, &Options { mode: OpenMode::MustExist, ..options.clone() })?.change_identity()
}

/// Step 1: what is in the directory, and whether that is what the mode asks for.
fn look(dir: &Directory, mode: OpenMode) -> Result<Option<Listing>> {
    let found = dir.list()?;
    let is_store = found.as_ref().is_some_and(|listing| listing.identity);
    match mode {
        OpenMode::MustExist | OpenMode::ReadOnly if !is_store => {
            Err(not_a_store(&dir.path, found.is_some()))
        }
        OpenMode::MustBeNew if is_store => Err(store_exists(dir)),
        _ => Ok(found),
    }
}

/// The directory is held by this writer.
struct Claim {
    lock: Box<dyn Lock>,
    /// What the last writer wrote into the lock file of itself: under which boot of the machine it
    /// wrote, and whether it saw an fsync fail.
    before: String,
}

/// Step 2: makes the directory where it is missing, and takes its lock.
fn claim(dir: &Directory, found: Option<&Listing>) -> Result<Claim> {
    match found {
        None => create_directory(dir)?,
        Some(listing) if !listing.identity => refuse_foreign(dir, listing)?,
        Some(_) => {}
    }
    let lock = take_lock(dir)?;
    let before = lock.previous().split_whitespace().skip(3).collect::<Vec<_>>().join(" ");
    // Until what the last writer left is recovered, the lock file goes on saying this.
    dir.describe_holder(&*lock, &before)?;
    Ok(Claim { lock, before })
}

/// A directory without an identity file is empty, a store that was never finished, or not for us.
fn refuse_foreign(dir: &Directory, listing: &Listing) -> Result<()> {
    if let Some(name) = listing.foreign.first() {
        let message =
            format!("{} is not a store, and not empty: it has {name}", dir.path.display());
        return Err(Error::invalid(message).at(&dir.path));
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

/// Step 3: makes a store where there is none. Whether it did.
fn make_where_missing(dir: &Directory, options: &Options) -> Result<bool> {
    let is_store = dir.list()?.is_some_and(|listing| listing.identity);
    match options.mode {
        // Somebody else made it before the lock was taken.
        OpenMode::MustBeNew if is_store => return Err(store_exists(dir)),
        _ if is_store => return Ok(false),
        _ => {}
    }
    refuse_orphan(dir)?;
    create_store(dir, options)?;
    Ok(true)
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
/// store only when the identity file exists.
pub(crate) fn new_log(dir: &Directory, options: &Options, identity: Identity) -> Result<Log> {
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
    let log = OpenLog::new(segment, Tail::at_start(&header), false, 0, OpenReport::default());
    let role = Role::Writer(Mutex::new(writer));
    Ok(Log::new(
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

/// Step 4: finds where the log ends, and puts what an unclean stop left into order.
fn recover(
    dir: &Directory,
    identity: &Identity,
    cache: &Arc<BlockCache>,
    claim: &Claim,
    watch: &Watch<'_>,
) -> Result<OpenLog> {
    let listing = dir.list()?.unwrap_or_default();
    for name in &listing.temporary {
        dir.remove_if_there(&dir.file(name))?;
    }
    let same_boot = dir.vfs.boot_id().is_some_and(|boot| boot == claim.before);
    let opening = Opening { dir, identity, cache, writable: true, same_boot };
    let mut log = opening.open_log(&listing, watch)?;
    if log.gap.is_some() {
        // Said until the gap is declared: its evidence is gone when the tail has been rewritten.
        dir.describe_holder(&*claim.lock, &format!("{} poisoned", claim.before))?;
    }
    opening.rewrite_tail(&mut log)?;
    Ok(log)
}

/// Step 5: the handle. A writer's log first declares what must not wait for an append.
fn hand_out(
    dir: Directory,
    options: &Options,
    identity: Identity,
    cache: Arc<BlockCache>,
    log: OpenLog,
    claim: Option<Claim>,
) -> Result<Store> {
    let label = label(&log.segments[0], &identity)?;
    let (gap, options) = (log.gap, options.clone());
    let Some(claim) = claim else {
        let role = Role::Reader(Mutex::new(Follower::new(log.tail, log.durable)));
        let inner = Log::new(dir, options, identity, label, cache, log, role, None);
        return Ok(Store(Arc::new(inner)));
    };
    let segment = log.segments.last().expect("an open log has a segment").clone();
    let writer = Writer::new(dir.clone(), segment, log.tail, log.clean)?;
    let role = Role::Writer(Mutex::new(writer));
    let inner = Log::new(dir, options, identity, label, cache, log, role, Some(claim.lock));
    let store = Store(Arc::new(inner));
    // Poisoned, so that dropping the store does not mark as clean a log whose gap is not declared.
    store.0.declare_gap(gap).map_err(|e| store.0.poisoned_by(e))?;
    store.0.describe_lock("")?;
    store.0.declare_identity(&store.0.identity)?;
    Ok(store)
}

impl Log {
    /// Declares sequences that will never be used, if there are any.
    pub fn declare_gap(&self, gap: Option<(u64, u64)>) -> Result<()> {
        if let Some((first, last)) = gap {
            let payload = system::gap_payload(first, last);
            let key = system::gap_id(&self.writer()?.tail.log_hash, &payload);
            let mut item = Item { skip_to: last + 1, ..system_item(Kind::GAP, &payload) };
            item.event.id = key;
            self.commit(&[item], None)?;
            self.sync_visible()?;
        }
        Ok(())
    }
}
