//! Values: what events, ids, errors and limits are. No file, no lock, no clock.

pub mod bytes;
pub mod content;
pub mod entity;
pub mod error;
pub mod event;
pub mod finding;
pub mod id;
pub mod key;
pub mod limits;
pub mod provenance;
pub mod region;
