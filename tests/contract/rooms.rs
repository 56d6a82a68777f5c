//! The rooms of `src/`: which may name which, and that no files name each other in a circle.
//!
//! Read are the paths that begin with `crate::`, `super::` or `self::`, in `use` and elsewhere, but
//! for tests. What a method of a type from below calls is not seen.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// Each room, and the rooms that it may name. A file belongs to the longest name that its own
/// begins with.
const ROOMS: &[(&str, &[&str])] = &[
    ("engine::model", &[]),
    ("engine::platform", &["engine::model"]),
    ("engine::format", &["engine::model", "engine::platform"]),
    ("engine::index", &["engine::model", "engine::platform", "engine::format"]),
    ("engine::log", &["engine::model", "engine::platform", "engine::format", "engine::index"]),
    (
        "engine::store",
        &["engine::model", "engine::platform", "engine::format", "engine::index", "engine::log"],
    ),
    (
        "engine::import",
        &["engine::model", "engine::platform", "engine::format", "engine::log", "engine::store"],
    ),
    (
        "engine::repair",
        &[
            "engine::model",
            "engine::platform",
            "engine::format",
            "engine::index",
            "engine::log",
            "engine::store",
        ],
    ),
    // What fuzzing sees of the formats.
    ("engine", &["engine::format", "engine::index", "engine::log"]),
    ("ffi::boundary", &["engine::model", "engine::platform", "engine::log", "engine::store"]),
    ("ffi", OF_FFI),
];

/// What the C ABI may name of the engine, and the floor that its sections stand on.
const OF_FFI: &[&str] = &[
    "engine::model",
    "engine::platform",
    "engine::log",
    "engine::store",
    "engine::import",
    "engine::repair",
    "ffi::boundary",
];

/// Where files are checked for circles.
const WITHOUT_CIRCLES: &[&str] = &["engine", "ffi"];

/// For each file, by its module path, the files that it names and what it names of them.
type Arrows = BTreeMap<String, BTreeMap<String, String>>;

#[test]
fn every_room_names_only_rooms_below_it() {
    let mut faults = Vec::new();
    for (from, named) in arrows(Path::new("src")) {
        for (to, what) in named {
            let (room, other) = (room_of(&from), room_of(&to));
            let may = ROOMS.iter().find(|(name, _)| *name == room).map_or(&[][..], |(_, may)| may);
            if room != other && !may.contains(&other) {
                faults.push(format!(
                    "{} names {what} of {}: {room} may not name {other}, only {may:?}",
                    file(&from),
                    file(&to),
                ));
            }
        }
    }
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

#[test]
fn no_files_name_each_other_in_a_circle() {
    let arrows = arrows(Path::new("src"));
    let mut circles = BTreeSet::new();
    for start in arrows.keys().filter(|name| is_below(name, WITHOUT_CIRCLES)) {
        if let Some(path) = path_back(&arrows, start) {
            let least = (0..path.len()).min_by_key(|at| &path[*at]).unwrap_or(0);
            let ring: Vec<String> =
                path.iter().cycle().skip(least).take(path.len() + 1).map(|m| file(m)).collect();
            circles.insert(ring.join(" -> "));
        }
    }
    let circles: Vec<String> = circles.into_iter().collect();
    assert!(circles.is_empty(), "files name each other in a circle:\n{}\n", circles.join("\n"));
}

#[test]
fn an_arrow_is_seen_wherever_it_is_written() {
    let source =
        "//! crate::a\nuse super::b::{self, c::{D, E}};\npub(crate) use crate::f::G as H;\n\
        fn f(x: &crate::i::J) -> super::super::k::L { x } // super::m\n\
        #[cfg(test)]\nmod tests {\n    use crate::n;\n}\n";
    let paths = paths(source, "o::p::q", false);
    let expected = ["o::p::b", "o::p::b::c::D", "o::p::b::c::E", "f::G", "i::J", "o::k::L"];
    assert_eq!(paths, expected.map(str::to_owned));
}

fn is_below(module: &str, rooms: &[&str]) -> bool {
    rooms
        .iter()
        .any(|r| module.strip_prefix(r).is_some_and(|m| m.is_empty() || m.starts_with("::")))
}

fn room_of(module: &str) -> &'static str {
    let of = ROOMS.iter().map(|(room, _)| *room).filter(|room| is_below(module, &[room]));
    of.max_by_key(|room| room.len()).unwrap_or("lib")
}

fn file(module: &str) -> String {
    format!("src/{}", module.replace("::", "/"))
}

/// The shortest way from a file over others back to it.
fn path_back<'a>(arrows: &'a Arrows, start: &'a str) -> Option<Vec<&'a str>> {
    let (mut paths, mut seen) = (vec![vec![start]], BTreeSet::new());
    while !paths.is_empty() {
        let mut longer = Vec::new();
        for path in paths {
            for next in arrows.get(path[path.len() - 1])?.keys() {
                if next == start {
                    return Some(path);
                }
                if seen.insert(next.as_str()) {
                    longer.push([&path[..], &[next.as_str()]].concat());
                }
            }
        }
        paths = longer;
    }
    None
}

fn arrows(root: &Path) -> Arrows {
    let mut files = Vec::new();
    collect(root, &mut files);
    let modules: BTreeSet<String> = files.iter().map(|(module, ..)| module.clone()).collect();
    let mut arrows = Arrows::new();
    for (module, is_root, source) in files {
        let named = arrows.entry(module.clone()).or_default();
        for path in paths(&source, &module, is_root) {
            let parts: Vec<&str> = path.split("::").collect();
            let of = (1..=parts.len()).rev().map(|n| parts[..n].join("::"));
            if let Some(to) = of.into_iter().find(|name| modules.contains(name)) {
                if to != module {
                    named.insert(to.clone(), path[to.len()..].trim_start_matches("::").to_owned());
                }
            }
        }
    }
    arrows
}

/// Module path, whether it is that of a directory, and text of every Rust file.
fn collect(dir: &Path, files: &mut Vec<(String, bool, String)>) {
    for entry in fs::read_dir(dir).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let stem = path.strip_prefix("src").unwrap().with_extension("");
            let parts: Vec<&str> = stem.iter().map(|part| part.to_str().unwrap()).collect();
            let is_root = parts.ends_with(&["mod"]);
            let parts = if is_root { &parts[..parts.len() - 1] } else { &parts[..] };
            files.push((parts.join("::"), is_root, fs::read_to_string(&path).unwrap()));
        }
    }
}

/// The paths that a source names, from the root of the crate. `is_root`: it is a `mod.rs`.
fn paths(source: &str, module: &str, is_root: bool) -> Vec<String> {
    let code = source.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
    let code: String =
        code.lines().map(|l| l.split("//").next().unwrap_or("").to_owned() + "\n").collect();
    let mut found = Vec::new();
    for start in ["crate::", "super::", "self::"] {
        for (at, _) in code.match_indices(start) {
            let before = code[..at].chars().next_back().unwrap_or(' ');
            if !before.is_alphanumeric() && before != '_' && before != ':' {
                found.push((at, tree_at(&code[at..])));
            }
        }
    }
    found.sort();
    let leaves = found.into_iter().flat_map(|(_, tree)| leaves(&tree));
    leaves.map(|leaf| from_root(&leaf, module, is_root)).collect()
}

/// The path, or tree of paths, that the text begins with.
fn tree_at(text: &str) -> String {
    let (mut depth, mut tree) = (0, String::new());
    for c in text.chars() {
        match c {
            '{' if depth > 0 || tree.ends_with("::") => depth += 1,
            '}' if depth > 0 => depth -= 1,
            _ if depth > 0 || c == ':' || c == '_' || c.is_alphanumeric() => {}
            _ => break,
        }
        tree.push(c);
    }
    tree
}

fn leaves(tree: &str) -> Vec<String> {
    let Some((prefix, rest)) = tree.split_once('{') else {
        let path = tree.trim().split(" as ").next().unwrap_or_default();
        return if path.is_empty() { Vec::new() } else { vec![path.to_owned()] };
    };
    let body = &rest[..rest.rfind('}').unwrap_or(rest.len())];
    let (mut depth, mut parts) = (0, vec![String::new()]);
    for c in body.chars() {
        depth += i32::from(c == '{') - i32::from(c == '}');
        match c {
            ',' if depth == 0 => parts.push(String::new()),
            _ => parts.last_mut().unwrap().push(c),
        }
    }
    let below = parts.iter().flat_map(|part| leaves(part));
    below.map(|leaf| prefix.trim().to_owned() + &leaf).collect()
}

fn from_root(path: &str, module: &str, is_root: bool) -> String {
    let mut base: Vec<&str> = module.split("::").collect();
    let mut rest: Vec<&str> = path.split("::").filter(|part| !part.is_empty()).collect();
    if !is_root && rest[0] == "super" {
        base.pop();
        rest.remove(0);
    }
    if rest.first() == Some(&"crate") {
        base.clear();
    }
    for part in rest {
        match part {
            "super" => _ = base.pop(),
            "crate" | "self" => {}
            part => base.push(part),
        }
    }
    base.join("::")
}
