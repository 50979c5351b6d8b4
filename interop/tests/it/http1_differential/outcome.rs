//! The result of reading a case.

use interop::Reply;

use super::conversation::{Response, split_responses};

/// The result of reading a case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Outcome {
    /// The messages that ended: start and content.
    pub(super) messages: Vec<String>,
    pub(super) end: End,
}

/// The reason for which no message follows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum End {
    /// The bytes were used up, or the next message did not end.
    #[default]
    Open,
    /// The reader closes the connection, and reads nothing behind the messages.
    Closed,
    /// The reader refuses the bytes: the class of the fault, or the answer.
    Refused(String),
}

impl Outcome {
    /// The requests that a server has echoed.
    pub(super) fn of_echoes(bytes: &[u8]) -> Self {
        let mut outcome = Self::default();
        for response in split_responses(bytes) {
            match read_echo(&response) {
                Some(message) => outcome.messages.push(message),
                None => {
                    outcome.end = end_of(&response.reply);
                    break;
                }
            }
            outcome.end = if lasts(&response.reply) { End::Open } else { End::Closed };
        }
        outcome
    }

    /// The response that a proxy has passed on, or its own one to what it refuses.
    pub(super) fn of_response(bytes: &[u8]) -> Self {
        match split_responses(bytes).first() {
            None => Self::default(),
            Some(response) if matches!(response.reply.status, 502..=504) => {
                Self::refused(response.reply.status.to_string())
            }
            Some(response) if !response.is_whole => Self::refused("cut short".to_owned()),
            Some(Response { reply, .. }) => {
                let message = join_message(&reply.status.to_string(), &reply.body);
                Self::of_message(message)
            }
        }
    }

    /// The result of a client that has printed the status and the content in hexadecimal with a
    /// comma between them, or an error.
    pub(super) fn of_client(printed: &str) -> Self {
        if printed.starts_with("error ") {
            return Self::refused(printed.to_owned());
        }
        let (status, content) = printed.split_once(',').unwrap_or_default();
        match from_hexadecimal(content) {
            Some(content) => Self::of_message(join_message(status, &content)),
            None => panic!("not a result: {printed}"),
        }
    }

    fn of_message(message: String) -> Self {
        Self { messages: vec![message], ..Self::default() }
    }

    fn refused(reason: String) -> Self {
        Self { end: End::Refused(reason), ..Self::default() }
    }
}

/// The number of requests that a server has echoed, also behind one that it has refused.
pub(super) fn count_echoes(bytes: &[u8]) -> usize {
    split_responses(bytes).iter().filter_map(read_echo).count()
}

/// The message of an echo, such as `474554,2f,`.
fn read_echo(response: &Response) -> Option<String> {
    let text = std::str::from_utf8(&response.reply.body).ok().filter(|_| response.is_whole)?;
    let mut parts = text.split(',').map(from_hexadecimal);
    let (method, target, content) = (parts.next()??, parts.next()??, parts.next()??);
    Some(join_message(&format!("{} {}", text_of(&method), text_of(&target)), &content))
}

/// A refusal with its status, and the reason that is known of it.
fn end_of(reply: &Reply) -> End {
    let error = reply.field("x-error");
    if error == "HPE_CLOSED_CONNECTION" {
        // Node refuses the bytes behind a message that has `Connection: close`.
        return End::Closed;
    }
    let detail = reply.json()["detail"].as_str().unwrap_or_default().to_owned();
    End::Refused(format!("{} {error}{detail}", reply.status))
}

/// Returns true if the response leaves its connection open.
fn lasts(reply: &Reply) -> bool {
    let is_kept = reply.protocol == "HTTP/1.1" || reply.connection_has("keep-alive");
    is_kept && !reply.connection_has("close")
}

fn from_hexadecimal(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes().chunks(2);
    let bytes = digits.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok());
    bytes.collect()
}

/// The text of a message: its start, and its content behind a space.
pub(super) fn join_message(start: &str, content: &[u8]) -> String {
    if content.is_empty() { start.to_owned() } else { format!("{start} {}", text_of(content)) }
}

/// The bytes as text, each as the character of its number.
pub(super) fn text_of(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(*byte)).collect()
}
