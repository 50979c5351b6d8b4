//! `cargo xtask measure [FOLDER]`: numbers about the readability of the code. Tests are left out.
//!
//! The numbers are counted in text that rustfmt has formatted: a function ends at the first closing
//! brace that is indented as it is. They compare states of one code base, and code bases, and prove
//! nothing about a single place.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::run::{files, read_text, root, shown};

/// The methods that are counted as combinators: they stand for a branch or a loop. Without the `.`
/// in front, so that this list does not count itself.
const COMBINATORS: &[&str] = &[
    "and_then(",
    "filter(",
    "filter_map(",
    "flat_map(",
    "find_map(",
    "flatten()",
    "fold(",
    "is_none_or(",
    "is_ok_and(",
    "is_some_and(",
    "map_or(",
    "map_or_else(",
    "map_while(",
    "ok_or(",
    "ok_or_else(",
    "or_else(",
    "take_while(",
    "then(",
    "then_some(",
    "transpose()",
    "unwrap_or_default()",
    "unwrap_or_else(",
    "zip(",
];

/// Line numbers count from 0.
struct Function {
    name: String,
    first: usize,
    last: usize,
}

impl Function {
    fn lines(&self) -> usize {
        self.last - self.first + 1
    }
}

/// The counts of all files together.
#[derive(Default)]
struct Totals {
    lines: usize,
    file_lines: Vec<usize>,
    function_lines: Vec<usize>,
    one_word_functions: usize,
    long_lines: usize,
    combinators: usize,
    closures: usize,
    rebinds: usize,
    unwraps: usize,
    citations: usize,
    body_comments: usize,
    docs: usize,
    docs_of_what: usize,
    /// The definitions of each type name.
    types: BTreeMap<String, usize>,
}

/// Prints the numbers of the code below `folder`; true if there is any.
pub(crate) fn print_numbers(folder: &str) -> bool {
    let mut totals = Totals::default();
    for file in files(&root().join(folder), ".rs") {
        if !is_test(&file) {
            totals.add_file(&read_text(&file));
        }
    }
    if totals.lines == 0 {
        eprintln!("  there is no code in {folder}");
        return false;
    }
    totals.print_all();
    true
}

fn is_test(file: &Path) -> bool {
    let path = shown(file);
    let folders = ["/tests/", "/benches/", "/examples/"];
    folders.iter().any(|folder| path.contains(folder)) || path.ends_with("tests.rs")
}

impl Totals {
    fn add_file(&mut self, text: &str) {
        let lines = code_lines(text);
        let functions = find_functions(&lines);
        self.lines += lines.len();
        self.file_lines.push(lines.len());
        self.add_lines(&lines);
        for function in &functions {
            self.function_lines.push(function.lines());
            self.one_word_functions += usize::from(!function.name.contains('_'));
            self.add_body(&lines[function.first..=function.last]);
        }
        self.body_comments += body_comments(&lines, &functions);
    }

    fn add_lines(&mut self, lines: &[&str]) {
        let mut in_docs = false;
        for line in lines {
            let trimmed = line.trim_start();
            self.long_lines += usize::from(line.chars().count() > 100);
            self.citations += line.matches("RFC ").count();
            let is_docs = trimmed.starts_with("///");
            if is_docs && !in_docs {
                self.docs += 1;
                self.docs_of_what += usize::from(trimmed.starts_with("/// What "));
            }
            in_docs = is_docs;
            if trimmed.starts_with("//") {
                continue;
            }
            for combinator in COMBINATORS {
                for (at, _) in line.match_indices(combinator) {
                    self.combinators += usize::from(line[..at].ends_with('.'));
                }
            }
            self.unwraps += line.matches(".unwrap()").count();
            if let Some(name) = type_name(trimmed) {
                *self.types.entry(name.to_owned()).or_default() += 1;
            }
        }
    }

    /// Closures with a name, and names that are bound again.
    fn add_body(&mut self, lines: &[&str]) {
        let mut bound: BTreeSet<&str> = parameter_names(lines);
        for line in lines {
            let Some((name, value)) = split_binding(line.trim_start()) else { continue };
            self.closures += usize::from(value.starts_with('|') || value.starts_with("move |"));
            self.rebinds += usize::from(!bound.insert(name));
        }
    }

    fn print_all(&mut self) {
        let [median, ninth, longest] = spread(&mut self.file_lines);
        println!("  file lines, median / p90 / max        {median} / {ninth} / {longest}");
        let long_functions = count_above(60, self.function_lines.iter());
        let functions = self.function_lines.len();
        let [median, ninth, longest] = spread(&mut self.function_lines);
        println!("  function lines, median / p90 / max    {median} / {ninth} / {longest}");
        let homonyms = count_above(1, self.types.values());
        let shares = [
            ("functions over 60 lines", long_functions, functions),
            ("functions named with one word", self.one_word_functions, functions),
            ("type names with two definitions", homonyms, self.types.len()),
            ("docs that begin with \"What\"", self.docs_of_what, self.docs),
            ("comments in bodies, of all lines", self.body_comments, self.lines),
            ("lines over 100 columns", self.long_lines, self.lines),
        ];
        for (what, count, of) in shares {
            println!("  {what:<36}  {:.1} %", 100.0 * share(count, of));
        }
        let rates = [
            ("combinators per 1,000 lines", self.combinators),
            ("closures with a name", self.closures),
            ("names bound again", self.rebinds),
            ("unwrap()", self.unwraps),
            ("citations of RFCs", self.citations),
        ];
        for (what, count) in rates {
            println!("  {what:<36}  {:.1}", 1000.0 * share(count, self.lines));
        }
    }
}

/// The lines before the test module.
pub(crate) fn code_lines(text: &str) -> Vec<&str> {
    text.lines().take_while(|line| !line.starts_with("#[cfg(test)]")).collect()
}

fn count_above<'c>(limit: usize, counts: impl Iterator<Item = &'c usize>) -> usize {
    counts.filter(|count| **count > limit).count()
}

#[expect(clippy::cast_precision_loss, reason = "counts of lines are far below 2^52")]
fn share(count: usize, of: usize) -> f64 {
    count as f64 / of.max(1) as f64
}

/// The median, the ninth decile and the greatest.
fn spread(values: &mut [usize]) -> [usize; 3] {
    values.sort_unstable();
    [5, 9, 10].map(|tenths| {
        // The greatest is the last, not the one behind it.
        let at = (values.len() * tenths / 10).min(values.len().saturating_sub(1));
        values.get(at).copied().unwrap_or_default()
    })
}

fn find_functions(lines: &[&str]) -> Vec<Function> {
    let mut functions = Vec::new();
    for (first, line) in lines.iter().enumerate() {
        let Some(name) = function_name(line.trim_start()) else { continue };
        let indent = line.len() - line.trim_start().len();
        if let Some(last) = last_line(lines, first, indent) {
            functions.push(Function { name: name.to_owned(), first, last });
        }
    }
    functions
}

/// The line on which the function that begins on `first` ends; `None` if it has no body.
fn last_line(lines: &[&str], first: usize, indent: usize) -> Option<usize> {
    let end = format!("{}}}", " ".repeat(indent));
    for (number, line) in lines.iter().enumerate().skip(first) {
        let one_line = line.ends_with('}') && line.contains('{');
        if *line == end || (number == first && one_line) {
            return Some(number);
        }
        if line.ends_with(';') && !lines[first..=number].iter().any(|line| line.ends_with('{')) {
            return None;
        }
    }
    None
}

fn function_name(line: &str) -> Option<&str> {
    let (before, after) = line.split_once("fn ")?;
    let qualifiers = ["pub", "pub(crate)", "pub(super)", "const", "async"];
    if !before.split_whitespace().all(|word| qualifiers.contains(&word)) {
        return None;
    }
    let end = after.find(['(', '<'])?;
    Some(&after[..end])
}

fn type_name(line: &str) -> Option<&str> {
    let mut item = line;
    for visibility in ["pub(crate) ", "pub(super) ", "pub "] {
        item = item.trim_start_matches(visibility);
    }
    let (keyword, rest) = item.split_once(' ')?;
    // An associated type is indented, and is the name of its trait's.
    let defines = matches!(keyword, "struct" | "enum" | "trait");
    let end = rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
    if defines { Some(&rest[..end]) } else { None }
}

/// The name and the value of `let name = value`.
fn split_binding(line: &str) -> Option<(&str, &str)> {
    let declaration = line.strip_prefix("let ")?;
    let immutable = declaration.strip_prefix("mut ").unwrap_or(declaration);
    let (pattern, value) = immutable.split_once(" = ")?;
    let name = pattern.split(':').next().unwrap_or(pattern);
    // A pattern such as `(a, b)` is none.
    for c in name.chars() {
        if !(c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_') {
            return None;
        }
    }
    Some((name, value))
}

/// The names of a function's parameters.
fn parameter_names<'t>(lines: &[&'t str]) -> BTreeSet<&'t str> {
    let mut names = BTreeSet::new();
    for line in lines {
        for part in line.split(['(', ',']) {
            if let Some((name, _)) = part.split_once(": ") {
                names.insert(name.trim().trim_start_matches("mut "));
            }
        }
        if line.ends_with('{') || line.ends_with('}') {
            break;
        }
    }
    names
}

fn body_comments(lines: &[&str], functions: &[Function]) -> usize {
    // A line of a function within another one counts once.
    let mut inside = BTreeSet::new();
    for function in functions {
        inside.extend(function.first..=function.last);
    }
    let mut comments = 0;
    for number in inside {
        let line = lines[number].trim_start();
        comments += usize::from(line.starts_with("//") && !line.starts_with("///"));
    }
    comments
}

#[cfg(test)]
mod tests {
    use super::*;

    const CODE: &str = "\
/// What holds it.
struct Kept;

/// A doc comment.
pub(crate) fn two_words(text: &str, count: usize) -> usize {
    // RFC 9110 §5.5 is why.
    let text = text.trim();
    let longer = |length: usize| length > count;
    let found = text.find('a').filter(|at| longer(*at)).and_then(|at| at.checked_sub(1));
    found.unwrap()
}

trait Reads {
    fn read(&self) -> usize;
    fn one(&self) -> usize { 1 }
}

#[cfg(test)]
mod tests {
    fn left_out() {}
}
";

    #[test]
    fn each_number_counts_what_it_says() {
        let mut totals = Totals::default();
        totals.add_file(CODE);
        assert_eq!(totals.function_lines, [7, 1]);
        assert_eq!((totals.one_word_functions, totals.closures, totals.rebinds), (1, 1, 1));
        assert_eq!(
            (totals.combinators, totals.unwraps, totals.citations, totals.body_comments),
            (2, 1, 1, 1)
        );
        assert_eq!((totals.docs, totals.docs_of_what), (2, 1));
        assert_eq!(totals.types.keys().collect::<Vec<_>>(), ["Kept", "Reads"]);
    }

    #[test]
    fn a_spread_of_nothing_is_nothing() {
        assert_eq!(spread(&mut []), [0, 0, 0]);
        assert_eq!(spread(&mut [3, 1, 2]), [2, 3, 3]);
    }
}
