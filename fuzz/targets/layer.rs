//! Fuzz target that searches for a counterexample to [`fuzz::layer`].
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| fuzz::layer::check(input));
