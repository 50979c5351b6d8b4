//! The classes of framing faults, which the cases of a codec name.

use serde::Deserialize;

use super::files::{project_folder, read_toml};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClassFile {
    #[serde(rename = "class")]
    classes: Vec<FramingClass>,
}

/// A class of bytes that implementations have read in different ways.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FramingClass {
    /// The name that cases refer to.
    pub name: String,
    /// The bytes, and what a server, a client or a gateway does with them.
    pub about: String,
    /// The reason if there is no case.
    pub no_case: Option<String>,
}

/// Reads `framing-classes.toml`.
///
/// # Errors
/// If the file is malformed.
pub fn load_framing_classes() -> Result<Vec<FramingClass>, String> {
    let file: ClassFile = read_toml(&project_folder().join("framing-classes.toml"))?;
    Ok(file.classes)
}
