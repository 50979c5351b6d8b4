//! Formats that are written as Apache's `LogFormat`.

use super::clock::TimeFormat;
use super::escape::Escaping;
use super::format_error::FormatError;
use super::nginx::field_slot;
use super::pattern::{Absence, Pattern, PatternBuilder};
use super::slot::Slot;
use crate::line::WantedFields;

/// The letters of directives whose values no policy reads: those of mod_log_config, mod_logio and
/// mod_ssl, and of the read ones with an argument that is not read.
const OTHER_DIRECTIVES: &str = "aABbCcDefhHIiklLmnoOpPqrRsStTuUvVxX";

/// A `%` directive.
#[derive(Debug)]
struct Directive<'f> {
    /// True if it depends on the status: then its `-` says nothing.
    is_conditional: bool,
    argument: Option<&'f str>,
    letter: char,
    /// The rest of the format.
    rest: &'f str,
}

/// Compiles the text of a `LogFormat`.
pub(super) fn compile(text: &str, wanted: &WantedFields) -> Result<Pattern, FormatError> {
    let mut builder = PatternBuilder::new();
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        let position = text.len() - rest.len();
        let after = &rest[character.len_utf8()..];
        rest = match character {
            '%' if after.starts_with('%') => {
                builder.push_literal(b"%");
                &after[1..]
            }
            '%' => {
                let directive = read_directive(after, position)?;
                push_directive(&directive, position, wanted, &mut builder)?;
                directive.rest
            }
            '\\' => push_escape(after, &mut builder),
            _ => {
                builder.push_literal(character.encode_utf8(&mut [0; 4]).as_bytes());
                after
            }
        };
    }
    if !builder.has_request() {
        let message = "the format has no request: it needs %r, or %m and %U".to_owned();
        return Err(FormatError { position: 0, message });
    }
    Ok(builder.build(Escaping::Apache, Absence::Dash))
}

fn push_directive(
    directive: &Directive<'_>,
    position: usize,
    wanted: &WantedFields,
    builder: &mut PatternBuilder,
) -> Result<(), FormatError> {
    let slot = slot_of(directive, position, wanted)?;
    // `%t` writes brackets of its own. As literals, they end a user name that contains spaces.
    let is_bracketed = directive.letter == 't' && directive.argument.is_none();
    if is_bracketed {
        builder.push_literal(b"[");
    }
    if !builder.push_capture(slot) {
        let letter = directive.letter;
        let message = format!("nothing separates %{letter} from the directive before it");
        return Err(FormatError { position, message });
    }
    if is_bracketed {
        builder.push_literal(b"]");
    }
    Ok(())
}

/// Adds what an escape of the configuration file stands for, and returns the rest.
fn push_escape<'f>(after: &'f str, builder: &mut PatternBuilder) -> &'f str {
    let Some(character) = after.chars().next() else {
        builder.push_literal(b"\\");
        return after;
    };
    match character {
        't' => builder.push_literal(b"\t"),
        'n' => builder.push_literal(b"\n"),
        other => builder.push_literal(other.encode_utf8(&mut [0; 4]).as_bytes()),
    }
    &after[character.len_utf8()..]
}

fn read_directive(text: &str, position: usize) -> Result<Directive<'_>, FormatError> {
    let is_modifier = |c: char| c.is_ascii_digit() || matches!(c, ',' | '!' | '<' | '>');
    let bare = text.trim_start_matches(is_modifier);
    let modifiers = &text[..text.len() - bare.len()];
    let is_conditional = modifiers.contains(|c: char| c.is_ascii_digit());
    let (argument, after) = match bare.strip_prefix('{') {
        Some(open) => match open.split_once('}') {
            Some((argument, after)) => (Some(argument), after),
            None => {
                let message = "the brace of this directive is not closed".to_owned();
                return Err(FormatError { position, message });
            }
        },
        None => (None, bare),
    };
    // `%{name}^ti` and the like are for trailers.
    let (is_trailer, after) = match after.strip_prefix('^') {
        Some(after) => (true, after.get(1..).unwrap_or_default()),
        None => (false, after),
    };
    let Some(letter) = after.chars().next() else {
        let message = "expected a letter after `%`".to_owned();
        return Err(FormatError { position, message });
    };
    let rest = &after[letter.len_utf8()..];
    Ok(Directive { is_conditional: is_conditional || is_trailer, argument, letter, rest })
}

fn slot_of(
    directive: &Directive<'_>,
    position: usize,
    wanted: &WantedFields,
) -> Result<Slot, FormatError> {
    if directive.is_conditional {
        return Ok(Slot::Ignored);
    }
    let slot = match (directive.letter, directive.argument) {
        ('h' | 'a', None) | ('a', Some("c")) => Slot::Peer,
        ('r', None) => Slot::Request,
        ('m', None) => Slot::Method,
        ('U', None) => Slot::Path,
        ('q', None) => Slot::Query,
        ('H', None) => Slot::Http,
        ('v' | 'V', None) => Slot::Host,
        ('s', None) => Slot::Status,
        ('t', None) => Slot::Time(TimeFormat::Clf),
        ('t', Some(format)) => time_slot(format, position)?,
        ('i', Some(name)) if name.eq_ignore_ascii_case("host") => Slot::Host,
        ('i', Some(name)) => field_slot(name, wanted),
        ('x', Some("SSL_PROTOCOL")) => Slot::Tls,
        ('x', Some("HTTPS")) => Slot::Https,
        (letter, _) if OTHER_DIRECTIVES.contains(letter) => Slot::Ignored,
        (letter, _) => {
            let message = format!("`{letter}` is not a directive of LogFormat");
            return Err(FormatError { position, message });
        }
    };
    Ok(slot)
}

fn time_slot(format: &str, position: usize) -> Result<Slot, FormatError> {
    let bare = format.strip_prefix("begin:").or_else(|| format.strip_prefix("end:"));
    let time = match bare.unwrap_or(format) {
        "sec" | "%s" => TimeFormat::Seconds,
        "msec" => TimeFormat::Milliseconds,
        "usec" => TimeFormat::Microseconds,
        "msec_frac" | "usec_frac" => return Ok(Slot::Ignored),
        "%d/%b/%Y:%H:%M:%S %z" | "%d/%b/%Y:%T %z" | "[%d/%b/%Y:%H:%M:%S %z]" => TimeFormat::Clf,
        other if other.starts_with("%Y-%m-%d") || other.starts_with("%F") => TimeFormat::Iso,
        _ => {
            let message = format!(
                "%{{{format}}}t is not supported: use %t, %{{sec}}t, %{{msec}}t, %{{usec}}t, or a \
                 time that begins with %Y-%m-%d"
            );
            return Err(FormatError { position, message });
        }
    };
    Ok(Slot::Time(time))
}
