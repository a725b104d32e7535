//! Platforms: the names they are parsed from, and which images run where.

use oci::Platform;

fn parse(text: &str) -> Platform {
    text.parse().unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn names_are_normalized() {
    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(parse(text).to_string(), expected);
        assert_eq!(parse(expected).to_string(), expected, "the normalized name is not stable");
        assert_eq!(parse(text).normalised(), parse(text));
    }
    check("linux/amd64", "linux/amd64");
    check("Linux/AMD64", "linux/amd64");
    check("linux/x86_64", "linux/amd64");
    check("linux/x86-64", "linux/amd64");
    check("linux/amd64/v1", "linux/amd64");
    check("linux/amd64/v3", "linux/amd64/v3");
    check("linux/i386", "linux/386");
    check("linux/aarch64", "linux/arm64");
    check("linux/arm64/v8", "linux/arm64");
    check("linux/arm64/8", "linux/arm64");
    check("linux/arm64/v9", "linux/arm64/v9");
    check("linux/arm", "linux/arm/v7");
    check("linux/arm/7", "linux/arm/v7");
    check("linux/arm/v6", "linux/arm/v6");
    check("linux/arm/5", "linux/arm/v5");
    check("linux/armhf", "linux/arm/v7");
    check("linux/armel", "linux/arm/v6");
    check("macos/arm64", "darwin/arm64");
    check("windows/amd64", "windows/amd64");
    check("linux/riscv64", "linux/riscv64");
    check("freebsd/ppc64le", "freebsd/ppc64le");
}

#[test]
fn a_lone_word_is_completed_from_this_machine() {
    let host = Platform::host();
    assert_eq!(parse("linux"), Platform { os: "linux".to_owned(), ..host.clone() });
    assert_eq!(parse("arm64").to_string(), format!("{}/arm64", host.os));
    assert_eq!(parse("armhf").to_string(), format!("{}/arm/v7", host.os));
    assert_eq!(parse("macos").os, "darwin");
}

#[test]
fn the_build_number_of_windows_is_kept() {
    let platform = parse("windows(10.0.17763)/amd64");
    assert_eq!((platform.os.as_str(), platform.os_version.as_deref()), ("windows", Some("10.0.17763")));
}

#[test]
fn malformed_platforms_are_rejected() {
    for text in [
        "",
        "/",
        "linux/",
        "/amd64",
        "a/b/c/d",
        "nonsense",
        "linux/am d64",
        "linux/amd64/",
        "linux/amd*",
        "li\0nux",
    ] {
        assert!(text.parse::<Platform>().is_err(), "{text:?} was accepted");
    }
}

#[test]
fn distance_ranks_the_platforms_that_a_processor_runs() {
    #[track_caller]
    fn check(image: &str, wanted: &str, expected: Option<usize>) {
        assert_eq!(parse(image).distance(&parse(wanted)), expected, "{image} for {wanted}");
    }
    check("linux/amd64", "linux/amd64", Some(0));
    check("linux/amd64/v2", "linux/amd64", None);
    check("linux/amd64/v3", "linux/amd64/v3", Some(0));
    check("linux/amd64/v2", "linux/amd64/v3", Some(1));
    check("linux/amd64", "linux/amd64/v3", Some(2));
    check("linux/386", "linux/amd64", Some(1));
    check("linux/amd64", "linux/386", None);
    check("linux/arm/v7", "linux/arm/v7", Some(0));
    check("linux/arm/v6", "linux/arm/v7", Some(1));
    check("linux/arm/v5", "linux/arm/v7", Some(2));
    check("linux/arm/v7", "linux/arm/v6", None);
    check("linux/arm64", "linux/arm64", Some(0));
    check("linux/arm/v7", "linux/arm64", Some(2));
    check("linux/arm64", "linux/amd64", None);
    check("windows/amd64", "linux/amd64", None);
    check("linux/s390x", "linux/s390x", Some(0));
}

#[test]
fn distance_normalizes_the_names_in_image_configs() {
    assert_eq!(linux("arm64", Some("v8")).distance(&parse("linux/arm64")), Some(0));
    assert_eq!(linux("arm", None).distance(&parse("linux/arm")), Some(0));
    assert_eq!(linux("amd64", Some("")).distance(&parse("linux/amd64")), Some(0));
    assert_eq!(linux("x86_64", None).normalised(), parse("linux/amd64"));
}

#[test]
fn unknown_levels_of_an_architecture_are_not_ranked() {
    assert_eq!(linux("amd64", Some("v200")).distance(&linux("amd64", Some("v255"))), None);
}

/// A platform as an image config has it, not normalized.
fn linux(architecture: &str, variant: Option<&str>) -> Platform {
    Platform {
        os: "linux".to_owned(),
        architecture: architecture.to_owned(),
        variant: variant.map(str::to_owned),
        ..Platform::default()
    }
}

#[test]
fn an_empty_platform_is_that_of_another() {
    #[track_caller]
    fn check(own: (&str, &str), expected: &str) {
        let platform =
            Platform { os: own.0.to_owned(), architecture: own.1.to_owned(), ..Platform::default() };
        assert_eq!(
            platform.or(&"linux/arm/v7".parse().expect("a platform")).to_string(),
            expected,
            "{own:?}"
        );
    }
    check(("", ""), "linux/arm/v7");
    check(("linux", ""), "linux/arm/v7");
    check(("", "amd64"), "linux/amd64");
    check(("windows", "amd64"), "windows/amd64");
}
