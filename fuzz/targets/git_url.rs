//! Fuzz target that searches for a counterexample to [`fuzz::git_url`].
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| fuzz::git_url::check(input));
