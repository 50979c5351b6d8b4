//! The answers that a person gives, by a flag or to a question. Their grammar is that of the policy
//! file: each answer is parsed as part of a small one, so that there is only one set of rules.

use std::net::SocketAddr;

use clap::{Args, ValueEnum};
use upshift_config::load;

/// The content of the file.
#[derive(Clone, Debug, Default, PartialEq, Args)]
pub(super) struct Answers {
    /// The URL of the upstream, where requests go: http://127.0.0.1:3000
    #[arg(long, value_name = "URL", value_parser = parse_upstream)]
    pub(super) upstream: Option<String>,
    /// The address to listen on in cleartext [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDRESS")]
    pub(super) http: Option<SocketAddr>,
    /// The address to listen on with TLS [default with --tls: port 8443, with a certificate at the
    /// address of --http]
    #[arg(long, value_name = "ADDRESS")]
    pub(super) https: Option<SocketAddr>,
    /// The address of /metrics, /healthz and the admin API; for other machines than this one it
    /// needs UPSHIFT_TOKEN [default: 127.0.0.1:9426]
    #[arg(long, value_name = "ADDRESS")]
    pub(super) admin: Option<SocketAddr>,
    /// The TLS certificate, a PEM file; without one, the gateway makes a self-signed one
    #[arg(long, value_name = "FILE", requires = "key")]
    pub(super) certificate: Option<String>,
    /// The key of the certificate, a PEM file
    #[arg(long, value_name = "FILE", requires = "certificate")]
    pub(super) key: Option<String>,
    /// The public URL, for the links in answers: https://api.example.com
    #[arg(long, value_name = "URL", value_parser = parse_public)]
    pub(super) public: Option<String>,
    /// Require TLS, version 1.2 or the one that is given
    #[arg(long, value_name = "VERSION", num_args = 0..=1, require_equals = true,
          default_missing_value = "1.2",
          value_parser = ["1.0", "1.1", "1.2", "1.3"])]
    pub(super) tls: Option<String>,
    /// Require an API version, and where to read it: header:X-Api-Version=2.0, query:v=2,
    /// path:/api/v{version}/**=2
    #[arg(long, value_name = "READER=MINIMUM", value_parser = parse_api)]
    pub(super) api: Vec<ApiAnswer>,
    /// Require a build of a client, from its User-Agent: AcmeApp=5.1, Chrome=109
    #[arg(long, value_name = "NAME=MINIMUM", value_parser = parse_client)]
    pub(super) client: Vec<ClientAnswer>,
    /// The phase of the rules [default: observe]
    #[arg(long, value_name = "PHASE", value_enum)]
    pub(super) phase: Option<FirstPhase>,
}

/// An API version that is required.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ApiAnswer {
    /// The place of the version in a request: `header:X-Api-Version`.
    pub(super) reader: String,
    /// The oldest version that is admitted.
    pub(super) minimum: String,
}

/// A client version that is required.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ClientAnswer {
    /// The name of the client.
    pub(super) name: String,
    /// The oldest version that is admitted.
    pub(super) minimum: String,
}

/// The phase of the rules in a first file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum FirstPhase {
    /// Count who would be refused
    #[default]
    Observe,
    /// Admit, and warn those who will be refused
    Warn,
    /// Refuse
    Enforce,
}

impl FirstPhase {
    /// The name of the phase in the policy file.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Observe => "observe",
            Self::Warn => "warn",
            Self::Enforce => "enforce",
        }
    }
}

impl ApiAnswer {
    /// The version scheme: `date` for `2026-12-01`, else `semver`, which also reads `2` and `2.0`.
    pub(super) fn version_scheme(&self) -> &'static str {
        // A date may have more behind it: `2026-12-01-preview`.
        let parts: Vec<usize> = self.minimum.split('-').map(str::len).collect();
        if parts.starts_with(&[4, 2, 2]) { "date" } else { "semver" }
    }

    /// The requirement in the syntax of the policy file.
    pub(super) fn requirement_text(&self) -> String {
        let scheme = match self.version_scheme() {
            "semver" => String::new(),
            scheme => format!("scheme = {}, ", toml_string(scheme)),
        };
        format!(
            "{{ api = {{ {scheme}minimum = {}, read = [{}] }} }}",
            toml_string(&self.minimum),
            toml_string(&self.reader)
        )
    }
}

/// The requirement of all clients in the syntax of the policy file.
pub(super) fn client_requirement(clients: &[ClientAnswer]) -> String {
    let mut minima = Vec::new();
    for client in clients {
        minima.push(format!("{} = {}", toml_key(&client.name), toml_string(&client.minimum)));
    }
    let table = minima.join(", ");
    format!("{{ client = {{ read = [\"user-agent\"], minimum = {{ {table} }} }} }}")
}

/// Writes a text as a string in TOML.
pub(super) fn toml_string(text: &str) -> String {
    // A JSON string is a TOML string, too, as long as the text has no control characters, and the
    // parsers below refuse those.
    serde_json::Value::from(text).to_string()
}

/// Writes a key in TOML, without quotes if that is allowed.
fn toml_key(name: &str) -> String {
    // Not empty: `parse_client` refuses that.
    let bare = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    if bare { name.to_owned() } else { toml_string(name) }
}

/// Parses the URL of the upstream.
pub(super) fn parse_upstream(text: &str) -> Result<String, String> {
    parse_origin("upstream", text)
}

/// Parses the public URL of the gateway.
pub(super) fn parse_public(text: &str) -> Result<String, String> {
    parse_origin("public", text)
}

fn parse_origin(key: &str, text: &str) -> Result<String, String> {
    let url = without_controls(text)?;
    check_with_reader(&format!("[gateway]\n{key} = {}\n", toml_string(url)))?;
    Ok(url.to_owned())
}

/// Parses `READER=MINIMUM`.
pub(super) fn parse_api(text: &str) -> Result<ApiAnswer, String> {
    const EXPECTED: &str =
        "expected the place of the version and the oldest one: header:X-Api-Version=2.0";
    // From the right: a reader may contain `=`, a version may not.
    let (reader, minimum) = without_controls(text)?.rsplit_once('=').ok_or(EXPECTED)?;
    if reader.is_empty() || minimum.is_empty() {
        return Err(EXPECTED.to_owned());
    }
    let answer = ApiAnswer { reader: reader.trim().to_owned(), minimum: minimum.trim().to_owned() };
    check_with_reader(&rule_text(&answer.requirement_text()))?;
    Ok(answer)
}

/// Parses `NAME=MINIMUM`.
pub(super) fn parse_client(text: &str) -> Result<ClientAnswer, String> {
    const EXPECTED: &str = "expected a name and the oldest version: AcmeApp=5.1";
    let (name, minimum) = without_controls(text)?.split_once('=').ok_or(EXPECTED)?;
    if name.trim().is_empty() || minimum.trim().is_empty() {
        return Err(EXPECTED.to_owned());
    }
    let answer = ClientAnswer { name: name.trim().to_owned(), minimum: minimum.trim().to_owned() };
    check_with_reader(&rule_text(&client_requirement(std::slice::from_ref(&answer))))?;
    Ok(answer)
}

/// Checks that no client is named twice.
pub(super) fn check_distinct(clients: &[ClientAnswer]) -> Result<(), String> {
    for (index, client) in clients.iter().enumerate() {
        for earlier in &clients[..index] {
            // User-Agent is compared without regard to case, so these would be one client.
            if earlier.name.eq_ignore_ascii_case(&client.name) {
                return Err(format!(
                    "{} is named twice, with {} and with {}: name it once",
                    earlier.name, earlier.minimum, client.minimum
                ));
            }
        }
    }
    Ok(())
}

fn rule_text(requirement: &str) -> String {
    format!("[[rule]]\nid = \"a\"\nrequire = {requirement}\n")
}

fn without_controls(text: &str) -> Result<&str, String> {
    if text.chars().any(char::is_control) {
        return Err("control characters are not allowed".to_owned());
    }
    Ok(text.trim())
}

/// Loads a small policy file; the error is the one that explains the most.
fn check_with_reader(file: &str) -> Result<(), String> {
    let errors = match load(file, "") {
        Ok(loaded) if loaded.warnings.is_empty() => return Ok(()),
        // The file has nothing else in it, so a warning is about this answer, too.
        Ok(loaded) => loaded.warnings,
        Err(errors) => errors,
    };
    // The innermost error is the cause; those about the whole rule follow from it.
    let innermost = errors.iter().max_by_key(|error| (error.line, error.column));
    // `load` never fails without an error.
    let Some(error) = innermost else { return Ok(()) };
    let mut said = vec![error.message.as_str(), error.label.as_str()];
    said.extend(error.help.iter().map(String::as_str));
    said.retain(|part| !part.is_empty());
    Err(said.join(": "))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An answer that would make an invalid file is refused, with an error that says what is right.
    #[test]
    fn an_answer_is_right_or_says_what_is() {
        for good in [
            "header:X-Api-Version=2.0",
            "query:v=2",
            "path:/api/v{version}/**=2",
            "header:V=2026-12-01",
        ] {
            assert!(parse_api(good).is_ok(), "{good}: {:?}", parse_api(good));
        }
        for (wrong, said) in [
            ("2.0", "header:X-Api-Version=2.0"),
            ("header:X=", "header:X-Api-Version=2.0"),
            ("heade:X=2", "unknown reader `heade`"),
            ("header:X=two", "`two` is not a semver version"),
            ("header:X\n=2", "control characters"),
        ] {
            assert!(
                parse_api(wrong).is_err_and(|error| error.contains(said)),
                "{wrong}: {:?}",
                parse_api(wrong)
            );
        }
        for (wrong, said) in [
            ("AcmeApp", "AcmeApp=5.1"),
            ("=5", "AcmeApp=5.1"),
            ("A  B=5", "one space between"),
            ("MSIE=11", "write `Internet Explorer`"),
            ("A=x", "not a client version"),
        ] {
            assert!(
                parse_client(wrong).is_err_and(|error| error.contains(said)),
                "{wrong}: {:?}",
                parse_client(wrong)
            );
        }
        assert_eq!(
            parse_client("Internet Explorer=11").map(|client| client.name).as_deref(),
            Ok("Internet Explorer")
        );
        assert!(parse_upstream("localhost:3000").is_err_and(|error| error.contains("http://")));
        assert_eq!(
            parse_upstream(" http://localhost:3000 ").as_deref(),
            Ok("http://localhost:3000")
        );
    }
}
