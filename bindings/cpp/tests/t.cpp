#include "t.hpp"

#include <atomic>
#include <unistd.h>

namespace t {
namespace {

struct test_case {
  const char* name;
  run_fn run;
};

std::vector<test_case>& cases() {
  static std::vector<test_case> all;
  return all;
}

std::atomic<int> failures{0};
const char* running = "";
std::filesystem::path root;

void run_guarded(run_fn run) {
#if FBAT_EXCEPTIONS
  try {
    run();
  } catch (const std::exception& e) {
    fail(running, 0, std::string("threw: ") + e.what());
  } catch (...) {
    fail(running, 0, "threw something");
  }
#else
  run();
#endif
}

bool run_case(const test_case& one) {
  const int before = failures;
  running = one.name;
  std::filesystem::create_directories(dir());
  run_guarded(one.run);
  static std::size_t leaked = 0; /* by cases before this one, each reported once */
  if (fbat::live_handles() != leaked) {
    fail(one.name, 0, std::to_string(fbat::live_handles()) + " handles are alive at the end");
    leaked = fbat::live_handles();
  }
  std::filesystem::remove_all(dir());
  return failures == before;
}

}  // namespace

bool add(const char* name, run_fn run) {
  cases().push_back({name, run});
  return true;
}

void fail(const char* file, int line, const std::string& text) {
  failures++;
  std::ostringstream all;
  all << file << ':' << line << ": " << running << ": " << text << '\n';
  std::cerr << all.str();
}

std::filesystem::path dir() { return root / running; }

}  // namespace t

int main(int argc, char** argv) {
  const std::string wanted = argc > 1 ? argv[1] : "";
  int passed = 0, failed = 0;
  std::string pattern = (std::filesystem::temp_directory_path() / "fbat-cpp-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) {
    std::cerr << "cannot make " << pattern << '\n';
    return 1;
  }
  t::root = pattern;
  for (const auto& one : t::cases())
    if (std::string(one.name).find(wanted) != std::string::npos)
      t::run_case(one) ? passed++ : failed++;
  std::filesystem::remove_all(t::root);
  std::cout << passed << " passed, " << failed << " failed\n";
  return failed == 0 && passed > 0 ? 0 : 1;
}
