//! Tests of layers through the public interface of the crate, with a store in a temporary directory.

#![allow(clippy::print_stdout, reason = "a test that cannot run says why")]
#![allow(clippy::disallowed_methods, reason = "tests damage stores on purpose")]

mod byte_code;
mod canonical;
mod changed_sources;
mod damaged_index;
mod export;
mod extract;
mod foreign;
mod holes;
mod hostile;
mod model;
mod speed;
mod support;
mod tar;
