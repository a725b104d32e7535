//! Build contexts: ignore patterns, and the folder as a tree.
