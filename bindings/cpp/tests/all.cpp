/* All tests but the golden vectors in one translation unit: the header is read once. */
#include "types.cpp"
#include "errors.cpp"
#include "stores.cpp"
#include "append.cpp"
#include "read.cpp"
#include "import.cpp"
#include "integrity.cpp"
#include "threads.cpp"
