//! The header is the product: it is what `src/ffi` says, every compiler takes it, the library
//! exports what it declares, and everything in it is documented.

mod generate;
mod layout;
mod tools;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use tools::{altered_header, root, run, run_c, scratch};

/// Where two texts part: the line and what each has there.
fn difference(committed: &str, fresh: &str) -> Option<String> {
    let (mut left, mut right) = (committed.lines(), fresh.lines());
    for number in 1.. {
        match (left.next(), right.next()) {
            (None, None) => return None,
            (a, b) if a == b => {}
            (a, b) => {
                return Some(format!(
                    "line {number}: {a:?} is committed, {b:?} is what src/ffi gives"
                ))
            }
        }
    }
    None
}

fn committed(name: &str) -> String {
    fs::read_to_string(root().join("include").join(name)).unwrap_or_default()
}

#[test]
fn the_committed_headers_are_what_src_ffi_gives() {
    let header = generate::header(root());
    for (name, fresh) in [("fbat.h", header.clone()), ("fbat_ffi.h", generate::ffi_header(&header))]
    {
        if std::env::var_os("FBAT_BLESS").is_some_and(|v| v == "1") {
            fs::write(root().join("include").join(name), &fresh).unwrap();
        }
        if let Some(difference) = difference(&committed(name), &fresh) {
            panic!("include/{name} is out of date (FBAT_BLESS=1 makes it anew): {difference}");
        }
    }
}

#[test]
fn a_header_that_drifted_is_noticed() {
    let header = generate::header(root());
    for (from, to) in
        [("FBAT_ERR_BUSY 400", "FBAT_ERR_BUSY 401"), ("uint64_t sequence;", "uint32_t sequence;")]
    {
        assert!(difference(&header.replacen(from, to, 1), &header).is_some());
    }
    assert!(difference(header.trim_end_matches("*/\n"), &header).is_some());
}

/// Every dialect, and the compilers that must take it.
const DIALECTS: [(&str, &[&str]); 9] = [
    ("c99", &["gcc", "clang"]),
    ("c11", &["gcc", "clang"]),
    ("c17", &["gcc", "clang"]),
    ("gnu2x", &["gcc", "clang"]),
    ("c++11", &["g++", "clang++"]),
    ("c++14", &["g++", "clang++"]),
    ("c++17", &["g++", "clang++"]),
    ("c++20", &["g++", "clang++"]),
    ("c++2b", &["g++", "clang++"]),
];

/// A program that uses every initializer.
fn program_with_initializers() -> String {
    let header = committed("fbat.h");
    let names = header
        .lines()
        .filter_map(|line| line.strip_prefix("#define ")?.split_once("_INIT"))
        .map(|(n, _)| n);
    let uses: String = names
        .map(|name| {
            let (kind, variable) = (name.to_lowercase(), name.to_lowercase().replacen("fbat_", "a_", 1));
            format!("  {kind} {variable} = {name}_INIT;\n  (void)sizeof {variable};\n  (void){variable};\n")
        })
        .collect();
    assert!(uses.contains("fbat_event a_event = FBAT_EVENT_INIT") && uses.contains("fbat_id a_id"));
    format!("#include \"fbat.h\"\nint main(void) {{\n{uses}  return 0;\n}}\n")
}

fn compile_everywhere(name: &str, source: &str, include: &Path) -> Vec<String> {
    let directory = scratch(name);
    let mut failures = Vec::new();
    for (dialect, compilers) in DIALECTS {
        let file = directory.join(if dialect.starts_with("c++") { "main.cpp" } else { "main.c" });
        fs::write(&file, source).unwrap();
        for compiler in compilers {
            failures.extend(tools::check_syntax(compiler, dialect, &file, include).err());
        }
    }
    failures
}

#[test]
fn every_dialect_of_c_and_cpp_takes_the_header_and_each_initializer_without_a_warning() {
    let failures =
        compile_everywhere("dialects", &program_with_initializers(), &root().join("include"));
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn an_initializer_that_lacks_a_member_is_noticed() {
    let include = altered_header(
        "short-initializer",
        "{sizeof(fbat_frontier), 0, 0}",
        "{sizeof(fbat_frontier), 0}",
    );
    let failures =
        compile_everywhere("short-initializer-dialects", &program_with_initializers(), &include);
    assert_eq!(failures.len(), DIALECTS.len() * 2, "{}", failures.join("\n"));
}

#[test]
fn the_program_on_the_first_page_compiles_and_runs() {
    let header = committed("fbat.h");
    let (_, rest) = header.split_once("@code{.c}\n").unwrap();
    let (code, _) = rest.split_once(" * @endcode").unwrap();
    let program: String =
        code.lines().map(|line| format!("{}\n", line.get(3..).unwrap_or(""))).collect();
    let store = scratch("first-page-store").join("orders.fbat");
    let output =
        run_c("first-page", &program, &root().join("include"), &[store.to_str().unwrap()]).unwrap();
    assert_eq!(output, "event 2 is version 1 of its order\norder:1: 2 apples\n");
}

/// The functions that a header declares.
fn declared(header: &str) -> BTreeSet<String> {
    let code = generate::ffi_header(header);
    // A name in front of a parenthesis, where a declaration begins at the start of a line.
    let starts = code.lines().filter(|line| {
        line.starts_with(|c: char| c.is_alphabetic()) && !line.starts_with("typedef")
    });
    let name = |line: &str| Some(line.split_once('(')?.0.rsplit([' ', '*']).next()?.to_owned());
    starts.filter_map(name).collect()
}

/// The symbols that the library exports.
fn exported() -> BTreeSet<String> {
    let symbols = run("nm", &["-D", "--defined-only", tools::library().to_str().unwrap()]).unwrap();
    symbols.lines().filter_map(|line| Some(line.split_whitespace().nth(2)?.to_owned())).collect()
}

#[test]
fn the_library_exports_what_the_header_declares_and_nothing_else() {
    let mut declared = declared(&committed("fbat.h"));
    assert!(
        declared.len() > 100
            && declared.contains("fbat_import")
            && declared.contains("fbat_version_string")
    );
    // The library of the tests has seams; `scripts/abi shipped` looks at the one without.
    let seams = fs::read_to_string(root().join("tests/abi/internal.h")).unwrap();
    declared.extend(self::declared(&seams));
    assert_eq!(exported(), declared);
    let with_another = committed("fbat.h") + "void fbat_not_there(void);\n";
    assert_ne!(exported(), self::declared(&with_another));
}

#[test]
fn the_macro_free_header_is_for_parsers_without_a_preprocessor() {
    let text = committed("fbat_ffi.h");
    assert!(!text.contains('#') && !text.contains("FBAT_NODISCARD") && !text.contains("extern"));
    assert!(text.contains("  FBAT_ERR_BUSY = 400,") && text.contains("  FBAT_WIRE_LENIENT = 1,"));
    assert_eq!(declared(&text), declared(&committed("fbat.h")));
    let file = scratch("macro-free").join("main.c");
    fs::write(
        &file,
        format!("#include <stdbool.h>\n#include <stddef.h>\n#include <stdint.h>\n{text}"),
    )
    .unwrap();
    tools::check_syntax("gcc", "c99", &file, &root().join("include")).unwrap();
    // Python's cffi has a parser of its own; where it is not installed, gcc has to do.
    if run("python3", &["-c", "import cffi"]).is_ok() {
        let program = "import cffi; f = cffi.FFI(); f.cdef(open('include/fbat_ffi.h').read()); \
                       print(f.sizeof('fbat_event'), f.typeof('fbat_filter_fn').args[1].cname)";
        let size = size_of::<fbat::ffi::append::fbat_event>();
        assert_eq!(run("python3", &["-c", program]).unwrap(), format!("{size} fbat_record *\n"));
    }
}

#[test]
fn the_library_names_its_interface_and_stays_loaded() {
    let interface = format!(
        "libfbat.so.{}.{}",
        env!("CARGO_PKG_VERSION_MAJOR"),
        env!("CARGO_PKG_VERSION_MINOR")
    );
    assert_eq!(tools::soname(), interface);
    let dynamic = run("readelf", &["-d", tools::library().to_str().unwrap()]).unwrap();
    assert!(dynamic.contains("NODELETE"), "{dynamic}");
}

#[test]
fn header_library_and_package_have_one_version() {
    let program = "#include \"fbat.h\"\n#include <stdio.h>\n#include <string.h>\nint main(void) {\n\
        printf(\"%s %s %u.%u.%u %d %s\", FBAT_VERSION, fbat_version_string(), FBAT_VERSION_MAJOR, FBAT_VERSION_MINOR, \
        FBAT_VERSION_PATCH, FBAT_ABI_VERSION == fbat_abi_version(), FBAT_PROVENANCE_MAGIC);\nreturn 0;\n}\n";
    let version = env!("CARGO_PKG_VERSION");
    let magic = std::str::from_utf8(fbat::engine::model::provenance::MAGIC).unwrap();
    let output = run_c("versions", program, &root().join("include"), &[]).unwrap();
    assert_eq!(output, format!("{version} {version} {version} 1 {magic}"));
    let schema = u32::from(fbat::engine::model::provenance::SCHEMA_VERSION);
    assert_eq!(fbat::ffi::provenance::FBAT_PROVENANCE_SCHEMA_VERSION, schema);
}

/// What a function's comment lacks.
fn undocumented(header: &str) -> Vec<String> {
    let mut faults = Vec::new();
    for block in header.split("/**\n").skip(1) {
        let Some((comment, code)) = block.split_once("*/\n") else { continue };
        let code: String =
            code.lines().take_while(|line| !line.is_empty() && !line.starts_with("/*")).collect();
        if code.contains("@defgroup")
            || code.is_empty()
            || code.starts_with(' ')
            || comment.contains("@defgroup")
        {
            continue;
        }
        let name = code.chars().take(80).collect::<String>();
        let mut require = |condition: bool, what: &str| {
            if !condition {
                faults.push(format!("{name}: {what}"));
            }
        };
        require(comment.contains("@since 0."), "no @since");
        let is_function = code.ends_with(");") && !code.starts_with("typedef");
        if is_function {
            require(comment.contains("@par Threads"), "no word on threads");
            let declaration = code.trim_start_matches("FBAT_NODISCARD").trim_start();
            require(
                !declaration.starts_with("fbat_status ")
                    || comment.contains("@retval FBAT_OK")
                    || comment.contains("@return"),
                "no status",
            );
            require(!declaration.starts_with("void *") || comment.contains("@return"), "no result");
        }
        let statuses = comment.split("FBAT_ERR_").skip(1);
        for status in statuses {
            let status: String = status
                .chars()
                .take_while(|c| c.is_ascii_uppercase() || *c == '_' || *c == '8')
                .collect();
            let known = header.contains(&format!("#define FBAT_ERR_{status} "))
                || status.is_empty()
                || status == "UNKNOWN";
            require(known, &format!("FBAT_ERR_{status} is no status"));
        }
    }
    faults
}

#[test]
fn everything_says_since_when_on_which_threads_and_with_which_status() {
    let header = committed("fbat.h");
    let faults = undocumented(&header);
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    for (from, to) in [
        ("@since 0.1", ""),
        ("@par Threads\n * Any.", ""),
        ("@retval FBAT_ERR_CLOSED", "@retval FBAT_ERR_SHUT"),
    ] {
        assert!(!undocumented(&header.replace(from, to)).is_empty(), "{from} was not missed");
    }
}

#[test]
fn doxygen_finds_nothing_undocumented() {
    fn doxygen(header: &Path, name: &str) -> Result<String, String> {
        let directory = scratch(name);
        let settings = fs::read_to_string(root().join("docs/Doxyfile")).unwrap();
        let file = directory.join("Doxyfile");
        let (input, output) = (header.display(), directory.display());
        fs::write(&file, format!("{settings}\nINPUT = {input}\nOUTPUT_DIRECTORY = {output}\n"))
            .unwrap();
        run("doxygen", &[file.to_str().unwrap()])
    }
    doxygen(&root().join("include/fbat.h"), "doxygen").unwrap();
    let altered = altered_header("doxygen-canary-header", "@param destination ", "@param target ");
    assert!(doxygen(&altered.join("fbat.h"), "doxygen-canary").is_err());
}
