//! The field values by which responses announce a rule. They depend on the policy alone, so they
//! are made once, when the rule is compiled.

use jiff::Timestamp;

use super::requirement::{Requirement, RequirementKind};
use super::rule_spec::RuleSpec;
use crate::field::FieldName;
use crate::field::date::http_date;

/// The announcement of one rule.
#[derive(Clone, Debug)]
pub(crate) struct RuleNotice {
    /// The date of the deprecation, for an API rule.
    pub(crate) deprecated: Option<Timestamp>,
    /// The date of the end and its text in `Sunset`, for an API rule.
    pub(crate) sunset: Option<(Timestamp, Box<str>)>,
    /// The lines of `Link`.
    pub(crate) links: Box<[Box<str>]>,
    /// The API versions that are served, from the minimum on.
    pub(crate) supported: Box<[Box<str>]>,
    /// The API versions that are served below the minimum.
    pub(crate) outdated: Box<[Box<str>]>,
    /// The fields that API versions are read from, on which responses that pass vary.
    pub(crate) varies_on: Box<[FieldName]>,
}

impl RuleNotice {
    pub(super) fn of_rule(rule: &RuleSpec) -> Self {
        let is_api = rule.requires(RequirementKind::Api);
        let (mut supported, mut outdated) = (Vec::new(), Vec::new());
        let mut varies_on = Vec::new();
        for requirement in &rule.require {
            let Requirement::Api(api) = requirement else { continue };
            for version in &api.supported {
                let list = if *version >= api.minimum { &mut supported } else { &mut outdated };
                list.push(version.as_str().into());
            }
            for field in api.fields() {
                // The media type of a request's content: no response is cached by it.
                if field != "content-type" {
                    varies_on.push(FieldName::title_cased(field));
                }
            }
        }
        let (deprecated, sunset) =
            if is_api { (rule.deprecated(), rule.sunset()) } else { (None, None) };
        Self {
            deprecated,
            sunset: sunset.map(|date| (date, http_date(date).into())),
            links: links_of(rule, is_api),
            supported: supported.into(),
            outdated: outdated.into(),
            varies_on: varies_on.into(),
        }
    }
}

/// RFC 8288 links: to the explanation of the end, and to the successor.
fn links_of(rule: &RuleSpec, is_api: bool) -> Box<[Box<str>]> {
    let mut links: Vec<Box<str>> = Vec::new();
    if let Some(docs) = &rule.docs {
        // RFC 9745 defines `deprecation` for resources: other rules are about the client.
        let relation = if is_api { "deprecation" } else { "help" };
        links.push(format!("<{docs}>; rel=\"{relation}\"; type=\"text/html\"").into());
        // RFC 8594 §6: the relation `sunset` leads to information on the end of the resource.
        if is_api && rule.sunset().is_some() {
            links.push(format!("<{docs}>; rel=\"sunset\"; type=\"text/html\"").into());
        }
    }
    if let Some(successor) = &rule.successor {
        links.push(format!("<{successor}>; rel=\"successor-version\"").into());
    }
    links.into()
}
