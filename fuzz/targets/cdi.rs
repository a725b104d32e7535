//! Fuzz target that searches for a counterexample to [`fuzz::cdi`].
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| fuzz::cdi::check(input));
