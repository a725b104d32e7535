//! The limit to one owner, which a later failure can explain.

use std::sync::OnceLock;

/// Reason why files and processes have one owner only; unset where they can have several.
static SINGLE_ID: OnceLock<String> = OnceLock::new();

/// Remembers the reason why files and processes have one owner only, and returns it.
pub fn set(reason: String) -> &'static str {
    SINGLE_ID.get_or_init(|| reason)
}

/// Returns the reason why files and processes have one owner only; `None` if they can have several.
pub fn get() -> Option<&'static str> {
    SINGLE_ID.get().map(String::as_str)
}
