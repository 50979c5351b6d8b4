//! The first policy file, as a person would write it.

use std::path::Path;

use super::answers::{client_requirement, toml_string};
use super::listeners::ListenerAddresses;
use super::{Answers, TOKEN};

/// Where the comments of `[gateway]` begin.
const COMMENTS: usize = 38;

/// The text of the file.
pub(super) fn draft_file(answers: &Answers, file: &Path) -> String {
    let (check, serve) =
        (super::shell_argument(file, " "), super::shell_argument(file, " --config "));
    let commands = [
        (format!("upshift check{check}"), "is this file right, and what will surprise?"),
        (
            format!("upshift serve{serve} --watch"),
            "run the gateway, and take up changes of this file",
        ),
        (
            "upshift schema > upshift.schema.json".to_owned(),
            "for an editor; the first line is then",
        ),
        (String::new(), "#:schema upshift.schema.json"),
    ];
    let mut text = "# What requests must meet, and where those go that meet it.\n#\n".to_owned();
    let longest = commands.iter().map(|(command, _)| command.chars().count()).max().unwrap_or(0);
    for (command, what) in commands {
        text.push_str(&format!("#   {command:<longest$}  {what}\n"));
    }
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
        text.push_str(&rule_table(
            answers,
            "old-clients",
            &client_requirement(&answers.client),
            CLIENT_WORDS,
        ));
    }
    text
}

/// `2 rules, which observe`.
pub(super) fn describe_contents(answers: &Answers) -> String {
    let phase = answers.phase.unwrap_or_default().as_str();
    match count_rules(answers) {
        0 => "no rules yet, and a sample of one".to_owned(),
        1 => format!("1 rule, in phase {phase}"),
        rules => format!("{rules} rules, in phase {phase}"),
    }
}

/// Tells whether others than this machine reach the admin listener.
pub(super) fn needs_token(answers: &Answers) -> bool {
    !ListenerAddresses::for_answers(answers).admin.ip().is_loopback()
}

const SAMPLE: &str = "
# A rule says which requests, and what they must meet; without `phase` it enforces.
#
# [[rule]]
# id      = \"orders-v2\"
# paths   = [\"/api/**\"]
# phase   = \"observe\"
# require = { api = { minimum = \"2.0\", read = [\"header:X-Api-Version\"] } }
";

const TLS_WORDS: &str =
    "message = \"This service is going to be reachable over an encrypted connection only.\"\n";
const API_WORDS: &str =
    "# docs  = \"https://docs.example.com/v2\"   # where people read how to move on\n";
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

fn gateway_table(answers: &Answers) -> String {
    let ListenerAddresses { http, https, admin } = ListenerAddresses::for_answers(answers);
    let mut text = "[gateway]\n".to_owned();
    let beyond = if http.ip().is_loopback() {
        format!("0.0.0.0:{} is for other machines too", http.port())
    } else {
        String::new()
    };
    text.push_str(&setting_line("http", &http.to_string(), &beyond));
    if let Some(https) = https {
        let signed = if answers.certificate.is_some() {
            ""
        } else {
            "self-signed, until [gateway.tls] names a certificate"
        };
        text.push_str(&setting_line("https", &https.to_string(), signed));
    }
    text.push_str(&setting_line("admin", &admin.to_string(), "/metrics, /healthz, /readyz"));
    if needs_token(answers) {
        text.push_str(&format!("admin-token = {}\n", toml_string(&format!("env:{TOKEN}"))));
    }
    if let Some(public) = &answers.public {
        text.push_str(&setting_line("public", public, "what links in answers are built from"));
    }
    text.push_str(&setting_line(
        "upstream",
        answers.upstream.as_deref().unwrap_or_default(),
        "where requests go",
    ));
    if let (Some(certificate), Some(key)) = (&answers.certificate, &answers.key) {
        let (certificate, key) = (toml_string(certificate), toml_string(key));
        text.push_str(&format!(
            "\n[gateway.tls]\ncertificate = {certificate}\nkey         = {key}\n"
        ));
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
            "# In phase \"observe\" a rule counts what it would refuse, and refuses nothing: look at /metrics of the admin\n\
             # listener. \"warn\" tells callers on their answers; without `phase` a rule enforces. Dates for each step stand\n\
             # in [rule.rollout]."
        }
        "warn" => {
            "# In phase \"warn\" a rule tells callers on their answers, and refuses nothing. Without `phase` it enforces. Dates\n\
             # for each step stand in [rule.rollout]."
        }
        _ => {
            "# A rule without `phase` enforces. Dates for milder steps before that stand in [rule.rollout]."
        }
    }
}

fn rule_table(answers: &Answers, id: &str, require: &str, words: &str) -> String {
    let phase = match answers.phase.unwrap_or_default().as_str() {
        "enforce" => String::new(),
        phase => format!("phase   = {}\n", toml_string(phase)),
    };
    format!(
        "\n[[rule]]\nid      = {}\npaths   = [\"/**\"]   # which requests: narrow it, or take some away with \"!/public/**\"\n\
         {phase}require = {require}\n{words}",
        toml_string(id)
    )
}
