/* A week of earthquakes: twelve stores become one. What examples/c/quakes.c does, in C++, with the
 * same output.
 *
 *     quakes EVENTS.jsonl DIRECTORY
 *
 * Every seismic network of the input gets a store of its own, DIRECTORY/<network>. A hub,
 * DIRECTORY/hub, then imports from all of them: first only what a filter lets through, then the
 * rest, then nothing, because everything is there.
 *
 * An event of these stores:
 *     entity     quake:<network>
 *     scope      usgs
 *     kind       category 1; type 1 earthquake, 2 explosion, 3 quarry blast
 *     timestamp  when the ground shook
 *     key        made from network and code, so that appending the same line again is a replay
 *     payload    the line of JSON as it stands in the input
 */
#include <fbat.hpp>

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

extern "C" {
#include "../c/json.h"
#include "../c/table.h"
}

namespace {

constexpr std::size_t batch_events = 256, strongest_count = 5;
constexpr std::uint32_t category = 1;
constexpr double magnitude_min = 2.5; // what the filter compares with

// What the input is known to hold; main answers with failure where the stores tell another story.
constexpr std::uint64_t expected_events = 1707, expected_strong = 297, expected_networks = 12;

unsigned surprises = 0;

void expect(const char* what, std::uint64_t found, std::uint64_t expected) {
  if (found == expected) return;
  std::fprintf(stderr, "quakes: %s: %s, not %s\n", what, std::to_string(found).c_str(),
               std::to_string(expected).c_str());
  surprises++;
}

// ---- input -------------------------------------------------------------------------------------

struct quake {
  std::string_view line; // one JSON object, without the newline
  fbat::timestamp time;
  fbat::kind kind;
  std::string code;
};

struct network {
  std::string name, entity;
  std::vector<quake> quakes;
  fbat::store store;
};

struct input {
  std::string text; // the payloads point into it
  std::vector<network> networks;
  std::size_t quake_count = 0;
};

template <std::size_t Room>
std::string text_of(std::string_view json, const char* member) {
  char text[Room];
  if (!json_text(json.data(), json.size(), member, text, sizeof text))
    throw std::runtime_error(std::string("a line of the input has no ") + member);
  return text;
}

double magnitude_of(fbat::bytes json) {
  double magnitude;
  return json_number(json.text().data(), json.size(), "mag", &magnitude) ? magnitude : -1e9;
}

fbat::kind kind_of(std::string_view type) {
  static constexpr std::string_view types[] = {"earthquake", "explosion", "quarry blast"};
  const auto found = std::find(std::begin(types), std::end(types), type);
  if (found == std::end(types))
    throw std::runtime_error(std::string(type) + " is no type that this program knows");
  return fbat::kind::of(category, static_cast<std::uint32_t>(found - std::begin(types) + 1));
}

network& network_of(input& in, const std::string& name) {
  const auto found = std::find_if(in.networks.begin(), in.networks.end(),
                                  [&](const network& one) { return one.name == name; });
  if (found != in.networks.end()) return *found;
  return in.networks.emplace_back(network{name, "quake:" + name, {}, {}});
}

void parse_line(input& in, std::string_view line) {
  std::int64_t time_ms;
  if (!json_is_object(line.data(), line.size()) ||
      !json_integer(line.data(), line.size(), "time_ms", &time_ms))
    throw std::runtime_error("line " + std::to_string(in.quake_count + 1) +
                             " of the input is not an event");
  network_of(in, text_of<8>(line, "net"))
      .quakes.push_back({line, fbat::timestamp(std::chrono::milliseconds(time_ms)),
                         kind_of(text_of<32>(line, "type")), text_of<32>(line, "code")});
  in.quake_count++;
}

void read_input(input& in, const char* path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::system_error(errno, std::generic_category(), path);
  in.text.assign(std::istreambuf_iterator<char>(file), {});
  for (std::string_view rest = in.text; !rest.empty();) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    parse_line(in, line);
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
  }
}

// ---- tables ------------------------------------------------------------------------------------

class text_table {
 public:
  template <std::size_t Count>
  explicit text_table(const table_column (&columns)[Count]) : table_(table_new(columns, Count)) {}
  text_table(const text_table&) = delete;
  ~text_table() { table_free(table_); }

  text_table& cell(const std::string& text) {
    return table_cell(table_, "%s", text.c_str()), *this;
  }
  text_table& cell(std::uint64_t number) { return cell(std::to_string(number)); }
  void rule() { table_rule(table_); }
  void print() const { table_print(table_); }

 private:
  table* table_;
};

void heading(int number, const char* title, const char* explanation) {
  std::printf("\n%s%d  %s%s\n   %s%s%s\n\n", style_bold(), number, title, style_off(), style_dim(),
              explanation, style_off());
}

// ---- one store for each network ----------------------------------------------------------------

// What it points to stays theirs: the library copies before a call returns.
fbat::event event_of(const quake& from, const network& in) {
  fbat::event event;
  event.entity = in.entity;
  event.scope = "usgs";
  event.kind = from.kind;
  event.payload = from.line;
  event.key = fbat::operation_key("usgs.quake", {in.name, from.code});
  event.timestamp = from.time;
  return event;
}

struct appended {
  std::uint64_t events = 0, fresh = 0, batches = 0;
};

// Appends all quakes of a network in batches. A batch is there as a whole or not at all, and costs
// one fsync.
appended append_network(const network& from) {
  appended sum;
  fbat::batch batch;
  for (std::size_t i = 0; i < from.quakes.size(); i++) {
    batch.add(event_of(from.quakes[i], from));
    if (batch.size() < batch_events && i + 1 < from.quakes.size()) continue;
    for (const fbat::receipt& receipt : from.store.append_batch(batch))
      sum.fresh += !receipt.is_replayed();
    sum.events += batch.size();
    sum.batches++;
    batch.clear();
  }
  return sum;
}

void fill_networks(input& in, const std::filesystem::path& directory) {
  static const table_column columns[] = {{"network", 0},    {"events", 1},     {"batches", 1},
                                         {"first time", 1}, {"again: new", 1}, {"replayed", 1}};
  text_table table(columns);
  appended total, total_again;
  for (network& one : in.networks) {
    one.store = fbat::store::open(directory / one.name);
    const appended first = append_network(one), again = append_network(one);
    table.cell(one.name).cell(first.events).cell(first.batches).cell(first.fresh);
    table.cell(again.fresh).cell(again.events - again.fresh);
    total = {total.events + first.events, total.fresh + first.fresh, total.batches + first.batches};
    total_again = {total_again.events + again.events, total_again.fresh + again.fresh, 0};
  }
  table.rule();
  table.cell(std::to_string(in.networks.size()) + " networks");
  table.cell(total.events).cell(total.batches).cell(total.fresh);
  table.cell(total_again.fresh).cell(total_again.events - total_again.fresh);
  heading(1, "One store for each network",
          "Every event carries a key made from network and code: appending it again is a replay.");
  table.print();
  expect("networks", in.networks.size(), expected_networks);
  expect("appended", total.fresh, expected_events);
  expect("appended twice", total_again.fresh, 0);
}

// ---- import ------------------------------------------------------------------------------------

void report_row(text_table& table, const std::string& name, const fbat::import_report& r) {
  table.cell(name)
      .cell(r.imported + r.deduplicated + r.skipped_filtered + r.skipped_reserved +
            r.skipped_reimported)
      .cell(r.imported)
      .cell(r.deduplicated)
      .cell(r.skipped_filtered)
      .cell(r.skipped_reserved)
      .cell(r.source_ceiling > 0 ? std::to_string(r.source_high_watermark) : "");
}

fbat::import_report import_network(const network& from, const fbat::store& hub, bool only_strong) {
  const std::string name = "usgs/" + from.name;
  fbat::import_options options;
  options.source_namespace = name;
  options.filter_columns = fbat::columns::payload; // without it a filter sees no payload
  if (only_strong)
    options.filter = [](const fbat::record& event) {
      return magnitude_of(event.payload()) >= magnitude_min;
    };
  return hub.import(from.store, options);
}

// Imports every network into the hub, prints the reports, and gives their sum.
fbat::import_report import_all(const input& in, const fbat::store& hub, bool only_strong) {
  static const table_column columns[] = {{"network", 0},      {"examined", 1}, {"imported", 1},
                                         {"deduplicated", 1}, {"filtered", 1}, {"reserved", 1},
                                         {"watermark", 1}};
  text_table table(columns);
  fbat::import_report total;
  for (const network& one : in.networks) {
    const fbat::import_report report = import_network(one, hub, only_strong);
    report_row(table, one.name, report);
    total.imported += report.imported;
    total.deduplicated += report.deduplicated;
    total.skipped_filtered += report.skipped_filtered;
    total.skipped_reserved += report.skipped_reserved;
  }
  table.rule();
  report_row(table, "total", total);
  table.print();
  return total;
}

void import_three_times(const input& in, const fbat::store& hub) {
  heading(2, "Import through a filter",
          "A callback reads each payload and keeps magnitude 2.5 and up.");
  const auto strong = import_all(in, hub, true);
  heading(3, "Import again, without the filter",
          "The rest arrives. What was there is deduplicated, not copied.");
  const auto rest = import_all(in, hub, false);
  heading(4, "Import once more", "Nothing is new: importing is safe to repeat.");
  const auto nothing = import_all(in, hub, false);
  expect("imported through the filter", strong.imported, expected_strong);
  expect("filtered", strong.skipped_filtered, expected_events - expected_strong);
  expect("imported without it", rest.imported, expected_events - expected_strong);
  expect("deduplicated", rest.deduplicated, expected_strong);
  expect("imported once more", nothing.imported, 0);
  expect("deduplicated once more", nothing.deduplicated, expected_events);
}

// ---- reading back ------------------------------------------------------------------------------

struct strong_quake {
  double magnitude;
  fbat::timestamp time;
  fbat::id id;
  std::string place;
};

// Walks over the whole hub; pages are turned underneath. The strongest come first, of equal ones
// the earlier.
std::vector<strong_quake> find_strongest(const fbat::store& hub) {
  std::vector<strong_quake> all;
  fbat::query query;
  query.region.entity = "quake"; // and all below quake:
  query.columns = fbat::columns::payload;
  for (const fbat::record& row : hub.query(query))
    all.push_back({magnitude_of(row.payload()), row.timestamp(), row.id(),
                   text_of<96>(row.payload().text(), "place")});
  const auto is_stronger = [](const strong_quake& a, const strong_quake& b) {
    return a.magnitude != b.magnitude ? a.magnitude > b.magnitude : a.time < b.time;
  };
  const auto count = static_cast<std::ptrdiff_t>(std::min(all.size(), strongest_count));
  std::partial_sort(all.begin(), all.begin() + count, all.end(), is_stronger);
  all.resize(static_cast<std::size_t>(count));
  return all;
}

std::string shown(fbat::timestamp time) {
  char text[32];
  const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
  std::strftime(text, sizeof text, "%Y-%m-%d %H:%M", std::gmtime(&seconds));
  return text;
}

fbat::id print_strongest(const fbat::store& hub) {
  static const table_column columns[] = {{"mag", 1},    {"time (UTC)", 0}, {"place", 0},
                                         {"source", 0}, {"seq", 1},        {"id there", 0}};
  text_table table(columns);
  const auto top = find_strongest(hub);
  for (const strong_quake& one : top) {
    char magnitude[16];
    std::snprintf(magnitude, sizeof magnitude, "%.1f", one.magnitude);
    const auto page = hub.get(one.id);
    const fbat::record row = page.front();
    table.cell(magnitude).cell(shown(one.time)).cell(one.place);
    table.cell(std::string(row.source_namespace())).cell(row.source_sequence());
    table.cell(to_string(row.source_event_id()).substr(0, 8) + "…");
  }
  heading(5, "The five strongest, and where they came from",
          "The hub knows for every event its store of origin, its sequence and its id there.");
  table.print();
  expect("strongest quakes", top.size(), strongest_count);
  return top.at(0).id;
}

// 32 bytes a line, with the offset in front.
void print_hex(fbat::bytes bytes) {
  for (std::size_t i = 0; i < bytes.size(); i++) {
    if (i % 32 == 0) std::printf("%s  %s%04zx%s ", i ? "\n" : "", style_dim(), i, style_off());
    std::printf("%s%02x", i % 8 == 0 ? " " : "", static_cast<unsigned>(bytes[i]));
  }
  std::putchar('\n');
}

void print_provenance(const fbat::provenance& from) {
  std::printf("\n  schema version  %u\n", static_cast<unsigned>(from.schema_version));
  std::printf("  namespace       %s\n", std::string(from.source_namespace).c_str());
  std::printf("  event id        %s\n", to_string(from.source_event_id).c_str());
  std::printf("  sequence        %s\n", std::to_string(from.source_sequence).c_str());
  std::printf("  kind            %s\n", to_string(from.source_kind).c_str());
  std::printf("  content hash    %s\n", to_string(from.source_content_hash).c_str());
}

// The frame is how provenance travels: any program that knows its format can read it.
void print_frame(const fbat::store& hub, const fbat::id& event_id) {
  heading(6, "A provenance frame", "As it goes over a wire, and decoded again.");
  const auto page = hub.get(event_id);
  const fbat::buffer frame = page.front().provenance().value().encode();
  print_hex(frame.bytes());
  const auto decoded = fbat::provenance::decode(frame.bytes());
  print_provenance(decoded);
  const fbat::buffer again = decoded.encode();
  expect("equal frames", frame.bytes() == again.bytes(), true);
}

void print_state(const fbat::store& hub) {
  constexpr const char* busiest = "quake:ci";
  heading(7, "The hub", "Every checksum, hash, chain and index is checked against the log.");
  const auto head = hub.head(busiest);
  const auto frontier = hub.frontier();
  const auto [report, findings] = hub.verify();
  const auto text = [](std::uint64_t number) { return std::to_string(number); };
  std::printf("  head            %s is at version %s, sequence %s\n", busiest,
              text(head.version).c_str(), text(head.sequence).c_str());
  std::printf("  frontier        visible %s, durable %s\n", text(frontier.visible).c_str(),
              text(frontier.durable).c_str());
  std::printf("  verify          %s events in %s batches: %s findings\n",
              text(report.events).c_str(), text(report.batches).c_str(),
              text(findings.size()).c_str());
  expect("findings", findings.size(), 0);
  // Besides, the library's own: its genesis, what each namespace stands for, each import.
  expect("visible", frontier.visible, report.events);
  expect("durable", frontier.durable, frontier.visible);
  expect("events", report.events - report.system_events, expected_events);
}

void run(const char* events, const std::filesystem::path& directory) {
  if (!std::filesystem::create_directory(directory))
    throw std::runtime_error(directory.string() + " is there; this program wants a fresh start");
  input in;
  read_input(in, events);
  std::printf("%sfbat %s%s: %zu earthquakes, explosions and quarry blasts of one week, from %s\n",
              style_bold(), std::string(fbat::version()).c_str(), style_off(), in.quake_count,
              events);

  fill_networks(in, directory);
  const auto hub = fbat::store::open(directory / "hub");
  import_three_times(in, hub);
  print_frame(hub, print_strongest(hub));
  print_state(hub);

  hub.close();
  for (const network& one : in.networks) one.store.close();
}

} // namespace

int main(int argc, char** argv) try {
  if (argc != 3) {
    std::fprintf(stderr, "usage: %s EVENTS.jsonl DIRECTORY\n", argv[0]);
    return EXIT_FAILURE;
  }
  run(argv[1], argv[2]);
  expect("handles alive", fbat::live_handles(), 0);
  if (surprises != 0) {
    std::puts("\n✗ This is not what was expected.");
    return EXIT_FAILURE;
  }
  std::printf("\n%s✓%s %s events of %s networks in one store, each once, ", style_good(),
              style_off(), std::to_string(expected_events).c_str(),
              std::to_string(expected_networks).c_str());
  std::puts("each with its provenance.");
  return EXIT_SUCCESS;
} catch (const std::exception& e) {
  std::fflush(stdout);
  std::fprintf(stderr, "quakes: %s\n", e.what());
  return EXIT_FAILURE;
}
