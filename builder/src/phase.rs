//! What a step spends its time with.

/// A part of a step's time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Phase {
    /// Reading the Dockerfile.
    Parse,
    /// Finding out what a name stands for: in the store, else at its registry.
    Resolve,
    /// Bringing layers, files or commits here; what comes is hashed and unpacked from its compression on the way.
    Fetch,
    /// Opening a folder to copy from, and what is known of its files from before.
    Scan,
    /// Making the keys: listing and hashing the files that the step takes.
    Hash,
    /// Looking for a record of the result.
    Lookup,
    /// Waiting: for another build that makes the same, or has the cache mount.
    Lock,
    /// Making trees of layers that were tars until now.
    Unpack,
    /// Putting the root file system and its mounts together, and starting the process.
    Mount,
    /// Waiting for the network that RUNs share.
    Connect,
    /// The process runs.
    Exec,
    /// Taking down what was put together.
    Unmount,
    /// Working out what COPY or ADD changes.
    Copy,
    /// Finding out what changed, and writing it as a layer while hashing it.
    Commit,
    /// Keeping records of the result.
    Record,
    /// Making the documents of an image.
    Assemble,
    /// Compressing layers.
    Compress,
    /// Writing the output.
    Write,
    /// Putting everything on disk for good, and naming it.
    Publish,
    /// Sending it to a registry.
    Push,
}

impl Phase {
    /// One word for it.
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
