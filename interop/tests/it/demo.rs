//! The commands that `upshift demo` prints, which people type next.

use std::process::Command;

use interop::{Output, Program, binary, peers, run};

/// A part of each command of the demo, the status that curl gets, and the exit code of our own
/// client for the same request: 0 where it could follow.
const COMMANDS: [(&str, &str, i32); 6] = [
    ("http://{http}/account", "426", 0),
    ("https://{https}/account", "200", 0),
    ("X-Api-Version: 1.4", "426", 1),
    ("/chat", "426", 1),
    ("AcmeApp/4.9", "426", 1),
    ("--http2-prior-knowledge", "200", 0),
];

/// Every curl command that the demo prints works when it is typed, and our own client can follow
/// our own refusals where that is possible.
#[test]
fn the_demo_s_commands_work_and_can_be_followed() {
    peers!("curl");
    let demo = Demo::start();
    assert_eq!(
        demo.commands("curl ").len(),
        COMMANDS.len(),
        "every command is in the table: {:?}",
        demo.lines
    );
    for (part, status, followed) in COMMANDS {
        let part = part.replace("{http}", &demo.http).replace("{https}", &demo.https);
        let mut commands = demo.commands("curl ").into_iter();
        let Some(command) = commands.find(|command| command.contains(&part)) else {
            panic!("no command with {part}")
        };
        let shown = shell(&command).ok();
        assert_eq!(shown.split(' ').nth(1), Some(status), "{command}:\n{shown}");

        let words = command.trim_start_matches("curl ").replace("-sik", "").replace("-si", "");
        let words = words
            .replace("--http2-prior-knowledge", "")
            .replace("-A AcmeApp", "-H User-Agent:AcmeApp");
        let followed_by = format!("upshift get -k {words}");
        let output = shell(&followed_by);
        assert_eq!(output.code, followed, "{followed_by}:\n{output:?}");
        assert_eq!(
            output.stdout.contains("Hello from the upstream"),
            followed == 0,
            "{followed_by}:\n{output:?}"
        );
    }
}

/// The `upshift get` commands that the demo prints reach the upstream.
#[test]
fn the_demo_s_own_client_follows() {
    let demo = Demo::start();
    let commands = demo.commands("upshift get");
    assert!(!commands.is_empty(), "{:?}", demo.lines);
    for command in commands {
        let output = shell(&command);
        assert_eq!(output.code, 0, "{command}: {output:?}");
        assert!(output.stdout.contains("Hello from the upstream"), "{command}: {output:?}");
    }
}

/// A demo that runs until this value is dropped.
struct Demo {
    _program: Program,
    lines: Vec<String>,
    http: String,
    https: String,
}

impl Demo {
    fn start() -> Self {
        let mut command = Command::new(binary());
        command.arg("demo").env("NO_COLOR", "1");
        let mut program = Program::start(command);
        program.wait_for("line of counts", |lines| {
            lines.iter().find(|line| line.contains(" admitted")).map(drop)
        });
        let lines = program.lines();
        let gateway = lines
            .iter()
            .find(|line| line.trim_start().starts_with("gateway"))
            .cloned()
            .unwrap_or_default();
        let address = |scheme: &str| {
            let rest = gateway.split_once(scheme).map(|(_, rest)| rest).unwrap_or_default();
            rest.split(' ').next().unwrap_or_default().to_owned()
        };
        Self { http: address("http://"), https: address("https://"), _program: program, lines }
    }

    /// The printed commands that begin with `start`.
    fn commands(&self, start: &str) -> Vec<String> {
        let lines = self.lines.iter().map(|line| line.trim().to_owned());
        lines.filter(|line| line.starts_with(start)).collect()
    }
}

/// Runs a command as a person types it; `upshift` is the binary under test.
fn shell(command: &str) -> Output {
    let folder = binary().parent().map(|folder| folder.display().to_string()).unwrap_or_default();
    run("sh", &["-c", &format!("PATH={folder}:$PATH\n{command}")])
}
