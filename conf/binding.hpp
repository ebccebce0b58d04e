#pragma once
/// Between the text of an argument and the field of the configuration it stands for: reading checks, writing gives back
/// what reads to the same value. Pure.
#include <span>
#include <string>
#include <string_view>

#include "conf/schema.hpp"
#include "conf/units.hpp"

namespace weir::conf {

/// What reading an argument may look at besides its text.
struct surroundings {
    std::string_view subject;                    // how messages call the argument: retry, connect=
    std::span<const std::string_view> backends;  // in the order of config::backends
};

/// The error is a whole message: "'retry' takes a whole number from 0 to 10, not '1k'".
reading<void> assign(const argument& to, const field& in, std::string_view text, const surroundings& around);

/// The value as text, without quotes.
std::string print(const argument& of, const field& in, const config& whole);

/// What the word for "nothing" stands for, or what was never set.
void clear(const field& in);

}  // namespace weir::conf
