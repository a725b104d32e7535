//! Fuzz target that searches for a counterexample to [`fuzz::file`].
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| fuzz::file::check(input));
