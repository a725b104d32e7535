//! Images: resolve, pull, import.
