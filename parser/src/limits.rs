//! How much a Dockerfile may hold before it is refused.
//!
//! Every bound exists so that a hostile file costs neither much time nor much memory: what is larger
//! is an error that names the bound. Real files stay far below all of them.

/// The bounds that [`crate::parse_with`] applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the whole file.
    pub file_bytes: usize,
    /// Bytes of one physical line, its line end not counted.
    pub line_bytes: usize,
    /// Bytes of the body of one heredoc.
    pub heredoc_bytes: usize,
    /// Bytes of all heredoc bodies together.
    pub heredocs_bytes: usize,
    /// Number of FROM instructions.
    pub stages: usize,
    /// Number of instructions.
    pub instructions: usize,
}

impl Limits {
    /// What [`crate::parse`] applies.
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
