//! The holes of an answer, and the values that fill them.

/// A part of an answer that each request fills.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hole {
    /// A value of one of the rulings that refuse. Ruling 0 decided; the others follow in the order
    /// of the file.
    Ruling(usize, RulingHole),
    /// The path in its displayable form.
    Path,
    /// The requested URL with the scheme `https`.
    HttpsUrl,
    /// The value of `Alt-Svc`.
    AltSvc,
    /// The ID of the request.
    RequestId,
    /// The end of the brownout that refuses.
    WindowEnd,
    /// The seconds until the brownout ends.
    SecondsLeft,
    /// The names of the fields that the verdict depends on, each after a comma, except those that
    /// are already in `Vary`.
    VerdictFields(FormFields),
    /// The `api-deprecated-versions` line, or nothing.
    DeprecatedVersions,
    /// The lines that let a script of the requesting origin read the answer, or nothing.
    CorsLines,
}

/// A value of a ruling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RulingHole {
    /// A part of the observed value with this number.
    Observed(usize, ObservedPart),
    /// The first observed API version.
    Api(ObservedPart),
    /// The name of the client.
    ClientName,
    /// The version of the client.
    ClientVersion,
    /// The name of the client, and its version if it sent one.
    Client,
}

/// A part of an observed value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ObservedPart {
    /// The kind of requirement that it was read for.
    Kind,
    /// The value.
    Value,
    /// The value, cut to a readable length.
    ShownValue,
    /// The source of the value, such as a field.
    Place,
}

/// The fields that choose the form of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FormFields {
    /// True if `Content-Type` identifies a gRPC call.
    pub(crate) content_type: bool,
    /// True if `Sec-Fetch-Mode` identifies a navigation, which is redirected.
    pub(crate) fetch_mode: bool,
}

impl FormFields {
    /// The fields that choose the format and the CORS fields of every answer.
    const ALWAYS: [&'static str; 3] = ["Accept", "User-Agent", "Origin"];

    /// The names, for `Vary`.
    pub(crate) fn names(self) -> Vec<&'static str> {
        let mut names = Self::ALWAYS.to_vec();
        if self.content_type {
            names.push("Content-Type");
        }
        if self.fetch_mode {
            names.push("Sec-Fetch-Mode");
        }
        names
    }

    /// Returns true if `name` is one of them.
    pub(crate) fn contains(self, name: &str) -> bool {
        match name {
            "Content-Type" => self.content_type,
            "Sec-Fetch-Mode" => self.fetch_mode,
            other => Self::ALWAYS.contains(&other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_are_those_that_it_contains() {
        for (content_type, fetch_mode) in [(false, false), (true, false), (false, true)] {
            let fields = FormFields { content_type, fetch_mode };
            for name in ["Accept", "User-Agent", "Origin", "Content-Type", "Sec-Fetch-Mode"] {
                assert_eq!(fields.contains(name), fields.names().contains(&name), "{name}");
            }
        }
    }
}
