//! Fuzz target that searches for a counterexample to [`fuzz::index`].
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| fuzz::index::check(input));
