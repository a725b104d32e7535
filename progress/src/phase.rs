//! Phases: the parts of the time that a vertex takes, for `--timings`.

/// A part of the time that a vertex takes. A phase lasts until the next one is entered or the vertex ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Phase {
    /// Parsing the text of the Dockerfile.
    Parse,
    /// Resolving an image name, in the store or at its registry.
    Resolve,
    /// Fetching layers, files or commits, including hashing and decompression.
    Fetch,
    /// Opening a local context and loading its stat cache.
    Scan,
    /// Computing keys: listing and hashing the files that the step takes.
    Hash,
    /// Looking for a record of the result.
    Lookup,
    /// Waiting for another build that makes the same step or holds the cache mount.
    Lock,
    /// Unpacking layers that cannot be mounted as they are.
    Unpack,
    /// Assembling the root file system and its mounts, and starting the process.
    Mount,
    /// Waiting for the network that the RUNs of a build share.
    Connect,
    /// The process is running.
    Exec,
    /// Removing the mounts of a process that has ended.
    Unmount,
    /// Computing the changes of COPY or ADD.
    Copy,
    /// Finding what changed, and writing it as a layer while hashing it.
    Commit,
    /// Saving records of the result.
    Record,
    /// Creating the documents of an image: config, manifest, index.
    Assemble,
    /// Compressing layers for export.
    Compress,
    /// Writing an output: an archive or a directory.
    Write,
    /// Syncing everything to disk and publishing the name.
    Publish,
    /// Sending blobs and manifests to a registry.
    Push,
}

impl Phase {
    /// Returns the lower-case name of the phase, as timings show it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Parse => "parse",
            Self::Resolve => "resolve",
            Self::Fetch => "fetch",
            Self::Scan => "scan",
            Self::Hash => "hash",
            Self::Lookup => "lookup",
            Self::Lock => "lock",
            Self::Unpack => "unpack",
            Self::Mount => "mount",
            Self::Connect => "connect",
            Self::Exec => "exec",
            Self::Unmount => "unmount",
            Self::Copy => "copy",
            Self::Commit => "commit",
            Self::Record => "record",
            Self::Assemble => "assemble",
            Self::Compress => "compress",
            Self::Write => "write",
            Self::Publish => "publish",
            Self::Push => "push",
        }
    }
}
