//! Limits of the files that are read. A file beyond them is reported as a problem, and the rest is read.

/// Largest database of dpkg or apk; a full desktop has some 10 MB.
pub const MAX_TEXT_DATABASE_BYTES: u64 = 64 << 20;
/// Largest database of rpm; a full desktop has some 300 MB.
pub const MAX_RPM_DATABASE_BYTES: u64 = 512 << 20;
/// Number of bytes that are read of a file that describes one package. Python's can end with a long text, which is left
/// out.
pub const MAX_DESCRIPTION_BYTES: u64 = 1 << 20;
/// Largest file of conda that describes a package; it lists all files of the package.
pub const MAX_CONDA_BYTES: u64 = 32 << 20;
/// Largest number of packages in one image.
pub const MAX_PACKAGES: usize = 500_000;
/// Longest name, version or license that is kept, in bytes; longer text is cut.
pub const MAX_VALUE_BYTES: usize = 1024;
