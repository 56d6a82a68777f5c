//! Everything that is specific to an operating system: files, locks, the clock, randomness, forks.
//! Linux is what is tested.

use super::clock::{Clock, Entropy};
use super::mapping::{self, Mapping};
use super::vfs::{Access, File, Lock, LockOutcome, Vfs};
use std::fs::{self, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Once, OnceLock, RwLock};
use std::time::{SystemTime, UNIX_EPOCH};

pub use mapping::allow as allow_mapping;

/// The file system of the operating system.
#[derive(Debug, Default, Clone, Copy)]
pub struct OsVfs;

#[derive(Debug)]
struct OsFile {
    file: fs::File,
    path: PathBuf,
    /// The front of the file, once something there was read that is settled.
    mapping: RwLock<Option<Mapping>>,
    /// The file is mapped again for a read that ends at or after this offset.
    map_again_at: AtomicU64,
}

/// A file is mapped again when it is read so far beyond its mapping, and a quarter of that besides.
const MAPPING_STEP: u64 = 1 << 20;

impl Vfs for OsVfs {
    fn open(&self, path: &Path, access: Access) -> io::Result<Arc<dyn File>> {
        let mut options = OpenOptions::new();
        options.read(true);
        match access {
            Access::Read => {}
            Access::Write => {
                options.write(true);
            }
            Access::CreateNew => {
                options.write(true).create_new(true);
            }
        }
        Ok(Arc::new(OsFile {
            file: options.open(path)?,
            path: path.to_owned(),
            mapping: RwLock::default(),
            map_again_at: AtomicU64::new(0),
        }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn hard_link(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::hard_link(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        fs::create_dir(path)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        fs::File::open(path)?.sync_all()
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        // A name that is not UTF-8 is none of ours.
        let names = fs::read_dir(path)?.map(|entry| Ok(entry?.file_name().into_string().ok()));
        names.filter_map(Result::transpose).collect()
    }

    fn canonicalize(&self, path: &Path) -> io::Result<PathBuf> {
        fs::canonicalize(path)
    }

    fn lock(&self, path: &Path) -> io::Result<LockOutcome> {
        let mut file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        let taken = match file.try_lock() {
            Ok(()) => false,
            Err(TryLockError::WouldBlock) => true,
            Err(TryLockError::Error(e)) => return Err(e),
        };
        let mut text = Vec::new();
        (&mut file).take(1024).read_to_end(&mut text)?;
        let text = String::from_utf8_lossy(&text).into_owned();
        if taken {
            return Ok(LockOutcome::Taken(text));
        }
        let slot = fork::close_in_child(file.as_raw_fd());
        Ok(LockOutcome::Held(Box::new(OsLock {
            file: Mutex::new(Some(file)),
            previous: text,
            slot,
        })))
    }

    fn boot_id(&self) -> Option<String> {
        let id = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
        Some(id.trim().to_owned())
    }

    fn process_name(&self) -> String {
        std::process::id().to_string()
    }
}

impl OsFile {
    /// Copies what the mapping has, if it has all of it.
    fn read_mapped(&self, buffer: &mut [u8], offset: u64, end: u64) -> bool {
        let mapping = self.mapping.read().unwrap_or_else(|e| e.into_inner());
        let covers = |mapping: &&Mapping| end <= mapping.len() as u64;
        mapping
            .as_ref()
            .filter(covers)
            .is_some_and(|mapping| mapping.read(buffer, offset as usize).is_ok())
    }

    /// Maps as much as there is of the file.
    fn map(&self) {
        let mut mapping = self.mapping.write().unwrap_or_else(|e| e.into_inner());
        let len = self.len().unwrap_or(0);
        *mapping = Mapping::new(&self.file, len as usize);
        let again = mapping.as_ref().map_or(u64::MAX, |_| len + len / 4 + MAPPING_STEP);
        self.map_again_at.store(again, Ordering::Relaxed);
    }
}

impl File for OsFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.file.read_at(buffer, offset)
    }

    fn read_settled(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let end = offset.saturating_add(buffer.len() as u64);
        if end >= self.map_again_at.load(Ordering::Relaxed) {
            self.map();
        }
        match self.read_mapped(buffer, offset, end) {
            true => Ok(buffer.len()),
            // Where a page can't be had, the system call says what is wrong.
            false => self.read_at(buffer, offset),
        }
    }

    fn prefetch(&self, offset: u64, len: usize) {
        let mapping = self.mapping.read().unwrap_or_else(|e| e.into_inner());
        if let Some(mapping) = mapping.as_ref() {
            mapping.prefetch(offset, len);
        }
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.file.write_at(bytes, offset)
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.file.set_len(length)
    }

    fn allocate(&self, length: u64) -> io::Result<()> {
        let from = self.len()?;
        if from >= length {
            return Ok(());
        }
        // SAFETY: the descriptor is open for as long as `self` lives; no memory is passed.
        let failed = unsafe {
            libc::fallocate(self.file.as_raw_fd(), 0, from as i64, (length - from) as i64)
        } != 0;
        let error = io::Error::last_os_error();
        match error.raw_os_error() {
            _ if !failed => Ok(()),
            // A file system that cannot reserve still grows as it is written to.
            Some(libc::EOPNOTSUPP | libc::ENOSYS | libc::EINVAL) => Ok(()),
            _ => Err(error),
        }
    }

    fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn is_linked(&self) -> io::Result<bool> {
        let ours = self.file.metadata()?;
        match fs::metadata(&self.path) {
            Ok(there) => Ok((there.dev(), there.ino()) == (ours.dev(), ours.ino())),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(e) => Err(e),
        }
    }
}

/// Whether an error of the system is about the file itself, and would be the same for everybody who
/// reads it: it is missing, not allowed, or on a disk that fails.
pub fn is_of_file(errno: i32) -> bool {
    use libc::{EACCES, EIO, EISDIR, ELOOP, ENOENT, ENOTDIR, EPERM};
    [EACCES, EIO, EISDIR, ELOOP, ENOENT, ENOTDIR, EPERM].contains(&errno)
}

/// Whether two threads can run at once.
pub fn has_several_processors() -> bool {
    static SEVERAL: OnceLock<bool> = OnceLock::new();
    *SEVERAL.get_or_init(|| std::thread::available_parallelism().is_ok_and(|count| count.get() > 1))
}

/// Has the processor fetch a value, where it can do so while it does other things.
pub fn prefetch<T>(value: &T) {
    mapping::prefetch(std::ptr::from_ref(value) as usize);
}

/// The processor that this thread runs on just now.
pub fn processor() -> Option<usize> {
    // SAFETY: no memory is passed.
    usize::try_from(unsafe { libc::sched_getcpu() }).ok()
}

/// Keeps this thread off a processor, where it may run on others. A scheduler that sees two threads
/// wake each other puts both on one processor. That is right for those that take turns, and wrong
/// for those that work at once.
pub fn avoid_processor(processor: usize) {
    // SAFETY: the set is a plain value that the calls fill in and read.
    unsafe {
        let mut allowed: libc::cpu_set_t = std::mem::zeroed();
        let size = size_of::<libc::cpu_set_t>();
        if processor >= libc::CPU_SETSIZE as usize
            || libc::sched_getaffinity(0, size, &mut allowed) != 0
        {
            return;
        }
        libc::CPU_CLR(processor, &mut allowed);
        if libc::CPU_COUNT(&allowed) > 0 {
            libc::sched_setaffinity(0, size, &allowed);
        }
    }
}

/// Runs `start`, which starts a thread: signals are for the threads of the program to handle,
/// except for those that a thread brings about itself.
pub fn without_signals<T>(start: impl FnOnce() -> T) -> T {
    // SAFETY: the sets are initialized before they are used, and the mask is put back on the same
    // thread.
    let before = unsafe {
        let (mut blocked, mut before) = (std::mem::zeroed(), std::mem::zeroed());
        libc::sigfillset(&mut blocked);
        for own in
            [libc::SIGBUS, libc::SIGSEGV, libc::SIGILL, libc::SIGFPE, libc::SIGTRAP, libc::SIGABRT]
        {
            libc::sigdelset(&mut blocked, own);
        }
        libc::pthread_sigmask(libc::SIG_SETMASK, &blocked, &mut before);
        before
    };
    let started = start();
    // SAFETY: as above.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &before, std::ptr::null_mut()) };
    started
}

/// An flock: it belongs to the open file, so no other close in this process can drop it; a forked
/// child closes its copy at once, and exec does too.
struct OsLock {
    /// There until this is dropped.
    file: Mutex<Option<fs::File>>,
    previous: String,
    slot: Option<usize>,
}

impl Lock for OsLock {
    fn previous(&self) -> &str {
        &self.previous
    }

    fn describe(&self, text: &str) -> io::Result<()> {
        let mut guard = self.file.lock().unwrap_or_else(|e| e.into_inner());
        let Some(file) = guard.as_mut() else { return Ok(()) };
        file.set_len(0)?;
        file.rewind()?;
        file.write_all(text.as_bytes())
    }
}

impl Drop for OsLock {
    fn drop(&mut self) {
        let file = self.file.get_mut().unwrap_or_else(|e| e.into_inner()).take();
        if in_forked_child() {
            // The descriptor was closed at the fork; its number may be another file's by now.
            return std::mem::forget(file);
        }
        fork::forget(self.slot);
        // A child between fork and exec may still have a copy of the descriptor, and would keep the
        // lock until it closes it. Where unlocking fails, that is what happens.
        let _ = file.map(|file| file.unlock());
    }
}

/// Whether this process was forked from one that had opened a store. Costs one load.
pub fn in_forked_child() -> bool {
    fork::FORKED.load(Ordering::Relaxed)
}

mod fork {
    use super::*;

    pub static FORKED: AtomicBool = AtomicBool::new(false);
    /// Descriptors of held locks that a child must close, so that it does not keep the lock alive.
    static DESCRIPTORS: [AtomicI32; 1024] = [const { AtomicI32::new(-1) }; 1024];

    pub fn register() {
        static REGISTERED: Once = Once::new();
        REGISTERED.call_once(|| {
            // SAFETY: `in_child` stays valid for the life of the process (the library is never
            // unloaded) and only makes calls that are safe between fork and exec.
            unsafe { libc::pthread_atfork(None, None, Some(in_child)) };
        });
    }

    extern "C" fn in_child() {
        FORKED.store(true, Ordering::Relaxed);
        for descriptor in &DESCRIPTORS {
            let fd = descriptor.swap(-1, Ordering::Relaxed);
            if fd >= 0 {
                // SAFETY: close(2) is async-signal-safe; the File that owns this number is never
                // used or dropped in a forked child, where every call is refused.
                unsafe { libc::close(fd) };
            }
        }
    }

    pub fn close_in_child(fd: i32) -> Option<usize> {
        register();
        let free = |d: &AtomicI32| {
            d.compare_exchange(-1, fd, Ordering::Relaxed, Ordering::Relaxed).is_ok()
        };
        DESCRIPTORS.iter().position(free)
    }

    pub fn forget(slot: Option<usize>) {
        if let Some(slot) = slot {
            DESCRIPTORS[slot].store(-1, Ordering::Relaxed);
        }
    }
}

/// The clock of the machine.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now_us(&self) -> i64 {
        match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => since.as_micros() as i64,
            Err(before) => -(before.duration().as_micros() as i64),
        }
    }
}

/// Randomness from the kernel, fetched 4 KiB at a time.
#[derive(Default)]
pub struct SystemEntropy(Mutex<EntropyBuffer>);

#[derive(Default)]
struct EntropyBuffer {
    bytes: Vec<u8>,
    used: usize,
}

impl Entropy for SystemEntropy {
    fn fill(&self, out: &mut [u8]) {
        let mut buffer = self.0.lock().unwrap_or_else(|e| e.into_inner());
        for byte in out {
            if buffer.used == buffer.bytes.len() {
                buffer.bytes.resize(4096, 0);
                getrandom(&mut buffer.bytes);
                buffer.used = 0;
            }
            *byte = buffer.bytes[buffer.used];
            buffer.used += 1;
        }
    }
}

fn getrandom(bytes: &mut [u8]) {
    let mut done = 0;
    while done < bytes.len() {
        let rest = &mut bytes[done..];
        // SAFETY: the pointer and length are those of a live, writable slice.
        let n = unsafe { libc::getrandom(rest.as_mut_ptr().cast(), rest.len(), 0) };
        match n {
            1.. => done += n as usize,
            _ if io::Error::last_os_error().kind() == io::ErrorKind::Interrupted => {}
            _ => panic!("getrandom: {}", io::Error::last_os_error()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg_attr(miri, ignore)] // maps a file
    fn what_is_settled_is_read_also_when_the_file_has_grown() {
        let path = std::env::temp_dir().join(format!("fbat-settled-{}", std::process::id()));
        let file = OsVfs.open(&path, Access::CreateNew).unwrap();
        fs::remove_file(&path).unwrap();
        let byte = |at: usize| (at % 251) as u8;
        let mut len = 0;
        for grown in [10, 5_000, 70_000, 3_000_000, 3_000_010, 9_000_000] {
            let more: Vec<u8> = (len..grown).map(byte).collect();
            super::super::vfs::write_full(&*file, &more, len as u64).unwrap();
            len = grown;
            for at in (0..len).step_by(len / 7 + 1) {
                let mut buffer = [0; 100];
                let got = file.read_settled(&mut buffer[..100.min(len - at)], at as u64).unwrap();
                assert!(
                    buffer[..got].iter().enumerate().all(|(n, found)| *found == byte(at + n)),
                    "{at} of {len}"
                );
            }
        }
    }
}
