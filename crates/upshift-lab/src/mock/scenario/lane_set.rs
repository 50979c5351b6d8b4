//! The lanes of a step.

use serde::{Deserialize, Deserializer, de};
use upshift_record::Lane;

/// A set of lanes; in a file a name, or a list of names.
///
/// Beside the lanes there are names for several: `*` for all, `h1.*` for those in HTTP/1.x over
/// cleartext, `tls1.*` for those in HTTP/1.x over TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LaneSet(Vec<Lane>);

/// The lanes in HTTP/1.x over cleartext.
const HTTP1_LANES: [Lane; 5] =
    [Lane::Http10, Lane::Http11, Lane::H2cUpgrade, Lane::WebSocket, Lane::TlsInBand];

impl LaneSet {
    pub(crate) fn contains(&self, lane: Lane) -> bool {
        self.0.contains(&lane)
    }

    /// Returns true if a request on any of the lanes begins in HTTP/1.x, or may.
    pub(crate) fn has_http1(&self) -> bool {
        let is_framed = |lane: &Lane| matches!(lane, Lane::Http2 | Lane::Http3);
        !self.0.iter().all(is_framed)
    }

    fn add(&mut self, name: &str) -> Result<(), String> {
        match name {
            "*" => self.0.extend(Lane::ALL),
            "h1.*" => self.0.extend(HTTP1_LANES),
            "tls1.*" => self.0.extend([Lane::Tls12, Lane::Tls13]),
            name => match name.parse() {
                Ok(lane) => self.0.push(lane),
                Err(error) => return Err(format!("{error}, and the groups `*`, `h1.*`, `tls1.*`")),
            },
        }
        Ok(())
    }
}

impl Default for LaneSet {
    fn default() -> Self {
        Self(Lane::ALL.to_vec())
    }
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "a lane or a list of lanes")]
enum OneOrMore {
    One(String),
    More(Vec<String>),
}

impl<'de> Deserialize<'de> for LaneSet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let names = match OneOrMore::deserialize(deserializer)? {
            OneOrMore::One(name) => vec![name],
            OneOrMore::More(names) => names,
        };
        let mut set = Self(Vec::new());
        for name in names {
            set.add(&name).map_err(de::Error::custom)?;
        }
        Ok(set)
    }
}
