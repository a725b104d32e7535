//! Image names: the grammar of distribution/reference with Docker Hub's defaults.

use oci::Reference;
use proptest::prelude::*;

const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

#[track_caller]
fn check(text: &str, expected: &str, familiar: &str) {
    let reference: Reference = text.parse().unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(reference.to_string(), expected);
    assert_eq!(reference.familiar(), familiar);
    assert_eq!(expected.parse::<Reference>().as_ref(), Ok(&reference), "its full name names something else");
    assert_eq!(familiar.parse::<Reference>().as_ref(), Ok(&reference), "its short name names something else");
}

#[test]
fn names_are_completed() {
    check("busybox", "docker.io/library/busybox:latest", "busybox:latest");
    check("busybox:1.36", "docker.io/library/busybox:1.36", "busybox:1.36");
    check("user/app", "docker.io/user/app:latest", "user/app:latest");
    check("docker.io/busybox", "docker.io/library/busybox:latest", "busybox:latest");
    check("docker.io/library/busybox", "docker.io/library/busybox:latest", "busybox:latest");
    check("index.docker.io/user/app:2", "docker.io/user/app:2", "user/app:2");
    check("library/busybox", "docker.io/library/busybox:latest", "busybox:latest");
    check("localhost/app", "localhost/app:latest", "localhost/app:latest");
    check("localhost:5000/app:t", "localhost:5000/app:t", "localhost:5000/app:t");
    check("ghcr.io/a/b/c:v1.2_3-x", "ghcr.io/a/b/c:v1.2_3-x", "ghcr.io/a/b/c:v1.2_3-x");
    check("127.0.0.1:5000/x", "127.0.0.1:5000/x:latest", "127.0.0.1:5000/x:latest");
    check("[::1]:5000/x", "[::1]:5000/x:latest", "[::1]:5000/x:latest");
    check("Host/x", "Host/x:latest", "Host/x:latest");
    check("a__b/c--d.e", "docker.io/a__b/c--d.e:latest", "a__b/c--d.e:latest");
}

#[test]
fn digests_pin() {
    let pinned = format!("busybox@{DIGEST}");
    check(&pinned, &format!("docker.io/library/{pinned}"), &pinned);
    let both = format!("r.io/x:1@{DIGEST}");
    check(&both, &both, &both);
    let reference: Reference = pinned.parse().expect("valid");
    assert_eq!(reference.tag, None);
}

#[test]
fn nonsense_is_refused() {
    #[track_caller]
    fn refused(text: &str) {
        assert!(text.parse::<Reference>().is_err(), "{text:?} was taken");
    }
    let long_tag = format!("x:{}", "t".repeat(129));
    let long_name = "x/".repeat(127) + "xx";
    for text in [
        "",
        ":",
        "/",
        "@",
        ":tag",
        "x:",
        "x@",
        "/x",
        "x/",
        "x//y",
        "UPPER",
        "user/UPPER",
        "x:-tag",
        "x:.tag",
        "x:a b",
        "x y",
        "x:t:u",
        "-x",
        "x-",
        "_x",
        "x_",
        ".x",
        "x.",
        "x..y",
        "x___y",
        "x._y",
        "evil/../lib",
        "../x",
        "./x",
        "r.io/",
        "r.io//x",
        "r.io:port/x",
        "r.io:/x",
        "-r.io/x",
        "r-.io/x",
        "r..io/x",
        "[::g]/x",
        "[::1/x",
        "http://r.io/x",
        "bücher",
        "r.io/bücher",
        "x\n",
        "x\0",
        "x@sha256:7",
        "x@sha512:7",
        "x@@",
        "x:1@",
    ] {
        refused(text);
    }
    refused(&long_tag);
    refused(&long_name);
    refused(&"x".repeat(5000));
    refused(&format!("x@{DIGEST}@{DIGEST}"));
    refused(&format!("x@{}", DIGEST.to_uppercase()));
}

#[test]
fn the_longest_names_are_taken() {
    let tag = "t".repeat(128);
    assert!(format!("x:{tag}").parse::<Reference>().is_ok());
    let name = "x/".repeat(127) + "x";
    assert!(name.parse::<Reference>().is_ok());
}

proptest! {
    #[test]
    fn what_is_taken_comes_back(text in "[a-zA-Z0-9._:/@\\[\\]-]{0,40}") {
        if let Ok(reference) = text.parse::<Reference>() {
            prop_assert_eq!(reference.to_string().parse::<Reference>(), Ok(reference.clone()));
            prop_assert_eq!(reference.familiar().parse::<Reference>(), Ok(reference));
        }
    }

    #[test]
    fn no_text_makes_it_panic(text in ".{0,60}") {
        let _ = text.parse::<Reference>();
    }
}
