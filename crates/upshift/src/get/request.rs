//! From flags to a request.

use std::fmt::Display;
use std::io::Read;
use std::path::Path;

use clap::Args;
use http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE, RANGE};
use http::{HeaderName, HeaderValue, Method, Request, Uri, Version};
use upshift_client::{Http, Route, SendBody};

use crate::verb_error::VerbError;

/// What is sent.
#[derive(Debug, Args)]
pub(super) struct RequestArgs {
    /// The method; GET, or POST with --data
    #[arg(short = 'X', long = "request", value_name = "METHOD")]
    method: Option<Method>,
    /// A field to send; again for more
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE", value_parser = crate::arguments::parse_field_line)]
    fields: Vec<(String, String)>,
    /// The body: text, @FILE, or @- for stdin
    #[arg(short, long, value_name = "TEXT|@FILE")]
    data: Option<String>,
    #[command(flatten)]
    version: HttpVersionArgs,
}

/// Where following begins.
#[derive(Debug, Args)]
#[group(multiple = false)]
struct HttpVersionArgs {
    /// Begin with HTTP/1.0
    #[arg(long = "http1.0")]
    http1_0: bool,
    /// Begin with HTTP/1.1
    #[arg(long = "http1.1")]
    http1_1: bool,
    /// Begin with HTTP/2: by ALPN, or by prior knowledge in clear
    #[arg(long)]
    http2: bool,
    /// Begin with HTTP/3
    #[arg(long)]
    http3: bool,
}

/// Where to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ResumeOffset {
    /// Where the file ends.
    End,
    /// At this byte.
    At(u64),
}

/// Reads what stands after `-C`.
pub(super) fn parse_offset(text: &str) -> Result<ResumeOffset, String> {
    match text {
        "-" => Ok(ResumeOffset::End),
        number => number
            .parse()
            .map(ResumeOffset::At)
            .map_err(|_| "expected `-` or a number of bytes".to_owned()),
    }
}

impl RequestArgs {
    /// The request; from this byte on, if one is given. What `resumable` asks for, only a plain GET
    /// can have.
    pub(super) fn build_request(
        &self,
        url: &str,
        resumable: bool,
        resume: Option<u64>,
    ) -> Result<Request<SendBody>, VerbError> {
        let uri = parse_url(url)?;
        let default = if self.data.is_some() { Method::POST } else { Method::GET };
        let mut request = Request::new(self.read_body()?);
        *request.method_mut() = self.method.clone().unwrap_or(default);
        *request.uri_mut() = uri;
        // RFC 9110 §14.2: no other method has ranges.
        if resumable && *request.method() != Method::GET {
            let hint =
                format_args!("--continue-at goes on with a GET, not with {}", request.method())
                    .to_string();
            return Err(VerbError::usage(hint));
        }
        let headers = request.headers_mut();
        headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
        if self.data.is_some() {
            headers.insert(
                CONTENT_TYPE,
                HeaderValue::from_static("application/x-www-form-urlencoded"),
            );
        }
        // RFC 9110 §14.2: a range is one of the form that is chosen, and only the plain one can be
        // joined to the file.
        if resumable {
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        }
        if let Some(offset) = resume {
            headers.insert(
                RANGE,
                HeaderValue::try_from(format!("bytes={offset}-")).map_err(VerbError::usage)?,
            );
        }
        let mut given = http::HeaderMap::new();
        for (name, value) in &self.fields {
            let name = HeaderName::try_from(name)
                .map_err(|_| VerbError::usage(format_args!("{name} is no field to send")))?;
            given.append(name, HeaderValue::try_from(value).map_err(VerbError::usage)?);
        }
        if resumable && given.contains_key(RANGE) {
            return Err(VerbError::usage(
                "--continue-at writes the Range field itself; leave out one of both",
            ));
        }
        // What a person writes takes the place of what we would; several lines of one name stay
        // several.
        for name in given.keys() {
            headers.remove(name);
        }
        headers.extend(given);
        if self.version.http1_0 {
            *request.version_mut() = Version::HTTP_10;
        }
        request.extensions_mut().insert(Route { http: self.version.starting_http(), tls: None });
        Ok(request)
    }

    fn read_body(&self) -> Result<SendBody, VerbError> {
        match self.data.as_deref().map(|data| (data, data.strip_prefix('@'))) {
            None => Ok(SendBody::empty()),
            Some((text, None)) => Ok(SendBody::from(text.to_owned())),
            Some((_, Some("-"))) => {
                let mut bytes = Vec::new();
                std::io::stdin().read_to_end(&mut bytes).map_err(VerbError::environment)?;
                Ok(SendBody::from(bytes))
            }
            Some((_, Some(path))) => {
                SendBody::file(path).map_err(|error| unusable_file(Path::new(path), &error))
            }
        }
    }
}

impl HttpVersionArgs {
    fn starting_http(&self) -> Http {
        match self {
            Self { http1_0: true, .. } | Self { http1_1: true, .. } => Http::Http1,
            Self { http2: true, .. } => Http::Http2,
            Self { http3: true, .. } => Http::Http3(None),
            _ => Http::Any,
        }
    }
}

fn parse_url(url: &str) -> Result<Uri, VerbError> {
    let whole = if url.contains("://") { url.to_owned() } else { format!("http://{url}") };
    // A fragment is the reader's own and is not sent (RFC 9110 §7.1).
    let sent = whole.split('#').next().unwrap_or_default();
    let uri: Uri =
        sent.parse().map_err(|error| VerbError::usage(format_args!("{url}: {error}")))?;
    if let Some(authority) = uri.authority() {
        if authority.as_str().contains('@') {
            let hint = "give it as -H 'Authorization: …' instead (RFC 9110 §4.2.4)";
            return Err(VerbError::usage(format_args!(
                "a name or password in a URL is not sent; {hint}"
            )));
        }
        let port = authority
            .as_str()
            .rsplit_once(']')
            .map_or(authority.as_str(), |(_, port)| port)
            .rsplit_once(':');
        if port.is_some_and(|(_, port)| !port.is_empty() && port.parse::<u16>().is_err()) {
            return Err(VerbError::usage(format_args!("{url}: a port is a number up to 65535")));
        }
    }
    match uri.scheme_str() {
        Some("http" | "https") => Ok(uri),
        Some(scheme @ ("ws" | "wss")) => {
            let plain = scheme.replace("ws", "http");
            Err(VerbError::usage(format_args!(
                "{scheme} URLs are for WebSocket programs; ask {plain}://… to see the answer"
            )))
        }
        _ => Err(VerbError::usage(format_args!("{url} is no http or https URL"))),
    }
}

/// A file that cannot be used.
pub(super) fn unusable_file(path: &Path, error: &dyn Display) -> VerbError {
    VerbError::usage(format_args!("{}: {error}", path.display()))
}

/// A file that could not be written, although it was to be expected.
pub(super) fn unwritable_file(path: &Path, error: &dyn Display) -> VerbError {
    VerbError::environment(format_args!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_read_as_people_type_them() {
        assert_eq!(
            parse_url("localhost:8080/a#b").ok(),
            Some(Uri::from_static("http://localhost:8080/a"))
        );
        assert!(
            parse_url("http://127.0.0.1:99999/").is_err() && parse_url("http://u:p@a/").is_err()
        );
        assert!(parse_url("http://[::1]:80/").is_ok() && parse_url("http://[::1]/").is_ok());
        assert!(
            parse_url("ftp://h/").is_err()
                && parse_url("ws://h/").is_err()
                && parse_url("http://").is_err()
        );
    }

    #[test]
    fn an_offset_is_a_number_or_the_end() {
        assert_eq!(parse_offset("-"), Ok(ResumeOffset::End));
        assert_eq!(parse_offset("42"), Ok(ResumeOffset::At(42)));
        assert!(parse_offset("x").is_err());
    }
}
