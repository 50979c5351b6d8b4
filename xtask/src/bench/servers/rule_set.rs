//! The rules of a measurement, in the language of each server.

use std::fmt::Write as _;
use std::io;
use std::path::Path;

use super::ServerKind;

/// The rules that a server is started with.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum RuleSet {
    /// Five rules of different kinds for Upshift, and the one that is measured for the others.
    Five,
    /// A rule for each of so many services, and requests of the last one.
    Services(usize),
    /// Rules that are valid, and each of which `upshift check` warns of.
    Warnings(usize),
}

impl RuleSet {
    /// The path of requests for which an old `X-Api-Version` is refused.
    pub(crate) fn path(self) -> String {
        match self {
            Self::Services(count) => format!("/service-{}/orders", count.saturating_sub(1)),
            Self::Five | Self::Warnings(_) => "/api/orders".to_owned(),
        }
    }

    /// The text in place of `@rules@` in a server's configuration. Maps go into files of `folder`.
    pub(super) fn render_for(self, server: ServerKind, folder: &Path) -> io::Result<String> {
        match (server, self) {
            (ServerKind::Upshift, Self::Five) => Ok(include_str!("five_rules.toml").to_owned()),
            (ServerKind::Upshift, Self::Services(count)) => Ok(service_rules(count)),
            (ServerKind::Upshift, Self::Warnings(count)) => Ok(warned_rules(count)),
            (ServerKind::Nginx, Self::Services(count)) => nginx_map(count, folder),
            (ServerKind::Nginx, _) => {
                Ok("map $http_x_api_version $refused { default 0; \"1.0\" 1; }".to_owned())
            }
            (ServerKind::Haproxy, Self::Services(count)) => haproxy_map(count, folder),
            (ServerKind::Haproxy, _) => {
                Ok("acl refused req.hdr(x-api-version) -m str 1.0".to_owned())
            }
            // Theirs is part of the configuration.
            (ServerKind::Envoy | ServerKind::Caddy, _) => Ok(String::new()),
        }
    }
}

fn service_rules(count: usize) -> String {
    let mut rules = String::new();
    for number in 0..count {
        let _ = write!(
            rules,
            "[[rule]]\nid = \"service-{number}\"\npaths = [\"/service-{number}/**\"]\n\
             require = {{ api = {{ minimum = \"2.0\", read = [\"header:X-Api-Version\"] }} }}\n\n"
        );
    }
    rules
}

/// Rules that require HTTP/3 alone, which refuses the first visit of every browser.
fn warned_rules(count: usize) -> String {
    let mut rules = String::new();
    for number in 0..count {
        let _ = write!(
            rules,
            "[[rule]]\nid = \"page-{number}\"\npaths = [\"/page-{number}\"]\n\
             require = {{ http = \"3\" }}\n\n"
        );
    }
    rules
}

/// A map of nginx, which is a hash table.
fn nginx_map(count: usize, folder: &Path) -> io::Result<String> {
    let file = folder.join("services.map");
    let mut lines = String::new();
    for number in 0..count {
        let _ = writeln!(lines, "\"service-{number} 1.0\" 1;");
    }
    std::fs::write(&file, lines)?;
    Ok(format!(
        "map $uri $service {{ default \"\"; \"~^/(?<first>[^/]+)/\" $first; }}\n    \
         map \"$service $http_x_api_version\" $refused {{ default 0; include {}; }}",
        file.display()
    ))
}

/// A map of HAProxy, which is a balanced tree.
fn haproxy_map(count: usize, folder: &Path) -> io::Result<String> {
    let file = folder.join("services.map");
    let mut lines = String::new();
    for number in 0..count {
        let _ = writeln!(lines, "service-{number} 1.0");
    }
    std::fs::write(&file, lines)?;
    Ok(format!(
        "http-request set-var(txn.old) path,field(2,/),map_str({},none)\n    \
         acl refused req.hdr(x-api-version),strcmp(txn.old) eq 0",
        file.display()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_of_the_last_service() {
        assert_eq!(RuleSet::Services(1000).path(), "/service-999/orders");
        let rules = service_rules(1000);
        assert!(rules.contains("\"/service-999/**\"") && !rules.contains("service-1000"));
    }
}
