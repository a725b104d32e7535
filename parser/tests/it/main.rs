//! The crate from outside.

mod errors;
mod golden;
mod instructions;
mod json;
mod limits;
mod properties;
