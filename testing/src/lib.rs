//! Fixtures that the tests of several crates share.
//!
//! ```text
//! store     a store in a temporary directory, tars for its layers
//! layout    an OCI image layout in memory
//! registry  a registry that serves such a layout, and can lose blobs
//! http      an HTTP server that answers by a script
//! git       repositories, and git's own HTTP server
//! ```
//!
//! The crate is a development dependency only. Set-up that fails panics, because a test cannot do anything about it.
#![allow(missing_docs)]

pub mod git;
pub mod http;
pub mod layout;
pub mod registry;
pub mod store;

pub use layout::MemoryLayout;
pub use registry::FakeRegistry;
pub use store::{Env, append, append_link, packed, tar};
