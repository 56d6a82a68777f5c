//! The machine: files, time, randomness. The only unsafe code of the engine, and the seams at which
//! tests take its place.

pub mod clock;
#[allow(unsafe_code)] // system calls that std does not have
pub(crate) mod mapping;
pub mod memory;
#[allow(unsafe_code)] // system calls that std does not have
pub mod os;
#[allow(unsafe_code)] // system calls that std does not have
pub mod process;
pub mod vfs;
pub mod watch;
