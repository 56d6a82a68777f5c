//! The C ABI: translates between C and the engine, and decides nothing about events.
//!
//! One file per section of `include/fbat.h`, which is generated from them; the doc comments here
//! are the documentation there. They stand on [`boundary`]: every export runs inside its guard,
//! every object behind a pointer lives in its table of handles, every raw argument goes through its
//! args.

// The only room with unsafe code. What callers must uphold is stated once, on the first page of
// the header, and the names are those of C.
#![allow(unsafe_code, non_camel_case_types, clippy::missing_safety_doc)]

#[cfg(not(target_pointer_width = "64"))]
compile_error!("handles are 64-bit values: fbat needs a 64-bit target");

pub mod boundary;

pub mod append;
pub mod batch;
pub mod buffer;
pub mod cancel;
pub mod compress;
pub mod copy;
pub mod count;
pub mod error;
pub mod findings;
pub mod id;
pub mod import;
pub mod lineage;
pub mod log;
pub mod page;
pub mod plan;
pub mod provenance;
pub mod query;
pub mod region;
pub mod repair;
#[cfg(feature = "internal")]
pub mod seams;
pub mod set;
pub mod store;
pub mod verify;
pub mod version;
pub mod wait;
