//! An OpenAPI 3 document: its operations, and the examples in it.

use serde_json::{Map, Value};

use super::error::DraftError;

/// The most references that are followed one after the other.
const MOST_REFERENCES: usize = 16;

/// The methods of a path item (OpenAPI 3.1 §4.8.9.1).
const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

/// A document.
#[derive(Debug)]
pub(super) struct OpenApiDocument(Value);

/// An operation.
pub(super) struct Operation<'d> {
    pub(super) method: String,
    pub(super) path: &'d str,
    pub(super) value: &'d Value,
    /// Its parameters and those of its path.
    pub(super) parameters: Vec<&'d Value>,
}

impl OpenApiDocument {
    /// Reads JSON or YAML.
    pub(super) fn parse(text: &str) -> Result<Self, DraftError> {
        let is_json = text.trim_start().starts_with('{');
        let value: Value = if is_json { parse_json(text)? } else { parse_yaml(text)? };
        let version = value.get("openapi").and_then(Value::as_str).unwrap_or_default();
        if let Some(swagger) = value.get("swagger") {
            let message =
                format!("this is Swagger {}, and OpenAPI 3 is needed", scalar_text(swagger));
            let help = "convert it first, for example with `npx swagger2openapi FILE`";
            return Err(DraftError::new(message, help));
        }
        if !version.starts_with("3.") {
            let message = match version {
                "" => "this is no OpenAPI document: it has no `openapi`".to_owned(),
                other => format!("`openapi: {other}` is not known: 3.0 and 3.1 are"),
            };
            return Err(DraftError::new(message, "a document begins with `openapi: 3.1.0`"));
        }
        let document = Self(value);
        if document.paths().is_none_or(Map::is_empty) {
            let help = "name the document that has the operations";
            return Err(DraftError::new("the document has no `paths`", help));
        }
        Ok(document)
    }

    /// The title.
    pub(super) fn title(&self) -> Option<&str> {
        self.0.pointer("/info/title")?.as_str()
    }

    /// The URL of the first server, with the defaults of its variables.
    pub(super) fn server(&self) -> Option<String> {
        let server = self.0.pointer("/servers/0")?;
        let mut url = server.get("url")?.as_str()?.to_owned();
        let variables = server.get("variables").and_then(Value::as_object);
        for (name, variable) in variables.into_iter().flatten() {
            let default = variable.get("default").and_then(Value::as_str).unwrap_or_default();
            url = url.replace(&format!("{{{name}}}"), default);
        }
        Some(url)
    }

    /// All operations, in the order of the document.
    pub(super) fn operations(&self) -> Vec<Operation<'_>> {
        let mut operations = Vec::new();
        for (path, item) in self.paths().into_iter().flatten() {
            let item = self.resolve(item);
            for method in METHODS {
                let Some(value) = item.get(method) else { continue };
                let mut parameters = self.list(item, "parameters");
                // RFC 6570 has no part in it: an operation's parameter replaces that of the path.
                for own in self.list(value, "parameters") {
                    parameters.retain(|other| !is_same_parameter(other, own));
                    parameters.push(own);
                }
                let method = method.to_ascii_uppercase();
                operations.push(Operation { method, path, value, parameters });
            }
        }
        operations
    }

    /// The value itself, or the one that its `$ref` within the document names.
    pub(super) fn resolve<'d>(&'d self, value: &'d Value) -> &'d Value {
        let mut value = value;
        for _ in 0..MOST_REFERENCES {
            let Some(reference) = value.get("$ref").and_then(Value::as_str) else { break };
            let Some(pointer) = reference.strip_prefix('#') else { break };
            let Some(target) = self.0.pointer(pointer) else { break };
            value = target;
        }
        value
    }

    /// The example of a parameter, a header or a media type: its own, that of its schema, or the
    /// schema's default or only values.
    pub(super) fn example<'d>(&'d self, value: &'d Value) -> Option<&'d Value> {
        if let Some(example) = value.get("example") {
            return Some(example);
        }
        let named = value.get("examples").and_then(Value::as_object);
        if let Some(first) = named.and_then(|examples| examples.values().next()) {
            return self.resolve(first).get("value");
        }
        self.schema_example(self.resolve(value.get("schema")?))
    }

    fn schema_example<'d>(&'d self, schema: &'d Value) -> Option<&'d Value> {
        let own = schema.get("example").or_else(|| schema.get("examples")?.get(0));
        let fixed = schema.get("default").or_else(|| schema.get("const"));
        own.or(fixed).or_else(|| schema.get("enum")?.get(0))
    }

    /// The example of content: its own, or one made of the examples of its properties.
    pub(super) fn content_example(&self, media: &Value) -> Option<Value> {
        if let Some(example) = self.example(media) {
            return Some(example.clone());
        }
        let schema = self.resolve(media.get("schema")?);
        let mut members = Map::new();
        for (name, property) in schema.get("properties")?.as_object()? {
            let of_property = self.schema_example(self.resolve(property));
            members.extend(of_property.map(|example| (name.clone(), example.clone())));
        }
        if members.is_empty() { None } else { Some(Value::Object(members)) }
    }

    /// The responses of an operation, by status.
    pub(super) fn responses<'d>(&'d self, operation: &'d Value) -> Vec<(&'d str, &'d Value)> {
        let mut responses = Vec::new();
        let all = operation.get("responses").and_then(Value::as_object);
        for (status, response) in all.into_iter().flatten() {
            responses.push((status.as_str(), self.resolve(response)));
        }
        responses
    }

    /// The header of a response with this name, compared without case.
    pub(super) fn header<'d>(&'d self, response: &'d Value, wanted: &str) -> Option<&'d Value> {
        let headers = response.get("headers")?.as_object()?;
        let found = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
        found.map(|(_, header)| self.resolve(header))
    }

    /// The security schemes of which all are needed: the first alternative.
    pub(super) fn security<'d>(&'d self, operation: &'d Value) -> Vec<&'d Value> {
        let alternatives = operation.get("security").or_else(|| self.0.get("security"));
        let Some(first) = alternatives.and_then(|list| list.get(0)?.as_object()) else {
            return Vec::new();
        };
        let schemes = first
            .keys()
            .filter_map(|name| self.0.pointer("/components/securitySchemes")?.get(name));
        schemes.map(|scheme| self.resolve(scheme)).collect()
    }

    fn paths(&self) -> Option<&Map<String, Value>> {
        self.0.get("paths")?.as_object()
    }

    fn list<'d>(&'d self, value: &'d Value, key: &str) -> Vec<&'d Value> {
        let items = value.get(key).and_then(Value::as_array);
        items.into_iter().flatten().map(|item| self.resolve(item)).collect()
    }
}

fn is_same_parameter(one: &Value, other: &Value) -> bool {
    one.get("name") == other.get("name") && one.get("in") == other.get("in")
}

/// A string without its quotes; anything else as JSON.
pub(super) fn scalar_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn parse_json(text: &str) -> Result<Value, DraftError> {
    serde_json::from_str(text).map_err(|error| {
        let message = error.to_string();
        // serde_json appends the place, which has fields of its own here.
        let message = message.split(" at line ").next().unwrap_or_default();
        let help = "the document is not complete JSON";
        DraftError::new(message, help).at(error.line(), error.column())
    })
}

fn parse_yaml(text: &str) -> Result<Value, DraftError> {
    serde_saphyr::from_str(text).map_err(|error| {
        let (line, column) = error.location().map_or((0, 0), |place| {
            (place.line().try_into().unwrap_or(0), place.column().try_into().unwrap_or(0))
        });
        let message = error.without_snippet().to_string();
        DraftError::new(message.trim_end(), "the document is neither YAML nor JSON")
            .at(line, column)
    })
}
