//! Parsing: ordinary Dockerfiles, and shapes that could cost more than their length suggests.

use std::fmt::Write as _;

use super::Bench;
use crate::result::PartResult;

/// A mebibyte, less room for a FROM and an end. The parser refuses longer texts.
const MIB: usize = (1 << 20) - 64;
/// Length in bytes of a line that is just below the parser's limit.
const LINE: usize = 65_000;
/// Goal in seconds for a mebibyte of any shape.
const GOAL_MIB_S: f64 = 0.1;
/// Goal in seconds for a thousand ordinary lines.
const GOAL_LINES_S: f64 = 0.001;

/// A Dockerfile that repeats one construct.
struct Shape {
    name: &'static str,
    title: &'static str,
    text: fn() -> String,
    goal_s: f64,
}

/// Shapes of one mebibyte each, except for the first. The parser accepts 10,000 instructions and 65,535 bytes a line
/// (`parser::Limits`): most shapes come close to both. Texts beyond a limit are refused, and the time until then is
/// measured.
const SHAPES: &[Shape] = &[
    Shape {
        name: "1000-lines",
        title: "1,000 lines as people write them",
        text: || real_like(1000),
        goal_s: GOAL_LINES_S,
    },
    mib("real", "as people write them", || grown("", |_| real_like(50), "")),
    mib("comments", "comments", || grown("", |n| format!("# comment number {n}\n"), "")),
    mib("empty-lines", "empty lines", || grown("", |_| "\n".to_owned(), "")),
    mib("continuations", "one RUN, continued", || grown("RUN ", |n| format!("echo {n} && \\\n"), "true\n")),
    mib("short-continuations", "empty continuations", || grown("RUN a ", |_| "\\\n".to_owned(), "b\n")),
    mib("commented-continuations", "comments between continued lines", || {
        grown("RUN a \\\n", |n| format!("  a{n} \\\n  # why\n\n"), "b\n")
    }),
    mib("heredocs", "10,000 heredocs", || {
        grown("", |n| format!("RUN <<EOF{n}\n{}\nEOF{n}\n", "echo\n".repeat(18)), "")
    }),
    mib("one-heredoc", "one heredoc", || grown("RUN <<EOF\n", |n| format!("EO {n}\n"), "EOF\n")),
    mib("many-heredocs", "heredocs of a few COPYs", || grown("", |line| heredocs_of_one(line, 7000), "")),
    mib("open-heredocs", "heredocs without an end", || {
        grown("", |n| format!("RUN <<E{n} {}\n", "a".repeat(95)), "")
    }),
    mib("env", "10,000 ENV with expansions", || {
        grown("", |n| format!("ENV V{n}={}\n", format!("${{V{}:-${{A:+b}}}}:$PATH", n / 2).repeat(5)), "")
    }),
    mib("one-env", "a few ENV of many", || lines("ENV ", |n| format!("K{n}=\"v $K{n}\" "), "")),
    mib("nested-expansion", "expansions in each other", || {
        lines("ENV A=", |_| format!("{}x{} ", "${B:-".repeat(9000), "}".repeat(9000)), "")
    }),
    mib("quotes", "quotes", || lines("LABEL a=", |_| "\"a\"'b'\\c".to_owned(), "")),
    mib("open-quotes", "quotes without an end", || lines("LABEL ", |n| format!("a{n}=\\\" "), "\"")),
    mib("one-letter", "words of one letter", || lines("COPY ", |_| "a ".to_owned(), "/")),
    mib("one-letter-lines", "EXPOSE of one digit", || grown("", |n| format!("EXPOSE {}\n", n % 9 + 1), "")),
    mib("one-word", "long words", || lines("RUN ", |_| "a".repeat(1000), "")),
    mib("flags", "10,000 COPYs with flags", || {
        grown(
            "",
            |n| {
                format!(
                    "COPY --link --parents --from=0 --chown=1:{n} --chmod=u=rwX,go=rX --exclude=*.o --exclude=*.a src /destination\n"
                )
            },
            "",
        )
    }),
    mib("one-flag-list", "flags of a few COPYs", || lines("COPY ", |n| format!("--exclude=f{n} "), "a b")),
    mib("mounts", "10,000 RUNs with mounts", || {
        grown(
            "",
            |n| {
                format!(
                    "RUN --mount=type=cache,id=c{n},target=/c,sharing=locked --mount=type=bind,from=0,source=/a,target=/b x\n"
                )
            },
            "",
        )
    }),
    mib("json", "10,000 JSON forms", || {
        grown("", |n| format!("CMD [\"sh\", \"-c\", \"{} {n}\"]\n", "echo \\u00e9\\t".repeat(8)), "")
    }),
    mib("one-json", "a few long JSON forms", || lines("CMD [", |n| format!("\"{n}\", "), "\"\"]")),
    mib("broken-json", "JSON forms that are not valid", || lines("CMD ", |_| "[\"a\",".to_owned(), "")),
    mib("stages", "stages", || {
        grown("", |n| format!("FROM s{} AS s{n}\nRUN {}\n", n / 2, "a ".repeat(510)), "")
    }),
    mib("unknown", "an unknown instruction", || grown("", |_| format!("{} x\n", "RUNN".repeat(10_000)), "")),
    mib("bytes", "bytes that are not text", || lines("RUN ", |_| "\u{0}\u{1}\u{fe}\u{ff} \\".to_owned(), "")),
];

const fn mib(name: &'static str, title: &'static str, text: fn() -> String) -> Shape {
    Shape { name, title, text, goal_s: GOAL_MIB_S }
}

/// Returns the names of all parts of this file.
pub fn names() -> impl Iterator<Item = String> {
    SHAPES.iter().map(|shape| format!("parse/{}", shape.name))
}

/// Measures the parts whose names are wanted.
pub fn parts(bench: Bench<'_>, wants: &dyn Fn(&str) -> bool) -> Vec<PartResult> {
    let wanted = names().zip(SHAPES).filter(|(name, _)| wants(name));
    wanted.map(|(name, shape)| part(bench, name, shape)).collect()
}

fn part(bench: Bench<'_>, name: String, shape: &Shape) -> PartResult {
    let text = with_stage((shape.text)());
    let samples = bench.samples(|| parser::parse(text.as_bytes()));
    let outcome = match parser::parse(text.as_bytes()) {
        Ok(_) => String::new(),
        Err(error) => format!(", refused: {}", error.to_string().chars().take(48).collect::<String>()),
    };
    let size = if text.len() > MIB / 2 { "1 MiB: " } else { "" };
    let note = format!("{}{outcome}", samples.throughput(text.len()));
    samples.result(name, format!("parse {size}{}", shape.title), Some(shape.goal_s), note)
}

/// Adds a FROM to a text without one, since most shapes are about the lines after it.
fn with_stage(text: String) -> String {
    if text.starts_with("FROM") { text } else { format!("FROM scratch\n{text}") }
}

/// Returns `start`, as many pieces as fit into a mebibyte, and `end`.
fn grown(start: &str, piece: impl Fn(usize) -> String, end: &str) -> String {
    let mut text = start.to_owned();
    for n in 0.. {
        let piece = piece(n);
        if text.len() + piece.len() + end.len() > MIB {
            break;
        }
        text.push_str(&piece);
    }
    text + end
}

/// Returns a mebibyte of lines of the greatest length: each is `start`, pieces, and `end`.
fn lines(start: &str, piece: impl Fn(usize) -> String, end: &str) -> String {
    let line = |number: usize| {
        let mut line = start.to_owned();
        for n in 0.. {
            let piece = piece(n + number * LINE);
            if line.len() + piece.len() + end.len() > LINE {
                break;
            }
            line.push_str(&piece);
        }
        line + end + "\n"
    };
    grown("", line, "")
}

/// Returns a COPY of `count` heredocs, each of one line.
fn heredocs_of_one(line: usize, count: usize) -> String {
    let names: Vec<String> = (0..count).map(|n| format!("E{}", n + line)).collect();
    let heads: String = names.iter().map(|name| format!("<<{name} ")).collect();
    let bodies: String = names.iter().map(|name| format!("x\n{name}\n")).collect();
    format!("COPY {heads}/d/\n{bodies}")
}

/// Returns at least `count` lines as projects have them: stages, package lists, copies, variables.
fn real_like(lines: usize) -> String {
    let mut text = String::new();
    let mut stage = 0;
    while text.lines().count() < lines {
        let _ = write!(
            text,
            "# Stage {stage}: dependencies first, so that the cache holds.\n\
             FROM debian:bookworm-slim AS stage{stage}\n\
             ARG VERSION=1.{stage}\n\
             ENV APP_HOME=/srv/app{stage} \\\n    PATH=\"${{APP_HOME}}/bin:$PATH\"\n\
             WORKDIR $APP_HOME\n\
             RUN apt-get update && apt-get install -y --no-install-recommends \\\n\
             \x20       build-essential \\\n        ca-certificates \\\n        curl \\\n\
             \x20   && rm -rf /var/lib/apt/lists/*\n\n\
             COPY --chown=app:app requirements.txt ./\n\
             RUN --mount=type=cache,target=/root/.cache/pip \\\n    pip install -r requirements.txt\n\
             COPY . .\n\
             LABEL org.opencontainers.image.version=\"$VERSION\" maintainer=\"team@example.org\"\n\
             EXPOSE 8080/tcp\n\
             HEALTHCHECK --interval=30s CMD curl -f http://localhost:8080/ || exit 1\n\
             USER app\n\
             ENTRYPOINT [\"python\", \"-m\", \"app\"]\n\
             CMD [\"--port\", \"8080\"]\n\n"
        );
        stage += 1;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_are_as_large_as_they_say() {
        for shape in &SHAPES[1..] {
            let size = (shape.text)().len();
            assert!((MIB * 3 / 5..=MIB).contains(&size), "{}: {size}", shape.name);
        }
        let lines = (SHAPES[0].text)().lines().count();
        assert!((1000..1050).contains(&lines), "{lines}");
    }

    #[test]
    fn what_people_write_parses() {
        parser::parse(real_like(1000).as_bytes()).unwrap();
    }
}
