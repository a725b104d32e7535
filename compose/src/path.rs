//! Paths into the tree of a Compose file, and patterns that match them.

use std::fmt;

/// Keys and indexes that lead from the top of a file to a value; printed as `services.web.ports[0]`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TreePath(Vec<Step>);

/// One step into a mapping or a list.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Key(String),
    Index(usize),
}

impl TreePath {
    /// Returns the path that these keys lead along.
    pub(crate) fn of(keys: &[&str]) -> Self {
        Self(keys.iter().map(|key| Step::Key((*key).to_owned())).collect())
    }

    /// Returns the path of the value of a key.
    pub(crate) fn key(&self, key: &str) -> Self {
        self.with(Step::Key(key.to_owned()))
    }

    /// Returns the path of an item of a list.
    pub(crate) fn index(&self, index: usize) -> Self {
        self.with(Step::Index(index))
    }

    fn with(&self, step: Step) -> Self {
        let mut steps = self.0.clone();
        steps.push(step);
        Self(steps)
    }

    /// Reports whether the path has the form of `pattern`, where `*` stands for any key and any index.
    pub(crate) fn matches(&self, pattern: &str) -> bool {
        let mut steps = self.0.iter();
        let all = pattern.split('.').all(|part| match steps.next() {
            Some(Step::Key(key)) => part == "*" || part == key,
            Some(Step::Index(_)) => part == "*",
            None => false,
        });
        all && steps.next().is_none()
    }

    /// Reports whether the path has the form of one of the patterns.
    pub(crate) fn matches_any(&self, patterns: &[&str]) -> bool {
        patterns.iter().any(|pattern| self.matches(pattern))
    }
}

impl fmt::Display for TreePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("the file");
        }
        for (index, step) in self.0.iter().enumerate() {
            match step {
                Step::Key(key) if index == 0 => f.write_str(key)?,
                Step::Key(key) => write!(f, ".{key}")?,
                Step::Index(item) => write!(f, "[{item}]")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_matches_any_key_and_any_index() {
        let path = TreePath::of(&["services", "a.b", "ports"]).index(2);
        assert!(path.matches("services.*.ports.*"));
        assert!(!path.matches("services.*.ports"));
        assert!(!path.matches("services.*.volumes.*"));
        assert!(!path.matches("services.*.ports.*.target"));
        assert_eq!(path.to_string(), "services.a.b.ports[2]");
        assert_eq!(TreePath::default().to_string(), "the file");
    }
}
