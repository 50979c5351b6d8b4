//! `upshift get --output`: when an existing file may be replaced or continued, and when not.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Command;
use std::thread;

use interop::{Output, Program, Scratch, binary, run, upshift};

/// Starts a server that answers by the path and closes each connection after its answer.
pub(crate) fn serve() -> SocketAddr {
    let listener = interop::listen();
    let address = listener.local_addr().unwrap_or_else(|error| panic!("no address: {error}"));
    thread::spawn(move || {
        listener
            .incoming()
            .flatten()
            .for_each(|stream| drop(thread::spawn(move || answer(stream))));
    });
    address
}

fn answer(mut stream: TcpStream) {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && matches!(stream.read(&mut byte), Ok(1)) {
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).to_ascii_lowercase();
    let path = head.split(' ').nth(1).unwrap_or_default();
    let text = match path {
        "/whole" => "200 OK\r\nContent-Length: 10\r\n\r\n0123456789",
        "/rest" => "206 P\r\nContent-Range: bytes 5-9/10\r\nContent-Length: 5\r\n\r\n56789",
        "/some" => "206 P\r\nContent-Range: bytes 5-6/10\r\nContent-Length: 2\r\n\r\n56",
        "/elsewhere" => "206 P\r\nContent-Range: bytes 4-9/10\r\nContent-Length: 6\r\n\r\n456789",
        "/nowhere" => "206 P\r\nContent-Length: 5\r\n\r\n56789",
        "/longer" => "206 P\r\nContent-Range: bytes 5-9/10\r\nContent-Length: 7\r\n\r\n56789XX",
        "/longer-chunks" => {
            "206 P\r\nContent-Range: bytes 5-9/10\r\nTransfer-Encoding: chunked\r\n\r\n\
             7\r\n56789XX\r\n0\r\n\r\n"
        }
        "/coded" => {
            "206 P\r\nContent-Range: bytes 5-9/10\r\nContent-Encoding: gzip\r\n\
             Content-Length: 5\r\n\r\n56789"
        }
        "/parts" => {
            "206 P\r\nContent-Range: bytes 5-9/10\r\n\
             Content-Type: multipart/byteranges; boundary=x\r\nContent-Length: 5\r\n\r\n56789"
        }
        "/no-end" => "206 P\r\nContent-Range: bytes 5-6/*\r\nContent-Length: 2\r\n\r\n56",
        "/plain" if head.contains("\r\naccept-encoding: identity\r\n") => {
            "206 P\r\nContent-Range: bytes 5-9/10\r\nContent-Length: 5\r\n\r\n56789"
        }
        "/from-2" => "206 P\r\nContent-Range: bytes 2-9/10\r\nContent-Length: 8\r\n\r\nabcdefgh",
        "/from-2-shorter" => "206 P\r\nContent-Range: bytes 2-3/4\r\nContent-Length: 2\r\n\r\nab",
        "/from-2-broken" => "206 P\r\nContent-Range: bytes 2-9/10\r\nContent-Length: 8\r\n\r\nab",
        "/from-2-silent" => "206 P\r\nContent-Range: bytes 2-9/10\r\nContent-Length: 8\r\n\r\n",
        "/complete-at-2" => "416 R\r\nContent-Range: bytes */2\r\nContent-Length: 4\r\n\r\nfull",
        "/coded-transfer" => {
            "200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n5\r\n01234\r\n0\r\n\r\n"
        }
        "/two-lengths" => {
            "200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 9\r\n\r\n\
             5\r\n01234\r\n0\r\n\r\n"
        }
        "/late" => "200 OK\r\nContent-Length: 10\r\n\r\n01234567",
        "/large" => "200 OK\r\nContent-Length: 200000\r\n\r\n",
        "/rest-broken" => "206 P\r\nContent-Range: bytes 5-9/10\r\nContent-Length: 5\r\n\r\n56",
        "/broken" => "200 OK\r\nContent-Length: 10\r\n\r\n01234567",
        "/broken-chunks" => "200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8\r\n01234567\r\n",
        "/endless" => "200 OK\r\nContent-Length: 10\r\n\r\n01234567",
        "/complete" => "416 R\r\nContent-Range: bytes */5\r\nContent-Length: 4\r\n\r\nfull",
        "/shorter" => "416 R\r\nContent-Range: bytes */4\r\nContent-Length: 4\r\n\r\nless",
        "/unknown" => "416 R\r\nContent-Length: 4\r\n\r\nless",
        "/426" => {
            "426 U\r\nUpgrade: orders/2\r\nConnection: upgrade\r\nContent-Length: 5\r\n\r\nnewer"
        }
        "/204" => "204 N\r\n\r\n",
        "/308" => "308 P\r\nLocation: /whole\r\nContent-Length: 5\r\n\r\nthere",
        _ => "",
    };
    let other = format!("{} Other\r\nContent-Length: 5\r\n\r\nerror", path.trim_start_matches('/'));
    let text = if text.is_empty() { &other } else { text };
    drop(stream.write_all(format!("HTTP/1.1 {text}").as_bytes()));
    if path == "/large" {
        drop(stream.write_all(&[b'x'; 200_000]));
    }
    if path == "/late" {
        interop::wait(std::time::Duration::from_secs(2));
        drop(stream.write_all(b"89"));
    }
    if path == "/endless" {
        // Nothing more is sent; the client closes the connection.
        drop(stream.read(&mut byte));
    }
}

pub(crate) fn get(server: SocketAddr, path: &str, file: &Path, more: &[&str]) -> Output {
    let (url, file) = (format!("http://{server}{path}"), file.to_string_lossy());
    upshift(&[&["get", &url, "-o", &file], more].concat())
}

pub(crate) fn content(file: &Path) -> String {
    String::from_utf8_lossy(&std::fs::read(file).unwrap_or_else(|error| panic!("{error}")))
        .into_owned()
}

/// The names in a folder, where no temporary file may remain.
pub(crate) fn names(folder: &Scratch) -> Vec<String> {
    let entries = std::fs::read_dir(folder.path()).unwrap_or_else(|error| panic!("{error}"));
    let mut names: Vec<_> =
        entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// Resuming changes a file only by the rest of it or by the whole. Any other answer was once
/// written over the part that was there, and the exit code was 0.
#[test]
fn resuming_touches_the_file_only_for_its_rest_or_its_whole() {
    let server = serve();
    let rows = [
        ("/rest", "0123456789", 0),
        ("/whole", "0123456789", 0),
        ("/complete", "01234", 0),
        ("/shorter", "01234", 1),
        ("/unknown", "01234", 1),
        ("/elsewhere", "01234", 1),
        ("/nowhere", "01234", 1),
        ("/426", "01234", 1),
        ("/308", "01234", 1),
        ("/404", "01234", 1),
        ("/503", "01234", 1),
        ("/201", "01234", 1),
        ("/204", "01234", 1),
        ("/304", "01234", 1),
        // The connection is lost: exactly what has arrived is kept.
        ("/rest-broken", "0123456", 3),
        ("/some", "0123456", 3),
        // The length or the coding contradicts `Content-Range`.
        ("/longer", "01234", 1),
        ("/longer-chunks", "01234", 3),
        ("/coded", "01234", 1),
        ("/parts", "01234", 1),
        // The total length is unknown, so the file may be incomplete.
        ("/no-end", "0123456", 3),
        ("/plain", "0123456789", 0),
        ("/broken", "01234", 3),
        ("/broken-chunks", "01234", 3),
    ];
    for (path, left, code) in rows {
        let folder = Scratch::new();
        let file = folder.file("file", "01234");
        let output = get(server, path, &file, &["-C", "-"]);
        assert_eq!((content(&file).as_str(), output.code), (left, code), "{path}: {output:?}");
        assert_eq!(names(&folder), ["file"], "{path}");
        assert!(
            code == 0 || output.stderr.contains("file"),
            "{path} does not say what became of the file: {output:?}"
        );
    }
}

/// A file with content is replaced only by a complete new one. Error pages and truncated answers
/// once took its place.
#[test]
fn a_file_with_content_is_replaced_only_by_a_whole_one() {
    let server = serve();
    let rows = [
        ("/whole", "0123456789", 0),
        ("/broken", "older", 3),
        ("/broken-chunks", "older", 3),
        ("/coded-transfer", "older", 3),
        ("/two-lengths", "older", 3),
        ("/rest", "older", 1),
        ("/426", "older", 1),
        ("/308", "older", 1),
        ("/404", "older", 1),
        ("/503", "older", 1),
        ("/304", "older", 0),
        ("/204", "older", 0),
    ];
    for (path, left, code) in rows {
        let folder = Scratch::new();
        let file = folder.file("file", "older");
        let output = get(server, path, &file, &[]);
        assert_eq!((content(&file).as_str(), output.code), (left, code), "{path}: {output:?}");
        assert_eq!(names(&folder), ["file"], "{path}");
    }
}

/// A download into a new file that breaks off keeps what has arrived, as curl does, so that
/// `--continue-at` can resume it. An error page creates no file.
#[test]
fn a_new_file_keeps_what_has_come_and_takes_no_error_page() {
    let server = serve();
    for (path, left, code) in
        [("/whole", Some("0123456789"), 0), ("/broken", Some("01234567"), 3), ("/404", None, 1)]
    {
        let folder = Scratch::new();
        let file = folder.path().join("file");
        let output = get(server, path, &file, &[]);
        let found = file.exists().then(|| content(&file));
        assert_eq!((found.as_deref(), output.code), (left, code), "{path}: {output:?}");
    }
}

/// A signal in the middle of a download leaves the older file in place, and no stray one beside it.
/// This includes SIGHUP from a closed terminal and SIGQUIT from Ctrl-\.
#[test]
fn a_signal_leaves_the_older_file() {
    let server = serve();
    for signal in ["TERM", "INT", "HUP", "QUIT"] {
        let folder = Scratch::new();
        let mut program = begun(server, &folder, "--default-signal");
        program.signal(signal);
        assert_eq!(program.ended(), 3, "{:?}", program.lines());
        let file = folder.path().join("file");
        assert_eq!(
            (content(&file).as_str(), names(&folder)),
            ("older", vec!["file".to_owned()]),
            "{signal}"
        );
    }
}

/// Signals that are ignored at the start stay ignored: a handler of our own would undo `nohup`.
#[test]
fn a_signal_that_is_to_be_ignored_stays_so() {
    let folder = Scratch::new();
    let mut program = begun(serve(), &folder, "--ignore-signal");
    program.signal("HUP");
    program.signal("QUIT");
    assert_eq!(names(&folder).len(), 2, "the download goes on");
    program.signal("KILL");
    program.ended();
}

/// Starts a download over an older file and waits until it is in the middle of the body. `env`
/// prepares its signals.
fn begun(server: SocketAddr, folder: &Scratch, signals: &str) -> Program {
    let file = folder.file("file", "older");
    let mut command = Command::new("env");
    command.arg(format!("{signals}=HUP,QUIT")).arg("--default-signal=INT,TERM").arg(binary());
    command.args(["get", "-o", &file.to_string_lossy(), &format!("http://{server}/endless")]);
    let program = Program::start(command);
    let part = || names(folder).into_iter().find(|name| name != "file");
    while part().is_none_or(|name| content(&folder.path().join(name)) != "01234567") {
        interop::pause();
    }
    program
}

/// A replaced file keeps its permissions and the symbolic links to it.
#[test]
fn permissions_and_symbolic_links_stay() {
    let server = serve();
    let folder = Scratch::new();
    let file = folder.file("file", "older");
    let mode = |file: &Path| std::fs::metadata(file).map(|metadata| metadata.mode() & 0o777).ok();
    for bits in [0o640, 0o606, 0o755] {
        std::fs::write(&file, "older").expect("a file");
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(bits))
            .expect("permissions");
        let link = folder.path().join(format!("link-{bits}"));
        symlink(&file, &link).expect("a link");
        assert_eq!(get(server, "/whole", &link, &[]).code, 0);
        assert!(link.is_symlink(), "the link itself was replaced");
        assert_eq!((content(&file).as_str(), mode(&file)), ("0123456789", Some(bits)));
    }
    let (nothing, dangling) = (folder.path().join("target"), folder.path().join("dangling"));
    symlink(&nothing, &dangling).expect("a link");
    assert_eq!(get(server, "/whole", &dangling, &[]).code, 0);
    assert!(dangling.is_symlink() && content(&nothing) == "0123456789");
}

/// A file is written in place if its folder accepts no new files, as with a mounted file or a
/// read-only folder. It was once not written at all.
#[test]
fn a_file_in_a_closed_folder_is_written_all_the_same() {
    let server = serve();
    let folder = Scratch::new();
    let file = folder.file("file", "older");
    let closed = |bits| {
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(bits))
            .expect("bits");
    };
    closed(0o555);
    let (whole, broken) = (unprivileged(server, "/whole", &file), content(&file));
    std::fs::write(&file, "older").expect("a file");
    let refused = unprivileged(server, "/broken", &file);
    closed(0o755);
    assert_eq!((whole.code, broken.as_str()), (0, "0123456789"), "{whole:?}");
    assert_eq!((refused.code, content(&file).as_str()), (3, "older"), "{refused:?}");
}

/// Runs `get` as a user who owns the file and cannot write to its folder.
pub(crate) fn unprivileged(server: SocketAddr, path: &str, file: &Path) -> Output {
    let (url, name) = (format!("http://{server}{path}"), file.to_string_lossy());
    let binary = binary();
    let get = [&*binary.to_string_lossy(), "get", &url, "-o", &name].map(str::to_owned);
    let words: Vec<&str> = get.iter().map(String::as_str).collect();
    let root = std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0);
    if !root {
        return run(words[0], &words[1..]);
    }
    std::os::unix::fs::chown(file, Some(65534), Some(65534)).expect("root may");
    let user = ["--reuid=65534", "--regid=65534", "--clear-groups"];
    run("setpriv", &[&user[..], &words[..]].concat())
}

/// Pipes, devices and stdout get every answer, including error pages: they hold nothing that could
/// be lost, and are not replaced.
#[test]
fn pipes_and_devices_get_every_answer() {
    let server = serve();
    for path in ["/whole", "/404"] {
        assert_eq!(get(server, path, Path::new("/dev/null"), &[]).code, 0, "{path}");
        assert!(std::fs::metadata("/dev/null").is_ok_and(|file| file.file_type().is_char_device()));
        let output = get(server, path, Path::new("-"), &[]);
        assert_eq!((output.code, output.stdout.is_empty()), (0, false), "{output:?}");
    }
    let folder = Scratch::new();
    let pipe = folder.path().join("pipe");
    run("mkfifo", &[&pipe.to_string_lossy()]).ok();
    for (path, said, code) in
        [("/whole", "0123456789", 0), ("/404", "error", 0), ("/426", "newer", 1)]
    {
        let from = pipe.clone();
        let reader = thread::spawn(move || content(&from));
        assert_eq!(get(server, path, &pipe, &[]).code, code, "{path}");
        assert_eq!(reader.join().ok().as_deref(), Some(said));
        assert!(std::fs::metadata(&pipe).is_ok_and(|file| file.file_type().is_fifo()));
    }
}

/// A download that cannot succeed is wrong usage: nothing is sent, and no file is touched.
#[test]
fn a_download_that_cannot_be_written_is_not_begun() {
    // Nothing listens here, so a request that is sent ends with exit code 3.
    let server = interop::free_port();
    let folder = Scratch::new();
    let file = folder.file("file", "01234");
    let rows: [(&Path, &[&str]); 7] = [
        (&file, &["-C", "6"]),
        (&folder.path().join("absent"), &["-C", "6"]),
        (&file, &["-C", "-", "-X", "HEAD"]),
        (&file, &["-C", "-", "-d", "x"]),
        (&file, &["-C", "-", "-H", "Range: bytes=1-"]),
        (folder.path(), &[]),
        (&folder.path().join("no/such/folder"), &[]),
    ];
    for (file, more) in rows {
        let output = get(server, "/whole", file, more);
        assert_eq!(output.code, 2, "{more:?}: {output:?}");
    }
    assert_eq!((content(&file).as_str(), names(&folder)), ("01234", vec!["file".to_owned()]));
}
