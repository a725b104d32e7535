//! HTTP for registries and files: on ureq, with connections, TLS and redirects by rules of our own.
//!
//! ```text
//! redirect      follows redirects by rules that guard credentials;  upload: requests with a body
//! retry         which failures are tried again, and for how long
//! response      status, headers, documents;  body: bodies that must keep a pace
//! agents        one ureq agent for each route;  proxy: which servers are asked by a proxy
//! tcp           connections that can be canceled;  interim: responses before an answer;  resolver: lookups, forbidden addresses
//! tls           encrypted connections;  trust: which certificates count for which server
//!               verifier: verification itself;  certificates: folders of docker and podman
//! failure       reasons why there is no answer;  patience: limits in time;  url: URLs, and which may lead to which
//! ```
//!
//! Blocking, and safe to share between threads. A module depends on those of its own row and of the rows below.

pub(crate) mod agents;
pub(crate) mod body;
pub(crate) mod certificates;
pub(crate) mod failure;
mod interim;
pub(crate) mod patience;
pub(crate) mod proxy;
pub(crate) mod redirect;
pub(crate) mod resolver;
pub(crate) mod response;
pub(crate) mod retry;
pub(crate) mod tcp;
pub(crate) mod tls;
pub(crate) mod trust;
pub(crate) mod upload;
pub(crate) mod url;
pub(crate) mod verifier;
