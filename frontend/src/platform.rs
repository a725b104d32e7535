//! Platforms: their names in variables and step names, and the platform in an image config.

use oci::{ImageConfig, Platform};

use parser::expand::Variables;

use crate::env::Env;

/// Returns `os[(version)]/architecture[/variant]`, the value of `TARGETPLATFORM`.
///
/// Source: containerd/platforms, `FormatAll`.
pub(crate) fn full_name(platform: &Platform) -> String {
    let plain = platform.to_string();
    match (&platform.os_version, plain.split_once('/')) {
        (Some(version), Some((os, rest))) => format!("{os}({version})/{rest}"),
        _ => plain,
    }
}

/// Returns the prefix of step names in a build for several platforms: `linux/amd64`, or `linux/amd64->arm64` for a stage
/// that runs on one platform and builds for another.
pub(crate) fn step_prefix(own: &Platform, env: &Env) -> String {
    let own_name = own.to_string();
    let Some(target) = target_of(env) else { return own_name };
    if target == own_name {
        return own_name;
    }
    match target.strip_prefix(&format!("{}/", own.os)) {
        Some(architecture) => format!("{own_name}->{architecture}"),
        None => format!("{own_name}->{target}"),
    }
}

/// Returns the target platform if the stage declares the variables that name it.
fn target_of(env: &Env) -> Option<String> {
    if let Some(platform) = env.value("TARGETPLATFORM") {
        return platform.parse::<Platform>().ok().map(|platform| platform.to_string());
    }
    let os = env.value("TARGETOS").unwrap_or("linux");
    let architecture = env.value("TARGETARCH")?;
    let variant = env.value("TARGETVARIANT").filter(|variant| !variant.is_empty());
    let text = [Some(os), Some(architecture), variant].into_iter().flatten().collect::<Vec<_>>().join("/");
    text.parse::<Platform>().ok().map(|platform| platform.to_string())
}

/// Writes the requested platform into an image config.
///
/// Variant, version and features of the base image stay if the request leaves them open and has the same OS and
/// architecture: `linux/arm64` must not remove the `v8` of a base image.
pub(crate) fn stamp(config: &mut ImageConfig, requested: &Platform) {
    let own = &mut config.platform;
    if own.os != requested.os || own.architecture != requested.architecture {
        *own = requested.clone();
        return;
    }
    if requested.variant.is_some() {
        own.variant.clone_from(&requested.variant);
    }
    if requested.os_version.is_some() {
        own.os_version.clone_from(&requested.os_version);
    }
    if !requested.os_features.is_empty() {
        own.os_features.clone_from(&requested.os_features);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::origin::ValueOrigin;

    fn parse(text: &str) -> Platform {
        text.parse().expect("a platform")
    }

    #[test]
    fn the_prefix_names_both_platforms_of_a_cross_build() {
        let mut env = Env::default();
        assert_eq!(step_prefix(&parse("linux/amd64"), &env), "linux/amd64");
        env.set("TARGETARCH", "arm64", ValueOrigin::Predefined);
        assert_eq!(step_prefix(&parse("linux/amd64"), &env), "linux/amd64->arm64");
        env.set("TARGETPLATFORM", "windows/amd64", ValueOrigin::Predefined);
        assert_eq!(step_prefix(&parse("linux/amd64"), &env), "linux/amd64->windows/amd64");
    }

    #[test]
    fn the_stamp_keeps_parts_that_the_request_leaves_open() {
        let mut config = ImageConfig { platform: parse("linux/arm/v6"), ..ImageConfig::default() };
        config.platform.os_version = Some("1".to_owned());
        stamp(&mut config, &Platform { variant: None, ..parse("linux/arm/v7") });
        assert_eq!(config.platform.variant.as_deref(), Some("v6"));
        stamp(&mut config, &parse("linux/arm/v7"));
        assert_eq!(config.platform.variant.as_deref(), Some("v7"));
        assert_eq!(config.platform.os_version.as_deref(), Some("1"));
        stamp(&mut config, &parse("linux/amd64"));
        assert_eq!(config.platform, parse("linux/amd64"));
    }
}
