//! The engines, a file each.

pub mod fbat;
