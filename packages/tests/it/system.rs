//! Packages of dpkg and apk.

use std::path::Path;

use packages::find;
use trees::memory_tree::MemoryTree;

use crate::support::{inventory, lines};

const STATUS: &str = "\
Package: libssl3t64
Status: install ok installed
Maintainer: Debian OpenSSL Team <openssl@example.org>
Architecture: amd64
Source: openssl (3.5.1-1)
Version: 3.5.1-1+b1
Description: toolkit
 Package: not-a-package
Conffiles:
 /etc/ssl/openssl.cnf 0123

Package: curl
Status: deinstall ok config-files
Architecture: amd64
Version: 8.14

Package: bash
Essential: yes
Status: install ok installed
Architecture: amd64
Version: 5.2.37-2
";

const OS_RELEASE: &[u8] = b"PRETTY_NAME=\"Debian\"\nID=debian\nVERSION_ID=\"13\"\n";

#[test]
fn installed_packages_of_dpkg_are_listed() {
    let found = inventory(&[("var/lib/dpkg/status", STATUS.as_bytes()), ("etc/os-release", OS_RELEASE)]);
    assert_eq!(lines(&found), ["dpkg bash 5.2.37-2 amd64", "dpkg libssl3t64 3.5.1-1+b1 amd64"]);
    let openssl = &found.packages[1];
    let source = openssl.source.as_ref().expect("a source package");
    assert_eq!((source.name.as_str(), source.version.as_deref()), ("openssl", Some("3.5.1-1")));
    assert_eq!(openssl.purl, "pkg:deb/debian/libssl3t64@3.5.1-1%2Bb1?arch=amd64&distro=debian-13");
    assert_eq!(openssl.supplier.as_deref(), Some("Debian OpenSSL Team <openssl@example.org>"));
    assert_eq!(openssl.location, Path::new("var/lib/dpkg/status"));
}

#[test]
fn distroless_images_have_a_file_for_each_package() {
    let found = inventory(&[
        ("var/lib/dpkg/status.d/base", b"Package: base-files\nVersion: 13\nArchitecture: all\n"),
        ("var/lib/dpkg/status.d/base.md5sums", b"0123  usr/lib/os-release\n"),
        ("var/lib/dpkg/status.d/tzdata", b"Package: tzdata\nVersion: 2026a\n"),
    ]);
    assert_eq!(lines(&found), ["dpkg base-files 13 all", "dpkg tzdata 2026a -"]);
}

#[test]
fn packages_of_apk_are_listed() {
    let installed =
        b"C:Q1abc=\nP:musl\nV:1.2.5-r1\nA:x86_64\nL:MIT\no:musl\nm:A <a@example.org>\nF:lib\nR:ld.so\n\n\
        P:busybox\nV:1.37.0-r8\nA:x86_64\nL:GPL-2.0-only\n\n";
    let found = inventory(&[
        ("lib/apk/db/installed", installed),
        ("usr/lib/os-release", b"ID=alpine\nVERSION_ID=3.22.1\n"),
    ]);
    assert_eq!(lines(&found), ["apk busybox 1.37.0-r8 x86_64", "apk musl 1.2.5-r1 x86_64"]);
    assert_eq!(found.packages[1].license.as_deref(), Some("MIT"));
    assert_eq!(found.packages[1].purl, "pkg:apk/alpine/musl@1.2.5-r1?arch=x86_64&distro=alpine-3.22.1");
}

#[test]
fn a_database_behind_symlinks_is_read_once() {
    let installed = b"P:musl\nV:1\n\n";
    let tree = MemoryTree::new().file("usr/lib/apk/db/installed", installed).link("lib", "usr/lib");
    assert_eq!(lines(&find(&tree).expect("read")), ["apk musl 1 -"]);
}

#[test]
fn an_image_without_package_managers_has_no_packages() {
    let found = inventory(&[("bin/app", b"\x7fELF")]);
    assert_eq!((found.packages.len(), found.problems.len()), (0, 0));
}
