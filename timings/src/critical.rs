//! The critical path: the steps that the end of a build waited for.
//!
//! The path is followed back from the step that ended last. Each step waited for the input that ended last. A step that was
//! ready before it started waited for its turn: for the step that ended just before, since no job was free. Only speeding
//! up steps of the path shortens the build, until another path is the longest.

use std::time::Duration;

/// Largest delay between the end of a step and the start of the step that waited for it.
const SLACK: Duration = Duration::from_millis(1);

/// Times and inputs of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Start and end, or `None` if the step never ran.
    pub time: Option<(Duration, Duration)>,
    /// Positions of the steps that this one needs.
    pub inputs: Vec<usize>,
}

/// Step of the critical path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    /// Position of the step.
    pub node: usize,
    /// Reason why it did not start before the previous step of the path ended.
    pub cause: Cause,
}

/// Reason why a step followed another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The step is the first of the path.
    First,
    /// The step needs the result of the other.
    Input,
    /// The step was ready, but no job was free.
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
    // Steps that took no time can wait for each other; the path then begins at one of them.
    if let Some(first) = path.first_mut() {
        first.cause = Cause::First;
    }
    path
}

/// Returns the step that `node` waited for.
fn gate(nodes: &[Node], node: usize) -> Option<(usize, Cause)> {
    let (start, _) = nodes[node].time?;
    let end = |other: usize| Some(nodes.get(other)?.time?.1).filter(|end| *end <= start);
    // If several ended at the same moment, the last one is nearest in the graph.
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

    /// Builds steps from start and end, in units of 10 ms, and inputs.
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
    fn the_path_goes_through_the_input_that_ended_last() {
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
    fn a_step_that_was_ready_waited_for_the_step_before_it() {
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
    fn an_end_shortly_before_a_start_is_not_a_cause() {
        let mut steps = nodes(&[(0, 3, &[]), (0, 3, &[]), (3, 5, &[0])]);
        // Another ends between the end of the input and the start, half a millisecond later.
        let late = Duration::from_micros(30_500);
        steps[1].time = Some((Duration::ZERO, late));
        steps[2].time = Some((late + Duration::from_micros(10), Duration::from_millis(50)));
        let found: Vec<usize> = path(&steps, 2).into_iter().map(|link| link.node).collect();
        assert_eq!(found, [0, 2]);
    }

    #[test]
    fn a_step_that_never_ran_is_not_on_the_path() {
        let mut steps = nodes(&[(0, 3, &[]), (0, 0, &[]), (3, 5, &[0, 1])]);
        steps[1].time = None;
        let found = |last| path(&steps, last).into_iter().map(|link| link.node).collect::<Vec<_>>();
        assert_eq!(found(2), [0, 2]);
        assert_eq!(found(1), [0_usize; 0]);
        assert_eq!(found(7), [0_usize; 0]);
    }

    #[test]
    fn steps_that_take_no_time_form_no_cycle() {
        let found = path(&nodes(&[(1, 1, &[]), (1, 1, &[0]), (1, 1, &[1]), (1, 2, &[2])]), 3);
        assert!(found.len() <= 4, "{found:?}");
        assert_eq!(found.last().map(|link| link.node), Some(3));
    }
}
