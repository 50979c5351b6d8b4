//! `upshift.reference.toml`, the JSON Schema and the walker say the same.

#![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

use std::collections::BTreeSet;

use serde_json::Value;
use upshift_config::{Limits, json_schema, load};

const REFERENCE: &str = include_str!("../../../upshift.reference.toml");
const COMMITTED: &str = include_str!("../../../upshift.schema.json");

/// The reference with every example taken out of its comment.
fn uncommented() -> String {
    let is_toml = |line: &str| {
        let key = line.split(['=', ' ']).next().unwrap_or_default();
        let is_key = !key.is_empty()
            && key.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        line.starts_with('[') || is_key && line.contains(" = ")
    };
    let bare = |line: &str| match line.strip_prefix("# ").filter(|rest| is_toml(rest)) {
        Some(rest) => rest.to_owned(),
        None => line.to_owned(),
    };
    // These are shown in both their forms; a file has one.
    let mut lines: Vec<&str> = REFERENCE.lines().collect();
    lines.retain(|line| !line.starts_with("hsts") && !line.starts_with("access-log"));
    let lines = lines.into_iter().map(bare);
    lines.collect::<Vec<_>>().join("\n")
}

/// As the JSON Schema sees a TOML file: dates are strings.
fn as_json(text: &str) -> Value {
    fn convert(value: toml::Value) -> Value {
        match value {
            toml::Value::Datetime(datetime) => Value::String(datetime.to_string()),
            toml::Value::Array(list) => list.into_iter().map(convert).collect(),
            toml::Value::Table(table) => {
                table.into_iter().map(|(key, value)| (key, convert(value))).collect()
            }
            other => serde_json::to_value(other).unwrap(),
        }
    }
    convert(toml::Value::Table(text.parse().unwrap()))
}

fn schema_errors(text: &str) -> Vec<String> {
    let schema: Value = serde_json::from_str(&json_schema()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    validator
        .iter_errors(&as_json(text))
        .map(|error| format!("{error} at {}", error.instance_path()))
        .collect()
}

#[test]
fn the_committed_schema_is_the_one_of_the_types() {
    assert!(
        COMMITTED == json_schema(),
        "write it anew: cargo run -q -- schema > upshift.schema.json"
    );
}

#[test]
fn the_reference_is_a_valid_file_with_and_without_its_examples() {
    for text in [REFERENCE.to_owned(), uncommented()] {
        let found = load(&text, "upshift.reference.toml");
        let errors: String =
            found.err().unwrap_or_default().iter().map(ToString::to_string).collect();
        assert_eq!(errors, "");
        assert_eq!(schema_errors(&text), Vec::<String>::new());
    }
}

/// The policies that people copy.
#[test]
fn the_examples_are_valid_files() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    let paths = folder.read_dir().unwrap().map(|entry| entry.unwrap().path());
    let mut seen = 0;
    for path in paths.filter(|path| path.extension().is_some_and(|extension| extension == "toml")) {
        let text = std::fs::read_to_string(&path).unwrap();
        let errors: String = load(&text, &path.to_string_lossy())
            .err()
            .unwrap_or_default()
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(errors, "");
        assert_eq!(schema_errors(&text), Vec::<String>::new(), "{}", path.display());
        assert!(
            text.starts_with("#:schema "),
            "{} names its schema in its first line",
            path.display()
        );
        seen += 1;
    }
    assert!(seen > 0);
}

#[test]
fn the_defaults_in_the_reference_are_the_defaults() {
    let written = load(REFERENCE, "upshift.toml").unwrap().file;
    let empty = load("", "upshift.toml").unwrap().file;
    assert_eq!(written.gateway, empty.gateway);
    assert_eq!(written.limits, empty.limits);
    assert_eq!(empty.limits, Limits::default());
    assert_eq!(written.webhook, empty.webhook);
    let rule =
        "[[rule]]\nid = \"a\"\nrequire = { tls = \"1.2\" }\nrollout = { warn = 2026-01-01 }\n";
    let breaker = |text: &str| load(text, "upshift.toml").unwrap().file.policy.rules()[0].breaker;
    assert_eq!(breaker(&format!("{REFERENCE}\n{rule}")), breaker(rule));
    assert!(breaker(rule).is_some());
}

/// Every key of the types is in the reference, and every key of the reference is in the types (or
/// it would be invalid).
#[test]
fn every_key_is_in_the_reference() {
    let schema: Value = serde_json::from_str(&json_schema()).unwrap();
    let mut missing = BTreeSet::new();
    visit(&schema, &schema, &as_json(&uncommented()), &mut Vec::new(), &mut missing);
    assert_eq!(missing, BTreeSet::new());
}

/// Follows the schema along the values of the reference and notes each property that no value has.
fn visit(
    root: &Value,
    schema: &Value,
    value: &Value,
    path: &mut Vec<String>,
    missing: &mut BTreeSet<String>,
) {
    let schema = resolve(root, schema);
    for form in schema["anyOf"].as_array().into_iter().chain(schema["oneOf"].as_array()).flatten() {
        let fits = match resolve(root, form)["type"].as_str() {
            Some("object") => {
                value.is_object()
                    || value.as_array().is_some_and(|list| list.iter().all(Value::is_object))
            }
            Some("array") => value.is_array(),
            _ => form.get("anyOf").is_some(),
        };
        if fits {
            visit(root, form, value, path, missing);
        }
    }
    if let (Some(items), Some(list)) = (schema.get("items"), value.as_array()) {
        let merged = list.iter().fold(Value::Null, merge);
        visit(root, items, &merged, path, missing);
    }
    let Some(properties) = schema["properties"].as_object() else { return };
    for (key, property) in properties {
        path.push(key.clone());
        match value.get(key) {
            Some(value) => visit(root, property, value, path, missing),
            None => drop(missing.insert(path.join("."))),
        }
        path.pop();
    }
}

fn resolve<'s>(root: &'s Value, schema: &'s Value) -> &'s Value {
    match schema["$ref"].as_str() {
        Some(reference) => root.pointer(&reference[1..]).unwrap(),
        None => schema,
    }
}

/// All keys of both: rules of different kinds together show every key.
fn merge(mut sum: Value, part: &Value) -> Value {
    let part = match part {
        Value::Array(list) if list.iter().all(Value::is_object) => {
            list.iter().fold(Value::Null, merge)
        }
        other => other.clone(),
    };
    match (&mut sum, part) {
        (Value::Object(sum), Value::Object(part)) => {
            for (key, value) in part {
                let before = sum.remove(&key).unwrap_or(Value::Null);
                sum.insert(key, merge(before, &value));
            }
        }
        (Value::Object(_), _) => {}
        (sum, part) => *sum = part,
    }
    sum
}

proptest::proptest! {
    /// Whatever is typed into a file, it is loaded or its errors are shown.
    #[test]
    fn no_slip_makes_it_panic(at in 0_usize..12_000, length in 0_usize..40, typed in "[\\PC\n\"'\\[\\]{}=,.!:0-9a-z-]{0,12}") {
        let mut text = uncommented();
        let on_boundary = |mut at: usize| {
            while !text.is_char_boundary(at) {
                at -= 1;
            }
            at
        };
        let start = on_boundary(at % text.len());
        let end = on_boundary((start + length).min(text.len()));
        text.replace_range(start..end.max(start), &typed);
        for error in load(&text, "upshift.toml").err().unwrap_or_default() {
            proptest::prop_assert!(!error.render(true).is_empty());
            proptest::prop_assert!(error.line <= text.lines().count() + 1);
        }
    }
}
