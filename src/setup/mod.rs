//! Set-up that several commands share: the store and the registry client as this machine has them, namespaces, signals.
//!
//! ```text
//! confirm     the question before something is removed
//! store       opening the store, and keeping it within its budget
//! origin      who changes names of images, and by which command
//! registry    a client with the user's logins, certificates and proxies
//! isolation   the namespaces of this process
//! interrupt   Ctrl-C and other signals that cancel a build
//! prompt      questions to the user on the terminal
//! ```

pub mod confirm;
pub mod interrupt;
pub mod isolation;
pub mod origin;
pub mod prompt;
pub mod registry;
pub mod store;
pub mod variables;
