//! Options and limits of overlayfs.

/// Maximum number of lower layers of one overlay (the kernel's `OVL_MAX_STACK`).
pub(crate) const MAX_LOWERS: usize = 500;

/// Maximum number of layers below a process: those of an overlay, one of which is an overlay of the others.
pub const MAX_LAYERS: usize = 2 * MAX_LOWERS - 1;

/// Number of lower layers that always fit into one page of options: 22 bytes for each, and 150 for the rest.
pub(super) const MAX_LOWERS_IN_PAGE: usize = 180;

/// Options of every overlay. They turn off the features that make an upper directory more than a plain layer:
/// `redirect_dir` (a renamed directory would be a reference to a lower one), `metacopy` (a file could lack its
/// content) and `index`. With `nofollow`, a redirect that a lower layer brings is not followed either.
pub(super) const FEATURES: [(&str, &str); 3] =
    [("redirect_dir", "nofollow"), ("metacopy", "off"), ("index", "off")];
