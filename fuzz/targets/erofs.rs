//! Fuzz target that searches for a counterexample to [`fuzz::erofs`].
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| fuzz::erofs::check(input));
