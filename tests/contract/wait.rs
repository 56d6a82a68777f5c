//! Who waits for events is told of each, misses none, and is told of nothing else.

use crate::common::machine::*;
use crate::common::*;
use fbat::engine::log::options::{Durability, OpenMode, Options};
use fbat::engine::model::error::Code;
use fbat::engine::platform::news::Teller;
use fbat::engine::platform::watch::Cancel;
use fbat::engine::store::query::Query;
use fbat::engine::store::wait::WaitOptions;
use fbat::engine::store::Store;
use std::fs;
use std::os::fd::AsRawFd;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

fn within(ms: u64) -> WaitOptions<'static> {
    let until = Some(Instant::now() + Duration::from_millis(ms));
    WaitOptions { until, ..WaitOptions::default() }
}

/// So long that whoever is not told by then is never told.
fn for_long() -> WaitOptions<'static> {
    within(60_000)
}

/// Waits until somebody tells: when its time is over, a wait looks once more all the same.
fn told(store: &Store, after: u64) -> u64 {
    let began = Instant::now();
    let reached = store.wait(after, &for_long()).unwrap().visible;
    assert!(began.elapsed() < Duration::from_secs(50), "nobody told of what is after {after}");
    reached
}

fn durable(ms: u64) -> WaitOptions<'static> {
    WaitOptions { durable: true, ..within(ms) }
}

fn visible(store: &Store) -> u64 {
    store.frontier().unwrap().visible
}

/// Runs `call`, which waits, on a thread of its own; then, once that sleeps, `then`.
fn while_it_sleeps<T: Send>(call: impl FnOnce() -> T + Send, then: impl FnOnce()) -> T {
    thread::scope(|scope| {
        let (tell, told) = std::sync::mpsc::channel();
        let waiting = scope.spawn(move || {
            // SAFETY: no memory is passed.
            tell.send(unsafe { libc::gettid() }).unwrap();
            call()
        });
        let id = told.recv().unwrap();
        let state = || fs::read_to_string(format!("/proc/self/task/{id}/stat")).unwrap_or_default();
        let sleeps = || state().rsplit_once(')').is_some_and(|(_, rest)| rest.starts_with(" S"));
        // Asleep, and still so a moment later: not for a lock that another test holds.
        let mut asleep = 0;
        while asleep < 5 && !waiting.is_finished() {
            asleep = if sleeps() { asleep + 1 } else { 0 };
            thread::sleep(Duration::from_millis(2));
        }
        then();
        waiting.join().unwrap()
    })
}

/// How often this thread went to sleep so far.
fn sleeps() -> u64 {
    let status = fs::read_to_string("/proc/thread-self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("voluntary_ctxt_switches")).unwrap();
    line.split_whitespace().last().unwrap().parse().unwrap()
}

fn is_readable(fd: i32, ms: i32) -> bool {
    let mut poll = libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
    // SAFETY: one live struct.
    unsafe { libc::poll(&mut poll, 1, ms) == 1 }
}

/// A store, and a handle that waits for its events: the one that writes, or one that reads.
fn both(dir: &TempDir, name: &str, reads: bool) -> (Store, Store) {
    let path = dir.join(name);
    let writer = open_quick(&path);
    let waiter = if reads { open_reader(&path) } else { writer.clone() };
    (writer, waiter)
}

#[test]
fn a_wait_ends_with_the_next_event_and_not_before() {
    let dir = TempDir::in_memory("wait");
    for reads in [false, true] {
        let (writer, waiter) = both(&dir, &format!("store-{reads}"), reads);
        assert_eq!(waiter.teller(), None);
        assert_eq!(waiter.wait(0, &for_long()).unwrap().visible, 1, "what is there needs no wait");
        let error = error_of(waiter.wait(1, &within(20)));
        assert_eq!((error.code(), error.actual, error.allowed), (Code::Timeout, 1, 1));
        assert_eq!(code_of(waiter.wait(u64::MAX, &within(1))), Code::Timeout);
        assert_eq!(waiter.teller(), Some(if reads { Teller::Kernel } else { Teller::Process }));

        let got = while_it_sleeps(|| waiter.wait(1, &for_long()), || drop(fill(&writer, 0, 1)));
        assert_eq!(got.unwrap().visible, 2);
        // Three events that are not the one, and the one.
        let append = || (1..5).for_each(|n| drop(fill(&writer, n, 1)));
        let got = while_it_sleeps(|| waiter.wait(5, &for_long()), append);
        assert_eq!(got.unwrap().visible, 6);
    }
}

/// Waits with both kinds of handles, where nobody else does, and says how often it was woken.
#[test]
#[ignore = "another process"]
fn part_waits_for_nothing() {
    if !plays("part_waits_for_nothing") {
        return;
    }
    let dir = TempDir::in_memory("wait-idle");
    for reads in [false, true] {
        let (_writer, waiter) = both(&dir, &format!("store-{reads}"), reads);
        let before = sleeps();
        assert_eq!(code_of(waiter.wait(1, &within(600))), Code::Timeout);
        say(sleeps() - before);
    }
}

#[test]
fn nobody_wakes_who_waits_where_the_kernel_tells() {
    let woken = Actor::start("part_waits_for_nothing", &[]).finish();
    assert_eq!(woken, ["1", "1"]);
}

#[test]
fn a_token_a_close_and_a_failure_end_a_wait() {
    let dir = TempDir::in_memory("wait-ends");
    for reads in [false, true] {
        let (writer, waiter) = both(&dir, &format!("store-{reads}"), reads);
        let (one, other) = (Cancel::default(), Cancel::default());
        let tokens = [&one, &other];
        let options = WaitOptions { tokens: &tokens, ..for_long() };
        let ended = while_it_sleeps(|| waiter.wait(1, &options), || other.cancel());
        assert_eq!(code_of(ended), Code::Cancelled);
        assert_eq!(code_of(waiter.wait(1, &options)), Code::Cancelled);
        assert_eq!(code_of(waiter.wait(0, &options)), Code::Cancelled, "whatever there is");

        if !reads {
            let ended = while_it_sleeps(|| waiter.wait(1, &for_long()), || writer.poison("a test"));
            assert_eq!(code_of(ended), Code::Poisoned);
            assert_eq!(code_of(waiter.wait(1, &for_long())), Code::Poisoned);
        }
        let (writer, waiter) = both(&dir, &format!("closed-{reads}"), reads);
        let close = || waiter.close().unwrap();
        let ended = while_it_sleeps(|| waiter.wait(1, &for_long()), close);
        assert_eq!(code_of(ended), Code::Closed);
        assert_eq!(code_of(waiter.wait(0, &for_long())), Code::Closed);
        drop(writer);
    }
}

#[test]
fn a_writer_that_ends_does_not_end_the_wait_of_a_reader() {
    let dir = TempDir::in_memory("wait-writer");
    let path = dir.join("store");
    let mut options = quick();
    options.limits.segment_bytes = 64 << 10;
    let writer = open(&path, &options);
    fill(&writer, 0, 10);
    let reader = open_reader(&path);
    let got = while_it_sleeps(
        || reader.wait(1500, &for_long()),
        || {
            drop(writer);
            let next = open(&path, &options);
            // Full segments, too.
            fill(&next, 100, 2000);
            assert!(next.stats().unwrap().segments > 1);
        },
    );
    assert!(got.unwrap().visible > 1500);

    let last = visible(&reader);
    let removed =
        while_it_sleeps(|| reader.wait(last, &for_long()), || fs::remove_dir_all(&path).unwrap());
    assert_eq!(code_of(removed), Code::Io);
}

/// Appends single events for ever, until it is killed.
#[test]
#[ignore = "another process"]
fn part_appends_until_killed() {
    if !plays("part_appends_until_killed") {
        return;
    }
    let store = open_quick(Path::new(&given("STORE")));
    let mut next = visible(&store);
    say("ready");
    loop {
        fill(&store, next, 1);
        next += 1;
        if next.is_multiple_of(64) {
            thread::sleep(Duration::from_micros(300));
        }
    }
}

#[test]
fn who_follows_writers_that_are_killed_has_each_event_once() {
    let dir = TempDir::in_memory("wait-kills");
    let path = dir.join("store");
    drop(open_quick(&path));
    let reader = open_reader(&path);
    let over = AtomicBool::new(false);
    let followed = thread::scope(|scope| {
        let following = scope.spawn(|| {
            let mut found: Vec<u64> = Vec::new();
            let mut query = Query { system: true, ..Query::default() };
            while !over.load(Ordering::Acquire) || query.after < visible(&reader) {
                let waited = reader.wait(query.after, &within(100));
                if waited.is_err() {
                    assert_eq!(code_of(waited), Code::Timeout);
                    continue;
                }
                let page = reader.query(&query).unwrap();
                for event in page.iter() {
                    assert!(found.last() < Some(&event.sequence), "{} twice", event.sequence);
                    found.push(event.sequence);
                }
                query.after = page.next;
            }
            found
        });
        for round in 0..count_from_env("FBAT_KILLS", 5) {
            let mut writer =
                Actor::start("part_appends_until_killed", &[("STORE", path.to_str().unwrap())]);
            assert_eq!(writer.hear().as_deref(), Some("ready"), "round {round}");
            let from = visible(&reader);
            reader.wait(from + count_from_env("FBAT_FOLLOWED", 2000), &for_long()).unwrap();
            writer.kill();
        }
        over.store(true, Ordering::Release);
        following.join().unwrap()
    });
    let there: Vec<u64> = rows_with_system(&reader).iter().map(|row| row.sequence).collect();
    assert_eq!(followed.len(), there.len());
    assert!(followed == there);
}

#[test]
fn query_then_wait_misses_nothing_beside_a_writer() {
    let dir = TempDir::in_memory("wait-race");
    for reads in [false, true] {
        let (writer, waiter) = both(&dir, &format!("store-{reads}"), reads);
        let last = 20_001;
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    let mut query = Query { after: 1, ..Query::default() };
                    let mut found = 1;
                    while query.after < last {
                        told(&waiter, query.after);
                        let page = waiter.query(&query).unwrap();
                        assert!(!page.is_empty(), "woken for nothing");
                        for event in page.iter() {
                            found += 1;
                            assert_eq!(event.sequence, found);
                        }
                        query.after = page.next;
                    }
                });
            }
            scope.spawn(|| {
                for n in 0..last - 1 {
                    fill(&writer, n, 1);
                    if n % 7 == 0 {
                        thread::yield_now();
                    }
                }
            });
        });
    }
}

#[test]
fn what_is_durable_can_be_waited_for() {
    let dir = TempDir::new("wait-durable");
    let (writer, reader) = both(&dir, "store", true);
    fill(&writer, 0, 3);
    let at = writer.frontier().unwrap();
    assert!(at.durable < at.visible);
    assert_eq!(code_of(writer.wait(at.durable, &durable(30))), Code::Timeout, "it begins no sync");
    let sync = || assert!(writer.sync().is_ok());
    let got = while_it_sleeps(|| writer.wait(at.visible - 1, &durable(60_000)), sync);
    assert_eq!(got.unwrap().durable, at.visible);

    fill(&writer, 10, 3);
    let got = reader.wait(visible(&writer) - 1, &durable(60_000)).unwrap();
    assert_eq!(got.durable, visible(&writer), "a reader syncs what it waits for");
    let last = visible(&writer);
    let got =
        while_it_sleeps(|| reader.wait(last, &durable(60_000)), || drop(fill(&writer, 20, 1)));
    assert_eq!(got.unwrap().durable, last + 1);
}

#[test]
fn where_nobody_tells_a_handle_looks_by_itself() {
    let dir = TempDir::in_memory("wait-poll");
    let writer = open_quick(&dir.join("store"));
    // What stands between these files and the engine does not tell.
    let options = Machine::new().options(Durability::Os);
    let reader = open(&dir.join("store"), &Options { mode: OpenMode::ReadOnly, ..options });
    let got = while_it_sleeps(|| reader.wait(1, &for_long()), || drop(fill(&writer, 0, 1)));
    assert_eq!(got.unwrap().visible, 2);
    assert_eq!(reader.teller(), Some(Teller::Nobody));
    let token = Cancel::default();
    let options = WaitOptions { tokens: &[&token], ..for_long() };
    let ended = while_it_sleeps(|| reader.wait(2, &options), || token.cancel());
    assert_eq!(code_of(ended), Code::Cancelled);
    let fd = reader.wait_descriptor().unwrap().as_raw_fd();
    assert_eq!(visible(&reader), 2);
    fill(&writer, 1, 1);
    assert!(is_readable(fd, 5000));
}

#[test]
fn a_descriptor_is_readable_when_there_is_something_new() {
    let dir = TempDir::in_memory("wait-fd");
    for reads in [false, true] {
        let (writer, waiter) = both(&dir, &format!("store-{reads}"), reads);
        let fd = waiter.wait_descriptor().unwrap().as_raw_fd();
        assert_eq!(fd, waiter.wait_descriptor().unwrap().as_raw_fd());
        // SAFETY: no memory is passed.
        assert_eq!(unsafe { libc::fcntl(fd, libc::F_GETFD) }, libc::FD_CLOEXEC);
        assert!(is_readable(fd, 0), "at first");
        assert_eq!(visible(&waiter), 1);
        for n in 1..200 {
            assert!(!is_readable_for_good(fd, &waiter, n), "nothing came");
            fill(&writer, n, 1);
            assert!(is_readable(fd, 1000), "after event {n}");
            assert_eq!(visible(&waiter), n + 1);
        }
        fill(&writer, 1000, 1);
        assert!(is_readable(fd, 1000));
        drop(rows(&waiter));
        assert!(is_readable(fd, 0), "only a look at the frontier makes it unreadable");
        if !reads {
            visible(&waiter);
            assert!(!is_readable(fd, 0));
            writer.poison("a test");
            visible(&waiter);
            assert!(is_readable(fd, 0), "poisoned, for good");
        }
        let _poisoned = waiter.close();
        assert!(is_readable(fd, 0), "closed");
        assert_eq!(code_of(waiter.wait_descriptor().map(|_| ())), Code::Closed);
    }
}

/// Whether it is readable when nothing came. Stores of other tests, which share an instance of
/// inotify with this one, may make it so for a moment.
fn is_readable_for_good(fd: i32, store: &Store, last: u64) -> bool {
    (0..1000).all(|_| {
        assert_eq!(visible(store), last);
        is_readable(fd, 0)
    })
}

#[test]
fn stores_of_one_process_share_an_instance_and_keep_their_own_news() {
    let dir = TempDir::in_memory("wait-many");
    let writers: Vec<Store> =
        (0..40).map(|n| open_quick(&dir.join(&format!("store-{n}")))).collect();
    let readers: Vec<Store> =
        (0..40).map(|n| open_reader(&dir.join(&format!("store-{n}")))).collect();
    let fds: Vec<i32> =
        readers.iter().map(|reader| reader.wait_descriptor().unwrap().as_raw_fd()).collect();
    readers.iter().for_each(|reader| assert_eq!(visible(reader), 1));
    let links = fs::read_dir("/proc/self/fd").unwrap();
    let links = links.filter_map(|entry| fs::read_link(entry.unwrap().path()).ok());
    let instances = links.filter(|link| link.to_string_lossy().contains("inotify")).count();
    assert_eq!(instances, 1);
    let mut rng = Rng(seed_from_env());
    for round in 0..300 {
        let (one, other) = (rng.below(40) as usize, rng.below(40) as usize);
        fill(&writers[one], round, 1);
        fill(&writers[other], round + 1000, 1);
        // Whoever looks first takes the news of both from the kernel.
        visible(&readers[other]);
        if one != other {
            assert!(is_readable(fds[one], 0), "round {round}");
        }
        let got = readers[one].wait(visible(&writers[one]) - 1, &within(5000)).unwrap();
        assert_eq!(got.visible, visible(&writers[one]));
        visible(&readers[one]);
    }
}

#[test]
fn many_wait_at_once() {
    let dir = TempDir::in_memory("wait-crowd");
    for reads in [false, true] {
        let (writer, waiter) = both(&dir, &format!("store-{reads}"), reads);
        thread::scope(|scope| {
            let waiting: Vec<_> = (0..64)
                .map(|n| {
                    let waiter = &waiter;
                    scope.spawn(move || told(waiter, 1 + n % 16))
                })
                .collect();
            (0..16).for_each(|n| drop(fill(&writer, n, 1)));
            for (n, waiting) in waiting.into_iter().enumerate() {
                assert!(waiting.join().unwrap() > 1 + n as u64 % 16);
            }
        });
    }
}
