//! Pure bytes: the chapters of `docs/format.md`. Nothing here touches a file.

pub(crate) mod chain;
pub(crate) mod cold;
pub(crate) mod frame;
pub(crate) mod hash;
pub(crate) mod identity;
pub(crate) mod import_run;
pub(crate) mod lanes;
pub(crate) mod ranges;
pub(crate) mod selector;
pub(crate) mod set;
pub(crate) mod strip;
pub(crate) mod system;
