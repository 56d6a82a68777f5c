//! Fuzzing of fbat with coverage: one function of bytes for each target, which libFuzzer's
//! `main.rs` and the replay of the seeds in `tests/seeds.rs` share. `scripts/fuzz` builds and runs
//! it.

mod callbacks;
mod calls;
mod canary;
mod frame;
mod input;
mod memory;
mod open;
mod parts;
mod provenance;
pub mod stores;

/// A target: its name, and what is done with an input.
pub type Target = (&'static str, fn(&[u8]));

/// Every target.
pub const TARGETS: [Target; 4] = [
    ("provenance", provenance::run),
    ("frame", frame::run),
    ("open", open::run),
    ("calls", calls::run),
];
/// The one that is broken.
pub const CANARY: Target = ("canary", canary::run);
