//! The first policy file, as a person would write it.

use std::path::Path;

use super::answers::{Answers, client_requirement, toml_string};
use super::listeners::ListenerAddresses;

/// The environment variable with the admin token.
pub(super) const TOKEN: &str = "UPSHIFT_TOKEN";

/// The column in which the comments of `[gateway]` begin.
const COMMENTS: usize = 38;

/// Writes the text of the file.
pub(super) fn draft_file(answers: &Answers, file: &Path) -> String {
    let mut text = head_comment(file);
    text.push('\n');
    text.push_str(&gateway_table(answers));
    if count_rules(answers) == 0 {
        text.push_str(SAMPLE);
        return text;
    }
    text.push_str(&format!("\n{}\n", explain_phase(answers)));
    if let Some(version) = &answers.tls {
        let require = format!("{{ tls = {} }}", toml_string(version));
        text.push_str(&rule_table(answers, "needs-tls", &require, TLS_WORDS));
    }
    for (index, api) in answers.api.iter().enumerate() {
        text.push_str(&rule_table(answers, &api_id(index), &api.requirement_text(), API_WORDS));
    }
    if !answers.client.is_empty() {
        let minima = client_requirement(&answers.client);
        text.push_str(&rule_table(answers, "old-clients", &minima, CLIENT_WORDS));
    }
    text
}

/// `2 rules, in phase observe`.
pub(super) fn describe_contents(answers: &Answers) -> String {
    let phase = answers.phase.unwrap_or_default().as_str();
    match count_rules(answers) {
        0 => "no rules yet, and a sample of one".to_owned(),
        1 => format!("1 rule, in phase {phase}"),
        rules => format!("{rules} rules, in phase {phase}"),
    }
}

/// Returns true if other machines can reach the admin listener.
pub(super) fn needs_token(answers: &Answers) -> bool {
    !ListenerAddresses::for_answers(answers).admin.ip().is_loopback()
}

const SAMPLE: &str = "
# A rule says which requests it is for, and what they must meet; without `phase` it enforces.
#
# [[rule]]
# id      = \"orders-v2\"
# paths   = [\"/api/**\"]
# phase   = \"observe\"
# require = { api = { minimum = \"2.0\", read = [\"header:X-Api-Version\"] } }
";

const TLS_WORDS: &str = "message = \"Soon this service will accept encrypted connections only.\"\n";
const API_WORDS: &str =
    "# docs  = \"https://docs.example.com/v2\"   # where people read how to migrate\n";
const CLIENT_WORDS: &str =
    "# upgrade-url = \"https://example.com/update\"   # where people find the new version\n";

fn count_rules(answers: &Answers) -> usize {
    usize::from(answers.tls.is_some()) + answers.api.len() + usize::from(!answers.client.is_empty())
}

/// `api-version`, and numbers where there are several.
fn api_id(index: usize) -> String {
    match index {
        0 => "api-version".to_owned(),
        _ => format!("api-version-{}", index + 1),
    }
}

/// The comment at the top of the file, with the commands for it.
fn head_comment(file: &Path) -> String {
    let (check, serve) = (shell_argument(file, " "), shell_argument(file, " --config "));
    let commands = [
        (format!("upshift check{check}"), "validate this file, and warn about surprises"),
        (
            format!("upshift serve{serve} --watch"),
            "run the gateway, and reload when this file changes",
        ),
        (
            "upshift schema > upshift.schema.json".to_owned(),
            "for editors; then put on the first line:",
        ),
        (String::new(), "#:schema upshift.schema.json"),
    ];
    let mut text =
        "# The rules for requests, and the upstream for those that meet them.\n#\n".to_owned();
    let widths = commands.iter().map(|(command, _)| command.chars().count());
    let longest = widths.max().unwrap_or_default();
    for (command, what) in commands {
        text.push_str(&format!("#   {command:<longest$}  {what}\n"));
    }
    text
}

fn gateway_table(answers: &Answers) -> String {
    let ListenerAddresses { http, https, admin } = ListenerAddresses::for_answers(answers);
    let mut text = "[gateway]\n".to_owned();
    let comment = if http.ip().is_loopback() {
        format!("0.0.0.0:{} accepts other machines, too", http.port())
    } else {
        String::new()
    };
    text.push_str(&setting_line("http", &http.to_string(), &comment));
    if let Some(https) = https {
        let signed = match answers.certificate {
            Some(_) => "",
            None => "self-signed, until [gateway.tls] names a certificate",
        };
        text.push_str(&setting_line("https", &https.to_string(), signed));
    }
    text.push_str(&setting_line("admin", &admin.to_string(), "/metrics, /healthz, /readyz"));
    if needs_token(answers) {
        text.push_str(&format!("admin-token = {}\n", toml_string(&format!("env:{TOKEN}"))));
    }
    if let Some(public) = &answers.public {
        text.push_str(&setting_line("public", public, "base of the links in answers"));
    }
    // `complete_answers` has made sure that there is one.
    let upstream = answers.upstream.as_deref().unwrap_or_default();
    text.push_str(&setting_line("upstream", upstream, "where requests go"));
    if let (Some(certificate), Some(key)) = (&answers.certificate, &answers.key) {
        text.push_str("\n[gateway.tls]\n");
        text.push_str(&format!("certificate = {}\n", toml_string(certificate)));
        text.push_str(&format!("key         = {}\n", toml_string(key)));
    }
    text
}

fn setting_line(key: &str, value: &str, comment: &str) -> String {
    let setting = format!("{key:<8} = {}", toml_string(value));
    match comment {
        "" => format!("{setting}\n"),
        comment => format!("{setting:<COMMENTS$} # {comment}\n"),
    }
}

fn explain_phase(answers: &Answers) -> &'static str {
    match answers.phase.unwrap_or_default().as_str() {
        "observe" => {
            "# In phase \"observe\" a rule counts what it would refuse, but refuses nothing: see /metrics of\n\
             # the admin listener. In phase \"warn\" it adds fields to answers that warn callers. Without\n\
             # `phase` it enforces. [rule.rollout] sets a date for each step."
        }
        "warn" => {
            "# In phase \"warn\" a rule adds fields to answers that warn callers, but refuses nothing.\n\
             # Without `phase` it enforces. [rule.rollout] sets a date for each step."
        }
        _ => {
            "# A rule without `phase` enforces. [rule.rollout] sets dates for milder steps before that."
        }
    }
}

fn rule_table(answers: &Answers, id: &str, require: &str, words: &str) -> String {
    let phase = match answers.phase.unwrap_or_default().as_str() {
        "enforce" => String::new(),
        phase => format!("phase   = {}\n", toml_string(phase)),
    };
    format!(
        "\n[[rule]]\nid      = {}\npaths   = [\"/**\"]   # narrow it, or exclude paths with \"!/public/**\"\n\
         {phase}require = {require}\n{words}",
        toml_string(id)
    )
}

/// The name of a file as an argument in a shell, behind `before`; empty for the usual file and for
/// stdout.
pub(super) fn shell_argument(file: &Path, before: &str) -> String {
    let name = file.to_string_lossy();
    if name == "upshift.toml" || name == "-" {
        return String::new();
    }
    // With `./` in front, it is not taken for a flag.
    let path = if name.starts_with('-') { format!("./{name}") } else { name.into_owned() };
    if path.contains(|c: char| !c.is_alphanumeric() && !"_./-+,:@%=".contains(c)) {
        return format!("{before}'{}'", path.replace('\'', r"'\''"));
    }
    format!("{before}{path}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The name of a file is quoted, so that the command in which it is shown can be typed.
    #[test]
    fn a_file_is_named_as_a_shell_reads_it() {
        let shown = [
            ("upshift.toml", ""),
            ("-", ""),
            ("a.toml", " a.toml"),
            ("my file.toml", " 'my file.toml'"),
            ("it's.toml", r" 'it'\''s.toml'"),
            ("-x.toml", " ./-x.toml"),
            ("$HOME", " '$HOME'"),
        ];
        for (name, expected) in shown {
            assert_eq!(shell_argument(Path::new(name), " "), expected, "{name}");
        }
    }
}
