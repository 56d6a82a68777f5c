//! What the figures were taken on, and of which versions.

use crate::ENGINES;
use std::fs::read_to_string;
use std::path::Path;
use std::process::Command;

/// For the head of a report.
pub struct About {
    pub date: String,
    pub machine: String,
    /// By engine.
    pub versions: Vec<(&'static str, String)>,
}

pub fn describe(here: &Path) -> About {
    let cpu =
        field("/proc/cpuinfo", "model name").unwrap_or_else(|| "a processor without a name".into());
    let cores = std::thread::available_parallelism().map_or(0, |n| n.get());
    let memory = field("/proc/meminfo", "MemTotal")
        .and_then(|m| m.trim_end_matches(" kB").parse::<f64>().ok());
    let kernel = read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let lock = read_to_string(here.join("Cargo.lock")).unwrap_or_default();
    About {
        date: said("date", &["-u", "+%Y-%m-%d"]),
        machine: format!(
            "{cpu}, {cores} cores, {:.0} GB of memory, Linux {}, {}",
            memory.unwrap_or(0.0) / 1e6,
            kernel.trim(),
            said("findmnt", &["-n", "-o", "FSTYPE", "-T", &here.to_string_lossy()])
        ),
        versions: ENGINES.iter().map(|e| (e.name, version(&lock, e.package))).collect(),
    }
}

fn field(path: &str, name: &str) -> Option<String> {
    let text = read_to_string(path).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

fn said(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let said = output.map_or(String::new(), |o| String::from_utf8_lossy(&o.stdout).into_owned());
    // Of what is mounted twice there are two lines.
    said.lines().next().unwrap_or_default().trim().to_owned()
}

/// Empty where the package is not in the lock file.
fn version(lock: &str, package: &str) -> String {
    let entry = format!("name = \"{package}\"\nversion = \"");
    let found = lock.split_once(&entry).and_then(|(_, rest)| rest.split('"').next());
    found.unwrap_or_default().to_owned()
}
