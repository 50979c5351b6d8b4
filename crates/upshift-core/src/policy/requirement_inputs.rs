//! The parts of requests that requirements read: what a record needs so that the same policy decides
//! on it as it did on the request.

use super::query::matching_pairs;
use super::requirement::{ApiReader, Requirement};
use super::valid_policy::Policy;

/// The fields that are left out in any case, because their values are secrets.
const CREDENTIALS: [&str; 3] = ["authorization", "cookie", "proxy-authorization"];

/// The parts of requests that the requirements of a policy read. What only matchers, exemptions and
/// identities read is left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequirementInputs {
    fields: Vec<Box<str>>,
    parameters: Vec<Box<str>>,
}

impl RequirementInputs {
    /// The inputs of all requirements of `policy`.
    pub fn of_policy(policy: &Policy) -> Self {
        let mut inputs = Self::default();
        for rule in policy.rules() {
            for requirement in &rule.require {
                inputs.add_requirement(requirement);
            }
        }
        for names in [&mut inputs.fields, &mut inputs.parameters] {
            names.sort_unstable();
            names.dedup();
        }
        inputs
    }

    fn add_requirement(&mut self, requirement: &Requirement) {
        for field in requirement.fields() {
            if !CREDENTIALS.contains(&field) {
                self.fields.push(field.into());
            }
        }
        if let Requirement::Api(api) = requirement {
            for reader in &api.read {
                if let ApiReader::Query(name) = reader {
                    self.parameters.push(name.clone());
                }
            }
        }
    }

    /// The names of the fields, in lower case and sorted.
    pub fn fields(&self) -> impl Iterator<Item = &str> {
        self.fields.iter().map(AsRef::as_ref)
    }

    /// The part of a query that is read, as it was sent; `None` if nothing of it is.
    pub fn read_part(&self, query: &str) -> Option<String> {
        if self.parameters.is_empty() {
            return None;
        }
        let pairs = matching_pairs(query, &self.parameters);
        if pairs.is_empty() { None } else { Some(pairs.join("&")) }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

    use super::*;
    use crate::field::FieldName;
    use crate::policy::{
        ApiRequirement, ClientReader, ClientRequirement, IdentityReader, PolicySpec, RuleSpec,
    };
    use crate::version::{ClientVersion, VersionScheme};

    fn inputs_of(requirements: Vec<Requirement>) -> RequirementInputs {
        let mut rule = RuleSpec::new("it", requirements);
        rule.identity = vec![IdentityReader::Header(FieldName::title_cased("x-user"))];
        let spec = PolicySpec { rules: vec![rule], ..PolicySpec::default() };
        RequirementInputs::of_policy(&Policy::new(spec).unwrap())
    }

    fn api(read: Vec<ApiReader>) -> Requirement {
        let scheme = VersionScheme::Numeric;
        let minimum = scheme.parse("2").unwrap();
        Requirement::Api(ApiRequirement { scheme, minimum, supported: vec![], assume: None, read })
    }

    #[test]
    fn only_requirements_count_and_no_credentials() {
        let header = |name| ApiReader::Header(FieldName::title_cased(name));
        let client = ClientRequirement {
            read: vec![ClientReader::UserAgent],
            minimum: [("Acme".into(), ClientVersion::parse("2").unwrap())].into(),
            blocked: vec![],
        };
        let inputs = inputs_of(vec![
            api(vec![header("x-api-version"), header("authorization"), header("cookie")]),
            Requirement::Client(client),
        ]);
        assert_eq!(inputs.fields().collect::<Vec<_>>(), ["user-agent", "x-api-version"]);
        assert_eq!(inputs.read_part("x-api-version=1&token=hush"), None);
    }

    #[test]
    fn the_part_of_a_query_is_as_it_was_sent() {
        let inputs = inputs_of(vec![api(vec![ApiReader::Query("api-version".into())])]);
        let query = "token=hush&api%2Dversion=1%2E0&api-version=&API-VERSION[]=2&sig=hush";
        let read = inputs.read_part(query);
        assert_eq!(read.as_deref(), Some("api%2Dversion=1%2E0&api-version=&API-VERSION[]=2"));
        assert_eq!(inputs.read_part("token=hush"), None);
    }
}
