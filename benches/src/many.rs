//! What an event costs as a store of many entities grows, through the C worker: small events of a
//! million entities in random order, so that each comes back in most segments. In time of the
//! processors, since the disk of a large store takes its own.

use crate::machine;
use crate::report::{grouped, short};
use crate::{driver, FBAT};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const SIZES: [u64; 3] = [1_000_000, 10_000_000, 100_000_000];
const ENTITIES: u64 = 1_000_000;
const PAYLOAD: u64 = 16;
/// Events that are imported into the store when it has its size: a million, or a tenth of it.
const MORE: u64 = 1_000_000;
/// Reads by id, and of absent ids.
const READS: u64 = 1_000_000;
const LIMIT: Duration = Duration::from_secs(4 * 3600);

/// Label, unit, name.
const LINES: &[(&str, &str, &str)] = &[
    ("append, the last tenth", "µs", "append"),
    ("append, all", "µs", "append-all"),
    ("import of more", "µs", "import-more"),
    ("the same again", "µs", "import-again"),
    ("import of all, the last tenth", "µs", "import-last"),
    ("import of all", "µs", "import-all"),
    ("all again", "µs", "import-all-again"),
    ("read by id", "µs", "read"),
    ("absent id", "µs", "absent"),
    ("read an entity, each event", "µs", "entity"),
    ("open to the first answer", "ms", "open"),
    ("anonymous memory: appending", "MB", "anonymous-append"),
    ("anonymous memory: importing", "MB", "anonymous-import"),
    ("anonymous memory: reading by id", "MB", "anonymous-read"),
    ("descriptors: importing", "", "descriptors"),
    ("disk", "bytes", "bytes"),
];

type Values = BTreeMap<String, f64>;
type Figures = BTreeMap<(u64, &'static str), f64>;

/// In a directory that is made, and at the end removed.
pub fn many(dir: &Path, most: u64) {
    let (began, here) = (Instant::now(), Path::new(env!("CARGO_MANIFEST_DIR")));
    std::fs::create_dir_all(dir).expect("a directory for the stores");
    let stores =
        Stores { store: dir.join("store"), more: dir.join("more"), copy: dir.join("copy") };
    let (mut figures, mut have) = (Figures::new(), 0);
    let mut sizes: Vec<u64> = SIZES.into_iter().filter(|size| *size < most).collect();
    sizes.push(most);
    for size in &sizes {
        println!("{:>5} s  {} events", began.elapsed().as_secs(), grouped(*size));
        have = stores.grow(have, *size, &mut figures);
        // What is known by now, as the largest takes long.
        write(here, dir, &sizes, &figures);
    }
    stores.remove();
    println!("{:>5} s  written: benches/scale-many.md, .csv", began.elapsed().as_secs());
}

struct Stores {
    store: PathBuf,
    /// What is imported into the store.
    more: PathBuf,
    /// Of the whole store, by import, where there is room.
    copy: PathBuf,
}

impl Stores {
    /// From `have` events to `size`, and more by import; returns how many there are then.
    fn grow(&self, have: u64, size: u64, figures: &mut Figures) -> u64 {
        let more = MORE.min(size / 10);
        let mut keep = |name, figure| {
            println!("         {name} {}", short(figure));
            figures.insert((size, name), figure);
        };
        let cpu = |values: &Values| values["cpu_us"];
        let appended = self.work("append-many", &self.store, &self.more, have..size);
        keep("append", cpu(&appended));
        keep("append-all", appended["all_cpu_us"]);
        keep("anonymous-append", appended["anonymous_mb"]);
        keep("bytes", appended["bytes_per_event"]);
        // An imported event has another id than its number gives.
        for workload in ["read", "absent"] {
            let values = self.work(workload, &self.store, &self.more, have..size);
            keep(workload, cpu(&values));
            if workload == "read" {
                keep("anonymous-read", values["anonymous_mb"]);
            }
        }
        keep("entity", cpu(&self.work("entity-many", &self.store, &self.more, 0..size)));
        let opened = (0..3).map(|_| self.work("open", &self.store, &self.more, have..size));
        keep("open", opened.map(|values| values["milliseconds"]).fold(f64::MAX, f64::min));
        let end = size + more;
        let _ = std::fs::remove_dir_all(&self.more);
        self.work("fill", &self.more, &self.more, size..end);
        let imported = self.work("import", &self.store, &self.more, size..end);
        keep("import-more", cpu(&imported));
        keep("anonymous-import", imported["anonymous_mb"]);
        keep("descriptors", imported["descriptors"]);
        let again = self.work("import-again", &self.store, &self.more, size..end);
        keep("import-again", cpu(&again));
        if free_bytes(&self.store) > 1.2 * appended["bytes_per_event"] * end as f64 {
            let all = self.work("import-many", &self.copy, &self.store, 0..end);
            keep("import-last", cpu(&all));
            keep("import-all", all["all_cpu_us"]);
            let again = self.work("import-again", &self.copy, &self.store, 0..end);
            keep("import-all-again", cpu(&again));
            std::fs::remove_dir_all(&self.copy).expect("remove the copy");
        }
        end
    }

    fn work(&self, workload: &str, dir: &Path, source: &Path, n: std::ops::Range<u64>) -> Values {
        let mut command = FBAT.command(workload, dir);
        command.arg("--source").arg(source);
        for (name, value) in [
            ("--first", n.start),
            ("--events", n.end - n.start),
            ("--entities", ENTITIES),
            ("--payload", PAYLOAD),
            ("--random", 1),
            ("--reads", READS.min(n.end - n.start)),
        ] {
            command.args([name, &value.to_string()]);
        }
        let values = driver::finish(&mut command, LIMIT, None);
        values.unwrap_or_else(|why| panic!("{workload}: {why}")).into_iter().collect()
    }

    fn remove(&self) {
        for store in [&self.store, &self.more, &self.copy] {
            let _ = std::fs::remove_dir_all(store);
        }
    }
}

fn free_bytes(dir: &Path) -> f64 {
    use std::os::unix::ffi::OsStrExt;
    let path = std::ffi::CString::new(dir.as_os_str().as_bytes()).expect("a path");
    // SAFETY: the path ends with a zero; the kernel writes to `about` only.
    let about = unsafe {
        let mut about: libc::statvfs = std::mem::zeroed();
        assert_eq!(libc::statvfs(path.as_ptr(), &mut about), 0);
        about
    };
    about.f_bavail as f64 * about.f_frsize as f64
}

fn write(here: &Path, dir: &Path, sizes: &[u64], figures: &Figures) {
    let about = machine::describe(dir);
    let mut csv = String::from("events,measure,figure\n");
    for ((size, name), figure) in figures {
        let _ = writeln!(csv, "{size},{name},{figure}");
    }
    let mut md = format!(
        "# What an event costs as a store of many entities grows\n\n{}, {}. Events of {PAYLOAD} \
        bytes, {} entities in random order; batches and chunks of 256 that survive a killed \
        process; through the C ABI. Time of the processors, of all threads, an event.\n\n",
        about.date,
        about.machine,
        grouped(ENTITIES)
    );
    let heads: Vec<String> = sizes.iter().map(|size| grouped(*size)).collect();
    let _ = writeln!(
        md,
        "| | | {} | last / first |\n| --- | --- |{} ---: |",
        heads.join(" | "),
        " ---: |".repeat(sizes.len())
    );
    for (label, unit, name) in LINES {
        let figure = |size: &u64| figures.get(&(*size, *name)).copied();
        let known: Vec<f64> = sizes.iter().filter_map(figure).collect();
        let cells: Vec<String> =
            sizes.iter().map(|size| figure(size).map_or("–".into(), short)).collect();
        let ratio = match known.as_slice() {
            [first, .., last] => format!("{:.2}", last / first),
            _ => "–".into(),
        };
        let _ = writeln!(md, "| {label} | {unit} | {} | {ratio} |", cells.join(" | "));
    }
    let _ = writeln!(
        md,
        "\n`import of more`: a million new events, or a tenth of the store. `import of all`: into \
        an empty store, where the disk has room for both. `absent id`: between those that are \
        there; {} reads at most. An entity has as many events as the store has for each; 100,000 \
        are read.",
        grouped(READS)
    );
    std::fs::write(here.join("scale-many.csv"), csv).expect("scale-many.csv");
    std::fs::write(here.join("scale-many.md"), md).expect("scale-many.md");
}
