//! Versions below a minimum, for requests that a rule refuses.

use upshift_core::version::VersionScheme;

/// Versions that may be below `minimum`, the most likely first.
pub(super) fn older_versions(scheme: &VersionScheme, minimum: &str) -> Vec<String> {
    match scheme {
        VersionScheme::Semver | VersionScheme::Numeric => older_numbers(minimum),
        VersionScheme::Date => vec!["2000-01-01".to_owned()],
        VersionScheme::Ordered(members) => {
            let older = members.iter().take_while(|member| member.as_ref() != minimum);
            // The nearest first.
            let mut older: Vec<String> = older.map(ToString::to_string).collect();
            older.reverse();
            older
        }
    }
}

/// The version before in the first number, and the lowest ones.
pub(super) fn older_numbers(minimum: &str) -> Vec<String> {
    let mut older = Vec::new();
    let digits: String = minimum.chars().take_while(char::is_ascii_digit).collect();
    if let Ok(first @ 1..) = digits.parse::<u64>() {
        older.push(format!("{}.0", first - 1));
    }
    older.extend(["0.0.1".to_owned(), "0".to_owned()]);
    older
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn older_versions_are_below_the_minimum() {
        assert_eq!(older_numbers("2.1"), ["1.0", "0.0.1", "0"]);
        assert_eq!(older_numbers("x"), ["0.0.1", "0"]);
        let scheme = VersionScheme::Ordered(["alpha".into(), "beta".into(), "ga".into()].into());
        assert_eq!(older_versions(&scheme, "ga"), ["beta", "alpha"]);
    }
}
