//! The documents of images: what is read, what is refused, and that nothing is lost on the way.

mod config;
mod digest;
mod document;
mod platform;
mod reference;
mod validate;
