//! Harnesses that attack the promises: crashes, faults, damage, other processes, threads.
//! `cargo test --profile torture --test torture crash::` runs one of them.

mod common;

mod corruption;
mod crash;
mod faults;
mod model;
mod power;
mod processes;
mod space;
mod threads;
mod topology;
