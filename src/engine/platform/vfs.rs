//! The seam to the disk. The engine touches files through these two traits alone, so that a
//! simulated disk can be put underneath.

use std::fmt::Debug;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How to open a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Access {
    /// An existing file, for reading.
    Read,
    /// An existing file, for reading and writing.
    Write,
    /// A new file, for reading and writing; `AlreadyExists` where there is one.
    CreateNew,
}

/// A directory tree of files.
pub trait Vfs: Send + Sync + Debug {
    fn open(&self, path: &Path, access: Access) -> io::Result<Arc<dyn File>>;
    /// Atomically gives the file `from` the name `to`, replacing what had it.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Gives the file `from` the name `to` besides; `AlreadyExists` where that is taken. A file
    /// system may refuse.
    fn hard_link(&self, _from: &Path, _to: &Path) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
    fn remove(&self, path: &Path) -> io::Result<()>;
    fn create_dir(&self, path: &Path) -> io::Result<()>;
    /// Makes the entries of a directory durable.
    fn sync_dir(&self, path: &Path) -> io::Result<()>;
    /// The names in a directory, in any order.
    fn list(&self, path: &Path) -> io::Result<Vec<String>>;
    fn canonicalize(&self, path: &Path) -> io::Result<PathBuf>;
    /// Takes the exclusive lock that the file at `path` (created where missing) stands for.
    /// Answers at once, with the text that the holder wrote where somebody else has it.
    fn lock(&self, path: &Path) -> io::Result<LockOutcome>;
    /// Changes whenever the machine restarts: as long as it is the same, what was written is
    /// still in the page cache, synced or not. `None` where that can't be known.
    fn boot_id(&self) -> Option<String>;
    /// Names this process to another that finds the lock taken.
    fn process_name(&self) -> String;
    /// The length that files may have: a limit of the process.
    fn file_bytes_max(&self) -> u64 {
        u64::MAX
    }
}

/// An open file. Every method may be called from any thread at any time.
#[allow(clippy::len_without_is_empty)] // nobody asks whether a file is empty
pub trait File: Send + Sync + Debug {
    /// Reads up to `buffer.len()` bytes at `offset`; 0 at and beyond the end.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;
    /// As [`File::read_at`], for bytes that are there and will never change: those need no system
    /// call.
    fn read_settled(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.read_at(buffer, offset)
    }
    /// Says that [`File::read_settled`] will be asked for `len` bytes at `offset` soon.
    fn prefetch(&self, _offset: u64, _len: usize) {}
    /// Writes some of `bytes` at `offset`, at least one byte.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize>;
    fn len(&self) -> io::Result<u64>;
    fn set_len(&self, length: u64) -> io::Result<()>;
    /// Reserves space so that the file is at least `length` bytes long, zeros where nothing was
    /// written.
    fn allocate(&self, length: u64) -> io::Result<()>;
    /// Makes the data, and the length needed to read it, durable.
    fn sync(&self) -> io::Result<()>;
    /// Whether the name that this file was opened by still leads to it.
    fn is_linked(&self) -> io::Result<bool>;
}

/// The answer of [`Vfs::lock`].
pub enum LockOutcome {
    /// The lock is held until the box is dropped.
    Held(Box<dyn Lock>),
    /// Somebody else holds it and wrote this.
    Taken(String),
}

/// A lock that is held.
pub trait Lock: Send + Sync {
    /// What the file said before, and what a process that finds the lock taken shall read from now
    /// on.
    fn previous(&self) -> &str;
    fn describe(&self, text: &str) -> io::Result<()>;
}

/// Reads exactly `buffer.len()` bytes, or fewer at the end of the file; returns how many.
pub fn read_full(file: &dyn File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    read_whole(buffer, offset, |part, at| file.read_at(part, at))
}

/// As [`read_full`], for what is settled.
pub fn read_full_settled(file: &dyn File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    read_whole(buffer, offset, |part, at| file.read_settled(part, at))
}

fn read_whole(
    buffer: &mut [u8],
    offset: u64,
    read: impl Fn(&mut [u8], u64) -> io::Result<usize>,
) -> io::Result<usize> {
    let mut done = 0;
    while done < buffer.len() {
        match read(&mut buffer[done..], offset + done as u64) {
            Ok(0) => break,
            Ok(n) => done += n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(done)
}

/// Writes all of `bytes`.
pub fn write_full(file: &dyn File, bytes: &[u8], offset: u64) -> io::Result<()> {
    let mut done = 0;
    while done < bytes.len() {
        match file.write_at(&bytes[done..], offset + done as u64) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(n) => done += n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(())
}

/// Copies the first `length` bytes of a file; returns how many of them there were.
pub fn copy_front(from: &dyn File, to: &dyn File, length: u64) -> io::Result<u64> {
    let mut buffer = vec![0; length.min(1 << 20) as usize];
    let mut at = 0;
    while at < length {
        let want = buffer.len().min((length - at) as usize);
        let got = read_full(from, &mut buffer[..want], at)?;
        write_full(to, &buffer[..got], at)?;
        at += got as u64;
        if got < want {
            break;
        }
    }
    Ok(at)
}
