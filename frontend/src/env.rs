//! Variables with their values and origins, in the order of their first definition.

use std::collections::HashMap;

use graph::Lines;
use parser::expand::Variables;

use crate::error::Problem;
use crate::limits::{self, MAX_ENVIRONMENT_BYTES, MAX_VARIABLE_BYTES};
use crate::origin::ValueOrigin;

/// An ordered environment, in which ENV and ARG live side by side and the last one wins.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Env {
    variables: Vec<Variable>,
    index: HashMap<String, usize>,
    size_bytes: usize,
}

/// A variable that is set.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Variable {
    name: String,
    value: String,
    origin: ValueOrigin,
}

impl Env {
    /// Replaces the value of `name` where it stands, or appends the variable.
    pub fn set(&mut self, name: &str, value: &str, origin: ValueOrigin) {
        self.size_bytes += limits::variable_bytes(name, value);
        match self.index.get(name) {
            Some(&at) => {
                let variable = &mut self.variables[at];
                self.size_bytes -= limits::variable_bytes(name, &variable.value);
                value.clone_into(&mut variable.value);
                variable.origin = origin;
            }
            None => {
                self.index.insert(name.to_owned(), self.variables.len());
                self.variables.push(Variable { name: name.to_owned(), value: value.to_owned(), origin });
            }
        }
    }

    /// Fails if Linux could not pass `name` with this value to a process.
    pub fn check_room(&self, name: &str, value: &str) -> Result<(), Problem> {
        let size_bytes = limits::variable_bytes(name, value);
        if size_bytes > MAX_VARIABLE_BYTES {
            let name = name.chars().take(80).collect();
            return Err(Problem::LongVariable { name, size_bytes, limit_bytes: MAX_VARIABLE_BYTES });
        }
        let replaced_bytes = self.value(name).map_or(0, |old| limits::variable_bytes(name, old));
        if self.size_bytes - replaced_bytes + size_bytes > MAX_ENVIRONMENT_BYTES {
            return Err(Problem::LargeEnvironment { limit_bytes: MAX_ENVIRONMENT_BYTES });
        }
        Ok(())
    }

    /// Returns the bytes that the variables take of a process's environment.
    pub fn size_bytes(&self) -> usize {
        self.size_bytes
    }

    /// Removes the variable `name` if it is set.
    pub fn remove(&mut self, name: &str) {
        let Some(at) = self.index.remove(name) else { return };
        let Variable { value, .. } = self.variables.remove(at);
        self.size_bytes -= limits::variable_bytes(name, &value);
        self.index.values_mut().filter(|index| **index > at).for_each(|index| *index -= 1);
    }

    /// Returns the origin of the value of `name`, or `None` if the variable is not set.
    pub fn origin(&self, name: &str) -> Option<&ValueOrigin> {
        self.index.get(name).map(|&at| &self.variables[at].origin)
    }

    /// Returns the names in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.variables.iter().map(|variable| variable.name.as_str())
    }

    /// Returns the variables as `NAME=value`, in order.
    pub fn to_strings(&self) -> Vec<String> {
        self.variables.iter().map(|Variable { name, value, .. }| format!("{name}={value}")).collect()
    }
}

impl Variables for Env {
    fn value(&self, name: &str) -> Option<&str> {
        self.index.get(name).map(|&at| self.variables[at].value.as_str())
    }
}

/// ARGs that a scope declares, in the order of their first declaration.
#[derive(Debug, Clone, Default)]
pub(crate) struct Declared {
    args: Vec<DeclaredArg>,
    index: HashMap<String, usize>,
}

/// A declaration of an ARG.
#[derive(Debug, Clone)]
pub(crate) struct DeclaredArg {
    /// Name of the variable.
    pub name: String,
    /// Value at the declaration; empty if the ARG has none.
    pub value: String,
    /// Lines of the latest declaration.
    pub lines: Lines,
}

impl Declared {
    /// Declares `name`. A later declaration keeps the position of the first.
    pub fn declare(&mut self, name: &str, value: &str, lines: Lines) {
        let arg = DeclaredArg { name: name.to_owned(), value: value.to_owned(), lines };
        match self.index.get(name) {
            Some(&at) => self.args[at] = arg,
            None => {
                self.index.insert(name.to_owned(), self.args.len());
                self.args.push(arg);
            }
        }
    }

    /// Returns the declaration of `name`, or `None` if no ARG declares it.
    pub fn find(&self, name: &str) -> Option<&DeclaredArg> {
        self.index.get(name).map(|&at| &self.args[at])
    }

    /// Returns all declarations in order.
    pub fn iter(&self) -> impl Iterator<Item = &DeclaredArg> {
        self.args.iter()
    }
}

/// Splits `NAME=value`. A text without `=` is a name with an empty value.
pub(crate) fn split_pair(text: &str) -> (&str, &str) {
    text.split_once('=').unwrap_or((text, ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_that_is_set_again_keeps_its_position() {
        let mut env = Env::default();
        let mut set = |name, value| env.set(name, value, ValueOrigin::Predefined);
        set("a", "1");
        set("b", "2");
        set("a", "3");
        assert_eq!(env.to_strings(), ["a=3", "b=2"]);
        assert_eq!(env.value("a"), Some("3"));
        assert_eq!(env.value("c"), None);
    }

    #[test]
    fn the_size_follows_every_change() {
        let mut env = Env::default();
        env.set("a", "3", ValueOrigin::Predefined);
        env.set("b", "2", ValueOrigin::Predefined);
        assert_eq!(env.size_bytes(), "a=3 b=2 ".len());
        env.remove("a");
        env.set("b", "44", ValueOrigin::Predefined);
        assert_eq!(env.size_bytes(), "b=44 ".len());
        env.set("b", "4", ValueOrigin::Predefined);
        assert_eq!(env.to_strings(), ["b=4"]);
    }

    #[test]
    fn the_origin_is_that_of_the_latest_value() {
        let mut env = Env::default();
        env.set("a", "1", ValueOrigin::Predefined);
        let later = ValueOrigin::Env { lines: Lines::single(2) };
        env.set("a", "1", later.clone());
        assert_eq!(env.origin("a"), Some(&later));
        assert_eq!(env.origin("b"), None);
    }
}
