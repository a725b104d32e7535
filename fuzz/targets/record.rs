//! Fuzz target that searches for a counterexample to [`fuzz::record`].
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| fuzz::record::check(input));
