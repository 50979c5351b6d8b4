//! Building the request from flags.

use std::fmt::Display;
use std::io::Read;
use std::path::Path;

use clap::Args;
use http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE, RANGE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, Version};
use upshift_client::{Http, Route, SendBody};

use crate::verb_error::VerbError;

/// The flags that describe the request.
#[derive(Debug, Args)]
pub(super) struct RequestArgs {
    /// The method [default: GET, or POST with --data]
    #[arg(short = 'X', long = "request", value_name = "METHOD")]
    method: Option<Method>,
    /// A header field; repeat it for more
    #[arg(
        short = 'H',
        long = "header",
        value_name = "NAME: VALUE",
        value_parser = crate::arguments::parse_field_line
    )]
    fields: Vec<(String, String)>,
    /// The body: text, @FILE, or @- for stdin
    #[arg(short, long, value_name = "TEXT|@FILE")]
    data: Option<String>,
    #[command(flatten)]
    version: HttpVersionArgs,
}

/// The flags that choose the first version of HTTP.
#[derive(Debug, Args)]
#[group(multiple = false)]
struct HttpVersionArgs {
    /// Start with HTTP/1.0
    #[arg(long = "http1.0")]
    http1_0: bool,
    /// Start with HTTP/1.1
    #[arg(long = "http1.1")]
    http1_1: bool,
    /// Start with HTTP/2: by ALPN, or by prior knowledge over cleartext
    #[arg(long)]
    http2: bool,
    /// Start with HTTP/3
    #[arg(long)]
    http3: bool,
}

/// The place at which a download resumes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ResumeOffset {
    /// The end of the file.
    End,
    /// This byte.
    At(u64),
}

/// Parses the value of `--continue-at`.
pub(super) fn parse_offset(text: &str) -> Result<ResumeOffset, String> {
    if text == "-" {
        return Ok(ResumeOffset::End);
    }
    match text.parse() {
        Ok(byte) => Ok(ResumeOffset::At(byte)),
        Err(_) => Err("expected `-` or a number of bytes".to_owned()),
    }
}

impl RequestArgs {
    /// Builds the request. `resumable` is for an answer that can be joined to a file, `resume` for
    /// the part from this byte on.
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
            let method = request.method();
            return Err(VerbError::usage(format_args!(
                "--continue-at resumes a GET, not a {method}"
            )));
        }
        self.add_fields(request.headers_mut(), resumable, resume)?;
        if self.version.http1_0 {
            *request.version_mut() = Version::HTTP_10;
        }
        let route = Route { http: self.version.starting_http(), tls: None };
        request.extensions_mut().insert(route);
        Ok(request)
    }

    fn add_fields(
        &self,
        headers: &mut HeaderMap,
        resumable: bool,
        resume: Option<u64>,
    ) -> Result<(), VerbError> {
        // These two are what curl sends.
        headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
        if self.data.is_some() {
            let form = HeaderValue::from_static("application/x-www-form-urlencoded");
            headers.insert(CONTENT_TYPE, form);
        }
        // RFC 9110 §14.2: a range is of the representation that is selected, and only the identity
        // coding can be joined to the file.
        if resumable {
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        }
        if let Some(offset) = resume {
            let range = HeaderValue::try_from(format!("bytes={offset}-"));
            headers.insert(RANGE, range.map_err(VerbError::usage)?);
        }
        let given = self.given_fields()?;
        if resumable && given.contains_key(RANGE) {
            return Err(VerbError::usage(
                "--continue-at sends a Range field itself; leave out one of the two",
            ));
        }
        // A field from the command line replaces ours. Several lines of one name stay several.
        for name in given.keys() {
            headers.remove(name);
        }
        headers.extend(given);
        Ok(())
    }

    fn given_fields(&self) -> Result<HeaderMap, VerbError> {
        let mut given = HeaderMap::new();
        for (name, value) in &self.fields {
            // The parser of -H also admits `:protocol`, which only `explain` has a use for.
            let Ok(field) = HeaderName::try_from(name) else {
                return Err(VerbError::usage(format_args!(
                    "`{name}` cannot be sent as a header field"
                )));
            };
            given.append(field, HeaderValue::try_from(value).map_err(VerbError::usage)?);
        }
        Ok(given)
    }

    fn read_body(&self) -> Result<SendBody, VerbError> {
        let Some(data) = &self.data else { return Ok(SendBody::empty()) };
        let Some(path) = data.strip_prefix('@') else { return Ok(SendBody::from(data.clone())) };
        if path == "-" {
            // Read whole, because stdin cannot be read again if a 426 is followed.
            let mut bytes = Vec::new();
            std::io::stdin().read_to_end(&mut bytes).map_err(VerbError::environment)?;
            return Ok(SendBody::from(bytes));
        }
        SendBody::file(path).map_err(|error| unusable_file(Path::new(path), &error))
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
    // RFC 9110 §7.1: a fragment is for the reader and is not sent.
    // `split` gives at least one part.
    let sent = whole.split('#').next().unwrap_or_default();
    let uri: Uri = match sent.parse() {
        Ok(uri) => uri,
        Err(error) => return Err(VerbError::usage(format_args!("{url}: {error}"))),
    };
    if let Some(authority) = uri.authority() {
        check_authority(url, authority.as_str())?;
    }
    match uri.scheme_str() {
        Some("http" | "https") => Ok(uri),
        Some(scheme @ ("ws" | "wss")) => {
            let http = scheme.replace("ws", "http");
            Err(VerbError::usage(format_args!(
                "{scheme} URLs are for WebSocket programs; use {http}://… to see the answer"
            )))
        }
        _ => Err(VerbError::usage(format_args!("{url} is not an http or https URL"))),
    }
}

fn check_authority(url: &str, authority: &str) -> Result<(), VerbError> {
    if authority.contains('@') {
        // RFC 9110 §4.2.4: userinfo in an http URL is deprecated.
        return Err(VerbError::usage(
            "a user name or password in a URL is not sent; give it as -H 'Authorization: …' instead \
             (RFC 9110 §4.2.4)",
        ));
    }
    // The colons of an IPv6 address are in brackets.
    let after_address = authority.rsplit_once(']').map_or(authority, |(_, after)| after);
    if let Some((_, port)) = after_address.rsplit_once(':')
        && !port.is_empty()
        && port.parse::<u16>().is_err()
    {
        return Err(VerbError::usage(format_args!("{url}: a port is a number up to 65535")));
    }
    Ok(())
}

/// The error for a file that cannot be used: wrong usage.
pub(super) fn unusable_file(path: &Path, error: &dyn Display) -> VerbError {
    VerbError::usage(format_args!("{}: {error}", path.display()))
}

/// The error for a file that could not be written although it was checked before.
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
