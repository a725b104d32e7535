//! Packages of Python, conda, R and Node.js, which can be in any directory.

use std::path::Path;

use crate::support::{inventory, lines, reasons};

#[test]
fn python_distributions_are_found_in_every_form() {
    let found = inventory(&[
        ("usr/lib/python3/dist-packages/PyYAML-6.0.2.egg-info/PKG-INFO", b"Name: PyYAML\nVersion: 6.0.2\n"),
        ("usr/lib/python3/dist-packages/six-1.17.0.egg-info", b"Name: six\nVersion: 1.17.0\n"),
        (
            "opt/venv/lib/python3.13/site-packages/zope_event-5.0.dist-info/METADATA",
            b"Name: zope_event\nVersion: 5.0\n",
        ),
        ("opt/venv/lib/python3.13/site-packages/broken-1.dist-info/RECORD", b""),
    ]);
    assert_eq!(lines(&found), ["pip PyYAML 6.0.2 -", "pip six 1.17.0 -", "pip zope_event 5.0 -"]);
    assert_eq!(found.packages[2].purl, "pkg:pypi/zope-event@5.0");
    let location = "opt/venv/lib/python3.13/site-packages/zope_event-5.0.dist-info/METADATA";
    assert_eq!(found.packages[2].location, Path::new(location));
}

#[test]
fn one_package_in_two_environments_is_listed_twice() {
    let metadata = b"Name: numpy\nVersion: 2.3.0\n";
    let found = inventory(&[
        ("a/numpy-2.3.0.dist-info/METADATA", metadata),
        ("b/numpy-2.3.0.dist-info/METADATA", metadata),
    ]);
    assert_eq!(lines(&found), ["pip numpy 2.3.0 -", "pip numpy 2.3.0 -"]);
}

#[test]
fn packages_of_conda_are_listed_with_their_build() {
    let record = br#"{"name":"numpy","version":"2.3.0","build":"py313h17eae1a_0","subdir":"linux-64",
        "channel":"https://conda.anaconda.org/conda-forge/linux-64","license":"BSD-3-Clause","files":["a"]}"#;
    let found = inventory(&[
        ("opt/conda/conda-meta/numpy-2.3.0.json", record),
        ("opt/conda/conda-meta/history", b"==> 2026 <=="),
        ("opt/conda/conda-meta/bad.json", b"{\"name\":"),
    ]);
    assert_eq!(lines(&found), ["conda numpy 2.3.0 linux-64"]);
    assert_eq!(
        found.packages[0].purl,
        "pkg:conda/numpy@2.3.0?build=py313h17eae1a_0&channel=conda-forge&subdir=linux-64"
    );
    assert!(
        reasons(&found)[0]
            .starts_with("cannot list the packages of /opt/conda/conda-meta/bad.json: it is damaged")
    );
}

#[test]
fn only_installed_packages_of_r_count() {
    let installed =
        b"Package: ggplot2\nVersion: 3.5.2\nLicense: MIT + file LICENSE\nBuilt: R 4.5.0; ; 2026; unix\n";
    let found = inventory(&[
        ("usr/local/lib/R/site-library/ggplot2/DESCRIPTION", installed),
        ("src/ggplot2/DESCRIPTION", b"Package: ggplot2\nVersion: 4.0.0\n"),
        ("doc/DESCRIPTION", b"Anything at all"),
    ]);
    assert_eq!(lines(&found), ["r ggplot2 3.5.2 -"]);
    assert_eq!(found.packages[0].purl, "pkg:cran/ggplot2@3.5.2");
    assert_eq!(found.packages[0].license.as_deref(), Some("MIT + file LICENSE"));
}

#[test]
fn packages_of_node_are_listed_where_they_are_installed() {
    let found = inventory(&[
        (
            "app/node_modules/left-pad/package.json",
            br#"{"name":"left-pad","version":"1.3.0","license":"WTFPL"}"#,
        ),
        ("app/node_modules/@types/node/package.json", br#"{"name":"@types/node","version":"24.0.1"}"#),
        ("app/node_modules/left-pad/test/package.json", br#"{"name":"test","version":"1.0.0"}"#),
        ("app/node_modules/.bin/package.json", br#"{"name":"bin","version":"1.0.0"}"#),
        ("app/package.json", br#"{"name":"app","version":"1.0.0"}"#),
    ]);
    assert_eq!(lines(&found), ["npm @types/node 24.0.1 -", "npm left-pad 1.3.0 -"]);
}
