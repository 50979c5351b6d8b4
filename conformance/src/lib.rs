//! The conformance vectors as Rust values. The format is described in `conformance/README.md`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

/// One file: one demand of one section, and its cases.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vectors {
    /// The paragraph, as people write it: `RFC 9110 §7.8`.
    pub section: String,
    /// How strongly it is demanded.
    pub level: Level,
    /// The demand, quoted.
    pub says: String,
    /// Cases of how a list field is read.
    #[serde(default, rename = "list")]
    pub lists: Vec<List>,
    /// Cases of what a server with a policy answers.
    #[serde(default, rename = "exchange")]
    pub exchanges: Vec<Exchange>,
    /// Cases of what a proxy passes on.
    #[serde(default, rename = "forward")]
    pub forwards: Vec<Forward>,
    /// Cases of what a server does with these very bytes.
    #[serde(default, rename = "bytes")]
    pub bytes: Vec<Bytes>,
    /// Cases of what becomes of an offer to switch protocols.
    #[serde(default, rename = "switch")]
    pub switches: Vec<Switch>,
}

/// The words of RFC 2119, and one for choices that the RFCs leave open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Level {
    /// An absolute requirement.
    #[serde(rename = "MUST")]
    Must,
    /// An absolute prohibition.
    #[serde(rename = "MUST NOT")]
    MustNot,
    /// To be done unless there is a good reason.
    #[serde(rename = "SHOULD")]
    Should,
    /// To be left unless there is a good reason.
    #[serde(rename = "SHOULD NOT")]
    ShouldNot,
    /// Allowed.
    #[serde(rename = "MAY")]
    May,
    /// Left open by the RFCs; this is what Upshift chose.
    #[serde(rename = "DESIGN")]
    Design,
}

/// How the lines of a list field are read.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct List {
    /// What the case is about.
    pub title: String,
    /// `Upgrade` or `Connection`.
    pub field: String,
    /// The values of its lines, in order.
    pub lines: Vec<String>,
    /// The elements; `None` where the field must not be believed.
    pub reads: Option<Vec<String>>,
}

/// What a server with this policy answers.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exchange {
    /// What the case is about.
    pub title: String,
    /// Rules in the form of the policy file, without `[gateway]`.
    pub policy: String,
    /// The verdict that the decision has to have; `None` where it is not asked.
    pub verdict: Option<String>,
    /// What is asked.
    pub request: Request,
    /// What must be answered.
    pub answer: Answer,
}

/// What a proxy passes on, in both directions.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Forward {
    /// What the case is about.
    pub title: String,
    /// What the client asks.
    pub request: Request,
    /// What must reach the upstream.
    #[serde(default)]
    pub upstream: Received,
    /// What the upstream answers.
    #[serde(default)]
    pub response: Response,
    /// What must reach the client.
    #[serde(default)]
    pub answer: Answer,
}

/// What a server does with these very bytes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bytes {
    /// What the case is about.
    pub title: String,
    /// Rules in the form of the policy file; everything is admitted without.
    #[serde(default)]
    pub policy: String,
    /// What goes on the connection.
    pub send: String,
    /// Whether anything may reach the upstream; `None` where it is not asked.
    pub reaches: Option<bool>,
    /// What must come back.
    pub answer: Answer,
}

/// What becomes of an offer to switch protocols.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Switch {
    /// What the case is about.
    pub title: String,
    /// Switches that the server performs itself and that are on: `h2c-upgrade`, `in-band-tls`.
    #[serde(default)]
    pub gateway: Vec<String>,
    /// Rules in the form of the policy file; everything is admitted without.
    #[serde(default)]
    pub policy: String,
    /// What goes on the connection, all at once.
    pub send: String,
    /// The upstream.
    pub upstream: Switching,
    /// What must come back.
    pub answer: Answer,
}

/// An upstream that may switch.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Switching {
    /// What it answers, byte for byte, to whatever comes first.
    pub answer: String,
    /// Texts that must not reach it, in whatever case.
    #[serde(default)]
    pub never: Vec<String>,
}

/// A request, as a client makes it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The method.
    #[serde(default = "get")]
    pub method: String,
    /// The target, mostly in origin form.
    #[serde(default = "slash")]
    pub target: String,
    /// `1.0`, `1.1` or `2`.
    #[serde(default = "http11")]
    pub http: String,
    /// `1.2` or `1.3`; `None`: in clear.
    pub tls: Option<String>,
    /// Field lines, in this order, without `Host` where that is `example.com`.
    #[serde(default)]
    pub fields: Vec<(String, String)>,
    /// How many bytes of content.
    #[serde(default)]
    pub body: usize,
}

/// What an upstream answers.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Response {
    /// The status.
    pub status: u16,
    /// Field lines, in this order.
    #[serde(default)]
    pub fields: Vec<(String, String)>,
}

/// What must have reached the upstream.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Received {
    /// Fields that must be there, the lines of a name joined by `, `.
    #[serde(default)]
    pub fields: BTreeMap<String, String>,
    /// Names of fields that must not be there.
    #[serde(default)]
    pub lacks: Vec<String>,
}

/// What must have reached the client.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// The status; `None` where it is not asked.
    pub status: Option<u16>,
    /// Fields that must be there, the lines of a name joined by `, `.
    #[serde(default)]
    pub fields: BTreeMap<String, String>,
    /// Options that `Connection` must have.
    #[serde(default)]
    pub connection: Vec<String>,
    /// Names that `Vary` must have.
    #[serde(default)]
    pub vary: Vec<String>,
    /// Names of fields that must not be there.
    #[serde(default)]
    pub lacks: Vec<String>,
    /// Texts that must occur in the content; an empty list where there must be no content.
    pub body: Option<Vec<String>>,
    /// Texts that must not occur in the content.
    #[serde(default)]
    pub body_lacks: Vec<String>,
    /// Whether nothing more may be taken on the connection.
    #[serde(default)]
    pub closes: bool,
    /// The 1xx statuses before it, in order; `None` where they are not asked.
    pub interim: Option<Vec<u16>>,
}

impl Default for Response {
    fn default() -> Self {
        Self { status: 200, fields: Vec::new() }
    }
}

impl Request {
    /// The field lines, with `Host: example.com` in front where there is none.
    pub fn fields_with_host(&self) -> Vec<(String, String)> {
        let has_host = self.fields.iter().any(|(name, _)| name.eq_ignore_ascii_case("host"));
        let host = (!has_host).then(|| ("Host".to_owned(), "example.com".to_owned()));
        host.into_iter().chain(self.fields.iter().cloned()).collect()
    }
}

impl Answer {
    /// What is wrong with an answer of this status, these field lines and this content; empty when
    /// nothing is. `interim` and `closes` are the wire's affair and are not looked at.
    pub fn faults(&self, status: u16, fields: &[(String, String)], body: &[u8]) -> Vec<String> {
        let mut faults = Vec::new();
        if self.status.is_some_and(|wanted| wanted != status) {
            faults.push(format!("status is {status}, wanted {}", self.status.unwrap_or_default()));
        }
        faults.extend(field_faults(&self.fields, &self.lacks, fields));
        faults.extend(list_faults("Connection", &self.connection, fields));
        faults.extend(list_faults("Vary", &self.vary, fields));
        let text = String::from_utf8_lossy(body);
        match self.body.as_deref() {
            Some([]) if !body.is_empty() => faults.push(format!("there is content: {text}")),
            Some(texts) => {
                faults.extend(
                    texts
                        .iter()
                        .filter(|wanted| !text.contains(*wanted))
                        .map(|wanted| format!("the content lacks {wanted:?}: {text}")),
                );
            }
            None => {}
        }
        let there = self.body_lacks.iter().filter(|unwanted| text.contains(*unwanted));
        faults.extend(
            there.map(|unwanted| format!("the content must not have {unwanted:?}: {text}")),
        );
        faults
    }
}

impl Received {
    /// What is wrong with a request of these field lines; empty when nothing is.
    pub fn faults(&self, fields: &[(String, String)]) -> Vec<String> {
        field_faults(&self.fields, &self.lacks, fields)
    }
}

/// The value of a field, its lines joined; `None` if there is none.
pub fn joined(fields: &[(String, String)], name: &str) -> Option<String> {
    let lines: Vec<&str> = fields
        .iter()
        .filter(|(have, _)| have.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.as_str())
        .collect();
    (!lines.is_empty()).then(|| lines.join(", "))
}

/// Every vector of the project, sorted by path. A file that does not read is an error, and so is
/// one that stands in a folder of another section.
///
/// # Errors
/// What is wrong, and in which file.
pub fn load() -> Result<Vec<(PathBuf, Vectors)>, String> {
    let mut all = Vec::new();
    for folder in
        entries(Path::new(env!("CARGO_MANIFEST_DIR")))?.into_iter().filter(|path| path.is_dir())
    {
        let name =
            folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if name.starts_with(|first: char| first.is_ascii_digit()) {
            for file in entries(&folder)? {
                all.push((file.clone(), read(&file, &name)?));
            }
        }
    }
    Ok(all)
}

/// The cases that `runner` (`core` or `wire`) leaves out: their names, and why.
///
/// # Errors
/// If `skips.toml` does not read, or a skip has no reason.
pub fn skips(runner: &str) -> Result<BTreeMap<String, String>, String> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct File {
        #[serde(default)]
        skip: Vec<Skip>,
    }
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Skip {
        case: String,
        runner: String,
        reason: String,
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("skips.toml");
    let text =
        std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let file: File =
        toml::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))?;
    if let Some(skip) = file.skip.iter().find(|skip| skip.reason.trim().is_empty()) {
        return Err(format!("{} is skipped without a reason", skip.case));
    }
    Ok(file
        .skip
        .into_iter()
        .filter(|skip| skip.runner == runner)
        .map(|skip| (skip.case, skip.reason))
        .collect())
}

fn field_faults(
    wanted: &BTreeMap<String, String>,
    lacks: &[String],
    fields: &[(String, String)],
) -> Vec<String> {
    let differs = wanted.iter().filter_map(|(name, value)| match joined(fields, name) {
        Some(have) if have == *value => None,
        Some(have) => Some(format!("{name} is {have:?}, wanted {value:?}")),
        None => Some(format!("{name} is missing, wanted {value:?}")),
    });
    let there = lacks.iter().filter_map(|name| {
        joined(fields, name).map(|have| format!("{name} must not be there, but is {have:?}"))
    });
    differs.chain(there).collect()
}

/// The wanted members that a list field lacks, compared without case.
fn list_faults(name: &str, wanted: &[String], fields: &[(String, String)]) -> Vec<String> {
    let value = joined(fields, name).unwrap_or_default().to_ascii_lowercase();
    let has =
        |member: &&String| value.split(',').any(|have| have.trim() == member.to_ascii_lowercase());
    wanted
        .iter()
        .filter(|member| !has(member))
        .map(|member| format!("{name} lacks {member}: {value:?}"))
        .collect()
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let entries =
        std::fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    Ok(paths)
}

fn read(file: &Path, folder: &str) -> Result<Vectors, String> {
    let text =
        std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
    let vectors: Vectors =
        toml::from_str(&text).map_err(|error| format!("{}: {error}", file.display()))?;
    let of_folder = format!("RFC {}", folder.replacen('-', " §", 1));
    if vectors.section != of_folder {
        return Err(format!(
            "{}: the section is {}, the folder says {of_folder}",
            file.display(),
            vectors.section
        ));
    }
    Ok(vectors)
}

fn get() -> String {
    "GET".to_owned()
}

fn slash() -> String {
    "/".to_owned()
}

fn http11() -> String {
    "1.1".to_owned()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]
    use super::*;

    fn names(vectors: &Vectors) -> Vec<String> {
        let lists = vectors.lists.iter().map(|case| &case.title);
        let exchanges = vectors.exchanges.iter().map(|case| &case.title);
        let forwards = vectors.forwards.iter().map(|case| &case.title);
        let bytes = vectors.bytes.iter().map(|case| &case.title);
        let switches = vectors.switches.iter().map(|case| &case.title);
        let titles = lists.chain(exchanges).chain(forwards).chain(bytes).chain(switches);
        titles.map(|title| format!("{}: {title}", vectors.section)).collect()
    }

    #[test]
    fn every_file_reads_and_has_cases_whose_names_are_its_own() {
        let mut seen = std::collections::BTreeSet::new();
        let all = load().unwrap();
        assert!(all.len() >= 10, "vectors are missing: {}", all.len());
        for (file, vectors) in &all {
            let names = names(vectors);
            assert!(!names.is_empty(), "{} has no case", file.display());
            assert!(!vectors.says.is_empty(), "{} quotes nothing", file.display());
            for name in names {
                assert!(seen.insert(name.clone()), "{name} is there twice");
            }
        }
        for skipped in skips("core").unwrap().into_keys().chain(skips("wire").unwrap().into_keys())
        {
            assert!(seen.contains(&skipped), "{skipped} is skipped, but there is no such case");
        }
    }

    #[test]
    fn faults_are_named() {
        let answer: Answer = toml::from_str(
            "status = 426\nfields = { Upgrade = \"websocket\" }\nconnection = [\"upgrade\"]\nlacks = [\"server\"]\nbody = [\"why\"]",
        )
        .unwrap();
        let good = [
            ("upgrade".to_owned(), "websocket".to_owned()),
            ("Connection".to_owned(), "Upgrade".to_owned()),
        ];
        assert!(answer.faults(426, &good, b"this is why").is_empty());
        let bad = [("Server".to_owned(), "x".to_owned())];
        assert_eq!(answer.faults(400, &bad, b"").len(), 5);
    }
}
