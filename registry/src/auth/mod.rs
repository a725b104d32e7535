//! Authentication: the challenges of servers, and the user's logins that answer them.

pub(crate) mod challenge;
pub(crate) mod credentials;
