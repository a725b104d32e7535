//! Parsers of this crate for the fuzz targets (feature `testing`).

use crate::auth::challenge::{Challenge, parse};

/// Returns realm, service and scope of each bearer challenge in a `WWW-Authenticate` header.
pub fn bearer_challenges(header: &str) -> Vec<(String, Option<String>, Option<String>)> {
    let bearer = |challenge| match challenge {
        Challenge::Bearer(bearer) => Some((bearer.realm, bearer.service, bearer.scope)),
        Challenge::Basic => None,
    };
    parse(header).into_iter().filter_map(bearer).collect()
}
