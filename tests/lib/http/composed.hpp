#pragma once
/// What a test writes with a head_writer, as a string.
#include <string>

#include "lib/http/write.hpp"

namespace weir::http::test {

/// `before` stands in the string already.
template <class Write>
std::string composed(Write write, std::string before = {}) {
    {
        head_writer out{before};
        write(out);
    }
    return before;
}

}  // namespace weir::http::test
