//! HTTP requests: redirects, retries, limits.

pub(crate) mod agents;
pub(crate) mod proxy;
pub(crate) mod request;
pub(crate) mod resolver;
pub(crate) mod url;
