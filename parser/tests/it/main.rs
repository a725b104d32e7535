//! Tests of the crate's public interface.

mod errors;
mod golden;
mod instructions;
mod json;
mod limits;
mod properties;
