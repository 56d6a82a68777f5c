//! The machine: files, time, randomness. The only unsafe code of the engine, and the seams at which
//! tests take its place.

pub mod clock;
pub(crate) mod descriptor;
pub mod disk;
#[allow(unsafe_code)] // system calls that std does not have
pub(crate) mod growth;
pub(crate) mod inotify;
#[allow(unsafe_code)] // system calls that std does not have
pub(crate) mod mapping;
pub mod memory;
pub mod news;
#[allow(unsafe_code)] // system calls that std does not have
pub mod os;
#[allow(unsafe_code)] // system calls that std does not have
pub mod process;
#[allow(unsafe_code)] // handlers of signals
pub(crate) mod signals;
pub(crate) mod task;
pub mod vfs;
pub mod watch;
#[allow(unsafe_code)] // instructions that not every processor has
pub mod wide;
