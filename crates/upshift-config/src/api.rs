//! `require = { api = … }`: the oldest API version that is admitted, and where requests name
//! theirs.

use std::ops::Range;
use std::sync::Arc;

use upshift_core::policy::{ApiReader, ApiRequirement, PathTemplate};
use upshift_core::version::{Version, VersionScheme};

use crate::reader::read_readers;
use crate::span_diagnostic::SpanDiagnostic;
use crate::toml_value::TomlValue;

/// The form of a place where a version is read.
#[derive(Clone, Copy)]
enum ReaderForm {
    Header,
    Path,
    Query,
    MediaType,
}

const READER_FORMS: [(&str, ReaderForm); 4] = [
    ("header:NAME", ReaderForm::Header),
    ("path:/v{version}/**", ReaderForm::Path),
    ("query:NAME", ReaderForm::Query),
    ("media-type:PARAMETER", ReaderForm::MediaType),
];

/// Reads the value of `api`.
pub(crate) fn read_api(value: &TomlValue<'_>) -> Option<ApiRequirement> {
    let mut table = value.read_table("Api")?;
    let scheme = match table.get("scheme") {
        // No default for a wrong scheme: every version could be an error by its rules.
        Some(scheme) => read_scheme(&scheme),
        None => Some(VersionScheme::Semver),
    };
    let minimum_value = table.require("minimum", "the oldest version that is admitted");
    let supported_values = table.values_at("supported");
    let assumed_value = table.get("assume");
    let description = "the place of the version, such as [\"header:X-Api-Version\"]";
    let read = match table.require("read", description) {
        Some(readers) => read_readers(&readers, read_api_reader),
        None => Vec::new(),
    };
    let minimum_span = table.key_span("minimum");
    table.report_unknown_keys();
    // Without a scheme no version can be parsed, and the error in the scheme says enough.
    let scheme = scheme?;
    // `minimum` comes last: if it is wrong, the errors of the others show as well.
    let supported: Vec<Version> =
        supported_values.iter().filter_map(|one| one.read_version(&scheme)).collect();
    let assume = match assumed_value {
        Some(assumed) => assumed.read_version(&scheme),
        None => None,
    };
    let minimum = minimum_value?.read_version(&scheme)?;
    check_supported_versions(value, minimum_span, &minimum, &supported);
    // Reported by `read_readers` or `require`. Without readers the core would report it once more.
    if read.is_empty() {
        return None;
    }
    Some(ApiRequirement { scheme, minimum, supported, assume, read })
}

/// Reports a minimum above every supported version, which no client can meet, and warns about a
/// supported version below the minimum, which is refused all the same.
fn check_supported_versions(
    value: &TomlValue<'_>,
    span: Range<usize>,
    minimum: &Version,
    supported: &[Version],
) {
    // Without `supported` no version is promised, so that nothing can contradict the minimum.
    let Some(greatest) = supported.iter().max() else { return };
    if greatest < minimum {
        let message = format!("`minimum` {minimum} is above every supported version");
        let label = format!("the greatest in `supported` is {greatest}: no client could comply");
        value.report(SpanDiagnostic::error(span, message).with_label(label));
        return;
    }
    if let Some(low) = supported.iter().find(|version| *version < minimum) {
        let message = format!("version {low} is listed as supported, but it is refused");
        value.report(
            SpanDiagnostic::warning(span, message)
                .with_label(format!("{low} is below this minimum"))
                .with_help(format!("remove {low} from `supported`, or lower `minimum`")),
        );
    }
}

fn read_scheme(value: &TomlValue<'_>) -> Option<VersionScheme> {
    if value.is_table() {
        return read_ordered_scheme(value);
    }
    // All other schemes are plain words, so that `scheme = "ordered"` is a likely first attempt.
    if value.as_str() == Some("ordered") {
        value.report_error(
            "`ordered` needs its list of versions",
            "write { ordered = [\"alpha\", \"beta\", \"ga\"] }, the oldest first",
        );
        return None;
    }
    type MakeScheme = fn() -> VersionScheme;
    const NAMED: [(&str, MakeScheme); 3] = [
        ("semver", || VersionScheme::Semver),
        ("numeric", || VersionScheme::Numeric),
        ("date", || VersionScheme::Date),
    ];
    let make_scheme = value.read_word("scheme", &NAMED)?;
    Some(make_scheme())
}

fn read_ordered_scheme(value: &TomlValue<'_>) -> Option<VersionScheme> {
    let mut table = value.read_table("Ordered")?;
    let ordered = table.require("ordered", "all versions, the oldest first");
    table.report_unknown_keys();
    let mut texts: Vec<Box<str>> = Vec::new();
    for member in ordered?.read_list("versions")? {
        let Some(text) = member.read_text() else { continue };
        // A name that is listed twice would have two places in the order.
        if texts.iter().any(|earlier| **earlier == *text) {
            let message = format!("`{text}` is listed twice");
            member.report_error(message, "list each version once");
        }
        texts.push(text.into());
    }
    Some(VersionScheme::Ordered(Arc::from(texts)))
}

fn read_api_reader(value: &TomlValue<'_>) -> Option<ApiReader> {
    let (form, argument) = value.split_reader(&READER_FORMS)?;
    Some(match form {
        ReaderForm::Header => ApiReader::Header(value.parse_field_name(argument)?),
        ReaderForm::Query => ApiReader::Query(argument.into()),
        ReaderForm::Path => match PathTemplate::parse(argument) {
            Ok(template) => ApiReader::Path(template),
            Err(error) => {
                let message = format!("`{argument}` is not a path template");
                value.report_error(message, error.to_string());
                return None;
            }
        },
        ReaderForm::MediaType => match argument.split_once("{version}") {
            Some((prefix, suffix)) => {
                ApiReader::MediaTypeTemplate { prefix: prefix.into(), suffix: suffix.into() }
            }
            None => ApiReader::MediaTypeParameter(argument.into()),
        },
    })
}

impl TomlValue<'_> {
    /// A version of the scheme.
    fn read_version(&self, scheme: &VersionScheme) -> Option<Version> {
        let name = scheme.as_str();
        let text = self.read_string(&format!("a string, a version of scheme {name}"))?;
        let cause = match scheme.parse(text) {
            Ok(version) => return Some(version),
            Err(cause) => cause,
        };
        let message = format!("`{text}` is not a {name} version");
        let error = self.error_here(message).with_label(cause.to_string());
        // Semver is the default, so that a date often means that `scheme` was left out.
        let compares_numbers = matches!(scheme, VersionScheme::Semver | VersionScheme::Numeric);
        if compares_numbers && VersionScheme::Date.parse(text).is_ok() {
            self.report(error.with_help("for dates, set scheme = \"date\""));
        } else {
            self.report(error);
        }
        None
    }
}
