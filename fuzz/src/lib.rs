//! Properties that hold for every input, and fuzz targets that search for a counterexample.
//!
//! ```text
//! src/<target>.rs      the property: `check` panics for a counterexample
//! targets/<target>.rs  the search, with libFuzzer and a nightly compiler: `cargo xtask fuzz`
//! corpus/<target>/     inputs that together reach all code reached so far, and every former counterexample
//! tests/               checks the property for the corpus, as an ordinary test with the stable compiler
//! ```
//!
//! A property that only excludes panics finds little. Therefore results are compared with those of a simpler
//! implementation ([`plain`]), with the input that they were made from, and with documented limits.

pub mod archive;
pub mod cdi;
pub mod challenge;
pub mod compression;
pub mod diff;
pub mod documents;
pub mod erofs;
pub mod expand;
pub mod file;
pub mod flags;
pub mod git_url;
pub mod headers;
pub mod heredoc;
pub mod ignore;
pub mod images;
pub mod index;
pub mod layer;
pub mod members;
pub mod plain;
pub mod record;
pub mod reference;
pub mod scratch;
pub mod tree;

/// A property, and the name of its fuzz target and corpus.
pub type Target = (&'static str, fn(&[u8]));

/// All properties, in the order of their names.
pub const TARGETS: [Target; 19] = [
    ("archive", archive::check),
    ("cdi", cdi::check),
    ("challenge", challenge::check),
    ("compression", compression::check),
    ("diff", diff::check),
    ("documents", documents::check),
    ("erofs", erofs::check),
    ("expand", expand::check),
    ("file", file::check),
    ("flags", flags::check),
    ("git_url", git_url::check),
    ("headers", headers::check),
    ("heredoc", heredoc::check),
    ("ignore", ignore::check),
    ("images", images::check),
    ("index", index::check),
    ("layer", layer::check),
    ("record", record::check),
    ("reference", reference::check),
];

/// Separator of the parts of an input. The last part can contain it as well.
const SEPARATOR: char = '\0';

/// Splits an input into `N - 1` parts and the rest; missing parts are empty.
fn parts<const N: usize>(input: &[u8]) -> [String; N] {
    let text = String::from_utf8_lossy(input);
    let mut parts = text.splitn(N, SEPARATOR);
    std::array::from_fn(|_| parts.next().unwrap_or_default().to_owned())
}
