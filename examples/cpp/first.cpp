/* The shortest whole program: opens a store, appends an event, reads everything back. */
#include <fbat.hpp>
#include <iostream>

int main(int argc, char** argv) try {
  auto store = fbat::store::open(argc > 1 ? argv[1] : "lamps");

  fbat::event event;
  event.entity = "lamp:kitchen";
  event.scope = "home";
  event.kind = fbat::kind::of(1, 1); // "switched", say
  event.payload = "on";
  store.append(event); // on the disk when this returns

  for (const fbat::record& row : store.query())
    std::cout << row.entity() << ' ' << row.payload().text() << '\n';
  store.close();
} catch (const fbat::error& e) {
  std::cerr << e.name() << ": " << e.what() << '\n';
  return EXIT_FAILURE;
}
