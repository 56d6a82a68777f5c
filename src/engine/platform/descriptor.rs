//! Descriptors of the operating system.

use rustix::fs::Stat;
use std::fmt::Debug;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

/// A descriptor that somebody owns.
pub trait AsDescriptor: Send + Sync + Debug {
    fn descriptor(&self) -> BorrowedFd<'_>;
}

/// The same with a number that is not one of standard input, output and error.
pub(super) fn above_standard(fd: OwnedFd) -> io::Result<OwnedFd> {
    match fd.as_raw_fd() {
        0..=2 => Ok(rustix::io::fcntl_dupfd_cloexec(&fd, 3)?),
        _ => Ok(fd),
    }
}

/// Device and number: the same for two descriptors of one file.
pub(super) type Inode = (u64, u64);

pub(super) fn inode(stat: &Stat) -> Inode {
    (stat.st_dev, stat.st_ino)
}
