//! Limits on the size of a Dockerfile.
//!
//! The limits keep a hostile file from taking much time or memory. Exceeding one is an error that states the limit.
//! Real files stay far below all of them.

/// The limits that [`crate::parse_with`] applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Maximum size of the file in bytes.
    pub file_bytes: usize,
    /// Maximum length of a physical line in bytes, without its newline.
    pub line_bytes: usize,
    /// Maximum size of the body of one heredoc in bytes.
    pub heredoc_bytes: usize,
    /// Maximum total size of all heredoc bodies in bytes.
    pub heredocs_bytes: usize,
    /// Maximum number of FROM instructions.
    pub stages: usize,
    /// Maximum number of instructions, including FROM.
    pub instructions: usize,
}

impl Limits {
    /// The limits that [`crate::parse`] applies.
    pub const DEFAULT: Self = Self {
        file_bytes: 1 << 20,
        line_bytes: 65_535,
        heredoc_bytes: 1 << 20,
        heredocs_bytes: 8 << 20,
        stages: 1_000,
        instructions: 10_000,
    };
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}
