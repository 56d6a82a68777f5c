//! The house is in order: nothing is in the tree that does not belong there, lines and functions
//! are short enough to be read, and every package says the same of the library.
//!
//! What is looked at is what git has; without git, what the directory has and a build did not make.

use std::fs;
use std::path::Path;
use std::process::Command;

/// What the top level has.
const TOP: &[&str] = &[
    ".ci",
    ".gitignore",
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "Makefile",
    "README.md",
    "abi",
    "benches",
    "bindings",
    "build.rs",
    "cbindgen.toml",
    "docs",
    "examples",
    "findings",
    "fuzz",
    "include",
    "packaging",
    "rustfmt.toml",
    "scripts",
    "src",
    "tests",
];

/// What only a program that ran leaves: files of a store, and what compilers make.
const LEFT_BEHIND: &[&str] = &["LOCK", "clean", "store.fbat"];
const LEFT_ENDINGS: &[&str] =
    &["log", "idx", "run", "tmp", "o", "a", "so", "pyc", "whl", "class", "jar", "orig", "rej"];

/// Where stores belong.
const STORES: &[&str] = &["tests/golden/stores/", "fuzz/seeds/"];

/// The most columns of a line of code or Markdown.
const COLUMNS_MAX: usize = 100;
/// The most lines of a Rust function, from `fn` to its last brace.
const FUNCTION_MAX: usize = 70;

/// What is not written by hand, or not for reading: of any length. What ends in no letter is the
/// beginning of names.
const LONG: &[&str] = &[
    "Cargo.lock",
    "LICENSE-",
    "abi/libfbat.abi",
    "benches/Cargo.lock",
    "benches/bindings/results.md",
    "benches/results.",
    "benches/scale-many.",
    "benches/scale.",
    "bindings/node/package-lock.json",
    "docs/features.md",
    "examples/data/",
    "fuzz/Cargo.lock",
    "fuzz/seeds/",
    "include/fbat.h",
    "include/fbat_ffi.h",
    "tests/canaries/",
    "tests/golden/",
];

/// Files of what git has, or of the tree that is left of it in a tarball.
fn files() -> Vec<String> {
    let git = Command::new("git").args(["ls-files", "-z"]).current_dir(root()).output();
    match git {
        Ok(output) if output.status.success() && root().join(".git").exists() => {
            let text = String::from_utf8(output.stdout).unwrap();
            let named = text.split_terminator('\0').map(str::to_owned);
            named.filter(|name| root().join(name).is_file()).collect()
        }
        _ => {
            let mut found = Vec::new();
            walk(root(), &mut found);
            found
        }
    }
}

fn walk(directory: &Path, found: &mut Vec<String>) {
    let made = ["target", "build", "node_modules", "dist", "vendor", ".cargo", "__pycache__"];
    for entry in fs::read_dir(directory).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if made.iter().any(|name| entry.file_name() == *name) {
            continue;
        }
        match path.is_dir() {
            true => walk(&path, found),
            false => found.push(path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned()),
        }
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
}

/// Why a file does not belong in the tree.
fn stray(name: &str) -> Option<String> {
    let top = name.split('/').next().unwrap_or(name);
    if !TOP.contains(&top) {
        return Some(format!("{name}: {top} is nothing that the top level has"));
    }
    let file = name.rsplit('/').next().unwrap_or(name);
    let ending = file.rsplit_once('.').map_or("", |(_, ending)| ending);
    let left = LEFT_BEHIND.contains(&file) || LEFT_ENDINGS.contains(&ending);
    let belongs = STORES.iter().any(|place| name.starts_with(place));
    (left && !belongs).then(|| format!("{name}: a program left it there"))
}

#[test]
fn nothing_strays_into_the_tree() {
    let strays: Vec<String> = files().iter().filter_map(|name| stray(name)).collect();
    assert!(strays.is_empty(), "\n{}\n", strays.join("\n"));
    for name in ["x/LOCK", "x/store.fbat", "notes.txt", "tests/store.fbat", "src/a.o", "docs/1.log"]
    {
        assert!(stray(name).is_some(), "{name} is not noticed");
    }
    assert_eq!(stray("tests/golden/stores/v1/plain/store.fbat"), None);
}

/// Whether a file is code or Markdown.
fn is_prose_or_code(name: &str) -> bool {
    let file = name.rsplit('/').next().unwrap_or(name);
    let ending = file.rsplit_once('.').map_or("", |(_, ending)| ending);
    let written = [
        "c", "h", "hpp", "cpp", "rs", "go", "py", "pyi", "ts", "mjs", "java", "sh", "md", "toml",
        "css",
    ];
    written.contains(&ending)
        || file == "Makefile"
        || (!file.contains('.') && (name.starts_with("scripts/") || name.starts_with("bindings/")))
        || name.starts_with("tests/outside/")
}

/// Lines that are too long, but for rows of tables and words that cannot be broken.
fn long_lines(name: &str, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let columns: usize = line.chars().map(|c| if c == '\t' { 4 } else { 1 }).sum();
        let table = name.ends_with(".md") && line.trim_start().starts_with('|');
        let link = line.split(' ').any(|word| word.contains("://") && word.len() > 40);
        if columns > COLUMNS_MAX && !table && !link {
            found.push(format!("{name}:{}: {columns} columns", number + 1));
        }
    }
    found
}

fn may_be_long(name: &str) -> bool {
    LONG.iter().any(|long| match long.ends_with(char::is_alphanumeric) {
        true => name == *long,
        false => name.starts_with(long),
    })
}

#[test]
fn lines_are_at_most_100_columns() {
    let mut found = Vec::new();
    for name in files() {
        if is_prose_or_code(&name) && !may_be_long(&name) {
            found.extend(long_lines(&name, &read(&name)));
        }
    }
    assert!(found.is_empty(), "{} lines:\n{}\n", found.len(), found.join("\n"));
    let long = "x".repeat(COLUMNS_MAX + 1);
    assert_eq!(long_lines("a.rs", &format!("short\n{long}\n")), ["a.rs:2: 101 columns"]);
    assert!(long_lines("a.md", &format!("| {long} |")).is_empty());
    assert!(!long_lines("a.rs", &format!("| {long} |")).is_empty());
}

/// Functions that are too long. What rustfmt has formatted ends where a brace has the indentation
/// of `fn`.
fn long_functions(name: &str, text: &str) -> Vec<String> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let code = line.trim_start();
        let indent = line.len() - code.len();
        let first = code.split("fn ").next().unwrap_or("");
        let words = ["pub", "const", "async", "unsafe", "extern", "\"C\"", "pub(crate)"];
        let is_start = code.contains("fn ")
            && first.split_whitespace().all(|w| words.contains(&w) || w.starts_with("pub("));
        if !is_start || code.ends_with('}') || code.ends_with(';') {
            continue;
        }
        let closing = |line: &&str| {
            let code = line.trim_start();
            line.len() - code.len() == indent && (code == "}" || code.ends_with(';'))
        };
        let length = lines[start + 1..].iter().position(closing).map_or(0, |at| at + 2);
        if length > FUNCTION_MAX {
            found.push(format!("{name}:{}: {length} lines: {code}", start + 1));
        }
    }
    found
}

#[test]
fn functions_are_at_most_70_lines() {
    let rust = files().into_iter().filter(|name| name.ends_with(".rs"));
    let found: Vec<String> = rust.flat_map(|name| long_functions(&name, &read(&name))).collect();
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
    let of =
        |lines: usize| format!("    pub fn f() {{\n{}    }}\n", "        g();\n".repeat(lines - 2));
    assert!(long_functions("a.rs", &of(FUNCTION_MAX)).is_empty());
    assert_eq!(long_functions("a.rs", &of(FUNCTION_MAX + 1)).len(), 1);
}

/// What stands between two texts.
fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    text.split_once(before)?.1.split_once(after).map(|(found, _)| found)
}

/// What each package says of itself: where, the words before and after it, and what it must be.
fn sayings() -> Vec<(&'static str, &'static str, &'static str, String)> {
    let manifest = read("Cargo.toml");
    let version = between(&manifest, "\nversion = \"", "\"").unwrap().to_owned();
    let licence = between(&manifest, "\nlicense = \"", "\"").unwrap().to_owned();
    let numbers: Vec<&str> = version.split('.').collect();
    let soversion = if numbers[0] == "0" { format!("0.{}", numbers[1]) } else { numbers[0].into() };
    let v = || version.clone();
    let l = || licence.clone();
    vec![
        ("include/fbat.h", "#define FBAT_VERSION \"", "\"", v()),
        ("bindings/node/package.json", "\"version\": \"", "\"", v()),
        ("bindings/node/package.json", "\"license\": \"", "\"", l()),
        ("bindings/node/package-lock.json", "\"version\": \"", "\"", v()),
        ("bindings/python/pyproject.toml", "\nlicense = \"", "\"", l()),
        ("bindings/python/pyproject.toml", "dynamic = [\"", "\"", "version".into()),
        ("bindings/java/pom.xml", "\n  <version>", "<", v()),
        ("bindings/java/pom.xml", "<license>\n      <name>", "<", l()),
        ("packaging/fbat.pc.in", "\nVersion: ", "\n", "@VERSION@".into()),
        ("packaging/fbat.pc.in", "\nLicense: ", "\n", "@LICENSE@".into()),
        ("packaging/fbatConfig.cmake.in", "SPDX_LICENSE \"", "\"", "@LICENSE@".into()),
        ("packaging/fbatConfigVersion.cmake.in", "PACKAGE_VERSION \"", "\"", "@VERSION@".into()),
        ("packaging/debian/changelog", "fbat (", "-", v()),
        ("packaging/debian/control", "Package: libfbat", "\n", soversion),
        ("packaging/debian/copyright", "\nLicense: ", "\n", licence.replace("OR", "or")),
    ]
}

#[test]
fn every_package_says_the_same_version_and_licence() {
    let mut wrong = Vec::new();
    for (file, before, after, expected) in sayings() {
        let text = format!("\n{}", read(file));
        let found = between(&text, before, after);
        if found != Some(&expected) {
            wrong.push(format!("{file}: {found:?} after {before:?} is not {expected:?}"));
        }
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

/// Where the project will be; packages must say something that can exist.
const HOME: &str = "github.com/fbat-db/fbat";

/// Words that would lead somewhere that is not this project's.
fn invented(name: &str, text: &str) -> Vec<String> {
    let hosts = ["github.com/", "gitlab.com/", "example.com", "example.org"];
    let hosts =
        hosts.map(|host| if host.ends_with('/') { format!("{host}fbat") } else { host.into() });
    let keys = ["homepage =", "repository =", "\"homepage\":", "\"repository\":", "Homepage:"];
    let lines = text.lines().enumerate().filter(|(_, line)| {
        let others = line.replace(HOME, "");
        hosts.iter().any(|host| others.contains(host.as_str()))
            || (keys.iter().any(|key| line.trim_start().starts_with(key)) && !line.contains(HOME))
    });
    lines.map(|(number, line)| format!("{name}:{}: {line}", number + 1)).collect()
}

#[test]
fn no_address_is_invented() {
    let mut found = Vec::new();
    for name in files() {
        let skipped = ["tests/contract/house.rs", "fuzz/seeds/", "tests/golden/", "examples/data/"];
        if !skipped.iter().any(|skip| name.starts_with(skip)) && !name.ends_with("lock.json") {
            let bytes = fs::read(root().join(&name)).unwrap();
            found.extend(invented(&name, &String::from_utf8_lossy(&bytes)));
        }
    }
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
    assert!(!invented("a.toml", "homepage = \"https://fbat.example\"").is_empty());
    assert!(!invented("a.md", "https://github.com/fbat/fbat").is_empty());
    assert!(invented("a.toml", &format!("homepage = \"https://{HOME}\"")).is_empty());
}
