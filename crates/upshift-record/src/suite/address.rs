//! The stable address of a case: `checkout.upshift.toml::legacy-gets-426[h1.0]`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::{Lane, UnknownLane};

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

/// A text that is no address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidAddress(String);

impl fmt::Display for CaseAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}::{}", self.suite, self.id)?;
        match self.lane {
            Some(lane) => write!(f, "[{lane}]"),
            None => Ok(()),
        }
    }
}

impl FromStr for CaseAddress {
    type Err = InvalidAddress;

    fn from_str(text: &str) -> Result<Self, InvalidAddress> {
        match parse_address(text) {
            Ok(address) => Ok(address),
            Err(why) => Err(InvalidAddress(format!("`{text}` is not an address: {why}"))),
        }
    }
}

fn parse_address(text: &str) -> Result<CaseAddress, String> {
    let usage = "write `SUITE::ID`, or `SUITE::ID[LANE]` for a probe";
    // An id has no colon, and a path may have some.
    let (suite, case) = text.rsplit_once("::").ok_or(usage)?;
    let (id, lane) = match case.split_once('[') {
        None => (case, None),
        Some((id, rest)) => {
            let name = rest.strip_suffix(']').ok_or("`]` is missing")?;
            let lane: Lane = name.parse().map_err(|error: UnknownLane| error.to_string())?;
            (id, Some(lane))
        }
    };
    if suite.is_empty() || id.is_empty() {
        return Err(usage.to_owned());
    }
    Ok(CaseAddress { suite: suite.to_owned(), id: id.to_owned(), lane })
}

impl fmt::Display for InvalidAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for InvalidAddress {}

impl Serialize for CaseAddress {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for CaseAddress {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_as_it_is_written() {
        for text in ["a.upshift.toml::login", "a/b::c.toml::legacy-gets-426[h1.0]"] {
            let address = text.parse::<CaseAddress>();
            assert_eq!(address.map(|address| address.to_string()).as_deref(), Ok(text));
        }
    }

    #[test]
    fn an_invalid_address_names_its_fault() {
        let rows = [
            ("a.toml", "write `SUITE::ID`"),
            ("::b", "write `SUITE::ID`"),
            ("a::", "write `SUITE::ID`"),
            ("a::b[h4]", "`h4` is not a lane"),
            ("a::b[h2", "`]` is missing"),
        ];
        for (text, says) in rows {
            let error = text.parse::<CaseAddress>().map_err(|error| error.to_string());
            assert!(error.as_ref().is_err_and(|error| error.contains(says)), "{text}: {error:?}");
        }
    }
}
