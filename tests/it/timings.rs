//! `--timings`: the page and the trace of a build.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::env::{TestEnv, skip_unless};

/// How much what is measured may differ from itself by rounding, in microseconds.
const ROUNDING_US: f64 = 0.01;

const DOCKERFILE: &str = "FROM base AS made\n\
    RUN echo '</script><img src=x onerror=alert(1)>' > /made\n\
    RUN sleep 0.3\n\
    FROM base\n\
    COPY --from=made /made /made\n\
    RUN --mount=type=secret,id=token,env=TOKEN test -n \"$TOKEN\"\n\
    COPY . /all\n";

/// Builds [`DOCKERFILE`]; gives the page and the trace.
fn build(env: &TestEnv) -> (String, Value) {
    std::fs::write(env.path("token"), "s3cr3t-canary").expect("files can be written");
    env.file("data.txt", "data\n");
    let args = ["--secret", "id=token,src=token", "--timings=t.html", "--timings=t.json"];
    env.build(DOCKERFILE, &args).success();
    (page(env, "t.html"), trace(env))
}

fn page(env: &TestEnv, name: &str) -> String {
    std::fs::read_to_string(env.path(name)).expect("the page was written")
}

fn trace(env: &TestEnv) -> Value {
    serde_json::from_str(&page(env, "t.json")).expect("the trace is JSON")
}

/// A complete event of a trace.
struct Event<'a> {
    name: &'a str,
    category: &'a str,
    lane: (u64, u64),
    start: f64,
    duration: f64,
}

/// Checks that each event has what the format asks for, and gives those that have a duration.
fn events(trace: &Value) -> Vec<Event<'_>> {
    let text = |event: &'_ Value, name: &str| event[name].as_str().map(str::len).is_some();
    let mut found = Vec::new();
    for event in trace["traceEvents"].as_array().expect("a list of events") {
        let lane = (event["pid"].as_u64().expect("a process"), event["tid"].as_u64().expect("a thread"));
        assert!(text(event, "name"), "{event}");
        match event["ph"].as_str() {
            Some("M") => assert!(text(&event["args"], "name"), "{event}"),
            Some("X") => found.push(Event {
                name: event["name"].as_str().expect("a name"),
                category: event["cat"].as_str().expect("a category"),
                lane,
                start: event["ts"].as_f64().filter(|time| *time >= 0.0).expect("a time"),
                duration: event["dur"].as_f64().filter(|time| *time >= 0.0).expect("a duration"),
            }),
            _ => panic!("{event}"),
        }
    }
    found
}

#[test]
fn privileged_the_page_has_every_step_and_no_secret() {
    let env = skip_unless!(TestEnv::new());
    let (page, trace) = build(&env);
    for step in [
        "FROM docker.io/library/base",
        "RUN sleep 0.3",
        "COPY --from=made /made /made",
        "COPY . /all",
        "exporting to image",
        "load metadata",
        "load build context",
    ] {
        assert!(page.contains(step), "{step}: {page}");
        assert!(events(&trace).iter().any(|event| event.name.contains(step)), "{step}");
    }
    assert!(page.contains("&lt;/script&gt;&lt;img src=x onerror=alert(1)&gt;") && !page.contains("<img"));
    assert!(page.contains("miss: never built here") && page.contains("0 / 5"));
    assert!(page.contains("of processors"), "what processes took is not told");
    for report in [page, trace.to_string()] {
        assert!(!report.contains("s3cr3t-canary"));
    }
}

#[test]
fn privileged_phases_add_up_to_their_step() {
    let env = skip_unless!(TestEnv::new());
    let (_, trace) = build(&env);
    let events = events(&trace);
    let (steps, others): (Vec<&Event<'_>>, _) = events.iter().partition(|event| event.category == "step");
    assert!(steps.len() >= 9, "{}", steps.len());
    let mut lanes: BTreeMap<(u64, u64), Vec<&Event<'_>>> = BTreeMap::new();
    for step in &steps {
        let inside = |other: &&&Event<'_>| {
            other.lane == step.lane
                && other.start >= step.start - ROUNDING_US
                && other.start + other.duration <= step.start + step.duration + ROUNDING_US
        };
        let phases: Vec<_> = others.iter().filter(inside).collect();
        assert!(!phases.is_empty(), "{}", step.name);
        let sum: f64 = phases.iter().map(|phase| phase.duration).sum();
        // A step says what it does as soon as it has started.
        assert!(
            (0.0..50_000.0).contains(&(step.duration - sum + ROUNDING_US)),
            "{}: {sum} of {}",
            step.name,
            step.duration
        );
        lanes.entry(step.lane).or_default().push(step);
    }
    let sleep = steps.iter().find(|step| step.name.ends_with("RUN sleep 0.3")).expect("it was run");
    let exec = others.iter().find(|other| {
        other.name == "exec"
            && other.lane == sleep.lane
            && other.start >= sleep.start
            && other.start < sleep.start + sleep.duration
    });
    // On a busy machine we hear late that the process runs.
    assert!(exec.expect("it ran something").duration >= 150_000.0);
    for lane in lanes.values_mut() {
        lane.sort_by(|a, b| a.start.total_cmp(&b.start));
        let follow = |pair: &[&Event<'_>]| pair[0].start + pair[0].duration <= pair[1].start + ROUNDING_US;
        assert!(lane.windows(2).all(follow), "steps overlap on a lane");
    }
}

#[test]
fn privileged_a_page_tells_hits_and_misses() {
    let env = skip_unless!(TestEnv::new());
    build(&env);
    let (again, _) = build(&env);
    assert!(again.contains("5 / 5") && again.contains("hit by definition"), "{again}");
    // A stage that is another now, and has the same file: what is copied from it has not changed.
    let changed = DOCKERFILE.replace("sleep 0.3", "echo > /other");
    env.build(&changed, &["--secret", "id=token,src=token", "--timings=t.html"]).success();
    let changed = page(&env, "t.html");
    assert!(
        changed.contains("hit by content") && changed.contains("not cached: the command changed"),
        "{changed}"
    );
}

#[test]
fn privileged_a_failed_build_has_a_page() {
    let env = skip_unless!(TestEnv::new());
    env.build("FROM base\nRUN exit 3\nRUN echo never\n", &["--timings=t.html"]).fails(1);
    let failed = page(&env, "t.html");
    assert!(failed.contains("failed after") && failed.contains("exit code: 3"), "{failed}");
    assert!(failed.contains("RUN echo never") && failed.contains("not run"));
}

#[test]
fn privileged_a_file_in_the_context_is_told_of() {
    let env = skip_unless!(TestEnv::new());
    env.give("context");
    let told = || env.build("FROM base\nCOPY . /all\n", &["--timings=context/t.html"]).success().stderr();
    assert!(told().contains("this file is in the build context"));
    env.file(".dockerignore", "*.html\n");
    let told = told();
    assert!(told.contains("timings: context/t.html") && !told.contains("in the build context"), "{told}");
}

#[test]
fn a_folder_that_is_not_there_is_told_before_the_build() {
    let env = TestEnv::bare();
    let told = env.build("FROM nowhere\n", &["--timings=no/such/t.html"]).fails(2).stderr();
    assert!(told.contains("there is no directory no/such") && told.contains("--timings=FILE"), "{told}");
    let told = env.build("FROM nowhere\n", &["--timings=context"]).fails(2).stderr();
    assert!(told.contains("it is a directory"), "{told}");
}
