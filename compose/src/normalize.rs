//! Last step on the tree of a whole project: implicit networks, dependencies and names are written out.

use crate::dotenv::Variables;
use crate::error::Location;
use crate::files::clean;
use crate::node::{Map, Node, Value};

/// Writes out what a project implies. `root` is the merged, canonical tree of all files.
pub(crate) fn normalize(root: &mut Node, project: &str, variables: &Variables) {
    let at = root.at.clone();
    let Some(file) = root.as_map_mut() else { return };
    file.insert("name".to_owned(), Node::text(project, &at));
    if add_default_network(file) {
        let networks =
            file.entry("networks".to_owned()).or_insert_with(|| Node::new(Value::Map(Map::new()), &at));
        if let Some(networks) = networks.as_map_mut() {
            networks.entry("default".to_owned()).or_insert_with(|| Node::new(Value::Null, &at));
        }
    }
    for service in services(file) {
        normalize_service(service, variables);
    }
    for kind in ["networks", "volumes", "configs", "secrets"] {
        if let Some(resources) = file.get_mut(kind).and_then(Node::as_map_mut) {
            resources.iter_mut().for_each(|(key, resource)| add_name(key, resource, project));
        }
    }
}

fn services(file: &mut Map) -> impl Iterator<Item = &mut Map> {
    let services = file.get_mut("services").and_then(Node::as_map_mut);
    services.into_iter().flat_map(|services| services.values_mut().filter_map(Node::as_map_mut))
}

/// Connects services that name no network to the network `default`. Returns whether a service uses it.
fn add_default_network(file: &mut Map) -> bool {
    let mut is_used = false;
    for service in services(file) {
        if service.contains_key("provider") || service.contains_key("network_mode") {
            continue;
        }
        let named = service.get("networks").and_then(Node::as_map).filter(|networks| !networks.is_empty());
        match named {
            Some(networks) => is_used |= networks.contains_key("default"),
            None => {
                let at = service_location(service);
                let networks = Map::from([("default".to_owned(), Node::new(Value::Null, &at))]);
                service.insert("networks".to_owned(), Node::new(Value::Map(networks), &at));
                is_used = true;
            }
        }
    }
    is_used
}

/// Returns the position of any key of a service, for what is added to it.
fn service_location(service: &Map) -> Location {
    let nowhere = || Location { file: "".into(), line: 1, column: 1 };
    service.values().next().map_or_else(nowhere, |value| value.at.clone())
}

fn normalize_service(service: &mut Map, variables: &Variables) {
    if let Some(policy) = service.get_mut("pull_policy")
        && policy.as_text() == Some("if_not_present")
    {
        policy.value = Value::Text("missing".to_owned());
    }
    if let Some(build) = service.get_mut("build") {
        let at = build.at.clone();
        if let Some(build) = build.as_map_mut() {
            if !build.contains_key("dockerfile") && !build.contains_key("dockerfile_inline") {
                build.insert("dockerfile".to_owned(), Node::text("Dockerfile", &at));
            }
            if let Some(args) = build.get_mut("args") {
                fill_in(args, variables, false);
            }
        }
    }
    if let Some(environment) = service.get_mut("environment") {
        fill_in(environment, variables, true);
    }
    for mount in service.get_mut("volumes").and_then(Node::as_list_mut).into_iter().flatten() {
        if let Some(Node { value: Value::Text(target), .. }) =
            mount.as_map_mut().and_then(|keys| keys.get_mut("target"))
        {
            *target = clean(target.as_ref()).to_string_lossy().into_owned();
        }
    }
    add_implied_dependencies(service);
    give_image_to_hooks(service);
}

/// Gives variables without a value the value of the environment. Variables that the environment lacks stay, or are left out.
fn fill_in(pairs: &mut Node, variables: &Variables, keep_unset: bool) {
    match &mut pairs.value {
        Value::Map(map) => {
            for (key, value) in map.iter_mut().filter(|(_, value)| value.is_null()) {
                if let Some(known) = variables.get(key) {
                    value.value = Value::Text(known.clone());
                }
            }
            map.retain(|_, value| keep_unset || !value.is_null());
        }
        Value::List(items) => {
            for item in items.iter_mut() {
                let known = item.as_text().and_then(|name| Some(format!("{name}={}", variables.get(name)?)));
                if let Some(pair) = known {
                    item.value = Value::Text(pair);
                }
            }
            items.retain(|item| keep_unset || item.as_text().is_none_or(|text| text.contains('=')));
        }
        _ => {}
    }
}

/// Adds the services whose namespaces, volumes or links a service uses to its dependencies.
fn add_implied_dependencies(service: &mut Map) {
    let mut implied: Vec<(String, bool, Location)> = Vec::new();
    for link in service.get("links").and_then(Node::as_list).unwrap_or_default() {
        if let Some(text) = link.as_text() {
            let name = match text.split(':').collect::<Vec<_>>()[..] {
                [name, _alias] => name,
                _ => text,
            };
            implied.push((name.to_owned(), true, link.at.clone()));
        }
    }
    for key in ["network_mode", "ipc", "pid", "uts", "cgroup"] {
        if let Some(mode) = service.get(key)
            && let Some(name) = mode.as_text().and_then(|mode| mode.strip_prefix("service:"))
        {
            implied.push((name.to_owned(), true, mode.at.clone()));
        }
    }
    for source in service.get("volumes_from").and_then(Node::as_list).unwrap_or_default() {
        if let Some(text) = source.as_text().filter(|text| !text.starts_with("container:")) {
            let name = text.split(':').next().unwrap_or_default();
            implied.push((name.to_owned(), false, source.at.clone()));
        }
    }
    let Some((_, _, at)) = implied.first().cloned() else { return };
    let all =
        service.entry("depends_on".to_owned()).or_insert_with(|| Node::new(Value::Map(Map::new()), &at));
    let Some(all) = all.as_map_mut() else { return };
    for (name, restart, at) in implied {
        all.entry(name).or_insert_with(|| {
            let keys = [
                ("condition".to_owned(), Node::text("service_started", &at)),
                ("required".to_owned(), Node::new(Value::Bool(true), &at)),
                ("restart".to_owned(), Node::new(Value::Bool(restart), &at)),
            ];
            Node::new(Value::Map(Map::from(keys)), &at)
        });
    }
}

/// Gives commands that run before the service the image of the service, unless they name one.
fn give_image_to_hooks(service: &mut Map) {
    let Some(image) = service.get("image").filter(|image| image.as_text() != Some("")).cloned() else {
        return;
    };
    for hook in service.get_mut("pre_start").and_then(Node::as_list_mut).into_iter().flatten() {
        if let Some(hook) = hook.as_map_mut() {
            hook.entry("image".to_owned()).or_insert_with(|| image.clone());
        }
    }
}

/// Names a resource `PROJECT_KEY`, or `KEY` if it is external, unless it has a name.
fn add_name(key: &str, resource: &mut Node, project: &str) {
    if resource.is_null() {
        resource.value = Value::Map(Map::new());
    }
    let at = resource.at.clone();
    let Some(keys) = resource.as_map_mut() else { return };
    let is_external = keys.get("external").is_some_and(|external| external.value == Value::Bool(true));
    if keys.get("name").is_none_or(Node::is_null) {
        let name = if is_external { key.to_owned() } else { format!("{project}_{key}") };
        keys.insert("name".to_owned(), Node::text(name, &at));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: serde_json::Value) {
        let mut root = crate::yaml::parse(text, "c.yaml").unwrap().remove(0).root;
        let variables = Variables::from([("KNOWN".to_owned(), "v".to_owned())]);
        normalize(&mut root, "p", &variables);
        assert_eq!(serde_json::Value::from(&root), expected, "{text}");
    }

    #[test]
    fn networks_and_names_are_written_out() {
        check(
            "{services: {a: {image: i}, b: {network_mode: host}}, volumes: {v: , e: {external: true}, n: {name: x}}}",
            serde_json::json!({
                "name": "p",
                "services": {"a": {"image": "i", "networks": {"default": null}}, "b": {"network_mode": "host"}},
                "networks": {"default": {"name": "p_default"}},
                "volumes": {"v": {"name": "p_v"}, "e": {"external": true, "name": "e"}, "n": {"name": "x"}},
            }),
        );
    }

    #[test]
    fn variables_without_a_value_take_that_of_the_environment() {
        check(
            "{services: {a: {network_mode: none, environment: [KNOWN, NO, A=], build: {args: {KNOWN: , NO: }}}}}",
            serde_json::json!({"name": "p", "services": {"a": {
                "network_mode": "none",
                "environment": ["KNOWN=v", "NO", "A="],
                "build": {"args": {"KNOWN": "v"}, "dockerfile": "Dockerfile"},
            }}}),
        );
    }

    #[test]
    fn shared_namespaces_links_and_volumes_are_dependencies() {
        let started = |restart| serde_json::json!({"condition": "service_started", "required": true, "restart": restart});
        check(
            "{services: {a: {network_mode: 'service:b', links: ['c:x'], volumes_from: ['d:ro', 'container:e']}}}",
            serde_json::json!({"name": "p", "services": {"a": {
                "network_mode": "service:b", "links": ["c:x"], "volumes_from": ["d:ro", "container:e"],
                "depends_on": {"b": started(true), "c": started(true), "d": started(false)},
            }}}),
        );
    }
}
