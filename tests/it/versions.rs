//! Versions of an image: ten builds of a changing environment, going back, comparing.

use serde_json::Value;

use crate::env::{Ran, TestEnv, skip_unless};

/// Environment whose package `numpy` has the version `2.N`; every other build also has another label.
fn dockerfile(number: usize) -> String {
    let site = "/usr/lib/python3/site-packages";
    format!(
        "FROM base\nLABEL half={half}\nRUN mkdir -p {site}/numpy.dist-info {site}/numpy && \
         printf 'Name: numpy\\nVersion: 2.{number}\\n' > {site}/numpy.dist-info/METADATA && \
         printf 'Name: six\\nVersion: 1.17\\n' > {site}/numpy.dist-info/six && echo {number} > {site}/numpy/core.py\n\
         CMD [\"cat\", \"{site}/numpy/core.py\"]\n",
        half = number / 2
    )
}

/// Environment with the context as a git checkout, in which `count` versions of the image `t` were built and committed.
struct Scenario {
    env: TestEnv,
    commits: Vec<String>,
}

impl Scenario {
    fn new(count: usize) -> Result<Self, String> {
        let env = TestEnv::new()?;
        let mut scenario = Self { env, commits: Vec::new() };
        scenario.env.give("context");
        scenario.git(&["init", "--quiet"]);
        (1..=count).for_each(|number| scenario.build(number));
        Ok(scenario)
    }

    fn git(&self, args: &[&str]) -> String {
        let identity = ["-c", "user.name=a", "-c", "user.email=a@a"];
        let output = self.env.program("git").args(["-C", "context"]).args(identity).args(args).output();
        let output = output.expect("git runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    fn build(&mut self, number: usize) {
        self.env.file("Dockerfile", &dockerfile(number));
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "-m", "x"]);
        self.commits.push(self.git(&["rev-parse", "HEAD"]));
        self.env.dsbuild(&["build", "-q", "-t", "t", "--build-arg", "API_TOKEN=canary", "context"]).success();
    }

    fn dsbuild(&self, args: &[&str]) -> Ran {
        self.env.dsbuild(args).success()
    }

    /// Returns the versions of `t` by a template, the newest first.
    fn versions(&self, template: &str) -> Vec<String> {
        let listed = self.dsbuild(&["history", "--versions", "--no-trunc", "--format", template, "t"]);
        listed.stdout().lines().map(str::to_owned).collect()
    }

    /// Returns the output of the image: the number that it was built with.
    fn number(&self, image: &str) -> String {
        self.dsbuild(&["run", "--rm", "--network", "none", image]).stdout().trim().to_owned()
    }
}

#[test]
fn privileged_ten_builds_are_listed_compared_and_restored() {
    let scenario = skip_unless!(Scenario::new(10));
    let numbers: Vec<String> = (1..=10).rev().map(|number| number.to_string()).collect();
    assert_eq!(scenario.versions("{{.Version}}"), numbers);
    let mut commits = scenario.commits.clone();
    commits.reverse();
    assert_eq!(scenario.versions("{{.Commit}}"), commits);
    let states = scenario.versions("{{.How}} {{.State}}");
    assert_eq!((states[0].as_str(), states[9].as_str()), ("build present", "build kept"));
    let mut dockerfiles = scenario.versions("{{.Dockerfile}}");
    dockerfiles.sort_unstable();
    dockerfiles.dedup();
    assert_eq!(dockerfiles.len(), 10);
    assert!(scenario.versions("{{.Bases}}")[0].starts_with("docker.io/library/base:latest@sha256:"));
    let history = scenario.dsbuild(&["history", "--versions", "--format", "{{.Version}}", "t"]).stdout();
    assert_eq!(history.lines().collect::<Vec<_>>(), numbers);
    let command = &scenario.versions("{{.Command}}")[0];
    assert!(command.contains("build -q -t t") && !command.contains("canary"), "{command}");

    let diff = scenario.dsbuild(&["diff", "t@4", "t@5"]).stdout();
    assert!(diff.contains("packages: 1 differ\n  ~ pip   numpy  2.4 -> 2.5\n"), "{diff}");
    assert!(!diff.contains("six") && !diff.contains("Label"), "{diff}");
    assert!(diff.contains("~ usr/lib/python3/site-packages/numpy/core.py  other content of 2B"), "{diff}");

    scenario.dsbuild(&["rollback", "t", "3"]);
    assert_eq!(scenario.number("t"), "3");
    assert_eq!(scenario.versions("{{.Version}} {{.How}}")[0], "11 rollback to 3");
    scenario.dsbuild(&["rollback", "t"]);
    assert_eq!((scenario.number("t").as_str(), scenario.number("t~1").as_str()), ("10", "3"));
    assert_eq!(scenario.number("t@7"), "7");
}

#[test]
fn privileged_a_build_that_changes_nothing_is_no_version() {
    let mut scenario = skip_unless!(Scenario::new(1));
    scenario.env.dsbuild(&["build", "-q", "-t", "t", "context"]).success();
    assert_eq!(scenario.versions("{{.Version}}"), ["1"]);
    // Files that are in no commit show, but the image is the same.
    scenario.env.file("notes.txt", "not in the commit");
    scenario.env.dsbuild(&["build", "-q", "-t", "t", "context"]).success();
    assert_eq!(scenario.versions("{{.Version}}"), ["1"]);
    scenario.env.file("Dockerfile", &dockerfile(2));
    scenario.env.dsbuild(&["build", "-q", "-t", "t", "context"]).success();
    assert_eq!(
        scenario.versions("{{.Commit}}")[0],
        format!("{}+", scenario.commits.pop().expect("a commit"))
    );
}

#[test]
fn privileged_versions_outlive_a_collection_within_their_number() {
    let scenario = skip_unless!(Scenario::new(4));
    let du = scenario.dsbuild(&["du"]).stdout();
    assert!(du.contains("in 3 earlier versions of images"), "{du}");
    scenario.dsbuild(&["prune", "--all"]);
    assert_eq!(scenario.number("t@1"), "1");
    scenario.dsbuild(&["prune", "--all", "--keep-versions", "2"]);
    assert_eq!(scenario.versions("{{.Version}} {{.State}}"), ["4 present", "3 kept", "2 gone", "1 gone"]);
    let refused = scenario.env.dsbuild(&["rollback", "t", "1"]).fails(1).stderr();
    assert!(refused.contains("the image of version 1 of t:latest is no longer in the store"), "{refused}");
    scenario.dsbuild(&["rollback", "t"]);
    assert_eq!(scenario.number("t"), "3");
}

#[test]
fn privileged_a_comparison_has_a_document_and_a_page() {
    let scenario = skip_unless!(Scenario::new(2));
    let json = scenario.dsbuild(&["diff", "t", "--format", "json"]).stdout();
    let document: Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(document["before"]["name"], "t:latest@1");
    assert_eq!(document["before"]["version"]["origin"]["commit"], scenario.commits[0].as_str());
    assert_eq!(document["packages"][0]["name"], "numpy");
    assert_eq!(document["packages"][0]["after"][0], "2.2");
    assert_eq!(document["config"][0]["name"], "Label half");
    scenario.dsbuild(&["diff", "t@1", "base", "--html", "diff.html"]);
    let page = std::fs::read_to_string(scenario.env.path("diff.html")).expect("the page was written");
    assert!(page.contains("<td>pip</td><td>numpy"), "{page}");
    let same = scenario.dsbuild(&["diff", "t", "t@2"]).stdout();
    assert!(same.contains("no differences in files, packages and config"), "{same}");
}

#[test]
fn privileged_versions_that_do_not_exist_are_named_with_a_way_out() {
    let env = skip_unless!(TestEnv::new());
    let check = |args: &[&str], code: i32, expected: &str| {
        let said = env.dsbuild(args).fails(code).stderr();
        assert!(said.contains(expected), "{args:?}: {said}");
    };
    check(&["history", "--versions", "nope"], 1, "nope:latest has no versions in this store");
    check(&["rollback", "base"], 1, "base:latest has no version before the present one");
    check(&["rollback", "base", "7"], 1, "base:latest has no version 7; there are 1 to 1");
    check(&["rollback", "base", "seven"], 2, "\"seven\" is not a version");
    check(&["run", "--rm", "base@7"], 125, "base:latest has no version 7");
    check(&["diff", "base~0"], 2, "diff needs a second image");
}

#[test]
fn privileged_a_damaged_list_is_reported_and_the_name_works() {
    let env = skip_unless!(TestEnv::new());
    let lists = std::fs::read_dir(env.store().join("versions")).expect("listed");
    for list in lists {
        std::fs::write(list.expect("a list").path(), "damaged").expect("written");
    }
    let said = env.dsbuild(&["history", "--versions", "base"]).fails(1).stderr();
    assert!(said.contains("the list of versions of base:latest is damaged (it has no checksum)"), "{said}");
    let said = env.dsbuild(&["check"]).fails(1).stderr();
    assert!(said.contains("does not list the versions of a name"), "{said}");
    env.dsbuild(&["run", "--rm", "--network", "none", "base", "true"]).success();
}
