//! The imports, items and paths of one source file, without those of its tests.

use std::collections::BTreeSet;

use super::lexer::{Placed, Token, tokenize};

/// Keywords that a name follows.
const ITEM_KEYWORDS: &[&str] =
    &["struct", "enum", "union", "trait", "fn", "const", "static", "type", "macro_rules"];

/// The parts of a source file that show what it imports.
#[derive(Debug, Default)]
pub(super) struct Source {
    /// The items that the file defines at its top level, inline modules among them.
    pub(super) items: BTreeSet<String>,
    /// The modules that have a file of their own: `mod name;`.
    pub(super) children: BTreeSet<String>,
    /// The same for tests: `#[cfg(test)] mod name;`.
    pub(super) test_children: BTreeSet<String>,
    pub(super) uses: Vec<Use>,
    /// Every path outside `use` declarations; a single name is a path, too.
    pub(super) paths: Vec<CodePath>,
}

/// A leaf of a `use` declaration.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Use {
    /// The name that it binds; `None` for a glob.
    pub(super) name: Option<String>,
    pub(super) path: CodePath,
    /// True for `pub use` and `pub(…) use`.
    pub(super) is_public: bool,
}

/// A path such as `crate::policy::Rule`, and its line.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct CodePath {
    pub(super) segments: Vec<String>,
    pub(super) line: usize,
}

impl Source {
    pub(super) fn parse(text: &str) -> Self {
        let mut parser = Parser {
            tokens: tokenize(text),
            at: 0,
            depth: 0,
            inline_modules: Vec::new(),
            source: Self::default(),
        };
        while parser.at < parser.tokens.len() {
            parser.parse_next();
        }
        parser.source
    }
}

struct Parser<'t> {
    tokens: Vec<Placed<'t>>,
    at: usize,
    /// The number of open braces.
    depth: usize,
    /// The depths at which inline modules began.
    inline_modules: Vec<usize>,
    source: Source,
}

impl<'t> Parser<'t> {
    fn token_at(&self, at: usize) -> Option<Token<'t>> {
        self.tokens.get(at).map(|placed| placed.token)
    }

    fn token_before(&self, at: usize) -> Option<Token<'t>> {
        self.token_at(at.checked_sub(1)?)
    }

    fn word_at(&self, at: usize) -> Option<&'t str> {
        match self.token_at(at) {
            Some(Token::Word(word)) => Some(word),
            _ => None,
        }
    }

    fn is_symbol(&self, at: usize, symbol: char) -> bool {
        self.token_at(at) == Some(Token::Symbol(symbol))
    }

    fn parse_next(&mut self) {
        match self.tokens[self.at].token {
            Token::Symbol('#') => self.parse_attribute(),
            Token::Symbol('{') => {
                self.depth += 1;
                self.at += 1;
            }
            Token::Symbol('}') => {
                self.depth = self.depth.saturating_sub(1);
                self.inline_modules.pop_if(|begun| *begun == self.depth);
                self.at += 1;
            }
            // `use<'t>` in a bound declares nothing.
            Token::Word("use") if !self.is_symbol(self.at + 1, '<') => self.parse_use(),
            Token::Word("mod") => self.parse_module(),
            Token::Word(word) => {
                if self.depth == 0 && ITEM_KEYWORDS.contains(&word) {
                    self.add_item();
                }
                self.parse_path();
            }
            Token::Symbol(_) | Token::PathSeparator => self.at += 1,
        }
    }

    /// Skips an attribute, and the item below it if that is for tests only.
    fn parse_attribute(&mut self) {
        let is_inner = self.is_symbol(self.at + 1, '!');
        let open = self.at + 1 + usize::from(is_inner);
        if !self.is_symbol(open, '[') {
            self.at += 1;
            return;
        }
        let close = self.closing(open, '[', ']');
        let mut words = Vec::new();
        for at in open..close {
            words.extend(self.word_at(at));
        }
        self.at = close + 1;
        let is_test = words.first() == Some(&"cfg") && words.contains(&"test");
        if is_test && !words.contains(&"not") && !is_inner {
            self.skip_item();
        }
    }

    /// The place of the symbol that closes the one at `open`.
    fn closing(&self, open: usize, opening: char, closing: char) -> usize {
        let mut depth = 0_usize;
        for at in open..self.tokens.len() {
            if self.is_symbol(at, opening) {
                depth += 1;
            } else if self.is_symbol(at, closing) {
                depth -= 1;
                if depth == 0 {
                    return at;
                }
            }
        }
        self.tokens.len()
    }

    fn skip_item(&mut self) {
        while self.is_symbol(self.at, '#') {
            self.at = self.closing(self.at, '[', ']') + 1;
        }
        let mut is_use = false;
        while self.at < self.tokens.len() {
            if let Some(name) = self.child_module() {
                self.source.test_children.insert(name.to_owned());
            }
            is_use |= self.word_at(self.at) == Some("use");
            // The braces of a `use` do not end it.
            if self.is_symbol(self.at, '{') && !is_use {
                self.at = self.closing(self.at, '{', '}') + 1;
                return;
            }
            self.at += 1;
            if self.is_symbol(self.at - 1, ';') {
                return;
            }
        }
    }

    /// The name in the `mod name;` that begins here.
    fn child_module(&self) -> Option<&'t str> {
        let is_child = self.word_at(self.at) == Some("mod") && self.is_symbol(self.at + 2, ';');
        if is_child { self.word_at(self.at + 1) } else { None }
    }

    fn parse_module(&mut self) {
        if let Some(name) = self.child_module() {
            self.source.children.insert(name.to_owned());
        } else if self.is_symbol(self.at + 2, '{') {
            self.add_item();
            self.inline_modules.push(self.depth);
        }
        self.at += 2;
    }

    fn add_item(&mut self) {
        // `macro_rules!` has a symbol in between.
        let after_bang = self.at + 1 + usize::from(self.is_symbol(self.at + 1, '!'));
        if let Some(name) = self.word_at(after_bang) {
            self.source.items.insert(name.to_owned());
        }
    }

    /// Reads a path such as `a::b::c`; what follows a `.` or stands behind a type in angle brackets
    /// is looked up in no module.
    fn parse_path(&mut self) {
        let first = self.at;
        let mut segments = Vec::new();
        while let Some(word) = self.word_at(self.at) {
            segments.push(word.to_owned());
            self.at += 1;
            let goes_on = self.token_at(self.at) == Some(Token::PathSeparator);
            if !goes_on || self.word_at(self.at + 1).is_none() {
                break;
            }
            self.at += 1;
        }
        let before = self.token_before(first);
        let is_member = before == Some(Token::Symbol('.')) && segments.len() == 1;
        if !is_member && before != Some(Token::PathSeparator) {
            let line = self.tokens[first].line;
            let segments = self.outside_inline_modules(segments);
            self.source.paths.push(CodePath { segments, line });
        }
    }

    /// The path as it reads at the top level of the file.
    fn outside_inline_modules(&self, mut segments: Vec<String>) -> Vec<String> {
        for _ in &self.inline_modules {
            if !starts_with_super(&segments) {
                continue;
            }
            segments.remove(0);
            if !starts_with_super(&segments) {
                segments.insert(0, "self".to_owned());
                break;
            }
        }
        segments
    }

    fn parse_use(&mut self) {
        let before = self.token_before(self.at);
        let is_public = matches!(before, Some(Token::Word("pub") | Token::Symbol(')')));
        self.at += 1;
        self.parse_use_tree(&[], is_public);
        self.at += 1;
    }

    /// Reads one tree of a `use` declaration, up to the `,`, `}` or `;` behind it.
    fn parse_use_tree(&mut self, prefix: &[String], is_public: bool) {
        let mut segments = prefix.to_vec();
        let mut name = None;
        let line = self.tokens[self.at.min(self.tokens.len() - 1)].line;
        while let Some(token) = self.token_at(self.at) {
            match token {
                Token::Symbol(',' | '}' | ';') => break,
                Token::Symbol('{') => return self.parse_use_group(&segments, is_public),
                Token::Symbol('*') => segments.push("*".to_owned()),
                Token::Word("as") => {
                    self.at += 1;
                    name = self.word_at(self.at).map(str::to_owned);
                }
                // `a::{self}` is `a`.
                Token::Word("self") if !segments.is_empty() => {}
                Token::Word(word) => segments.push(word.to_owned()),
                Token::PathSeparator | Token::Symbol(_) => {}
            }
            self.at += 1;
        }
        let is_glob = segments.pop_if(|last| last == "*").is_some();
        if !is_glob && name.is_none() {
            name = segments.last().cloned();
        }
        let segments = self.outside_inline_modules(segments);
        self.source.uses.push(Use { name, path: CodePath { segments, line }, is_public });
    }

    fn parse_use_group(&mut self, prefix: &[String], is_public: bool) {
        while self.at < self.tokens.len() && !self.is_symbol(self.at, '}') {
            self.at += 1;
            // Behind the last comma there is nothing more.
            if !self.is_symbol(self.at, '}') {
                self.parse_use_tree(prefix, is_public);
            }
        }
        self.at += 1;
    }
}

fn starts_with_super(segments: &[String]) -> bool {
    matches!(segments, [first, ..] if first == "super")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(source: &Source) -> Vec<String> {
        source.paths.iter().map(|path| path.segments.join("::")).collect()
    }

    fn uses(source: &Source) -> Vec<String> {
        let mut lines = Vec::new();
        for one in &source.uses {
            let name = one.name.as_deref().unwrap_or("*");
            lines.push(format!("{} = {}", name, one.path.segments.join("::")));
        }
        lines
    }

    #[test]
    fn every_leaf_of_a_use_is_found() {
        let source = Source::parse(
            "pub(crate) use crate::a::{self, B, c::{D as E, f::*,},};\nuse super::G;\nstruct H;",
        );
        assert_eq!(
            uses(&source),
            [
                "a = crate::a",
                "B = crate::a::B",
                "E = crate::a::c::D",
                "* = crate::a::c::f",
                "G = super::G"
            ]
        );
        let public: Vec<bool> = source.uses.iter().map(|one| one.is_public).collect();
        assert_eq!(public, [true, true, true, true, false]);
        assert!(source.items.contains("H"));
    }

    /// The imports of tests do not count as imports of the code.
    #[test]
    fn tests_are_left_out() {
        let source = Source::parse(
            "#[cfg(test)]\nuse crate::{a, b};\n#[cfg(test)]\n#[path = \"x.rs\"]\nmod tests;\n\
             mod kept;\n#[cfg(test)]\nfn a() { crate::b::c() }\nfn d() { crate::e() }",
        );
        assert_eq!(uses(&source), Vec::<String>::new());
        assert_eq!(source.test_children.iter().collect::<Vec<_>>(), ["tests"]);
        assert_eq!(source.children.iter().collect::<Vec<_>>(), ["kept"]);
        assert_eq!(paths(&source), ["fn", "d", "crate::e"]);
    }

    #[test]
    fn paths_are_read_without_fields_and_methods() {
        let source = Source::parse("a.b(c::d::<E>(), <F as g::H>::i(), ::std::j(), .k::l)");
        assert_eq!(paths(&source), ["a", "c::d", "E", "F", "as", "g::H", "k::l"]);
    }

    /// `super` in an inline module is the file itself, not the module above the file.
    #[test]
    fn super_in_an_inline_module_is_the_file() {
        let source =
            Source::parse("mod a { use super::B; fn c() { super::super::d() } }\nuse super::e;");
        assert_eq!(uses(&source), ["B = self::B", "e = super::e"]);
        assert!(paths(&source).contains(&"super::d".to_owned()), "{:?}", source.paths);
        assert_eq!(source.items.iter().collect::<Vec<_>>(), ["a"]);
    }
}
