//! Expressions of HCL -> values.
//!
//! The crate `hcl-rs` parses them. It could evaluate them, too, but not with functions that a file defines.

use std::collections::BTreeMap;

use hcl::Template;
use hcl::expr::{
    BinaryOperator, Conditional, Expression, ForExpr, FuncCall, ObjectKey, Operation, Traversal,
    TraversalOperator, UnaryOperator,
};
use hcl::template::{Directive, Element, Strip};
use serde_json::{Map, Value};

use crate::functions;
use crate::values::{boolean, equal, from_number, number, text};

/// Largest depth of calls of functions, so that one that calls itself for ever is an error.
const MAX_CALLS: usize = 64;

/// Function that a file defines.
#[derive(Debug, Clone)]
pub(crate) struct Function {
    /// Names of the parameters.
    pub(crate) params: Vec<String>,
    /// Parameter that takes all further arguments as a list, if there is one.
    pub(crate) variadic: Option<String>,
    /// Expression of the result.
    pub(crate) result: Expression,
}

/// Names that an expression can use.
#[derive(Debug, Clone, Default)]
pub(crate) struct Scope {
    /// Variables with their values.
    pub(crate) variables: BTreeMap<String, Value>,
    /// Functions that the files define.
    pub(crate) functions: BTreeMap<String, Function>,
    calls: usize,
}

impl Scope {
    /// Returns a scope with variables and functions.
    pub(crate) fn new(variables: BTreeMap<String, Value>, functions: BTreeMap<String, Function>) -> Self {
        Self { variables, functions, calls: 0 }
    }

    /// Returns the value of an expression.
    pub(crate) fn evaluate(&self, expression: &Expression) -> Result<Value, String> {
        match expression {
            Expression::Null => Ok(Value::Null),
            Expression::Bool(value) => Ok(Value::Bool(*value)),
            Expression::Number(number) => serde_json::to_value(number).map_err(|error| error.to_string()),
            Expression::String(text) => Ok(Value::from(text.as_str())),
            Expression::Array(items) => items.iter().map(|item| self.evaluate(item)).collect(),
            Expression::Object(object) => {
                let entry =
                    |(key, value): (&ObjectKey, &Expression)| Ok((self.key(key)?, self.evaluate(value)?));
                object.iter().map(entry).collect::<Result<Map<_, _>, String>>().map(Value::Object)
            }
            Expression::TemplateExpr(template) => {
                let template = Template::from_expr(template).map_err(|error| error.to_string())?;
                self.template(&template)
            }
            Expression::Variable(name) => self.variable(name.as_str()),
            Expression::Traversal(traversal) => self.traverse(traversal),
            Expression::FuncCall(call) => self.call(call),
            Expression::Parenthesis(inner) => self.evaluate(inner),
            Expression::Conditional(conditional) => self.choose(conditional),
            Expression::Operation(operation) => self.operate(operation),
            Expression::ForExpr(loop_) => self.collect(loop_),
            _ => Err("this kind of expression is not supported".to_owned()),
        }
    }

    fn key(&self, key: &ObjectKey) -> Result<String, String> {
        match key {
            ObjectKey::Identifier(name) => Ok(name.to_string()),
            ObjectKey::Expression(expression) => text(&self.evaluate(expression)?),
            _ => Err("this kind of key is not supported".to_owned()),
        }
    }

    fn variable(&self, name: &str) -> Result<Value, String> {
        self.variables.get(name).cloned().ok_or_else(|| format!("there is no variable {name:?}"))
    }

    /// Returns the scope with one more variable.
    fn with(&self, name: &str, value: Value) -> Self {
        let mut inner = self.clone();
        inner.variables.insert(name.to_owned(), value);
        inner
    }

    fn choose(&self, conditional: &Conditional) -> Result<Value, String> {
        let branch = if boolean(&self.evaluate(&conditional.cond_expr)?)? {
            &conditional.true_expr
        } else {
            &conditional.false_expr
        };
        self.evaluate(branch)
    }

    fn traverse(&self, traversal: &Traversal) -> Result<Value, String> {
        let mut value = self.evaluate(&traversal.expr)?;
        let mut operators = traversal.operators.iter();
        while let Some(operator) = operators.next() {
            value = match operator {
                TraversalOperator::GetAttr(name) => element(&value, &Value::from(name.as_str()))?,
                TraversalOperator::Index(index) => element(&value, &self.evaluate(index)?)?,
                TraversalOperator::LegacyIndex(index) => element(&value, &Value::from(*index))?,
                TraversalOperator::AttrSplat | TraversalOperator::FullSplat => {
                    let rest: Vec<TraversalOperator> = operators.by_ref().cloned().collect();
                    let items = match value {
                        Value::Array(items) => items,
                        Value::Null => Vec::new(),
                        one => vec![one],
                    };
                    let each = |item| {
                        let inner = self.with("$item", item);
                        let name = hcl::expr::Variable::unchecked("$item");
                        inner.traverse(&Traversal {
                            expr: Expression::Variable(name),
                            operators: rest.clone(),
                        })
                    };
                    return items.into_iter().map(each).collect();
                }
            };
        }
        Ok(value)
    }

    fn call(&self, call: &FuncCall) -> Result<Value, String> {
        let name = call.name.name.as_str();
        if name == "try" || name == "can" {
            return self.attempt(name, &call.args);
        }
        let mut arguments = call.args.iter().map(|arg| self.evaluate(arg)).collect::<Result<Vec<_>, _>>()?;
        if call.expand_final {
            match arguments.pop() {
                Some(Value::Array(items)) => arguments.extend(items),
                _ => return Err(format!("{name}: only a list can be expanded by ...")),
            }
        }
        match self.functions.get(name) {
            Some(function) => self.call_own(name, function, arguments),
            None => functions::call(name, &arguments).map_err(|reason| format!("{name}: {reason}")),
        }
    }

    /// Returns the first argument that can be evaluated (`try`), or whether the only one can (`can`).
    fn attempt(&self, name: &str, args: &[Expression]) -> Result<Value, String> {
        let mut results = args.iter().map(|arg| self.evaluate(arg));
        if name == "can" {
            return Ok(Value::Bool(results.next().is_some_and(|result| result.is_ok())));
        }
        let mut last = Err("try: an argument is missing".to_owned());
        for result in results {
            last = result;
            if last.is_ok() {
                break;
            }
        }
        last
    }

    fn call_own(&self, name: &str, function: &Function, mut arguments: Vec<Value>) -> Result<Value, String> {
        if self.calls >= MAX_CALLS {
            return Err(format!("{name}: functions call each other more than {MAX_CALLS} deep"));
        }
        let count = function.params.len();
        let fits =
            if function.variadic.is_some() { arguments.len() >= count } else { arguments.len() == count };
        if !fits {
            return Err(format!("{name}: {count} arguments are needed, {} are given", arguments.len()));
        }
        let further = arguments.split_off(count);
        let mut inner = self.clone();
        inner.calls += 1;
        inner.variables.extend(function.params.iter().cloned().zip(arguments));
        if let Some(rest) = &function.variadic {
            inner.variables.insert(rest.clone(), Value::Array(further));
        }
        inner.evaluate(&function.result).map_err(|reason| format!("{name}: {reason}"))
    }

    fn operate(&self, operation: &Operation) -> Result<Value, String> {
        match operation {
            Operation::Unary(unary) => {
                let value = self.evaluate(&unary.expr)?;
                match unary.operator {
                    UnaryOperator::Not => Ok(Value::Bool(!boolean(&value)?)),
                    UnaryOperator::Neg => Ok(from_number(-number(&value)?)),
                }
            }
            Operation::Binary(binary) => {
                let left = self.evaluate(&binary.lhs_expr)?;
                match binary.operator {
                    BinaryOperator::And if !boolean(&left)? => return Ok(Value::Bool(false)),
                    BinaryOperator::Or if boolean(&left)? => return Ok(Value::Bool(true)),
                    _ => {}
                }
                calculate(binary.operator, &left, &self.evaluate(&binary.rhs_expr)?)
            }
        }
    }

    /// Returns the list or mapping that a `for` expression makes.
    fn collect(&self, each: &ForExpr) -> Result<Value, String> {
        let (mut list, mut map) = (Vec::new(), Map::new());
        for (key, value) in entries(&self.evaluate(&each.collection_expr)?)? {
            let mut inner = self.with(each.value_var.as_str(), value);
            if let Some(name) = &each.key_var {
                inner.variables.insert(name.to_string(), key);
            }
            if let Some(condition) = &each.cond_expr
                && !boolean(&inner.evaluate(condition)?)?
            {
                continue;
            }
            let value = inner.evaluate(&each.value_expr)?;
            match &each.key_expr {
                None => list.push(value),
                Some(key) => {
                    let key = text(&inner.evaluate(key)?)?;
                    if !each.grouping {
                        map.insert(key, value);
                    } else if let Value::Array(group) =
                        map.entry(key).or_insert_with(|| Value::Array(Vec::new()))
                    {
                        group.push(value);
                    }
                }
            }
        }
        Ok(if each.key_expr.is_some() { Value::Object(map) } else { Value::Array(list) })
    }

    /// Returns the value of a template: a text, or the value itself of a template that is one interpolation.
    pub(crate) fn template(&self, template: &Template) -> Result<Value, String> {
        if let [Element::Interpolation(only)] = template.elements() {
            return self.evaluate(&only.expr);
        }
        self.template_text(template).map(Value::from)
    }

    fn template_text(&self, template: &Template) -> Result<String, String> {
        let mut out = String::new();
        let mut strips_next = false;
        for element in template.elements() {
            let (piece, strip) = match element {
                Element::Literal(literal) => {
                    let literal = if strips_next { literal.trim_start() } else { literal };
                    (literal.to_owned(), Strip::None)
                }
                Element::Interpolation(interpolation) => {
                    (text(&self.evaluate(&interpolation.expr)?)?, interpolation.strip)
                }
                Element::Directive(directive) => (self.directive(directive)?, Strip::None),
            };
            if strip.strip_start() {
                out.truncate(out.trim_end().len());
            }
            strips_next = strip.strip_end();
            out.push_str(&piece);
        }
        Ok(out)
    }

    fn directive(&self, directive: &Directive) -> Result<String, String> {
        match directive {
            Directive::If(condition) => {
                if boolean(&self.evaluate(&condition.cond_expr)?)? {
                    self.template_text(&condition.true_template)
                } else {
                    condition
                        .false_template
                        .as_ref()
                        .map_or(Ok(String::new()), |other| self.template_text(other))
                }
            }
            Directive::For(each) => {
                let mut out = String::new();
                for (key, value) in entries(&self.evaluate(&each.collection_expr)?)? {
                    let mut inner = self.with(each.value_var.as_str(), value);
                    if let Some(name) = &each.key_var {
                        inner.variables.insert(name.to_string(), key);
                    }
                    out.push_str(&inner.template_text(&each.template)?);
                }
                Ok(out)
            }
        }
    }
}

/// Returns an item of a list or the value of a key.
fn element(value: &Value, index: &Value) -> Result<Value, String> {
    let found = match value {
        Value::Array(items) => {
            let position = number(index)?;
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "an index is a whole number"
            )]
            items.get(position as usize).filter(|_| position >= 0.0)
        }
        Value::Object(map) => map.get(&text(index)?),
        _ => return Err("only a list or an object has elements".to_owned()),
    };
    found.cloned().ok_or_else(|| format!("there is no element {index}"))
}

/// Returns the items of a list with their positions, or the entries of an object.
fn entries(value: &Value) -> Result<Vec<(Value, Value)>, String> {
    match value {
        Value::Array(items) => {
            Ok(items.iter().enumerate().map(|(index, item)| (Value::from(index), item.clone())).collect())
        }
        Value::Object(map) => {
            Ok(map.iter().map(|(key, value)| (Value::from(key.as_str()), value.clone())).collect())
        }
        _ => Err("only a list or an object can be looped over".to_owned()),
    }
}

fn calculate(operator: BinaryOperator, left: &Value, right: &Value) -> Result<Value, String> {
    let numbers = || Ok::<_, String>((number(left)?, number(right)?));
    let compare =
        |holds: fn(f64, f64) -> bool| numbers().map(|(left, right)| Value::Bool(holds(left, right)));
    let compute =
        |result: fn(f64, f64) -> f64| numbers().map(|(left, right)| from_number(result(left, right)));
    match operator {
        BinaryOperator::Eq => Ok(Value::Bool(equal(left, right))),
        BinaryOperator::NotEq => Ok(Value::Bool(!equal(left, right))),
        BinaryOperator::LessEq => compare(|left, right| left <= right),
        BinaryOperator::GreaterEq => compare(|left, right| left >= right),
        BinaryOperator::Less => compare(|left, right| left < right),
        BinaryOperator::Greater => compare(|left, right| left > right),
        BinaryOperator::Plus => compute(|left, right| left + right),
        BinaryOperator::Minus => compute(|left, right| left - right),
        BinaryOperator::Mul => compute(|left, right| left * right),
        BinaryOperator::Div | BinaryOperator::Mod if number(right)? == 0.0 => {
            Err("division by zero".to_owned())
        }
        BinaryOperator::Div => compute(|left, right| left / right),
        BinaryOperator::Mod => compute(|left, right| left % right),
        BinaryOperator::And | BinaryOperator::Or => Ok(Value::Bool(boolean(right)?)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn evaluate(text: &str) -> Result<Value, String> {
        let twice =
            Function { params: vec!["n".to_owned()], variadic: None, result: "n * 2".parse().unwrap() };
        let all = Function {
            params: vec![],
            variadic: Some("rest".to_owned()),
            result: "join(\"-\", rest)".parse().unwrap(),
        };
        let forever = Function { params: vec![], variadic: None, result: "forever()".parse().unwrap() };
        let functions = [("twice", twice), ("all", all), ("forever", forever)]
            .map(|(name, function)| (name.to_owned(), function));
        let variables = [("A", json!("x")), ("L", json!([1, 2, 3])), ("O", json!({"k": {"v": 5}}))];
        let scope = Scope {
            variables: variables.map(|(name, value)| (name.to_owned(), value)).into(),
            functions: functions.into(),
            calls: 0,
        };
        scope.evaluate(&text.parse::<Expression>().map_err(|error| error.to_string())?)
    }

    #[track_caller]
    fn check(text: &str, expected: Value) {
        assert_eq!(evaluate(text), Ok(expected), "{text}");
    }

    #[test]
    fn expressions_have_the_value_that_hcl_gives_them() {
        check(r#""a-${A}-${1 + 2}""#, json!("a-x-3"));
        check(r#""${L}""#, json!([1, 2, 3]));
        check("1 + 2 * 3", json!(7));
        check("7 / 2", json!(3.5));
        check("!(1 < 2) || A == \"x\"", json!(true));
        check("A == \"y\" ? nothing : L[1]", json!(2));
        check("O.k.v", json!(5));
        check("[for n in L : n * 10 if n > 1]", json!([20, 30]));
        check("{for i, n in L : \"k${i}\" => n}", json!({"k0": 1, "k1": 2, "k2": 3}));
        check("[{a = 1}, {a = 2}].*.a", json!([1, 2]));
        check("{\"x\": 1, y = 2}", json!({"x": 1, "y": 2}));
        check(r#""%{ if A == "x" }yes%{ else }no%{ endif }""#, json!("yes"));
        check(r#""%{ for n in L }<${n}>%{ endfor }""#, json!("<1><2><3>"));
    }

    #[test]
    fn functions_of_a_file_are_called_like_built_in_ones() {
        check("twice(twice(3))", json!(12));
        check("all(L...)", json!("1-2-3"));
        check("try(nothing, 5)", json!(5));
        check("can(nothing)", json!(false));
        assert!(evaluate("forever()").unwrap_err().contains("more than 64 deep"));
        assert_eq!(evaluate("twice()"), Err("twice: 1 arguments are needed, 0 are given".to_owned()));
    }

    #[test]
    fn a_mistake_is_explained() {
        let check =
            |text: &str, expected: &str| assert_eq!(evaluate(text), Err(expected.to_owned()), "{text}");
        check("nothing", "there is no variable \"nothing\"");
        check("1 / 0", "division by zero");
        check("L[5]", "there is no element 5");
        check("\"${L} x\"", "a list is not a string");
        check("no_such(1)", "no_such: there is no such function");
    }
}
