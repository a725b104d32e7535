//! Tests through the binary: what only the whole can show.
//!
//! Everything runs in folders of its own, with a store of its own, on a base image made of Debian's `busybox-static`.
//! Tests that need root, user namespaces or a package are named `privileged_*` and print SKIP with the reason where
//! they cannot run.

mod build;
mod cache;
mod check;
mod context;
mod device;
mod docs;
mod env;
mod errors;
mod exit_codes;
mod interop;
mod kill;
mod markdown;
mod network;
mod push;
mod remote;
mod reports;
mod reproducible;
mod rootless;
mod run;
mod timings;
mod user;
mod work;
