//! The operating system's files, under a boot id of the test's own, and with the lies that canaries
//! tell.

use fbat::engine::platform::os::OsVfs;
use fbat::engine::platform::vfs::{Access, File, Lock, LockOutcome, Vfs};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What a disk says and does not do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lie {
    None,
    /// That what is written is on the disk.
    Synced,
    /// That it had space for what was written.
    HadSpace,
    /// That the lock is ours.
    Locked,
}

impl Lie {
    /// By its name, as an environment carries it.
    pub fn told_by(name: &str) -> Lie {
        let all = [Lie::None, Lie::Synced, Lie::HadSpace, Lie::Locked];
        *all.iter().find(|lie| format!("{lie:?}") == name).expect("the name of a lie")
    }
}

#[derive(Debug)]
pub struct Disk {
    lie: Lie,
    boot: Option<u64>,
}

impl Disk {
    pub fn of(lie: Lie, boot: Option<u64>) -> Arc<dyn Vfs> {
        Arc::new(Disk { lie, boot })
    }
}

#[derive(Debug)]
struct LyingFile(Arc<dyn File>, Lie);

struct NoLock;

impl Lock for NoLock {
    fn previous(&self) -> &str {
        ""
    }
    fn describe(&self, _: &str) -> io::Result<()> {
        Ok(())
    }
}

impl Vfs for Disk {
    fn open(&self, path: &Path, access: Access) -> io::Result<Arc<dyn File>> {
        Ok(Arc::new(LyingFile(OsVfs.open(path, access)?, self.lie)))
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        OsVfs.rename(from, to)
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        OsVfs.remove(path)
    }
    fn create_dir(&self, path: &Path) -> io::Result<()> {
        OsVfs.create_dir(path)
    }
    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        match self.lie {
            Lie::Synced => Ok(()),
            _ => OsVfs.sync_dir(path),
        }
    }
    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        OsVfs.list(path)
    }
    fn canonicalize(&self, path: &Path) -> io::Result<PathBuf> {
        OsVfs.canonicalize(path)
    }
    fn lock(&self, path: &Path) -> io::Result<LockOutcome> {
        match self.lie {
            Lie::Locked => Ok(LockOutcome::Held(Box::new(NoLock))),
            _ => OsVfs.lock(path),
        }
    }
    fn boot_id(&self) -> Option<String> {
        self.boot.map_or_else(|| OsVfs.boot_id(), |number| Some(format!("boot-{number}")))
    }
    fn process_name(&self) -> String {
        OsVfs.process_name()
    }
}

impl File for LyingFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.0.read_at(buffer, offset)
    }
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        match self.0.write_at(bytes, offset) {
            Err(_) if self.1 == Lie::HadSpace => Ok(bytes.len()),
            written => written,
        }
    }
    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }
    fn set_len(&self, length: u64) -> io::Result<()> {
        self.0.set_len(length)
    }
    fn allocate(&self, length: u64) -> io::Result<()> {
        match self.0.allocate(length) {
            Err(_) if self.1 == Lie::HadSpace => Ok(()),
            allocated => allocated,
        }
    }
    fn sync(&self) -> io::Result<()> {
        match self.1 {
            Lie::Synced => Ok(()),
            _ => self.0.sync(),
        }
    }
    fn is_linked(&self) -> io::Result<bool> {
        self.0.is_linked()
    }
}
