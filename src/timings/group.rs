//! Phases by what they have in common: few enough to tell their colours apart.

use progress::Phase;

/// What time goes into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// The commands of RUN.
    Exec,
    /// Asking registries and servers, and fetching.
    Network,
    /// Trees of layers.
    Unpack,
    /// Around a process: mounts, namespaces, its network.
    Mount,
    /// Keys: the files that a step takes.
    Hash,
    /// Records of results.
    Cache,
    /// New layers.
    Commit,
    /// Layers for the output.
    Compress,
    /// The output.
    Write,
    /// Other builds.
    Lock,
    /// The rest.
    Other,
}

impl Group {
    /// All, in the order that they are shown in.
    pub const ALL: [Self; 11] = [
        Self::Exec,
        Self::Network,
        Self::Unpack,
        Self::Mount,
        Self::Hash,
        Self::Cache,
        Self::Commit,
        Self::Compress,
        Self::Write,
        Self::Lock,
        Self::Other,
    ];

    /// The group of a phase.
    pub fn of(phase: Phase) -> Self {
        match phase {
            Phase::Exec => Self::Exec,
            Phase::Resolve | Phase::Fetch | Phase::Push => Self::Network,
            Phase::Unpack => Self::Unpack,
            Phase::Mount | Phase::Connect | Phase::Unmount => Self::Mount,
            Phase::Scan | Phase::Hash => Self::Hash,
            Phase::Lookup | Phase::Record => Self::Cache,
            Phase::Copy | Phase::Commit => Self::Commit,
            Phase::Compress => Self::Compress,
            Phase::Assemble | Phase::Write | Phase::Publish => Self::Write,
            Phase::Lock => Self::Lock,
            _ => Self::Other,
        }
    }

    /// One word: its name in a trace, and its class in a page.
    pub fn name(self) -> &'static str {
        match self {
            Self::Exec => "exec",
            Self::Network => "network",
            Self::Unpack => "unpack",
            Self::Mount => "mount",
            Self::Hash => "hash",
            Self::Cache => "cache",
            Self::Commit => "commit",
            Self::Compress => "compress",
            Self::Write => "write",
            Self::Lock => "lock",
            Self::Other => "other",
        }
    }

    /// What it is, for people.
    pub fn says(self) -> &'static str {
        match self {
            Self::Exec => "commands run",
            Self::Network => "names are resolved, images and files fetched",
            Self::Unpack => "layers become trees that a command can stand on",
            Self::Mount => "mounts, namespaces and the network of a command",
            Self::Hash => "files are listed and hashed, to look for a result in the cache",
            Self::Cache => "records of results are looked for and kept",
            Self::Commit => "changes are found, hashed and written as layers",
            Self::Compress => "layers are compressed for the output",
            Self::Write => "the output is written and put on disk for good",
            Self::Lock => "another build makes the same, or has the cache mount",
            Self::Other => "the Dockerfile is read; what is before the first step and between steps",
        }
    }
}
