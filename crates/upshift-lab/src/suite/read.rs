//! The text of a suite → [`SuiteFile`], or an error with its place.

use std::fmt;
use std::path::Path;

use super::line_index::LineIndex;
use super::model::SuiteFile;
pub use crate::nearest_name::nearest_name;

/// The formats of suites. All have the same keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SuiteFormat {
    /// TOML, the usual one: raw HTTP stands in literal blocks.
    Toml,
    /// YAML.
    Yaml,
    /// JSON.
    Json,
}

/// A mistake in a suite.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SuiteError {
    /// The line, from 1; 0 if it is not known.
    pub line: usize,
    /// The column in characters, from 1; 0 if it is not known.
    pub column: usize,
    /// The mistake.
    pub message: String,
    /// What to do about it; may be empty.
    pub help: String,
}

impl SuiteFormat {
    /// The format that the extension of `path` names.
    pub fn of_path(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()? {
            "toml" => Some(Self::Toml),
            "yaml" | "yml" => Some(Self::Yaml),
            "json" => Some(Self::Json),
            _ => None,
        }
    }
}

impl fmt::Display for SuiteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line > 0 {
            write!(f, "{}:{}: ", self.line, self.column)?;
        }
        f.write_str(&self.message)?;
        if !self.help.is_empty() {
            write!(f, "; {}", self.help)?;
        }
        Ok(())
    }
}

impl std::error::Error for SuiteError {}

/// Reads a suite.
pub(super) fn read_suite(text: &str, format: SuiteFormat) -> Result<SuiteFile, SuiteError> {
    match format {
        SuiteFormat::Toml => toml::from_str(text).map_err(|error| {
            let (line, column) = match error.span() {
                Some(span) => LineIndex::of(text).locate(span.start),
                None => (0, 0),
            };
            describe_error(line, column, error.message())
        }),
        SuiteFormat::Yaml => serde_saphyr::from_str(text).map_err(|error| {
            let place = error.location();
            let (line, column) = match place {
                Some(place) => (to_usize(place.line()), to_usize(place.column())),
                None => (0, 0),
            };
            describe_error(line, column, &yaml_message(&error.without_snippet().to_string()))
        }),
        SuiteFormat::Json => serde_json::from_str(text).map_err(|error| {
            let message = error.to_string();
            // serde_json appends the place, which has fields of its own here.
            let message = message.split(" at line ").next().unwrap_or_default();
            describe_error(error.line(), error.column(), message)
        }),
    }
}

/// The message of the YAML library without advice for programmers who use it.
fn yaml_message(message: &str) -> String {
    if message.contains("from_str_multiple") {
        return "a suite is one YAML document, and a second one begins here".to_owned();
    }
    // The place has fields of its own.
    let message = message.split(" at line ").next().unwrap_or_default();
    message.replace(", set DuplicateKeyPolicy in Options if acceptable", "")
}

/// The number, or the largest if it does not fit.
pub(super) fn to_usize(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn describe_error(line: usize, column: usize, message: &str) -> SuiteError {
    let message = message.trim_end().to_owned();
    let help = suggest_spelling(&message).unwrap_or_default();
    SuiteError { line, column, message, help }
}

/// The nearest of the names that serde lists in its error for an unknown one.
///
/// TOML and JSON have the names in backticks, YAML has them bare.
fn suggest_spelling(message: &str) -> Option<String> {
    if !message.contains("unknown field") && !message.contains("unknown variant") {
        return None;
    }
    let (start, known) = message.split_once("expected ")?;
    let unknown = start.split('`').nth(1)?;
    let known = known.trim_start_matches("one of ");
    let names = known.split([',', ' ', '\n']).map(|name| name.trim_matches('`'));
    let nearest = nearest_name(unknown, names.filter(|name| !name.is_empty()))?;
    Some(format!("did you mean `{nearest}`?"))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a panic is a failed test")]

    use super::*;

    const TOML: &str = "
        target = 'http://127.0.0.1:1'
        [[probe]]
        id = 'a'
        req = 'GET /'
        expect.h2 = { status = 200 }
    ";

    #[test]
    fn all_formats_have_the_same_keys() {
        let yaml = "
target: http://127.0.0.1:1
probe:
  - id: a
    req: GET /
    expect: { h2: { status: 200 } }
";
        let json = r#"{"target": "http://127.0.0.1:1",
            "probe": [{"id": "a", "req": "GET /", "expect": {"h2": {"status": 200}}}]}"#;
        let toml = format!("{:?}", read_suite(TOML, SuiteFormat::Toml).unwrap());
        assert_eq!(format!("{:?}", read_suite(yaml, SuiteFormat::Yaml).unwrap()), toml);
        assert_eq!(format!("{:?}", read_suite(json, SuiteFormat::Json).unwrap()), toml);
    }

    #[test]
    fn an_unknown_key_has_its_place_and_the_nearest_spelling() {
        let error = read_suite("[[probe]]\nid = 'a'\nrequ = 'GET /'\n", SuiteFormat::Toml);
        let error = error.unwrap_err();
        assert_eq!((error.line, error.column), (3, 1));
        assert_eq!(error.help, "did you mean `req`?");
        let json = "{\"probe\": [\n{\"id\": \"a\", \"requ\": 1}]}";
        let error = read_suite(json, SuiteFormat::Json).unwrap_err();
        assert_eq!((error.line, error.help.as_str()), (2, "did you mean `req`?"));
        let error = read_suite("probe:\n  - idd: a\n", SuiteFormat::Yaml).unwrap_err();
        assert_eq!((error.line, error.help.as_str()), (2, "did you mean `id`?"), "{error}");
        // No key of the place is near.
        let error = read_suite("a: 1\n", SuiteFormat::Yaml).unwrap_err();
        assert_eq!((error.line, error.help.as_str()), (1, ""), "{error}");
    }

    /// The library speaks to programmers there.
    #[test]
    fn errors_of_yaml_speak_of_the_suite() {
        let error = |text: &str| read_suite(text, SuiteFormat::Yaml).unwrap_err().to_string();
        let twice = error("suite: a\nsuite: b\n");
        assert!(twice.contains("duplicate mapping key: suite"), "{twice}");
        assert!(!twice.contains("DuplicateKeyPolicy"), "{twice}");
        let two = error("suite: a\n---\nsuite: b\n");
        assert!(two.contains("a suite is one YAML document"), "{two}");
    }

    #[test]
    fn a_format_follows_from_the_extension() {
        let of_path = |path: &str| SuiteFormat::of_path(Path::new(path));
        assert_eq!(of_path("a.upshift.toml"), Some(SuiteFormat::Toml));
        assert_eq!(of_path("a.yml"), Some(SuiteFormat::Yaml));
        assert_eq!(of_path("a.txt"), None);
    }
}
