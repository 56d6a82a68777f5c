//! The log on disk: its directory, its segments, how it grows, and what opening makes of it.

pub(crate) mod background;
pub(crate) mod cold;
pub(crate) mod directory;
pub(crate) mod follower;
pub(crate) mod group;
pub(crate) mod levels;
pub mod options;
pub(crate) mod pack;
pub(crate) mod point;
pub mod recovery;
pub(crate) mod rotate;
pub(crate) mod run;
pub(crate) mod run_table;
pub(crate) mod salvage;
pub(crate) mod segment;
pub(crate) mod segments;
pub(crate) mod select;
pub(crate) mod sets;
pub(crate) mod shared;
pub mod state;
pub(crate) mod strings;
pub(crate) mod tail;
pub(crate) mod waiting;
pub(crate) mod window;
pub(crate) mod writer;
