//! The contract, rule by rule: each test is named after the promise that it keeps.
//! `cargo test --test contract import_contract::` runs one subject.

#[path = "../torture/common/mod.rs"]
mod common;

mod append;
mod clock;
mod cold;
mod compat;
mod copies;
mod damage;
mod differences;
mod files;
mod house;
mod import_between;
mod import_contract;
mod import_look;
mod import_names;
mod import_origin;
mod import_places;
mod import_position;
mod import_reads;
mod import_runs;
mod import_shapes;
mod integrity;
mod live;
mod lookups;
mod noticed;
mod pages;
mod places;
mod query;
mod ranges;
mod recovery;
mod recovery_disk;
mod repair;
mod rooms;
mod runs;
mod sealing;
mod sets;
mod vectors;
mod wait;
mod watch;
