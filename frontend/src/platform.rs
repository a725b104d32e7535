//! Platforms: how they are written, and which one a stage and an image have.

use oci::{ImageConfig, Platform};

use super::args::Env;
use parser::expand::Variables;

/// `os[(version)]/architecture[/variant]`, the value of `TARGETPLATFORM`.
///
/// Source: containerd/platforms, `FormatAll`.
pub(super) fn full_name(platform: &Platform) -> String {
    let plain = platform.to_string();
    match (&platform.os_version, plain.split_once('/')) {
        (Some(version), Some((os, rest))) => format!("{os}({version})/{rest}"),
        _ => plain,
    }
}

/// What stands before a stage's name where several platforms are built: `linux/amd64`, or
/// `linux/amd64->arm64` in a stage that runs on the one and builds for the other.
pub(super) fn step_prefix(own: &Platform, env: &Env) -> String {
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

/// The target as far as the stage has declared it.
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

/// Puts the platform that was asked for into an image's config.
///
/// Variant, version and features are replaced only where the request has them or OS or architecture
/// change: `linux/arm64` must not take the `v8` or the features of a base image away.
pub(super) fn stamp(config: &mut ImageConfig, wanted: &Platform) {
    let own = &mut config.platform;
    let changed = own.os != wanted.os || own.architecture != wanted.architecture;
    if changed {
        *own = wanted.clone();
        return;
    }
    if wanted.variant.is_some() {
        own.variant.clone_from(&wanted.variant);
    }
    if wanted.os_version.is_some() {
        own.os_version.clone_from(&wanted.os_version);
    }
    if !wanted.os_features.is_empty() {
        own.os_features.clone_from(&wanted.os_features);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Platform {
        text.parse().expect("a platform")
    }

    #[test]
    fn prefix_names_both_platforms_of_a_cross_build() {
        let mut env = Env::default();
        assert_eq!(step_prefix(&parse("linux/amd64"), &env), "linux/amd64");
        env.set("TARGETARCH", "arm64");
        assert_eq!(step_prefix(&parse("linux/amd64"), &env), "linux/amd64->arm64");
        env.set("TARGETPLATFORM", "windows/amd64");
        assert_eq!(step_prefix(&parse("linux/amd64"), &env), "linux/amd64->windows/amd64");
    }

    #[test]
    fn stamp_keeps_what_the_request_leaves_open() {
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
