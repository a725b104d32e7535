//! Fuzz target that searches for a counterexample to [`fuzz::reference`].
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| fuzz::reference::check(input));
