//! TLS in band (RFC 2817), as printing does it: CUPS is the one client that acts on a 426.

use std::process::Command;

use interop::Output;

use super::{Row, Scratch, Stage};

pub(super) const ROWS: &[Row] = &[
    Row {
        client: "CUPS `ipptool`",
        needs: &["ipptool"],
        asks: "in-band TLS, after a 426",
        run: |stage| ipptool(stage, &[]),
    },
    Row {
        client: "CUPS `ipptool -E`",
        needs: &["ipptool"],
        asks: "in-band TLS, at once",
        run: |stage| ipptool(stage, &["-E"]),
    },
    Row {
        client: "CUPS `ipptool -T 10`",
        needs: &["ipptool"],
        asks: "in-band TLS, after a 426",
        run: |stage| ipptool(stage, &["-T", "10"]),
    },
    Row {
        client: "CUPS `lpstat -E`",
        needs: &["lpstat"],
        asks: "in-band TLS, at once",
        run: |stage| {
            let home = Scratch::new();
            let server = format!("localhost:{}", stage.gateway.http().port());
            let output = cups("lpstat", &["-E", "-h", &server, "-e"], &home);
            format!("lists the printer: {}", output.stdout.trim() == "upshift")
        },
    },
];

const QUESTION: &str = "{
  NAME \"what it is\"
  OPERATION Get-Printer-Attributes
  GROUP operation-attributes-tag
  ATTR charset attributes-charset utf-8
  ATTR naturalLanguage attributes-natural-language en
  ATTR uri printer-uri $uri
  STATUS successful-ok
}
";

fn ipptool(stage: &Stage, more: &[&str]) -> String {
    let home = Scratch::new();
    let question = home.file("question.test", QUESTION).to_string_lossy().into_owned();
    let path = format!("/ipp/print?{}", more.concat());
    let uri = format!("ipp://localhost:{}{path}", stage.gateway.http().port());
    let words: Vec<&str> =
        ["-t"].iter().chain(more).copied().chain([uri.as_str(), &question]).collect();
    let output = cups("ipptool", &words, &home);
    let arrived = stage.upstreams.seen().contains_key(&path);
    match output.code {
        // The rule lets nothing through that is in clear.
        0 => format!("`successful-ok`; the printer, which requires TLS, was reached: {arrived}"),
        code => format!("exit code {code}: {}", output.stdout.replace('\n', " ").trim()),
    }
}

/// CUPS keeps the certificates it has seen in the home folder.
fn cups(program: &str, words: &[&str], home: &Scratch) -> Output {
    let mut command = Command::new(program);
    command.args(words).env("HOME", home.path()).env_remove("CUPS_SERVER");
    Output::of(command)
}
