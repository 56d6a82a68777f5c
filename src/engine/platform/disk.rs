//! Files and directories of the operating system. A directory is its descriptor, and a file is
//! reached by its name in that: whatever becomes of paths, both stay the same.
//!
//! Every descriptor is 3 or above. Programs that have closed 0, 1 or 2 go on reading and writing
//! there.

use super::descriptor::{above_standard, inode, AsDescriptor, Inode};
use super::growth;
use super::inotify;
use super::mapping::Mapping;
use super::news::News;
use super::process::Held;
use super::vfs::{Access, Background, Dir, DirOptions, File, Lock, LockOutcome, ReadAs, Vfs};
use rustix::fs::{AtFlags, FlockOperation, Mode, OFlags, RawDir};
use rustix::io::Errno;
use std::any::Any;
use std::collections::VecDeque;
use std::fs;
use std::io::{self, Read};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, RwLock, Weak};

/// The file system of the operating system.
#[derive(Debug, Default, Clone, Copy)]
pub struct OsVfs;

impl Vfs for OsVfs {
    fn open_dir(&self, path: &Path, options: DirOptions) -> io::Result<Arc<dyn Dir>> {
        let fd = above_standard(retry(|| rustix::fs::open(path, DIRECTORY, Mode::empty()))?)?;
        let pool = Pool { max: options.files_max, open: Mutex::default() };
        let DirOptions { model, read_as, .. } = options;
        Ok(Arc::new(OsDir(Arc::new(Opened { fd, model, read_as, pool }))))
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        fs::create_dir(path)
    }

    fn canonicalize(&self, path: &Path) -> io::Result<PathBuf> {
        fs::canonicalize(path)
    }

    fn boot_id(&self) -> Option<String> {
        from_kernel("random/boot_id")
    }

    fn process_name(&self) -> String {
        let program = fs::read_link("/proc/self/exe").unwrap_or_default();
        let program = program.file_name().unwrap_or_default().to_string_lossy();
        let host = from_kernel("hostname").unwrap_or_default();
        // In another container the same id is another process.
        let namespace = fs::read_link("/proc/self/ns/pid").unwrap_or_default();
        let (id, namespace) = (std::process::id(), namespace.to_string_lossy());
        let name = format!("process {id} ({program}) on host {host}, namespace {namespace}");
        name.replace(char::is_control, "?")
    }

    fn background(&self) -> Background {
        Background::Thread
    }

    fn file_bytes_max(&self) -> u64 {
        growth::prepare();
        growth::file_bytes_max()
    }
}

/// What the kernel says under a name; none where it does not, as in a bare chroot.
fn from_kernel(name: &str) -> Option<String> {
    let path = format!("/proc/sys/kernel/{name}");
    let fd = retry(|| rustix::fs::open(&path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()));
    let mut text = String::new();
    fs::File::from(above_standard(fd.ok()?).ok()?).read_to_string(&mut text).ok()?;
    Some(text.trim().to_owned())
}

const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

fn retry<T>(call: impl FnMut() -> rustix::io::Result<T>) -> io::Result<T> {
    Ok(rustix::io::retry_on_intr(call)?)
}

/// The same with the lowest number that is free.
fn lowest(fd: &OwnedFd) -> rustix::io::Result<OwnedFd> {
    match rustix::io::fcntl_dupfd_cloexec(fd, 0) {
        // A filter of system calls.
        Err(Errno::PERM | Errno::NOSYS) => rustix::io::dup(fd),
        duplicated => duplicated,
    }
}

/// Where a name leads: none where it leads nowhere.
fn inode_at(dir: &OwnedFd, name: &str, flags: AtFlags) -> io::Result<Option<Inode>> {
    match rustix::fs::statat(dir, name, flags) {
        Ok(stat) => Ok(Some(inode(&stat))),
        Err(Errno::NOENT | Errno::STALE) => Ok(None),
        Err(e) => Err(e.into()),
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|e| e.into_inner())
}

/// A directory that is open.
#[derive(Debug)]
struct OsDir(Arc<Opened>);

#[derive(Debug)]
struct Opened {
    fd: OwnedFd,
    model: &'static str,
    read_as: ReadAs,
    pool: Pool,
}

impl AsDescriptor for Opened {
    fn descriptor(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl Opened {
    /// Opens what has a name here; other files are closed for it where descriptors have run out.
    fn open(&self, name: &str, flags: OFlags) -> io::Result<OwnedFd> {
        loop {
            let opened = self.open_once(name, flags | OFlags::CLOEXEC);
            match &opened {
                Err(Errno::MFILE | Errno::NFILE) if self.pool.close_half() => {}
                _ => return above_standard(opened?),
            }
        }
    }

    fn open_once(&self, name: &str, flags: OFlags) -> rustix::io::Result<OwnedFd> {
        // Numbers below 3 that are free are taken meanwhile, for reading only: not for a moment is
        // a file one of them that others could write their messages to.
        let mut low = Vec::new();
        if flags.intersects(OFlags::RDWR | OFlags::WRONLY) {
            let mut next = lowest(&self.fd)?;
            while next.as_raw_fd() < 3 {
                low.push(next);
                next = lowest(&self.fd)?;
            }
        }
        let mode = Mode::from_raw_mode(0o666);
        rustix::io::retry_on_intr(|| rustix::fs::openat(&self.fd, name, flags, mode))
    }

    /// Opens a file for writing that must not exist.
    fn create(&self, name: &str) -> io::Result<fs::File> {
        growth::prepare();
        let file = self.open(name, OFlags::RDWR | OFlags::CREATE | OFlags::EXCL)?.into();
        // Where that is not allowed, the file is as the process makes files.
        let _ = self.give_away(&file);
        Ok(file)
    }

    /// Gives a new file the owner, group and mode that files have here.
    fn give_away(&self, file: &fs::File) -> io::Result<()> {
        let made = rustix::fs::fstat(file)?;
        let (model, mode) = match rustix::fs::statat(&self.fd, self.model, AtFlags::empty()) {
            Ok(model) => (model, model.st_mode & 0o777),
            Err(_) => {
                let dir = rustix::fs::fstat(&self.fd)?;
                (dir, made.st_mode & dir.st_mode & 0o777 | 0o600)
            }
        };
        let is_root = rustix::process::geteuid().is_root();
        let owner = (is_root && model.st_uid != made.st_uid)
            .then(|| rustix::process::Uid::from_raw(model.st_uid));
        let group =
            (model.st_gid != made.st_gid).then(|| rustix::process::Gid::from_raw(model.st_gid));
        let given = match (owner, group) {
            (None, None) => Ok(()),
            _ => rustix::fs::fchown(file, owner, group),
        };
        if mode != made.st_mode & 0o777 {
            rustix::fs::fchmod(file, Mode::from_raw_mode(mode))?;
        }
        Ok(given?)
    }
}

impl Dir for OsDir {
    fn open(&self, name: &str, access: Access) -> io::Result<Arc<dyn File>> {
        let file = match access {
            Access::Read | Access::Follow => self.0.open(name, OFlags::RDONLY)?.into(),
            Access::Write => {
                growth::prepare();
                self.0.open(name, OFlags::RDWR)?.into()
            }
            Access::CreateNew => self.0.create(name)?,
        };
        let inode = inode(&rustix::fs::fstat(&file)?);
        let file = Arc::new_cyclic(|me| OsFile {
            me: me.clone(),
            dir: self.0.clone(),
            inode,
            file: RwLock::new(Some(file)),
            settled: OnceLock::new(),
            used: AtomicBool::new(false),
            mapping: RwLock::default(),
            map_again_at: AtomicU64::new(0),
            whole: OnceLock::new(),
            successor: OnceLock::new(),
        });
        if access == Access::Read {
            file.settle(name);
        }
        Ok(file)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        Ok(rustix::fs::renameat(&self.0.fd, from, &self.0.fd, to)?)
    }

    fn link_into(&self, name: &str, other: &dyn Dir) -> io::Result<()> {
        let other = &of_os(other)?.0;
        Ok(rustix::fs::linkat(&self.0.fd, name, &other.fd, name, AtFlags::empty())?)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(&self.0.fd, name, AtFlags::empty())?)
    }

    fn sync(&self) -> io::Result<()> {
        retry(|| rustix::fs::fsync(&self.0.fd))
    }

    fn sync_parent(&self) -> io::Result<()> {
        let parent = self.0.open("..", DIRECTORY)?;
        retry(|| rustix::fs::fsync(&parent))
    }

    fn list(&self) -> io::Result<Vec<String>> {
        // A descriptor of its own, since it has a place in the list.
        let fd = self.0.open(".", DIRECTORY)?;
        let (mut buffer, mut names) = (Vec::with_capacity(LIST_BYTES), Vec::new());
        let mut entries = RawDir::new(fd, buffer.spare_capacity_mut());
        while let Some(entry) = entries.next() {
            // A name that is not UTF-8 is none of ours.
            let Ok(name) = entry?.file_name().to_owned().into_string() else { continue };
            if name != "." && name != ".." {
                names.push(name);
            }
        }
        Ok(names)
    }

    fn is_within(&self, other: &dyn Dir) -> io::Result<bool> {
        let wanted = inode(&rustix::fs::fstat(&of_os(other)?.0.fd)?);
        let mut here = inode(&rustix::fs::fstat(&self.0.fd)?);
        let mut up = None;
        while here != wanted {
            let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
            let at = up.as_ref().unwrap_or(&self.0.fd);
            let parent = match rustix::fs::openat(at, "..", flags, Mode::empty()) {
                // What is closed to us, or removed, is not inside of what is open.
                Err(Errno::ACCESS | Errno::NOENT) => return Ok(false),
                parent => above_standard(parent?)?,
            };
            let place = inode(&rustix::fs::fstat(&parent)?);
            if place == here {
                return Ok(false);
            }
            (here, up) = (place, Some(parent));
        }
        Ok(true)
    }

    fn is_linked(&self) -> io::Result<bool> {
        Ok(rustix::fs::fstat(&self.0.fd)?.st_nlink > 0)
    }

    fn watch(&self) -> io::Result<Arc<dyn News>> {
        inotify::watch(self.0.clone())
    }

    fn lock(&self, name: &str, create: bool) -> io::Result<LockOutcome> {
        for _ in 0..LOCK_TRIES {
            let file = self.open_lock(name, create)?;
            // Before it is locked: a child that is forked meanwhile must know of it.
            let held = file.as_ref().map(Held::new);
            let mut previous = String::new();
            if let Some(file) = &file {
                let free = try_lock(file)?;
                let mut text = Vec::new();
                file.take(LOCK_TEXT_MAX).read_to_end(&mut text)?;
                previous = String::from_utf8_lossy(&text).into_owned();
                if !free {
                    return Ok(LockOutcome::Taken(previous));
                }
            }
            let inode = file.as_ref().map(rustix::fs::fstat).transpose()?.as_ref().map(inode);
            if inode != inode_at(&self.0.fd, name, AtFlags::SYMLINK_NOFOLLOW)? {
                // Replaced between opening and locking it: that lock says nothing.
                continue;
            }
            let directory = fs::File::from(self.0.open(".", DIRECTORY)?);
            let held = [Some(Held::new(&directory)), held];
            // A file system may lock no directories (NFS): the file has to do there.
            if !try_lock(&directory).unwrap_or(true) {
                return Ok(LockOutcome::DirectoryTaken);
            }
            let files = [Some(directory), file];
            let (dir, name) = (self.0.clone(), name.to_owned());
            let lock = OsLock { dir, name, inode, files: Mutex::new(files), previous, held };
            return Ok(LockOutcome::Held(Box::new(lock)));
        }
        Err(io::Error::other("the lock file is replaced again and again"))
    }
}

/// So much of a directory is listed at once.
const LIST_BYTES: usize = 16 << 10;
/// So often a lock file is opened that is replaced meanwhile.
const LOCK_TRIES: usize = 100;
/// So much of it is read.
const LOCK_TEXT_MAX: u64 = 1024;

fn of_os(dir: &dyn Dir) -> io::Result<&OsDir> {
    let dir: Option<&OsDir> = (dir as &dyn Any).downcast_ref();
    dir.ok_or_else(|| io::Error::new(io::ErrorKind::CrossesDevices, "another kind of disk"))
}

/// Whether the lock is ours now.
fn try_lock(file: &fs::File) -> io::Result<bool> {
    match retry(|| rustix::fs::flock(file, FlockOperation::NonBlockingLockExclusive)) {
        Err(e) if e.kind() == io::ErrorKind::WouldBlock => Ok(false),
        locked => locked.map(|()| true),
    }
}

impl OsDir {
    /// The lock file: for writing where `create`, else for reading and only where there is one. It
    /// is written to, and so never one that a link leads to.
    fn open_lock(&self, name: &str, create: bool) -> io::Result<Option<fs::File>> {
        let access = if create { OFlags::RDWR } else { OFlags::RDONLY };
        match self.0.open(name, access | OFlags::NOFOLLOW) {
            Err(e) if e.kind() == io::ErrorKind::NotFound && create => match self.0.create(name) {
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
                    Ok(Some(self.0.open(name, access | OFlags::NOFOLLOW)?.into()))
                }
                made => made.map(Some),
            },
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            found => found.map(|fd| Some(fd.into())),
        }
    }
}

/// Locks of the directory and of the file in it. They belong to the open files, so no other close
/// in this process can drop them; a forked child closes its copies when it notices, and exec does
/// too.
struct OsLock {
    dir: Arc<Opened>,
    name: String,
    /// The lock file's, where there is one.
    inode: Option<Inode>,
    /// The directory and the file, until this is dropped.
    files: Mutex<[Option<fs::File>; 2]>,
    previous: String,
    held: [Option<Held>; 2],
}

impl Lock for OsLock {
    fn previous(&self) -> &str {
        &self.previous
    }

    /// In one write over what is there, so that a full disk does not leave the file empty.
    fn describe(&self, text: &str) -> io::Result<()> {
        let files = locked(&self.files);
        let Some(file) = &files[1] else { return Ok(()) };
        let length = file.metadata()?.len().min(LOCK_TEXT_MAX) as usize;
        growth::guarded(|| file.write_all_at(format!("{text:length$}").as_bytes(), 0))?;
        file.set_len(text.len() as u64)
    }

    fn is_linked(&self) -> io::Result<bool> {
        let flags = AtFlags::SYMLINK_NOFOLLOW;
        Ok(self.inode.is_none() || inode_at(&self.dir.fd, &self.name, flags)? == self.inode)
    }
}

impl Drop for OsLock {
    fn drop(&mut self) {
        let files = std::mem::take(&mut *locked(&self.files));
        let mut held = self.held.iter_mut().flatten();
        if held.any(|held| held.is_from_before_a_fork()) {
            // The descriptors were closed; their numbers may be other files' by now.
            return std::mem::forget(files);
        }
        self.held.iter_mut().flatten().for_each(Held::forget);
        // A child between fork and exec may still have copies of the descriptors, and would keep
        // the locks until it closes them. Where unlocking fails, that is what happens.
        files.into_iter().flatten().for_each(|file| _ = file.unlock());
    }
}

/// The files of a directory that have a descriptor and can do without, those first that were
/// longest there. One that was used since is passed over once.
#[derive(Debug)]
struct Pool {
    max: usize,
    open: Mutex<VecDeque<Weak<OsFile>>>,
}

impl Pool {
    fn admit(&self, file: &Weak<OsFile>) {
        let mut open = locked(&self.open);
        close_down_to(&mut open, self.max.saturating_sub(1));
        open.push_back(file.clone());
    }

    /// Closes every other file; whether that made room.
    fn close_half(&self) -> bool {
        let mut open = locked(&self.open);
        let (before, half) = (open.len(), open.len() / 2);
        close_down_to(&mut open, half);
        open.len() < before
    }
}

fn close_down_to(open: &mut VecDeque<Weak<OsFile>>, count: usize) {
    let mut looks = 2 * open.len();
    while open.len() > count && looks > 0 {
        looks -= 1;
        let Some(file) = open.pop_front() else { return };
        if file.upgrade().is_some_and(|file| !file.close()) {
            open.push_back(file);
        }
    }
}

#[derive(Debug)]
struct OsFile {
    me: Weak<OsFile>,
    dir: Arc<Opened>,
    inode: Inode,
    /// None while it is closed; only what is settled is.
    file: RwLock<Option<fs::File>>,
    /// The name that it can be opened again by.
    settled: OnceLock<String>,
    /// Read since the pool last looked.
    used: AtomicBool,
    /// The front of the file, once something there was read that is settled. It needs no
    /// descriptor.
    mapping: RwLock<Option<Mapping>>,
    /// The file is mapped again for a read that ends at or after this offset.
    map_again_at: AtomicU64,
    /// All of a file that is settled, which needs no lock: from the first read since then on.
    whole: OnceLock<Mapping>,
    /// The compressed file that has taken its name while it was closed.
    successor: OnceLock<Arc<dyn File>>,
}

/// A file is mapped again when it is read so far beyond its mapping, and a quarter of that besides.
const MAPPING_STEP: u64 = 1 << 20;

impl OsFile {
    /// Makes a call with the file, which is opened again where it was closed.
    fn with<T>(&self, call: impl FnOnce(&fs::File) -> io::Result<T>) -> io::Result<T> {
        {
            let file = self.file.read().unwrap_or_else(|e| e.into_inner());
            if let Some(file) = &*file {
                if !self.used.load(Ordering::Relaxed) {
                    self.used.store(true, Ordering::Relaxed);
                }
                return call(file);
            }
        }
        let mut file = self.file.write().unwrap_or_else(|e| e.into_inner());
        if file.is_none() {
            *file = Some(self.open_again()?);
            self.dir.pool.admit(&self.me);
        }
        call(file.as_ref().expect("opened above"))
    }

    fn open_again(&self) -> io::Result<fs::File> {
        let name = self.settled.get().expect("only what is settled is closed");
        let file = fs::File::from(self.dir.open(name, OFlags::RDONLY)?);
        match inode(&rustix::fs::fstat(&file)?) == self.inode {
            true => Ok(file),
            false => Err(io::Error::new(REPLACED, "another file has its name by now")),
        }
    }

    /// Reads the file or, where a compressed one has taken its place, that.
    fn read_current(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        match self.with(|file| file.read_at(buffer, offset)) {
            Err(e) if is_replaced(&e) => self.successor().ok_or(e)?.read_at(buffer, offset),
            other => other,
        }
    }

    fn successor(&self) -> Option<&Arc<dyn File>> {
        if self.successor.get().is_none() {
            let there = OsDir(self.dir.clone()).open(self.settled.get()?, Access::Read);
            let there = there.and_then(self.dir.read_as).ok()?;
            there.compressed()?;
            let _the_same = self.successor.set(there);
        }
        self.successor.get()
    }

    /// Closes the descriptor for now. False where it was used since the last time, or is in use.
    fn close(&self) -> bool {
        if self.used.swap(false, Ordering::Relaxed) {
            return false;
        }
        let Ok(mut file) = self.file.try_write() else { return false };
        *file = None;
        true
    }

    /// Copies what the mapping has, if it has all of it.
    fn read_mapped(&self, buffer: &mut [u8], offset: u64, end: u64) -> bool {
        let read = |mapping: &Mapping| {
            end <= mapping.len() as u64 && mapping.read(buffer, offset as usize).is_ok()
        };
        self.on_mapping(read).unwrap_or(false)
    }

    /// Asks the mapping, if there is one.
    #[inline(always)]
    fn on_mapping<T>(&self, ask: impl FnOnce(&Mapping) -> T) -> Option<T> {
        match self.whole.get() {
            Some(whole) => Some(ask(whole)),
            None => self.mapping.read().unwrap_or_else(|e| e.into_inner()).as_ref().map(ask),
        }
    }

    /// Maps the file where a read that ends here is worth it.
    #[inline(always)]
    fn map_up_to(&self, end: u64) {
        if end >= self.map_again_at.load(Ordering::Relaxed) {
            self.map();
        }
    }

    /// Maps as much as there is of the file.
    fn map(&self) {
        let mut mapping = self.mapping.write().unwrap_or_else(|e| e.into_inner());
        let settled = self.settled.get().is_some();
        let len = self.len().unwrap_or(0);
        *mapping = self.with(|file| Ok(Mapping::new(file, len as usize))).ok().flatten();
        let again = match *mapping {
            Some(_) if !settled => len + len / 4 + MAPPING_STEP,
            _ => u64::MAX,
        };
        if let Some(whole) = mapping.take_if(|_| settled) {
            let _the_same = self.whole.set(whole);
        }
        self.map_again_at.store(again, Ordering::Relaxed);
    }
}

impl File for OsFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        // Once it has a successor it is closed for ever.
        match self.successor.get() {
            Some(successor) => successor.read_at(buffer, offset),
            None => self.read_current(buffer, offset),
        }
    }

    fn read_settled(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let end = offset.saturating_add(buffer.len() as u64);
        self.map_up_to(end);
        match self.read_mapped(buffer, offset, end) {
            true => Ok(buffer.len()),
            // Where a page can't be had, the system call says what is wrong.
            false => self.read_at(buffer, offset),
        }
    }

    fn prefetch(&self, offset: u64, len: usize) {
        self.on_mapping(|mapping| mapping.prefetch(offset, len));
    }

    fn is_resident(&self, offset: u64, len: usize) -> bool {
        self.map_up_to(offset.saturating_add(len as u64));
        self.on_mapping(|mapping| mapping.is_resident(offset, len)).unwrap_or(false)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.with(|file| growth::guarded(|| file.write_at(bytes, offset)))
    }

    fn len(&self) -> io::Result<u64> {
        match self.with(|file| Ok(file.metadata()?.len())) {
            Err(e) if is_replaced(&e) => self.successor().ok_or(e)?.len(),
            other => other,
        }
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.with(|file| growth::guarded(|| file.set_len(length)))
    }

    fn allocate(&self, length: u64) -> io::Result<()> {
        let from = self.len()?;
        if from >= length {
            return Ok(());
        }
        let mode = rustix::fs::FallocateFlags::empty();
        let reserve = |file: &fs::File| {
            let call = || rustix::fs::fallocate(file, mode, from, length - from);
            growth::guarded(|| retry(call))
        };
        match self.with(reserve) {
            // A file system that cannot reserve, or a filter of system calls that refuses it: the
            // file still grows as it is written to.
            Err(e) if !has_no_room(&e) => Ok(()),
            reserved => reserved,
        }
    }

    fn sync(&self) -> io::Result<()> {
        let sync = |file: &fs::File| match file.sync_data() {
            // Refused by a filter of system calls, and so not done: the other call does more.
            Err(e) if matches!(Errno::from_io_error(&e), Some(Errno::PERM | Errno::NOSYS)) => {
                file.sync_all()
            }
            synced => synced,
        };
        self.with(sync)
    }

    fn is_named(&self, name: &str) -> io::Result<bool> {
        Ok(inode_at(&self.dir.fd, name, AtFlags::empty())? == Some(self.inode))
    }

    fn settle(&self, name: &str) {
        if self.settled.set(name.to_owned()).is_ok() {
            self.map_again_at.store(0, Ordering::Relaxed);
            self.dir.pool.admit(&self.me);
        }
    }
}

/// What is said of a file that was closed, and whose name leads to another one.
const REPLACED: io::ErrorKind = io::ErrorKind::StaleNetworkFileHandle;

fn is_replaced(error: &io::Error) -> bool {
    error.kind() == REPLACED
}

fn has_no_room(error: &io::Error) -> bool {
    let errno = Errno::from_io_error(error);
    matches!(errno, Some(Errno::NOSPC | Errno::DQUOT | Errno::FBIG | Errno::IO))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directory(name: &str) -> (PathBuf, Arc<dyn Dir>) {
        let path = std::env::temp_dir().join(format!("fbat-disk-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir(&path).unwrap();
        let dir = OsVfs
            .open_dir(&path, DirOptions { files_max: 4, model: "model", read_as: Ok })
            .unwrap();
        (path, dir)
    }

    #[test]
    #[cfg_attr(miri, ignore)] // maps a file
    fn what_is_settled_is_read_also_when_the_file_has_grown() {
        let (path, dir) = directory("settled");
        let file = dir.open("file", Access::CreateNew).unwrap();
        fs::remove_dir_all(&path).unwrap();
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
