#pragma once
/// Reads a small file that a configuration names, whole.
///
///     auto text = read_small_file("/etc/weir/sorry.html", 64 * 1024);
///     if (!text) std::cerr << text.error();      // "it is a directory", "it is larger than 64KiB"
///
/// Regular files only: a directory has no text, and a device or a FIFO may never end. What is larger than `most` bytes
/// is refused after one byte more. Blocks on the disk, so it is for the start of the program. Safe from any thread.
#include <cstddef>
#include <string>

#include "conf/units.hpp"

namespace weir::conf {

/// The error says why not, as the end of a sentence.
reading<std::string> read_small_file(const std::string& path, std::size_t most);

}  // namespace weir::conf
