/* What every language's program of this name does: tests/outside/interplay/README.md.
 *
 *     interplay write DIR | read DIR | import SOURCE DESTINATION | frame DIR | decode
 */
#include <fbat.hpp>

#include <array>
#include <charconv>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

namespace {

constexpr int events = 300;

std::string hex(fbat::bytes bytes) {
  std::string text;
  for (std::uint8_t byte : bytes) {
    text += "0123456789abcdef"[byte >> 4];
    text += "0123456789abcdef"[byte & 15];
  }
  return text;
}

std::string or_dash(std::string text) { return text.empty() ? "-" : text; }

std::vector<std::uint8_t> unhex(std::string_view text) {
  std::vector<std::uint8_t> bytes;
  for (std::size_t i = 0; i + 2 <= text.size(); i += 2) {
    std::uint8_t byte = 0;
    const auto [end, problem] = std::from_chars(text.data() + i, text.data() + i + 2, byte, 16);
    if (problem != std::errc() || end != text.data() + i + 2)
      throw std::invalid_argument("not hex");
    bytes.push_back(byte);
  }
  return bytes;
}

fbat::store open_read_only(const char* dir) {
  fbat::open_options options;
  options.mode = fbat::open_mode::read_only;
  return fbat::store::open(dir, options);
}

/* What an event points to, for as long as the batch is not appended. */
struct material {
  explicit material(int number)
      : entity("sensor:" + std::to_string(number % 7)), text(std::to_string(number)),
        correlation(std::to_string(number / 10)), extensions{fbat::extension("test.index", text)} {
    for (int i = 0; i < number % 50; i++) payload.push_back(static_cast<std::uint8_t>(i));
  }
  material(const material&) = delete;

  std::string entity, text, correlation;
  std::vector<std::uint8_t> payload;
  std::array<fbat::extension, 1> extensions;
};

fbat::event event_of(int number, const material& from) {
  fbat::event event;
  event.entity = from.entity;
  event.scope = number % 2 == 0 ? "plant" : "Gebäude";
  event.kind = fbat::kind::of(1, static_cast<std::uint32_t>(number % 5));
  event.payload = from.payload;
  event.payload_version = static_cast<std::uint16_t>(number % 3);
  event.key = fbat::operation_key("interplay", {from.text});
  event.timestamp = fbat::timestamp(std::chrono::microseconds(1'700'000'000'000'000 + number));
  event.correlation = fbat::operation_key("interplay-correlation", {from.correlation});
  if (number % 10 == 3) event.causation_item = 1;
  if (number % 4 == 0) event.extensions = from.extensions;
  return event;
}

void write(const char* dir) {
  fbat::open_options options;
  options.label = "interplay";
  auto store = fbat::store::open(dir, options);
  std::vector<std::unique_ptr<material>> materials;
  fbat::batch batch;
  for (int i = 0; i < events; i++) {
    materials.push_back(std::make_unique<material>(i));
    batch.add(event_of(i, *materials.back()));
  }
  store.append_batch(batch);
  store.close();
}

std::string id_or_dash(const fbat::id& id) { return id ? to_string(id) : "-"; }

std::string extensions_of(const fbat::record& row) {
  std::string text;
  for (const fbat::extension& one : row.extensions()) {
    text += (text.empty() ? "" : ",") + std::string(one.key()) + "=" + hex(one.value());
  }
  return or_dash(text);
}

std::string source_of(const fbat::record& row) {
  if (!row.is_imported()) return "-";
  return std::string(row.source_namespace()) + "/" + std::to_string(row.source_sequence()) + "/" +
         to_string(row.source_event_id());
}

void read(const char* dir) {
  auto store = open_read_only(dir);
  for (const fbat::record& row : store.query())
    std::cout << row.sequence() << ' ' << row.entity() << ' ' << row.scope() << ' '
              << to_string(row.kind()) << ' ' << row.payload_version() << ' ' << row.version()
              << ' ' << row.timestamp().time_since_epoch().count() << ' ' << to_string(row.id())
               << ' '
              << id_or_dash(row.correlation()) << ' ' << id_or_dash(row.causation()) << ' '
              << or_dash(hex(row.payload())) << ' ' << extensions_of(row) << ' '
              << to_string(row.content_hash()) << ' ' << source_of(row) << '\n';
}

void import(const char* source_dir, const char* destination_dir) {
  auto source = open_read_only(source_dir);
  auto destination = fbat::store::open(destination_dir);
  fbat::import_options options;
  options.source_namespace = "interplay/source";
  options.filter = [](const fbat::record& row) { return row.kind().type() % 2 == 0; };
  const auto report = destination.import(source, options);
  destination.close();
  std::cout << "imported " << report.imported << " deduplicated " << report.deduplicated
            << " filtered " << report.skipped_filtered << " reserved " << report.skipped_reserved
            << " conflicts " << report.conflicts << " watermark " << report.source_high_watermark
            << '\n';
}

void frame(const char* dir) {
  auto store = open_read_only(dir);
  for (const fbat::record& row : store.query())
    if (auto provenance = row.provenance()) {
      const fbat::buffer encoded = provenance->encode();
      std::cout << hex(encoded.bytes()) << '\n';
    }
}

void decode() {
  for (std::string line; std::getline(std::cin, line);) {
    const auto bytes = unhex(line);
    const auto from = fbat::provenance::decode(bytes);
    std::cout << from.source_namespace << ' ' << to_string(from.source_event_id) << ' '
              << from.source_sequence << ' ' << to_string(from.source_kind) << ' '
              << to_string(from.source_content_hash) << '\n';
  }
}

}  // namespace

int main(int argc, char** argv) try {
  const std::string_view command = argc > 1 ? argv[1] : "";
  if (command == "write" && argc == 3)
    write(argv[2]);
  else if (command == "read" && argc == 3)
    read(argv[2]);
  else if (command == "import" && argc == 4)
    import(argv[2], argv[3]);
  else if (command == "frame" && argc == 3)
    frame(argv[2]);
  else if (command == "decode" && argc == 2)
    decode();
  else
    throw std::invalid_argument("usage: interplay write DIR | read DIR | "
                                "import SOURCE DESTINATION | frame DIR | decode");
  std::cout.flush();
  return std::cout ? EXIT_SUCCESS : EXIT_FAILURE;
} catch (const fbat::error& e) {
  std::cerr << "interplay: " << e.name() << ": " << e.what() << '\n';
  return EXIT_FAILURE;
} catch (const std::exception& e) {
  std::cerr << "interplay: " << e.what() << '\n';
  return EXIT_FAILURE;
}
