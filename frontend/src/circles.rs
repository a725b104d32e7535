//! Circles in a directed graph: its strongly connected components of more than a loose vertex.
//!
//! Linear in vertices and edges, and without recursion: there may be as many as anybody cares to write.
//!
//! Source: Tarjan, "Depth-first search and linear graph algorithms", 1972.

/// A circle.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Circle {
    /// The first vertex from which it can be reached.
    pub root: usize,
    /// What it is made of, in ascending order. If circles have vertices in common, they are one.
    pub members: Vec<usize>,
}

/// The circles among the vertices `0..count`, in the order of their roots.
pub(super) fn circles<I>(count: usize, targets: impl Fn(usize) -> I) -> Vec<Circle>
where
    I: Iterator<Item = usize>,
{
    let mut search = Search { marks: vec![Mark::New; count], ..Search::default() };
    for root in 0..count {
        if matches!(search.marks[root], Mark::New) {
            search.from(root, &targets);
        }
    }
    search.found
}

/// How far the search has come with a vertex.
#[derive(Debug, Clone, Copy)]
enum Mark {
    New,
    /// Its place on the path.
    Open(usize),
    Done,
}

#[derive(Debug, Default)]
struct Search {
    marks: Vec<Mark>,
    /// Vertices whose circle, if they have one, is not complete.
    path: Vec<usize>,
    found: Vec<Circle>,
}

/// A vertex on the way from the root, and those of its targets that are still to be looked at.
struct Frame<I> {
    vertex: usize,
    targets: I,
    /// The lowest place on the path that it leads back to.
    lowest: usize,
    is_own_target: bool,
}

impl Search {
    fn from<I: Iterator<Item = usize>>(&mut self, root: usize, targets: &impl Fn(usize) -> I) {
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
                Mark::New => frames.push(self.open(next, targets)),
                Mark::Open(place) => frame.lowest = frame.lowest.min(place),
                Mark::Done => {}
            }
        }
    }

    fn open<I>(&mut self, vertex: usize, targets: &impl Fn(usize) -> I) -> Frame<I> {
        let place = self.path.len();
        self.marks[vertex] = Mark::Open(place);
        self.path.push(vertex);
        Frame { vertex, targets: targets(vertex), lowest: place, is_own_target: false }
    }

    /// What lies above a vertex that leads no further back is a circle with it, or it is alone.
    fn close<I>(&mut self, root: usize, done: &Frame<I>) {
        let Mark::Open(place) = self.marks[done.vertex] else { return };
        if done.lowest < place {
            return;
        }
        let mut members = self.path.split_off(place);
        members.iter().for_each(|member| self.marks[*member] = Mark::Done);
        if members.len() > 1 || done.is_own_target {
            members.sort_unstable();
            self.found.push(Circle { root, members });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(edges: &[&[usize]], expected: &[(usize, &[usize])]) {
        let found = circles(edges.len(), |vertex| edges[vertex].iter().copied());
        let found: Vec<_> = found.iter().map(|circle| (circle.root, circle.members.as_slice())).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn circles_are_found_once_and_with_all_their_members() {
        check(&[], &[]);
        check(&[&[1, 2], &[2], &[]], &[]);
        check(&[&[0]], &[(0, &[0])]);
        check(&[&[1], &[0]], &[(0, &[0, 1])]);
        check(&[&[2], &[2], &[1, 3], &[3], &[1, 5], &[]], &[(0, &[3]), (0, &[1, 2])]);
        check(&[&[1], &[2, 0], &[3], &[1], &[0]], &[(0, &[0, 1, 2, 3])]);
        check(&[&[], &[3], &[1], &[1, 0]], &[(1, &[1, 3])]);
    }

    #[test]
    fn a_long_way_round_is_no_deep_recursion() {
        let count = 100_000;
        let found = circles(count, |vertex| std::iter::once((vertex + 1) % count));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].members.len(), count);
    }
}
