//! Tests of the store from outside, with several handles, threads and processes.

#![expect(clippy::print_stdout, reason = "a test that cannot run here says why")]
#![allow(clippy::disallowed_methods, reason = "tests damage stores on purpose")]

mod blobs;
mod check;
mod full;
mod gc;
mod hammer;
mod leftovers;
mod mounts;
mod names;
mod notes;
mod partial;
mod planted;
mod records;
mod roots;
mod stat_cache;
mod steps;
mod structure;
mod support;
mod verified;
mod versions;
