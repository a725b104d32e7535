//! Layers that try to reach outside, to be read in two ways, or to cost too much.
//!
//! Each test is an attack that some unpacker of images has fallen for.

mod headers;
mod lengths;
mod paths;
mod whiteouts;

use crate::support::{TestEnv, flat};
use crate::tar::Tar;

/// Checks that the tar is refused for a reason that contains `reason`, and that no blob remains in the store.
#[track_caller]
fn refused(tar: Vec<u8>, reason: &str) {
    let env = TestEnv::new();
    let error = env.layers.import(&mut &tar[..], None).expect_err("the tar must be refused").to_string();
    assert!(error.contains(reason), "{error:?} does not contain {reason:?}");
    let blobs = env.store.root().join("blobs/sha256");
    assert_eq!(std::fs::read_dir(blobs).expect("blobs").count(), 0, "a refused layer left a blob");
}

/// Checks that the tar is accepted, and that its tree is as expected.
#[track_caller]
fn shows(tar: Vec<u8>, expected: &[(&str, &str)]) {
    let env = TestEnv::new();
    let layer = env.layers.import(&mut &tar[..], None).expect("the tar must be accepted");
    let flat = flat(&*env.layers.view(&[layer]).expect("a view"));
    let flat: Vec<(&str, &str)> = flat.iter().map(|(path, shown)| (&path[..], &shown[..])).collect();
    assert_eq!(flat, expected);
}

/// Checks the paths of the tree that the tar leaves on top of a base with `d/victim`, `victim` and `etc/passwd`.
#[track_caller]
fn leaves(tar: Vec<u8>, expected: &[&str]) {
    let env = TestEnv::new();
    let base =
        Tar::default().dir("d").file("d/victim", "v").dir("etc").file("etc/passwd", "p").file("victim", "v");
    let base = env.layers.import(&mut &base.end()[..], None).expect("a base");
    let layer = env.layers.import(&mut &tar[..], None).expect("the tar must be accepted");
    let flat = flat(&*env.layers.view(&[base, layer]).expect("a view"));
    assert_eq!(flat.keys().collect::<Vec<_>>(), expected);
}
