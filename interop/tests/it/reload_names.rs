//! The report of a reload: it names every change that takes effect, and calls nothing unchanged
//! that is not.

use std::fmt::Write as _;

use interop::{Certificate, Gateway, Origin, Scratch, run};

use crate::reloads::{RULE, good, reload, series, status};

/// A policy with every kind of setting, for one upstream.
fn everything(upstream: std::net::SocketAddr) -> String {
    format!(
        "[gateway]\nhttp = \"127.0.0.1:0\"\nhttps = \"127.0.0.1:0\"\nadmin = \"127.0.0.1:0\"\n\
         upstream = \"http://{upstream}\"\npaths = \"as-sent\"\ncase = \"exact\"\n#gateway\n\
         [[gateway.proxy]]\nfrom = [\"10.0.0.0/8\"]\nreads = {{ scheme = \"X-Forwarded-Proto\" }}\n\
         [limits]\nidle = \"1m\"\n#limits\n[breaker]\n#breaker\n[never-refused]\n#never\n\
         [[upstream]]\npaths = [\"/a/**\"]\naddresses = [\"http://{upstream}\"]\n#upstream\n\
         [[upstream]]\nhosts = [\"b.example\"]\naddresses = [\"http://{upstream}\"]\n\
         {RULE}#first\n[[rule]]\nid = \"second\"\nrequire = {{ http = \"2\" }}\nphase = \"warn\"\n\
         [[exemption]]\nid = \"kiosks\"\nclients = [\"Kiosk\"]\nreason = \"r\"\nowner = \"o\"\n\
         expires = 2099-01-01\n"
    )
}

/// A text in the policy, its replacement, and what the gateway says about the change.
const CHANGES: [(&str, &str, &str); 39] = [
    ("10.0.0.0/8", "127.0.0.0/8", "gateway.proxy changed"),
    ("X-Forwarded-Proto", "X-Forwarded-Ssl", "gateway.proxy changed"),
    ("paths = \"as-sent\"", "paths = \"strict\"", "gateway.paths changed"),
    ("case = \"exact\"", "case = \"ignore\"", "gateway.case changed"),
    ("#gateway", "trailing-slash = \"ignore\"", "gateway.trailing-slash changed"),
    ("#gateway", "undeclared-proxy = \"ignore\"", "gateway.undeclared-proxy changed"),
    ("#gateway", "public = \"https://a.example\"", "gateway.public changed"),
    ("#gateway", "hsts = \"1d\"", "gateway.hsts changed"),
    ("#gateway", "h2c-upgrade = true", "gateway.h2c-upgrade changed"),
    (
        "#gateway",
        "in-band-tls = true\ndangerous-allow-opossum = true",
        "gateway.in-band-tls changed",
    ),
    ("#gateway", "dangerous-allow-opossum = true", "gateway.dangerous-allow-opossum changed"),
    ("#gateway", "access-log = \"all\"", "gateway.access-log changed"),
    ("#gateway", "admin-token = \"a token of some length\"", "gateway.admin-token changed"),
    ("idle = \"1m\"", "idle = \"2m\"", "limits.idle changed"),
    ("#limits", "connections = 77", "limits.connections changed"),
    ("#limits", "header-bytes = \"8 KiB\"", "limits.header-bytes changed"),
    ("#limits", "header-timeout = \"9s\"", "limits.header-timeout changed"),
    ("#limits", "lame-duck = \"1s\"", "limits.lame-duck changed"),
    ("#limits", "drain = \"1s\"", "limits.drain changed"),
    ("#limits", "discard-bytes = \"1 KiB\"", "limits.discard-bytes changed"),
    ("#limits", "discard-timeout = \"1s\"", "limits.discard-timeout changed"),
    ("#limits", "tunnel-idle = \"2h\"", "limits.tunnel-idle changed"),
    ("#limits", "upstream-connect = \"1s\"", "limits.upstream-connect changed"),
    ("#limits", "upstream-response = \"1s\"", "limits.upstream-response changed"),
    ("#limits", "upstream-silence = \"1s\"", "limits.upstream-silence changed"),
    ("#limits", "upstream-idle = \"1s\"", "limits.upstream-idle changed"),
    ("#breaker", "webhook = \"http://127.0.0.1:9/\"", "breaker.webhook changed"),
    ("#breaker", "minimum = 999", "rule modern: changed (breaker)"),
    ("#never", "remove = [\"health-paths\"]", "never-refused.remove changed"),
    ("#never", "health-networks = [\"192.0.2.0/24\"]", "never-refused.health-networks changed"),
    ("#upstream", "retries = 0", "changed (retries)"),
    ("#upstream", "http = \"2\"", "changed (http)"),
    ("#upstream", "health = { path = \"/\" }", "changed (health)"),
    ("\"/a/**\"", "\"/b/**\"", "changed (paths)"),
    ("#first", "methods = [\"GET\"]", "rule modern: changed (methods)"),
    ("#first", "answer = \"strict\"", "rule modern: changed (answer)"),
    ("[\"Kiosk\"]", "[\"Tablet\"]", "exemption kiosks: changed (clients)"),
    ("2099-01-01", "2098-01-01", "exemption kiosks: changed (expires)"),
    ("#first", "# only a comment", "no settings changed"),
];

/// A reload names every setting that changes. A list of the settings that its author had thought of
/// was not enough: a reload that turned 200 into 426, because a proxy was no longer declared, once
/// reported that nothing was different.
#[test]
fn every_setting_that_changes_is_named() {
    let origin = Origin::start(200, &[]);
    let before = everything(origin.address());
    let mut gateway = Gateway::start(origin.address(), RULE);
    reload(&mut gateway, &before);
    let mut wrong = String::new();
    for (from, to, named) in CHANGES {
        let after = before.replacen(from, to, 1);
        assert_ne!(after, before, "{from}");
        let said = reload(&mut gateway, &after);
        let back = reload(&mut gateway, &before);
        if !said.contains(named) || !back.contains(named) || said.contains("was not reloaded") {
            writeln!(wrong, "{to}: {named}\n{said}\n{back}").ok();
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert!(
        series(&gateway, "upshift_reload_changes_total{kind=\"setting\",change=\"changed\"}")
            > 50.0
    );
}

/// The table of the text that begins with `begins`, up to the next table.
fn part(text: &str, begins: &str) -> String {
    let from = text.find(begins).unwrap_or_default();
    let length = text[from + 1..].find("\n[[").map_or(text.len() - from, |end| end + 2);
    text[from..from + length].to_owned()
}

/// A reload names a new order of upstreams or rules. The first upstream that matches gets the
/// request, and the first of two rules that refuse answers.
#[test]
fn another_order_is_named() {
    let origin = Origin::start(200, &[]);
    let before = everything(origin.address());
    let mut gateway = Gateway::start(origin.address(), RULE);
    reload(&mut gateway, &before);
    let (by_path, by_host) =
        (part(&before, "[[upstream]]\npaths"), part(&before, "[[upstream]]\nhosts"));
    let (modern, second) =
        (part(&before, "[[rule]]\nid = \"modern\""), part(&before, "[[rule]]\nid = \"second\""));
    for (first, then, named) in [(by_path, by_host, "upstreams"), (modern, second, "rules")] {
        let after = before.replace(&format!("{first}{then}"), &format!("{then}{first}"));
        assert_ne!(after, before);
        let said = reload(&mut gateway, &after);
        assert!(said.contains(&format!("the order of the {named} changed")), "{said}");
        assert!(!said.contains("changed ("), "each of them is the same: {said}");
        reload(&mut gateway, &before);
    }
}

fn place(certificate: &Certificate, folder: &Scratch) {
    for (from, to) in [(certificate.file(), "c.pem"), (certificate.key(), "k.pem")] {
        std::fs::copy(from, folder.path().join(to)).expect("a writable folder");
    }
}

/// A reload names a renewed certificate. Only file names were once compared, so a new certificate
/// under the same name was loaded without a word.
#[test]
fn a_renewed_certificate_is_named() {
    let (origin, folder) = (Origin::start(200, &[]), Scratch::new());
    place(&Certificate::new(), &folder);
    let (certificate, key) = (folder.path().join("c.pem"), folder.path().join("k.pem"));
    let tls = format!("tls = {{ certificate = {certificate:?}, key = {key:?} }}");
    let mut gateway = Gateway::with(origin.address(), &tls, RULE, &[]);
    let text = good(&gateway);
    let same = reload(&mut gateway, &text);
    assert!(same.contains("no settings changed"), "{same}");
    place(&Certificate::valid(2020, 2077), &folder);
    let said = reload(&mut gateway, &text);
    assert!(
        said.contains("certificate changed: ") && said.contains("until 2077-01-01T00:00:00Z"),
        "{said}"
    );
}

/// The serial number of the certificate that clients are shown.
fn shown(gateway: &Gateway) -> String {
    let address = gateway.https();
    let words = format!(
        "openssl s_client -connect {address} </dev/null 2>/dev/null | openssl x509 -noout -serial"
    );
    run("sh", &["-c", &words]).ok()
}

/// A self-signed certificate survives a reload. Clients that trusted it once met another one after
/// each reload.
#[test]
fn a_self_signed_certificate_survives_a_reload() {
    let origin = Origin::start(200, &[]);
    let mut gateway = Gateway::start(origin.address(), RULE);
    let before = shown(&gateway);
    assert!(before.contains("serial="), "{before}");
    let text = good(&gateway).replace("[[rule]]", "# a comment\n[[rule]]");
    reload(&mut gateway, &text);
    assert_eq!(shown(&gateway), before);
}

/// A pause whose rule is gone is named and kept. It does not move to the rule that replaces its
/// own, and applies again when its own rule returns.
#[test]
fn a_pause_whose_rule_is_gone_is_named_and_kept() {
    let origin = Origin::start(200, &[]);
    let mut gateway = Gateway::start(origin.address(), RULE);
    interop::upshift(&["pause", "modern", "--admin", &format!("http://{}", gateway.admin())]).ok();
    assert_eq!(status(&gateway), 200);
    let renamed = good(&gateway).replace("\"modern\"", "\"recent\"");
    let said = reload(&mut gateway, &renamed);
    assert!(said.contains("rule modern is gone, and was held at paused"), "{said}");
    assert_eq!(status(&gateway), 426);
    let returned = renamed.replace("\"recent\"", "\"modern\"");
    reload(&mut gateway, &returned);
    assert_eq!(status(&gateway), 200);
}
