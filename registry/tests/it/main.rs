//! The client against a server that misbehaves on purpose, and against a real registry.

mod hostile;
mod push;
mod real;
mod server;
mod web;
