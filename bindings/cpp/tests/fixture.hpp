/* What most tests need: stores in the directory of the case, and events. Works without
 * exceptions. */
#ifndef FBAT_CPP_FIXTURE_HPP
#define FBAT_CPP_FIXTURE_HPP

#include "t.hpp"

inline constexpr fbat::kind note{0x1001};
inline constexpr fbat::kind reply{0x1002};

/* A store of the case that does not sync at each append; one that can't be opened is a failed
 * check. */
inline fbat::store open_new(const char* name) {
  fbat::open_options options;
  options.durability = fbat::durability::os;
  auto store = fbat::store::try_open(t::dir() / name, options);
  return CHECK_OK(store) ? *std::move(store) : fbat::store();
}

inline fbat::store open_read_only(const char* name) {
  fbat::open_options options;
  options.mode = fbat::open_mode::read_only;
  auto store = fbat::store::try_open(t::dir() / name, options);
  return CHECK_OK(store) ? *std::move(store) : fbat::store();
}

inline fbat::event event_of(std::string_view entity, fbat::bytes payload) {
  fbat::event event;
  event.entity = entity;
  event.scope = "tests";
  event.kind = note;
  event.payload = payload;
  return event;
}

/* Appends n events to an entity in one batch; payloads are "0", "1" and so on. */
inline void append_n(const fbat::store& store, const std::string& entity, std::size_t n) {
  std::vector<std::string> payloads;
  fbat::batch batch;
  for (std::size_t i = 0; i < n; i++) payloads.push_back(std::to_string(i));
  for (const auto& payload : payloads) batch.add(event_of(entity, payload));
  CHECK_OK(store.try_append_batch(batch, fbat::no_receipts));
}

inline std::uint64_t visible(const fbat::store& store) {
  auto frontier = store.try_frontier();
  return CHECK_OK(frontier) ? frontier->visible : 0;
}

/* Imports everything under a name; more is set before the call. */
inline fbat::import_options named(std::string_view name) {
  fbat::import_options options;
  options.source_namespace = name;
  return options;
}

#endif
