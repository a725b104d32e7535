//! Fuzz target that searches for a counterexample to [`fuzz::archive`].
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| fuzz::archive::check(input));
