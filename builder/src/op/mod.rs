//! What each op does.
