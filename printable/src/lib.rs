//! Text for people: the pure half of everything that dsbuild prints or writes to a page.
//!
//! ```text
//! sanitize  text from outside, made safe for a terminal
//! units     numbers, sizes and times for people
//! table     columns
//! html      text in HTML pages
//! ```

mod html;
mod sanitize;
pub mod table;
mod units;

pub use html::Html;
pub use sanitize::{Sanitizer, json, only_colors, path, sanitized, sanitized_in_place, sanitized_lines};
pub use units::{ago, date, disk_size, now_ms, number, rfc3339, rfc3339_nanoseconds, since, size};
