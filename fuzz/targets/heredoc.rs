//! Fuzz target that searches for a counterexample to [`fuzz::heredoc`].
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| fuzz::heredoc::check(input));
