//! Kinds of phases: few enough that their colors can be told apart.

use progress::Phase;

/// Kind of work that takes time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// Running the commands of RUN.
    Exec,
    /// Requests to registries and servers, and downloads.
    Network,
    /// Unpacking layers into directories.
    Unpack,
    /// Mounts, namespaces and network of a process.
    Mount,
    /// Hashing the files that a step uses.
    Hash,
    /// Records of results in the cache.
    Cache,
    /// Writing new layers to the store.
    Commit,
    /// Compressing layers for the output.
    Compress,
    /// Writing the output to its destination.
    Write,
    /// Waiting for other builds.
    Lock,
    /// All time that no phase covers.
    Other,
}

impl Group {
    /// All kinds, in the order in which they are shown.
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

    /// Returns the kind of a phase.
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

    /// Returns the name in a trace, which is also the class in a page.
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

    /// Returns an explanation for people.
    pub fn says(self) -> &'static str {
        match self {
            Self::Exec => "commands run",
            Self::Network => "requests to registries and servers, downloads and uploads",
            Self::Unpack => "layers are unpacked for commands",
            Self::Mount => "mounts, namespaces and the network of a command",
            Self::Hash => "files are listed and hashed to find a result in the cache",
            Self::Cache => "records of results are looked up and saved",
            Self::Commit => "changes are found, hashed and written as layers",
            Self::Compress => "layers are compressed for the output",
            Self::Write => "the output is written and synced to disk",
            Self::Lock => "another build runs the same step or holds the cache mount",
            Self::Other => "the Dockerfile is read; time before the first step and between steps",
        }
    }
}
