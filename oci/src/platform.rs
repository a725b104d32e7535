//! Platforms: `os/architecture[/variant]`, as in `linux/arm64` or `linux/arm/v7`.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::config::{null_as_default, null_items};

/// The text does not name a platform.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("failed to parse platform {text:?}: expected os/architecture[/variant], as in linux/arm64")]
pub struct PlatformError {
    /// The text that was to be parsed.
    pub text: String,
}

/// The operating system and processor that an image runs on.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Platform {
    /// Processor architecture by its name in Go: `amd64`, `arm64`.
    #[serde(default, deserialize_with = "null_as_default")]
    pub architecture: String,
    /// Operating system by its name in Go: `linux`, `windows`.
    #[serde(default, deserialize_with = "null_as_default")]
    pub os: String,
    /// Version of the architecture, as in `v7` for `arm`; absent for the only or the usual version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// Windows only: the build number, as in `10.0.17763`.
    #[serde(rename = "os.version", default, skip_serializing_if = "Option::is_none")]
    pub os_version: Option<String>,
    /// Windows only: system features that the image requires, as in `win32k`.
    #[serde(
        rename = "os.features",
        default,
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "null_items"
    )]
    pub os_features: Vec<String>,
}

impl Platform {
    /// Returns the platform of this machine.
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

    /// Returns the same platform with `other`'s operating system and architecture where it names none.
    ///
    /// Old builders left them empty. Such an image is taken to be for the platform that it was asked for.
    pub fn or(self, other: &Self) -> Self {
        let filled = |own: String, other: &String| if own.is_empty() { other.clone() } else { own };
        let variant = if self.architecture.is_empty() {
            self.variant.or_else(|| other.variant.clone())
        } else {
            self.variant
        };
        Self {
            os: filled(self.os, &other.os),
            architecture: filled(self.architecture, &other.architecture),
            variant,
            os_version: self.os_version,
            os_features: self.os_features,
        }
    }

    /// Returns the same platform under the names that Go uses: `x86_64` becomes `amd64`, `arm64/v8` becomes `arm64`.
    pub fn normalised(&self) -> Self {
        let os = if self.os.eq_ignore_ascii_case("macos") { "darwin" } else { &self.os };
        let variant =
            self.variant.as_deref().filter(|variant| !variant.is_empty()).map(str::to_ascii_lowercase);
        let (architecture, variant) = normalised(&self.architecture.to_ascii_lowercase(), variant.as_deref());
        Self { os: os.to_ascii_lowercase(), architecture, variant, ..self.clone() }
    }

    /// Returns how far an image for `self` is from a request for `wanted`, or `None` if it does not run there.
    ///
    /// 0 is the requested platform itself. Larger numbers are less capable platforms that the same processors run
    /// as well: for `linux/arm/v7`, `linux/arm/v6` is at 1 and `linux/arm/v5` at 2.
    ///
    /// Source: containerd/platforms, `platformVector`.
    pub fn distance(&self, wanted: &Self) -> Option<usize> {
        let (this, wanted) = (self.normalised(), wanted.normalised());
        if this.os != wanted.os {
            return None;
        }
        let runnable = runnable(&wanted.architecture, wanted.variant.as_deref());
        runnable.iter().position(|(architecture, variant)| {
            *architecture == this.architecture && *variant == this.variant
        })
    }

    /// Reports whether an image for `self` serves a request for `wanted`; an absent variant matches any variant.
    pub fn serves(&self, wanted: &Self) -> bool {
        self.os == wanted.os
            && self.architecture == wanted.architecture
            && (self.variant == wanted.variant || self.variant.is_none() || wanted.variant.is_none())
    }
}

impl FromStr for Platform {
    type Err = PlatformError;

    /// Parses a platform and normalizes its names.
    ///
    /// `x86_64` becomes `amd64`, `aarch64` and `arm64/v8` become `arm64`, `arm` becomes `arm/v7`. A lone operating
    /// system or architecture is completed with that of this machine.
    fn from_str(text: &str) -> Result<Self, PlatformError> {
        let (lower, os_version) = split_os_version(text);
        let words: Vec<&str> = lower.split('/').collect();
        let platform = from_words(&words, os_version).filter(|_| words.iter().all(|word| is_valid(word)));
        platform.ok_or_else(|| PlatformError { text: text.to_owned() })
    }
}

/// Returns `text` in lower case, and apart from it the version in `windows(10.0.17763)/amd64`.
fn split_os_version(text: &str) -> (String, Option<String>) {
    let lower = text.to_ascii_lowercase();
    match (lower.find('('), lower.find(')')) {
        (Some(open), Some(close)) if open < close => {
            let rest = format!("{}{}", &lower[..open], &lower[close + 1..]);
            (rest, Some(text[open + 1..close].to_owned()))
        }
        _ => (lower, None),
    }
}

fn is_valid(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
}

/// Completes the words between the slashes to a platform; `None` if there are too many or one is unknown.
fn from_words(words: &[&str], os_version: Option<String>) -> Option<Platform> {
    let host = Platform::host();
    let (os, architecture, variant) = match *words {
        [os] if is_os(os) => (os, host.architecture.as_str(), None),
        [architecture] => return on_host_os(architecture),
        [os, architecture] => (os, architecture, None),
        [os, architecture, variant] => (os, architecture, Some(variant)),
        _ => return None,
    };
    let os = if os == "macos" { "darwin" } else { os };
    let (architecture, variant) = normalised(architecture, variant);
    Some(Platform { os: os.to_owned(), architecture, variant, os_version, ..Platform::default() })
}

/// Completes a lone architecture with the operating system of this machine; `None` if it is unknown.
fn on_host_os(architecture: &str) -> Option<Platform> {
    let (architecture, variant) = normalised(architecture, None);
    is_architecture(&architecture).then(|| Platform { architecture, variant, ..Platform::host() })
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

/// Returns the architectures and variants whose programs a processor runs, the most capable one first.
///
/// All names are normalized. The list begins with the processor's own architecture and variant.
fn runnable(architecture: &str, variant: Option<&str>) -> Vec<(String, Option<String>)> {
    let level: Option<u8> = variant.and_then(|variant| variant.strip_prefix('v')?.parse().ok());
    let mut runnable = vec![(architecture.to_owned(), variant.map(str::to_owned))];
    match architecture {
        "amd64" => {
            runnable.extend(variants("amd64", 2..level.unwrap_or(1).min(5)));
            runnable.extend(variant.map(|_| ("amd64".to_owned(), None)));
            runnable.push(("386".to_owned(), None));
        }
        "arm" => runnable.extend(variants("arm", 5..level.unwrap_or(5).min(9))),
        "arm64" => {
            runnable.extend(variant.map(|_| ("arm64".to_owned(), None)));
            runnable.extend(variants("arm", 5..9));
        }
        _ => {}
    }
    runnable
}

/// Returns the variants `v<level>` of `architecture`, the highest level first.
fn variants(architecture: &str, levels: Range<u8>) -> impl Iterator<Item = (String, Option<String>)> {
    levels.rev().map(move |level| (architecture.to_owned(), Some(format!("v{level}"))))
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

/// Returns Go's names for an architecture and its variant.
///
/// A name can imply a variant (`armhf` is `arm` `v7`), and the variant that is usual is left out (`amd64` `v1`).
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
