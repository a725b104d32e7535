//! Tests of lowering: Dockerfiles to plans.

mod checks;
mod errors;
mod golden;
mod images;
mod invariants;
mod limits;
mod outline;
mod trace;

use frontend::lower;
use frontend::options::{Context, Options};
use frontend::plan::Plan;
use graph::{NetworkMode, Op};
use patterns::IgnoreFile;

use images::Images;

/// Returns options of a build with a context, for the same platform on every machine.
fn options() -> Options {
    Options {
        context: Context::Local { path: "/ctx".into(), ignore: ignoring("*.log") },
        platforms: vec!["linux/amd64".parse().expect("a platform")],
        ..Options::default()
    }
}

/// Returns an ignore file of that context.
fn ignoring(text: &str) -> IgnoreFile {
    IgnoreFile::parse("/ctx/.dockerignore".into(), text.as_bytes()).expect("good patterns")
}

#[track_caller]
fn plan_of(text: &str, options: &Options) -> Plan {
    let dockerfile = parser::parse(text.as_bytes()).expect("a Dockerfile");
    lower(&dockerfile, options, &Images::default()).expect("a plan")
}

#[track_caller]
fn history_of(text: &str, options: &Options) -> Vec<String> {
    let history = &plan_of(text, options).images[0].config.history;
    let own = history.iter().filter(|entry| entry.comment == "buildkit.dockerfile.v0");
    own.map(|entry| entry.created_by.clone()).collect()
}

#[test]
fn the_history_shows_each_argument_once_with_its_current_value() {
    let text = "FROM busybox\nARG a=1 b\nENV b=env\nARG a=2\nRUN x\n";
    let history = history_of(text, &options());
    assert_eq!(history.last().map(String::as_str), Some("RUN |2 a=2 b=env /bin/sh -c x # buildkit"));
}

#[test]
fn a_build_argument_takes_precedence_over_every_default() {
    let mut options = options();
    options.build_args.insert("a".to_owned(), "given".to_owned());
    let text = "ARG a=global\nFROM busybox\nARG a=stage\nLABEL l=$a\n";
    let plan = plan_of(text, &options);
    assert_eq!(plan.images[0].config.config.labels["l"], "given");
}

#[test]
fn an_image_that_no_stage_needs_is_not_looked_up() {
    let text = "FROM missing AS unused\nRUN x\nFROM busybox\nLABEL a=1\n";
    assert_eq!(plan_of(text, &options()).graph.steps.len(), 1);
}

#[test]
fn an_image_is_looked_up_once() {
    let images = Images::default();
    let text = "FROM busybox AS a\nRUN a\nFROM busybox:latest\nCOPY --from=a /a /\n";
    let dockerfile = parser::parse(text.as_bytes()).expect("a Dockerfile");
    lower(&dockerfile, &options(), &images).expect("a plan");
    assert_eq!(images.looked_up(), ["docker.io/library/busybox:latest for linux/amd64"]);
}

#[test]
fn without_a_requested_platform_the_image_decides() {
    let options = Options { platforms: Vec::new(), ..options() };
    let plan = plan_of("FROM other-machine\nRUN x\n", &options);
    assert_eq!(plan.images[0].platform.to_string(), "linux/s390x");
    assert_eq!(plan.images[0].config.platform.to_string(), "linux/s390x");
    assert_eq!(plan.graph.steps[1].platform.to_string(), "linux/s390x");
}

#[test]
fn platforms_share_equal_steps() {
    let mut options = options();
    options.platforms.push("linux/arm64".parse().expect("a platform"));
    let text = "FROM --platform=linux/amd64 busybox AS build\nRUN make\n\
                FROM scratch\nCOPY --from=build /out /\n";
    let plan = plan_of(text, &options);
    let execs = plan.graph.steps.iter().filter(|step| matches!(step.op, Op::Exec(_))).count();
    assert_eq!((execs, plan.images.len(), plan.multi_platform), (1, 2, true));
    assert_eq!(plan.images[1].config.platform.architecture, "arm64");
}

#[test]
fn the_default_network_of_a_run_is_that_of_the_build() {
    let options = Options { network: NetworkMode::None, ..options() };
    let plan = plan_of("FROM busybox\nRUN a\nRUN --network=default b\n", &options);
    let modes = plan.graph.steps.iter().filter_map(|step| match &step.op {
        Op::Exec(exec) => Some(exec.network),
        _ => None,
    });
    assert_eq!(modes.collect::<Vec<_>>(), [NetworkMode::None, NetworkMode::None]);
}

#[test]
fn the_no_cache_filter_ignores_case_and_does_not_affect_workdir() {
    let options = Options { no_cache_filter: vec!["TWO".to_owned()], ..options() };
    let text = "FROM busybox AS one\nRUN a\nFROM one AS two\nWORKDIR /w\nRUN b\n";
    let plan = plan_of(text, &options);
    let ignoring = plan.graph.steps.iter().filter(|step| step.meta.ignore_cache);
    assert_eq!(ignoring.map(|step| step.meta.name.as_str()).collect::<Vec<_>>(), ["[two 2/2] RUN b"]);
}

/// Lowers a Dockerfile for Windows; returns its working directory and the destination of its last COPY.
fn windows(text: &str) -> Result<(String, String), String> {
    let options = Options { platforms: vec!["windows/amd64".parse().expect("a platform")], ..options() };
    let dockerfile = parser::parse(format!("# escape=`\nFROM scratch\n{text}COPY a b\n").as_bytes())
        .expect("a Dockerfile");
    let plan = lower(&dockerfile, &options, &Images::default()).map_err(|error| error.to_string())?;
    let mut copies = plan.graph.steps.iter().filter_map(|step| match &step.op {
        Op::File(op) => op.actions.iter().find_map(|action| match action {
            graph::FileAction::Copy(copy) => Some(copy.destination.clone()),
            _ => None,
        }),
        _ => None,
    });
    Ok((plan.images[0].config.config.working_dir.clone(), copies.next_back().expect("a copy")))
}

#[test]
fn working_directories_of_windows_images_have_its_form() {
    let check = |text: &str, expected: &str, copied: &str| {
        assert_eq!(windows(text), Ok((expected.to_owned(), copied.to_owned())), "{text}");
    };
    check("", "/", "/b");
    check("WORKDIR C:\\app\\src\n", r"\app\src", "/app/src/b");
    check("WORKDIR c:/app\nWORKDIR x\\y\n", r"\app\x\y", "/app/x/y/b");
    check("WORKDIR /app\nWORKDIR ..\n", r"\", "/b");
    let refused = windows("WORKDIR D:\\app\n").expect_err("another drive");
    assert!(refused.contains("is not on the system drive (C:)"), "{refused}");
}

#[test]
fn a_long_chain_of_stages_is_lowered() {
    let mut text = "FROM scratch AS s0\n".to_owned();
    for number in 1..1000 {
        text.push_str(&format!("FROM s{} AS s{number}\nLABEL l=1\n", number - 1));
    }
    let plan = plan_of(&text, &options());
    assert_eq!(plan.images[0].config.history.len(), 999);
}
