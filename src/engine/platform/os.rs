//! What is specific to an operating system, except files: the clock, randomness, processors.
//! Linux is what is tested.

use super::clock::{Clock, Entropy};
use super::mapping;
use super::process;
use std::fs;
use std::io::{self, Read};
use std::marker::PhantomData;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::Mutex;
use std::time::{SystemTime, UNIX_EPOCH};

pub use mapping::allow as allow_mapping;

/// Whether an error of the system is about the file itself, and would be the same for everybody who
/// reads it: it is missing, not allowed, or on a disk that fails.
pub fn is_of_file(errno: i32) -> bool {
    use libc::{EACCES, EIO, EISDIR, ELOOP, ENOENT, ENOTDIR, EPERM};
    [EACCES, EIO, EISDIR, ELOOP, ENOENT, ENOTDIR, EPERM].contains(&errno)
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
    if from_kernel(bytes).or_else(|_| from_device(bytes)).is_err() {
        from_circumstances(bytes);
    }
}

fn from_kernel(bytes: &mut [u8]) -> io::Result<()> {
    let mut done = 0;
    while done < bytes.len() {
        let rest = &mut bytes[done..];
        // SAFETY: the pointer and length are those of a live, writable slice.
        let n = unsafe { libc::getrandom(rest.as_mut_ptr().cast(), rest.len(), 0) };
        match n {
            1.. => done += n as usize,
            _ if io::Error::last_os_error().kind() == io::ErrorKind::Interrupted => {}
            _ => return Err(io::Error::last_os_error()),
        }
    }
    Ok(())
}

/// Where a filter of system calls refuses getrandom.
fn from_device(bytes: &mut [u8]) -> io::Result<()> {
    fs::File::open("/dev/urandom")?.read_exact(bytes)
}

/// Where there is no device either, as in a bare chroot: what no other process has, hashed. Ids
/// have to be unique, and nothing that is secret is made of them.
fn from_circumstances(bytes: &mut [u8]) {
    static CALLS: AtomicU64 = AtomicU64::new(0);
    let mut hasher = blake3::Hasher::new();
    // SAFETY: the kernel gives every program 16 random bytes at this address, for its whole life.
    unsafe {
        let random = libc::getauxval(libc::AT_RANDOM) as *const [u8; 16];
        if let Some(random) = random.as_ref() {
            hasher.update(random);
        }
    }
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    hasher.update(&std::process::id().to_le_bytes());
    hasher.update(&since.as_nanos().to_le_bytes());
    hasher.update(&CALLS.fetch_add(1, Ordering::Relaxed).to_le_bytes());
    hasher.finalize_xof().fill(bytes);
}
