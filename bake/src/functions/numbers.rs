//! Functions on numbers and booleans.

use serde_json::Value;

use super::Arguments;
use crate::values::{equal, from_number, number};

/// Largest number of values that `range` returns.
const MAX_RANGE: usize = 1024;

pub(super) fn call(name: &str, arguments: Arguments<'_>) -> Option<Result<Value, String>> {
    let function: fn(Arguments<'_>) -> Result<Value, String> = match name {
        "absolute" => |args| Ok(from_number(args.number(0)?.abs())),
        "add" => |args| Ok(from_number(args.number(0)? + args.number(1)?)),
        "and" => |args| Ok(Value::Bool(args.boolean(0)? && args.boolean(1)?)),
        "ceil" => |args| Ok(from_number(args.number(0)?.ceil())),
        "divide" => |args| quotient(args, |left, right| left / right),
        "equal" => |args| Ok(Value::Bool(equal(args.value(0)?, args.value(1)?))),
        "floor" => |args| Ok(from_number(args.number(0)?.floor())),
        "greaterthan" => |args| Ok(Value::Bool(args.number(0)? > args.number(1)?)),
        "greaterthanorequalto" => |args| Ok(Value::Bool(args.number(0)? >= args.number(1)?)),
        "int" => |args| Ok(from_number(args.number(0)?.trunc())),
        "lessthan" => |args| Ok(Value::Bool(args.number(0)? < args.number(1)?)),
        "lessthanorequalto" => |args| Ok(Value::Bool(args.number(0)? <= args.number(1)?)),
        "log" => |args| Ok(from_number(args.number(0)?.ln() / args.number(1)?.ln())),
        "max" => |args| extreme(args, f64::max),
        "min" => |args| extreme(args, f64::min),
        "modulo" => |args| quotient(args, |left, right| left % right),
        "multiply" => |args| Ok(from_number(args.number(0)? * args.number(1)?)),
        "negate" => |args| Ok(from_number(-args.number(0)?)),
        "not" => |args| Ok(Value::Bool(!args.boolean(0)?)),
        "notequal" => |args| Ok(Value::Bool(!equal(args.value(0)?, args.value(1)?))),
        "or" => |args| Ok(Value::Bool(args.boolean(0)? || args.boolean(1)?)),
        "parseint" => |args| {
            let (text, base) = (args.text(0)?, args.whole(1)?);
            let base = u32::try_from(base)
                .ok()
                .filter(|base| (2..=36).contains(base))
                .ok_or("the base must be 2 to 36")?;
            i64::from_str_radix(&text, base)
                .map(Value::from)
                .map_err(|_| format!("{text:?} is not a number of base {base}"))
        },
        "pow" => |args| Ok(from_number(args.number(0)?.powf(args.number(1)?))),
        "range" => range,
        "signum" => |args| {
            let number = args.number(0)?;
            Ok(Value::from(i32::from(number > 0.0) - i32::from(number < 0.0)))
        },
        "subtract" => |args| Ok(from_number(args.number(0)? - args.number(1)?)),
        _ => return None,
    };
    Some(function(arguments))
}

fn quotient(args: Arguments<'_>, result: fn(f64, f64) -> f64) -> Result<Value, String> {
    match args.number(1)? {
        0.0 => Err("division by zero".to_owned()),
        divisor => Ok(from_number(result(args.number(0)?, divisor))),
    }
}

fn extreme(args: Arguments<'_>, choose: fn(f64, f64) -> f64) -> Result<Value, String> {
    let numbers = args.0.iter().map(number).collect::<Result<Vec<f64>, _>>()?;
    numbers.into_iter().reduce(choose).map(from_number).ok_or_else(|| "an argument is missing".to_owned())
}

/// `range(end)`, `range(begin, end)` or `range(begin, end, step)`; the end is not part of the result.
fn range(args: Arguments<'_>) -> Result<Value, String> {
    let (begin, end) =
        if args.0.len() < 2 { (0.0, args.number(0)?) } else { (args.number(0)?, args.number(1)?) };
    let step = if args.0.len() > 2 {
        args.number(2)?
    } else if begin <= end {
        1.0
    } else {
        -1.0
    };
    if step == 0.0 || (step > 0.0) != (begin <= end) {
        return Err("the step does not lead to the end".to_owned());
    }
    let mut values = Vec::new();
    let mut next = begin;
    while if step > 0.0 { next < end } else { next > end } {
        if values.len() == MAX_RANGE {
            return Err(format!("there are more than {MAX_RANGE} values"));
        }
        values.push(from_number(next));
        next += step;
    }
    Ok(Value::Array(values))
}
