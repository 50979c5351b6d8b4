//! The conditions of a step, beside its lanes.

use std::fmt;

use serde::{Deserialize, Deserializer, de};
use upshift_record::{Lane, RecordedRequest};

/// The `when` of a step: all of it has to hold.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Conditions {
    /// The method.
    method: Option<String>,
    /// The target; `*` at its end stands for any rest.
    path: Option<String>,
    /// The host, without a port.
    host: Option<String>,
    /// The presence of TLS.
    tls: Option<bool>,
    /// Fields that are there, have a value, or are not there.
    #[serde(default)]
    fields: Vec<FieldCondition>,
    /// The number of the request among all to this peer.
    request: Option<Ordinals>,
    /// The number of the request on its connection.
    request_on_connection: Option<Ordinals>,
    /// The number of the connection.
    connection: Option<Ordinals>,
}

/// A request, as steps are compared with it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AskedRequest<'a> {
    /// The request's head.
    pub(crate) request: &'a RecordedRequest,
    /// The place that it came by.
    pub(crate) origin: Origin,
    /// Its number among all to this peer, from 1.
    pub(crate) number: u64,
    /// Its number on its connection, from 1.
    pub(crate) on_connection: u64,
    /// The number of its connection, from 1.
    pub(crate) connection: u64,
}

/// The way by which a request came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    /// The lane.
    pub(crate) lane: Lane,
    /// True if the response is written in HTTP/1.x.
    pub(crate) in_http1: bool,
    /// True if there is TLS around it.
    pub(crate) in_tls: bool,
    /// True if its connection was switched after it was asked, or before.
    pub(crate) is_switched: bool,
}

impl Conditions {
    pub(crate) fn hold(&self, asked: &AskedRequest<'_>) -> bool {
        self.hold_for_head(asked.request)
            && self.tls.is_none_or(|tls| tls == asked.origin.in_tls)
            && holds(self.request, asked.number)
            && holds(self.request_on_connection, asked.on_connection)
            && holds(self.connection, asked.connection)
    }

    fn hold_for_head(&self, request: &RecordedRequest) -> bool {
        if let Some(method) = &self.method
            && request.method.as_bytes() != method.as_bytes()
        {
            return false;
        }
        if let Some(path) = &self.path
            && !matches_path(path, request.target.as_bytes())
        {
            return false;
        }
        if let Some(host) = &self.host
            && !host_of(request).is_some_and(|have| have.eq_ignore_ascii_case(host))
        {
            return false;
        }
        self.fields.iter().all(|field| field.holds(request))
    }
}

fn holds(ordinals: Option<Ordinals>, number: u64) -> bool {
    ordinals.is_none_or(|ordinals| ordinals.first <= number && number <= ordinals.last)
}

fn matches_path(pattern: &str, target: &[u8]) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => target.starts_with(start.as_bytes()),
        None => target == pattern.as_bytes(),
    }
}

/// The host of a request, without a port: of `Host`, or of `:authority`.
pub(crate) fn host_of(request: &RecordedRequest) -> Option<String> {
    let named = |name: &str| request.fields.iter().find(|field| field.0.eq_ignore_ascii_case(name));
    let authority = named(":authority").or_else(|| named("host"))?.1.to_text();
    let port_start = authority.rfind(':').filter(|colon| !authority[*colon..].contains(']'));
    Some(authority[..port_start.unwrap_or(authority.len())].to_owned())
}

/// A condition about a field: `Name`, `Name: value` or `!Name`.
#[derive(Clone, Debug)]
struct FieldCondition {
    name: String,
    value: Option<String>,
    is_absent: bool,
}

impl FieldCondition {
    fn holds(&self, request: &RecordedRequest) -> bool {
        let mut called =
            request.fields.iter().filter(|field| field.0.eq_ignore_ascii_case(&self.name));
        let found = match &self.value {
            None => called.next().is_some(),
            Some(value) => called.any(|field| field.1.eq_ignore_ascii_case(value)),
        };
        found != self.is_absent
    }
}

impl<'de> Deserialize<'de> for FieldCondition {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let (is_absent, rest) = match text.strip_prefix('!') {
            Some(rest) => (true, rest),
            None => (false, text.as_str()),
        };
        let (name, value) = match rest.split_once(':') {
            Some((name, value)) => (name, Some(value.trim().to_owned())),
            None => (rest, None),
        };
        Ok(Self { name: name.trim().to_owned(), value, is_absent })
    }
}

/// The numbers from `first` to `last`, both included: in a file `2`, or `"2.."` for all from there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Ordinals {
    first: u64,
    last: u64,
}

impl<'de> Deserialize<'de> for Ordinals {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OrdinalsVisitor)
    }
}

struct OrdinalsVisitor;

impl de::Visitor<'_> for OrdinalsVisitor {
    type Value = Ordinals;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number from 1 (`2`), or a number and all after it (`\"2..\"`)")
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Ordinals, E> {
        match u64::try_from(number) {
            Ok(number) if number > 0 => Ok(Ordinals { first: number, last: number }),
            _ => Err(E::invalid_value(de::Unexpected::Signed(number), &self)),
        }
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Ordinals, E> {
        let number = text.strip_suffix("..").unwrap_or_default();
        match number.parse() {
            Ok(first) if first > 0 => Ok(Ordinals { first, last: u64::MAX }),
            _ => Err(E::invalid_value(de::Unexpected::Str(text), &self)),
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a panic is a failed test")]

    use upshift_record::RecordedField;

    use super::*;

    fn request(target: &str, fields: &[(&str, &str)]) -> RecordedRequest {
        let mut recorded = Vec::new();
        for (name, value) in fields {
            recorded.push(RecordedField((*name).into(), (*value).into()));
        }
        RecordedRequest {
            method: "GET".into(),
            target: target.into(),
            version: "1.1".to_owned(),
            fields: recorded,
            body: None,
            trailers: Vec::new(),
        }
    }

    fn holds_for(conditions: &str, request: &RecordedRequest) -> bool {
        let conditions: Conditions = toml::from_str(conditions).unwrap();
        let origin =
            Origin { lane: Lane::Http11, in_http1: true, in_tls: false, is_switched: false };
        conditions.hold(&AskedRequest {
            request,
            origin,
            number: 3,
            on_connection: 1,
            connection: 2,
        })
    }

    #[test]
    fn all_conditions_have_to_hold() {
        let asked = request("/a/b?c", &[("HOST", "[::1]:80"), ("Upgrade", "h2c")]);
        for holding in [
            "",
            "path = '/a/*'",
            "path = '/a/b?c'",
            "host = '[::1]'",
            "fields = ['upgrade', 'Upgrade: H2C', '!Authorization', '!Upgrade: TLS/1.2']",
            "request = 3\nconnection = '2..'\nrequest-on-connection = 1",
            "tls = false",
        ] {
            assert!(holds_for(holding, &asked), "{holding}");
        }
        for failing in [
            "method = 'get'",
            "path = '/a'",
            "host = 'a'",
            "fields = ['upgrade', 'Via']",
            "fields = ['!Upgrade']",
            "request = '4..'",
            "connection = 1",
            "tls = true",
        ] {
            assert!(!holds_for(failing, &asked), "{failing}");
        }
    }

    #[test]
    fn a_number_below_one_is_an_error() {
        for wrong in ["request = 0", "request = -1", "request = '..2'", "request = 'x'"] {
            assert!(toml::from_str::<Conditions>(wrong).is_err(), "{wrong}");
        }
    }
}
