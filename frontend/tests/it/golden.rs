//! Golden files: `tests/golden/<case>.dockerfile` becomes `<case>.steps`. `UPDATE=1` rewrites them; a missing file fails.
//!
//! Comments at the top of a case set options:
//! `#! target NAME`, `#! arg NAME=VALUE`, `#! label NAME=VALUE`, `#! platform NAME`, `#! context NAME KIND VALUE`,
//! `#! allow`, `#! no-cache`, `#! host NAME`.

use std::fs;
use std::path::Path;

use frontend::options::{Entitlements, NamedContext, Options};
use frontend::{dump, lower};
use graph::AllowedDevices;
use patterns::IgnoreFile;

use super::images::Images;

fn with_options(text: &str) -> Options {
    let mut options = Options { platforms: Vec::new(), ..super::options() };
    for line in text.lines().map_while(|line| line.strip_prefix("#! ")) {
        let (key, value) = line.split_once(' ').unwrap_or((line, ""));
        set(&mut options, key, value);
    }
    if options.platforms.is_empty() {
        options.platforms = super::options().platforms;
    }
    options
}

fn set(options: &mut Options, key: &str, value: &str) {
    let pair = || {
        let (name, value) = value.split_once('=').expect("NAME=VALUE");
        (name.to_owned(), value.to_owned())
    };
    match key {
        "target" => options.target = Some(value.to_owned()),
        "arg" => drop(options.build_args.insert(pair().0, pair().1)),
        "label" => options.labels.push(pair()),
        "platform" => options.platforms.push(value.parse().expect("a platform")),
        "context" => {
            let words: Vec<&str> = value.split(' ').collect();
            drop(options.named_contexts.insert(words[0].to_owned(), context(words[1], words[2])));
        }
        "allow" => {
            options.allow = Entitlements {
                network_host: true,
                security_insecure: true,
                devices: AllowedDevices { all: true, ..AllowedDevices::default() },
            };
        }
        "no-cache" => options.no_cache = true,
        "host" => options.add_hosts.push((value.to_owned(), "10.0.0.1".parse().expect("an address"))),
        other => panic!("no option {other}"),
    }
}

fn context(kind: &str, value: &str) -> NamedContext {
    match kind {
        "local" => NamedContext::Local { path: value.into(), ignore: IgnoreFile::default() },
        "image" => NamedContext::Image(value.to_owned()),
        "layout" => NamedContext::Layout { path: value.into(), tag: None, digest: None },
        "git" => NamedContext::Git(value.to_owned()),
        "http" => NamedContext::Http(value.to_owned()),
        other => panic!("no kind of context {other}"),
    }
}

fn check(case: &Path) {
    let text = fs::read_to_string(case).expect("the case is readable");
    let dockerfile =
        parser::parse(text.as_bytes()).unwrap_or_else(|error| panic!("{}: {error}", case.display()));
    let plan = lower(&dockerfile, &with_options(&text), &Images::default());
    let dumped = match plan {
        Ok(plan) => dump::plan(&plan),
        Err(error) => panic!("{}: {error}", case.display()),
    };
    let expected = case.with_extension("steps");
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&expected, &dumped).expect("the expectation is writable");
    }
    let text = fs::read_to_string(&expected)
        .unwrap_or_else(|_| panic!("{} is missing: UPDATE=1", expected.display()));
    assert_eq!(dumped, text, "{}", case.display());
}

#[test]
fn each_dockerfile_becomes_its_golden_steps() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let entries =
        fs::read_dir(folder).expect("the folder is there").map(|entry| entry.expect("readable").path());
    let mut cases: Vec<_> =
        entries.filter(|path| path.extension().is_some_and(|end| end == "dockerfile")).collect();
    cases.sort();
    assert!(cases.len() > 10, "the cases are there");
    cases.iter().for_each(|case| check(case));
}
