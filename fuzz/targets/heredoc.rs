//! See [`fuzz::heredoc`].
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| fuzz::heredoc::check(input));
