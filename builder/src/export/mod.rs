//! Results to OCI layouts, docker archives, tars, folders, names in the store.
