//! Typed instructions and options to a plan.
