//! Fuzz target that searches for a counterexample to [`fuzz::expand`].
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| fuzz::expand::check(input));
