//! Semantic versions with missing parts.

/// `1` is `1.0.0`, `1.2-rc` is `1.2.0-rc`; build metadata is dropped, since it takes no part in
/// precedence (Semantic Versioning 2.0.0 §10).
pub(super) fn parse(text: &str) -> Option<semver::Version> {
    let without_build = match text.split_once('+') {
        Some((version, build)) => {
            semver::BuildMetadata::new(build).ok()?;
            version
        }
        None => text,
    };
    let (core, prerelease) = match without_build.split_once('-') {
        Some((core, prerelease)) if !prerelease.is_empty() => {
            (core, semver::Prerelease::new(prerelease).ok()?)
        }
        Some(_) => return None,
        None => (without_build, semver::Prerelease::EMPTY),
    };
    let mut parts = [0; 3];
    for (index, part) in core.split('.').enumerate() {
        *parts.get_mut(index)? = number(part)?;
    }
    // `2-1` is more likely 2.1 than a prerelease of 2.
    if !core.contains('.') && prerelease.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let [major, minor, patch] = parts;
    Some(semver::Version {
        major,
        minor,
        patch,
        pre: prerelease,
        build: semver::BuildMetadata::EMPTY,
    })
}

/// A numeric identifier: digits without a leading zero (§2).
fn number(part: &str) -> Option<u64> {
    let digits = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    (digits && (part == "0" || !part.starts_with('0'))).then(|| part.parse().ok()).flatten()
}
