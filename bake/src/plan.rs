//! Blocks -> the targets that are asked for, complete, and in an order in which each comes after the targets that it uses.

use std::collections::BTreeMap;

use hcl::expr::Expression;
use serde::Serialize;
use serde_json::Value;

use crate::definition::{Attributes, Block, Definition};
use crate::evaluate::Scope;
use crate::target::Target;
use crate::values::{boolean, text};
use crate::{BakeError, sanitized};

/// Targets and groups of a request. Serialized, it has the form of `docker buildx bake --print`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Plan {
    /// Groups that were asked for, with their targets. The group `default` has all of them.
    #[serde(rename = "group")]
    pub groups: BTreeMap<String, Group>,
    /// Targets by name, also the targets that are used as contexts.
    #[serde(rename = "target")]
    pub targets: BTreeMap<String, Target>,
    /// Names of the targets, each after the targets that it uses as contexts.
    #[serde(skip)]
    pub order: Vec<String>,
}

/// Group of targets that are built together.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Group {
    /// Text about the group for people.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Names of targets and other groups.
    pub targets: Vec<String>,
}

/// All targets and groups of the files, evaluated but not merged yet.
#[derive(Debug, Clone, Default)]
pub(crate) struct Catalog {
    pub(crate) targets: BTreeMap<String, Target>,
    pub(crate) groups: BTreeMap<String, Group>,
}

impl Catalog {
    /// Evaluates the blocks of a definition.
    pub(crate) fn add(&mut self, definition: &Definition, scope: &Scope) -> Result<(), BakeError> {
        for block in &definition.targets {
            self.add_targets(block, scope)?;
        }
        for block in &definition.groups {
            let group = self.groups.entry(block.label.clone()).or_default();
            for (key, expression) in &block.attributes {
                let place = format!("group {:?}: {key}", block.label);
                let value = scope.evaluate(expression).map_err(|reason| BakeError::value(&place, reason))?;
                match (key.as_str(), value) {
                    ("targets", Value::Array(items)) => {
                        let names = items.iter().map(text).collect::<Result<_, _>>();
                        group.targets = names.map_err(|reason| BakeError::value(&place, reason))?;
                    }
                    ("description", value) => {
                        group.description =
                            text(&value).map_err(|reason| BakeError::value(&place, reason))?;
                    }
                    ("targets", _) => return Err(BakeError::value(place, "must be a list of names")),
                    _ => return Err(BakeError::value(place, "a group has no such attribute")),
                }
            }
        }
        Ok(())
    }

    /// Adds the target of a block, or one for each combination of its matrix and a group of them.
    fn add_targets(&mut self, block: &Block, scope: &Scope) -> Result<(), BakeError> {
        let attribute =
            |name: &str| block.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value);
        let Some(matrix) = attribute("matrix") else {
            let target = evaluated(&block.label, &block.attributes, scope)?;
            // A service of a Compose file can have the same name.
            self.targets.entry(block.label.clone()).or_default().merge(target);
            return Ok(());
        };
        let place = Target::place(&block.label, "matrix");
        let matrix = scope.evaluate(matrix).map_err(&place)?;
        let name =
            attribute("name").ok_or_else(|| place("a matrix needs the attribute \"name\"".to_owned()))?;
        let mut names = Vec::new();
        for scope in combinations(scope, &matrix).map_err(&place)? {
            let place = Target::place(&block.label, "name");
            let name = scope.evaluate(name).and_then(|value| text(&value)).map_err(&place)?;
            if self.targets.contains_key(&name) {
                return Err(place(format!("{name:?} is the name of several targets")));
            }
            self.targets.insert(name.clone(), evaluated(&name, &block.attributes, &scope)?);
            names.push(name);
        }
        self.groups.insert(block.label.clone(), Group { targets: names, ..Group::default() });
        Ok(())
    }

    /// Returns the targets that names stand for: those of groups and of patterns with `*`.
    pub(crate) fn plan(&self, names: &[String], overrides: &[String]) -> Result<Plan, BakeError> {
        let overrides = self.overrides(overrides)?;
        let mut wanted: Vec<String> = Vec::new();
        for name in names {
            for found in self.matching(&sanitized_pattern(name))? {
                if !wanted.contains(&found) {
                    wanted.push(found);
                }
            }
        }
        let mut plan = Plan { groups: BTreeMap::new(), targets: BTreeMap::new(), order: Vec::new() };
        for name in &wanted {
            self.add_named(name, &overrides, &mut plan, &mut Vec::new())?;
        }
        let others = wanted.iter().filter(|name| *name != "default").cloned();
        let others: Vec<String> = others.collect();
        if !others.is_empty() {
            let default = plan.groups.entry("default".to_owned()).or_default();
            default.targets.extend(others);
            default.targets.sort();
            default.targets.dedup();
        }
        Ok(plan)
    }

    fn matching(&self, name: &str) -> Result<Vec<String>, BakeError> {
        let exists = |name: &str| self.targets.contains_key(name) || self.groups.contains_key(name);
        if name == "default" && !exists(name) {
            return Ok(self.targets.keys().cloned().collect());
        }
        if !name.contains(['*', '?']) {
            return if exists(name) { Ok(vec![name.to_owned()]) } else { Err(self.unknown(name)) };
        }
        let all = self.targets.keys().chain(self.groups.keys());
        let found: Vec<String> = all.filter(|one| matches(name, one)).cloned().collect();
        if found.is_empty() { Err(self.unknown(name)) } else { Ok(found) }
    }

    fn unknown(&self, name: &str) -> BakeError {
        let distance = |one: &str| {
            let same = one.chars().zip(name.chars()).take_while(|(left, right)| left == right).count();
            (same >= 2).then_some(same)
        };
        let all = self.targets.keys().chain(self.groups.keys());
        let similar = all.filter_map(|one| Some((distance(one)?, one.clone()))).max().map(|(_, one)| one);
        BakeError::NoTarget { name: name.to_owned(), similar }
    }

    /// Adds a target, or a group and what is in it.
    fn add_named(
        &self,
        name: &str,
        overrides: &Overrides,
        plan: &mut Plan,
        trail: &mut Vec<String>,
    ) -> Result<(), BakeError> {
        let Some(group) = self.groups.get(name) else {
            return self.add_target(name, overrides, plan, &mut Vec::new());
        };
        if plan.groups.contains_key(name) && trail.is_empty() {
            return Ok(());
        }
        step(trail, name, "group")?;
        plan.groups.insert(name.to_owned(), group.clone());
        for member in &group.targets {
            self.add_named(member, overrides, plan, trail)?;
        }
        trail.pop();
        Ok(())
    }

    /// Adds a target after the targets that it uses as contexts.
    fn add_target(
        &self,
        name: &str,
        overrides: &Overrides,
        plan: &mut Plan,
        trail: &mut Vec<String>,
    ) -> Result<(), BakeError> {
        step(trail, name, "contexts")?;
        if !plan.targets.contains_key(name) {
            let mut target = self.merged(name, overrides, &mut Vec::new())?;
            target.context.get_or_insert_with(|| ".".to_owned());
            if target.dockerfile.as_ref().is_none_or(String::is_empty) {
                target.dockerfile = Some("Dockerfile".to_owned());
            }
            let used: Vec<String> = target
                .contexts
                .values()
                .filter_map(|one| one.strip_prefix("target:"))
                .map(ToOwned::to_owned)
                .collect();
            for other in used {
                let is_linked = !plan.targets.contains_key(&other);
                self.add_target(&other, overrides, plan, trail)?;
                if is_linked && let Some(linked) = plan.targets.get_mut(&other) {
                    linked.output = vec![serde_json::json!({"type": "cacheonly"})];
                }
            }
            plan.targets.insert(name.to_owned(), target);
            plan.order.push(name.to_owned());
        }
        trail.pop();
        Ok(())
    }

    /// Returns a target with the fields of its bases, and with what `--set` changes.
    fn merged(
        &self,
        name: &str,
        overrides: &Overrides,
        trail: &mut Vec<String>,
    ) -> Result<Target, BakeError> {
        let target = self.targets.get(name).ok_or_else(|| self.unknown(name))?;
        step(trail, name, "inherits")?;
        let mut merged = Target::default();
        for base in &target.inherits {
            merged.merge(self.merged(base, overrides, trail)?);
        }
        merged.merge(Target { inherits: Vec::new(), ..target.clone() });
        for Override { field, value, appends, text } in overrides.get(name).into_iter().flatten() {
            let fail = |reason| BakeError::Flag { flag: "--set", value: text.clone(), reason };
            merged.override_with(field, value, *appends).map_err(fail)?;
        }
        trail.pop();
        Ok(merged)
    }

    /// Reads `TARGET.FIELD=VALUE` and `TARGET.FIELD+=VALUE`.
    fn overrides(&self, texts: &[String]) -> Result<Overrides, BakeError> {
        let mut overrides = Overrides::new();
        for text in texts {
            let fail = |reason: &str| BakeError::Flag {
                flag: "--set",
                value: text.clone(),
                reason: reason.to_owned(),
            };
            let (path, value) = text.split_once('=').ok_or_else(|| fail("it is not TARGET.FIELD=VALUE"))?;
            let (path, mut appends) = path.strip_suffix('+').map_or((path, false), |path| (path, true));
            let (pattern, field) =
                path.split_once('.').ok_or_else(|| fail("it is not TARGET.FIELD=VALUE"))?;
            for name in self.targets.keys().filter(|name| matches(pattern, name)) {
                let of_target = overrides.entry(name.clone()).or_default();
                // Several values for one list belong together.
                appends |= of_target.iter().any(|one: &Override| one.field == field);
                let (field, value) = (field.to_owned(), value.to_owned());
                of_target.push(Override { field, value, appends, text: text.clone() });
            }
            if !self.targets.keys().any(|name| matches(pattern, name)) {
                return Err(fail("there is no such target"));
            }
        }
        Ok(overrides)
    }
}

type Overrides = BTreeMap<String, Vec<Override>>;

/// Value of `--set` for one target.
#[derive(Debug)]
struct Override {
    field: String,
    value: String,
    appends: bool,
    text: String,
}

/// Adds a name to a trail, which must not have it yet.
fn step(trail: &mut Vec<String>, name: &str, what: &'static str) -> Result<(), BakeError> {
    let is_cycle = trail.iter().any(|one| one == name);
    trail.push(name.to_owned());
    if is_cycle { Err(BakeError::Cycle { what, members: trail.clone() }) } else { Ok(()) }
}

fn evaluated(name: &str, attributes: &Attributes, scope: &Scope) -> Result<Target, BakeError> {
    let mut target = Target::default();
    for (field, expression) in attributes.iter().filter(|(field, _)| field != "matrix" && field != "name") {
        let place = Target::place(name, field);
        let value = scope.evaluate(expression).map_err(&place)?;
        target.set(field, &value).map_err(&place)?;
    }
    Ok(target)
}

/// Returns a scope for each combination of the values of a matrix.
fn combinations(scope: &Scope, matrix: &Value) -> Result<Vec<Scope>, String> {
    let Value::Object(axes) = matrix else { return Err("must be an object of lists".to_owned()) };
    let mut scopes = vec![scope.clone()];
    for (name, values) in axes {
        let Value::Array(values) = values else { return Err(format!("{name} must be a list")) };
        let with = |scope: &Scope, value: &Value| {
            let mut scope = scope.clone();
            scope.variables.insert(name.clone(), value.clone());
            scope
        };
        scopes = scopes.iter().flat_map(|scope| values.iter().map(move |value| with(scope, value))).collect();
    }
    Ok(scopes)
}

/// Computes the values of all variables, which can use each other. `given` are the values of `--var` and the environment.
pub(crate) fn scope(
    definition: &Definition,
    builtin: BTreeMap<String, Value>,
    given: &dyn Fn(&str) -> Option<String>,
) -> Result<Scope, BakeError> {
    let mut scope = Scope::new(builtin, definition.functions.clone());
    let mut waiting: Vec<&String> = definition.variables.keys().collect();
    while !waiting.is_empty() {
        let mut failed = Vec::new();
        let mut reason = None;
        for name in &waiting {
            match value_of(definition.variables[*name].default.as_ref(), given(name), &scope) {
                Ok(value) => drop(scope.variables.insert((*name).clone(), value)),
                Err(error) => {
                    failed.push(*name);
                    reason.get_or_insert(error);
                }
            }
        }
        if failed.len() == waiting.len() {
            let place = format!("variable {:?}", failed[0]);
            return Err(BakeError::value(place, reason.unwrap_or_default()));
        }
        waiting = failed;
    }
    check_variables(definition, &scope)?;
    Ok(scope)
}

/// Returns the given value in the type of the default, else the default.
fn value_of(default: Option<&Expression>, given: Option<String>, scope: &Scope) -> Result<Value, String> {
    let default = default.map_or(Ok(Value::Null), |default| scope.evaluate(default))?;
    let Some(given) = given else { return Ok(default) };
    match default {
        Value::Bool(_) => {
            boolean(&Value::from(given.to_lowercase().replace('1', "true").replace('0', "false")))
                .map(Value::Bool)
        }
        Value::Number(_) => serde_json::from_str(&given)
            .ok()
            .filter(Value::is_number)
            .ok_or_else(|| format!("{given:?} is not a number")),
        Value::Array(_) => match serde_json::from_str(&given) {
            Ok(list @ Value::Array(_)) => Ok(list),
            _ => Ok(given.split(',').map(Value::from).collect()),
        },
        Value::Object(_) => {
            serde_json::from_str(&given).map_err(|_| format!("{given:?} is not a JSON object"))
        }
        Value::Null | Value::String(_) => Ok(Value::from(given)),
    }
}

fn check_variables(definition: &Definition, scope: &Scope) -> Result<(), BakeError> {
    for (name, variable) in &definition.variables {
        for (condition, message) in &variable.validations {
            let place = format!("variable {name:?}");
            let fail = |reason: String| BakeError::value(&place, reason);
            let holds = scope.evaluate(condition).and_then(|value| boolean(&value)).map_err(fail)?;
            if !holds {
                let told =
                    message.as_ref().map(|message| scope.evaluate(message).and_then(|value| text(&value)));
                let told = told.transpose().map_err(fail)?;
                return Err(fail(told.unwrap_or_else(|| "the value breaks a rule of the file".to_owned())));
            }
        }
    }
    Ok(())
}

/// Reports whether a name fits a pattern in which `*` stands for any text and `?` for any character.
fn matches(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
    let mut reached = vec![false; name.len() + 1];
    reached[0] = true;
    for one in pattern {
        let before = reached.clone();
        for index in 0..=name.len() {
            let previous = index > 0 && before[index - 1];
            reached[index] = match one {
                '*' => before[index] || (index > 0 && reached[index - 1]),
                '?' => previous,
                one => previous && name[index - 1] == one,
            };
        }
    }
    reached[name.len()]
}

/// Returns a name as targets have it, with the signs of a pattern.
fn sanitized_pattern(name: &str) -> String {
    name.split('*').map(sanitized).collect::<Vec<_>>().join("*")
}
