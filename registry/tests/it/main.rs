//! The client against servers that the tests write themselves, and against a real registry.
//!
//! ```text
//! server      a small HTTP server that answers from a script;  support: clients, names, logins
//! manifests, blobs, pushes, web    what is asked for
//! logins, tokens, redirects        whom it is asked of, and with which credentials
//! retries, pace, cancellation      how long it is tried
//! schemes, tls, mirrors, proxies   by which way
//! real        Debian's docker-registry, where it is installed
//! ```

mod blobs;
mod cancellation;
mod logins;
mod manifests;
mod mirrors;
mod pace;
mod proxies;
mod pushes;
mod real;
mod redirects;
mod retries;
mod schemes;
mod server;
mod support;
mod tls;
mod tokens;
mod web;
