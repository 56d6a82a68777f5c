//! Opening a store, in five steps: look, claim, make, recover, hand out.

use super::identity::system_item;
use super::item::Item;
use super::Store;
use crate::engine::format::identity::Identity;
use crate::engine::format::{hash, system};
use crate::engine::index::room::StringRoom;
use crate::engine::log::directory::{
    self, boot_of, not_a_store, store_exists, sync_parent, take_lock, Directory, Listing, POISONED,
};
use crate::engine::log::follower::Follower;
use crate::engine::log::options::{random_id, random_salt, OpenMode, Options};
use crate::engine::log::recovery::{label, refuse_orphan, OpenLog, OpenReport, Opening};
use crate::engine::log::segment::Segment;
use crate::engine::log::state::{clock_behind_us, lock, Log, Role};
use crate::engine::log::tail::Tail;
use crate::engine::log::writer::{self, Writer};
use crate::engine::model::error::{Code, Error, Result};
use crate::engine::model::id::{Hash, Id, Kind};
use crate::engine::model::{event, limits};
use crate::engine::platform::vfs::Lock;
use crate::engine::platform::watch::{Watch, STEP_BYTES};
use std::path::Path;
use std::sync::atomic::Ordering;
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
        let found = look(path, options)?;
        let (dir, listing) = match found {
            Some(found) => found,
            None => (Directory::create(path, options)?, Listing::default()),
        };
        let claim = match options.mode {
            OpenMode::ReadOnly => None,
            _ => Some(claim(&dir, &listing)?),
        };
        let created = claim.is_some() && make_where_missing(&dir, options)?;
        // What was just made has nothing to recover, and stays: nobody is asked about it.
        let unwatched = Watch::default();
        let watch = if created { &unwatched } else { watch };
        let identity = dir.read_identity()?;
        let room = Arc::new(StringRoom::new());
        let mut log = match &claim {
            None => Opening::for_reading(&dir, &identity, &room).open_log(&listing, watch)?,
            Some(claim) => recover(&dir, &identity, &room, claim, watch)?,
        };
        log.report.created = created;
        log.report.clock_behind_us =
            clock_behind_us(options.clock.now_us(), log.tail.last_recorded_us);
        hand_out(dir, options, identity, room, log, claim)
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

/// Step 1: what is in the directory, and whether that is what the mode asks for. None where the
/// directory is missing. From here on the directory is the one that was found.
fn look(path: &Path, options: &Options) -> Result<Option<(Directory, Listing)>> {
    let must_exist = matches!(options.mode, OpenMode::MustExist | OpenMode::ReadOnly);
    let Some(dir) = Directory::open(path, options)? else {
        return if must_exist { Err(not_a_store(path, false)) } else { Ok(None) };
    };
    let listing = dir.list()?;
    match listing.identity {
        false if must_exist => Err(not_a_store(&dir.path, true)),
        true if options.mode == OpenMode::MustBeNew => Err(store_exists(&dir)),
        _ => Ok(Some((dir, listing))),
    }
}

/// The directory is held by this writer.
struct Claim {
    lock: Box<dyn Lock>,
    /// What the last writer wrote into the lock file of itself: under which boot of the machine it
    /// wrote, and whether it saw an fsync fail.
    before: String,
}

/// Step 2: takes the directory's lock.
fn claim(dir: &Directory, found: &Listing) -> Result<Claim> {
    if !found.identity {
        refuse_foreign(dir, found)?;
    }
    let lock = take_lock(dir, true)?;
    let before = boot_of(lock.previous()).to_owned();
    // Until what the last writer left is recovered, the lock file goes on saying this.
    match dir.describe_holder(&*lock, &before) {
        // What it says of the last writer stays true; only who holds it is not told.
        Err(e) if e.code() == Code::NoSpace => {}
        told => told?,
    }
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
    let is_store = dir.list()?.identity;
    match options.mode {
        // Somebody else made it before the lock was taken.
        OpenMode::MustBeNew if is_store => return Err(store_exists(dir)),
        _ if is_store => return Ok(false),
        _ => {}
    }
    refuse_orphan(dir)?;
    create_store(dir, options).inspect_err(|_| {
        // Best effort: without an identity file what is left is no store.
        let _ = dir.remove_store();
    })?;
    Ok(true)
}

/// Makes the first segment with the genesis event, then the identity file, which makes it a store.
fn create_store(dir: &Directory, options: &Options) -> Result<()> {
    for name in [Segment::log_name(1), Segment::index_name(1), directory::CLEAN.to_owned()] {
        dir.remove_if_there(&name)?;
    }
    let created_us = options.clock.now_us();
    let store_id = random_id(options);
    let identity = Identity {
        log_id: store_id,
        created_us,
        genesis_hash: Hash::ZERO,
        repaired_through: 0,
        changes: Vec::new(),
    };
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
    let file = writer::create_segment(dir, &header, true)?;
    dir.sync()?;
    let path = dir.file(&Segment::log_name(1));
    let room = Arc::new(StringRoom::new());
    let segment = Arc::new(Segment::new(header, path, file, None, room.clone()));
    let writer = Writer::new(dir.clone(), segment.clone(), Tail::at_start(&header), false)?;
    let log = OpenLog::new(segment, Tail::at_start(&header), false, 0, OpenReport::default());
    let role = Role::Writer(Box::new(Mutex::new(writer)));
    Ok(Log::new(
        dir.clone(),
        options.clone(),
        identity,
        options.label.clone(),
        room,
        log,
        role,
        None,
    ))
}

/// Step 4: finds where the log ends, and puts what an unclean stop left into order.
fn recover(
    dir: &Directory,
    identity: &Identity,
    room: &Arc<StringRoom>,
    claim: &Claim,
    watch: &Watch<'_>,
) -> Result<OpenLog> {
    let listing = dir.list()?;
    for name in &listing.temporary {
        dir.remove_if_there(name)?;
    }
    let same_boot = dir.vfs.boot_id().is_some_and(|boot| boot == claim.before);
    let opening = Opening { dir, identity, room, writable: true, same_boot };
    let mut log = opening.open_log(&listing, watch)?;
    if log.gap.is_some() {
        // Said until the gap is declared: its evidence is gone when the tail has been rewritten.
        // Of another boot the file says enough already.
        let told = dir.describe_holder(&*claim.lock, &format!("{}{POISONED}", claim.before));
        if same_boot {
            told?;
        }
    }
    opening.rewrite_tail(&mut log)?;
    Ok(log)
}

/// Step 5: the handle. A writer's log first declares what must not wait for an append.
fn hand_out(
    dir: Directory,
    options: &Options,
    identity: Identity,
    room: Arc<StringRoom>,
    log: OpenLog,
    claim: Option<Claim>,
) -> Result<Store> {
    let label = label(&log.segments[0], &identity)?;
    let (gap, options) = (log.gap, options.clone());
    let Some(claim) = claim else {
        let role = Role::Reader(Mutex::new(Follower::new(log.tail, log.durable)));
        let inner = Log::new(dir, options, identity, label, room, log, role, None);
        return Ok(Store(Arc::new(inner)));
    };
    let segment = log.segments.last().expect("an open log has a segment").clone();
    let writer = Writer::new(dir.clone(), segment, log.tail, log.clean)?;
    let role = Role::Writer(Box::new(Mutex::new(writer)));
    let inner = Log::new(dir, options, identity, label, room, log, role, Some(claim.lock));
    let store = Store(Arc::new(inner));
    *lock(&store.0.owed.gap) = gap;
    store.0.owed.any.store(true, Ordering::Release);
    match store.0.settle() {
        // It can be read meanwhile; what is owed is written before the first event.
        Err(e) if e.code() == Code::NoSpace && store.0.check_poison().is_ok() => {}
        settled => settled?,
    }
    Ok(store)
}

impl Log {
    /// Writes what opening has to declare and could not yet, if there is anything.
    pub fn settle(&self) -> Result<()> {
        if !self.owed.any.load(Ordering::Acquire) {
            return Ok(());
        }
        let mut gap = lock(&self.owed.gap);
        if self.owed.any.load(Ordering::Acquire) {
            self.declare_gap(*gap)?;
            *gap = None;
            match self.describe_lock("") {
                // What it says of the last writer leaves sequences out once more, and does no harm.
                Err(e) if e.code() == Code::NoSpace => {}
                told => told?,
            }
            self.declare_identity(&self.identity)?;
            self.owed.any.store(false, Ordering::Release);
        }
        Ok(())
    }

    /// Declares sequences that will never be used, if there are any.
    pub fn declare_gap(&self, gap: Option<(u64, u64)>) -> Result<()> {
        if let Some((first, last)) = gap {
            let payload = system::gap_payload(first, last);
            let key = system::gap_id(&self.writer()?.tail.log_hash, &payload);
            let mut item = Item { skip_to: last + 1, ..system_item(Kind::GAP, &payload) };
            item.event.id = key;
            self.commit_now(&[item], None)?;
            self.sync_visible()?;
        }
        Ok(())
    }
}
