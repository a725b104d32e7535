//! What each op does, given the results of its inputs.

pub mod exec;
pub mod file;
