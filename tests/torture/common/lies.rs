//! The operating system's files, under a boot id of the test's own, and with the lies that canaries
//! tell.

use super::layer::{Call, Layer, Layered, Make, Op, Part};
use fbat::engine::platform::disk::OsVfs;
use fbat::engine::platform::vfs::Vfs;
use std::io;
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

    /// The operating system's files, with this lie; `boot`: as if after that start of the machine.
    pub fn told_of_files(self, boot: Option<u64>) -> Arc<dyn Vfs> {
        Arc::new(Layered::over(Arc::new(OsVfs), Arc::new(Liar { lie: self, boot })))
    }
}

#[derive(Debug)]
struct Liar {
    lie: Lie,
    boot: Option<u64>,
}

impl Layer for Liar {
    fn call(&self, call: &Call<'_>, make: Make<'_>) -> io::Result<()> {
        match (self.lie, call.op) {
            (Lie::Synced, Op::Sync | Op::SyncDir) | (Lie::Locked, Op::Lock) => Ok(()),
            (Lie::HadSpace, Op::Write | Op::Allocate) => {
                make(Part::Whole).map_or(Ok(()), |_| Ok(()))
            }
            _ => make(Part::Whole).map(drop),
        }
    }

    fn boot_id(&self) -> Option<String> {
        self.boot.map(|number| format!("boot-{number}"))
    }
}
