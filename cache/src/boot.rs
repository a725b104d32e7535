//! Identity of the current boot of the machine: files that were never synced, and files that were verified once, are
//! trusted within one boot only.

use std::sync::OnceLock;

/// Returns the ID of the current boot. If the kernel has none, returns an ID of this process, so that nothing is trusted
/// after it has ended.
pub fn boot_id() -> &'static str {
    static BOOT_ID: OnceLock<String> = OnceLock::new();
    BOOT_ID.get_or_init(|| {
        let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        if id.is_empty() { format!("process {}", std::process::id()) } else { id.trim().to_owned() }
    })
}
