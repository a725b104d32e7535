//! Commands on images, in docker's words.
//!
//! ```text
//! ls  history  prune  rm  tag     save  load  import
//! find     the image that a command names
//! summary  the facts about an image that lists show
//! ```

pub mod find;
pub mod history;
pub mod import;
pub mod load;
pub mod ls;
pub mod prune;
pub mod rm;
pub mod save;
pub mod summary;
pub mod tag;
