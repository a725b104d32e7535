//! Fuzz target that searches for a counterexample to [`fuzz::flags`].
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| fuzz::flags::check(input));
