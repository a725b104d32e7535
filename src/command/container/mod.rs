//! Commands on containers, in docker's words.

mod find;
pub mod logs;
pub mod ls;
pub mod port;
pub mod prune;
pub mod rm;
pub mod stop;

pub use find::find;
