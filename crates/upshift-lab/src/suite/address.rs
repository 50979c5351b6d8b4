//! The stable address of a case: `checkout.upshift.toml::legacy-gets-426[h1.0]`.

use std::fmt;

use upshift_record::Lane;

/// The address of a case. It depends on the file's path, the id and the lane only, so that it stays
/// the same when cases are added before it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CaseAddress {
    /// The path of the suite, as it was given.
    pub suite: String,
    /// The id of the case.
    pub id: String,
    /// The lane of a probe.
    pub lane: Option<Lane>,
}

impl fmt::Display for CaseAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}::{}", self.suite, self.id)?;
        match self.lane {
            Some(lane) => write!(f, "[{lane}]"),
            None => Ok(()),
        }
    }
}
