//! What each op does, given the results of its inputs.

pub mod file;
