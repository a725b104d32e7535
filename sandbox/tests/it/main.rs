//! Tests that start sandboxes.
//!
//! ```text
//! env           a root file system with busybox, and running processes in it
//! probe         this program as the process in a sandbox, for things that busybox cannot do; system_calls: one of them
//! runner        the test runner
//! view, files, requested_mounts, lifetime, joining, boundary, groups, hostile, rootless_and_network    the tests
//! ```
//!
//! The tests have a runner of their own, because a sandbox executes the program that starts it: `main` has to call
//! `init_if_asked` first. The runner understands the arguments of `cargo test` and `cargo nextest`.

mod boundary;
mod env;
mod files;
mod groups;
mod hostile;
mod joining;
mod lifetime;
mod probe;
mod requested_mounts;
mod rootless_and_network;
mod runner;
mod system_calls;
mod view;

fn main() {
    sandbox::init_if_asked();
    probe::run_if_asked();
    runner::run(
        &[
            view::TESTS,
            files::TESTS,
            requested_mounts::TESTS,
            lifetime::TESTS,
            joining::TESTS,
            boundary::TESTS,
            groups::TESTS,
            hostile::TESTS,
            rootless_and_network::TESTS,
        ]
        .concat(),
    );
}
