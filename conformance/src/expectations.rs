//! The expected messages of a case, and how a message differs from them.

use std::collections::BTreeMap;

use serde::Deserialize;

/// The request that an upstream must receive.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpectedRequest {
    /// The target in the first line; `None` if it is not checked.
    pub target: Option<String>,
    /// Fields that the request must have. The lines of a field are joined by `, `.
    #[serde(default)]
    pub fields: BTreeMap<String, String>,
    /// Names of fields that the request must not have.
    #[serde(default)]
    pub lacks: Vec<String>,
}

/// The answer that a client must receive.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpectedAnswer {
    /// The status; `None` if it is not checked.
    pub status: Option<u16>,
    /// Fields that the answer must have. The lines of a field are joined by `, `.
    #[serde(default)]
    pub fields: BTreeMap<String, String>,
    /// Options that `Connection` must have.
    #[serde(default)]
    pub connection: Vec<String>,
    /// Names that `Vary` must have.
    #[serde(default)]
    pub vary: Vec<String>,
    /// Names of fields that the answer must not have.
    #[serde(default)]
    pub lacks: Vec<String>,
    /// Texts that the content must contain; an empty list if there must be no content.
    pub body: Option<Vec<String>>,
    /// Texts that the content must not contain.
    #[serde(default)]
    pub body_lacks: Vec<String>,
    /// True if the connection must not be used any more.
    #[serde(default)]
    pub closes: bool,
    /// The 1xx statuses before the answer, in order; `None` if they are not checked.
    pub interim: Option<Vec<u16>>,
}

impl ExpectedRequest {
    /// Lists the differences of a request with this first line and these field lines; empty if there
    /// are none.
    pub fn find_faults(&self, line: &str, fields: &[(String, String)]) -> Vec<String> {
        let mut faults = field_faults(&self.fields, &self.lacks, fields);
        let target = line.split(' ').nth(1).unwrap_or_default();
        if let Some(wanted) = &self.target
            && wanted != target
        {
            faults.push(format!("the target is {target}, wanted {wanted}"));
        }
        faults
    }
}

impl ExpectedAnswer {
    /// Lists the differences of an answer with this status, these field lines and this content;
    /// empty if there are none. `interim` and `closes` are not checked, because only a runner over
    /// the wire can see them.
    pub fn find_faults(
        &self,
        status: u16,
        fields: &[(String, String)],
        body: &[u8],
    ) -> Vec<String> {
        let mut faults = Vec::new();
        if let Some(wanted) = self.status
            && wanted != status
        {
            faults.push(format!("status is {status}, wanted {wanted}"));
        }
        faults.extend(field_faults(&self.fields, &self.lacks, fields));
        faults.extend(list_faults("Connection", &self.connection, fields));
        faults.extend(list_faults("Vary", &self.vary, fields));
        faults.extend(self.body_faults(body));
        faults
    }

    fn body_faults(&self, body: &[u8]) -> Vec<String> {
        let text = String::from_utf8_lossy(body);
        let mut faults = Vec::new();
        match self.body.as_deref() {
            Some([]) if !body.is_empty() => faults.push(format!("there is content: {text}")),
            Some(texts) => {
                for wanted in texts {
                    if !text.contains(wanted) {
                        faults.push(format!("the content lacks {wanted:?}: {text}"));
                    }
                }
            }
            None => {}
        }
        for unwanted in &self.body_lacks {
            if text.contains(unwanted) {
                faults.push(format!("the content must not contain {unwanted:?}: {text}"));
            }
        }
        faults
    }
}

/// The value of a field with its lines joined; `None` if there is no such field.
pub fn joined_lines(fields: &[(String, String)], name: &str) -> Option<String> {
    let mut lines = Vec::new();
    for (have, value) in fields {
        if have.eq_ignore_ascii_case(name) {
            lines.push(value.as_str());
        }
    }
    if lines.is_empty() { None } else { Some(lines.join(", ")) }
}

fn field_faults(
    wanted: &BTreeMap<String, String>,
    lacks: &[String],
    fields: &[(String, String)],
) -> Vec<String> {
    let mut faults = Vec::new();
    for (name, value) in wanted {
        match joined_lines(fields, name) {
            Some(have) if have == *value => {}
            Some(have) => faults.push(format!("{name} is {have:?}, wanted {value:?}")),
            None => faults.push(format!("{name} is missing, wanted {value:?}")),
        }
    }
    for name in lacks {
        if let Some(have) = joined_lines(fields, name) {
            faults.push(format!("{name} must not be there, but is {have:?}"));
        }
    }
    faults
}

/// The wanted members that a list field lacks, compared without case.
fn list_faults(name: &str, wanted: &[String], fields: &[(String, String)]) -> Vec<String> {
    let value = joined_lines(fields, name).unwrap_or_default();
    let mut faults = Vec::new();
    for member in wanted {
        if !value.split(',').any(|have| have.trim().eq_ignore_ascii_case(member)) {
            faults.push(format!("{name} lacks {member}: {value:?}"));
        }
    }
    faults
}
