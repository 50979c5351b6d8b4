//! `upshift init`: the first policy file, which has to be valid and to start a gateway as it is.

use std::path::Path;
use std::process::Command;

use interop::{Program, Scratch, binary, peers, run, script, skip, upshift};

/// Flags for `init`, and the text that the file has to contain.
const FILES: [(&[&str], &[&str]); 11] = [
    (&[], &["upstream = \"http://127.0.0.1:9\"", "# [[rule]]"]),
    (&["--tls"], &["tls = \"1.2\"", "https    = \"127.0.0.1:8443\"", "phase   = \"observe\""]),
    (&["--tls=1.3", "--phase", "warn"], &["tls = \"1.3\"", "phase   = \"warn\""]),
    (
        &["--api", "header:X-Api-Version=2.0", "--api", "query:version=2026-12-01"],
        &["header:X-Api-Version", "id      = \"api-version-2\"", "scheme = \"date\""],
    ),
    (
        &["--client", "AcmeApp=5.1", "--client", "Chrome=109"],
        &["AcmeApp = \"5.1\", Chrome = \"109\"", "user-agent"],
    ),
    (
        &[
            "--tls",
            "--public",
            "https://api.example.com",
            "--http",
            "0.0.0.0:8080",
            "--phase",
            "enforce",
        ],
        &["public   = \"https://api.example.com\"", "http     = \"0.0.0.0:8080\""],
    ),
    (&["--api", "path:/api/v{version}/**=2", "--client", "odd.name=1"], &["\"odd.name\" = \"1\""]),
    (&["--client", "Internet Explorer=11"], &["\"Internet Explorer\" = \"11\""]),
    (&["--upstream", "http://127.0.0.1:8080", "--tls"], &["http     = \"127.0.0.1:8081\""]),
    (&["--upstream", "http://localhost:8443", "--tls"], &["https    = \"127.0.0.1:8444\""]),
    (
        &["--upstream", "http://127.0.0.1:9426", "--http", "127.0.0.1:9427"],
        &["admin    = \"127.0.0.1:9428\""],
    ),
];

/// A file that `init` writes passes `check` without warnings. `init -` prints one of the same
/// length.
#[test]
fn what_is_written_is_valid_without_warnings() {
    for (flags, expected) in FILES {
        let folder = Scratch::new();
        let file = folder.path().join("upshift.toml");
        let text = written(&file, flags);
        for part in expected {
            assert!(text.contains(part), "{flags:?} did not write {part}:\n{text}");
        }
        let output = upshift(&["check", "--deny-warnings", &file.to_string_lossy()]);
        assert_eq!(output.code, 0, "{flags:?}: {output:?}\n{text}");
        let printed = upshift(&[&["init", "-"], &with_upstream(flags)[..]].concat()).ok();
        assert_eq!(printed.lines().count(), text.lines().count(), "- prints the same");
    }
}

/// A file that `init` writes starts a gateway, and does not merely pass `check`.
#[test]
fn what_is_written_starts() {
    let everything = ["--tls", "--api", "header:X-Api-Version=2.0", "--client", "AcmeApp=5.1"];
    let anywhere = ["--http", "127.0.0.1:0", "--https", "127.0.0.1:0", "--admin", "127.0.0.1:0"];
    let folder = Scratch::new();
    let file = folder.path().join("upshift.toml");
    written(&file, &[&everything[..], &anywhere].concat());
    let mut command = Command::new(binary());
    command
        .arg("serve")
        .current_dir(folder.path())
        .env("NO_COLOR", "1")
        .env_remove("UPSHIFT_CONFIG");
    let mut program = Program::start(command);
    program.wait_for("policy in force", |lines| {
        lines
            .iter()
            .find(|line| line.starts_with("policy ") && line.contains("3 observe"))
            .map(drop)
    });
    program.signal("TERM");
    assert_eq!(program.ended(), 0);
}

/// An existing file is overwritten only with `--force`, so that no work is lost.
#[test]
fn a_file_that_is_there_is_left_alone_unless_forced() {
    let folder = Scratch::new();
    let file = folder.file("upshift.toml", "precious").to_string_lossy().into_owned();
    let words = ["init", &file, "--upstream", "http://127.0.0.1:9"];
    let output = upshift(&words);
    assert_eq!((output.code, read(Path::new(&file)).as_str()), (2, "precious"), "{output:?}");
    assert!(
        output.stderr.contains("exists and was not changed") && output.stderr.contains("--force"),
        "{output:?}"
    );
    assert_eq!(upshift(&[&words[..], &["--force"]].concat()).code, 0);
    assert!(read(Path::new(&file)).contains("[gateway]"));
}

/// A wrong flag is refused with an error that says what is right, and no file is written.
#[test]
fn wrong_flags_are_explained_and_nothing_is_written() {
    let wrong: [(&[&str], &str); 12] = [
        (&[], "--upstream http://127.0.0.1:3000"),
        (&["--tls"], "--upstream http://127.0.0.1:3000"),
        (&["--upstream", "localhost:3000"], "http://"),
        (&["--upstream", "http://127.0.0.1:9", "--tls=1.4"], "1.3"),
        (
            &["--upstream", "http://127.0.0.1:9", "--api", "X-Api-Version"],
            "header:X-Api-Version=2.0",
        ),
        (&["--upstream", "http://127.0.0.1:9", "--client", "AcmeApp"], "AcmeApp=5.1"),
        (&["--upstream", "http://127.0.0.1:9", "--http", "8080"], "--http"),
        (&["--upstream", "http://127.0.0.1:9", "--certificate", "server.pem"], "--key"),
        (&["--upstream", "http://127.0.0.1:9", "--https", "0.0.0.0:8443"], "--certificate"),
        (&["--upstream", "http://127.0.0.1:9", "--http", "127.0.0.1:9"], "the gateway itself"),
        (
            &["--upstream", "http://127.0.0.1:9", "--client", "A=5", "--client", "A=6"],
            "A is named twice",
        ),
        (&["--upstream", "http://127.0.0.1:9", "--output", "other.toml"], "cannot be used with"),
    ];
    for (flags, said) in wrong {
        let folder = Scratch::new();
        let file = folder.path().join("upshift.toml");
        let output = upshift(&[&["init", &file.to_string_lossy()], flags].concat());
        assert_eq!(output.code, 2, "{flags:?}: {output:?}");
        assert!(output.stderr.contains(said), "{flags:?} does not lead to {said}: {output:?}");
        assert!(!file.exists(), "{flags:?} wrote a file");
    }
    let output =
        upshift(&["init", "/no/such/folder/upshift.toml", "--upstream", "http://127.0.0.1:9"]);
    assert_eq!(output.code, 3, "{output:?}");
}

/// The error for a missing policy file leads to `upshift init`. `serve` and `check` are what people
/// try first.
#[test]
fn a_missing_policy_file_leads_to_init() {
    let folder = Scratch::new();
    let file = folder.path().join("upshift.toml").to_string_lossy().into_owned();
    for words in
        [&["serve", "--config", &file][..], &["check", &file], &["plan", "--config", &file]]
    {
        let output = upshift(words);
        assert_eq!(output.code, 2, "{output:?}");
        assert!(output.stderr.contains("upshift init"), "{words:?}: {output:?}");
    }
}

/// The file that `init` writes with these flags.
fn written(file: &Path, flags: &[&str]) -> String {
    let name = file.to_string_lossy();
    let output = upshift(&[&["init", &name], &with_upstream(flags)[..]].concat());
    assert_eq!(output.code, 0, "{flags:?}: {output:?}");
    read(file)
}

/// The flags, with an upstream unless they name one.
fn with_upstream<'a>(flags: &[&'a str]) -> Vec<&'a str> {
    let upstream: &[&str] =
        if flags.contains(&"--upstream") { &[] } else { &["--upstream", "http://127.0.0.1:9"] };
    [upstream, flags].concat()
}

fn read(file: &Path) -> String {
    std::fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// `init` asks its questions on a real terminal, which the unit tests do not have. It asks none if
/// the file exists.
#[test]
fn on_a_terminal_it_asks() {
    peers!("python packages");
    let folder = Scratch::new();
    let (place, program) =
        (folder.path().to_string_lossy().into_owned(), binary().to_string_lossy().into_owned());
    let lines =
        ["http://127.0.0.1:9", "", "perhaps", "yes", "header:X-Api-Version=2.0", "AcmeApp=5.1"];
    let output =
        script("terminal.py", &[&[&place[..], &program, "init", "--"][..], &lines].concat());
    assert_eq!(output.code, 0, "{output:?}");
    assert!(output.stdout.contains("expected yes or no"), "{output:?}");
    let text = read(&folder.path().join("upshift.toml"));
    for part in ["http://127.0.0.1:9", "tls = \"1.2\"", "header:X-Api-Version", "AcmeApp = \"5.1\""]
    {
        assert!(text.contains(part), "{part} was answered, and is not in the file:\n{text}");
    }
    let output = script("terminal.py", &[&place, &program, "init", "--"]);
    assert_eq!(output.code, 2, "asked although the file is there: {output:?}");
}

/// A full disk leaves the old file as it is, and no partial new one.
#[test]
fn a_full_disk_costs_nothing_of_the_old_file() {
    let folder = Scratch::new();
    let place = folder.path().to_string_lossy().into_owned();
    let mounted = run("mount", &["-t", "tmpfs", "-o", "size=12k", "tmpfs", &place]);
    if mounted.code != 0 {
        skip("a_full_disk_costs_nothing_of_the_old_file", &mounted.stderr);
        return;
    }
    let old = folder.file("upshift.toml", "precious").to_string_lossy().into_owned();
    run("dd", &["if=/dev/zero", &format!("of={place}/filler"), "bs=4k"]);
    let output = upshift(&["init", &old, "--force", "--upstream", "http://127.0.0.1:9", "--tls"]);
    assert_eq!((output.code, read(Path::new(&old)).as_str()), (3, "precious"), "{output:?}");
    let new = format!("{place}/new.toml");
    let output = upshift(&["init", &new, "--upstream", "http://127.0.0.1:9", "--tls"]);
    assert_eq!(output.code, 3, "{output:?}");
    let left = std::fs::read_dir(folder.path()).into_iter().flatten().flatten();
    let mut names: Vec<_> =
        left.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    run("umount", &["--lazy", &place]);
    assert_eq!(names, ["filler", "upshift.toml"]);
}

/// `--force` replaces the content only: a symbolic link stays a link, and its target keeps its
/// permissions.
#[test]
fn a_forced_file_stays_where_it_is_and_as_secret() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let folder = Scratch::new();
    let target = folder.file("target.toml", "old");
    std::fs::set_permissions(&target, std::fs::Permissions::from_mode(0o600)).expect("a file");
    let link = folder.path().join("link.toml");
    symlink("target.toml", &link).expect("a writable folder");
    written(&link, &["--force"]);
    assert!(link.is_symlink() && read(&target).contains("[gateway]"));
    assert_eq!(target.metadata().expect("a file").permissions().mode() & 0o777, 0o600);
}

/// `init` says what has to exist before `serve`: a certificate, a key, and the variable of the
/// admin token.
#[test]
fn what_has_to_be_there_before_serve_is_said() {
    let folder = Scratch::new();
    let file = folder.path().join("upshift.toml").to_string_lossy().into_owned();
    let words = [
        "init",
        &file,
        "--upstream",
        "http://127.0.0.1:9",
        "--certificate",
        "no.pem",
        "--key",
        "no.key",
    ];
    let output =
        upshift(&[&words[..], &["--http", "0.0.0.0:8080", "--admin", "0.0.0.0:9426"]].concat());
    assert_eq!(output.code, 0, "{output:?}");
    for said in ["note: ", "no.pem", "no.key", "UPSHIFT_TOKEN"] {
        assert!(output.stderr.contains(said), "{said}: {output:?}");
    }
    let text = read(Path::new(&file));
    assert!(text.contains("admin-token = \"env:UPSHIFT_TOKEN\""), "{text}");
    assert!(
        text.contains("https    = \"0.0.0.0:8443\""),
        "a certificate is for others as well:\n{text}"
    );
    let offline = upshift(&["check", "--offline", "--deny-warnings", &file]);
    assert_eq!(offline.code, 0, "{offline:?}");
}

/// The commands in the file can be typed as they stand there, for a file of any name.
#[test]
fn a_file_of_any_name_says_how_it_is_checked() {
    let folder = Scratch::new();
    for (name, command) in [
        ("a-rather-long-name.toml", "upshift serve --config a-rather-long-name.toml --watch  run"),
        ("my file.toml", "upshift check 'my file.toml'  "),
    ] {
        let mut words = std::process::Command::new(binary());
        words.args(["init", name, "--upstream", "http://127.0.0.1:9"]).current_dir(folder.path());
        let output = interop::Output::of(words);
        assert_eq!(output.code, 0, "{output:?}");
        let text = read(&folder.path().join(name));
        let words: Vec<&str> = text.split_whitespace().collect();
        let expected: Vec<&str> = command.split_whitespace().collect();
        assert!(
            words.windows(expected.len()).any(|window| window == expected),
            "{command}:\n{text}"
        );
    }
}

/// `check --json` prints a report even if it cannot read the file.
#[test]
fn a_file_that_cannot_be_read_is_a_report_as_well() {
    let folder = Scratch::new();
    let latin = folder.file("latin.toml", b"# \xe4\n").to_string_lossy().into_owned();
    let missing = folder.path().join("missing.toml").to_string_lossy().into_owned();
    let is_a_folder = folder.path().to_string_lossy().into_owned();
    for file in [latin, missing, is_a_folder] {
        let output = upshift(&["check", "--json", &file]);
        let report: serde_json::Value = serde_json::from_str(&output.stdout).unwrap_or_default();
        assert_eq!(
            (output.code, &report["valid"]),
            (2, &serde_json::Value::Bool(false)),
            "{output:?}"
        );
        let message = report["errors"][0]["message"].as_str().unwrap_or_default();
        assert!(message.contains("cannot read") && message.contains(&file), "{output:?}");
    }
}
