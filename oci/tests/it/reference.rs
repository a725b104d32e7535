//! References: the grammar of distribution/reference, and the defaults of Docker Hub.

use oci::Reference;
use proptest::prelude::*;

const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

#[track_caller]
fn check(text: &str, expected: &str, familiar: &str) {
    let reference: Reference = text.parse().unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(reference.to_string(), expected);
    assert_eq!(reference.familiar(), familiar);
    assert_eq!(expected.parse::<Reference>().as_ref(), Ok(&reference), "its full name means something else");
    assert_eq!(
        familiar.parse::<Reference>().as_ref(),
        Ok(&reference),
        "its familiar name means something else"
    );
}

#[test]
fn names_are_completed_with_the_defaults_of_docker_hub() {
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
    // Without `docker.io/` or `library/` these are images of another registry or another repository.
    check("docker.io/er.io/x", "docker.io/er.io/x:latest", "docker.io/er.io/x:latest");
    check("docker.io/localhost/x", "docker.io/localhost/x:latest", "docker.io/localhost/x:latest");
    check("library/a/b", "docker.io/library/a/b:latest", "library/a/b:latest");
}

#[test]
fn a_name_with_a_digest_gets_no_default_tag() {
    let pinned = format!("busybox@{DIGEST}");
    check(&pinned, &format!("docker.io/library/{pinned}"), &pinned);
    let reference: Reference = pinned.parse().expect("valid");
    assert_eq!(reference.tag, None);
}

#[test]
fn a_name_can_have_a_tag_and_a_digest() {
    let both = format!("r.io/x:1@{DIGEST}");
    check(&both, &both, &both);
}

#[track_caller]
fn check_rejected(texts: &[&str]) {
    for text in texts {
        assert!(text.parse::<Reference>().is_err(), "{text:?} was accepted");
    }
}

#[test]
fn empty_parts_are_rejected() {
    check_rejected(&["", ":", "/", "@", ":tag", "x:", "x@", "/x", "x/", "x//y", "r.io/", "r.io//x"]);
}

#[test]
fn malformed_repositories_are_rejected() {
    check_rejected(&["UPPER", "user/UPPER", "x y", "bücher", "r.io/bücher", "x\n", "x\0"]);
    check_rejected(&["evil/../lib", "../x", "./x", "http://r.io/x"]);
}

#[test]
fn misplaced_separators_are_rejected() {
    check_rejected(&["-x", "x-", "_x", "x_", ".x", "x.", "x..y", "x___y", "x._y"]);
}

#[test]
fn malformed_tags_are_rejected() {
    check_rejected(&["x:-tag", "x:.tag", "x:a b", "x:t:u"]);
}

#[test]
fn malformed_registries_are_rejected() {
    check_rejected(&["r.io:port/x", "r.io:/x", "-r.io/x", "r-.io/x", "r..io/x", "[::g]/x", "[::1/x"]);
}

#[test]
fn malformed_digests_are_rejected() {
    check_rejected(&["x@sha256:7", "x@sha512:7", "x@@", "x:1@"]);
    check_rejected(&[&format!("x@{DIGEST}@{DIGEST}"), &format!("x@{}", DIGEST.to_uppercase())]);
}

#[test]
fn names_beyond_the_maximum_length_are_rejected() {
    let tag = format!("x:{}", "t".repeat(129));
    let repository = "x/".repeat(127) + "xx";
    check_rejected(&[&tag, &repository, &"x".repeat(5000)]);
}

#[test]
fn names_of_the_maximum_length_are_accepted() {
    let tag = "t".repeat(128);
    assert!(format!("x:{tag}").parse::<Reference>().is_ok());
    let name = "x/".repeat(127) + "x";
    assert!(name.parse::<Reference>().is_ok());
    // The official image of a name counts with its `library/`.
    assert!("x".repeat(247).parse::<Reference>().is_ok());
    assert!("x".repeat(248).parse::<Reference>().is_err());
}

proptest! {
    #[test]
    fn accepted_names_survive_a_round_trip(text in "[a-zA-Z0-9._:/@\\[\\]-]{0,40}") {
        if let Ok(reference) = text.parse::<Reference>() {
            prop_assert_eq!(reference.to_string().parse::<Reference>(), Ok(reference.clone()));
            prop_assert_eq!(reference.familiar().parse::<Reference>(), Ok(reference));
        }
    }

    #[test]
    fn an_error_has_the_rejected_text(text in ".{0,60}") {
        if let Err(error) = text.parse::<Reference>() {
            prop_assert_eq!(error.text, text);
        }
    }
}
