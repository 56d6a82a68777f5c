/* The golden vectors of tests/golden/vectors/fbatip.json: every section. Runs without exceptions
 * too. */
#include "fixture.hpp"

#include <fstream>
#include <nlohmann/json.hpp>

namespace {

using json = nlohmann::json;

const json& vectors(const char* section) {
  static const json all = [] {
    std::ifstream file(FBAT_VECTORS);
    return json::parse(file, nullptr, false);
  }();
  CHECK(all.is_object() && all.contains(section) && !all[section].empty());
  return all[section];
}

std::string text(const json& vector, const char* member) {
  return vector.at(member).get<std::string>();
}

std::string unhex(const std::string& hex) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
    bytes.push_back(static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16)));
  return bytes;
}

/* "WIRE_BODY" for status::wire_body, "OK" where there is a value. */
template <class R>
std::string outcome(const R& answer) {
  constexpr std::string_view prefix = "FBAT_ERR_";
  return answer ? "OK" : std::string(answer.error().name().substr(prefix.size()));
}

/* An id of any case, also as the vectors of lenient frames name it. */
fbat::id event_id(const json& fields) {
  auto id = fbat::id::try_from_string(
      text(fields, fields.contains("source_event_id") ? "source_event_id" : "source_event_id_hex"));
  return CHECK_OK(id) ? *id : fbat::id();
}

void check_fields(const fbat::provenance& found, const json& fields) {
  CHECK_EQ(found.schema_version, fields.at("schema_version").get<std::uint16_t>());
  CHECK_EQ(found.source_namespace, unhex(text(fields, "source_namespace_hex")));
  CHECK_EQ(found.source_event_id, event_id(fields));
  CHECK_EQ(found.source_sequence, std::stoull(text(fields, "source_global_sequence")));
  CHECK_EQ(found.source_kind.value(), fields.at("source_kind").get<std::uint16_t>());
  CHECK_EQ(to_string(found.source_content_hash), text(fields, "source_content_hash"));
}

/* The provenance of some fields; its text is `name`. */
fbat::provenance of_fields(const json& fields, const std::string& name) {
  fbat::provenance made;
  made.schema_version = fields.at("schema_version").get<std::uint16_t>();
  made.source_namespace = name;
  made.source_event_id = event_id(fields);
  made.source_sequence = std::stoull(text(fields, "source_global_sequence"));
  made.source_kind = fbat::kind(fields.at("source_kind").get<std::uint16_t>());
  made.source_content_hash = *fbat::hash::try_from_string(text(fields, "source_content_hash"));
  return made;
}

constexpr std::size_t header_bytes = 12;
constexpr struct {
  fbat::wire_flags flags;
  const char* member;
} ways[] = {{fbat::wire_flags::none, "strict"}, {fbat::wire_flags::lenient, "lenient"}};

}  // namespace

TEST(golden_frames_decode_as_they_say_strict_and_lenient) {
  for (const json& vector : vectors("frames")) {
    const std::string frame = unhex(text(vector, "frame_hex")), body = frame.substr(header_bytes);
    for (const auto& way : ways) {
      auto decoded = fbat::provenance::try_decode(frame, way.flags);
      auto bare = fbat::provenance::try_from_extension(body, way.flags);
      CHECK_EQ(outcome(decoded), text(vector, way.member));
      CHECK_EQ(outcome(bare), text(vector, way.member));
      if (decoded && bare) {
        check_fields(*decoded, vector["fields"]);
        check_fields(*bare, vector["fields"]);
      } else if (!decoded) {
        CHECK_EQ(decoded.error().actual(), vector["fields"]["schema_version"].get<std::uint64_t>());
        CHECK_EQ(decoded.error().allowed(), fbat::provenance_schema_version);
      }
    }
  }
}

TEST(golden_frames_encode_to_the_byte) {
  for (const json& vector : vectors("frames")) {
    const std::string frame = unhex(text(vector, "frame_hex"));
    const std::string name = unhex(text(vector["fields"], "source_namespace_hex"));
    const fbat::provenance made = of_fields(vector["fields"], name);
    auto encoded = made.try_encode();
    auto body = made.try_encode_body();
    CHECK_EQ(outcome(encoded), text(vector, "strict"));
    CHECK_EQ(outcome(body), text(vector, "strict"));
    if (!encoded || !body) continue;
    CHECK(encoded->bytes() == fbat::bytes(frame));
    CHECK(body->bytes() == fbat::bytes(frame.substr(header_bytes)));
    CHECK_EQ(encoded->bytes().text().substr(0, fbat::provenance_magic.size()),
             fbat::provenance_magic);
  }
}

TEST(damaged_frames_are_refused_each_with_its_own_status) {
  for (const json& vector : vectors("damaged_frames")) {
    for (const auto& way : ways) {
      const std::string frame = unhex(text(vector, "frame_hex"));
      auto decoded = fbat::provenance::try_decode(frame, way.flags);
      CHECK_EQ(outcome(decoded), text(vector, way.member));
      if (decoded) {
        check_fields(*decoded, vector["lenient_fields"]);
      } else if (decoded.error().code() == fbat::status::future_version) {
        CHECK_EQ(decoded.error().actual(), vector["found"].get<std::uint64_t>());
        CHECK_EQ(decoded.error().allowed(), vector["supported"].get<std::uint64_t>());
      }
    }
  }
}

TEST(operation_keys_equal_the_reference) {
  for (const json& vector : vectors("operation_keys")) {
    const auto parts = vector["parts"].get<std::vector<std::string>>();
    auto key = fbat::try_operation_key(text(vector, "domain"), parts);
    REQUIRE_OK(key);
    CHECK_EQ(to_string(*key), text(vector, "key"));
  }
}

TEST(content_hashes_equal_the_reference) {
  for (const json& vector : vectors("content_hashes")) {
    auto hash = fbat::try_content_hash(unhex(text(vector, "bytes_hex")));
    REQUIRE_OK(hash);
    CHECK_EQ(to_string(*hash), text(vector, "content_hash"));
  }
}

TEST(namespaces_of_paths_equal_the_reference) {
  for (const json& vector : vectors("data_dir_namespaces")) {
    auto name = fbat::try_namespace_from_path(text(vector, "path"));
    REQUIRE_OK(name);
    CHECK_EQ(*name, text(vector, "namespace"));
  }
  CHECK_STATUS(fbat::try_namespace_from_path(t::dir() / "nothing"), fbat::status::not_found);
}
