//! Small text files with a checksum in their last line, which reveals every damage, a file cut short included.
//!
//! ```text
//! …                  the lines
//! blake3:<64 hex>    the hash of the lines above
//! ```

const PREFIX: &str = "blake3:";

/// Returns the text, which ends in a newline or is empty, with its checksum.
pub(crate) fn seal(text: &str) -> String {
    format!("{text}{}", checksum(text))
}

/// Returns the text without its checksum. The error is the defect, as a clause.
pub(crate) fn unseal(bytes: &[u8]) -> Result<&str, &'static str> {
    let text = std::str::from_utf8(bytes).map_err(|_| "it is not text")?;
    let end = text.rfind(PREFIX).ok_or("it has no checksum")?;
    let (lines, check) = text.split_at(end);
    if check == checksum(lines) { Ok(lines) } else { Err("its checksum is wrong") }
}

fn checksum(text: &str) -> String {
    format!("{PREFIX}{}\n", blake3::hash(text.as_bytes()).to_hex())
}
