//! `hsts`: the contents of `Strict-Transport-Security` (RFC 6797).

use std::time::Duration;

use toml::de::DeValue;

use crate::toml_value::TomlValue;

/// The contents of `Strict-Transport-Security`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hsts {
    /// The time for which browsers remember it.
    pub max_age: Duration,
    /// It holds for all names below this one, too.
    pub include_subdomains: bool,
    /// The site asks to be in the lists that browsers are built with.
    pub preload: bool,
}

impl Hsts {
    /// Reads a duration, a table, or `false`.
    pub(crate) fn from_toml(value: &TomlValue<'_>) -> Option<Self> {
        match value.as_toml() {
            DeValue::Boolean(false) => None,
            DeValue::String(_) => Some(Self {
                max_age: value.read_duration()?,
                include_subdomains: false,
                preload: false,
            }),
            DeValue::Table(_) => Self::from_table(value),
            _ => {
                value.report_type("a duration such as \"365d\", a table, or false");
                None
            }
        }
    }

    fn from_table(value: &TomlValue<'_>) -> Option<Self> {
        let mut table = value.read_table("Hsts")?;
        let max_age = table.require("max-age", "a duration such as \"365d\"");
        let include_subdomains = table.flag_at("include-subdomains");
        let preload = table.flag_at("preload");
        table.report_unknown_keys();
        Some(Self { max_age: max_age?.read_duration()?, include_subdomains, preload })
    }
}
