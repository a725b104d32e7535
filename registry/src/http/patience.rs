//! Limits in time: how long a client tries and waits.

use std::time::Duration;

/// Limits on how often a client tries and how long it waits.
///
/// All times are spent waiting for the network: a caller that reads a body slowly uses up none of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// Largest number of times that a request is tried. By default only `total` ends the attempts.
    pub attempts: u32,
    /// Least number of times that a request is tried if its failures can pass, however long the attempts take.
    pub min_attempts: u32,
    /// Pause after the first failure; it doubles with each failure, up to [`Self::MAX_PAUSE`].
    pub pause: Duration,
    /// Time that failed attempts and the pauses between them can take together before a request is given up.
    pub total: Duration,
    /// Time that a server can ask for by `Retry-After`, over all attempts of a request; it does not count as `total`.
    ///
    /// A server that asks for more is given up at once.
    pub retry_after: Duration,
    /// Time that looking up a name and making a connection can take, each; TLS and proxies included.
    pub connect: Duration,
    /// Time that a server can send nothing: before the head of an answer, which must then be complete, or within a body.
    pub stall: Duration,
    /// Least rate of a body in bytes per second, measured over the last `stall` at any moment.
    pub min_bytes_per_s: u64,
    /// Time that a small body can take, such as a manifest or a token.
    pub document: Duration,
    /// Time that any other body can take, in either direction.
    pub body: Duration,
}

impl Patience {
    /// Longest pause between two attempts, unless the server asks for a longer one.
    pub const MAX_PAUSE: Duration = Duration::from_secs(5);

    /// Longest time that a server without address or connection is retried. A registry that is starting is there within
    /// seconds; a mistyped port must not hold a build for half a minute, and the system retries lookups by itself.
    pub const MAX_UNREACHABLE: Duration = Duration::from_secs(5);

    /// Limits for sending a blob: a long upload is worth more attempts than time alone would leave it.
    pub(crate) fn for_upload(self) -> Self {
        Self { min_attempts: self.min_attempts.max(4), ..self }
    }

    /// Limits for a server that can be done without, such as a mirror: one retry.
    pub(crate) fn for_optional_server(self) -> Self {
        Self { attempts: self.attempts.min(2), ..self }
    }
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            attempts: u32::MAX,
            min_attempts: 2,
            pause: Duration::from_millis(200),
            total: Duration::from_secs(30),
            retry_after: Duration::from_secs(60),
            connect: Duration::from_secs(10),
            stall: Duration::from_secs(30),
            min_bytes_per_s: 512,
            document: Duration::from_secs(60),
            body: Duration::from_secs(24 * 60 * 60),
        }
    }
}
