//! Tests of the packages that are found in trees.

mod hostile;
mod languages;
mod rpm;
mod support;
mod system;
