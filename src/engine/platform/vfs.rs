//! The seam to the disk. The engine touches files through these traits alone, so that a simulated
//! disk can be put underneath.

use super::news::News;
use std::any::Any;
use std::fmt::Debug;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How to open a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Access {
    /// An existing file, for reading. Nobody changes it, so that its descriptor may be closed and
    /// opened again.
    Read,
    /// An existing file, for reading while somebody else may write to it or replace it.
    Follow,
    /// An existing file, for reading and writing.
    Write,
    /// A new file, for reading and writing; `AlreadyExists` where there is one.
    CreateNew,
}

/// A file system.
pub trait Vfs: Send + Sync + Debug {
    /// Opens the directory that a path leads to now.
    fn open_dir(&self, path: &Path, options: DirOptions) -> io::Result<Arc<dyn Dir>>;
    fn create_dir(&self, path: &Path) -> io::Result<()>;
    fn canonicalize(&self, path: &Path) -> io::Result<PathBuf>;
    /// Changes whenever the machine restarts: as long as it is the same, what was written is
    /// still in the page cache, synced or not. `None` where that can't be known.
    fn boot_id(&self) -> Option<String>;
    /// Names this process to another that finds the lock taken, in one line: `process`, its id,
    /// and what makes that mean something elsewhere, from ` on host ` on.
    fn process_name(&self) -> String;
    /// Who does what no caller has to wait for.
    fn background(&self) -> Background {
        Background::Caller
    }
    /// The length that files may have: a limit of the process.
    fn file_bytes_max(&self) -> u64 {
        u64::MAX
    }
}

/// Who does work that no caller has to wait for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Background {
    /// A thread of the library's own.
    Thread,
    /// The caller who brings it about, at once.
    Caller,
    /// The caller who needs it next. So a test decides what a crash finds done.
    WhoeverWaits,
}

/// How a directory is used.
#[derive(Clone, Copy, Debug)]
pub struct DirOptions {
    /// So many files that are open for [`Access::Read`] have a descriptor at once.
    pub files_max: usize,
    /// New files take owner, group and mode of the file with this name. Where there is none, they
    /// take owner and group of the directory, and no bit of the mode that it does not have.
    pub model: &'static str,
    /// How a file is read that has taken the place of one that is settled: only a compressed one,
    /// which reads the same, takes it for those who have the other open.
    pub read_as: ReadAs,
}

/// What is read of a file.
pub type ReadAs = fn(Arc<dyn File>) -> io::Result<Arc<dyn File>>;

/// An open directory: the same one wherever it is moved, and whatever takes its path. Names in it
/// are single components.
pub trait Dir: Any + Send + Sync + Debug {
    fn open(&self, name: &str, access: Access) -> io::Result<Arc<dyn File>>;
    /// Atomically gives the file `from` the name `to`, replacing what had it.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;
    /// Gives the file `name` the same name in another directory of the same file system besides;
    /// `AlreadyExists` where that is taken. A file system may refuse.
    fn link_into(&self, name: &str, other: &dyn Dir) -> io::Result<()>;
    fn remove(&self, name: &str) -> io::Result<()>;
    /// Makes the entries of the directory durable.
    fn sync(&self) -> io::Result<()>;
    /// Makes the name of the directory itself durable.
    fn sync_parent(&self) -> io::Result<()>;
    /// The names in the directory, in any order.
    fn list(&self) -> io::Result<Vec<String>>;
    /// Whether this is the directory `other`, or below it.
    fn is_within(&self, other: &dyn Dir) -> io::Result<bool>;
    /// False once the directory was removed.
    fn is_linked(&self) -> io::Result<bool>;
    /// News of what any process writes here; an error where nobody tells.
    fn watch(&self) -> io::Result<Arc<dyn News>> {
        Err(io::ErrorKind::Unsupported.into())
    }
    /// Takes the exclusive lock of the directory: on the directory itself, which nobody can delete
    /// under a holder, and on the file `name`. `create`: makes that where it is missing. Answers at
    /// once, with the text that the holder wrote where somebody else has it.
    fn lock(&self, name: &str, create: bool) -> io::Result<LockOutcome>;
}

/// So many bytes [`File::is_resident`] is asked for at most.
pub const RESIDENT_MAX: usize = 1 << 20;

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
    /// Whether these settled bytes are in memory: then [`File::read_settled`] waits for no disk and
    /// makes no system call for them, and [`File::prefetch`] works. At most [`RESIDENT_MAX`] of
    /// them are asked for at once.
    fn is_resident(&self, _offset: u64, _len: usize) -> bool {
        false
    }
    /// Writes some of `bytes` at `offset`, at least one byte.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize>;
    fn len(&self) -> io::Result<u64>;
    fn set_len(&self, length: u64) -> io::Result<()>;
    /// Reserves space so that the file is at least `length` bytes long, zeros where nothing was
    /// written.
    fn allocate(&self, length: u64) -> io::Result<()>;
    /// Makes the data, and the length needed to read it, durable.
    fn sync(&self) -> io::Result<()>;
    /// Whether a name in the directory that it was opened in leads to this file.
    fn is_named(&self, name: &str) -> io::Result<bool>;
    /// Says that the file has this name, is synced, and is neither written to nor replaced any
    /// more: as if opened for [`Access::Read`].
    fn settle(&self, _name: &str) {}
    /// How the file is kept, where that is not as it is read.
    fn compressed(&self) -> Option<&dyn Compressed> {
        None
    }
}

/// A file that is kept compressed, and is read as what it stands for.
pub trait Compressed {
    /// The file as it is on the disk.
    fn stored(&self) -> &Arc<dyn File>;
    /// Whether it has the length that it says it has.
    fn is_whole(&self) -> io::Result<bool>;
    /// What is damaged of what reading it takes, its blocks aside: offset, and what it is.
    fn flaws(&self) -> io::Result<Vec<(u64, &'static str)>>;
}

/// The answer of [`Dir::lock`].
pub enum LockOutcome {
    /// The lock is held until the box is dropped.
    Held(Box<dyn Lock>),
    /// Somebody else holds it and wrote this.
    Taken(String),
    /// Somebody holds the lock of the directory itself, and nobody that of the file.
    DirectoryTaken,
}

/// A lock that is held.
pub trait Lock: Send + Sync {
    /// What the file said before, and what a process that finds the lock taken shall read from now
    /// on.
    fn previous(&self) -> &str;
    fn describe(&self, text: &str) -> io::Result<()>;
    /// False once the name of the lock file leads elsewhere or nowhere: then another process may
    /// hold a lock of that name.
    fn is_linked(&self) -> io::Result<bool>;
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
