//! The `dsbuild` binary.
fn main() {}
