//! `!reset` and `!override`: values of earlier files that a later file removes.

use crate::node::Node;

/// Removes the values to which `paths` lead.
pub(super) fn remove(tree: &mut Node, paths: &[Vec<String>]) {
    for path in paths {
        let Some((last, parents)) = path.split_last() else { continue };
        let parent = parents.iter().try_fold(&mut *tree, |node, key| node.as_map_mut()?.get_mut(key));
        if let Some(map) = parent.and_then(Node::as_map_mut) {
            map.remove(last);
        }
    }
}
