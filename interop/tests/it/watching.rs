//! `serve --watch` sees every change that SIGHUP would read, however a file is put in its place.
//!
//! A watch can silently go blind: links in the path, folders that are replaced, files that are
//! mounted. Each test changes the policy in such a way, and the change has to be in force within
//! seconds, without a signal.

use std::fs::{copy, create_dir_all, remove_dir_all, rename, write};
use std::net::SocketAddr;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use interop::{Certificate, Program, Scratch, binary, free_port, pause, run, skip};

/// A gateway that runs in a folder with `--watch`, and has to see changes there.
struct Watcher {
    folder: Scratch,
    program: Option<Program>,
    ports: [SocketAddr; 2],
}

impl Watcher {
    fn new() -> Self {
        Self { folder: Scratch::new(), program: None, ports: [free_port(), free_port()] }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A policy whose one rule has this id, and more lines in `[gateway]`.
    fn policy(&self, id: &str, more: &str) -> String {
        let [http, https] = self.ports;
        format!(
            "[gateway]\nhttp = \"{http}\"\nhttps = \"{https}\"\nadmin = false\nstore = false\n\
             upstream = \"http://127.0.0.1:9\"\n{more}\n[[rule]]\nid = \"{id}\"\n\
             require = {{ http = \"2\" }}\n"
        )
    }

    /// Writes a policy in place, in a folder that is made for it.
    fn put(&self, name: &str, id: &str) {
        let path = self.path(name);
        create_dir_all(path.parent().unwrap_or(&path)).expect("a writable folder");
        write(path, self.policy(id, "")).expect("a writable file");
    }

    /// Replaces a policy by another file, as editors do.
    fn replace(&self, name: &str, id: &str) {
        self.put("new.toml", id);
        rename(self.path("new.toml"), self.path(name)).expect("a writable folder");
    }

    /// Sets a link, as `ln -sfn` does: it is never missing.
    fn link(&self, name: &str, to: &str) {
        let new = self.path("new-link");
        symlink(to, &new).expect("a writable folder");
        rename(new, self.path(name)).expect("a writable folder");
    }

    fn serve(&mut self, file: &str) {
        let mut command = Command::new(binary());
        command.args(["serve", "--watch", "--config", file]).current_dir(self.folder.path());
        for variable in ["UPSHIFT_CONFIG", "UPSHIFT_TOKEN", "RUST_LOG"] {
            command.env_remove(variable);
        }
        command.env("NO_COLOR", "1");
        let mut program = Program::start(command);
        program.wait_for("start", |lines| {
            lines.iter().any(|line| line.starts_with("policy ")).then_some(())
        });
        self.program = Some(program);
    }

    fn lines(&self) -> Vec<String> {
        self.program.as_ref().map(Program::lines).unwrap_or_default()
    }

    /// Waits for a line that has `said` in it, after the first `from` lines.
    #[track_caller]
    fn says(&mut self, said: &str, from: usize) {
        let program = self.program.as_mut().expect("a running gateway");
        program.wait_for(said, |lines| {
            lines.iter().skip(from).any(|line| line.contains(said)).then_some(())
        });
    }

    /// Waits until a reload reports the rule with this id.
    #[track_caller]
    fn takes_up(&mut self, id: &str) {
        self.says(&format!("rule {id}: added"), 0);
    }

    fn reloads(&self) -> usize {
        self.lines().iter().filter(|line| line.contains("reloaded")).count()
    }
}

/// Waits longer than it takes to see a change.
fn wait_in_vain() {
    for _ in 0..200 {
        pause();
    }
}

#[test]
fn a_link_to_a_folder_is_swapped() {
    let mut watcher = Watcher::new();
    watcher.put("r1/u.toml", "one");
    watcher.put("r2/u.toml", "two");
    watcher.link("current", "r1");
    watcher.serve("current/u.toml");
    watcher.link("current", "r2");
    watcher.takes_up("two");
    watcher.replace("current/u.toml", "three");
    watcher.takes_up("three");
    let before = watcher.reloads();
    watcher.put("r1/u.toml", "old");
    wait_in_vain();
    assert_eq!(
        watcher.reloads(),
        before,
        "a release that is no longer current: {:?}",
        watcher.lines()
    );
}

#[test]
fn the_folder_of_the_policy_is_replaced() {
    let mut watcher = Watcher::new();
    watcher.put("cfg/u.toml", "one");
    watcher.put("cfg2/u.toml", "two");
    watcher.serve("cfg/u.toml");
    rename(watcher.path("cfg"), watcher.path("old")).expect("a folder");
    rename(watcher.path("cfg2"), watcher.path("cfg")).expect("a folder");
    watcher.takes_up("two");
    remove_dir_all(watcher.path("cfg")).expect("a folder");
    wait_in_vain();
    assert_eq!(watcher.reloads(), 1, "what is away is not loaded: {:?}", watcher.lines());
    watcher.put("cfg/u.toml", "three");
    watcher.takes_up("three");
    watcher.put("cfg/u.toml", "four");
    watcher.takes_up("four");
}

#[test]
fn the_policy_is_a_link_to_a_file_in_another_folder() {
    let mut watcher = Watcher::new();
    watcher.put("repo/u.toml", "one");
    create_dir_all(watcher.path("etc")).expect("a writable folder");
    watcher.link("etc/u.toml", "../repo/u.toml");
    watcher.serve("etc/u.toml");
    watcher.put("repo/u.toml", "two");
    watcher.takes_up("two");
    watcher.replace("repo/u.toml", "three");
    watcher.takes_up("three");
}

/// The policy is a mounted file, as in a container, and is edited on the host.
#[test]
fn the_policy_is_a_mounted_file_that_is_edited_outside() {
    let mut watcher = Watcher::new();
    watcher.put("host/u.toml", "one");
    watcher.put("inside/u.toml", "none");
    let [host, inside] =
        ["host/u.toml", "inside/u.toml"].map(|name| watcher.path(name).display().to_string());
    let mounted = run("mount", &["--bind", &host, &inside]);
    if mounted.code != 0 {
        skip("the_policy_is_a_mounted_file_that_is_edited_outside", &mounted.stderr);
        return;
    }
    let _mounted = Mounted(inside);
    watcher.serve("inside/u.toml");
    watcher.put("host/u.toml", "two");
    watcher.takes_up("two");
}

struct Mounted(String);

impl Drop for Mounted {
    fn drop(&mut self) {
        run("umount", &["--lazy", &self.0]);
    }
}

/// Puts a certificate and its key into a folder, in place of what is there.
fn place(certificate: &Certificate, folder: &Path) {
    create_dir_all(folder).expect("a writable folder");
    copy(certificate.file(), folder.join("c.pem")).expect("a writable folder");
    copy(certificate.key(), folder.join("k.pem")).expect("a writable folder");
}

/// Returns true if a client that trusts this certificate only gets an answer.
fn shows(watcher: &Watcher, certificate: &Certificate) -> bool {
    let url = format!("https://{}/", watcher.ports[1]);
    let trusted = certificate.file().display().to_string();
    run("curl", &["--silent", "--output", "/dev/null", "--cacert", &trusted, &url]).code == 0
}

#[track_caller]
fn comes_to_show(watcher: &Watcher, certificate: &Certificate) {
    for _ in 0..500 {
        if shows(watcher, certificate) {
            return;
        }
        pause();
    }
    panic!("the new certificate is not shown: {:?}", watcher.lines());
}

#[test]
fn a_certificate_is_behind_a_link() {
    interop::peers!("curl");
    let mut watcher = Watcher::new();
    let [first, second, third] = [(); 3].map(|()| Certificate::new());
    place(&first, &watcher.path("r1"));
    place(&second, &watcher.path("r2"));
    watcher.link("live", "r1");
    let tls = "tls = { certificate = \"live/c.pem\", key = \"live/k.pem\" }";
    write(watcher.path("u.toml"), watcher.policy("one", tls)).expect("a writable file");
    watcher.serve("u.toml");
    assert!(shows(&watcher, &first));
    watcher.link("live", "r2");
    comes_to_show(&watcher, &second);
    place(&third, &watcher.path("r2"));
    comes_to_show(&watcher, &third);
}

/// Every file that the policy names is watched: the token, the authorities of an upstream, and
/// files that do not exist yet when the policy names them.
#[test]
fn every_file_that_the_policy_names_is_watched() {
    let mut watcher = Watcher::new();
    watcher.folder.file("token", "the first token of all");
    watcher.put("u.toml", "one");
    let certificate = Certificate::new();
    let rest = "admin-token = \"file:token\"\n[[upstream]]\npaths = [\"/x/**\"]\n\
        addresses = [\"https://127.0.0.1:9\"]\nca = \"ca.pem\"\n";
    watcher.serve("u.toml");
    write(watcher.path("u.toml"), watcher.policy("two", rest)).expect("a writable file");
    watcher.says("was not reloaded", 0);
    copy(certificate.file(), watcher.path("ca.pem")).expect("a writable folder");
    watcher.takes_up("two");
    for (name, content) in
        [("token", b"another token instead".to_vec()), ("ca.pem", read(certificate.file()))]
    {
        let before = watcher.lines().len();
        watcher.folder.file(name, content);
        watcher.says("u.toml reloaded", before);
    }
}

fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).expect("a file")
}

/// A file that is written slowly is read only when it is complete.
#[test]
fn a_slow_write_is_not_read_half() {
    let mut watcher = Watcher::new();
    watcher.put("u.toml", "one");
    watcher.serve("u.toml");
    let text = watcher.policy("two", "");
    for end in (10..text.len()).step_by(20).chain([text.len()]) {
        write(watcher.path("u.toml"), &text[..end]).expect("a writable file");
        for _ in 0..10 {
            pause();
        }
    }
    watcher.takes_up("two");
    let refused = watcher.lines().iter().any(|line| line.contains("was not reloaded"));
    assert!(!refused && watcher.reloads() == 1, "{:?}", watcher.lines());
}

/// A policy that is removed under a running gateway is reported as removed, without the advice for
/// one that was never written.
#[test]
fn a_policy_that_is_removed_is_reported_as_such() {
    let mut watcher = Watcher::new();
    watcher.put("u.toml", "one");
    watcher.serve("u.toml");
    std::fs::remove_file(watcher.path("u.toml")).expect("a file");
    watcher.says("u.toml cannot be found: the last good policy stays in force", 0);
    watcher.program.as_ref().expect("a running gateway").signal("HUP");
    watcher.says("was not reloaded", 0);
    assert!(!watcher.lines().join("\n").contains("upshift init"), "{:?}", watcher.lines());
    watcher.put("u.toml", "two");
    watcher.takes_up("two");
}
