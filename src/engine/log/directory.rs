//! The directory of a store: the names in it, and the two small files beside the segments.

use super::directory;
use crate::engine::format::identity::{checksum_holds, with_checksum, Identity};
use crate::engine::model::bytes::{array_at, u64_at};
use crate::engine::model::error::{Code, Error, Result};
use crate::engine::model::id::{Hash, Id};
use crate::engine::platform::vfs::{read_full, write_full, Access, File, Lock, LockOutcome, Vfs};
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

const CLEAN_MAGIC: [u8; 8] = *b"FBATCLN\0";
const CLEAN_LEN: usize = 88;

/// A directory and the file system that it is on.
#[derive(Clone)]
pub struct Directory {
    pub path: PathBuf,
    pub vfs: Arc<dyn Vfs>,
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
    /// The directory at a path, which stays the same when the program changes its own.
    pub fn at(path: &Path, vfs: &Arc<dyn Vfs>) -> Directory {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        Directory { path, vfs: vfs.clone() }
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// What is here; none when the directory does not exist.
    pub fn list(&self) -> Result<Option<Listing>> {
        let Some(names) = self.names()? else { return Ok(None) };
        let mut listing = Listing::default();
        for name in names {
            match name.rsplit_once('.') {
                _ if name == IDENTITY => listing.identity = true,
                Some((stem, "log")) if segment_number(stem).is_some() => {
                    listing.segments.extend(segment_number(stem))
                }
                Some((stem, "idx")) if segment_number(stem).is_some() => {
                    listing.indexes.extend(segment_number(stem))
                }
                _ if name == LOCK || is_written_whole(&name) => {}
                _ if is_temporary(&name) => listing.temporary.push(name),
                _ => listing.foreign.push(name),
            }
        }
        listing.segments.sort_unstable();
        listing.indexes.sort_unstable();
        Ok(Some(listing))
    }

    /// All names here; none when the directory does not exist.
    pub fn names(&self) -> Result<Option<Vec<String>>> {
        if_exists(self.vfs.list(&self.path), "cannot list", &self.path)
    }

    pub fn open(&self, path: &Path, access: Access) -> Result<Arc<dyn File>> {
        self.vfs.open(path, access).map_err(|e| Error::io("cannot open", path, &e))
    }

    /// Opens a file for reading; none where there is none.
    pub fn open_if_exists(&self, path: &Path) -> Result<Option<Arc<dyn File>>> {
        if_exists(self.vfs.open(path, Access::Read), "cannot open", path)
    }

    pub fn sync(&self) -> Result<()> {
        self.vfs
            .sync_dir(&self.path)
            .map_err(|e| Error::io("cannot sync directory", &self.path, &e))
    }

    /// Makes a file of these bytes appear under `name` at once, whole also after a power cut;
    /// `durable`: and stay.
    pub fn publish(&self, name: &str, bytes: &[u8], durable: bool) -> Result<()> {
        let temporary = self.create_temporary(name)?;
        let path = self.file(name);
        let failed = |e: io::Error| Error::io("cannot write", &path, &e);
        write_full(&*temporary, bytes, 0).map_err(failed)?;
        temporary.sync().map_err(failed)?;
        self.rename_temporary(name)?;
        if durable {
            self.sync()?;
        }
        Ok(())
    }

    /// A new file that [`Directory::rename_temporary`] gives its name.
    pub fn create_temporary(&self, name: &str) -> Result<Arc<dyn File>> {
        let path = self.temporary(name);
        self.remove_if_there(&path)?;
        self.open(&path, Access::CreateNew)
    }

    pub fn rename_temporary(&self, name: &str) -> Result<()> {
        let path = self.file(name);
        self.vfs
            .rename(&self.temporary(name), &path)
            .map_err(|e| Error::io("cannot rename to", &path, &e))
    }

    fn temporary(&self, name: &str) -> PathBuf {
        self.file(&format!("{name}.{TEMPORARY}"))
    }

    pub fn remove_if_there(&self, path: &Path) -> Result<()> {
        if_exists(self.vfs.remove(path), "cannot remove", path).map(drop)
    }

    pub fn write_identity(&self, identity: &Identity) -> Result<()> {
        self.publish(IDENTITY, &identity.encode(), true)
    }

    pub fn read_identity(&self) -> Result<Identity> {
        let path = self.file(IDENTITY);
        let Some(bytes) = self.read_small(&path)? else {
            return Err(not_a_store(&self.path, true));
        };
        Identity::decode(&path, &bytes)
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
        let bytes = self.read_small(&self.file(CLEAN))?;
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
        self.remove_if_there(&self.file(CLEAN))?;
        self.sync()
    }

    /// Removes every file that a store gives its names; what has other names stays. The identity
    /// file goes first, for good: where that fails, the store stays whole.
    pub fn remove_store(&self) -> Result<()> {
        self.remove_if_there(&self.file(IDENTITY))?;
        self.sync()?;
        let names = self.names()?.unwrap_or_default();
        for name in names.iter().filter(|name| is_written_whole(name) || is_temporary(name)) {
            self.remove_if_there(&self.file(name))?;
        }
        Ok(())
    }

    /// Writes into the lock file who holds it, and `boot`: under which boot of the machine, and
    /// what the next writer has to know besides.
    pub fn describe_holder(&self, lock: &dyn Lock, boot: &str) -> Result<()> {
        let text = format!("pid {} boot {boot}", self.vfs.process_name());
        lock.describe(&text).map_err(|e| Error::io("cannot write", &self.file(LOCK), &e))
    }

    pub fn boot_id(&self) -> String {
        self.vfs.boot_id().unwrap_or_else(|| "unknown".to_owned())
    }

    /// Whether the lock file says that its last holder saw an fsync fail.
    pub fn is_poisoned(&self) -> Result<bool> {
        Ok(self.read_small(&self.file(LOCK))?.is_some_and(|text| text.ends_with(b" poisoned")))
    }

    fn read_small(&self, path: &Path) -> Result<Option<Vec<u8>>> {
        let Some(file) = self.open_if_exists(path)? else { return Ok(None) };
        let mut bytes = vec![0; 4096];
        let got =
            read_full(&*file, &mut bytes, 0).map_err(|e| Error::io("cannot read", path, &e))?;
        bytes.truncate(got);
        Ok(Some(bytes))
    }
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
        segment_number(stem).is_some() && matches!(extension, "log" | "idx" | "run")
    };
    name == IDENTITY || name == CLEAN || name.rsplit_once('.').is_some_and(of_segment)
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

pub(crate) fn store_exists(dir: &Directory) -> Error {
    Error::new(Code::StoreExists, format!("{} already is a store", dir.path.display()))
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

/// The error for a directory that is not the store somebody asked for.
pub fn not_a_store(path: &Path, is_there: bool) -> Error {
    let what = if is_there { "is not a store" } else { "does not exist" };
    Error::new(Code::StoreNotFound, format!("{} {what}", path.display())).at(path)
}

/// Refuses a directory that has files other than a lock file, or is inside `source`.
pub fn refuse(dir: &Directory, source: &Path) -> Result<()> {
    let parent = dir.path.parent().unwrap_or(&dir.path);
    let canonical =
        |path: &Path| dir.vfs.canonicalize(path).map_err(|e| Error::io("cannot find", path, &e));
    let (source_place, parent_place) = (canonical(source)?, canonical(parent)?);
    // It may be a link that leads there.
    let place = dir.vfs.canonicalize(&dir.path).unwrap_or_else(|_| parent_place.clone());
    let inside = |place: &Path| place != source_place && place.starts_with(&source_place);
    if parent_place.starts_with(&source_place) || inside(&place) {
        let message = format!(
            "{} is inside {}, the store that it would be made of",
            dir.path.display(),
            source.display()
        );
        return Err(Error::invalid(message).at(&dir.path));
    }
    let names = dir.names()?.unwrap_or_default();
    if names.iter().any(|name| name == directory::IDENTITY) {
        return Err(store_exists(dir));
    }
    match names.iter().find(|name| *name != directory::LOCK) {
        Some(name) => {
            let message = format!("{} is not empty: it has {name}", dir.path.display());
            Err(Error::invalid(message).at(&dir.path))
        }
        None => Ok(()),
    }
}

/// Makes the directory where it is missing, and holds its lock.
pub fn claim(dir: &Directory, source: &Path) -> Result<Box<dyn Lock>> {
    refuse(dir, source)?;
    create_directory(dir)?;
    let lock = take_lock(dir)?;
    refuse(dir, source)?;
    dir.describe_holder(&*lock, &dir.boot_id())?;
    Ok(lock)
}
