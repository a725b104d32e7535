//! What holds for any input, whatever it is: what the fuzz targets look for an exception to.
//!
//! ```text
//! src/<target>.rs      the property: `check` panics where it does not hold
//! targets/<target>.rs  looks for such an input (libFuzzer, a nightly compiler): `cargo xtask fuzz`
//! corpus/<target>/     inputs that reach all the code that was ever reached, and each that once was a finding
//! tests/               the property holds for the corpus: runs with all other tests, on the stable compiler
//! ```
//!
//! A property that says no more than "no panic" finds little. So results are compared with what another, plainer way
//! gives ([`plain`]), with what they were made of, and with the bounds that are promised.

pub mod expand;
pub mod file;
pub mod flags;
pub mod heredoc;
pub mod ignore;
pub mod plain;

/// A property, by the name of its target and corpus.
pub type Target = (&'static str, fn(&[u8]));

/// All of them.
pub const TARGETS: [Target; 5] = [
    ("expand", expand::check),
    ("file", file::check),
    ("flags", flags::check),
    ("heredoc", heredoc::check),
    ("ignore", ignore::check),
];

/// What stands between the parts of an input that has several. Texts of the parser may hold it as well, so the last
/// part is the rest, whatever it holds.
const SEPARATOR: char = '\0';

/// The first `N - 1` parts of an input, and the rest; what is missing is empty.
fn parts<const N: usize>(input: &[u8]) -> [String; N] {
    let text = String::from_utf8_lossy(input);
    let mut parts = text.splitn(N, SEPARATOR);
    std::array::from_fn(|_| parts.next().unwrap_or_default().to_owned())
}
