//! Words of a command, quoted for a shell.

/// The words as one line, in which a shell finds them again.
pub(super) fn join_words<'w>(words: impl IntoIterator<Item = &'w str>) -> String {
    let mut line = String::new();
    for word in words {
        if !line.is_empty() {
            line.push(' ');
        }
        if is_plain(word) {
            line.push_str(word);
        } else {
            line.push_str(&in_quotes(word));
        }
    }
    line
}

/// The word in quotes. A quote in it ends them and is put between.
pub(super) fn in_quotes(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

fn is_plain(word: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    !word.is_empty() && word.chars().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_words_that_need_it_are_quoted() {
        let words = ["curl", "-sS", "http://127.0.0.1:1/", "a b", "it's", "", "$HOME"];
        let line = r"curl -sS http://127.0.0.1:1/ 'a b' 'it'\''s' '' '$HOME'";
        assert_eq!(join_words(words), line);
    }
}
