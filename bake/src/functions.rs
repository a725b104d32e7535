//! Functions that expressions can call, as buildx has them.
//!
//! ```text
//! texts        join, split, replace, format, regex, …
//! collections  concat, merge, keys, sort, setproduct, …
//! numbers      add, max, range, parseint, …
//! encodings    base64, JSON, CSV, URLs, digests, timestamps
//! ```

mod collections;
mod encodings;
mod numbers;
mod texts;

use serde_json::Value;

use crate::values;

/// Calls a built-in function.
pub(crate) fn call(name: &str, arguments: &[Value]) -> Result<Value, String> {
    let arguments = Arguments(arguments);
    let families = [texts::call, collections::call, numbers::call, encodings::call];
    let found = families.iter().find_map(|family| family(name, arguments));
    found.unwrap_or_else(|| Err("there is no such function".to_owned()))
}

/// Values that a function is called with.
#[derive(Debug, Clone, Copy)]
struct Arguments<'a>(&'a [Value]);

impl<'a> Arguments<'a> {
    fn value(self, index: usize) -> Result<&'a Value, String> {
        self.0.get(index).ok_or_else(|| format!("argument {} is missing", index + 1))
    }

    fn text(self, index: usize) -> Result<String, String> {
        values::text(self.value(index)?)
    }

    fn number(self, index: usize) -> Result<f64, String> {
        values::number(self.value(index)?)
    }

    /// Returns a whole number of any sign.
    fn whole(self, index: usize) -> Result<i64, String> {
        let number = self.number(index)?;
        #[expect(clippy::cast_possible_truncation, reason = "the cast saturates")]
        if number.fract() == 0.0 { Ok(number as i64) } else { Err(format!("{number} is not a whole number")) }
    }

    fn boolean(self, index: usize) -> Result<bool, String> {
        values::boolean(self.value(index)?)
    }

    fn list(self, index: usize) -> Result<&'a [Value], String> {
        match self.value(index)? {
            Value::Array(items) => Ok(items),
            other => Err(format!("{other} is not a list")),
        }
    }

    fn map(self, index: usize) -> Result<&'a serde_json::Map<String, Value>, String> {
        match self.value(index)? {
            Value::Object(map) => Ok(map),
            other => Err(format!("{other} is not an object")),
        }
    }

    fn texts(self, index: usize) -> Result<Vec<String>, String> {
        self.list(index)?.iter().map(values::text).collect()
    }

    /// Returns the lists of all arguments from `index` on.
    fn lists_from(self, index: usize) -> Result<Vec<&'a [Value]>, String> {
        (index..self.0.len()).map(|index| self.list(index)).collect()
    }
}
