//! Semantic versions with missing parts.

/// Reads a semantic version: `1` is `1.0.0` and `1.2-rc` is `1.2.0-rc`.
///
/// Build metadata is dropped, because it does not affect precedence (Semantic Versioning 2.0.0
/// §10).
pub(super) fn parse_semantic(text: &str) -> Option<semver::Version> {
    let without_build = match text.split_once('+') {
        Some((version, build)) => {
            // Dropped, but checked: with a malformed part the text is no semantic version.
            semver::BuildMetadata::new(build).ok()?;
            version
        }
        None => text,
    };
    let (core, prerelease) = match without_build.split_once('-') {
        Some((_, "")) => return None,
        Some((core, prerelease)) => (core, semver::Prerelease::new(prerelease).ok()?),
        None => (without_build, semver::Prerelease::EMPTY),
    };
    let mut numbers = [0; 3];
    for (index, part) in core.split('.').enumerate() {
        // A semantic version has no fourth number.
        *numbers.get_mut(index)? = parse_number(part)?;
    }
    // `2-1` is more likely 2.1 than a prerelease of 2.
    if !core.contains('.') && prerelease.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let [major, minor, patch] = numbers;
    let build = semver::BuildMetadata::EMPTY;
    Some(semver::Version { major, minor, patch, pre: prerelease, build })
}

/// Reads a numeric identifier: digits without a leading zero (§2).
fn parse_number(part: &str) -> Option<u64> {
    let is_digits = part.bytes().all(|byte| byte.is_ascii_digit());
    let has_leading_zero = part.len() > 1 && part.starts_with('0');
    // `u64::from_str` also accepts a `+`.
    if !is_digits || has_leading_zero {
        return None;
    }
    part.parse().ok()
}
