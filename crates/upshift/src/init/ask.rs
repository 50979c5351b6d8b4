//! The questions of `upshift init`, for people who do not know the flags.

use std::io::{self, BufRead, Write};
use std::net::SocketAddr;

use super::answers::{self, Answers, ClientAnswer};
use super::listeners::{ListenerAddresses, is_upstream};

/// Asks all questions.
pub(super) fn ask_all(from: &mut impl BufRead, to: &mut impl Write) -> io::Result<Answers> {
    writeln!(to, "A few questions. Enter takes the answer in brackets, Ctrl-C writes no file.\n")?;
    let mut dialogue = Dialogue { from, to };
    let usual_upstream = "http://127.0.0.1:3000";
    let upstream =
        dialogue.ask("Where do requests go?", usual_upstream, answers::parse_upstream)?;
    let mut answers = Answers { upstream: Some(upstream.clone()), ..Answers::default() };
    let usual_http = ListenerAddresses::for_answers(&answers).http.to_string();
    let where_to_listen = "Where should Upshift listen, in cleartext?";
    let http =
        dialogue.ask(where_to_listen, &usual_http, |text| parse_listener(text, &upstream))?;
    answers.http = Some(http);
    if dialogue.ask("Will callers have to use TLS?", "no", parse_yes_no)? {
        answers.tls = Some("1.2".to_owned());
    }
    let which_api = "Is there a minimum API version? Its place in the request and the oldest \
                    version, such as header:X-Api-Version=2.0";
    answers.api = dialogue.ask(which_api, "none", |text| parse_each(text, answers::parse_api))?;
    let which_clients = "Are there minimum versions of apps or browsers? Name and oldest version, \
                         such as AcmeApp=5.1 Chrome=109";
    answers.client = dialogue.ask(which_clients, "none", parse_clients)?;
    // On this machine alone the self-signed certificate is enough.
    if answers.tls.is_some() && !http.ip().is_loopback() {
        ask_for_certificate(&mut dialogue, &mut answers)?;
    }
    Ok(answers)
}

/// Asks what a gateway needs if other machines use it over TLS.
fn ask_for_certificate<R: BufRead, W: Write>(
    dialogue: &mut Dialogue<'_, R, W>,
    answers: &mut Answers,
) -> io::Result<()> {
    let which_certificate = "The certificate for TLS, a PEM file; without one, TLS is only for \
                             this machine or for a proxy in front";
    answers.certificate = dialogue.ask(which_certificate, "none", parse_optional_file)?;
    if answers.certificate.is_some() {
        answers.key = Some(dialogue.ask("Its private key, a PEM file", "", parse_file_name)?);
    }
    let which_address = "What is the public address, for the links in answers? Such as \
                    https://api.example.com";
    answers.public = Some(dialogue.ask(which_address, "", answers::parse_public)?);
    Ok(())
}

/// A person who answers questions.
struct Dialogue<'d, R, W> {
    from: &'d mut R,
    to: &'d mut W,
}

impl<R: BufRead, W: Write> Dialogue<'_, R, W> {
    /// Asks until the answer is valid. Without a usual answer there are no brackets.
    fn ask<T>(
        &mut self,
        question: &str,
        usual: &str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> io::Result<T> {
        loop {
            let brackets = if usual.is_empty() { ":".to_owned() } else { format!(" [{usual}]") };
            write!(self.to, "{question}{brackets} ")?;
            self.to.flush()?;
            let mut line = String::new();
            if self.from.read_line(&mut line)? == 0 {
                // Ends the line of the prompt, behind which the shell would go on.
                writeln!(self.to)?;
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let typed = line.trim();
            match parse(if typed.is_empty() { usual } else { typed }) {
                Ok(answer) => return Ok(answer),
                // The error may quote what was typed, with escape sequences of a paste.
                Err(error) => writeln!(self.to, "  {}", upshift_config::make_visible(&error))?,
            }
        }
    }
}

fn parse_address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| "expected an address and a port: 127.0.0.1:8080".to_owned())
}

/// Parses a listener address, which may not be that of the upstream.
fn parse_listener(text: &str, upstream: &str) -> Result<SocketAddr, String> {
    let address = parse_address(text)?;
    if is_upstream(address, upstream) {
        return Err(format!(
            "requests go there: {upstream} is the upstream, so Upshift has to listen elsewhere"
        ));
    }
    Ok(address)
}

/// Parses the name of a file, or `none`.
fn parse_optional_file(text: &str) -> Result<Option<String>, String> {
    if text == "none" { Ok(None) } else { parse_file_name(text).map(Some) }
}

/// Parses the name of a file.
fn parse_file_name(text: &str) -> Result<String, String> {
    match text {
        "" | "none" => Err("expected the name of a file".to_owned()),
        name if name.chars().any(char::is_control) => {
            Err("control characters are not allowed".to_owned())
        }
        name => Ok(name.to_owned()),
    }
}

/// Parses the clients, of which none may be named twice.
fn parse_clients(text: &str) -> Result<Vec<ClientAnswer>, String> {
    let clients = parse_each(text, answers::parse_client)?;
    answers::check_distinct(&clients)?;
    Ok(clients)
}

fn parse_yes_no(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "y" | "yes" => Ok(true),
        "n" | "no" => Ok(false),
        _ => Err("expected yes or no".to_owned()),
    }
}

/// Parses several answers with spaces between them, or `none`. A name may have several words, and
/// ends at its `=`.
fn parse_each<T>(text: &str, read: impl Fn(&str) -> Result<T, String>) -> Result<Vec<T>, String> {
    let mut found = Vec::new();
    if text == "none" {
        return Ok(found);
    }
    let mut words: Vec<&str> = Vec::new();
    for word in text.split_whitespace() {
        words.push(word);
        if word.contains('=') {
            found.push(read(&words.join(" "))?);
            words.clear();
        }
    }
    // Words without `=` are no answer; `read` then says what it expects.
    if !words.is_empty() {
        found.push(read(&words.join(" "))?);
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

    use super::super::answers::ApiAnswer;
    use super::*;

    fn asked(said: &str) -> (io::Result<Answers>, String) {
        let mut shown = Vec::new();
        let answers = ask_all(&mut said.as_bytes(), &mut shown);
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

    /// A wrong answer is explained and asked for again. It neither ends the questions nor is
    /// accepted.
    #[test]
    fn a_wrong_answer_is_explained_and_asked_for_again() {
        let said = "localhost\nhttp://10.0.0.7\n\nmaybe\ny\nX-Api-Version\n\
            header:X-Api-Version=2.0\nAcmeApp=5.1 Chrome=109\n";
        let (answers, shown) = asked(said);
        let answers = answers.unwrap();
        assert_eq!(answers.upstream.as_deref(), Some("http://10.0.0.7"));
        assert_eq!(
            (answers.tls.as_deref(), answers.api.len(), answers.client.len()),
            (Some("1.2"), 1, 2)
        );
        for expected in ["http://127.0.0.1:3000", "expected yes or no", "header:X-Api-Version=2.0"]
        {
            assert!(shown.contains(expected), "{expected}: {shown}");
        }
    }

    /// Answers that contradict each other are asked for again at once. If that were found out after
    /// the last question, all answers would be lost.
    #[test]
    fn what_clashes_is_asked_for_again() {
        let said = "http://127.0.0.1:8080\n127.0.0.1:8080\n\nno\nnone\nA=5 A=6\n\
            Internet Explorer=11 Chrome=109\n";
        let (answers, shown) = asked(said);
        let answers = answers.unwrap();
        assert_eq!(answers.http, Some(([127, 0, 0, 1], 8081).into()), "{shown}");
        let names: Vec<&str> = answers.client.iter().map(|client| client.name.as_str()).collect();
        assert_eq!(names, ["Internet Explorer", "Chrome"]);
        assert!(
            shown.contains("requests go there") && shown.contains("A is named twice"),
            "{shown}"
        );
    }

    /// A gateway for other machines needs a certificate and a public address. Defaults that are
    /// right for this machine only are not offered.
    #[test]
    fn for_other_machines_a_certificate_and_an_address_are_asked_for() {
        let said = "\n0.0.0.0:8080\nyes\n\n\nserver.pem\nserver.key\n\nhttps://api.example.com\n";
        let (answers, shown) = asked(said);
        let answers = answers.unwrap();
        assert_eq!(answers.certificate.as_deref(), Some("server.pem"), "{shown}");
        assert_eq!(answers.key.as_deref(), Some("server.key"), "{shown}");
        assert_eq!(answers.public.as_deref(), Some("https://api.example.com"), "{shown}");
        assert!(!shown.contains("localhost"), "{shown}");
    }

    #[test]
    fn an_early_end_writes_nothing() {
        let (answers, _) = asked("http://10.0.0.7\n");
        assert_eq!(answers.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }
}
