//! The stored form of a policy in the ledger.

use upshift_core::Policy;
use upshift_record::policy::PolicyRecord;

use super::chain::sha256_hex;

/// The text of a policy, which is kept once, and its digest, by which revisions name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyText {
    /// `sha256:` and the digest of the text.
    pub digest: String,
    /// A [`PolicyRecord`] as JSON.
    pub json: String,
}

impl PolicyText {
    /// The text of a policy. It is the same with and without overrides.
    pub fn of_policy(policy: &Policy) -> Self {
        // A record that consists of strings and numbers can always be serialized.
        let json = serde_json::to_string(&PolicyRecord::of_policy(policy)).unwrap_or_default();
        Self { digest: Self::digest_of(&json), json }
    }

    /// The digest of a text.
    pub(super) fn digest_of(json: &str) -> String {
        format!("sha256:{}", sha256_hex(json.as_bytes()))
    }
}
