//! Tests of layers through the crate's interface, with a store in a temporary directory.

#![allow(clippy::print_stdout, reason = "a test that cannot run says why")]

mod canonical;
mod export;
mod extract;
mod foreign;
mod hostile;
mod model;
mod speed;
mod support;
mod tar;
