//! The directory of a store: the names in it, and the two small files beside the segments.

use super::cold;
use super::options::Options;
use crate::engine::format::identity::{checksum_holds, with_checksum, Identity};
use crate::engine::model::bytes::{array_at, u64_at};
use crate::engine::model::error::{Code, Error, Result};
use crate::engine::model::id::{Hash, Id};
use crate::engine::platform::news::News;
use crate::engine::platform::process;
use crate::engine::platform::vfs::{
    read_full, write_full, Access, Dir, DirOptions, File, Lock, LockOutcome, Vfs,
};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Written last at creation: a directory with this file is a store.
pub const IDENTITY: &str = "store.fbat";
/// There while no writer has written since the last close.
pub const CLEAN: &str = "clean";
pub const LOCK: &str = "LOCK";
/// What is being written before it gets its name.
const TEMPORARY: &str = "tmp";

/// What the text of a lock file begins with.
const BOOT: &str = "boot ";
/// What follows the boot id where the holder saw an fsync fail.
pub const POISONED: &str = " poisoned";

const CLEAN_MAGIC: [u8; 8] = *b"FBATCLN\0";
const CLEAN_LEN: usize = 88;

/// An open directory. It stays the same one when it is moved, and when something else takes its
/// path.
#[derive(Clone)]
pub struct Directory {
    /// By which it was opened; for messages alone.
    pub path: PathBuf,
    pub vfs: Arc<dyn Vfs>,
    dir: Arc<dyn Dir>,
}

/// Where the log ended when the store was closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CleanMark {
    pub log_id: Id,
    pub segment: u64,
    pub end: u64,
    pub last_sequence: u64,
    pub log_hash: Hash,
}

/// The names of a directory, by what they are.
#[derive(Debug, Default)]
pub struct Listing {
    pub identity: bool,
    /// First sequences of the segments, ascending.
    pub segments: Vec<u64>,
    /// First sequences of the segments that have an index, ascending.
    pub indexes: Vec<u64>,
    pub temporary: Vec<String>,
    /// Names that a store does not have.
    pub foreign: Vec<String>,
}

impl Directory {
    /// The directory that a path leads to now; none where it leads nowhere.
    pub fn open(path: &Path, options: &Options) -> Result<Option<Directory>> {
        let path = absolute(path);
        let files_max = options.limits.files_max;
        let keep = DirOptions { files_max, model: IDENTITY, read_as: cold::open };
        let dir = if_exists(options.vfs.open_dir(&path, keep), "cannot open", &path)?;
        Ok(dir.map(|dir| Directory { path, vfs: options.vfs.clone(), dir }))
    }

    /// Makes the directory where it is missing.
    pub fn create(path: &Path, options: &Options) -> Result<Directory> {
        let path = &absolute(path);
        match options.vfs.create_dir(path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                let why = "the directory above is missing";
                return Err(Error::io("cannot create", path, &e).context(why));
            }
            Err(e) if e.kind() != io::ErrorKind::AlreadyExists => {
                return Err(Error::io("cannot create", path, &e));
            }
            _ => {}
        }
        let gone = || Error::io("cannot open", path, &io::ErrorKind::NotFound.into());
        Directory::open(path, options)?.ok_or_else(gone)
    }

    /// The path of a file, for messages.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The error for something that failed with a file.
    pub fn failed(&self, what: &str, name: &str, e: &io::Error) -> Error {
        let gone =
            matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::StaleNetworkFileHandle);
        let error = Error::io(what, &self.file(name), e);
        match gone && self.was_removed() {
            true => error.context(format!("the directory {} was removed", self.path.display())),
            false => error,
        }
    }

    /// News of what any process writes here; an error where nobody tells.
    pub fn watch(&self) -> io::Result<Arc<dyn News>> {
        self.dir.watch()
    }

    pub fn was_removed(&self) -> bool {
        self.dir.is_linked().is_ok_and(|linked| !linked)
    }

    /// What is here.
    pub fn list(&self) -> Result<Listing> {
        let mut listing = Listing::default();
        for name in self.names()? {
            match name.rsplit_once('.') {
                _ if name == IDENTITY => listing.identity = true,
                Some((stem, "log")) if segment_number(stem).is_some() => {
                    listing.segments.extend(segment_number(stem))
                }
                Some((stem, "idx")) if segment_number(stem).is_some() => {
                    listing.indexes.extend(segment_number(stem))
                }
                _ if is_written_whole(&name) || may_be_beside(&name) => {}
                _ if is_temporary(&name) => listing.temporary.push(name),
                _ => listing.foreign.push(name),
            }
        }
        listing.segments.sort_unstable();
        listing.indexes.sort_unstable();
        Ok(listing)
    }

    /// All names here.
    pub fn names(&self) -> Result<Vec<String>> {
        self.dir.list().map_err(|e| Error::io("cannot list", &self.path, &e))
    }

    /// Opens a file. A segment that is kept compressed is read as its log.
    pub fn open_file(&self, name: &str, access: Access) -> Result<Arc<dyn File>> {
        self.open_named(name, access).map_err(|e| self.failed("cannot open", name, &e))
    }

    fn open_named(&self, name: &str, access: Access) -> io::Result<Arc<dyn File>> {
        let file = self.dir.open(name, access)?;
        match name.ends_with(".log") && access != Access::CreateNew {
            true => cold::open(file),
            false => Ok(file),
        }
    }

    /// Opens a file; none where there is none.
    pub fn open_if_exists(&self, name: &str, access: Access) -> Result<Option<Arc<dyn File>>> {
        if_exists(self.open_named(name, access), "cannot open", &self.file(name))
    }

    /// Gives a file of this directory the same name in another one besides; false where it cannot
    /// be had.
    pub fn link_into(&self, name: &str, other: &Directory) -> bool {
        self.dir.link_into(name, &*other.dir).is_ok()
    }

    pub fn sync(&self) -> Result<()> {
        self.dir.sync().map_err(|e| Error::io("cannot sync directory", &self.path, &e))
    }

    /// Makes a file of these bytes appear under `name` at once, whole also after a power cut;
    /// `durable`: and stay.
    pub fn publish(&self, name: &str, bytes: &[u8], durable: bool) -> Result<()> {
        let temporary = self.create_temporary(name)?;
        let failed = |e: io::Error| self.failed("cannot write", name, &e);
        write_full(&*temporary.file, bytes, 0).map_err(failed)?;
        temporary.file.sync().map_err(failed)?;
        temporary.give_name()?;
        if durable {
            self.sync()?;
        }
        Ok(())
    }

    /// A new file, which [`Temporary::give_name`] calls `name`.
    pub fn create_temporary(&self, name: &str) -> Result<Temporary> {
        let temporary = temporary(name);
        self.remove_if_there(&temporary)?;
        let file = self.open_file(&temporary, Access::CreateNew)?;
        let (dir, name, process) = (self.clone(), name.to_owned(), process::number());
        Ok(Temporary { dir, name, file, is_named: false, process })
    }

    pub fn remove_if_there(&self, name: &str) -> Result<()> {
        if_exists(self.dir.remove(name), "cannot remove", &self.file(name)).map(drop)
    }

    pub fn write_identity(&self, identity: &Identity) -> Result<()> {
        self.publish(IDENTITY, &identity.encode(), true)
    }

    pub fn read_identity(&self) -> Result<Identity> {
        let Some(bytes) = self.read_small(IDENTITY)? else {
            return Err(not_a_store(&self.path, true));
        };
        Identity::decode(&self.file(IDENTITY), &bytes)
    }

    pub fn write_clean_mark(&self, mark: &CleanMark) -> Result<()> {
        let mut bytes = CLEAN_MAGIC.to_vec();
        bytes.extend_from_slice(&mark.log_id.to_bytes());
        bytes.extend_from_slice(&mark.segment.to_le_bytes());
        bytes.extend_from_slice(&mark.end.to_le_bytes());
        bytes.extend_from_slice(&mark.last_sequence.to_le_bytes());
        bytes.extend_from_slice(&mark.log_hash.0);
        bytes.resize(CLEAN_LEN - 4, 0);
        self.publish(CLEAN, &with_checksum(bytes), true)
    }

    /// The mark of the last close; none when it is missing or unreadable.
    pub fn read_clean_mark(&self) -> Result<Option<CleanMark>> {
        let bytes = self.read_small(CLEAN)?;
        let bytes =
            bytes.filter(|b| b.len() == CLEAN_LEN && b[..8] == CLEAN_MAGIC && checksum_holds(b));
        Ok(bytes.map(|b| CleanMark {
            log_id: Id::from_bytes(array_at(&b, 8)),
            segment: u64_at(&b, 24),
            end: u64_at(&b, 32),
            last_sequence: u64_at(&b, 40),
            log_hash: Hash(array_at(&b, 48)),
        }))
    }

    /// Takes the mark away for good, before the first write.
    pub fn remove_clean_mark(&self) -> Result<()> {
        self.remove_if_there(CLEAN)?;
        self.sync()
    }

    /// Removes every file that a store gives its names; what has other names stays. The identity
    /// file goes first, for good: where that fails, the store stays whole.
    pub fn remove_store(&self) -> Result<()> {
        self.remove_if_there(IDENTITY)?;
        self.sync()?;
        let names = self.names()?;
        for name in names.iter().filter(|name| is_written_whole(name) || is_temporary(name)) {
            self.remove_if_there(name)?;
        }
        Ok(())
    }

    /// Writes into the lock file, in a line each, `boot`: under which boot of the machine it is
    /// held, and what the next writer has to know besides; and who holds it.
    pub fn describe_holder(&self, lock: &dyn Lock, boot: &str) -> Result<()> {
        let text = format!("{BOOT}{boot}\n{}\n", self.vfs.process_name());
        lock.describe(&text).map_err(|e| Error::io("cannot write", &self.file(LOCK), &e))
    }

    pub fn boot_id(&self) -> String {
        self.vfs.boot_id().unwrap_or_else(|| "unknown".to_owned())
    }

    /// Whether the lock file says that its last holder saw an fsync fail.
    pub fn is_poisoned(&self) -> Result<bool> {
        let text = self.read_small(LOCK)?.unwrap_or_default();
        Ok(boot_of(&String::from_utf8_lossy(&text)).ends_with(POISONED))
    }

    fn read_small(&self, name: &str) -> Result<Option<Vec<u8>>> {
        let Some(file) = self.open_if_exists(name, Access::Read)? else { return Ok(None) };
        let mut bytes = vec![0; 4096];
        let read = read_full(&*file, &mut bytes, 0);
        let got = read.map_err(|e| Error::io("cannot read", &self.file(name), &e))?;
        bytes.truncate(got);
        Ok(Some(bytes))
    }
}

/// A file that is being written. It goes away where it does not get its name, so that what could
/// not be finished takes no room.
pub struct Temporary {
    dir: Directory,
    name: String,
    pub file: Arc<dyn File>,
    is_named: bool,
    /// That which makes it. A forked child has a copy of this, and leaves the file alone.
    process: u32,
}

impl Temporary {
    pub fn give_name(mut self) -> Result<Arc<dyn File>> {
        let renamed = self.dir.dir.rename(&temporary(&self.name), &self.name);
        renamed.map_err(|e| self.failed("cannot rename to", &e))?;
        self.is_named = true;
        Ok(self.file.clone())
    }

    /// The error for something that failed with it.
    pub fn failed(&self, what: &str, e: &io::Error) -> Error {
        self.dir.failed(what, &self.name, e)
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.is_named && !process::is_other(self.process) {
            // Best effort: what stays is removed by the next writer.
            let _ = self.dir.remove_if_there(&temporary(&self.name));
        }
    }
}

/// The path when the program changes its own directory.
fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

fn temporary(name: &str) -> String {
    format!("{name}.{TEMPORARY}")
}

/// What was found, or none where nothing was.
fn if_exists<T>(found: io::Result<T>, what: &str, path: &Path) -> Result<Option<T>> {
    match found {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        found => found.map(Some).map_err(|e| Error::io(what, path, &e)),
    }
}

/// Whether a store gives a file this name when it has been written.
fn is_written_whole(name: &str) -> bool {
    let of_segment = |(stem, extension)| {
        segment_number(stem).is_some() && matches!(extension, "log" | "idx" | "run" | "set")
    };
    name == IDENTITY || name == CLEAN || name.rsplit_once('.').is_some_and(of_segment)
}

/// Whether a directory with this name in it can be a store, or become one: the lock file, and what
/// file systems put into their root themselves.
fn may_be_beside(name: &str) -> bool {
    let of_file_systems =
        ["lost+found", ".snapshot", ".snapshots", ".zfs", "aquota.user", "aquota.group"];
    name == LOCK || of_file_systems.contains(&name)
}

/// Whether a store writes under this name what has no name of its own yet.
fn is_temporary(name: &str) -> bool {
    name.rsplit_once('.')
        .is_some_and(|(stem, extension)| extension == TEMPORARY && is_written_whole(stem))
}

pub fn segment_number(stem: &str) -> Option<u64> {
    let digits = stem.len() == 20 && stem.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| stem.parse().ok()).flatten()
}

/// Makes the directory's own name durable, whoever made the directory.
pub(crate) fn sync_parent(dir: &Directory) -> Result<()> {
    match dir.dir.sync_parent() {
        // A directory above may be closed to us; then the name of ours is not in our hands.
        Err(e) if e.kind() != io::ErrorKind::PermissionDenied => {
            Err(Error::io("cannot sync the directory above", &dir.path, &e))
        }
        _ => Ok(()),
    }
}

pub(crate) fn store_exists(dir: &Directory) -> Error {
    Error::new(Code::StoreExists, format!("{} already is a store", dir.path.display()))
        .at(&dir.path)
}

/// `create`: makes the lock file where there is none.
pub(crate) fn take_lock(dir: &Directory, create: bool) -> Result<Box<dyn Lock>> {
    let taken = dir.dir.lock(LOCK, create).map_err(|e| dir.failed("cannot lock", LOCK, &e))?;
    match taken {
        LockOutcome::Held(lock) => Ok(lock),
        LockOutcome::Taken(by) => {
            let holder = by.lines().nth(1).unwrap_or("another process");
            // Of a process that we can see, the number says enough.
            let ours = dir.vfs.process_name();
            let seen = ours.split_once(" on host ").and_then(|(_, at)| holder.strip_suffix(at));
            let seen = seen.and_then(|text| text.strip_suffix(" on host "));
            let name = if holder == ours { "this process" } else { seen.unwrap_or(holder) };
            let pid = holder.split(' ').nth(1).unwrap_or_default();
            Err(busy(dir, format!("is open for writing in {name}; close it there"), pid))
        }
        LockOutcome::DirectoryTaken => {
            let why = format!(
                "is locked itself, while {LOCK} is not: by a writer whose {LOCK} was deleted or \
                 replaced, or by another program; end that"
            );
            Err(busy(dir, why, ""))
        }
    }
}

fn busy(dir: &Directory, why: String, pid: &str) -> Error {
    let message = format!("{} {why}, or open it for reading", dir.path.display());
    Error::new(Code::Busy, message).with_numbers(pid.parse().unwrap_or(0), 0).at(&dir.path)
}

/// What the text of a lock file says of the boot of the machine.
pub fn boot_of(text: &str) -> &str {
    text.lines().next().and_then(|line| line.strip_prefix(BOOT)).unwrap_or_default()
}

/// The error for a directory that is not the store somebody asked for.
pub fn not_a_store(path: &Path, is_there: bool) -> Error {
    let what = if is_there { "is not a store" } else { "does not exist" };
    Error::new(Code::StoreNotFound, format!("{} {what}", path.display())).at(path)
}

/// Refuses a directory that has files other than a lock file, or is inside `source`. Answers with
/// it where it exists.
pub fn refuse(path: &Path, source: &Directory, options: &Options) -> Result<Option<Directory>> {
    let path = &absolute(path);
    let failed = |e| Error::io("cannot find", path, &e);
    let within = |a: &Directory, b: &Directory| a.dir.is_within(&*b.dir).map_err(failed);
    // What the path leads to may be elsewhere than the path.
    let found = Directory::open(path, options)?;
    let parent = match path.parent() {
        Some(parent) => Directory::open(parent, options)?,
        None => None,
    };
    let inside = match &found {
        Some(dir) => within(dir, source)? && !within(source, dir)?,
        None => false,
    };
    let below = parent.as_ref().map_or(Ok(false), |parent| within(parent, source))?;
    if inside || below {
        let (place, source) = (path.display(), source.path.display());
        let message = format!("{place} is inside {source}, the store that it would be made of");
        return Err(Error::invalid(message).at(path));
    }
    found.map(|dir| refuse_occupied(&dir).map(|()| dir)).transpose()
}

/// Refuses a directory that has files other than a lock file.
fn refuse_occupied(dir: &Directory) -> Result<()> {
    let names = dir.names()?;
    if names.iter().any(|name| name == IDENTITY) {
        return Err(store_exists(dir));
    }
    match names.iter().find(|name| !may_be_beside(name)) {
        Some(name) => {
            let message = format!("{} is not empty: it has {name}", dir.path.display());
            Err(Error::invalid(message).at(&dir.path))
        }
        None => Ok(()),
    }
}

/// Makes the directory where it is missing, and holds its lock.
pub fn claim(
    path: &Path,
    source: &Directory,
    options: &Options,
) -> Result<(Directory, Box<dyn Lock>)> {
    let dir = match refuse(path, source, options)? {
        Some(dir) => dir,
        None => Directory::create(path, options)?,
    };
    let lock = take_lock(&dir, true)?;
    refuse_occupied(&dir)?;
    dir.describe_holder(&*lock, &dir.boot_id())?;
    Ok((dir, lock))
}
