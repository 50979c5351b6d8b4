//! The styles of OpenAPI for arrays and objects (OpenAPI 3.1 §4.8.12.2).

use serde_json::Value;

use super::openapi::scalar_text;
use super::values::{encode, encoded_value};
use super::variable_names::DraftVariables;

/// The style of a parameter.
pub(super) struct ParameterStyle<'d> {
    name: &'d str,
    /// Each member of a list is a parameter of its own.
    is_exploded: bool,
}

impl<'d> ParameterStyle<'d> {
    /// The style that the parameter names, or the default for its place.
    pub(super) fn of(parameter: &'d Value) -> Self {
        let is_query = parameter.get("in").and_then(Value::as_str) == Some("query");
        let default = if is_query { "form" } else { "simple" };
        let name = parameter.get("style").and_then(Value::as_str).unwrap_or(default);
        let explode = parameter.get("explode").and_then(Value::as_bool);
        Self { name, is_exploded: explode.unwrap_or(name == "form") }
    }

    /// The pairs of a query.
    pub(super) fn query_text(
        &self,
        name: &str,
        value: &Value,
        variables: &mut DraftVariables,
    ) -> String {
        let mut pairs = Vec::new();
        match value {
            Value::Object(members) if self.name == "deepObject" || self.is_exploded => {
                for (key, member) in members {
                    let is_deep = self.name == "deepObject";
                    let key = if is_deep { format!("{name}[{key}]") } else { key.clone() };
                    pairs.push((key, scalar_text(member)));
                }
            }
            Value::Array(items) if self.is_exploded => {
                for item in items {
                    pairs.push((name.to_owned(), scalar_text(item)));
                }
            }
            other => {
                return format!("{}={}", encode(name), self.list_text(name, other, variables));
            }
        }
        pairs_text(&pairs, variables)
    }

    /// The value in a path or a query.
    pub(super) fn list_text(
        &self,
        name: &str,
        value: &Value,
        variables: &mut DraftVariables,
    ) -> String {
        let separator = match self.name {
            "spaceDelimited" => "%20",
            "pipeDelimited" => "%7C",
            "label" => ".",
            _ => ",",
        };
        let mut parts = Vec::new();
        for part in self.parts(value) {
            parts.push(encoded_value(name, &part, variables));
        }
        let list = parts.join(separator);
        match self.name {
            "label" => format!(".{list}"),
            "matrix" => format!(";{}={list}", encode(name)),
            _ => list,
        }
    }

    /// The value of a field.
    pub(super) fn field_value(&self, value: &Value) -> String {
        self.parts(value).join(",")
    }

    fn parts(&self, value: &Value) -> Vec<String> {
        let mut parts = Vec::new();
        match value {
            Value::Array(items) => parts.extend(items.iter().map(scalar_text)),
            Value::Object(members) => {
                for (key, member) in members {
                    parts.push(key.clone());
                    parts.push(scalar_text(member));
                }
            }
            other => parts.push(scalar_text(other)),
        }
        parts
    }
}

/// A form with a pair for each member, and several for an array.
pub(super) fn form_of(members: &Value, variables: &mut DraftVariables) -> String {
    let style = ParameterStyle { name: "form", is_exploded: true };
    let mut pairs = Vec::new();
    for (name, value) in members.as_object().into_iter().flatten() {
        match value {
            Value::Object(_) => {
                pairs.push(pairs_text(&[(name.clone(), value.to_string())], variables));
            }
            other => pairs.push(style.query_text(name, other, variables)),
        }
    }
    pairs.join("&")
}

fn pairs_text(pairs: &[(String, String)], variables: &mut DraftVariables) -> String {
    let mut encoded = Vec::new();
    for (name, value) in pairs {
        encoded.push(format!("{}={}", encode(name), encoded_value(name, value, variables)));
    }
    encoded.join("&")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn query(parameter: &Value, value: &Value) -> String {
        ParameterStyle::of(parameter).query_text("f", value, &mut DraftVariables::default())
    }

    #[test]
    fn arrays_and_objects_follow_their_style() {
        let (array, object) = (json!(["r", "g b"]), json!({"k": "v", "l": 2}));
        let form = json!({"in": "query"});
        assert_eq!(query(&form, &array), "f=r&f=g%20b");
        assert_eq!(query(&form, &object), "k=v&l=2");
        let list = json!({"in": "query", "explode": false});
        assert_eq!(query(&list, &array), "f=r,g%20b");
        assert_eq!(query(&list, &object), "f=k,v,l,2");
        assert_eq!(
            query(&json!({"in": "query", "style": "deepObject"}), &object),
            "f%5Bk%5D=v&f%5Bl%5D=2"
        );
        assert_eq!(query(&json!({"in": "query", "style": "pipeDelimited"}), &array), "f=r%7Cg%20b");
        let path = json!({"in": "path"});
        let style = ParameterStyle::of(&path);
        assert_eq!(style.list_text("f", &json!([1, 2]), &mut DraftVariables::default()), "1,2");
        assert_eq!(style.field_value(&array), "r,g b");
    }
}
