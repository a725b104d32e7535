//! The client against servers that the tests write themselves, and against a real registry.
//!
//! ```text
//! server      a small HTTP server that answers from a script;  support: clients, names, logins
//! manifests, blobs, pushes, web    content: what is taken and sent
//! logins, tokens, redirects        credentials: which servers see them
//! retries, pace, cancellation      limits in time
//! schemes, tls, mirrors, proxies   ways to a server
//! real        Debian's docker-registry, where it is installed
//! ```

mod blobs;
mod cancellation;
mod chunks;
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
