//! Readers such as `header:NAME`: the places of a request from which a requirement or a rollout
//! takes a value.

use upshift_core::field::FieldName;

use crate::spelling::{join_names, nearest_name};
use crate::toml_value::TomlValue;

/// Reads `read`: a list of readers that is not empty.
pub(crate) fn read_readers<T>(
    value: &TomlValue<'_>,
    read_reader: fn(&TomlValue<'_>) -> Option<T>,
) -> Vec<T> {
    let members = value.one_or_more();
    if members.is_empty() {
        value.report_error("`read` is an empty list", "expected at least one reader");
    }
    members.iter().filter_map(read_reader).collect()
}

impl<'d> TomlValue<'d> {
    /// Splits a reader such as `header:NAME` into the meaning of its form and its argument. `forms`
    /// are the readers that are valid here; one without a colon takes no argument.
    pub(crate) fn split_reader<T: Copy>(
        &self,
        forms: &[(&'static str, T)],
    ) -> Option<(T, &'d str)> {
        let expected = format!("expected {}", join_names(forms.iter().map(|(form, _)| *form)));
        let text = self.read_string("a string such as \"header:X-Api-Version\"")?;
        // The first colon: an argument may have more, such as a JWT claim that is a URL.
        let (given, argument) = text.split_once(':').unwrap_or((text, ""));
        let Some((form, meaning)) = forms.iter().find(|(form, _)| kind_of_form(form) == given)
        else {
            let kinds = forms.iter().map(|(form, _)| kind_of_form(form));
            let error = self.error_here(format!("unknown reader `{given}`")).with_label(expected);
            self.report(match nearest_name(given, kinds) {
                Some(near) => error.with_help(format!("did you mean `{near}`?")),
                None => error,
            });
            return None;
        };
        let takes_argument = form.contains(':');
        if takes_argument == argument.is_empty() {
            let problem = if takes_argument { "needs a name" } else { "takes no argument" };
            self.report_error(format!("the reader `{given}` {problem}"), expected);
            return None;
        }
        Some((*meaning, argument))
    }

    /// The field name `name`, which is a part of this string.
    pub(crate) fn parse_field_name(&self, name: &str) -> Option<FieldName> {
        let parsed = FieldName::parse(name);
        if parsed.is_none() {
            self.report_error(
                format!("`{name}` is not a field name"),
                "a field name has letters, digits and - only",
            );
        }
        parsed
    }
}

fn kind_of_form(form: &'static str) -> &'static str {
    match form.split_once(':') {
        Some((kind, _)) => kind,
        None => form,
    }
}
