//! Tests of containers and logs from outside, without running a process in a container.

#![expect(clippy::print_stdout, reason = "a test that cannot run here says why")]

mod containers;
mod log;
mod roots;
mod support;
