//! The files of the project's vectors.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::cases::Vectors;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SkipFile {
    #[serde(default)]
    skip: Vec<SkippedCase>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SkippedCase {
    case: String,
    runner: String,
    reason: String,
}

/// Reads all vectors of the project, sorted by path.
///
/// # Errors
/// If a file is malformed, or is in the folder of another section. The message names the file.
pub fn load_vectors() -> Result<Vec<(PathBuf, Vectors)>, String> {
    let mut all = Vec::new();
    for folder in sorted_entries(project_folder())? {
        let Some(name) = folder.file_name().and_then(|name| name.to_str()) else { continue };
        // The folders of sections begin with the number of the RFC.
        if folder.is_dir() && name.starts_with(|first: char| first.is_ascii_digit()) {
            for file in sorted_entries(&folder)? {
                let vectors = read_vectors(&file, name)?;
                all.push((file, vectors));
            }
        }
    }
    Ok(all)
}

/// Returns the cases that `runner` (`core` or `wire`) skips, with the reasons.
///
/// # Errors
/// If `skips.toml` is malformed, or if a skip has no reason.
pub fn skipped_cases(runner: &str) -> Result<BTreeMap<String, String>, String> {
    let file: SkipFile = read_toml(&project_folder().join("skips.toml"))?;
    let mut skipped = BTreeMap::new();
    for skip in file.skip {
        if skip.reason.trim().is_empty() {
            return Err(format!("{} is skipped without a reason", skip.case));
        }
        if skip.runner == runner {
            skipped.insert(skip.case, skip.reason);
        }
    }
    Ok(skipped)
}

pub(crate) fn project_folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn sorted_entries(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let entries =
        std::fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    Ok(paths)
}

fn read_vectors(file: &Path, folder: &str) -> Result<Vectors, String> {
    let vectors: Vectors = read_toml(file)?;
    let folder_section = format!("RFC {}", folder.replacen('-', " §", 1));
    if vectors.section != folder_section {
        return Err(format!(
            "{}: the section is {}, but the folder is that of {folder_section}",
            file.display(),
            vectors.section
        ));
    }
    Ok(vectors)
}

pub(crate) fn read_toml<T: DeserializeOwned>(file: &Path) -> Result<T, String> {
    let text =
        std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
    toml::from_str(&text).map_err(|error| format!("{}: {error}", file.display()))
}
