//! Fuzz target that searches for a counterexample to [`fuzz::ignore`].
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| fuzz::ignore::check(input));
