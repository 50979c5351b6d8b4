//! The scenarios on the command line: `NAME`, `FILE`, `/PATH=…` and `HOST=…`.

use std::path::Path;

use upshift_lab::mock::{RouteKey, Scenario, catalogue};

use crate::verb_error::VerbError;

/// Reads the scenario that an argument names, and the requests for which it answers.
pub(super) fn read(argument: &str) -> Result<(RouteKey, Scenario), VerbError> {
    let (key, name) = split_route(argument);
    if let Some(scenario) = read_file(name)? {
        return Ok((key, scenario));
    }
    Ok((key, catalogue::find_scenario(name)?))
}

fn split_route(argument: &str) -> (RouteKey, &str) {
    // A file may have a `=` in its name.
    if Path::new(argument).is_file() {
        return (RouteKey::All, argument);
    }
    match argument.split_once('=') {
        Some((path, name)) if path.starts_with('/') => (RouteKey::Path(path.to_owned()), name),
        Some((host, name)) => (RouteKey::Host(host.to_owned()), name),
        None => (RouteKey::All, argument),
    }
}

/// The scenario in a file; `None` if the name is none of a file.
fn read_file(name: &str) -> Result<Option<Scenario>, VerbError> {
    let is_file = name.ends_with(".toml") || name.contains('/') || Path::new(name).is_file();
    if !is_file {
        return Ok(None);
    }
    let text = std::fs::read_to_string(name)
        .map_err(|error| VerbError::environment(format_args!("cannot read {name}: {error}")))?;
    let scenario = Scenario::parse(&text, name).map_err(VerbError::usage)?;
    Ok(Some(scenario))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_is_a_path_or_a_host() {
        let cases = [
            ("bare-426", RouteKey::All, "bare-426"),
            ("/a/b=bare-426", RouteKey::Path("/a/b".to_owned()), "bare-426"),
            ("a.example=b.toml", RouteKey::Host("a.example".to_owned()), "b.toml"),
        ];
        for (argument, key, name) in cases {
            assert_eq!(split_route(argument), (key, name));
        }
    }
}
