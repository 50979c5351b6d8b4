//! The lines of a Hurl file, as far as a suite can use them.
//!
//! The grammar is that of Hurl 8: entries of a request and an optional response, each with fields,
//! sections in brackets and content. What is not known is kept as it is, for a remark.

use super::error::DraftError;
use super::secret_fields::without_secret;
use super::suite_draft::DraftRemark;

/// An entry: a request, and the response that it expects.
#[derive(Clone, Debug, Default)]
pub(super) struct HurlEntry {
    /// The lines of the comments before it.
    pub(super) comment: Vec<String>,
    /// The line of the request.
    pub(super) line: usize,
    pub(super) method: String,
    pub(super) url: String,
    pub(super) request: HurlMessage,
    /// The version and the status, as written: `HTTP/1.1 426`, `HTTP *`.
    pub(super) response_line: Option<HurlLine>,
    pub(super) response: HurlMessage,
}

/// The parts of a message.
#[derive(Clone, Debug, Default)]
pub(super) struct HurlMessage {
    pub(super) fields: Vec<HurlLine>,
    /// The lines of each section, by name.
    pub(super) sections: Vec<(String, Vec<HurlLine>)>,
    /// The content, and the line on which it begins.
    pub(super) content: Option<(usize, HurlContent)>,
}

/// The content of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum HurlContent {
    /// A text, and the media type that Hurl sends with it.
    Text(String, Option<&'static str>),
    /// Content that is no text in the file, such as `file,data.bin;`.
    Other(String),
}

/// A line and its number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct HurlLine {
    pub(super) number: usize,
    pub(super) text: String,
}

impl HurlLine {
    /// The remark that the line was not carried over.
    pub(super) fn remark(&self) -> DraftRemark {
        DraftRemark::new(Some(self.number), format!("`{}`", without_secret(&self.text)))
    }

    /// The same for a line of a section.
    pub(super) fn remark_in(&self, section: &str) -> DraftRemark {
        let text = without_secret(&self.text);
        DraftRemark::new(Some(self.number), format!("[{section}] `{text}`"))
    }
}

/// Reads all entries.
pub(super) fn parse_hurl(text: &str) -> Result<Vec<HurlEntry>, DraftError> {
    let mut parser = HurlParser { lines: text.lines().map(str::to_owned).collect(), next: 0 };
    let mut entries = Vec::new();
    let mut comment = Vec::new();
    while let Some(line) = parser.peek() {
        if line.text.is_empty() {
            parser.next += 1;
        } else if let Some(words) = line.text.strip_prefix('#') {
            comment.push(words.trim().to_owned());
            parser.next += 1;
        } else {
            let mut entry = parser.parse_entry(&line)?;
            entry.comment = std::mem::take(&mut comment);
            entries.push(entry);
        }
    }
    Ok(entries)
}

struct HurlParser {
    lines: Vec<String>,
    /// The index of the next line.
    next: usize,
}

impl HurlParser {
    /// The next line, without white space around it.
    fn peek(&self) -> Option<HurlLine> {
        let text = self.lines.get(self.next)?.trim().to_owned();
        Some(HurlLine { number: self.next + 1, text })
    }

    fn parse_entry(&mut self, line: &HurlLine) -> Result<HurlEntry, DraftError> {
        let Some((method, url)) = request_line(&line.text) else {
            let message = format!("`{}` is no request of Hurl", without_secret(&line.text));
            return Err(
                DraftError::new(message, "an entry begins with `GET https://…`").at(line.number, 1)
            );
        };
        self.next += 1;
        let request = self.parse_message()?;
        let mut entry = HurlEntry {
            line: line.number,
            method: method.to_owned(),
            url: url.to_owned(),
            request,
            ..HurlEntry::default()
        };
        if let Some(line) = self.peek().filter(|line| is_response_line(&line.text)) {
            self.next += 1;
            entry.response_line = Some(HurlLine { text: without_comment(&line.text), ..line });
            entry.response = self.parse_message()?;
        }
        Ok(entry)
    }

    /// Fields, sections and content, up to the next response or request.
    fn parse_message(&mut self) -> Result<HurlMessage, DraftError> {
        let mut message = HurlMessage::default();
        while let Some(line) = self.peek() {
            let text = line.text.as_str();
            if is_response_line(text) || request_line(text).is_some() {
                break;
            }
            if text.is_empty() {
                self.next += 1;
            } else if text.starts_with('#') {
                // A comment after an empty line is about the entry that follows.
                if self.next > 0 && self.lines[self.next - 1].trim().is_empty() {
                    break;
                }
                self.next += 1;
            } else if let Some(name) = section_name(text) {
                self.next += 1;
                message.sections.push((name.to_owned(), Vec::new()));
            } else if begins_content(text) {
                message.content = Some((line.number, self.parse_content()?));
            } else {
                self.next += 1;
                match message.sections.last_mut() {
                    Some((_, lines)) => lines.push(line),
                    None => message.fields.push(line),
                }
            }
        }
        Ok(message)
    }

    fn parse_content(&mut self) -> Result<HurlContent, DraftError> {
        let Some(line) = self.peek() else { return Ok(HurlContent::Other(String::new())) };
        if let Some(kind) = line.text.strip_prefix("```") {
            self.next += 1;
            return self.parse_block(kind, line.number);
        }
        if let Some(one_line) = line.text.strip_prefix('`') {
            self.next += 1;
            return Ok(HurlContent::Text(one_line.trim_end_matches('`').to_owned(), None));
        }
        if line.text.starts_with(['{', '[', '<']) {
            return Ok(self.parse_literal(&line.text));
        }
        self.next += 1;
        Ok(HurlContent::Other(line.text))
    }

    /// The lines up to three backticks.
    fn parse_block(&mut self, kind: &str, start: usize) -> Result<HurlContent, DraftError> {
        let mut text = String::new();
        while let Some(line) = self.lines.get(self.next) {
            self.next += 1;
            if line.trim() == "```" {
                let media_type = match kind.trim() {
                    "json" => Some("application/json"),
                    "xml" => Some("application/xml"),
                    "graphql" => return Ok(HurlContent::Other("```graphql".to_owned())),
                    "base64" | "hex" => return Ok(HurlContent::Other(format!("```{kind}"))),
                    _ => None,
                };
                return Ok(HurlContent::Text(text, media_type));
            }
            text.push_str(line);
            text.push('\n');
        }
        let help = "end it with a line of three backticks";
        Err(DraftError::new("this block of content does not end", help).at(start, 1))
    }

    /// JSON or XML as it stands: up to an empty line, a section, a response or a request.
    fn parse_literal(&mut self, first: &str) -> HurlContent {
        let media_type =
            if first.starts_with('<') { "application/xml" } else { "application/json" };
        let mut lines = Vec::new();
        while let Some(line) = self.lines.get(self.next) {
            let trimmed = line.trim();
            let ends =
                trimmed.is_empty() || is_response_line(trimmed) || request_line(trimmed).is_some();
            if ends {
                break;
            }
            lines.push(line.clone());
            self.next += 1;
        }
        HurlContent::Text(lines.join("\n"), Some(media_type))
    }
}

/// The method and the URL of a request line.
fn request_line(text: &str) -> Option<(&str, &str)> {
    let (method, url) = text.split_once(' ')?;
    let is_method = !method.is_empty() && method.bytes().all(|byte| byte.is_ascii_uppercase());
    let url = url.split(" #").next().unwrap_or_default().trim();
    let is_url = url.contains("://") || url.starts_with("{{");
    if is_method && method != "HTTP" && is_url { Some((method, url)) } else { None }
}

fn is_response_line(text: &str) -> bool {
    let Some(rest) = text.strip_prefix("HTTP") else { return false };
    rest.starts_with(' ')
        || rest.starts_with("/1")
        || rest.starts_with("/2")
        || rest.starts_with("/3")
}

fn section_name(text: &str) -> Option<&str> {
    let name = text.strip_prefix('[')?.split_once(']')?.0;
    let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
    // `[1]` is content, and no section begins in lower case.
    let is_capital = name.bytes().next().is_some_and(|byte| byte.is_ascii_uppercase());
    if is_name && is_capital { Some(name) } else { None }
}

fn begins_content(text: &str) -> bool {
    let is_other = ["base64,", "hex,", "file,"].iter().any(|start| text.starts_with(start));
    text.starts_with(['{', '[', '<', '`']) && !text.starts_with("{{") || is_other
}

/// The text without a comment at its end.
pub(super) fn without_comment(text: &str) -> String {
    let mut is_quoted = false;
    let mut is_pattern = false;
    let mut previous = ' ';
    for (place, character) in text.char_indices() {
        match character {
            '"' if previous != '\\' && !is_pattern => is_quoted = !is_quoted,
            '/' if !is_quoted && previous != '\\' && (is_pattern || previous == ' ') => {
                is_pattern = !is_pattern;
            }
            '#' if !is_quoted && !is_pattern && previous == ' ' => {
                return text[..place].trim_end().to_owned();
            }
            _ => {}
        }
        previous = character;
    }
    text.to_owned()
}
