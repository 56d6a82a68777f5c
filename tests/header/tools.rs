//! The tools that judge a header: compilers, binutils, doxygen. A missing one is a failure that
//! says so, never a test left out.

use std::ffi::OsStr;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const WARNINGS: [&str; 5] = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror"];

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// An empty directory of the test's own.
pub fn scratch(name: &str) -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("header").join(name);
    let _ = fs::remove_dir_all(&directory);
    fs::create_dir_all(&directory).unwrap();
    directory
}

/// Runs a program; what it wrote to both outputs, as an error where it failed.
pub fn run(program: impl AsRef<OsStr>, arguments: &[&str]) -> Result<String, String> {
    let mut command = Command::new(program);
    command.args(arguments);
    finish(command)
}

fn finish(mut command: Command) -> Result<String, String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = match command.current_dir(root()).output() {
        Ok(output) => output,
        Err(e) if e.kind() == ErrorKind::NotFound => {
            panic!("{name} is missing: install it to test the header")
        }
        Err(e) => panic!("{name}: {e}"),
    };
    let Output { status, stdout, stderr } = output;
    let text = format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    match status.success() {
        true => Ok(text),
        false => Err(format!("{command:?}: {status}\n{text}")),
    }
}

/// The library that these tests were built with.
pub fn library() -> PathBuf {
    let library = std::env::current_exe().unwrap().with_file_name("libfbat.so");
    assert!(library.exists(), "{} is missing", library.display());
    library
}

/// How one compiler is called: `cc` knows what the target of the library needs, and takes
/// `CC`, `CFLAGS` and their like as cargo does. Without a name, the one that cargo would take.
fn compiler(name: Option<&str>, dialect: &str, include: &Path) -> Command {
    let mut build = cc::Build::new();
    name.map(|name| build.compiler(name));
    build
        .host(env!("FBAT_HOST"))
        .target(env!("FBAT_TARGET"))
        .opt_level(0)
        .cargo_metadata(false)
        .cpp(dialect.contains("++"))
        .std(dialect)
        .include(include)
        .get_compiler()
        .to_command()
}

/// Whether a compiler takes a program; what it says where it does not.
pub fn check_syntax(
    name: &str,
    dialect: &str,
    source: &Path,
    include: &Path,
) -> Result<(), String> {
    let mut command = compiler(Some(name), dialect, include);
    command.args(WARNINGS).arg("-fsyntax-only").arg(source);
    finish(command).map(drop)
}

/// Compiles a C program against the library in a directory of its own, and runs it.
pub fn run_c(
    name: &str,
    source: &str,
    include: &Path,
    arguments: &[&str],
) -> Result<String, String> {
    let directory = scratch(name);
    let (file, program) = (directory.join("main.c"), directory.join("main"));
    fs::write(&file, source).unwrap();
    let shared = directory.join(soname());
    std::os::unix::fs::symlink(library(), &shared).unwrap();
    let mut command = compiler(None, "c99", include);
    command.args(WARNINGS).args([&file, Path::new("-o"), &program, &shared]);
    command.arg(format!("-Wl,-rpath,{}", directory.display()));
    finish(command)?;
    run(&program, arguments)
}

/// What the library calls itself.
pub fn soname() -> String {
    let dynamic = run("readelf", &["-d", library().to_str().unwrap()]).unwrap();
    let line = dynamic.lines().find(|line| line.contains("(SONAME)")).expect("a soname");
    line.split(['[', ']']).nth(1).unwrap().to_owned()
}

/// A copy of the header with something in it replaced, in a directory of its own.
pub fn altered_header(name: &str, from: &str, to: &str) -> PathBuf {
    let directory = scratch(name);
    let header = fs::read_to_string(root().join("include/fbat.h")).unwrap();
    assert!(header.contains(from), "the canary {name} has nothing to replace");
    fs::write(directory.join("fbat.h"), header.replacen(from, to, 1)).unwrap();
    directory
}
