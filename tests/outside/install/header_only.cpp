// fbat.hpp is found, and needs nothing but the library.
#include <fbat.hpp>

int main() { return fbat_live_handles() == 0 ? 0 : 1; }
