//! Readers of this crate for the fuzz targets (feature `testing`).

pub use crate::http::seconds as http_date_seconds;
pub use crate::image::unpacked;
