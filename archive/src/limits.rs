//! Limits against archives that unpack to more than anybody wants (bombs).

/// Maximum size of an unpacked archive.
pub(crate) struct Limits {
    /// Number of members of the tar.
    pub members: usize,
    /// Size of the tar, and size of its sparse files when they are written out.
    pub unpacked_bytes: u64,
    /// Length of all long runs of zeros in the tar, which take no disk space and count for nothing else.
    pub zero_bytes: u64,
    /// Unpacked bytes for each packed byte, for archives that unpack to more than `harmless_bytes`.
    ratio: u64,
    /// Unpacked size that is allowed for any ratio.
    harmless_bytes: u64,
}

/// Limits for all archives. Content that compresses better than this ratio is a bomb, or zeros.
pub(crate) const LIMITS: Limits = Limits {
    members: 2_000_000,
    unpacked_bytes: 256 << 30,
    zero_bytes: 64 << 30,
    ratio: 200,
    harmless_bytes: 4 << 30,
};

impl Limits {
    /// Returns the largest unpacked size of an archive of `packed_bytes`, without long runs of zeros.
    pub fn of(&self, packed_bytes: u64) -> u64 {
        packed_bytes.saturating_mul(self.ratio).max(self.harmless_bytes).min(self.unpacked_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_grows_with_the_packed_size() {
        for (packed_bytes, expected) in [
            (0, 4 << 30),
            (10 << 20, 4 << 30),
            (1 << 30, 200 << 30),
            (2 << 30, 256 << 30),
            (u64::MAX, 256 << 30),
        ] {
            assert_eq!(LIMITS.of(packed_bytes), expected, "{packed_bytes}");
        }
    }
}
