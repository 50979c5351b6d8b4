//! The address of a Prometheus, as flags have it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderValue, Uri};
use percent_encoding::percent_decode_str;

use crate::control::parse_admin_url;
use crate::verb_error::VerbError;

/// A Prometheus, by the URL of its HTTP API.
#[derive(Clone, Debug)]
pub(crate) struct PrometheusUrl {
    /// The URL without its user and password.
    pub(crate) url: Uri,
    /// The value of `Authorization` that they make.
    basic: Option<String>,
}

impl PrometheusUrl {
    /// The value of `Authorization`: that of the token, or else that of the URL.
    ///
    /// # Errors
    /// If the token has characters that no field can have.
    pub(crate) fn authorization(
        &self,
        token: Option<&str>,
    ) -> Result<Option<HeaderValue>, VerbError> {
        let text = match (token, &self.basic) {
            // A variable that is set to nothing is no token.
            (Some(token), _) if !token.is_empty() => format!("Bearer {token}"),
            (_, Some(basic)) => basic.clone(),
            (_, None) => return Ok(None),
        };
        let Ok(mut value) = HeaderValue::try_from(text) else {
            return Err(VerbError::usage("the token of Prometheus has a character that none has"));
        };
        value.set_sensitive(true);
        Ok(Some(value))
    }
}

/// Parses `http://user:password@host:9090/prefix`.
pub(crate) fn parse_prometheus_url(text: &str) -> Result<PrometheusUrl, String> {
    let expected = || "expected a URL such as http://127.0.0.1:9090".to_owned();
    let Some((scheme, rest)) = text.split_once("://") else { return Err(expected()) };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let (mut bare, mut basic) = (text.to_owned(), None);
    if let Some((user, _)) = authority.rsplit_once('@') {
        bare = format!("{scheme}://{}", &rest[user.len() + 1..]);
        // RFC 7617 §2: user, colon and password.
        let credentials = percent_decode_str(user).decode_utf8_lossy();
        basic = Some(format!("Basic {}", STANDARD.encode(credentials.as_bytes())));
    }
    let url = parse_admin_url(&bare).map_err(|_| expected())?;
    Ok(PrometheusUrl { url, basic })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

    use super::*;

    #[test]
    fn the_password_does_not_stay_in_the_url() {
        let parsed = parse_prometheus_url("http://ada:p%40ss@prom:9090/sub").unwrap();
        assert_eq!(parsed.url.to_string(), "http://prom:9090/sub");
        // printf ada:p@ss | base64
        assert_eq!(parsed.basic.as_deref(), Some("Basic YWRhOnBAc3M="));
        let plain = parse_prometheus_url("https://prom.example.com").unwrap();
        assert_eq!((plain.url.scheme_str(), plain.basic), (Some("https"), None));
        assert!(parse_prometheus_url("prom:9090").is_err());
    }

    #[test]
    fn a_token_takes_precedence_and_is_not_printed() {
        let parsed = parse_prometheus_url("http://ada:pass@prom:9090").unwrap();
        let value = parsed.authorization(Some("s3cret")).unwrap().unwrap();
        assert_eq!(
            (value.as_bytes(), format!("{value:?}")),
            (&b"Bearer s3cret"[..], "Sensitive".to_owned())
        );
        let basic = parsed.authorization(Some("")).unwrap().unwrap();
        assert!(basic.as_bytes().starts_with(b"Basic "));
        assert!(parsed.authorization(Some("a\nb")).is_err());
    }
}
