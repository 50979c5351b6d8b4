//! The JSON Schema of suites.

use schemars::Schema;
use schemars::transform::{RecursiveTransform, Transform};
use serde_json::Value;

use super::draft::SCHEMA_FILE;
use super::model::SuiteFile;

/// The JSON Schema of suites, in TOML, YAML or JSON, as text that ends in a newline.
pub fn suite_schema() -> String {
    let mut schema = schemars::schema_for!(SuiteFile);
    schema.insert("title".to_owned(), Value::from("Suite of upshift test"));
    schema.insert("$id".to_owned(), Value::from(SCHEMA_FILE));
    RecursiveTransform(join_description_lines).transform(&mut schema);
    RecursiveTransform(remove_null).transform(&mut schema);
    // A schema is JSON already, so that writing it cannot fail.
    let text = serde_json::to_string_pretty(&schema).unwrap_or_default();
    text + "\n"
}

/// Joins the lines of a description, whose breaks mean nothing to an editor that shows it.
fn join_description_lines(schema: &mut Schema) {
    let Some(Value::String(text)) = schema.get("description") else { return };
    let joined = text.replace('\n', " ");
    schema.insert("description".to_owned(), Value::from(joined));
}

/// Removes `null`, which stands for a key that is left out. TOML cannot write it.
fn remove_null(schema: &mut Schema) {
    if schema.get("default") == Some(&Value::Null) {
        schema.remove("default");
    }
    if let Some(Value::Array(types)) = schema.get_mut("type") {
        types.retain(|one| one != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            schema.insert("type".to_owned(), only);
        }
    }
    let Some(Value::Array(choices)) = schema.get_mut("anyOf") else { return };
    choices.retain(|choice| choice.get("type") != Some(&Value::from("null")));
    if let [Value::Object(only)] = choices.as_slice() {
        let only = only.clone();
        schema.remove("anyOf");
        for (key, value) in only {
            schema.insert(key, value);
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a panic is a failed test")]

    use super::*;

    fn schema() -> Value {
        serde_json::from_str(&suite_schema()).unwrap()
    }

    /// Lists the keys without a description.
    fn undescribed(value: &Value, place: &str, found: &mut Vec<String>) {
        let properties = value.get("properties").and_then(Value::as_object);
        // The only key of a variant is described by the variant.
        let is_variant =
            value.get("description").is_some() && value.get("additionalProperties").is_some();
        for (key, property) in properties.into_iter().flatten() {
            let has_own = property.get("description").is_some();
            let is_described = has_own || (is_variant && place.contains("oneOf"));
            if !is_described {
                found.push(format!("{place}.{key}"));
            }
        }
        let children = match value {
            Value::Object(members) => {
                members.iter().map(|(key, child)| (key.clone(), child)).collect()
            }
            Value::Array(items) => items.iter().map(|child| (String::new(), child)).collect(),
            _ => Vec::new(),
        };
        for (key, child) in children {
            undescribed(child, &format!("{place}.{key}"), found);
        }
    }

    #[test]
    fn every_key_is_described() {
        let mut found = Vec::new();
        undescribed(&schema(), "", &mut found);
        assert_eq!(found, Vec::<String>::new());
    }

    /// A suite as editors see it. They take dates for strings.
    fn as_json(value: toml::Value) -> Value {
        match value {
            toml::Value::Datetime(date) => Value::String(date.to_string()),
            toml::Value::Array(items) => items.into_iter().map(as_json).collect(),
            toml::Value::Table(table) => {
                table.into_iter().map(|(key, value)| (key, as_json(value))).collect()
            }
            other => serde_json::to_value(other).unwrap(),
        }
    }

    fn faults(suite: &str) -> Vec<String> {
        let validator = jsonschema::validator_for(&schema()).unwrap();
        validator
            .iter_errors(&as_json(toml::from_str(suite).unwrap()))
            .map(|error| error.to_string())
            .collect()
    }

    #[test]
    fn no_key_is_null() {
        assert!(!suite_schema().contains("null"), "{}", suite_schema());
    }

    #[test]
    fn the_example_suites_fit_it() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/suites");
        let mut fitting = 0;
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.to_string_lossy().ends_with(".upshift.toml") {
                let suite = std::fs::read_to_string(&path).unwrap();
                assert_eq!(faults(&suite), Vec::<String>::new(), "{}", path.display());
                fitting += 1;
            }
        }
        assert!(fitting >= 2, "{fitting}");
    }

    #[test]
    fn every_kind_of_key_fits_it_and_wrong_ones_do_not() {
        let right = "target = 'http://a'\n[[probe]]\nid = 'a'\nreq = 'GET /'\ntimeout = '5s'\n\
             expect.h2 = { status = [200, '4xx', '!426'], fields.Upgrade = { token = ['a'] }, \
             fail-on = 'warn' }\ncapture.token = { field = 'X-Token' }\n\
             [[client]]\nid = 'b'\nrun = ['curl']\nscenario = 'bare-426'\n\
             expect.grade = '>= B'\n[[lint]]\nid = 'c'\nfiles = ['*.har']\n";
        assert_eq!(faults(right), Vec::<String>::new());
        for wrong in [
            "[[probe]]\nid = 'a'\nreq = 'GET /'\nexpects.h2 = {}",
            "[[probe]]\nid = 'a'\nreq = 'GET /'\nexpect.h2 = { status = 99 }",
            "[[probe]]\nid = 'a'\nexpect.h2 = { status = 200 }",
            "[[probe]]\nid = 'a'\nreq = 'GET /'\nlanes = ['h4']\nexpect = {}",
        ] {
            assert!(!faults(wrong).is_empty(), "{wrong}");
        }
    }
}
