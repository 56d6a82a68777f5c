//! What every section of the header uses: no section is named here.

pub(crate) mod answer;
pub(crate) mod args;
pub mod error;
pub(crate) mod guard;
pub(crate) mod handle;
pub(crate) mod memory;
pub(crate) mod panic;
pub(crate) mod sink;
pub mod status;
pub mod store;
pub mod types;
