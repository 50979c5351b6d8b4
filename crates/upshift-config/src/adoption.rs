//! `[adoption]`: the recording of adoption, and its retention.

use std::time::Duration;

use crate::toml_table::TomlTable;

/// Recording of adoption, and its retention.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdoptionSettings {
    /// Usage is counted and kept in the store.
    pub record: bool,
    /// The time for which the numbers of each minute are kept.
    pub minutes: Duration,
    /// The time for which the numbers of each hour are kept.
    pub hours: Duration,
    /// The time for which the numbers of each day, and refused callers, are kept.
    pub days: Duration,
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

impl Default for AdoptionSettings {
    fn default() -> Self {
        // More than two years, so that a yearly job shows up twice.
        Self { record: true, minutes: 2 * DAY, hours: 35 * DAY, days: 800 * DAY }
    }
}

impl AdoptionSettings {
    /// The shortest time for which minutes are kept: hours are made from them.
    const LEAST_MINUTES: Duration = Duration::from_secs(2 * 60 * 60);
    /// The shortest time for which hours are kept: days are made from them.
    const LEAST_HOURS: Duration = Duration::from_secs(2 * 24 * 60 * 60);

    /// Reads `[adoption]`.
    pub(crate) fn from_toml(table: &mut TomlTable<'_>) -> Self {
        let mut settings = Self::default();
        if let Some(value) = table.get("record") {
            settings.record = value.read_bool().unwrap_or(settings.record);
        }
        replace_retention(&mut settings.minutes, table, "minutes", Self::LEAST_MINUTES, "2h");
        replace_retention(&mut settings.hours, table, "hours", Self::LEAST_HOURS, "2d");
        replace_retention(&mut settings.days, table, "days", DAY, "1d");
        table.report_unknown_keys();
        settings
    }
}

/// Replaces a default by the duration of `key`, if the table has it and it is not too short.
fn replace_retention(
    kept: &mut Duration,
    table: &mut TomlTable<'_>,
    key: &'static str,
    least: Duration,
    least_text: &str,
) {
    let Some(value) = table.get(key) else { return };
    let Some(given) = value.read_duration() else { return };
    if given < least {
        value.report_error(
            format!("`{key}` is too short"),
            format!("expected {least_text} or more"),
        );
        return;
    }
    *kept = given;
}
