//! Forms of values that several keys share.

mod command;
mod numbers;
mod pairs;
mod span;

pub use command::Command;
pub use numbers::{Bytes, FileMode, Ulimit};
pub(super) use numbers::{count, decimal, flag, integer, optional_flag, optional_integer, text, texts};
pub(super) use pairs::options;
pub use pairs::{Environment, Hosts, Pairs};
pub use span::Span;

/// Returns a scalar of JSON as docker compose writes it into a text; `None` for null, lists and mappings.
fn scalar_text(value: &serde_json::Value) -> Option<String> {
    use crate::node::Value;
    let value = match value {
        serde_json::Value::Bool(value) => Value::Bool(*value),
        serde_json::Value::String(text) => Value::Text(text.clone()),
        serde_json::Value::Number(number) => match number.as_i64() {
            Some(whole) => Value::Int(whole),
            None => Value::Float(number.as_f64()?),
        },
        _ => return None,
    };
    Some(value.to_text())
}
