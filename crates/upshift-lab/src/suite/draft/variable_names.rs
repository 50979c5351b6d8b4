//! The variables of a draft: names that no shell sets, and one for each distinct value.

use std::collections::{BTreeMap, BTreeSet};

/// The prefix of names that would have a value already.
const PREFIX: &str = "SUITE_";

/// Names that shells, systems and build servers set, and those of the suite's own targets.
#[rustfmt::skip]
const TAKEN_NAMES: [&str; 64] = [
    "APPDATA", "CI", "COLORTERM", "COLUMNS", "COMPUTERNAME", "COMSPEC", "DEBUG", "DISPLAY",
    "EDITOR", "EGID", "EUID", "GID", "GROUPS", "HISTFILE", "HOME", "HOMEDRIVE", "HOMEPATH", "HOST",
    "HOSTNAME", "HOSTTYPE", "HTTP", "HTTPS", "IFS", "INIT_CWD", "LANG", "LANGUAGE", "LINES",
    "LOCALAPPDATA", "LOGNAME", "MACHTYPE", "MAIL", "MANPATH", "NAME", "NO_COLOR", "OLDPWD",
    "OPTARG", "OPTIND", "OS", "OSTYPE", "PAGER", "PATH", "PATHEXT", "PPID", "PROMPT", "PS1", "PS2",
    "PS4", "PWD", "RANDOM", "SECONDS", "SHELL", "SHLVL", "SYSTEMROOT", "TARGET", "TEMP", "TERM",
    "TMP", "TMPDIR", "TZ", "UID", "USER", "USERNAME", "USERPROFILE", "VISUAL",
];

/// The beginnings of such names.
#[rustfmt::skip]
const TAKEN_PREFIXES: [&str; 17] = [
    "BASH", "CARGO_", "DBUS_", "GITHUB_", "GITLAB_", "GPG_", "HIST", "LC_", "LD_", "LESS", "NPM_",
    "RUNNER_", "RUST", "SSH_", "TERM_", "UPSHIFT_", "XDG_",
];

/// The variables that stand for the values of a source.
#[derive(Clone, Debug, Default)]
pub(super) struct DraftVariables {
    /// The variable for a name and a value.
    known: BTreeMap<(String, String), String>,
    taken: BTreeSet<String>,
    /// The number of values of each name.
    counts: BTreeMap<String, usize>,
}

impl DraftVariables {
    /// `${NAME}` for a value with this name in the source. Another value of the same name gets
    /// `${NAME_2}`.
    pub(super) fn reference(&mut self, name: &str, value: &str) -> String {
        let base = variable_name(name);
        let key = (base.clone(), value.to_owned());
        if let Some(variable) = self.known.get(&key) {
            return format!("${{{variable}}}");
        }
        let count = self.counts.entry(base.clone()).or_default();
        let variable = loop {
            *count += 1;
            let variable = if *count == 1 { base.clone() } else { format!("{base}_{count}") };
            // `TOKEN_2` may be the name of a parameter, too.
            if self.taken.insert(variable.clone()) {
                break variable;
            }
        };
        let reference = format!("${{{variable}}}");
        self.known.insert(key, variable);
        reference
    }

    /// `${NAME}` for a value that the source does not have.
    pub(super) fn placeholder(&mut self, name: &str) -> String {
        self.reference(name, "")
    }
}

/// Returns true for variables of a suite without any other text.
pub(super) fn is_reference(text: &str) -> bool {
    let mut rest = text;
    while let Some(after) = rest.strip_prefix("${") {
        let Some((_, behind)) = after.split_once('}') else { return false };
        rest = behind;
    }
    rest.is_empty() && !text.is_empty()
}

/// The name of an environment variable for a field, a parameter or a variable of another tool.
fn variable_name(name: &str) -> String {
    let mut variable = String::new();
    for character in name.chars() {
        let is_allowed = character.is_ascii_alphanumeric();
        variable.push(if is_allowed { character.to_ascii_uppercase() } else { '_' });
    }
    let variable = variable.trim_matches('_');
    if variable.is_empty() {
        return "VALUE".to_owned();
    }
    // No shell can set a name that begins with a digit.
    if is_taken(variable) || variable.starts_with(|c: char| c.is_ascii_digit()) {
        return format!("{PREFIX}{variable}");
    }
    variable.to_owned()
}

fn is_taken(variable: &str) -> bool {
    TAKEN_NAMES.contains(&variable)
        || variable.ends_with("_PROXY")
        || TAKEN_PREFIXES.iter().any(|prefix| variable.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_a_shell_sets_get_a_prefix() {
        for (name, variable) in [
            ("pwd", "SUITE_PWD"),
            ("path", "SUITE_PATH"),
            ("user", "SUITE_USER"),
            ("host", "SUITE_HOST"),
            ("lang", "SUITE_LANG"),
            ("lc-time", "SUITE_LC_TIME"),
            ("target", "SUITE_TARGET"),
            ("github_token", "SUITE_GITHUB_TOKEN"),
            ("2fa", "SUITE_2FA"),
            ("X-Api-Key", "X_API_KEY"),
            ("ü", "VALUE"),
        ] {
            assert_eq!(variable_name(name), variable);
        }
    }

    #[test]
    fn each_distinct_value_has_a_variable() {
        let mut variables = DraftVariables::default();
        assert_eq!(variables.reference("token", "a"), "${TOKEN}");
        assert_eq!(variables.reference("Token", "b"), "${TOKEN_2}");
        assert_eq!(variables.reference("token", "a"), "${TOKEN}");
        assert_eq!(variables.reference("token_2", "c"), "${TOKEN_2_2}");
        assert_eq!(variables.placeholder("token"), "${TOKEN_3}");
    }
}
