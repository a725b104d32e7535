//! Fuzz target that searches for a counterexample to [`fuzz::diff`].
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| fuzz::diff::check(input));
