//! Parsing of names and documents: which input is accepted or rejected, and that a round trip loses nothing.

mod config;
mod digest;
mod document;
mod platform;
mod reference;
mod validate;
