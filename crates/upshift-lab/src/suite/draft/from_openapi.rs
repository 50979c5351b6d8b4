//! An OpenAPI document → a suite: one case for each operation with a 426 or a deprecation.

use std::collections::BTreeMap;

use serde_json::Value;
use upshift_record::Lane;

use super::draft_case::DraftCase;
use super::error::DraftError;
use super::expectations::expect_protocols;
use super::ids::UniqueIds;
use super::openapi::{OpenApiDocument, Operation, scalar_text};
use super::openapi_styles::{ParameterStyle, form_of};
use super::secret_text::mask_prose;
use super::suite_draft::{DraftRemark, SuiteDraft};
use super::values::{content_text, encode, field_text};
use super::variable_names::DraftVariables;
use crate::probe::Target;
use crate::suite::model::LaneExpectation;
use crate::suite::predicate::{Predicate, TextExpectation};
use crate::suite::request_text::RequestText;
use crate::suite::status::StatusExpectation;
use crate::suite::variables::escape_variables;

/// Drafts a suite of the operations that answer 426, or that are deprecated.
///
/// # Errors
/// If the text is no OpenAPI 3 document, or has no such operation.
pub fn draft_from_openapi(text: &str, name: &str) -> Result<SuiteDraft, DraftError> {
    let document = OpenApiDocument::parse(text)?;
    let mut draft = SuiteDraft {
        name: document.title().unwrap_or(name).to_owned(),
        target: target_of(&document),
        ..SuiteDraft::default()
    };
    let mut ids = UniqueIds::default();
    let mut variables = DraftVariables::default();
    for operation in document.operations() {
        for suggestion in suggestions(&document, &operation) {
            let mut drafter = OperationDrafter {
                document: &document,
                operation: &operation,
                variables: &mut variables,
            };
            let words = format!("{} {} {}", operation.method, operation.path, suggestion.name);
            draft.cases.push(drafter.draft(ids.make(&words), suggestion, &mut draft.remarks));
        }
    }
    if draft.cases.is_empty() {
        return Err(DraftError::new(
            "no operation has a 426 response, `deprecated: true`, or a `Deprecation` or `Sunset` header",
            "describe a 426 response, or record the exchanges and use --from-har",
        ));
    }
    draft.comment = vec![
        format!("From {name}: one case for each operation with a 426 or a deprecation."),
        "A secret, or a value without an example, is a variable, such as ${ID}: set it in the"
            .to_owned(),
        "environment.".to_owned(),
    ];
    Ok(draft)
}

/// A case that an operation suggests.
struct Suggestion {
    name: &'static str,
    comment: String,
    expect: LaneExpectation,
}

/// The URL of the first server; a relative one, or one that is no URL, is taken for a local server.
fn target_of(document: &OpenApiDocument) -> String {
    const LOCAL: &str = "http://127.0.0.1:8080";
    let server = document.server().unwrap_or_default();
    let server = server.trim_end_matches('/');
    let is_absolute = server.starts_with("http://") || server.starts_with("https://");
    let url = if is_absolute { server.to_owned() } else { format!("{LOCAL}{server}") };
    let is_url = !url.contains(['{', '}']) && Target::parse(&url).is_ok();
    format!("${{TARGET:-{}}}", if is_url { &url } else { LOCAL })
}

fn suggestions(document: &OpenApiDocument, operation: &Operation<'_>) -> Vec<Suggestion> {
    let mut suggestions = Vec::new();
    let responses = document.responses(operation.value);
    for (status, response) in &responses {
        if *status == "426" {
            suggestions.push(refusal(document, response));
        }
    }
    let is_deprecated = operation.value.get("deprecated") == Some(&Value::Bool(true));
    let announces = responses.iter().find(|(status, response)| {
        let names = ["Deprecation", "Sunset"];
        *status != "426" && names.iter().any(|name| document.header(response, name).is_some())
    });
    if is_deprecated || announces.is_some() {
        let announcement = announces.map(|(_, response)| *response);
        suggestions.push(deprecation(document, announcement, &responses));
    }
    suggestions
}

fn refusal(document: &OpenApiDocument, response: &Value) -> Suggestion {
    let said = mask_prose(text_at(response, "description").trim());
    let mut expect = LaneExpectation {
        status: Some(StatusExpectation::code(426)),
        ..LaneExpectation::default()
    };
    let example = document.header(response, "Upgrade").and_then(|header| document.example(header));
    let upgrade = match example {
        Some(example) => expect_protocols(&scalar_text(example)),
        // RFC 9110 §15.5.22: a 426 has the field in any case.
        None => TextExpectation::of(Predicate::Count(1)),
    };
    expect.fields.insert("Upgrade".to_owned(), upgrade);
    let token = Predicate::Token("upgrade".to_owned());
    expect.fields.insert("Connection".to_owned(), TextExpectation::of(token));
    let mut comment = "The document says 426. Change the request so that it is refused.".to_owned();
    if !said.is_empty() {
        comment = format!("{comment} Its words: {said}");
    }
    Suggestion { name: "426", comment, expect }
}

fn deprecation(
    document: &OpenApiDocument,
    announcement: Option<&Value>,
    responses: &[(&str, &Value)],
) -> Suggestion {
    let mut expect =
        LaneExpectation { status: success_of(responses), ..LaneExpectation::default() };
    let Some(response) = announcement else {
        let comment = "The operation is deprecated. Expect fields.Deprecation here, if the server \
                       announces it (RFC 9745)."
            .to_owned();
        return Suggestion { name: "deprecated", comment, expect };
    };
    for name in ["Deprecation", "Sunset"] {
        let Some(header) = document.header(response, name) else { continue };
        let value = match document.example(header) {
            Some(example) => TextExpectation::equal_to(&scalar_text(example)),
            None => TextExpectation::of(Predicate::Count(1)),
        };
        expect.fields.insert(name.to_owned(), value);
    }
    Suggestion {
        name: "deprecated",
        comment: "The document announces a deprecation.".to_owned(),
        expect,
    }
}

/// The documented statuses below 400, or any of 2xx.
fn success_of(responses: &[(&str, &Value)]) -> Option<StatusExpectation> {
    let mut expected: Option<StatusExpectation> = None;
    for (status, _) in responses {
        let one = match (status.parse::<u16>(), *status) {
            (Ok(code @ 200..400), _) => StatusExpectation::code(code),
            (_, "2XX") => StatusExpectation::class(2),
            (_, "3XX") => StatusExpectation::class(3),
            _ => continue,
        };
        expected = Some(match expected {
            Some(others) => others.or(one),
            None => one,
        });
    }
    Some(expected.unwrap_or_else(|| StatusExpectation::class(2)))
}

/// Writes the request of an operation.
struct OperationDrafter<'d> {
    document: &'d OpenApiDocument,
    operation: &'d Operation<'d>,
    variables: &'d mut DraftVariables,
}

impl OperationDrafter<'_> {
    fn draft(
        &mut self,
        id: String,
        suggestion: Suggestion,
        remarks: &mut Vec<DraftRemark>,
    ) -> DraftCase {
        let Operation { method, value, .. } = self.operation;
        let mut request = RequestText {
            method: method.clone(),
            target: self.path_text(),
            fields: Vec::new(),
            body: String::new(),
        };
        self.add_parameters(&mut request);
        self.add_credentials(&mut request);
        self.add_content(&mut request, remarks);
        let mut comment = Vec::new();
        if let Some(summary) = value.get("summary").and_then(Value::as_str) {
            comment.push(mask_prose(summary));
        }
        comment.push(suggestion.comment);
        DraftCase {
            id,
            comment,
            request,
            lanes: Vec::new(),
            expect: vec![(Some(Lane::Http11), suggestion.expect)],
            capture: BTreeMap::new(),
        }
    }

    /// The path, with the values of its parameters.
    fn path_text(&mut self) -> String {
        let mut text = String::new();
        let mut rest = self.operation.path;
        while let Some((before, after)) = rest.split_once('{') {
            let Some((name, behind)) = after.split_once('}') else { break };
            let described = self.operation.parameters.iter().find(|parameter| {
                text_at(parameter, "in") == "path" && text_at(parameter, "name") == name
            });
            text.push_str(&escape_variables(before));
            let value = match described {
                Some(parameter) => self.path_value(name, parameter),
                None => self.variables.placeholder(name),
            };
            text.push_str(&value);
            rest = behind;
        }
        text + &escape_variables(rest)
    }

    fn path_value(&mut self, name: &str, parameter: &Value) -> String {
        match self.document.example(parameter) {
            Some(example) => ParameterStyle::of(parameter).list_text(name, example, self.variables),
            None => self.variables.placeholder(name),
        }
    }

    /// The parameters of the query and of fields that are required or have an example.
    fn add_parameters(&mut self, request: &mut RequestText) {
        let mut query = Vec::new();
        for parameter in &self.operation.parameters {
            let example = self.document.example(parameter);
            let is_required = parameter.get("required") == Some(&Value::Bool(true));
            if !is_required && example.is_none() {
                continue;
            }
            let name = text_at(parameter, "name");
            match text_at(parameter, "in") {
                "query" => query.push(match example {
                    Some(example) => {
                        ParameterStyle::of(parameter).query_text(name, example, self.variables)
                    }
                    None => format!("{}={}", encode(name), self.variables.placeholder(name)),
                }),
                "header" => {
                    let value = self.header_value(name, example, parameter);
                    request.fields.push((name.to_owned(), value));
                }
                "cookie" => {
                    let value = format!("{name}={}", self.variables.placeholder(name));
                    request.fields.push(("Cookie".to_owned(), value));
                }
                _ => {}
            }
        }
        if !query.is_empty() {
            request.target = format!("{}?{}", request.target, query.join("&"));
        }
    }

    fn header_value(&mut self, name: &str, example: Option<&Value>, parameter: &Value) -> String {
        match example {
            Some(example) => {
                let value = ParameterStyle::of(parameter).field_value(example);
                field_text(name, &escape_variables(&value), self.variables)
            }
            None => self.variables.placeholder(name),
        }
    }

    fn add_credentials(&mut self, request: &mut RequestText) {
        for scheme in self.document.security(self.operation.value) {
            let name = text_at(scheme, "name");
            let kind = (text_at(scheme, "type"), text_at(scheme, "scheme"), text_at(scheme, "in"));
            let (field, value) = match kind {
                ("http", "basic", _) => {
                    let credentials = self.variables.placeholder("credentials");
                    ("Authorization", format!("Basic {credentials}"))
                }
                ("http" | "oauth2" | "openIdConnect", ..) => {
                    ("Authorization", format!("Bearer {}", self.variables.placeholder("token")))
                }
                ("apiKey", _, "header") => (name, self.variables.placeholder(name)),
                ("apiKey", _, "cookie") => {
                    ("Cookie", format!("{name}={}", self.variables.placeholder(name)))
                }
                ("apiKey", _, "query") => {
                    let sign = if request.target.contains('?') { '&' } else { '?' };
                    let value = self.variables.placeholder(name);
                    request.target = format!("{}{sign}{}={value}", request.target, encode(name));
                    continue;
                }
                _ => continue,
            };
            request.fields.push((field.to_owned(), value));
        }
    }

    fn add_content(&mut self, request: &mut RequestText, remarks: &mut Vec<DraftRemark>) {
        let Some(body) = self.operation.value.get("requestBody") else { return };
        let body = self.document.resolve(body);
        let contents = body.get("content").and_then(Value::as_object);
        let all: Vec<(&String, &Value)> = contents.into_iter().flatten().collect();
        let json = all.iter().find(|(kind, _)| kind.contains("json"));
        let Some((kind, media)) = json.or_else(|| all.first()) else { return };
        match self.document.content_example(media) {
            Some(example) if example.is_object() && !has_objects(kind) => {
                let Operation { method, path, .. } = self.operation;
                let message = format!(
                    "{method} {path}: an example of {kind} that is no text is not carried over"
                );
                remarks.push(DraftRemark::new(None, message));
            }
            Some(example) => {
                request.fields.push(("Content-Type".to_owned(), (*kind).clone()));
                request.body = self.content(kind, &example).replace("\r\n", "\n");
            }
            None if body.get("required") == Some(&Value::Bool(true)) => {
                let Operation { method, path, .. } = self.operation;
                let message =
                    format!("{method} {path}: its content has no example, so the case sends none");
                remarks.push(DraftRemark::new(None, message));
            }
            None => {}
        }
    }

    fn content(&mut self, kind: &str, example: &Value) -> String {
        if kind.starts_with("application/x-www-form-urlencoded") && example.is_object() {
            return form_of(example, self.variables);
        }
        content_text(kind, &escape_variables(&scalar_text(example)), self.variables)
    }
}

/// Returns true for a media type in which an object can be written.
fn has_objects(kind: &str) -> bool {
    kind.contains("json") || kind.starts_with("application/x-www-form-urlencoded")
}

/// The text of a member; empty if there is none.
fn text_at<'v>(value: &'v Value, key: &str) -> &'v str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}
