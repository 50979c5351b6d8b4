//! The command of a client, with placeholders.
//!
//! | placeholder | stands for |
//! |---|---|
//! | `{url}` | the URL to ask |
//! | `{ws-url}` | the same with `ws:` or `wss:`, for a WebSocket client |
//! | `{host}`, `{port}` | the host and the port of the URL |
//! | `{ca}` | a file with the certificate of the peer |
//! | `{secret}` | a random text, for a field with credentials |
//! | `{body}` | a random text, for the content of a request |

use crate::client_run::ClientCommand;

/// Variables by which clients find the certificates that they trust.
const CA_VARIABLES: [&str; 6] = [
    "SSL_CERT_FILE",
    "CURL_CA_BUNDLE",
    "REQUESTS_CA_BUNDLE",
    "NODE_EXTRA_CA_CERTS",
    "GIT_SSL_CAINFO",
    "CARGO_HTTP_CAINFO",
];

/// A command with placeholders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientTemplate {
    program: String,
    arguments: Vec<String>,
}

/// A command that cannot be graded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// There is no command.
    #[error("there is no command; write `upshift grade -- curl -sS {{url}}`")]
    Empty,
    /// Nothing tells the client where the peer is.
    #[error(
        "no argument has `{{url}}`, so that the client would not find the peer; write `{{url}}` (or `{{ws-url}}`, `{{host}}`, `{{port}}`) where the URL belongs"
    )]
    NoUrl,
    /// A placeholder that is none.
    #[error(
        "`{{{0}}}` is not a placeholder; there are url, ws-url, host, port, ca, secret and body"
    )]
    Unknown(String),
}

/// The values of the placeholders in one run.
#[derive(Clone, Debug)]
pub(crate) struct TemplateValues {
    /// The URL.
    pub(crate) url: String,
    /// The host and the port.
    pub(crate) authority: (String, u16),
    /// The file with the certificate.
    pub(crate) certificate: String,
    /// The secret.
    pub(crate) secret: String,
    /// The content.
    pub(crate) body: String,
}

impl ClientTemplate {
    /// The template of a command and its arguments.
    ///
    /// # Errors
    /// If there is no command, or its placeholders are not right.
    pub fn parse(command: &[String]) -> Result<Self, TemplateError> {
        let (program, arguments) = command.split_first().ok_or(TemplateError::Empty)?;
        for argument in arguments {
            check_placeholders(argument)?;
        }
        let template = Self { program: program.clone(), arguments: arguments.to_vec() };
        let is_told = ["{url}", "{ws-url}", "{port}"].iter().any(|name| template.uses(name));
        if is_told { Ok(template) } else { Err(TemplateError::NoUrl) }
    }

    /// The program.
    pub fn program(&self) -> &str {
        &self.program
    }

    /// The command with its placeholders, for reports.
    pub fn words(&self) -> Vec<String> {
        let mut words = vec![self.program.clone()];
        words.extend(self.arguments.iter().cloned());
        words
    }

    /// Returns true if the client opens WebSockets.
    pub fn is_websocket(&self) -> bool {
        self.uses("{ws-url}")
    }

    pub(crate) fn uses(&self, placeholder: &str) -> bool {
        self.arguments.iter().any(|argument| argument.contains(placeholder))
    }

    pub(crate) fn fill(&self, values: &TemplateValues) -> ClientCommand {
        let arguments = self.arguments.iter().map(|argument| fill_argument(argument, values));
        ClientCommand {
            program: self.program.clone(),
            arguments: arguments.collect(),
            environment: certificate_variables(values),
            folder: None,
        }
    }
}

/// The environment variables that make a client trust the certificate of the peer.
pub(crate) fn certificate_variables(values: &TemplateValues) -> Vec<(String, String)> {
    CA_VARIABLES.map(|name| (name.to_owned(), values.certificate.clone())).to_vec()
}

/// Fills the placeholders of a text.
pub(crate) fn fill_argument(argument: &str, values: &TemplateValues) -> String {
    let (host, port) = &values.authority;
    argument
        .replace("{ws-url}", &values.url.replacen("http", "ws", 1))
        .replace("{url}", &values.url)
        .replace("{host}", host)
        .replace("{port}", &port.to_string())
        .replace("{ca}", &values.certificate)
        .replace("{secret}", &values.secret)
        .replace("{body}", &values.body)
}

/// Checks the placeholders of a text.
///
/// A word in braces that looks like a placeholder is one. Other braces, as in JSON, are left alone.
pub(crate) fn check_placeholders(argument: &str) -> Result<(), TemplateError> {
    const KNOWN: [&str; 7] = ["url", "ws-url", "host", "port", "ca", "secret", "body"];
    for part in argument.split('{').skip(1) {
        let Some((name, _)) = part.split_once('}') else { continue };
        let is_word = !name.is_empty()
            && name.chars().all(|c| c.is_ascii_lowercase() || c == '-' || c == '_');
        if is_word && !KNOWN.contains(&name) {
            return Err(TemplateError::Unknown(name.to_owned()));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a panic is a failed test")]

    use super::*;

    fn parse(words: &[&str]) -> Result<ClientTemplate, TemplateError> {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        ClientTemplate::parse(&words)
    }

    #[test]
    fn placeholders_are_filled_in_each_argument() {
        let template = parse(&["c", "-H{secret}", "{url}x", "{ws-url}", "{\"a\": 1}"]).unwrap();
        let values = TemplateValues {
            url: "http://127.0.0.1:80/".to_owned(),
            authority: ("127.0.0.1".to_owned(), 80),
            certificate: "/tmp/ca.pem".to_owned(),
            secret: "s".to_owned(),
            body: "b".to_owned(),
        };
        let command = template.fill(&values);
        let expected = ["-Hs", "http://127.0.0.1:80/x", "ws://127.0.0.1:80/", "{\"a\": 1}"];
        assert_eq!(command.arguments, expected);
    }

    #[test]
    fn a_command_without_a_url_is_refused() {
        assert_eq!(parse(&[]), Err(TemplateError::Empty));
        assert_eq!(parse(&["curl"]), Err(TemplateError::NoUrl));
        let unknown = Err(TemplateError::Unknown("uri".to_owned()));
        assert_eq!(parse(&["curl", "{uri}", "{url}"]), unknown);
    }
}
