//! Plans as text, for tests and for people who want to see what a Dockerfile becomes.
//!
//! The same plan gives the same text. A step is a paragraph of JSON fields in their order of definition.

use std::fmt::Write;

use graph::{Graph, ImageOrigin, Lines, MountKind, Op, Source, Step};

use crate::plan::Plan;

/// Prints all steps, then all images, then the warnings.
pub fn plan(plan: &Plan) -> String {
    let mut out = graph(&plan.graph);
    for image in &plan.images {
        let config = serde_json::to_string_pretty(&image.config).unwrap_or_else(|error| error.to_string());
        line(&mut out, &format!("image {} = step {}", image.platform, image.step.0));
        line(&mut out, &config);
    }
    if plan.multi_platform {
        line(&mut out, "index");
    }
    if let Some(seconds) = plan.source_date_s {
        line(&mut out, &format!("source date {seconds}"));
    }
    for warning in &plan.warnings {
        let Lines { first, last } = warning.lines;
        line(&mut out, &format!("warning {} (lines {first}-{last}): {}", warning.rule, warning.message));
    }
    out
}

/// Prints all steps in order.
pub fn graph(graph: &Graph) -> String {
    let mut out = String::new();
    for (at, step) in graph.steps.iter().enumerate() {
        describe(&mut out, at, step);
    }
    out
}

fn describe(out: &mut String, at: usize, step: &Step) {
    line(out, &format!("step {at}: {}", step.meta.name));
    let inputs: Vec<String> = step.inputs.iter().map(|input| input.0.to_string()).collect();
    let lines =
        step.meta.lines.map(|Lines { first, last }| format!(" lines {first}-{last}")).unwrap_or_default();
    let stage = Some(&step.meta.stage).filter(|stage| !stage.is_empty());
    let stage = stage.map(|stage| format!(" stage {stage}")).unwrap_or_default();
    let ignored = if step.meta.ignore_cache { " ignore-cache" } else { "" };
    line(out, &format!("  inputs [{}] on {}{stage}{lines}{ignored}", inputs.join(" "), step.platform));
    let op = serde_json::to_string_pretty(&step.op).unwrap_or_else(|error| error.to_string());
    op.lines().for_each(|text| line(out, &format!("  {text}")));
    outside_key(&step.op).iter().for_each(|text| line(out, &format!("  # {text}")));
    line(out, "");
}

/// Returns the fields that the serialised operation leaves out because no key contains them.
fn outside_key(op: &Op) -> Vec<String> {
    match op {
        Op::Source(Source::Image { name, .. }) => vec![match name {
            ImageOrigin::Registry(name) => format!("registry {name}"),
            ImageOrigin::Layout { path } => format!("layout {}", path.display()),
            ImageOrigin::Store { name } => format!("store {name}"),
        }],
        Op::Source(Source::Local { path, ignore, .. }) => {
            vec![format!("{} ignoring {ignore:?}", path.display())]
        }
        Op::Exec(exec) => {
            let proxies = exec.proxy_env.iter().map(|pair| format!("proxy {pair}"));
            let hosts = exec.hosts.iter().map(|(name, address)| format!("host {name} {}", address.0));
            let mounts = exec.mounts.iter().filter_map(|mount| match &mount.kind {
                MountKind::Bind { source, .. } => Some(format!("{} shows {source}", mount.target)),
                MountKind::Cache { id, sharing, .. } => Some(format!("{} is {id} {sharing:?}", mount.target)),
                _ => None,
            });
            proxies.chain(hosts).chain(mounts).collect()
        }
        _ => Vec::new(),
    }
}

fn line(out: &mut String, text: &str) {
    writeln!(out, "{text}").expect("writing to a String cannot fail");
}
