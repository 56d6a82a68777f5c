//! The engines, a file each.

pub mod fbat;
pub mod raw;
