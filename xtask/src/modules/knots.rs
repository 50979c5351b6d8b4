//! Files that import each other in a circle.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::resolve::Import;

/// The imports of each file.
type Graph<'i> = BTreeMap<&'i str, Vec<&'i Import>>;

/// Files each of which imports all others of them, directly or through others.
#[derive(Debug)]
pub(super) struct Knot<'i> {
    pub(super) files: Vec<&'i str>,
    /// A shortest circle through the first file that has one.
    pub(super) circle: Vec<&'i Import>,
}

/// Every knot of more than one file, sorted by its first file.
pub(super) fn find_knots(imports: &[Import]) -> Vec<Knot<'_>> {
    let mut graph = Graph::new();
    for import in imports {
        graph.entry(&import.importer).or_default().push(import);
    }
    let mut reached = BTreeMap::new();
    for file in graph.keys() {
        reached.insert(*file, reachable(&graph, file));
    }
    let mut knots = Vec::new();
    let mut in_a_knot = BTreeSet::new();
    for (file, others) in &reached {
        if !others.contains(file) || in_a_knot.contains(file) {
            continue;
        }
        let mut files = others.clone();
        files.retain(|other| reached.get(other).is_some_and(|back| back.contains(file)));
        in_a_knot.extend(files.iter().copied());
        let circle = shortest_circle(&graph, file);
        knots.push(Knot { files: files.into_iter().collect(), circle });
    }
    knots
}

/// The files that are imported from `start`, directly or through others.
fn reachable<'i>(graph: &Graph<'i>, start: &str) -> BTreeSet<&'i str> {
    let mut reached = BTreeSet::new();
    let mut open = vec![start];
    while let Some(file) = open.pop() {
        for import in graph.get(file).into_iter().flatten() {
            if reached.insert(import.imported.as_str()) {
                open.push(&import.imported);
            }
        }
    }
    reached
}

/// The imports that lead from `start` back to it, as few as possible; empty if none do.
fn shortest_circle<'i>(graph: &Graph<'i>, start: &str) -> Vec<&'i Import> {
    // The import by which each file was reached first.
    let mut reached_by: BTreeMap<&str, &Import> = BTreeMap::new();
    let mut open = VecDeque::from([start]);
    while let Some(file) = open.pop_front() {
        for import in graph.get(file).into_iter().flatten() {
            let imported = import.imported.as_str();
            if !reached_by.contains_key(imported) {
                reached_by.insert(imported, import);
                open.push_back(imported);
            }
        }
    }
    let mut circle = Vec::new();
    let mut file = start;
    while let Some(import) = reached_by.get(file) {
        circle.insert(0, *import);
        file = &import.importer;
        if file == start {
            break;
        }
    }
    circle
}

#[cfg(test)]
mod tests {
    use super::*;

    fn imports(pairs: &[(&str, &str)]) -> Vec<Import> {
        let mut imports = Vec::new();
        for (importer, imported) in pairs {
            imports.push(Import {
                importer: (*importer).to_owned(),
                imported: (*imported).to_owned(),
                line: 1,
                path: String::new(),
            });
        }
        imports
    }

    #[test]
    fn arrows_that_never_lead_back_are_no_knot() {
        assert!(find_knots(&imports(&[("a", "b"), ("a", "c"), ("b", "c")])).is_empty());
    }

    /// A knot has the files that lead back to each other. A file that only imports from a knot, or
    /// is only imported by one, is not in it.
    #[test]
    fn a_knot_holds_the_files_that_lead_back_and_no_others() {
        let imports = imports(&[
            ("a", "b"),
            ("b", "c"),
            ("c", "b"),
            ("c", "d"),
            ("d", "b"),
            ("d", "e"),
            ("x", "y"),
            ("y", "x"),
        ]);
        let knots = find_knots(&imports);
        let files: Vec<_> = knots.iter().map(|knot| knot.files.clone()).collect();
        assert_eq!(files, [vec!["b", "c", "d"], vec!["x", "y"]]);
        let circle: Vec<_> =
            knots[0].circle.iter().map(|import| import.importer.as_str()).collect();
        assert_eq!(circle, ["b", "c"]);
    }
}
