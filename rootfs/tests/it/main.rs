//! Tests of layers through the crate's interface, with a store in a temporary directory.

mod canonical;
mod support;
