//! A machine that can be broken: the operating system's files, and any call to them failing.

use super::quick;
use fbat::engine::log::options::{Durability, Options};
use fbat::engine::platform::vfs::{Access, File, LockOutcome, Vfs};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

pub const EIO: i32 = 5;
pub const ENOSPC: i32 = 28;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Op {
    Open,
    Create,
    Rename,
    Link,
    Remove,
    SyncDir,
    Write,
    SetLen,
    Allocate,
    Sync,
    Len,
}

/// Asked before each call; an errno makes it fail.
pub type Hook = Arc<dyn Fn(Op, &Path) -> Option<i32> + Send + Sync>;

/// The operating system's files on a machine that restarts and fails at will.
#[derive(Clone)]
pub struct Machine {
    inner: Arc<dyn Vfs>,
    boot: Arc<Mutex<String>>,
    hook: Arc<Mutex<Hook>>,
}

impl std::fmt::Debug for Machine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Machine")
    }
}

impl Machine {
    pub fn new() -> Machine {
        let hook: Hook = Arc::new(|_, _| None);
        let boot = Arc::new(Mutex::new("first-boot".to_owned()));
        Machine { inner: Options::default().vfs, boot, hook: Arc::new(Mutex::new(hook)) }
    }
    pub fn restart(&self) {
        self.boot.lock().unwrap().push_str("-again");
    }
    pub fn on_call(&self, hook: impl Fn(Op, &Path) -> Option<i32> + Send + Sync + 'static) {
        *self.hook.lock().unwrap() = Arc::new(hook);
    }
    /// Takes the hook away, until it is put back.
    pub fn pause(&self) -> Hook {
        std::mem::replace(&mut *self.hook.lock().unwrap(), Arc::new(|_, _| None))
    }
    pub fn resume(&self, hook: Hook) {
        *self.hook.lock().unwrap() = hook;
    }
    pub fn mend(&self) {
        self.on_call(|_, _| None);
    }
    fn ask(&self, op: Op, path: &Path) -> io::Result<()> {
        let hook = self.hook.lock().unwrap().clone();
        hook(op, path).map_or(Ok(()), |errno| Err(io::Error::from_raw_os_error(errno)))
    }
    pub fn options(&self, durability: Durability) -> Options {
        Options { vfs: Arc::new(self.clone()), durability, ..quick() }
    }
}

impl Vfs for Machine {
    fn open(&self, path: &Path, access: Access) -> io::Result<Arc<dyn File>> {
        self.ask(if access == Access::CreateNew { Op::Create } else { Op::Open }, path)?;
        let inner = self.inner.open(path, access)?;
        Ok(Arc::new(MachineFile { inner, path: path.to_owned(), machine: self.clone() }))
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.ask(Op::Rename, to)?;
        self.inner.rename(from, to)
    }
    fn hard_link(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.ask(Op::Link, to)?;
        self.inner.hard_link(from, to)
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        self.ask(Op::Remove, path)?;
        self.inner.remove(path)
    }
    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.inner.create_dir(path)
    }
    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.ask(Op::SyncDir, path)?;
        self.inner.sync_dir(path)
    }
    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        self.inner.list(path)
    }
    fn canonicalize(&self, path: &Path) -> io::Result<PathBuf> {
        self.inner.canonicalize(path)
    }
    fn lock(&self, path: &Path) -> io::Result<LockOutcome> {
        self.inner.lock(path)
    }
    fn boot_id(&self) -> Option<String> {
        Some(self.boot.lock().unwrap().clone())
    }
    fn process_name(&self) -> String {
        self.inner.process_name()
    }
}

#[derive(Debug)]
struct MachineFile {
    inner: Arc<dyn File>,
    path: PathBuf,
    machine: Machine,
}

impl File for MachineFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.inner.read_at(buffer, offset)
    }
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.machine.ask(Op::Write, &self.path).inspect_err(|_| {
            // What fails has often done a part of it.
            let _ = self.inner.write_at(&bytes[..bytes.len() / 2], offset);
        })?;
        self.inner.write_at(bytes, offset)
    }
    fn len(&self) -> io::Result<u64> {
        self.machine.ask(Op::Len, &self.path)?;
        self.inner.len()
    }
    fn set_len(&self, length: u64) -> io::Result<()> {
        self.machine.ask(Op::SetLen, &self.path)?;
        self.inner.set_len(length)
    }
    fn allocate(&self, length: u64) -> io::Result<()> {
        self.machine.ask(Op::Allocate, &self.path).inspect_err(|_| {
            let _ = self.inner.allocate(length - 1000);
        })?;
        self.inner.allocate(length)
    }
    fn sync(&self) -> io::Result<()> {
        self.machine.ask(Op::Sync, &self.path)?;
        self.inner.sync()
    }
    fn is_linked(&self) -> io::Result<bool> {
        self.inner.is_linked()
    }
}
