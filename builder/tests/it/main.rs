//! Tests of the builder as its users see it: one binary, a module for each area.

mod lower;
