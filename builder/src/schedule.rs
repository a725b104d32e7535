//! Steps to results, in parallel.
//!
//! A pool of at most `jobs` threads takes steps whose inputs have results, and of those the ones on the longest path to a
//! target first. After the first failure no new step starts, running ones are asked to stop through [`Cancel`], and all
//! threads have ended when [`run`] returns. Generic over the result: it knows nothing of what a step does.

use std::any::Any;
use std::collections::BinaryHeap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use graph::{Graph, StepId};
use progress::Cancel;

/// Reason why there are no results.
#[derive(Debug)]
pub enum Stopped<E> {
    /// A step failed. This is the first failure.
    Failed(E),
    /// The code of a step panicked: a bug of ours, or threads that could not be started. The text is the message.
    Panicked(StepId, String),
    /// Somebody asked to stop.
    Canceled,
}

/// Solves the steps that `targets` need, each after its inputs. `solve` gets a step and the results of its inputs.
///
/// Returns the result of each step in the order of the graph, and `None` for steps that are not needed.
pub fn run<R, E>(
    graph: &Graph,
    targets: &[StepId],
    jobs: usize,
    cancel: &Cancel,
    solve: impl Fn(StepId, &[R]) -> Result<R, E> + Sync,
) -> Result<Vec<Option<R>>, Stopped<E>>
where
    R: Clone + Send,
    E: Send,
{
    let pool = Pool::new(graph, targets);
    let threads = jobs.clamp(1, pool.width.max(1));
    std::thread::scope(|scope| {
        for _ in 1..threads {
            let work = || pool.work(graph, cancel, &solve);
            // Where no more threads can be started (a limit on processes), fewer steps run at once.
            if std::thread::Builder::new().spawn_scoped(scope, work).is_err() {
                break;
            }
        }
        pool.work(graph, cancel, &solve);
    });
    pool.into_results(cancel)
}

struct Pool<R, E> {
    state: Mutex<State<R, E>>,
    changed: Condvar,
    users: Vec<Vec<StepId>>,
    height: Vec<usize>,
    /// Largest number of threads that can ever be busy at once.
    width: usize,
}

struct State<R, E> {
    /// Ready steps, ordered by the length of their longest path to a target.
    ready: BinaryHeap<(usize, std::cmp::Reverse<usize>)>,
    missing_inputs: Vec<usize>,
    results: Vec<Option<R>>,
    unsolved: usize,
    failure: Option<Failure<E>>,
}

/// First failure of a build.
enum Failure<E> {
    Error(E),
    Panic(StepId, String),
}

impl<R: Clone, E> Pool<R, E> {
    fn new(graph: &Graph, targets: &[StepId]) -> Self {
        let count = graph.steps.len();
        let needed = needed(graph, targets);
        let mut users = vec![Vec::new(); count];
        let mut missing_inputs = vec![0; count];
        for (index, step) in graph.steps.iter().enumerate().filter(|(index, _)| needed[*index]) {
            let mut inputs = step.inputs.clone();
            inputs.sort_unstable();
            inputs.dedup();
            missing_inputs[index] = inputs.len();
            inputs.iter().for_each(|input| users[input.0].push(StepId(index)));
        }
        let height = heights(&users);
        let ready: BinaryHeap<_> = (0..count)
            .filter(|index| needed[*index] && missing_inputs[*index] == 0)
            .map(|index| (height[index], std::cmp::Reverse(index)))
            .collect();
        // Each further user of a result allows at most one more thread to be busy.
        let forks: usize = users.iter().map(|users| users.len().saturating_sub(1)).sum();
        let unsolved = needed.iter().filter(|needed| **needed).count();
        let width = ready.len() + forks;
        let results = (0..count).map(|_| None).collect();
        let state = Mutex::new(State { ready, missing_inputs, results, unsolved, failure: None });
        Self { state, changed: Condvar::new(), users, height, width }
    }

    fn lock(&self) -> MutexGuard<'_, State<R, E>> {
        // A panic inside `put` or `take` would leave the state consistent, since they only move values.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs in each thread: takes ready steps until all are solved or one has failed.
    fn work(&self, graph: &Graph, cancel: &Cancel, solve: &impl Fn(StepId, &[R]) -> Result<R, E>) {
        while let Some((step, inputs)) = self.take(graph, cancel) {
            // A panic must not leave the other threads waiting for this step.
            match catch_unwind(AssertUnwindSafe(|| solve(step, &inputs))) {
                Ok(outcome) => self.put(step, outcome, cancel),
                Err(panic) => self.fail(Failure::Panic(step, message_of(&*panic)), cancel),
            }
        }
    }

    /// Waits for a step that is ready. Returns `None` when no step is left or the build stops.
    fn take(&self, graph: &Graph, cancel: &Cancel) -> Option<(StepId, Vec<R>)> {
        let mut state = self.lock();
        loop {
            if state.unsolved == 0 || state.failure.is_some() || cancel.is_canceled() {
                return None;
            }
            if let Some((_, std::cmp::Reverse(index))) = state.ready.pop() {
                let result = |input: &StepId| {
                    state.results[input.0].clone().expect("a step is ready when its inputs have results")
                };
                let inputs = graph.steps[index].inputs.iter().map(result).collect();
                return Some((StepId(index), inputs));
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn put(&self, step: StepId, outcome: Result<R, E>, cancel: &Cancel) {
        let result = match outcome {
            Ok(result) => result,
            Err(error) => return self.fail(Failure::Error(error), cancel),
        };
        let mut guard = self.lock();
        let state = &mut *guard;
        state.results[step.0] = Some(result);
        state.unsolved -= 1;
        for user in &self.users[step.0] {
            state.missing_inputs[user.0] -= 1;
            if state.missing_inputs[user.0] == 0 {
                state.ready.push((self.height[user.0], std::cmp::Reverse(user.0)));
            }
        }
        self.changed.notify_all();
    }

    /// Stops the build. Failures after a cancellation are caused by it, so only the first failure is kept.
    fn fail(&self, failure: Failure<E>, cancel: &Cancel) {
        let mut state = self.lock();
        if state.failure.is_none() && !cancel.is_canceled() {
            state.failure = Some(failure);
        }
        cancel.cancel();
        self.changed.notify_all();
    }

    fn into_results(self, cancel: &Cancel) -> Result<Vec<Option<R>>, Stopped<E>> {
        let state = self.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        match state.failure {
            Some(Failure::Error(error)) => Err(Stopped::Failed(error)),
            Some(Failure::Panic(step, message)) => Err(Stopped::Panicked(step, message)),
            None if state.unsolved > 0 && cancel.is_canceled() => Err(Stopped::Canceled),
            None => Ok(state.results),
        }
    }
}

/// Returns the message of a panic; panics with other values than texts have none.
fn message_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
    text.unwrap_or("no message").to_owned()
}

/// Finds the steps that the targets need. Inputs come before their users, so one pass from the end suffices.
pub fn needed(graph: &Graph, targets: &[StepId]) -> Vec<bool> {
    let mut needed = vec![false; graph.steps.len()];
    targets.iter().for_each(|target| needed[target.0] = true);
    for (index, step) in graph.steps.iter().enumerate().rev() {
        if needed[index] {
            step.inputs.iter().for_each(|input| needed[input.0] = true);
        }
    }
    needed
}

/// Computes for each step the length of the longest path to a target.
fn heights(users: &[Vec<StepId>]) -> Vec<usize> {
    let mut heights = vec![0; users.len()];
    for index in (0..users.len()).rev() {
        heights[index] = users[index].iter().map(|user| heights[user.0] + 1).max().unwrap_or(0);
    }
    heights
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::*;
    use graph::{Op, Source, Step, StepMeta};

    /// `inputs[i]` are the inputs of step i.
    fn graph(inputs: &[&[usize]]) -> Graph {
        let step = |inputs: &&[usize]| Step {
            op: Op::Source(Source::Scratch),
            inputs: inputs.iter().copied().map(StepId).collect(),
            platform: oci::Platform::host(),
            meta: StepMeta::default(),
        };
        Graph { steps: inputs.iter().map(step).collect() }
    }

    /// Solves by adding 1 to the sum of the inputs.
    #[track_caller]
    fn check(inputs: &[&[usize]], target: usize, expected: &[Option<usize>]) {
        for jobs in [1, 2, 8] {
            let solve = |_: StepId, inputs: &[usize]| Ok::<_, ()>(1 + inputs.iter().sum::<usize>());
            let results = run(&graph(inputs), &[StepId(target)], jobs, &Cancel::default(), solve);
            assert_eq!(results.expect("no step fails"), expected);
        }
    }

    #[test]
    fn inputs_are_solved_first_and_unneeded_steps_are_not() {
        check(&[&[]], 0, &[Some(1)]);
        check(&[&[], &[0], &[1]], 2, &[Some(1), Some(2), Some(3)]);
        check(&[&[], &[0], &[0], &[1, 2]], 3, &[Some(1), Some(2), Some(2), Some(5)]);
        check(&[&[], &[0], &[0]], 1, &[Some(1), Some(2), None]);
        check(&[&[], &[0, 0]], 1, &[Some(1), Some(3)]);
    }

    #[test]
    fn at_most_jobs_steps_run_at_once() {
        let (busy, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let solve = |_: StepId, _: &[()]| {
            most.fetch_max(busy.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            std::thread::sleep(Duration::from_millis(30));
            busy.fetch_sub(1, Ordering::SeqCst);
            Ok::<_, ()>(())
        };
        let wide = graph(&[&[], &[], &[], &[], &[0, 1, 2, 3]]);
        run(&wide, &[StepId(4)], 3, &Cancel::default(), solve).expect("no step fails");
        assert_eq!(most.load(Ordering::SeqCst), 3);
    }

    #[test]
    fn the_first_failure_stops_the_rest_and_is_returned() {
        let cancel = Cancel::default();
        let solve = |step: StepId, _: &[()]| match step.0 {
            1 => Err("broken"),
            2 => {
                while !cancel.is_canceled() {
                    std::thread::sleep(Duration::from_millis(1));
                }
                Err("ended early")
            }
            _ => Ok(()),
        };
        let stopped = run(&graph(&[&[], &[0], &[0], &[1, 2]]), &[StepId(3)], 4, &cancel, solve);
        assert!(matches!(stopped, Err(Stopped::Failed("broken"))));
    }

    #[test]
    fn a_panic_in_a_step_ends_the_build_with_its_message() {
        for jobs in [1, 4] {
            let solve = |step: StepId, _: &[()]| match step.0 {
                1 => panic!("broken {}", 7),
                _ => Ok::<_, ()>(()),
            };
            let wide = graph(&[&[], &[0], &[0], &[1, 2]]);
            let stopped = run(&wide, &[StepId(3)], jobs, &Cancel::default(), solve);
            assert!(matches!(stopped, Err(Stopped::Panicked(StepId(1), message)) if message == "broken 7"));
        }
    }

    #[test]
    fn a_canceled_build_has_no_results() {
        let cancel = Cancel::default();
        cancel.cancel();
        let stopped = run(&graph(&[&[]]), &[StepId(0)], 1, &cancel, |_, _: &[()]| Ok::<_, ()>(()));
        assert!(matches!(stopped, Err(Stopped::Canceled)));
    }
}
