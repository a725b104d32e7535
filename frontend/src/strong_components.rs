//! Cycles in a directed graph: its strongly connected components of more than one vertex, and vertices with an edge to
//! themselves.
//!
//! The search is linear in vertices and edges and does not recurse, so that a Dockerfile can have any number of stages.
//!
//! Source: Tarjan, "Depth-first search and linear graph algorithms", 1972.

/// A cycle among the vertices of a graph.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Cycle {
    /// First vertex from which the cycle can be reached.
    pub root: usize,
    /// Vertices of the cycle in ascending order. Cycles that share a vertex count as one cycle.
    pub members: Vec<usize>,
}

/// Finds the cycles among the vertices `0..count`, in the order of their roots. `targets` returns the edges of a vertex.
pub(crate) fn cycles<I>(count: usize, targets: impl Fn(usize) -> I) -> Vec<Cycle>
where
    I: Iterator<Item = usize>,
{
    let mut search = CycleSearch { marks: vec![VertexMark::New; count], ..CycleSearch::default() };
    for root in 0..count {
        if matches!(search.marks[root], VertexMark::New) {
            search.visit(root, &targets);
        }
    }
    search.found
}

/// Progress of the search with a vertex.
#[derive(Debug, Clone, Copy)]
enum VertexMark {
    New,
    /// The vertex is on the path, at this index.
    OnPath(usize),
    Done,
}

/// StageState of the depth-first search.
#[derive(Debug, Default)]
struct CycleSearch {
    marks: Vec<VertexMark>,
    /// Vertices whose component is not complete.
    path: Vec<usize>,
    found: Vec<Cycle>,
}

/// A vertex between the root and the current vertex, with its edges that are still to be followed.
struct Frame<I> {
    vertex: usize,
    targets: I,
    /// Lowest index on the path that the vertex leads back to.
    lowest: usize,
    is_own_target: bool,
}

impl CycleSearch {
    /// Searches everything that can be reached from `root`.
    fn visit<I: Iterator<Item = usize>>(&mut self, root: usize, targets: &impl Fn(usize) -> I) {
        let mut frames = vec![self.open(root, targets)];
        while let Some(frame) = frames.last_mut() {
            let Some(next) = frame.targets.next() else {
                let Some(done) = frames.pop() else { break };
                self.close(root, &done);
                if let Some(above) = frames.last_mut() {
                    above.lowest = above.lowest.min(done.lowest);
                }
                continue;
            };
            frame.is_own_target |= next == frame.vertex;
            match self.marks[next] {
                VertexMark::New => frames.push(self.open(next, targets)),
                VertexMark::OnPath(index) => frame.lowest = frame.lowest.min(index),
                VertexMark::Done => {}
            }
        }
    }

    /// Puts a vertex on the path.
    fn open<I>(&mut self, vertex: usize, targets: &impl Fn(usize) -> I) -> Frame<I> {
        let index = self.path.len();
        self.marks[vertex] = VertexMark::OnPath(index);
        self.path.push(vertex);
        Frame { vertex, targets: targets(vertex), lowest: index, is_own_target: false }
    }

    /// Takes a component off the path if the vertex is its lowest one, and records it if it is a cycle.
    fn close<I>(&mut self, root: usize, done: &Frame<I>) {
        let VertexMark::OnPath(index) = self.marks[done.vertex] else { return };
        if done.lowest < index {
            return;
        }
        let mut members = self.path.split_off(index);
        members.iter().for_each(|member| self.marks[*member] = VertexMark::Done);
        if members.len() > 1 || done.is_own_target {
            members.sort_unstable();
            self.found.push(Cycle { root, members });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(edges: &[&[usize]], expected: &[(usize, &[usize])]) {
        let found = cycles(edges.len(), |vertex| edges[vertex].iter().copied());
        let found: Vec<_> = found.iter().map(|cycle| (cycle.root, cycle.members.as_slice())).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn cycles_are_found_once_with_all_their_members() {
        check(&[], &[]);
        check(&[&[1, 2], &[2], &[]], &[]);
        check(&[&[0]], &[(0, &[0])]);
        check(&[&[1], &[0]], &[(0, &[0, 1])]);
        check(&[&[2], &[2], &[1, 3], &[3], &[1, 5], &[]], &[(0, &[3]), (0, &[1, 2])]);
        check(&[&[1], &[2, 0], &[3], &[1], &[0]], &[(0, &[0, 1, 2, 3])]);
        check(&[&[], &[3], &[1], &[1, 0]], &[(1, &[1, 3])]);
    }

    #[test]
    fn a_long_cycle_does_not_recurse() {
        let count = 100_000;
        let found = cycles(count, |vertex| std::iter::once((vertex + 1) % count));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].members.len(), count);
    }
}
