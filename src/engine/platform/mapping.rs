//! A file in memory, for small reads in any place, and for walks over what is in memory: they cost
//! a copy instead of a system call, and the processor can fetch what comes next.
//!
//! The pages of a mapping are the kernel's, which takes them back when it wants to. Where it cannot
//! deliver one (the file was cut short, the disk fails) it raises SIGBUS. A handler puts a page of
//! zeros in its place and marks the mapping, so that the read ends with an error. This is what
//! libwayland-server does for the buffers of its clients. Every other SIGBUS goes to the handler
//! that was there before.

use super::signals::Hook;
use super::vfs::RESIDENT_MAX;
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::{fs, io};

/// The front of a file, of which nothing changes as long as this lives.
#[derive(Debug)]
pub struct Mapping {
    start: usize,
    len: usize,
    region: &'static Region,
    /// The kernel says what of the file is in memory: it does so to the owner.
    tells: bool,
}

/// A mapping as the handler knows it. `start` is 0 where there is none.
#[derive(Debug)]
struct Region {
    taken: AtomicBool,
    start: AtomicUsize,
    end: AtomicUsize,
    /// A page could not be had.
    damaged: AtomicBool,
}

/// With segments of 64 MiB, each a log and an index, enough for a quarter of a terabyte; files
/// beyond are read by system calls.
const REGIONS: usize = 8192;
static MAPPED: [Region; REGIONS] = [const {
    Region {
        taken: AtomicBool::new(false),
        start: AtomicUsize::new(0),
        end: AtomicUsize::new(0),
        damaged: AtomicBool::new(false),
    }
}; REGIONS];

impl Mapping {
    /// Maps the first `len` bytes of a file, which has as many; none where that can't be done.
    pub fn new(file: &fs::File, len: usize) -> Option<Mapping> {
        let allowed = ALLOWED.load(Ordering::Relaxed) && cfg!(target_pointer_width = "64");
        if len == 0 || !allowed || !HOOK.is_installed() {
            return None;
        }
        let free = |r: &&Region| {
            !r.taken.load(Ordering::Relaxed) && !r.taken.swap(true, Ordering::Acquire)
        };
        let region = MAPPED.iter().find(free)?;
        // SAFETY: a new mapping at an address that the kernel chooses touches no memory that is
        // there.
        let start = unsafe {
            libc::mmap(null_mut(), len, libc::PROT_READ, libc::MAP_SHARED, file.as_raw_fd(), 0)
        };
        if start == libc::MAP_FAILED {
            region.taken.store(false, Ordering::Release);
            return None;
        }
        // SAFETY: the range was mapped just now. Advice that is not taken is no loss.
        unsafe { libc::madvise(start, len, libc::MADV_RANDOM) };
        let start = start as usize;
        region.damaged.store(false, Ordering::Relaxed);
        region.end.store(start + len, Ordering::Release);
        region.start.store(start, Ordering::Release);
        // SAFETY: asks for a number.
        let user = unsafe { libc::geteuid() };
        let tells = file.metadata().is_ok_and(|file| user == 0 || file.uid() == user);
        Some(Mapping { start, len, region, tells })
    }

    pub fn len(&self) -> usize {
        self.len
    }

    /// Copies what is at `offset`, all of it below [`Mapping::len`]. An error where a page of it
    /// can't be had, and from then on.
    pub fn read(&self, buffer: &mut [u8], offset: usize) -> io::Result<()> {
        assert!(
            offset.checked_add(buffer.len()).is_some_and(|end| end <= self.len),
            "a read beyond the mapping"
        );
        let from = (self.start + offset) as *const u8;
        // SAFETY: within the mapping, which lives as long as `self`; nobody holds a reference into
        // it. Where the file changes all the same, these are other bytes, as with a system call.
        unsafe { std::ptr::copy_nonoverlapping(from, buffer.as_mut_ptr(), buffer.len()) };
        match self.region.damaged.load(Ordering::Acquire) {
            false => Ok(()),
            true => Err(io::Error::from_raw_os_error(libc::EIO)),
        }
    }
}

const CACHE_LINE_BYTES: usize = 64;

impl Mapping {
    /// Has the processor fetch `len` bytes at `offset`, where it can do so while it does other
    /// things.
    pub fn prefetch(&self, offset: u64, len: usize) {
        let Some(offset) =
            usize::try_from(offset).ok().filter(|at| at.saturating_add(len) <= self.len)
        else {
            return;
        };
        for line in (0..len).step_by(CACHE_LINE_BYTES) {
            prefetch(self.start + offset + line);
        }
    }
}

impl Mapping {
    /// Whether `len` bytes at `offset` are in memory, all of them. Those are made ready to be
    /// copied, so that a page fault is not met for each few.
    pub fn is_resident(&self, offset: u64, len: usize) -> bool {
        let end = offset.saturating_add(len as u64);
        if !self.tells || len == 0 || len > RESIDENT_MAX || end > self.len as u64 {
            return false;
        }
        let page = page_size();
        let within = offset as usize % page;
        let (from, bytes) = (self.start + offset as usize - within, within + len);
        let mut pages = vec![0; bytes.div_ceil(page)];
        // SAFETY: pages of the mapping, for each of which there is a byte; neither call changes
        // what is in them. Where they can't be had by now, that is met by who reads them.
        let asked = unsafe { libc::mincore(from as *mut _, bytes, pages.as_mut_ptr()) };
        let resident = asked == 0 && pages.iter().all(|page| page & 1 == 1);
        if resident {
            // SAFETY: as above.
            unsafe { libc::madvise(from as *mut _, bytes, libc::MADV_POPULATE_READ) };
        }
        resident
    }
}

fn page_size() -> usize {
    // SAFETY: asks for a constant.
    unsafe { libc::sysconf(libc::_SC_PAGESIZE) as usize }
}

/// Has the processor fetch the cache line at an address.
pub fn prefetch(address: usize) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a hint, which neither faults nor changes anything whatever the address is.
    unsafe {
        use std::arch::x86_64::{_mm_prefetch, _MM_HINT_T0};
        _mm_prefetch::<_MM_HINT_T0>(address as *const i8);
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = address;
}

impl Drop for Mapping {
    fn drop(&mut self) {
        self.region.start.store(0, Ordering::Release);
        // SAFETY: the range that was mapped, which nobody reads any more.
        unsafe { libc::munmap(self.start as *mut _, self.len) };
        self.region.taken.store(false, Ordering::Release);
    }
}

/// Whether files may be mapped from now on.
static ALLOWED: AtomicBool = AtomicBool::new(true);

/// Says whether files may be mapped from now on. Where it is said before the first store is opened,
/// no handler is put in place.
pub fn allow(allowed: bool) {
    ALLOWED.store(allowed, Ordering::Relaxed);
}

static HOOK: Hook = Hook::new(libc::SIGBUS, on_bus_error);

extern "C" fn on_bus_error(_: libc::c_int, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    // SAFETY: the kernel hands over a valid siginfo, with an address where a fault raised the
    // signal.
    let (address, raised_by_fault) = unsafe { ((*info).si_addr() as usize, (*info).si_code > 0) };
    let ours = |region: &&Region| {
        let start = region.start.load(Ordering::Acquire);
        start > 0 && (start..region.end.load(Ordering::Acquire)).contains(&address)
    };
    if let Some(region) = MAPPED.iter().find(ours).filter(|_| raised_by_fault) {
        region.damaged.store(true, Ordering::Release);
        if put_zeros_at(address) {
            return;
        }
    }
    HOOK.forward(info, context, raised_by_fault);
}

/// Puts a page of zeros in the place of the one at `address`. Leaves errno alone.
fn put_zeros_at(address: usize) -> bool {
    // SAFETY: the page is one of a mapping of ours that a reader waits for; the calls are safe in a
    // handler.
    unsafe {
        let errno = *libc::__errno_location();
        let page = page_size();
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED;
        let at = (address & !(page - 1)) as *mut _;
        let put = libc::mmap(at, page, libc::PROT_READ, flags, -1, 0) != libc::MAP_FAILED;
        *libc::__errno_location() = errno;
        put
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn file(bytes: usize) -> fs::File {
        let path =
            std::env::temp_dir().join(format!("fbat-mapping-{}-{bytes}", std::process::id()));
        let mut file = fs::File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(&path)
            .unwrap();
        fs::remove_file(path).unwrap();
        file.write_all(&vec![7; bytes]).unwrap();
        file
    }

    #[test]
    #[cfg_attr(miri, ignore)] // maps a file
    fn a_file_that_is_cut_short_is_an_error_and_no_signal() {
        let (file, other) = (file(64 << 10), file(20_000));
        let (mapping, whole) =
            (Mapping::new(&file, 64 << 10).unwrap(), Mapping::new(&other, 20_000).unwrap());
        let mut buffer = [0; 100];
        mapping.read(&mut buffer, 60_000).unwrap();
        assert_eq!(buffer, [7; 100]);
        assert!(mapping.is_resident(10, 60_000) && !mapping.is_resident(10, 64 << 10));
        file.set_len(50_000).unwrap();
        assert_eq!(mapping.read(&mut buffer, 60_000).unwrap_err().raw_os_error(), Some(libc::EIO));
        assert!(mapping.read(&mut buffer, 10).is_err(), "a damaged mapping is not trusted again");
        whole.read(&mut buffer, 19_900).unwrap();
        assert_eq!(buffer, [7; 100]);
    }
}
