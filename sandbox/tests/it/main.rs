//! Tests that start sandboxes.
//!
//! They have a runner of their own, because a sandbox's init is the program that starts it: `main` must ask
//! `init_if_asked` first. It understands what `cargo test` and `cargo nextest` pass.

mod calls;
mod ends;
mod env;
mod hostile;
mod outside;
mod probe;
mod runner;
mod sees;

fn main() {
    sandbox::init_if_asked();
    probe::run_if_asked();
    runner::run(&[sees::TESTS, ends::TESTS, hostile::TESTS, outside::TESTS].concat());
}
