//! Everything that is specific to an operating system: files, locks, the clock, randomness.
//! Linux is what is tested.

use super::clock::{Clock, Entropy};
use super::mapping::{self, Mapping};
use super::process::{self, Held};
use super::vfs::{Access, File, Lock, LockOutcome, Vfs};
use std::fs::{self, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::marker::PhantomData;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, RwLock};
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
        // Before it is locked: a child that is forked meanwhile must know of it.
        let held = Held::new(&file);
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
        let (file, previous) = (Mutex::new(Some(file)), text);
        Ok(LockOutcome::Held(Box::new(OsLock { file, previous, held })))
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

/// Whether two threads can run at once.
pub fn has_several_processors() -> bool {
    // 0 while it is not known. Nobody waits for whoever asks first, who may not exist in a child.
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    if COUNT.load(Ordering::Relaxed) == 0 {
        let count = std::thread::available_parallelism().map_or(1, usize::from);
        COUNT.store(count, Ordering::Relaxed);
    }
    COUNT.load(Ordering::Relaxed) > 1
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

/// Keeps pthread_cancel() from ending this thread until it is dropped: cancellation would unwind
/// Rust's frames, which ends the process. Costs no system call.
pub struct Uncancelled {
    before: libc::c_int,
    of_this_thread: PhantomData<*const ()>,
}

extern "C" {
    fn pthread_setcancelstate(state: libc::c_int, before: *mut libc::c_int) -> libc::c_int;
}

impl Uncancelled {
    #[inline]
    pub fn begin() -> Uncancelled {
        const PTHREAD_CANCEL_DISABLE: libc::c_int = 1;
        let mut before = 0;
        // SAFETY: the pointer is that of a local; the call has no other effect.
        unsafe { pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &mut before) };
        Uncancelled { before, of_this_thread: PhantomData }
    }
}

impl Drop for Uncancelled {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: the state that this thread had; where it is cancelled by then, that happens at
        // the next call of the program's own that can end it.
        unsafe { pthread_setcancelstate(self.before, std::ptr::null_mut()) };
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
/// child closes its copy when it notices, and exec does too.
struct OsLock {
    /// There until this is dropped.
    file: Mutex<Option<fs::File>>,
    previous: String,
    held: Held,
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
        if self.held.is_from_before_a_fork() {
            // The descriptor was closed; its number may be another file's by now.
            return std::mem::forget(file);
        }
        self.held.forget();
        // A child between fork and exec may still have a copy of the descriptor, and would keep the
        // lock until it closes it. Where unlocking fails, that is what happens.
        let _ = file.map(|file| file.unlock());
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
    /// The process that fetched it: no child hands out the same bytes.
    process: u32,
}

impl Entropy for SystemEntropy {
    fn fill(&self, out: &mut [u8]) {
        let mut buffer = self.0.lock().unwrap_or_else(|e| e.into_inner());
        if process::is_other(buffer.process) {
            *buffer = EntropyBuffer { process: process::number(), ..EntropyBuffer::default() };
        }
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
