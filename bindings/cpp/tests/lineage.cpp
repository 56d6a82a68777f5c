/* What an import would bring, names with two contents, and where events are from. */
#include "fixture.hpp"

namespace {

const fbat::id key(fbat_id{{9}});

fbat::import_options keeping() {
  fbat::import_options options;
  options.identity = fbat::import_identity::origin;
  options.on_conflict = fbat::on_conflict::keep;
  return options;
}

void append_as(const fbat::store& store, std::string_view payload) {
  auto event = event_of("order:1", payload);
  event.key = key;
  CHECK_OK(store.try_append(event));
}

/* A store, and a hub that has both contents of one name: of it, and of a copy that went on. */
struct conflicting {
  fbat::store first = open_new("first"), hub = open_new("hub");
  conflicting() {
    CHECK_OK(first.try_backup(t::dir() / "fork"));
    auto fork = fbat::store::try_open(t::dir() / "fork");
    REQUIRE_OK(fork);
    append_as(first, "one");
    append_as(*fork, "two");
    CHECK_EQ(hub.try_import(first, keeping())->imported, 1u);
    CHECK_EQ(hub.try_import(*fork, keeping())->conflicts_kept, 1u);
  }
};

}  // namespace

TEST(a_dry_run_and_a_plan_append_nothing) {
  auto source = open_new("source"), hub = open_new("hub");
  append_n(source, "thing:1", 10);
  auto plan = hub.try_import_plan(source);
  REQUIRE_OK(plan);
  REQUIRE(plan->size() == 1);
  CHECK_EQ(plan->front().source_namespace, source.namespace_name());
  CHECK_EQ(plan->front().entity_prefix, "thing");
  CHECK_EQ(plan->front().events, 10u);
  auto options = keeping();
  options.flags = fbat::import_flags::dry_run;
  auto dry = hub.try_import(source, options);
  REQUIRE_OK(dry);
  CHECK_EQ(hub.try_frontier()->visible, 1u);
  auto report = hub.try_import(source, keeping());
  REQUIRE_OK(report);
  CHECK_EQ(report->imported, dry->imported);
  CHECK_EQ(hub.try_import_plan(source, keeping())->size(), 0u);
  CHECK_STATUS(hub.try_import_plan(hub), fbat::status::invalid_argument);
}

TEST(events_are_found_by_their_origin) {
  conflicting stores;
  const auto name = stores.first.namespace_name();
  auto page = stores.hub.try_by_origin(name, key);
  REQUIRE_OK(page);
  REQUIRE(page->size() == 2);
  CHECK_EQ((*page)[0].payload().text(), "one");
  CHECK_EQ((*page)[1].payload().text(), "two");
  CHECK_STATUS(stores.hub.try_by_origin(name, fbat::id()), fbat::status::not_found);
  CHECK_STATUS(stores.hub.try_by_origin("", key), fbat::status::invalid_argument);
}

TEST(names_with_two_contents_are_listed) {
  conflicting stores;
  auto list = stores.hub.try_conflicts();
  REQUIRE_OK(list);
  REQUIRE(list->rows.size() == 1);
  CHECK(list->is_end);
  const auto& row = list->rows[0];
  CHECK_EQ(row.source_namespace, stores.first.namespace_name());
  CHECK(row.source_event_id == key);
  CHECK_EQ(row.kept_sequence, row.sequence + 1);
  auto kept = stores.hub.try_get(row.kept_id);
  REQUIRE_OK(kept);
  CHECK((*kept)[0].content_hash() == row.kept_content_hash);
  CHECK_EQ(stores.hub.try_conflicts(row.sequence, 1)->rows.size(), 0u);
  CHECK_STATUS(stores.hub.try_conflicts(0, 65537), fbat::status::invalid_argument);
}

TEST(sources_are_summed_up) {
  auto source = open_new("source"), hub = open_new("hub");
  append_n(source, "thing:1", 10);
  CHECK_EQ(hub.try_sources()->size(), 0u);
  CHECK_OK(hub.try_import(source, keeping()));
  auto sources = hub.try_sources();
  REQUIRE_OK(sources);
  REQUIRE(sources->size() == 1);
  CHECK_EQ(sources->front().source_namespace, source.namespace_name());
  CHECK_EQ(sources->front().imported, 10u);
}
