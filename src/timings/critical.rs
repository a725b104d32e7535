//! What the end of a build waited for: the critical path.
//!
//! From the step that ended last one goes back, each time to what the step had waited for: of its inputs the one that
//! ended last, or, where it was ready before and did not start, the step that ended just before it did (they took turns:
//! at one of the build's stages, or for lack of a free job). To make any step of the path faster makes the build faster,
//! until another path is the longest; to make any other step faster does not.

use std::time::Duration;

/// A step starts a moment after what it waited for: differences below this say nothing.
const SLACK: Duration = Duration::from_millis(1);

/// A step, as far as it matters here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// When it ran; `None` if it never did.
    pub time: Option<(Duration, Duration)>,
    /// What it needs, by position.
    pub inputs: Vec<usize>,
}

/// A step of the path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    /// Which, by position.
    pub node: usize,
    /// Why it did not start before the former one had ended.
    pub cause: Cause,
}

/// Why a step followed another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// Nothing was before it.
    First,
    /// It needs what the other made.
    Input,
    /// It was the other's turn.
    Turn,
}

/// Returns the critical path to `last`, in order of time; empty if `last` never ran.
pub fn path(nodes: &[Node], last: usize) -> Vec<Link> {
    let mut path = Vec::new();
    let mut is_seen = vec![false; nodes.len()];
    let mut next = nodes.get(last).and_then(|node| node.time).map(|_| last);
    while let Some(node) = next.filter(|node| !is_seen[*node]) {
        is_seen[node] = true;
        let gate = gate(nodes, node);
        path.push(Link { node, cause: gate.map_or(Cause::First, |(_, cause)| cause) });
        next = gate.map(|(gate, _)| gate);
    }
    path.reverse();
    // A gate that was seen before (both took no time at all) is not gone back to.
    if let Some(first) = path.first_mut() {
        first.cause = Cause::First;
    }
    path
}

/// What `node` had waited for.
fn gate(nodes: &[Node], node: usize) -> Option<(usize, Cause)> {
    let (start, _) = nodes[node].time?;
    let end = |other: usize| Some(nodes.get(other)?.time?.1).filter(|end| *end <= start);
    // Of those that ended at the same moment the later one: it is nearer in the graph.
    let last = |others: &mut dyn Iterator<Item = usize>| {
        others.filter(|other| *other != node).filter_map(|other| Some((end(other)?, other))).max()
    };
    let input = last(&mut nodes[node].inputs.iter().copied());
    let any = last(&mut (0..nodes.len()));
    match (input, any) {
        (Some((ready, input)), Some((freed, _))) if freed <= ready + SLACK => Some((input, Cause::Input)),
        (_, any) => any.map(|(_, other)| (other, Cause::Turn)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Start, end (in units of 10 ms), inputs.
    fn nodes(steps: &[(u64, u64, &[usize])]) -> Vec<Node> {
        let ms = |units: &u64| Duration::from_millis(units * 10);
        let node = |(start, end, inputs): &(u64, u64, &[usize])| Node {
            time: Some((ms(start), ms(end))),
            inputs: inputs.to_vec(),
        };
        steps.iter().map(node).collect()
    }

    #[track_caller]
    fn check(steps: &[(u64, u64, &[usize])], last: usize, expected: &[(usize, Cause)]) {
        let found: Vec<_> =
            path(&nodes(steps), last).into_iter().map(|link| (link.node, link.cause)).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn it_goes_through_the_input_that_ended_last() {
        use Cause::{First, Input};
        check(&[(0, 5, &[])], 0, &[(0, First)]);
        check(
            &[(0, 1, &[]), (1, 9, &[0]), (1, 4, &[0]), (9, 10, &[1, 2])],
            3,
            &[(0, First), (1, Input), (3, Input)],
        );
        // The longest step is not on it if nobody waits for it long.
        check(
            &[(0, 8, &[]), (0, 1, &[]), (1, 9, &[1]), (9, 10, &[0, 2])],
            3,
            &[(1, First), (2, Input), (3, Input)],
        );
    }

    #[test]
    fn a_step_that_was_ready_waited_for_whom_it_followed() {
        use Cause::{First, Input, Turn};
        // One job: 1 and 2 need 0 only, but 2 has to wait for 1.
        check(
            &[(0, 1, &[]), (1, 5, &[0]), (5, 7, &[0]), (7, 8, &[1, 2])],
            3,
            &[(0, First), (1, Input), (2, Turn), (3, Input)],
        );
        // An export has no inputs: it comes when all else has ended.
        check(&[(0, 3, &[]), (0, 2, &[]), (3, 4, &[])], 2, &[(0, First), (2, Turn)]);
    }

    #[test]
    fn a_coincidence_is_no_cause() {
        let mut steps = nodes(&[(0, 3, &[]), (0, 3, &[]), (3, 5, &[0])]);
        // Another ends between the end of the input and the start, half a millisecond later.
        let late = Duration::from_micros(30_500);
        steps[1].time = Some((Duration::ZERO, late));
        steps[2].time = Some((late + Duration::from_micros(10), Duration::from_millis(50)));
        let found: Vec<usize> = path(&steps, 2).into_iter().map(|link| link.node).collect();
        assert_eq!(found, [0, 2]);
    }

    #[test]
    fn what_never_ran_is_not_on_it() {
        let mut steps = nodes(&[(0, 3, &[]), (0, 0, &[]), (3, 5, &[0, 1])]);
        steps[1].time = None;
        let found = |last| path(&steps, last).into_iter().map(|link| link.node).collect::<Vec<_>>();
        assert_eq!(found(2), [0, 2]);
        assert_eq!(found(1), [0_usize; 0]);
        assert_eq!(found(7), [0_usize; 0]);
    }

    #[test]
    fn steps_that_take_no_time_do_not_go_round_in_circles() {
        let found = path(&nodes(&[(1, 1, &[]), (1, 1, &[0]), (1, 1, &[1]), (1, 2, &[2])]), 3);
        assert!(found.len() <= 4, "{found:?}");
        assert_eq!(found.last().map(|link| link.node), Some(3));
    }
}
