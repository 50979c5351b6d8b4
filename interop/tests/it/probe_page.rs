//! The page of `upshift probe --html` in a browser.

use interop::{ProbedServer, Scratch, peers, upshift};
use serde_json::json;

use crate::dashboard::{assert_sound, visit};

/// The file needs no network, fits any screen, and shows the matrix and the exchanges.
#[test]
fn the_page_of_a_probe_is_a_file_for_any_browser() {
    peers!("chromium", "node", "node packages");
    let server = ProbedServer::start("Upshift");
    let folder = Scratch::new();
    let file = folder.path().join("probe.html");
    let name = file.to_string_lossy().into_owned();
    let url = format!("http://{}/account", server.http());
    let output = upshift(&["probe", "--html", "--output", &name, &url]);
    assert_eq!((output.code, output.stdout.as_str()), (0, ""), "{output:?}");
    drop(server);
    let address = format!("file://{name}");
    for page in visit(std::slice::from_ref(&address)) {
        assert_sound(&page);
        assert_eq!(page["loaded"], json!([address]), "{page:#}");
        let text = page["text"].as_str().unwrap_or_default();
        for shown in [&url, "h2c-upgrade", "Promises", "TLS/1.2", "delivered"] {
            assert!(text.contains(shown), "{shown}: {text}");
        }
    }
}
