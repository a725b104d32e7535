//! Variables in a tree: they are replaced, and values that must be numbers or booleans become such.

use crate::ComposeError;
use crate::node::{Node, Value};
use crate::path::TreePath;
use crate::template::{self, Lookup, VariableError};

/// Type that a text at some path becomes.
#[derive(Debug, Clone, Copy)]
enum Cast {
    Int,
    Float,
    Bool,
}

/// Values that are numbers or booleans even if they are written as a text, as they are after a variable was replaced.
const CASTS: &[(&str, Cast)] = &[
    ("services.*.cpu_count", Cast::Int),
    ("services.*.cpu_percent", Cast::Float),
    ("services.*.cpu_period", Cast::Int),
    ("services.*.cpu_quota", Cast::Int),
    ("services.*.cpu_rt_period", Cast::Int),
    ("services.*.cpu_rt_runtime", Cast::Int),
    ("services.*.cpu_shares", Cast::Int),
    ("services.*.cpus", Cast::Float),
    ("services.*.depends_on.*.required", Cast::Bool),
    ("services.*.depends_on.*.restart", Cast::Bool),
    ("services.*.deploy.placement.max_replicas_per_node", Cast::Int),
    ("services.*.deploy.replicas", Cast::Int),
    ("services.*.deploy.restart_policy.max_attempts", Cast::Int),
    ("services.*.deploy.rollback_config.max_failure_ratio", Cast::Float),
    ("services.*.deploy.rollback_config.parallelism", Cast::Int),
    ("services.*.deploy.update_config.max_failure_ratio", Cast::Float),
    ("services.*.deploy.update_config.parallelism", Cast::Int),
    ("services.*.healthcheck.disable", Cast::Bool),
    ("services.*.healthcheck.retries", Cast::Int),
    ("services.*.init", Cast::Bool),
    ("services.*.oom_kill_disable", Cast::Bool),
    ("services.*.oom_score_adj", Cast::Int),
    ("services.*.pids_limit", Cast::Int),
    ("services.*.ports.*.target", Cast::Int),
    ("services.*.privileged", Cast::Bool),
    ("services.*.read_only", Cast::Bool),
    ("services.*.scale", Cast::Int),
    ("services.*.stdin_open", Cast::Bool),
    ("services.*.tty", Cast::Bool),
    ("services.*.ulimits.*", Cast::Int),
    ("services.*.ulimits.*.hard", Cast::Int),
    ("services.*.ulimits.*.soft", Cast::Int),
    ("services.*.volumes.*.read_only", Cast::Bool),
    ("services.*.volumes.*.volume.nocopy", Cast::Bool),
    ("configs.*.external", Cast::Bool),
    ("networks.*.attachable", Cast::Bool),
    ("networks.*.enable_ipv4", Cast::Bool),
    ("networks.*.enable_ipv6", Cast::Bool),
    ("networks.*.external", Cast::Bool),
    ("networks.*.internal", Cast::Bool),
    ("secrets.*.external", Cast::Bool),
    ("volumes.*.external", Cast::Bool),
];

/// Replaces the variables in all texts of a tree. Adds the names of variables without a value to `unset`.
pub(crate) fn interpolate(
    node: &mut Node,
    lookup: &Lookup<'_>,
    unset: &mut Vec<String>,
) -> Result<(), ComposeError> {
    walk(node, &TreePath::default(), lookup, unset)
}

fn walk(
    node: &mut Node,
    path: &TreePath,
    lookup: &Lookup<'_>,
    unset: &mut Vec<String>,
) -> Result<(), ComposeError> {
    match &mut node.value {
        Value::Map(map) => {
            map.iter_mut().try_for_each(|(key, value)| walk(value, &path.key(key), lookup, unset))
        }
        Value::List(items) => items
            .iter_mut()
            .enumerate()
            .try_for_each(|(index, item)| walk(item, &path.index(index), lookup, unset)),
        Value::Text(text) => {
            let replaced = template::substitute(text, lookup, unset).map_err(|error| match error {
                VariableError::Invalid => {
                    let reason = format!("invalid variable in {text:?}; a literal $ is written $$");
                    ComposeError::value(&node.at, path, reason)
                }
                VariableError::Missing { name, reason } => ComposeError::MissingVariable {
                    at: node.at.clone(),
                    path: path.to_string(),
                    name,
                    reason,
                },
            })?;
            node.value = match CASTS.iter().find(|(pattern, _)| path.matches(pattern)) {
                Some((_, cast)) => {
                    cast.apply(&replaced).map_err(|reason| ComposeError::value(&node.at, path, reason))?
                }
                None => Value::Text(replaced),
            };
            Ok(())
        }
        _ => Ok(()),
    }
}

impl Cast {
    fn apply(self, text: &str) -> Result<Value, String> {
        match self {
            Self::Int => text.parse().map(Value::Int).map_err(|_| format!("{text:?} is not an integer")),
            Self::Float => text.parse().map(Value::Float).map_err(|_| format!("{text:?} is not a number")),
            Self::Bool => boolean(text).map(Value::Bool),
        }
    }
}

/// Reads a boolean as YAML 1.1 wrote it: `true`, `yes`, `on`, `y`, and their opposites in any case.
pub(crate) fn boolean(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "y" => Ok(true),
        "false" | "no" | "off" | "n" => Ok(false),
        _ => Err(format!("{text:?} is not a boolean: use true or false")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<serde_json::Value, ComposeError> {
        let mut root = crate::yaml::parse(text, "c.yaml")?.remove(0).root;
        interpolate(&mut root, &|name| (name == "N").then(|| "7".to_owned()), &mut Vec::new())?;
        Ok(serde_json::Value::from(&root))
    }

    #[test]
    fn a_variable_can_stand_for_a_number() {
        let got =
            read("services: {a: {scale: $N, image: $N, tty: 'yes', cpus: '0.5', labels: [$N]}}").unwrap();
        let expected =
            serde_json::json!({"scale": 7, "image": "7", "tty": true, "cpus": 0.5, "labels": ["7"]});
        assert_eq!(got["services"]["a"], expected);
    }

    #[test]
    fn a_mistake_is_reported_with_its_place() {
        let check = |text: &str, expected: &str| assert_eq!(read(text).unwrap_err().to_string(), expected);
        check("services:\n  a:\n    scale: x$N\n", "c.yaml:3:5: services.a.scale: \"x7\" is not an integer");
        check("a:\n - ${B:?why}\n", "c.yaml:2:4: a[0]: required variable B is missing a value: why");
        check("a: ${B", "c.yaml:1:1: a: invalid variable in \"${B\"; a literal $ is written $$");
    }
}
