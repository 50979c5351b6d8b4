//! Resolves which file of a crate imports which, by following every name to the file that defines
//! it.
//!
//! Names are followed through re-exports: a file that imports `crate::field::UpgradeList` depends
//! on the file of the type, not on `field/mod.rs`. A file does not depend on what it only
//! re-exports.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::source::{CodePath, Source};
use crate::run::{files, read_text, shown};

/// Imports that go through more re-exports than this are taken for a circle of `use`.
const MOST_HOPS: usize = 16;

/// The files of a crate without those of its tests, and what they import.
#[derive(Default)]
pub(super) struct ModuleTree {
    /// By the path of the module: `[]` for the root, `["serve", "watch"]` for `serve/watch.rs`.
    modules: BTreeMap<Vec<String>, Source>,
    /// Their files, as they read from the folder that was given.
    names: BTreeMap<Vec<String>, String>,
}

/// An import of one file by another.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Import {
    pub(super) importer: String,
    pub(super) imported: String,
    pub(super) line: usize,
    /// The path as it is written, with what `use` adds to it.
    pub(super) path: String,
}

/// The item or module that a path names.
enum Target {
    Module(Vec<String>),
    /// An item in the file of this module.
    Item(Vec<String>),
}

impl ModuleTree {
    /// Reads every source file below `src` of a crate.
    pub(super) fn read_crate(src: &Path) -> Self {
        let mut tree = Self::default();
        for file in files(src, ".rs") {
            let text = read_text(&file);
            tree.add(file.strip_prefix(src).unwrap_or(&file), shown(&file), &text);
        }
        tree.remove_tests();
        tree
    }

    /// Adds a file; `inside` is its path below `src`.
    pub(super) fn add(&mut self, inside: &Path, name: String, text: &str) {
        let module = module_of_file(inside);
        self.modules.insert(module.clone(), Source::parse(text));
        self.names.insert(module, name);
    }

    /// Takes the modules out that are declared below `#[cfg(test)]`, and what is below them.
    pub(super) fn remove_tests(&mut self) {
        let mut tests = BTreeSet::new();
        for (module, source) in &self.modules {
            for child in &source.test_children {
                tests.insert(child_of(module, child));
            }
        }
        self.modules.retain(|module, _| !tests.iter().any(|test| module.starts_with(test)));
    }

    /// The modules and their files.
    pub(super) fn files(&self) -> impl Iterator<Item = (&[String], &str)> {
        self.modules.keys().map(|module| (module.as_slice(), self.names[module].as_str()))
    }

    /// Every import of one file by another, the first line of each pair.
    pub(super) fn imports(&self) -> Vec<Import> {
        let mut imports = Vec::new();
        for (module, source) in &self.modules {
            let mut imported = BTreeSet::from([module.clone()]);
            for path in self.paths_of(module, source) {
                let Some(Target::Item(to)) = self.resolve(module, &path.segments, 0) else {
                    continue;
                };
                if imported.insert(to.clone()) {
                    imports.push(Import {
                        importer: self.names[module].clone(),
                        imported: self.names[&to].clone(),
                        line: path.line,
                        path: path.segments.join("::"),
                    });
                }
            }
        }
        imports
    }

    /// The paths by which a file may depend on another.
    fn paths_of(&self, module: &[String], source: &Source) -> Vec<CodePath> {
        let mut words = BTreeSet::new();
        for path in &source.paths {
            words.extend(path.segments.first());
        }
        let mut paths = Vec::new();
        for one in &source.uses {
            match &one.name {
                Some(name) if !one.is_public || words.contains(name) => {
                    paths.push(one.path.clone());
                }
                Some(_) => {}
                None => paths.extend(self.used_of_glob(module, &one.path, &words)),
            }
        }
        for path in &source.paths {
            if path.segments.len() > 1 {
                paths.push(path.clone());
            }
        }
        paths
    }

    /// The paths of the names that a file takes from a glob import.
    fn used_of_glob(
        &self,
        module: &[String],
        glob: &CodePath,
        words: &BTreeSet<&String>,
    ) -> Vec<CodePath> {
        let Some(Target::Module(opened)) = self.resolve(module, &glob.segments, 0) else {
            return Vec::new();
        };
        let mut paths = Vec::new();
        for word in words {
            if self.look_up(&opened, word, 0).is_some() {
                let mut segments = glob.segments.clone();
                segments.push((*word).clone());
                paths.push(CodePath { segments, line: glob.line });
            }
        }
        paths
    }

    /// Follows a path that is written in `module`; `None` for one that leads to another crate.
    fn resolve(&self, module: &[String], segments: &[String], hops: usize) -> Option<Target> {
        let (first, mut rest) = segments.split_first()?;
        let mut target = match first.as_str() {
            "crate" => Target::Module(Vec::new()),
            "self" => Target::Module(module.to_vec()),
            "super" => Target::Module(parent_of(module)),
            name => self.look_up(module, name, hops)?,
        };
        while let (Target::Module(inside), Some((next, behind))) = (&target, rest.split_first()) {
            target = match next.as_str() {
                "super" => Target::Module(parent_of(inside)),
                name => self.look_up(inside, name, hops)?,
            };
            rest = behind;
        }
        Some(target)
    }

    /// The meaning of a name at the top level of a module.
    fn look_up(&self, module: &[String], name: &str, hops: usize) -> Option<Target> {
        if hops > MOST_HOPS {
            return None;
        }
        let source = self.modules.get(module)?;
        let child = child_of(module, name);
        if source.children.contains(name) && self.modules.contains_key(&child) {
            return Some(Target::Module(child));
        }
        if source.items.contains(name) {
            return Some(Target::Item(module.to_vec()));
        }
        for one in &source.uses {
            // `use name::…;` inside of a module of that name would lead back to itself.
            if one.name.as_deref() == Some(name) && one.path.segments != [name] {
                return self.resolve(module, &one.path.segments, hops + 1);
            }
        }
        for one in &source.uses {
            if one.name.is_some() {
                continue;
            }
            let opened = self.resolve(module, &one.path.segments, hops + 1);
            if let Some(Target::Module(opened)) = opened
                && opened != module
                && let Some(found) = self.look_up(&opened, name, hops + 1)
            {
                return Some(found);
            }
        }
        None
    }
}

/// `serve/watch.rs` and `serve/watch/mod.rs` are `serve::watch`; `lib.rs` and `main.rs` are the
/// root.
fn module_of_file(inside: &Path) -> Vec<String> {
    let mut module = Vec::new();
    for part in inside.with_extension("").iter() {
        module.push(part.to_string_lossy().into_owned());
    }
    let is_root = matches!(module.as_slice(), [name] if name == "lib" || name == "main");
    if is_root {
        module.clear();
    }
    module.pop_if(|last| last == "mod");
    module
}

fn child_of(module: &[String], name: &str) -> Vec<String> {
    let mut child = module.to_vec();
    child.push(name.to_owned());
    child
}

fn parent_of(module: &[String]) -> Vec<String> {
    match module.split_last() {
        Some((_, parent)) => parent.to_vec(),
        None => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The imports of a crate of these files, as `importer → imported`.
    fn imports(files: &[(&str, &str)]) -> Vec<String> {
        let mut tree = ModuleTree::default();
        for (name, text) in files {
            tree.add(Path::new(name), (*name).to_owned(), text);
        }
        tree.remove_tests();
        let mut arrows = Vec::new();
        for import in tree.imports() {
            arrows.push(format!("{} → {}", import.importer, import.imported));
        }
        arrows
    }

    /// A name that `mod.rs` re-exports is followed to the file that defines it. Otherwise, every
    /// file of a folder would be in a circle with its `mod.rs`.
    #[test]
    fn a_re_export_is_followed_to_the_file_that_defines_the_name() {
        let files = [
            ("lib.rs", "mod field; mod list; pub use field::List as Names;"),
            ("field/mod.rs", "mod entry; pub use entry::*; pub(crate) use crate::list::List;"),
            ("field/entry.rs", "use super::List; pub struct Entry(List);"),
            ("list.rs", "pub struct List; fn a() { crate::field::Entry::new() }"),
        ];
        assert_eq!(imports(&files), ["field/entry.rs → list.rs", "list.rs → field/entry.rs"]);
    }

    #[test]
    fn a_re_export_that_the_file_uses_itself_is_an_import() {
        let files = [
            (
                "main.rs",
                "mod list; mod other; pub use list::List; pub use other::Other; fn a(l: List) {}",
            ),
            ("list.rs", "pub struct List;"),
            ("other.rs", "pub struct Other;"),
        ];
        assert_eq!(imports(&files), ["main.rs → list.rs"]);
    }

    #[test]
    fn a_path_without_use_is_an_import() {
        let files = [
            ("lib.rs", "mod a; mod b;"),
            ("a.rs", "mod inner; use crate::b; fn c() { b::d(); inner::e(); std::f::g() }"),
            ("a/inner.rs", "pub fn e() {}"),
            ("b.rs", "use super::a::inner::*; pub fn d() { e() }"),
        ];
        assert_eq!(imports(&files), ["a.rs → b.rs", "a.rs → a/inner.rs", "b.rs → a/inner.rs"]);
    }

    #[test]
    fn a_file_of_tests_imports_nothing() {
        let files = [
            ("lib.rs", "mod a; #[cfg(test)] mod checks;"),
            ("a.rs", "pub struct A;"),
            ("checks/mod.rs", "mod more; use crate::a::A;"),
            ("checks/more.rs", "use crate::a::A;"),
        ];
        assert_eq!(imports(&files), Vec::<String>::new());
    }
}
