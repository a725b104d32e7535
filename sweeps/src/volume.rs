//! An ext4 file system of limited size in a file.
