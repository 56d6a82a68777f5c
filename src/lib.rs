//! fbat: an embedded, append-only event store with exactly-once import.
//!
//! `engine` is safe Rust and knows nothing of C; `ffi` is the C ABI and decides nothing about
//! events. C programs use `include/fbat.h`, which is generated from `ffi`.

#![deny(unsafe_code)] // but for the edges: `ffi` and `engine::platform`
#![deny(unsafe_op_in_unsafe_fn)]
#![deny(clippy::undocumented_unsafe_blocks)]

pub mod engine;
pub mod ffi;
