//! README and the docs as printed: every command is run and every policy is checked, page by page
//! and in the order of the page.
//!
//! A command is run as a person types it, except that unusual ports keep the tests from colliding.
//! The lines below a command, up to a line with `…`, must appear in its output; digits may differ.
//! The info string of a block says what the page cannot: `with=FILE` puts a policy there,
//! `serve=FILE` starts a gateway with it, `exit=2` is the expected exit code, and `skip="…"` is the
//! reason why the block is not run.

use std::path::{Path, PathBuf};
use std::process::Command;

use interop::{Output, Program, Scratch, binary, free_port, peers, upshift};

/// The number of blocks that are not run, over all pages. It has to be raised here for each new
/// one.
const SKIPPED: usize = 16;

/// Every command and every policy in README and the docs works as printed.
#[test]
fn every_command_and_every_policy_works_as_printed() {
    peers!("curl");
    let (mut ran, mut skipped) = (0, 0);
    for page in pages() {
        let mut reader = Reader::new(&page);
        for block in blocks(&page) {
            match block.language.as_str() {
                _ if block.attribute("skip").is_some_and(|why| why.len() > 10) => skipped += 1,
                "console" => ran += reader.type_in(&block),
                "toml" if block.info.contains("scenario") => ran += reader.play(&block),
                "toml" if block.info.contains("suite") => ran += reader.plan(&block),
                "toml" => ran += reader.check(&block),
                // The tests of the mock run these with pytest and node:test.
                "python" | "js" => {}
                // Lines of output without the command.
                "text" => {}
                // A message to look at, not to type. The tests of the answers cover it.
                "http" => {}
                // A systemd unit. The tests of restarts cover what it relies on.
                "ini" => {}
                other => panic!(
                    "{}: a block of `{other}` is not run: name it here, or say skip=\"why\"",
                    block.place
                ),
            }
        }
    }
    assert!(ran >= 15, "only {ran} commands and policies were found");
    assert_eq!(skipped, SKIPPED, "blocks that are not run");
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// README and docs, without the page that is generated from the help.
fn pages() -> Vec<PathBuf> {
    let folder = std::fs::read_dir(root().join("docs")).into_iter().flatten().flatten();
    let book = folder
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "md"));
    let mut pages: Vec<PathBuf> = book.filter(|path| !path.ends_with("command-line.md")).collect();
    pages.sort();
    pages.insert(0, root().join("README.md"));
    pages
}

/// A fenced block.
struct Block {
    language: String,
    info: String,
    lines: Vec<String>,
    place: String,
}

impl Block {
    /// `name=value` or `name="value"` in the info string.
    fn attribute(&self, name: &str) -> Option<&str> {
        let rest = self.info.split_once(&format!("{name}="))?.1;
        match rest.strip_prefix('"') {
            Some(quoted) => quoted.split('"').next(),
            None => rest.split(' ').next(),
        }
    }

    /// Each command, with the lines below it.
    fn commands(&self) -> Vec<(&str, Vec<&str>)> {
        let mut commands: Vec<(&str, Vec<&str>)> = Vec::new();
        for line in &self.lines {
            match (line.strip_prefix("$ "), commands.last_mut()) {
                (Some(command), _) => commands.push((command, Vec::new())),
                (None, Some((_, shown))) => shown.push(line),
                (None, None) => panic!("{}: {line} stands before any command", self.place),
            }
        }
        commands
    }
}

fn blocks(page: &Path) -> Vec<Block> {
    let text =
        std::fs::read_to_string(page).unwrap_or_else(|error| panic!("{}: {error}", page.display()));
    let mut blocks: Vec<Block> = Vec::new();
    let mut open = false;
    for (number, line) in text.lines().enumerate() {
        match (open, line.strip_prefix("```")) {
            (false, Some(info)) => {
                let language = info.split([' ', ',']).next().unwrap_or_default().to_owned();
                let place = format!("{}:{}", page.display(), number + 1);
                blocks.push(Block { language, info: info.to_owned(), lines: Vec::new(), place });
                open = true;
            }
            (true, Some(_)) => open = false,
            (true, None) => {
                blocks.last_mut().into_iter().for_each(|block| block.lines.push(line.to_owned()));
            }
            (false, None) => {}
        }
    }
    blocks
}

/// A reader who follows a page, in a folder of its own.
struct Reader {
    folder: Scratch,
    /// The program that runs in the other terminal.
    running: Option<Program>,
    ports: Vec<(&'static str, String)>,
}

impl Reader {
    fn new(page: &Path) -> Self {
        let folder = Scratch::new();
        std::os::unix::fs::symlink(root().join("examples"), folder.path().join("examples"))
            .unwrap_or_else(|error| panic!("{}: {error}", page.display()));
        let ports =
            ["8080", "8443", "9426"].map(|usual| (usual, free_port().port().to_string())).to_vec();
        Self { folder, running: None, ports }
    }

    fn check(&self, block: &Block) -> usize {
        let file = self.folder.file("printed.toml", block.lines.join("\n"));
        let output = upshift(&["check", "--offline", &file.to_string_lossy()]);
        assert_eq!(output.code, 0, "{}: {}", block.place, output.stderr);
        1
    }

    /// A scenario of the mock is read, and played for a moment.
    fn play(&self, block: &Block) -> usize {
        let file = self.folder.file("printed_scenario.toml", block.lines.join("\n"));
        let output = upshift(&["mock", "--for", "1ms", &file.to_string_lossy()]);
        assert_eq!(output.code, 0, "{}: {}", block.place, output.stderr);
        1
    }

    /// A suite is read and planned.
    fn plan(&self, block: &Block) -> usize {
        let file = self.folder.file("printed.upshift.toml", block.lines.join("\n"));
        let output = upshift(&["test", "--dry-run", &file.to_string_lossy()]);
        assert_eq!(output.code, 0, "{}: {}", block.place, output.stderr);
        1
    }

    fn type_in(&mut self, block: &Block) -> usize {
        if let Some(file) = block.attribute("with").or(block.attribute("serve")) {
            let policy = std::fs::read_to_string(root().join(file))
                .unwrap_or_else(|error| panic!("{file}: {error}"));
            self.folder.file("upshift.toml", policy);
        }
        if block.attribute("serve").is_some() {
            self.start("upshift serve", block);
        }
        let code = block.attribute("exit").map_or(0, |code| code.parse().unwrap_or(-1));
        let commands = block.commands();
        for (command, shown) in &commands {
            let printed = if is_endless(command) {
                self.start(command, block)
            } else {
                self.run(command, code, block)
            };
            let printed = plain(&printed);
            for line in shown
                .iter()
                .take_while(|line| line.trim() != "…")
                .filter(|line| !line.trim().is_empty())
            {
                assert!(
                    printed.contains(&plain(line)),
                    "{}: {command} does not print {line}:\n{printed}",
                    block.place
                );
            }
        }
        commands.len()
    }

    fn run(&self, command: &str, code: i32, block: &Block) -> String {
        let output = Output::of(self.shell(command));
        assert_eq!(output.code, code, "{}: {command}: {output:?}", block.place);
        output.stdout + &output.stderr
    }

    /// Starts a command that runs until it is stopped, in place of the one before. Returns what it
    /// prints at first.
    fn start(&mut self, command: &str, block: &Block) -> String {
        self.running = None;
        let mut program = Program::start(self.shell(&format!("exec {command}")));
        let ready = match command.split_whitespace().nth(1) {
            Some("demo") => " admitted",
            Some("mock") => "http://",
            _ => "policy sha256",
        };
        program.wait_for(&format!("`{ready}` from {} ({command})", block.place), |lines| {
            lines.iter().find(|line| line.contains(ready)).map(drop)
        });
        let lines = program.lines();
        self.running = Some(program);
        if command.contains("demo") {
            self.take_ports(&lines);
        }
        lines.join("\n")
    }

    /// Takes over the ports of the demo, which chooses others if the usual ones are taken.
    fn take_ports(&mut self, lines: &[String]) {
        let gateway = lines
            .iter()
            .find(|line| line.trim_start().starts_with("gateway"))
            .cloned()
            .unwrap_or_default();
        let mut found = gateway
            .split("127.0.0.1:")
            .skip(1)
            .map(|rest| rest.split(' ').next().unwrap_or_default());
        for index in [0, 1] {
            self.ports[index].1 = found.next().unwrap_or_default().to_owned();
        }
    }

    /// The command in this folder, with the ports of this reader in it and in the policy file.
    fn shell(&self, command: &str) -> Command {
        let file = self.folder.path().join("upshift.toml");
        if let Ok(policy) = std::fs::read_to_string(&file) {
            self.folder.file("upshift.toml", self.with_ports(&policy));
        }
        let programs = binary().parent().map(Path::to_path_buf).unwrap_or_default();
        let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap_or_default());
        let mut shell = Command::new("sh");
        shell.args(["-c", &self.with_ports(command)]).current_dir(self.folder.path());
        shell
            .env("PATH", path)
            .env("NO_COLOR", "1")
            .env("UPSHIFT_ADMIN", self.with_ports("http://127.0.0.1:9426"));
        for variable in ["UPSHIFT_CONFIG", "UPSHIFT_TOKEN", "RUST_LOG"] {
            shell.env_remove(variable);
        }
        shell
    }

    fn with_ports(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (usual, other) in &self.ports {
            text = text.replace(&format!("127.0.0.1:{usual}"), &format!("127.0.0.1:{other}"));
        }
        text
    }
}

/// Returns true if a command runs until it is stopped.
fn is_endless(command: &str) -> bool {
    let words: Vec<&str> = command.split_whitespace().take(2).collect();
    let mut flags = command.split_whitespace();
    let has_end = flags.any(|word| ["--list", "--show", "--for", "--requests"].contains(&word));
    words == ["upshift", "serve"]
        || words == ["upshift", "demo"]
        || (words == ["upshift", "mock"] && !has_end)
}

/// The text without what differs from run to run: digits, and the width of white space.
fn plain(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let mut plain = String::new();
    for character in words.join(" ").chars() {
        match character {
            '0'..='9' if plain.ends_with('#') => {}
            '0'..='9' => plain.push('#'),
            other => plain.push(other),
        }
    }
    plain
}
