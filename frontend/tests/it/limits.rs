//! Limits of the text that a Dockerfile expands to: each from both sides, and hostile files that exceed them.

use std::collections::BTreeMap;
use std::time::Duration;

use frontend::options::Options;
use frontend::plan::Plan;
use frontend::{LowerError, lower};
use rustix::time::{ClockId, clock_gettime};

use super::images::Images;
use super::options;

/// Maximum size in bytes of a variable that Linux passes to a process.
const MAX_VARIABLE_BYTES: usize = 128 << 10;

/// Maximum size in bytes of all variables that Linux passes to a process.
const MAX_ENVIRONMENT_BYTES: usize = 2 << 20;

/// Maximum processor time for a hostile file in a build without optimisation. Without limits each file would take hours,
/// or all memory.
const MAX_TIME: Duration = Duration::from_secs(20);

/// Returns the processor time of this thread, which does not count other threads.
fn spent() -> Duration {
    clock_gettime(ClockId::ThreadCPUTime).try_into().expect("no clock goes backwards")
}

fn lowered(text: &str, options: &Options) -> Result<Plan, LowerError> {
    let dockerfile = parser::parse(text.as_bytes()).expect("a Dockerfile");
    let start = spent();
    let plan = lower(&dockerfile, options, &Images::default());
    let taken = spent() - start;
    assert!(taken < MAX_TIME, "{taken:?}");
    plan
}

#[track_caller]
fn check(text: &str, line: u32, message: &str) {
    let error = lowered(text, &options()).expect_err("beyond the bound");
    assert_eq!((error.to_string().as_str(), error.lines), (message, Some(graph::Lines::single(line))));
}

#[track_caller]
fn check_fits(text: &str) {
    if let Err(error) = lowered(text, &options()) {
        panic!("within the bound: {error}");
    }
}

/// Returns options with a build argument, which can be longer than a line of a file.
fn with_argument(value: String) -> Options {
    Options { build_args: [("a".to_owned(), value)].into(), ..options() }
}

#[test]
fn a_variable_fits_into_what_linux_passes_to_a_process() {
    let message = "variable a takes 131073 bytes, and Linux hands no more than 131072 to a process";
    let longest = "x".repeat(MAX_VARIABLE_BYTES - "a=\0".len());
    for text in ["FROM busybox\nARG a\n", "ARG a\nFROM busybox\n"] {
        assert!(lowered(text, &with_argument(longest.clone())).is_ok(), "{text:?}");
        let error = lowered(text, &with_argument(format!("{longest}x"))).expect_err(text);
        assert_eq!(error.to_string(), message, "{text:?}");
        assert!(error.hint().is_some_and(|hint| hint.contains("file")));
    }
    let quarter = "x".repeat(MAX_VARIABLE_BYTES / 4 - 1);
    let text = format!("FROM busybox\nENV h={quarter}\nENV a=$h$h$h${{h}}");
    check_fits(&format!("{text}y\n"));
    check(&format!("{text}yz\n"), 3, message);
}

/// Returns build arguments that fill an environment except for `rest_bytes`, which a file has no room for.
fn fill(rest_bytes: usize) -> BTreeMap<String, String> {
    let (longest, size_bytes) = (MAX_VARIABLE_BYTES, MAX_ENVIRONMENT_BYTES - rest_bytes);
    let sizes = std::iter::repeat_n(longest, size_bytes / longest).chain([size_bytes % longest]);
    let value = |size_bytes: usize| "x".repeat(size_bytes - "v00=\0".len());
    sizes.enumerate().map(|(number, size_bytes)| (format!("v{number:02}"), value(size_bytes))).collect()
}

#[test]
fn an_environment_fits_into_what_linux_passes_to_a_process() {
    // Every stage has a PATH.
    let path_bytes = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\0".len();
    let build_args = fill(path_bytes);
    let names = build_args.keys().map(String::as_str).collect::<Vec<_>>().join(" ");
    let options = Options { build_args, ..options() };
    let lowered = |more: &str| lowered(&format!("FROM scratch\nARG {names}\n{more}"), &options);
    assert!(lowered("").is_ok());
    assert!(lowered("ENV v00=shorter\nENV w=1\n").is_ok(), "a replaced value makes room");
    for more in ["ENV w=1\n", "ARG w=1\n"] {
        let error = lowered(more).expect_err("beyond the bound");
        let message = "the variables take more than the 2097152 bytes that Linux hands to a process";
        assert_eq!(
            (error.to_string().as_str(), error.lines),
            (message, Some(graph::Lines::new(3, 3))),
            "{more}"
        );
    }
}

#[test]
fn a_value_that_doubles_with_each_line_is_an_error() {
    let doubling = |keyword: &str| {
        let first = format!("{keyword} A0=xxxxxxxxxx\n");
        let lines = (0..40).map(|n| format!("{keyword} A{}=$A{n}$A{n}\n", n + 1));
        std::iter::once(first).chain(lines).collect::<String>()
    };
    let message = |name, size| {
        format!("variable {name} takes {size} bytes, and Linux hands no more than 131072 to a process")
    };
    // 10 bytes doubled 14 times exceed the limit.
    check(&format!("FROM busybox\n{}", doubling("ENV")), 16, &message("A14", 163_845));
    check(&format!("FROM busybox\n{}", doubling("ARG")), 16, &message("A14", 163_845));
    check(&format!("{}FROM busybox\n", doubling("ARG")), 15, &message("A14", 163_845));
    let deep = "${a:-".repeat(101) + &"}".repeat(101);
    let error = lowered(&format!("FROM busybox\nLABEL l={deep}\n"), &options()).expect_err("deep");
    assert!(error.to_string().ends_with("substitutions are nested deeper than 100"), "{error}");
}

/// No value is too long, but each is used on many lines.
#[test]
fn a_long_value_on_many_lines_is_an_error() {
    let message = "with its variables expanded, the Dockerfile makes more than 33554432 bytes of text";
    let long = format!("FROM busybox AS s0\nENV h={}\nENV a=$h$h\n", "x".repeat(60_000));
    for line in ["LABEL l=$a", "COPY $a /", "RUN x", "ENV a=$a"] {
        let text = format!("{long}{}", format!("{line}\n").repeat(9_000));
        let error = lowered(&text, &options()).expect_err(line);
        assert_eq!(error.to_string(), message, "{line}");
        assert!(error.lines > Some(graph::Lines::new(4, 4)) && error.hint().is_some(), "{line}");
    }
    let stages: String = (1..1_000).map(|n| format!("FROM s{} AS s{n}\n", n - 1)).collect();
    let error = lowered(&format!("{long}{stages}"), &options()).expect_err("a thousand copies");
    assert_eq!(error.to_string(), message);
    let ports = format!("FROM busybox\nEXPOSE{}\n", " 1-65535".repeat(8_000));
    check(&ports, 2, message);
    let shell = format!("FROM busybox\nSHELL [\"{}\"]\n{}", "x".repeat(60_000), "CMD x\n".repeat(9_000));
    assert_eq!(lowered(&shell, &options()).expect_err("a long shell").to_string(), message);
}

#[test]
fn a_large_file_of_ordinary_lines_fits() {
    let lines =
        "ENV PATH=/opt/x/bin:/usr/local/bin:/usr/bin:/bin\nRUN make $PATH\nCOPY $PATH /\n".repeat(3_300);
    check_fits(&format!("FROM busybox\n{lines}"));
}

#[test]
fn an_image_has_at_most_128_triggers() {
    let text = |number: usize| format!("FROM busybox\n{}", "ONBUILD RUN x\n".repeat(number));
    check_fits(&text(128));
    check(&text(129), 130, "more than 128 ONBUILD triggers");
    // The triggers of a stage are the first instructions of the next.
    check_fits(&(text(128).replace("busybox", "busybox AS a") + "FROM a\n"));
    check_fits("FROM triggers-128\n");
    check("FROM triggers-129\n", 1, "more than 128 ONBUILD triggers");
}

/// A thousand stages that copy from eight others each, and RUNs that mount nine hundred.
#[test]
fn many_dependencies_between_stages_take_little_time() {
    let mut text = "FROM scratch AS s0\n".to_owned();
    for number in 1..1_000_usize {
        text.push_str(&format!("FROM scratch AS s{number}\n"));
        let first = number.saturating_sub(8);
        (first..number).for_each(|from| text.push_str(&format!("COPY --from=s{from} / /\n")));
    }
    check_fits(&text);
    let mounts: String = (0..900).map(|from| format!(" --mount=from=s{from},target=/{from}")).collect();
    let runs = format!("RUN{mounts} x\n").repeat(20);
    let stages: String = (0..900).map(|number| format!("FROM scratch AS s{number}\n")).collect();
    check_fits(&format!("{stages}FROM busybox\n{runs}"));
}
