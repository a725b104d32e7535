//! The client against a server that misbehaves on purpose, and against a real registry.

mod hostile;
mod real;
mod server;
mod web;
