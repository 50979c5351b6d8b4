//! The questions, for those who do not know the flags.

use std::io::{self, BufRead, Write};

use super::Answers;
use super::answers;

/// Asks everything; what is just confirmed is what stands in brackets.
pub(super) fn ask(from: &mut impl BufRead, to: &mut impl Write) -> io::Result<Answers> {
    writeln!(to, "A few questions; Enter takes what stands in brackets, Ctrl-C writes nothing.\n")?;
    let upstream = question(from, to, "Where do requests go?", "http://127.0.0.1:3000", answers::upstream)?;
    let http = question(from, to, "Where should Upshift listen, in cleartext?", "127.0.0.1:8080", address)?;
    let tls = question(from, to, "Will callers have to use TLS?", "no", yes)?;
    let api = "Is there an API version to require? Where it stands and the oldest, such as header:X-Api-Version=2.0";
    let api = question(from, to, api, "none", |text| each(text, answers::api))?;
    let client = "Are there apps or browsers to require? Name and oldest version, such as AcmeApp=5.1 Chrome=109";
    let client = question(from, to, client, "none", |text| each(text, answers::client))?;
    let public = if tls && !http.ip().is_loopback() {
        let ask = "Which address does the world know, for the links in answers?";
        Some(question(from, to, ask, "https://localhost:8443", answers::public)?)
    } else {
        None
    };
    let tls = tls.then(|| "1.2".to_owned());
    Ok(Answers { upstream: Some(upstream), http: Some(http), public, tls, api, client, ..Answers::default() })
}

/// Asks until the answer is right.
fn question<T>(
    from: &mut impl BufRead,
    to: &mut impl Write,
    question: &str,
    usual: &str,
    read: impl Fn(&str) -> Result<T, String>,
) -> io::Result<T> {
    loop {
        write!(to, "{question} [{usual}] ")?;
        to.flush()?;
        let mut line = String::new();
        if from.read_line(&mut line)? == 0 {
            writeln!(to)?;
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let answer = line.trim();
        match read(if answer.is_empty() { usual } else { answer }) {
            Ok(answer) => return Ok(answer),
            Err(error) => writeln!(to, "  {}", upshift_config::make_visible(&error))?,
        }
    }
}

fn address(text: &str) -> Result<std::net::SocketAddr, String> {
    text.parse().map_err(|_| "expected an address and a port: 127.0.0.1:8080".to_owned())
}

fn yes(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "y" | "yes" => Ok(true),
        "n" | "no" => Ok(false),
        _ => Err("expected yes or no".to_owned()),
    }
}

/// Several answers with spaces between, or none.
fn each<T>(text: &str, read: impl Fn(&str) -> Result<T, String>) -> Result<Vec<T>, String> {
    if text == "none" {
        return Ok(Vec::new());
    }
    text.split_whitespace().map(read).collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

    use super::super::answers::{ApiAnswer, ClientAnswer};
    use super::*;

    fn asked(said: &str) -> (io::Result<Answers>, String) {
        let mut shown = Vec::new();
        let answers = ask(&mut said.as_bytes(), &mut shown);
        (answers, String::from_utf8(shown).unwrap())
    }

    #[test]
    fn confirming_everything_is_a_gateway_without_rules() {
        let (answers, _) = asked("\n\n\n\n\n");
        let answers = answers.unwrap();
        assert_eq!(answers.upstream.as_deref(), Some("http://127.0.0.1:3000"));
        assert_eq!(
            (answers.tls, answers.api, answers.client),
            (None, Vec::<ApiAnswer>::new(), Vec::<ClientAnswer>::new())
        );
    }

    /// The kind of fault: a wrong answer that ends the questions, or is taken.
    #[test]
    fn a_wrong_answer_is_explained_and_asked_for_again() {
        let said =
            "localhost\nhttp://10.0.0.7\n\nmaybe\ny\nX-Api-Version\nheader:X-Api-Version=2.0\nAcmeApp=5.1 Chrome=109\n";
        let (answers, shown) = asked(said);
        let answers = answers.unwrap();
        assert_eq!(answers.upstream.as_deref(), Some("http://10.0.0.7"));
        assert_eq!((answers.tls.as_deref(), answers.api.len(), answers.client.len()), (Some("1.2"), 1, 2));
        for expected in ["http://127.0.0.1:3000", "expected yes or no", "header:X-Api-Version=2.0"] {
            assert!(shown.contains(expected), "{expected}: {shown}");
        }
    }

    #[test]
    fn an_early_end_writes_nothing() {
        let (answers, _) = asked("http://10.0.0.7\n");
        assert_eq!(answers.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }
}
