//! Tests of whole files.

use super::*;
use serde_json::json;

fn request(targets: &[&str], overrides: &[&str], variables: &[(&str, &str)]) -> Request {
    let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Request {
        targets: owned(targets),
        overrides: owned(overrides),
        variables: variables.collect(),
        local_platform: "linux/amd64".to_owned(),
    }
}

fn hcl(text: &str) -> Vec<Source> {
    vec![Source::Bake("docker-bake.hcl".to_owned(), text.to_owned())]
}

fn print(sources: &[Source], request: &Request) -> Value {
    serde_json::to_value(plan(sources, request).unwrap()).unwrap()
}

const FILE: &str = r#"
variable "TAG" { default = "latest" }
variable "FAST" { default = false }
variable "NAME" { default = "app-${TAG}" }
function "image" {
  params = [name]
  result = "registry.example/${name}:${TAG}"
}
group "default" { targets = ["web", "job"] }
target "base" {
  args = { V = "1", MODE = FAST ? "fast" : "slow", NONE = null }
  platforms = ["linux/amd64"]
}
target "web" {
  inherits = ["base"]
  tags = [image("web"), NAME]
  args = { V = 2 }
  contexts = { lib = "target:lib" }
}
target "job" {
  inherits = ["base"]
  dockerfile = "job.Dockerfile"
  output = ["type=local,dest=out"]
}
target "lib" { context = "lib" }
"#;

#[test]
fn targets_are_complete() {
    let got = print(&hcl(FILE), &request(&[], &[], &[("TAG", "7"), ("FAST", "true")]));
    let expected = json!({
        "group": {"default": {"targets": ["web", "job"]}},
        "target": {
            "web": {
                "context": ".", "dockerfile": "Dockerfile", "platforms": ["linux/amd64"],
                "args": {"V": "2", "MODE": "fast"}, "contexts": {"lib": "target:lib"},
                "tags": ["registry.example/web:7", "app-7"],
            },
            "job": {
                "context": ".", "dockerfile": "job.Dockerfile", "platforms": ["linux/amd64"],
                "args": {"V": "1", "MODE": "fast"}, "output": [{"type": "local", "dest": "out"}],
            },
            "lib": {"context": "lib", "dockerfile": "Dockerfile", "output": [{"type": "cacheonly"}]},
        },
    });
    assert_eq!(got, expected);
}

#[test]
fn a_target_comes_after_those_that_it_uses() {
    let plan = plan(&hcl(FILE), &request(&["web"], &[], &[])).unwrap();
    assert_eq!(plan.order, ["lib", "web"]);
    assert_eq!(plan.groups["default"].targets, ["web"]);
}

#[test]
fn set_changes_fields_of_matching_targets() {
    let overrides =
        ["*.args.V=9", "web.tags=a", "web.tags=b", "job.platform+=linux/arm64", "j*.no-cache=true"];
    let got = print(&hcl(FILE), &request(&[], &overrides, &[]));
    assert_eq!(got["target"]["web"]["args"]["V"], "9");
    assert_eq!(got["target"]["web"]["tags"], json!(["a", "b"]));
    assert_eq!(got["target"]["job"]["platforms"], json!(["linux/amd64", "linux/arm64"]));
    assert_eq!(got["target"]["job"]["no-cache"], true);
}

#[test]
fn a_matrix_makes_a_target_of_each_combination() {
    let text = r#"
        target "app" {
          name = "app-${v}-${item.os}"
          matrix = { v = ["1", "2"], item = [{os = "a"}, {os = "b"}] }
          args = { V = v, OS = item.os }
        }
    "#;
    let got = print(&hcl(text), &request(&["app"], &[], &[]));
    assert_eq!(got["group"]["app"]["targets"], json!(["app-1-a", "app-2-a", "app-1-b", "app-2-b"]));
    assert_eq!(got["target"]["app-2-b"]["args"], json!({"V": "2", "OS": "b"}));
}

#[test]
fn later_files_add_to_earlier_ones_in_every_form() {
    let mut sources = hcl(FILE);
    let json = r#"{"variable": {"TAG": {"default": "9"}}, "target": {"web": {"tags": ["x:${TAG}"], "args": {"W": "w"}}}}"#;
    sources.push(Source::Bake("docker-bake.override.json".to_owned(), json.to_owned()));
    let got = print(&sources, &request(&["web"], &[], &[]));
    assert_eq!(got["target"]["web"]["tags"], json!(["x:9"]));
    assert_eq!(got["target"]["web"]["args"], json!({"MODE": "slow", "V": "2", "W": "w"}));
}

#[test]
fn patterns_and_missing_default_groups_stand_for_targets() {
    let text = "target \"a-x\" {}\ntarget \"a-y\" {}\ntarget \"b\" {}";
    let names = |targets: &[&str]| plan(&hcl(text), &request(targets, &[], &[])).unwrap().order;
    assert_eq!(names(&["a-*"]), ["a-x", "a-y"]);
    assert_eq!(names(&[]), ["a-x", "a-y", "b"]);
}

#[test]
fn a_mistake_names_its_place() {
    let check = |text: &str, expected: &str| {
        assert_eq!(plan(&hcl(text), &request(&[], &[], &[])).unwrap_err().to_string(), expected);
    };
    check("target \"a\" { tag = [] }", "target \"a\": tag: a target has no such attribute");
    check("target \"a\" { args = { V = NO } }", "target \"a\": args: there is no variable \"NO\"");
    check("target \"a\" { inherits = [\"b\"] }", "there is no target or group \"b\"");
    check("target \"a\" { inherits = [\"a\"] }", "inherits cycle: a -> a");
    check(
        "group \"default\" { targets = [\"weeb\"] }\ntarget \"web\" {}",
        "there is no target or group \"weeb\"; did you mean \"web\"?",
    );
    check(
        "variable \"A\" { default = B }\nvariable \"B\" { default = A }",
        "variable \"A\": there is no variable \"B\"",
    );
    let rule = "variable \"A\" {\n default = 1\n validation {\n condition = A > 5\n error_message = \"too small\"\n }\n}";
    check(rule, "variable \"A\": too small");
    let syntax = plan(&hcl("target {"), &request(&[], &[], &[])).unwrap_err().to_string();
    assert!(syntax.starts_with("docker-bake.hcl: "), "{syntax}");
    let set = plan(&hcl(FILE), &request(&[], &["web=x"], &[])).unwrap_err().to_string();
    assert_eq!(set, "--set \"web=x\": it is not TARGET.FIELD=VALUE");
}

#[test]
fn built_in_functions_work_as_in_buildx() {
    let check = |expression: &str, expected: &str| {
        let text = format!("target \"a\" {{ args = {{ R = jsonencode({expression}) }} }}");
        let got = print(&hcl(&text), &request(&[], &[], &[]));
        assert_eq!(got["target"]["a"]["args"]["R"], expected, "{expression}");
    };
    check("join(\",\", concat([1], [\"a\"]))", "\"1,a\"");
    check("split(\"-\", \"a-b\")", "[\"a\",\"b\"]");
    check("format(\"%s-%03d-%.2f-%q\", \"x\", 7, 1.5, \"q\")", "\"x-007-1.50-\\\"q\\\"\"");
    check("formatlist(\"%s!\", [\"a\", \"b\"])", "[\"a!\",\"b!\"]");
    check("regex(\"v([0-9]+)\", \"v12\")", "[\"12\"]");
    check("regex_replace(\"a1b2\", \"[0-9]\", \"-\")", "\"a-b-\"");
    check("merge({a = 1}, {b = 2})", "{\"a\":1,\"b\":2}");
    check("lookup({a = 1}, \"z\", 5)", "5");
    check("setproduct([1, 2], [\"x\"])", "[[1,\"x\"],[2,\"x\"]]");
    check("distinct([1, 1, 2])", "[1,2]");
    check("range(3)", "[0,1,2]");
    check("max(1, 5, 3)", "5");
    check("substr(\"hello\", 1, 3)", "\"ell\"");
    check("base64encode(\"hi\")", "\"aGk=\"");
    check("csvdecode(\"a,b\\n1,\\\"x,y\\\"\")", "[{\"a\":\"1\",\"b\":\"x,y\"}]");
    check("timeadd(\"2026-01-01T00:00:00Z\", \"90m\")", "\"2026-01-01T01:30:00Z\"");
    check("title(\"a bc\")", "\"A Bc\"");
    check("sanitize(\"a.b/c\")", "\"a_b_c\"");
    check("parseint(\"ff\", 16)", "255");
    check("urlencode(\"a b/c\")", "\"a+b%2Fc\"");
    check("trimsuffix(\"a.txt\", \".txt\")", "\"a\"");
    check("dirname(\"/a/b\")", "\"/a\"");
}

#[test]
fn services_with_a_build_are_targets() {
    let dir = std::path::PathBuf::from("/work");
    let build = compose::model::Build {
        context: "/work/api".to_owned(),
        dockerfile: "Dockerfile".to_owned(),
        ..Default::default()
    };
    let service =
        compose::model::Service { build: Some(build), image: "api:1".to_owned(), ..Default::default() };
    let project =
        compose::Project { dir, services: [("my.api".to_owned(), service)].into(), ..Default::default() };
    let got = print(&[Source::Compose(Box::new(project))], &request(&[], &[], &[]));
    assert_eq!(
        got["target"]["my_api"],
        json!({"context": "api", "dockerfile": "Dockerfile", "tags": ["api:1"]})
    );
}
