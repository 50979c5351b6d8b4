//! The files that a policy names: `check` finds one that a start cannot use, and a reload refuses
//! it. One that cannot be read in time blocks nothing.

use std::path::Path;
use std::time::{Duration, Instant};

use interop::{Certificate, Gateway, Origin, Program, Scratch, peers, python_server, run, upshift};

use crate::reloads::{RULE, good, reload, status};

/// Checks that `check`, a start and a reload of a running gateway refuse the lines with these
/// words, and that `check --offline` accepts them.
#[track_caller]
fn is_refused(gateway: &mut Gateway, lines: &str, rest: &str, said: &[&str], code: i32) {
    let before = good(gateway);
    let text = before.replace("#more", lines) + rest;
    let folder = Scratch::new();
    let file = folder.file("upshift.toml", &text).display().to_string();
    let checked = upshift(&["check", &file]);
    let started = upshift(&["serve", "--config", &file]);
    let reloaded = reload(gateway, &text);
    for words in said {
        assert!(checked.stderr.contains(words), "check, {words}: {}", checked.stderr);
        assert!(started.stderr.contains(words), "serve, {words}: {}", started.stderr);
        assert!(reloaded.contains(words), "reload, {words}: {reloaded}");
    }
    assert_eq!((checked.code, started.code), (2, code), "{lines}");
    assert!(reloaded.contains("was not reloaded"), "{reloaded}");
    assert_eq!(status(gateway), 426, "the last good policy stays");
    let offline = upshift(&["check", "--offline", &file]);
    assert_eq!(offline.code, 0, "check --offline: {}", offline.stderr);
    std::fs::write(gateway.file(), before).expect("a writable file");
}

fn running(origin: &Origin) -> Gateway {
    Gateway::with(origin.address(), "#more", RULE, &[])
}

/// `check` and a reload find a store that cannot be read. `check` once called a file valid although
/// `serve` then ended with exit code 3.
#[test]
fn a_store_that_cannot_be_read_is_found_by_check_and_reload() {
    let (origin, folder) = (Origin::start(200, &[]), Scratch::new());
    let mut gateway = running(&origin);
    let garbage =
        folder.file("garbage.db", "this is no database, and long enough to be one".repeat(99));
    let (below, looping) = (folder.path().join("below"), folder.path().join("loop.db"));
    std::fs::create_dir(&below).expect("a writable folder");
    std::os::unix::fs::symlink(&looping, &looping).expect("a writable folder");
    for (store, why) in
        [(&garbage, "not a database"), (&below, "it is a folder"), (&looping, "symbolic links")]
    {
        let path = store.display().to_string();
        is_refused(
            &mut gateway,
            &format!("store = {store:?}"),
            "",
            &[&path, "`store` in [gateway]", why],
            3,
        );
    }
    let left: Vec<_> = std::fs::read_dir(folder.path())
        .expect("a folder")
        .flatten()
        .map(|entry| entry.file_name())
        .collect();
    assert!(
        left.iter().all(|name| !name.to_string_lossy().ends_with("-wal")),
        "nothing is made: {left:?}"
    );
}

/// `check` accepts a store that a running gateway has open.
#[test]
fn check_runs_beside_the_gateway_whose_store_it_reads() {
    let (origin, folder) = (Origin::start(200, &[]), Scratch::new());
    let store = format!("store = {:?}", folder.path().join("upshift.db"));
    let gateway = Gateway::with(origin.address(), &store, RULE, &[]);
    interop::upshift(&["pause", "modern", "--admin", &format!("http://{}", gateway.admin())]).ok();
    let checked = upshift(&["check", &gateway.file().display().to_string()]);
    assert_eq!(checked.code, 0, "{}", checked.stderr);
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).expect("a readable file")
}

/// A certificate and its key, for copies with a fault in them.
struct Pem {
    folder: Scratch,
    text: String,
    key: String,
}

impl Pem {
    fn new() -> Self {
        let (folder, made) = (Scratch::new(), Certificate::new());
        let key = folder.file("k.pem", read(made.key())).display().to_string();
        Self { folder, text: read(made.file()), key }
    }

    fn lines(&self, certificate: &str) -> String {
        let file = self.folder.file("c.pem", certificate);
        format!("tls = {{ certificate = {file:?}, key = {:?} }}", self.key)
    }
}

/// Every certificate in a file is read, not only the first. A second one that was invalid once
/// passed every check, and OpenSSL's clients then failed.
#[test]
fn every_certificate_of_a_file_is_read() {
    let (origin, pem) = (Origin::start(200, &[]), Pem::new());
    let mut gateway = running(&origin);
    let other = read(Certificate::new().file());
    let text = &pem.text;
    let label = "CERTIFICATE";
    let none = format!("{text}-----BEGIN {label}-----\nAAAA\n-----END {label}-----\n");
    let cut = format!("{text}{}", &other[..other.len() / 2]);
    let cut_early = format!("{text}-----");
    for (file, why) in [
        (none.clone(), "number 2"),
        (cut, "ends in the middle of a section (CERTIFICATE)"),
        (cut_early, "ends in the middle"),
        (format!("\u{feff}{text}"), "byte order mark"),
        (format!("{other}{text}"), "not the first of the file"),
    ] {
        is_refused(&mut gateway, &pem.lines(&file), "", &["c.pem", why], 2);
    }
    let authorities = pem.folder.file("ca.pem", none).display().to_string();
    let upstream = format!(
        "[[upstream]]\npaths = [\"/x\"]\naddresses = [\"https://127.0.0.1:9\"]\n\
         ca = {authorities:?}\n"
    );
    is_refused(&mut gateway, "", &upstream, &[&authorities, "number 2"], 2);
}

/// The status over TLS for a client that trusts this certificate only.
fn ask(url: &str, trusted: &str) -> String {
    let words = [
        "--silent",
        "--http1.1",
        "--cacert",
        trusted,
        "--output",
        "/dev/null",
        "--write-out",
        "%{http_code}",
        url,
    ];
    run("curl", &words).stdout
}

/// A listener that stays keeps its certificate. A reload of a file without `[gateway.tls]` once
/// swapped it for a self-signed one.
#[test]
fn a_listener_that_stays_keeps_its_certificate() {
    let (origin, pem) = (Origin::start(200, &[]), Pem::new());
    let tls = pem.lines(&pem.text);
    let mut gateway = Gateway::with(origin.address(), &tls, RULE, &[]);
    let trusted = pem.folder.file("trusted.pem", &pem.text).display().to_string();
    let url = gateway.secure_url("/");
    assert_eq!(ask(&url, &trusted), "426");
    let all = good(&gateway);
    let said = reload(&mut gateway, &all.replace(&tls, ""));
    assert!(said.contains("was not reloaded") && said.contains("[gateway.tls]"), "{said}");
    assert_eq!(ask(&url, &trusted), "426");
    // The listener is gone from the file as well: it stays until the restart, and so does its
    // certificate.
    let said =
        reload(&mut gateway, &all.replace(&tls, "").replace("https = \"127.0.0.1:0\"\n", ""));
    assert!(said.contains("gateway.https is still") && said.contains(" reloaded: "), "{said}");
    assert_eq!(ask(&url, &trusted), "426");
}

/// A token that is short or empty is refused, whether it comes from a file or from a variable. Such
/// tokens could once be of any length, unlike those in the policy file.
#[test]
fn a_short_token_is_refused_wherever_it_stands() {
    let (origin, folder) = (Origin::start(200, &[]), Scratch::new());
    let mut gateway = running(&origin);
    for (content, why) in [("abc\n", "too short"), ("", "is empty")] {
        let file = folder.file("token", content).display().to_string();
        is_refused(
            &mut gateway,
            &format!("admin-token = \"file:{file}\""),
            "",
            &["admin-token", &file, why],
            2,
        );
    }
    let text =
        folder.file("upshift.toml", good(&gateway).replace("#more", "admin-token = \"env:SHORT\""));
    for (value, why) in [("abc", "too short"), ("", "is empty")] {
        let words =
            format!("SHORT='{value}' {} check {}", interop::binary().display(), text.display());
        let checked = run("sh", &["-c", &words]);
        assert!(
            checked.code == 2 && checked.stderr.contains(why) && checked.stderr.contains("SHORT"),
            "{checked:?}"
        );
    }
}

/// A reload cannot remove the token of an admin listener that other machines can reach. Without it,
/// the listener would answer no call, and its operators would be locked out.
#[test]
fn the_token_of_an_exposed_admin_listener_cannot_be_lost() {
    let origin = Origin::start(200, &[]);
    let folder = Scratch::new();
    let text = format!(
        "[gateway]\nhttp = \"127.0.0.1:0\"\nhttps = \"127.0.0.1:0\"\nadmin = \"0.0.0.0:0\"\n\
         store = false\nupstream = \"http://{}\"\nadmin-token = \"a token of some length\"\n{RULE}",
        origin.address()
    );
    let file = folder.file("upshift.toml", &text);
    let mut command = std::process::Command::new(interop::binary());
    command.args(["serve", "--config"]).arg(&file);
    let mut program = Program::start(command);
    program.wait_for("start", |lines| {
        lines.iter().any(|line| line.contains("policy sha256")).then_some(())
    });
    let closed = text.replace("admin = \"0.0.0.0:0\"", "admin = \"127.0.0.1:0\"");
    std::fs::write(&file, closed.replace("admin-token = \"a token of some length\"\n", ""))
        .expect("a writable file");
    program.signal("HUP");
    program.wait_for("refusal", |lines| {
        lines.iter().any(|line| line.contains("was not reloaded")).then_some(())
    });
    assert!(
        program.lines().iter().any(|line| line.contains("admin-token")),
        "{:?}",
        program.lines()
    );
}

fn make_pipe(folder: &Scratch) -> String {
    let path = folder.path().join("pipe").display().to_string();
    run("mkfifo", &[&path]).ok();
    path
}

/// A pipe in place of a file is refused at once. One that nothing writes to once held up the
/// reload, and every signal after it.
#[test]
fn a_pipe_in_place_of_a_file_is_refused_at_once() {
    let (origin, pem) = (Origin::start(200, &[]), Pem::new());
    let mut gateway = running(&origin);
    let pipe = make_pipe(&pem.folder);
    let tls = format!("tls = {{ certificate = {pipe:?}, key = {:?} }}", pem.key);
    let token = format!("admin-token = \"file:{pipe}\"");
    for lines in [tls, token, format!("store = {pipe:?}")] {
        let code = if lines.starts_with("store") { 3 } else { 2 };
        is_refused(&mut gateway, &lines, "", &[&pipe, "regular file"], code);
    }
    let started = upshift(&["serve", "--config", &pipe]);
    assert!(started.code == 2 && started.stderr.contains("regular file"), "{started:?}");
    let file = gateway.file();
    let text = read(&file);
    std::fs::remove_file(&file).expect("a writable folder");
    run("mkfifo", &[&file.display().to_string()]).ok();
    let before = gateway.program().lines().len();
    gateway.program().signal("HUP");
    gateway.program().wait_for("refusal", |lines| {
        lines[before..].iter().any(|line| line.contains("was not reloaded")).then_some(())
    });
    std::fs::remove_file(&file).expect("a writable folder");
    let said = reload(&mut gateway, &text);
    assert!(said.contains(" reloaded: "), "{said}");
    // `check` reads its file only once, so it accepts a pipe.
    let words =
        format!("cat {} | {} check /dev/stdin", file.display(), interop::binary().display());
    assert_eq!(run("sh", &["-c", &words]).code, 0);
}

/// A regular file that does not answer, as on a disk that hangs, blocks no signal. The lease of
/// another process holds up the open here, as a network file system without its server does.
#[test]
fn a_file_that_does_not_answer_stops_no_signal() {
    peers!("python packages");
    let origin = Origin::start(200, &[]);
    let mut gateway = running(&origin);
    let holds = "import fcntl, os, signal, sys, time\nsignal.signal(signal.SIGIO, signal.SIG_IGN)\n\
        held = os.open(sys.argv[1], os.O_RDWR)\n\
        fcntl.fcntl(held, fcntl.F_SETLEASE, fcntl.F_WRLCK)\n\
        print('held')\ntime.sleep(600)";
    let mut holder = python_server(holds, &[&gateway.file().display().to_string()]);
    holder.wait_for("lease", |lines| lines.iter().any(|line| line == "held").then_some(()));
    gateway.program().signal("HUP");
    gateway.program().wait_for("word of it", |lines| {
        lines.iter().any(|line| line.contains("could not be read within")).then_some(())
    });
    assert_eq!(status(&gateway), 426, "the last good policy stays");
    gateway.program().signal("HUP");
    let begun = Instant::now();
    gateway.program().signal("TERM");
    assert_eq!(gateway.program().ended(), 0);
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
}
