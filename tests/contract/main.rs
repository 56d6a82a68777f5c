//! The contract, rule by rule: each test is named after the promise that it keeps.
//! `cargo test --test contract import_contract::` runs one subject.

#[path = "../torture/common/mod.rs"]
mod common;

mod append;
mod clock;
mod compat;
mod copies;
mod files;
mod house;
mod import_contract;
mod live;
mod places;
mod query;
mod recovery;
mod repair;
mod rooms;
mod runs;
mod vectors;
mod watch;
