/* What an event costs in C++: the job of benches/bindings/bench.c, in the idiom of this language.
 *
 *     bench DIR COUNT
 *
 * makes stores below the empty directory DIR, and prints nanoseconds per event. */
#include <fbat.hpp>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

namespace {

constexpr std::size_t batch_events = 256, payload_bytes = 256, entities = 100;
constexpr auto kind = fbat::kind::of(1, 1);

template <class Job>
void measure(const char* name, std::size_t count, Job job) {
  const auto started = std::chrono::steady_clock::now();
  job();
  const std::chrono::duration<double, std::nano> spent = std::chrono::steady_clock::now() - started;
  std::printf("%s %.1f\n", name, spent.count() / static_cast<double>(count));
}

void expect(const char* what, std::uint64_t found, std::uint64_t expected) {
  if (found == expected) return;
  std::fprintf(stderr, "bench: %s: %llu, not %llu\n", what, static_cast<unsigned long long>(found),
               static_cast<unsigned long long>(expected));
  std::exit(EXIT_FAILURE);
}

std::vector<std::vector<std::uint8_t>> make_payloads() {
  std::vector payloads(batch_events, std::vector<std::uint8_t>(payload_bytes));
  std::uint32_t noise = 1;
  for (auto& payload : payloads)
    for (auto& byte : payload) {
      noise = noise * 1664525 + 1013904223;
      byte = static_cast<std::uint8_t>(noise >> 24);
    }
  return payloads;
}

void append_batch(const fbat::store& store, std::size_t count,
                  const std::vector<std::vector<std::uint8_t>>& payloads) {
  std::vector<std::string> names(batch_events);
  fbat::batch batch;
  batch.reserve(batch_events);
  for (std::size_t done = 0; done < count; done += batch.size()) {
    batch.clear();
    for (std::size_t i = 0; i < batch_events && done + i < count; i++) {
      const std::string number = std::to_string((done + i) % entities);
      names[i].assign("sensor:").append(3 - number.size(), '0').append(number);
      fbat::event event;
      event.entity = names[i];
      event.scope = "bench";
      event.kind = kind;
      event.payload = payloads[i];
      batch.add(event);
    }
    store.append_batch(batch, fbat::no_receipts);
  }
}

void page_scan(const fbat::store& store, std::size_t count) {
  std::size_t events = 0, payloads = 0, names = 0;
  for (const fbat::record& row : store.query()) {
    events++;
    payloads += row.payload().size();
    names += row.entity().size();
  }
  expect("events", events, count);
  expect("bytes of payloads", payloads, count * payload_bytes);
  expect("bytes of entities", names, count * 10);
}

void import_filter(const fbat::store& source, const fbat::store& destination, std::size_t count) {
  std::size_t calls = 0;
  fbat::import_options options;
  options.source_namespace = "bench";
  options.filter = [&calls](const fbat::record& row) {
    calls++;
    return row.kind() == kind;
  };
  expect("imported", destination.import(source, options).imported, count);
  expect("calls of the filter", calls, count);
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 3) throw std::invalid_argument("usage: bench DIR COUNT");
  const std::filesystem::path dir = argv[1];
  const std::size_t count = std::stoull(argv[2]);
  const auto payloads = make_payloads();
  fbat::open_options options;
  options.durability = fbat::durability::os;
  auto source = fbat::store::open(dir / "source", options);
  auto destination = fbat::store::open(dir / "destination", options);
  measure("append_batch", count, [&] { append_batch(source, count, payloads); });
  measure("page_scan", count, [&] { page_scan(source, count); });
  measure("import_filter", count, [&] { import_filter(source, destination, count); });
  source.close();
  destination.close();
} catch (const std::exception& e) {
  std::fprintf(stderr, "bench: %s\n", e.what());
  return EXIT_FAILURE;
}
