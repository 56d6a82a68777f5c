//! A disk in memory, as plain and as fast as can be: never full, never failing, every write kept.
//! Its contents can be taken and put on another disk without being copied.

use fbat::engine::platform::vfs::{Access, File, Lock, LockOutcome, Vfs};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

/// Bytes that are shared until somebody writes to them.
pub type Bytes = Arc<Vec<u8>>;
/// The files of a directory by name.
pub type Files = BTreeMap<String, Bytes>;

/// A disk; clones are the same one.
#[derive(Clone, Debug, Default)]
pub struct Disk(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    directories: BTreeSet<PathBuf>,
    files: BTreeMap<PathBuf, Arc<MemoryFile>>,
    locked: BTreeSet<PathBuf>,
    boot: Option<String>,
}

/// An open file, also one that has lost its name.
#[derive(Debug, Default)]
pub struct MemoryFile {
    content: Mutex<Content>,
    unlinked: AtomicBool,
}

/// `bytes`, then zeros up to `length`: space that is only reserved costs nothing.
#[derive(Debug, Default)]
struct Content {
    bytes: Bytes,
    length: u64,
}

/// Where nobody writes more than this: a length that a damaged file names must not be allocated.
const FILE_BYTES_MAX: u64 = 64 << 20;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|e| e.into_inner())
}

impl Disk {
    /// A disk on a machine that was started under this boot id.
    pub fn of_boot(boot: &str) -> Disk {
        let disk = Disk::default();
        lock(&disk.0).boot = Some(boot.to_owned());
        disk
    }

    /// Puts a directory with these files onto the disk.
    pub fn put(&self, directory: &Path, files: &Files) {
        let state = &mut *lock(&self.0);
        state.directories.insert(directory.to_owned());
        for (name, bytes) in files {
            state.files.insert(directory.join(name), Arc::new(MemoryFile::of(bytes.clone())));
        }
    }

    /// The files of a directory as they are now.
    pub fn take(&self, directory: &Path) -> Files {
        let state = lock(&self.0);
        let here = state.files.iter().filter(|(path, _)| path.parent() == Some(directory));
        here.map(|(path, file)| (file_name(path), file.bytes())).collect()
    }
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn not_found() -> io::Error {
    io::ErrorKind::NotFound.into()
}

impl MemoryFile {
    pub fn of(bytes: Bytes) -> MemoryFile {
        let content = Content { length: bytes.len() as u64, bytes };
        MemoryFile { content: Mutex::new(content), unlinked: AtomicBool::new(false) }
    }

    fn bytes(&self) -> Bytes {
        let content = &mut *lock(&self.content);
        if content.bytes.len() as u64 != content.length {
            Arc::make_mut(&mut content.bytes).resize(content.length as usize, 0);
        }
        content.bytes.clone()
    }
}

impl Vfs for Disk {
    fn open(&self, path: &Path, access: Access) -> io::Result<Arc<dyn File>> {
        let state = &mut *lock(&self.0);
        let there = state.files.get(path).cloned();
        match (access, there) {
            (Access::CreateNew, Some(_)) => Err(io::ErrorKind::AlreadyExists.into()),
            (Access::CreateNew, None) => {
                if !path.parent().is_some_and(|parent| state.directories.contains(parent)) {
                    return Err(not_found());
                }
                let file = Arc::new(MemoryFile::default());
                state.files.insert(path.to_owned(), file.clone());
                Ok(file)
            }
            (_, Some(file)) => Ok(file),
            (_, None) => Err(not_found()),
        }
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let state = &mut *lock(&self.0);
        let file = state.files.remove(from).ok_or_else(not_found)?;
        if let Some(replaced) = state.files.insert(to.to_owned(), file) {
            replaced.unlinked.store(true, Ordering::Relaxed);
        }
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let file = lock(&self.0).files.remove(path).ok_or_else(not_found)?;
        file.unlinked.store(true, Ordering::Relaxed);
        Ok(())
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        let state = &mut *lock(&self.0);
        if !path
            .parent()
            .is_some_and(|parent| parent == Path::new("/") || state.directories.contains(parent))
        {
            return Err(not_found());
        }
        match state.directories.insert(path.to_owned()) {
            true => Ok(()),
            false => Err(io::ErrorKind::AlreadyExists.into()),
        }
    }

    fn sync_dir(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        let state = lock(&self.0);
        if !state.directories.contains(path) {
            return Err(not_found());
        }
        Ok(state
            .files
            .keys()
            .filter(|file| file.parent() == Some(path))
            .map(|file| file_name(file))
            .collect())
    }

    fn canonicalize(&self, path: &Path) -> io::Result<PathBuf> {
        Ok(path.to_owned())
    }

    fn lock(&self, path: &Path) -> io::Result<LockOutcome> {
        let state = &mut *lock(&self.0);
        let file = state.files.entry(path.to_owned()).or_default().clone();
        let text = String::from_utf8_lossy(&file.bytes()).into_owned();
        if !state.locked.insert(path.to_owned()) {
            return Ok(LockOutcome::Taken(text));
        }
        Ok(LockOutcome::Held(Box::new(Held {
            disk: self.clone(),
            path: path.to_owned(),
            file,
            previous: text,
        })))
    }

    fn boot_id(&self) -> Option<String> {
        lock(&self.0).boot.clone()
    }

    fn process_name(&self) -> String {
        "1".to_owned()
    }
}

impl File for MemoryFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let content = lock(&self.content);
        let count = (content.length.saturating_sub(offset)).min(buffer.len() as u64) as usize;
        let from = usize::try_from(offset).unwrap_or(usize::MAX).min(content.bytes.len());
        let written = count.min(content.bytes.len() - from);
        buffer[..written].copy_from_slice(&content.bytes[from..from + written]);
        buffer[written..count].fill(0);
        Ok(count)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        let content = &mut *lock(&self.content);
        let end = offset.saturating_add(bytes.len() as u64);
        if end > FILE_BYTES_MAX {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let (from, to) = (offset as usize, end as usize);
        let into = Arc::make_mut(&mut content.bytes);
        if into.len() < to {
            into.resize(to, 0);
        }
        into[from..to].copy_from_slice(bytes);
        content.length = content.length.max(end);
        Ok(bytes.len())
    }

    fn len(&self) -> io::Result<u64> {
        Ok(lock(&self.content).length)
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        let content = &mut *lock(&self.content);
        if (length as usize) < content.bytes.len() {
            Arc::make_mut(&mut content.bytes).truncate(length as usize);
        }
        content.length = length;
        Ok(())
    }

    fn allocate(&self, length: u64) -> io::Result<()> {
        let content = &mut *lock(&self.content);
        content.length = content.length.max(length);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }

    fn is_linked(&self) -> io::Result<bool> {
        Ok(!self.unlinked.load(Ordering::Relaxed))
    }
}

struct Held {
    disk: Disk,
    path: PathBuf,
    file: Arc<MemoryFile>,
    previous: String,
}

impl Lock for Held {
    fn previous(&self) -> &str {
        &self.previous
    }

    fn describe(&self, text: &str) -> io::Result<()> {
        self.file.set_len(0)?;
        self.file.write_at(text.as_bytes(), 0).map(drop)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        lock(&self.disk.0).locked.remove(&self.path);
    }
}
