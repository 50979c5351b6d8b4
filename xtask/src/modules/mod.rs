//! Which module of a crate may import which: the order of its layers, and no circles.
//!
//! 1. A module that is not in the order of its crate is refused, and so is an import from a lower
//!    layer to a higher one.
//! 2. Files that import each other in a circle are refused, in every crate.
//!
//! Tests are left out: they import from wherever they need to.

mod knots;
mod lexer;
mod resolve;
mod source;
mod tables;

use crate::Findings;
use crate::run::{entries, root};
use knots::{Knot, find_knots};
use resolve::{Import, ModuleTree};
use tables::{ORDERS, Order};

/// Every import in `crates/` that breaks one of the rules above.
pub(crate) fn check() -> Findings {
    let mut findings = Findings::new();
    let mut imports = Vec::new();
    for name in crate_names() {
        let tree = ModuleTree::read_crate(&root().join("crates").join(&name).join("src"));
        let imports_of_crate = tree.imports();
        if let Some(order) = ORDERS.iter().find(|order| order.name == name) {
            findings.extend(check_order(order, &tree, &imports_of_crate));
        }
        imports.extend(imports_of_crate);
    }
    if imports.is_empty() {
        findings.push("no import was found in crates/: the check itself is broken".to_owned());
    }
    findings.extend(find_knots(&imports).iter().map(describe_knot));
    findings
}

fn crate_names() -> Vec<String> {
    let mut names = Vec::new();
    for entry in entries(&root().join("crates")) {
        names.push(entry.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    names
}

/// The modules without a place, and the imports from a lower layer to a higher one.
fn check_order(order: &Order, tree: &ModuleTree, imports: &[Import]) -> Findings {
    let mut findings = Findings::new();
    for (module, file) in tree.files() {
        if !module.is_empty() && layer_of(order, file).is_none() {
            findings.push(format!(
                "{file} is in no layer of {}: give it one in xtask/src/modules/tables.rs",
                order.name
            ));
        }
    }
    for import in imports {
        let (from, to) = (layer_of(order, &import.importer), layer_of(order, &import.imported));
        if let (Some(from), Some(to)) = (from, to)
            && to < from
        {
            findings.push(format!(
                "{}:{}: `{}` is in {}, which is in a higher layer ({})",
                import.importer,
                import.line,
                import.path,
                import.imported,
                order.layers[to].join(", ")
            ));
        }
    }
    findings
}

/// The number of the layer that places a file most closely, counted from the top.
fn layer_of(order: &Order, file: &str) -> Option<usize> {
    let (_, inside) = file.split_once("/src/")?;
    let module = inside.trim_end_matches(".rs");
    let mut closest: Option<(usize, &str)> = None;
    for (number, layer) in order.layers.iter().enumerate() {
        for name in *layer {
            let Some(rest) = module.strip_prefix(name) else { continue };
            // `policy` is not the module of `policy_file.rs`.
            let fits = rest.is_empty() || rest.starts_with('/');
            let is_closer = match closest {
                Some((_, known)) => known.len() < name.len(),
                None => true,
            };
            if fits && is_closer {
                closest = Some((number, name));
            }
        }
    }
    closest.map(|(number, _)| number)
}

fn describe_knot(knot: &Knot<'_>) -> String {
    let mut lines = vec![format!("files that import each other: {}", knot.files.join(", "))];
    for import in &knot.circle {
        lines.push(format!(
            "    {}:{}: `{}` is in {}",
            import.importer, import.line, import.path, import.imported
        ));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    const ORDER: Order = Order {
        name: "upshift-a",
        layers: &[&["top", "policy/rule"], &["policy"], &["bottom", "beside"]],
    };

    fn check_files(files: &[(&str, &str)]) -> Findings {
        let mut tree = ModuleTree::default();
        for (inside, text) in files {
            tree.add(Path::new(inside), format!("crates/upshift-a/src/{inside}"), text);
        }
        check_order(&ORDER, &tree, &tree.imports())
    }

    #[test]
    fn an_import_from_a_lower_layer_to_a_higher_one_is_refused() {
        let findings = check_files(&[
            ("lib.rs", "mod top; mod bottom; mod beside;"),
            ("top.rs", "use crate::bottom::B; pub struct T;"),
            ("bottom.rs", "use crate::beside::C;\nuse crate::top::T; pub struct B;"),
            ("beside.rs", "pub struct C;"),
        ]);
        assert_eq!(
            findings,
            [
                "crates/upshift-a/src/bottom.rs:2: `crate::top::T` is in crates/upshift-a/src/top.rs, \
             which is in a higher layer (top, policy/rule)"
            ]
        );
    }

    #[test]
    fn a_module_without_a_place_is_refused() {
        let findings = check_files(&[("lib.rs", "mod policy_file;"), ("policy_file.rs", "")]);
        assert_eq!(findings.len(), 1);
        assert!(findings[0].starts_with("crates/upshift-a/src/policy_file.rs is in no layer"));
    }

    #[test]
    fn the_longest_path_that_fits_places_a_file() {
        let place = |inside: &str| layer_of(&ORDER, &format!("crates/upshift-a/src/{inside}"));
        assert_eq!(place("policy/rule.rs"), Some(0));
        assert_eq!(place("policy/mod.rs"), Some(1));
        assert_eq!(place("policy/rules.rs"), Some(1));
        assert_eq!(place("lib.rs"), None);
    }

    fn knots() -> Vec<Import> {
        let mut imports = Vec::new();
        for (importer, imported) in [("a.rs", "b.rs"), ("b.rs", "a.rs")] {
            imports.push(Import {
                importer: format!("crates/a/src/{importer}"),
                imported: format!("crates/a/src/{imported}"),
                line: 3,
                path: "crate::x".to_owned(),
            });
        }
        imports
    }

    #[test]
    fn a_knot_is_described_with_its_circle() {
        let imports = knots();
        let findings: Findings = find_knots(&imports).iter().map(describe_knot).collect();
        assert_eq!(
            findings,
            ["files that import each other: crates/a/src/a.rs, crates/a/src/b.rs\n    \
             crates/a/src/a.rs:3: `crate::x` is in crates/a/src/b.rs\n    \
             crates/a/src/b.rs:3: `crate::x` is in crates/a/src/a.rs"]
        );
    }
}
