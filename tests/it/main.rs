//! Tests that run the binary: behaviors that only the whole program shows.
//!
//! Each test has a directory and a store of its own, and a base image made of Debian's `busybox-static`. Tests that need
//! root, user namespaces or a package are named `privileged_*`. Where they cannot run they print `SKIP` and the reason;
//! `cargo xtask test` counts these lines, and continuous integration forbids them.
//!
//! ```text
//! env       directory, store and base image of a test      registry  a registry      servers  HTTP and git
//! gate      a token server in front of a registry
//! user      users made for a test
//! ```

mod attestations;
mod bake;
mod build;
mod cache;
mod check;
mod command_line;
mod containers;
mod context;
mod contexts;
mod device;
mod docs;
mod env;
mod errors;
mod exit_codes;
mod finished;
mod gate;
mod images;
mod interop;
mod interop_oci;
mod isolation;
mod kill;
mod limits;
mod markdown;
mod network;
mod platforms;
mod push;
mod registries;
mod registry;
mod reports;
mod reproducible;
mod rootless;
mod run;
mod secrets;
mod servers;
mod terminal;
mod threads;
mod timings;
mod user;
mod versions;
mod work;
