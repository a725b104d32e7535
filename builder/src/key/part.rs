//! The parts that a key is made of, each with a name, so that a miss can say which one changed.

use std::fmt;
use std::str::FromStr;

use graph::ContentHash;

/// Part of a key. Variants are ordered as a miss looks at them: the first that changed is the reason.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// Platform that a process runs on.
    Platform,
    /// Program and arguments of a process.
    Args,
    /// Variable of the environment, by name.
    Env(String),
    /// Working directory of a process.
    WorkingDir,
    /// User of a process, as written.
    User,
    /// Host name that a process sees.
    Hostname,
    /// Names in `--add-host`, without the addresses.
    Hosts,
    /// Mount of a process, by target. The files that it shows are another part.
    Mount(String),
    /// Secrets that a process gets as variables, without their values.
    SecretEnv,
    /// Network of a process.
    Network,
    /// Privileges of a process.
    Security,
    /// Size of `/dev/shm` of a process.
    ShmSize,
    /// Resource limits of a process.
    Ulimits,
    /// Names of the devices of a process.
    Devices,
    /// Change to files (COPY, ADD, WORKDIR), by position in its step.
    Action(usize),
    /// Files that the change at this position copies.
    CopiedFiles(usize),
    /// Files that the mount with this target shows.
    MountedFiles(String),
    /// Layers that the step builds on.
    Base,
    /// Operations of the steps below.
    Recipe,
    /// Marks a process whose changes of owners have no effect, where there is a single user ID.
    SingleId,
    /// Marks an outline: a key without the files that are copied from a context.
    Outline,
}

impl Part {
    /// Reports whether the part is about the files that a step takes from its inputs.
    pub fn is_files(&self) -> bool {
        matches!(self, Self::CopiedFiles(_) | Self::MountedFiles(_))
    }
}

/// The name of the part in records, such as `env PATH`; [`Part::from_str`] reads it.
impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Platform => f.write_str("platform"),
            Self::Args => f.write_str("args"),
            Self::Env(name) => write!(f, "env {name}"),
            Self::WorkingDir => f.write_str("working directory"),
            Self::User => f.write_str("user"),
            Self::Hostname => f.write_str("host name"),
            Self::Hosts => f.write_str("hosts"),
            Self::Mount(target) => write!(f, "mount {target}"),
            Self::SecretEnv => f.write_str("secret variables"),
            Self::Network => f.write_str("network"),
            Self::Security => f.write_str("security"),
            Self::ShmSize => f.write_str("size of /dev/shm"),
            Self::Ulimits => f.write_str("resource limits"),
            Self::Devices => f.write_str("devices"),
            Self::Action(index) => write!(f, "action {index}"),
            Self::CopiedFiles(index) => write!(f, "files-of-action {index}"),
            Self::MountedFiles(target) => write!(f, "files-of-mount {target}"),
            Self::Base => f.write_str("base"),
            Self::Recipe => f.write_str("recipe"),
            Self::SingleId => f.write_str("single user ID"),
            Self::Outline => f.write_str("outline"),
        }
    }
}

/// A record has a part that this version does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownPart;

impl FromStr for Part {
    type Err = UnknownPart;

    fn from_str(text: &str) -> Result<Self, UnknownPart> {
        let plain = [
            Self::Platform,
            Self::Args,
            Self::WorkingDir,
            Self::User,
            Self::Hostname,
            Self::Hosts,
            Self::SecretEnv,
            Self::Network,
            Self::Security,
            Self::ShmSize,
            Self::Ulimits,
            Self::Devices,
            Self::Base,
            Self::Recipe,
            Self::SingleId,
            Self::Outline,
        ];
        if let Some(part) = plain.into_iter().find(|part| part.to_string() == text) {
            return Ok(part);
        }
        let (kind, name) = text.split_once(' ').ok_or(UnknownPart)?;
        let index = || name.parse().map_err(|_| UnknownPart);
        match kind {
            "env" => Ok(Self::Env(name.to_owned())),
            "mount" => Ok(Self::Mount(name.to_owned())),
            "files-of-mount" => Ok(Self::MountedFiles(name.to_owned())),
            "action" => index().map(Self::Action),
            "files-of-action" => index().map(Self::CopiedFiles),
            _ => Err(UnknownPart),
        }
    }
}

/// A byte for the variant, then its name or position.
impl ContentHash for Part {
    fn encode(&self, out: &mut Vec<u8>) {
        let (tag, name): (u8, Option<&String>) = match self {
            Self::Platform => (0, None),
            Self::Args => (1, None),
            Self::Env(name) => (2, Some(name)),
            Self::WorkingDir => (3, None),
            Self::User => (4, None),
            Self::Hostname => (5, None),
            Self::Hosts => (6, None),
            Self::Mount(target) => (7, Some(target)),
            Self::SecretEnv => (8, None),
            Self::Network => (9, None),
            Self::Security => (10, None),
            Self::ShmSize => (11, None),
            Self::Ulimits => (12, None),
            Self::Devices => (13, None),
            Self::Action(index) => {
                out.push(14);
                return index.encode(out);
            }
            Self::CopiedFiles(index) => {
                out.push(15);
                return index.encode(out);
            }
            Self::MountedFiles(target) => (16, Some(target)),
            Self::Base => (17, None),
            Self::Recipe => (18, None),
            Self::Outline => (19, None),
            Self::SingleId => (20, None),
        };
        out.push(tag);
        if let Some(name) = name {
            name.encode(out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_part_is_read_back() {
        let parts = [
            Part::Args,
            Part::WorkingDir,
            Part::Env("A B".to_owned()),
            Part::Env(String::new()),
            Part::Mount("/a b".to_owned()),
            Part::Action(3),
            Part::CopiedFiles(12),
            Part::MountedFiles("/m".to_owned()),
            Part::Recipe,
            Part::SingleId,
        ];
        for part in parts {
            assert_eq!(part.to_string().parse(), Ok(part));
        }
        assert_eq!("op".parse::<Part>(), Err(UnknownPart));
    }
}
