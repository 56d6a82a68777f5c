//! fbat beside other stores: every workload on every engine, in turn, each in a process of its own.

mod driver;
mod machine;
mod many;
mod peer;
mod peers;
mod picture;
mod report;
mod scale;
mod worker;

use peer::{Data, Peer, Role, Workload};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use worker::Task;

/// An engine as the driver knows it.
pub struct Engine {
    pub name: &'static str,
    pub package: &'static str,
    pub role: Role,
    pub does: &'static str,
    pub leaves_out: &'static str,
    pub workloads: &'static [Workload],
    worker: Worker,
}

/// What does an engine's workloads.
enum Worker {
    /// This program, as a process of its own.
    Here(fn(&Task)),
    /// The C program, which `make` builds.
    C,
}

impl Engine {
    /// A worker, to which options may be added.
    pub fn command(&self, workload: &str, dir: &Path) -> Command {
        let mut command = match self.worker {
            Worker::Here(_) => {
                let mut command = Command::new(std::env::current_exe().expect("this program"));
                command.args(["worker", self.name]);
                command
            }
            Worker::C => Command::new(
                PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../build/bench/worker"),
            ),
        };
        command.arg(workload).arg(dir);
        command
    }
}

const fn engine<P: Peer>() -> Engine {
    Engine {
        name: P::NAME,
        package: P::PACKAGE,
        role: P::ROLE,
        does: P::DOES,
        leaves_out: P::LEAVES_OUT,
        workloads: P::WORKLOADS,
        worker: Worker::Here(worker::run::<P>),
    }
}

const FBAT: Engine = Engine {
    name: report::SUBJECT,
    package: "fbat",
    role: Role::Ours,
    does: "libfbat.so from a C program, as its users get it",
    leaves_out: "nothing",
    workloads: Workload::ALL,
    worker: Worker::C,
};

const ENGINES: &[Engine] = &[
    FBAT,
    engine::<peers::fbat::Fbat>(),
    engine::<peers::batpak::Batpak>(),
    engine::<peers::sqlite::Sqlite>(),
    engine::<peers::lmdb::Lmdb<false>>(),
    engine::<peers::lmdb::Lmdb<true>>(),
    engine::<peers::mdbx::Mdbx>(),
    engine::<peers::redb::Redb>(),
    engine::<peers::fjall::Fjall>(),
    #[cfg(feature = "rocksdb")]
    engine::<peers::rocksdb::RocksDb>(),
    engine::<peers::okaywal::OkayWal>(),
    engine::<peers::commitlog::CommitLog>(),
    engine::<peers::raft_engine::RaftEngine>(),
    engine::<peers::walrus::Walrus>(),
    engine::<peers::raw::Raw<true>>(),
    engine::<peers::raw::Raw<false>>(),
];

const USAGE: &str = "fbat-bench run [--quick]
fbat-bench scale [--events MOST]
fbat-bench scale-many DIR MOST
fbat-bench worker ENGINE WORKLOAD DIR \
    [--source DIR] [--first N] [--events N] [--entities N] [--payload BYTES] \
    [--random 0|1] [--seconds N]";

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["run"] => driver::bench(&driver::FULL),
        ["run", "--quick"] => driver::bench(&driver::QUICK),
        ["scale"] => scale::scale(10_000_000),
        ["scale", "--events", most] => scale::scale(most.parse().unwrap_or_else(|_| misused())),
        ["scale-many", dir, most] => {
            many::many(Path::new(dir), most.parse().unwrap_or_else(|_| misused()))
        }
        ["worker", engine, workload, dir, options @ ..] => {
            let (engine, task) = task(engine, workload, dir, options).unwrap_or_else(|| misused());
            match engine.worker {
                Worker::Here(run) => run(&task),
                Worker::C => misused(),
            }
        }
        _ => misused(),
    }
}

fn misused() -> ! {
    eprintln!("{USAGE}");
    std::process::exit(2);
}

/// None where the command line is none.
fn task(
    engine: &str,
    workload: &str,
    dir: &str,
    options: &[&str],
) -> Option<(&'static Engine, Task)> {
    let engine = ENGINES.iter().find(|e| e.name == engine)?;
    let workload = *Workload::ALL.iter().find(|w| w.name() == workload)?;
    let mut task = Task {
        workload,
        dir: dir.into(),
        source: Default::default(),
        data: Data::DEFAULT,
        limit: Duration::MAX,
        memory_before_mb: worker::memory_mb("VmRSS:"),
    };
    for option in options.chunks(2) {
        let [name, value] = option else { return None };
        match *name {
            "--source" => task.source = value.into(),
            "--first" => task.data.first = value.parse().ok()?,
            "--events" => task.data.events = value.parse().ok()?,
            "--entities" => task.data.entities = value.parse().ok()?,
            "--payload" => task.data.payload = value.parse().ok()?,
            "--random" => task.data.random = value.parse::<u8>().ok()? != 0,
            "--seconds" => task.limit = Duration::from_secs(value.parse().ok()?),
            _ => return None,
        }
    }
    Some((engine, task))
}
