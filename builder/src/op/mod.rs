//! The operations: each turns the results of its inputs into a layer.

pub mod exec;
pub mod file;
