//! Fuzz target that searches for a counterexample to [`fuzz::documents`].
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| fuzz::documents::check(input));
