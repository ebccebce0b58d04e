#pragma once
/// What this program is and what it is built with.
#include <string>

namespace weir {

/// "weir 0.1"
std::string version_line();
/// The same and a line for each library.
std::string version_lines();

}  // namespace weir
