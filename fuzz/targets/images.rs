//! Fuzz target that searches for a counterexample to [`fuzz::images`].
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| fuzz::images::check(input));
