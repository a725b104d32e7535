//! Bake files -> blocks: variables, functions, targets and groups whose attributes are not evaluated yet.
//!
//! ```text
//! hcl       docker-bake.hcl
//! json      docker-bake.json, in which each text is a template
//! composed  services of Compose files that have a build
//! ```

mod composed;
mod hcl;
mod json;

use std::collections::BTreeMap;

use ::hcl::expr::Expression;

use crate::BakeError;
use crate::evaluate::Function;

pub(crate) use composed::compose_targets;

/// Attributes of a block, in the order of the file.
pub(crate) type Attributes = Vec<(String, Expression)>;

/// Target or group of a file.
#[derive(Debug, Clone, Default)]
pub(crate) struct Block {
    /// Label of the block; the name of the target, unless a matrix makes several of it.
    pub(crate) label: String,
    /// Attributes that are not evaluated yet. A later file adds to them or replaces them.
    pub(crate) attributes: Attributes,
}

/// Variable of a file.
#[derive(Debug, Clone, Default)]
pub(crate) struct Variable {
    /// Value without `--var` and environment; null if absent.
    pub(crate) default: Option<Expression>,
    /// Conditions that the value must meet, with the message otherwise.
    pub(crate) validations: Vec<(Expression, Option<Expression>)>,
    /// Text about the variable for people.
    pub(crate) description: String,
}

/// Blocks of all files. A later file adds to the blocks of an earlier one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Definition {
    pub(crate) variables: BTreeMap<String, Variable>,
    pub(crate) functions: BTreeMap<String, Function>,
    pub(crate) targets: Vec<Block>,
    pub(crate) groups: Vec<Block>,
}

impl Definition {
    /// Adds the blocks of a file, whose form its name or its text says.
    pub(crate) fn add(&mut self, name: &str, text: &str) -> Result<(), BakeError> {
        let is_json = name.ends_with(".json") || text.trim_start().starts_with('{');
        if is_json { json::read(self, name, text) } else { hcl::read(self, name, text) }
    }

    fn add_target(&mut self, block: Block) {
        add_block(&mut self.targets, block);
    }

    fn add_group(&mut self, block: Block) {
        add_block(&mut self.groups, block);
    }
}

/// Adds a block, or its attributes to a block with the same label.
fn add_block(blocks: &mut Vec<Block>, block: Block) {
    let Some(earlier) = blocks.iter_mut().find(|one| one.label == block.label) else {
        blocks.push(block);
        return;
    };
    for (name, value) in block.attributes {
        match earlier.attributes.iter_mut().find(|(one, _)| *one == name) {
            // The keys of mappings are merged.
            Some((_, Expression::Object(before))) if matches!(value, Expression::Object(_)) => {
                if let Expression::Object(after) = value {
                    before.extend(after);
                }
            }
            Some((_, before)) => *before = value,
            None => earlier.attributes.push((name, value)),
        }
    }
}
