//! Platforms: `os/architecture[/variant]`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A string that should have named a platform and does not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("failed to parse platform {text:?}: expected os/architecture[/variant], as in linux/arm64")]
pub struct PlatformError {
    /// The text as it was given.
    pub text: String,
}

/// What an image runs on.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Platform {
    /// `amd64`, `arm64`, ... as Go names them.
    #[serde(default)]
    pub architecture: String,
    /// `linux`, ...
    #[serde(default)]
    pub os: String,
    /// `v7`, `v8`, ...; absent where the architecture has one only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// Windows' build number.
    #[serde(rename = "os.version", default, skip_serializing_if = "Option::is_none")]
    pub os_version: Option<String>,
    /// Windows' features.
    #[serde(rename = "os.features", default, skip_serializing_if = "Vec::is_empty")]
    pub os_features: Vec<String>,
}

impl Platform {
    /// The platform of this machine.
    pub fn host() -> Self {
        let architecture = match std::env::consts::ARCH {
            "x86_64" => "amd64",
            "aarch64" => "arm64",
            "x86" => "386",
            "riscv64" => "riscv64",
            "powerpc64" => "ppc64le",
            other => other,
        };
        Self { os: "linux".to_owned(), architecture: architecture.to_owned(), ..Self::default() }
    }

    /// The same platform by the names that Go and images use: `x86_64` is `amd64`, `arm64/v8` is `arm64`.
    pub fn normalised(&self) -> Self {
        let os = if self.os.eq_ignore_ascii_case("macos") { "darwin" } else { &self.os };
        let variant =
            self.variant.as_deref().filter(|variant| !variant.is_empty()).map(str::to_ascii_lowercase);
        let (architecture, variant) = normalised(&self.architecture.to_ascii_lowercase(), variant.as_deref());
        Self { os: os.to_ascii_lowercase(), architecture, variant, ..self.clone() }
    }

    /// How far an image for `self` is from what `wanted` asks for: 0 is the very platform, larger is a lesser one
    /// that its processors run as well, `None` one that they do not run.
    ///
    /// Source: containerd/platforms, `platformVector`.
    pub fn distance(&self, wanted: &Self) -> Option<usize> {
        let (this, wanted) = (self.normalised(), wanted.normalised());
        if this.os != wanted.os {
            return None;
        }
        let runs = runnable(&wanted.architecture, wanted.variant.as_deref());
        runs.iter().position(|(architecture, variant)| {
            *architecture == this.architecture && *variant == this.variant
        })
    }

    /// True if an image for `self` serves a request for `wanted` (variants compared loosely:
    /// an absent variant serves any).
    pub fn serves(&self, wanted: &Self) -> bool {
        self.os == wanted.os
            && self.architecture == wanted.architecture
            && (self.variant == wanted.variant || self.variant.is_none() || wanted.variant.is_none())
    }
}

impl FromStr for Platform {
    type Err = PlatformError;

    /// Parses and normalises: `x86_64` is `amd64`, `aarch64` is `arm64`, `arm64/v8` is `arm64`,
    /// `arm` is `arm/v7`, a lone OS or architecture is completed from this machine.
    fn from_str(text: &str) -> Result<Self, PlatformError> {
        let error = || PlatformError { text: text.to_owned() };
        let valid = |part: &str| {
            !part.is_empty()
                && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
        };
        let lower = text.to_ascii_lowercase();
        // `os(version)/arch` names a Windows build; the version is kept.
        let (lower, os_version) = match (lower.find('('), lower.find(')')) {
            (Some(open), Some(close)) if open < close => {
                (format!("{}{}", &lower[..open], &lower[close + 1..]), Some(text[open + 1..close].to_owned()))
            }
            _ => (lower, None),
        };
        let parts: Vec<&str> = lower.split('/').collect();
        if parts.len() > 3 || !parts.iter().all(|part| valid(part)) {
            return Err(error());
        }
        let host = Self::host();
        let (os, architecture, variant) = match parts[..] {
            [one] if is_os(one) => (one.to_owned(), host.architecture, None),
            [one] => {
                let (architecture, variant) = normalised(one, None);
                if !is_architecture(&architecture) {
                    return Err(error());
                }
                return Ok(Self { os: host.os, architecture, variant, ..Self::default() });
            }
            [os, architecture] => (os.to_owned(), architecture.to_owned(), None),
            [os, architecture, variant] => (os.to_owned(), architecture.to_owned(), Some(variant)),
            _ => return Err(error()),
        };
        let os = if os == "macos" { "darwin".to_owned() } else { os };
        let (architecture, variant) = normalised(&architecture, variant);
        Ok(Self { os, architecture, variant, os_version, ..Self::default() })
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        match &self.variant {
            Some(variant) => write!(f, "/{variant}"),
            None => Ok(()),
        }
    }
}

/// What a processor runs, best first; names are normalised.
fn runnable(architecture: &str, variant: Option<&str>) -> Vec<(String, Option<String>)> {
    let level = |variant: Option<&str>| variant.and_then(|v| v.strip_prefix('v')?.parse::<u8>().ok());
    let named = |level: u8| Some(format!("v{level}"));
    let mut all = vec![(architecture.to_owned(), variant.map(str::to_owned))];
    match architecture {
        "amd64" => {
            let below = (2..level(variant).unwrap_or(1).min(5)).rev();
            all.extend(below.map(|level| ("amd64".to_owned(), named(level))));
            if variant.is_some() {
                all.push(("amd64".to_owned(), None));
            }
            all.push(("386".to_owned(), None));
        }
        "arm" => {
            all.extend((5..level(variant).unwrap_or(5).min(9)).rev().map(|v| ("arm".to_owned(), named(v))))
        }
        "arm64" => {
            if variant.is_some() {
                all.push(("arm64".to_owned(), None));
            }
            all.extend((5..9).rev().map(|v| ("arm".to_owned(), named(v))));
        }
        _ => {}
    }
    all
}

fn is_os(word: &str) -> bool {
    matches!(
        word,
        "linux" | "windows" | "darwin" | "macos" | "freebsd" | "netbsd" | "openbsd" | "solaris" | "wasip1"
    )
}

fn is_architecture(word: &str) -> bool {
    matches!(
        word,
        "amd64"
            | "386"
            | "arm"
            | "arm64"
            | "loong64"
            | "mips"
            | "mips64"
            | "mips64le"
            | "mipsle"
            | "ppc64"
            | "ppc64le"
            | "riscv64"
            | "s390x"
            | "wasm"
    )
}

/// Go's names, with the variant that a name implies.
///
/// Source: containerd/platforms, `normalizeArch`.
fn normalised(architecture: &str, variant: Option<&str>) -> (String, Option<String>) {
    let (architecture, variant) = match (architecture, variant) {
        ("i386", _) => ("386", None),
        ("x86_64" | "x86-64" | "amd64", Some("v1") | None) => ("amd64", None),
        ("x86_64" | "x86-64" | "amd64", variant) => ("amd64", variant),
        ("aarch64" | "arm64", Some("8" | "v8") | None) => ("arm64", None),
        ("aarch64" | "arm64", variant) => ("arm64", variant),
        ("armhf", _) => ("arm", Some("v7")),
        ("armel", _) => ("arm", Some("v6")),
        ("arm", None | Some("" | "7")) => ("arm", Some("v7")),
        ("arm", Some("5")) => ("arm", Some("v5")),
        ("arm", Some("6")) => ("arm", Some("v6")),
        ("arm", Some("8")) => ("arm", Some("v8")),
        other => other,
    };
    (architecture.to_owned(), variant.map(str::to_owned))
}
