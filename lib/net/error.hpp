#pragma once
/// What peers, files and the kernel can cause, as a value.
///
///     if (!head) co_return std::unexpected{std::move(head.error()).during("read request")};
///
/// `assert` is for our own promises only; no exception crosses a coroutine boundary on a request path.
#include <cstdint>
#include <expected>
#include <string>
#include <utility>

#include "lib/telemetry/reason.hpp"

namespace weir {

struct error {
    reason why = reason::internal_error;
    std::string doing;  // what was being done, outermost first: "forward /pay: connect 10.0.0.7:8080: refused"
    bool sent = true;   // false: no byte of the request reached a server, so any method may be tried again

    error(reason cause, std::string what, bool reached = true) : why{cause}, doing{std::move(what)}, sent{reached} {}

    /// The same error seen from one step further out.
    error during(std::string_view outer) && {
        doing.insert(0, ": ").insert(0, outer);
        return std::move(*this);
    }
    party at() const noexcept { return at_fault(why); }
};

template <class T = void>
using result = std::expected<T, error>;

inline std::unexpected<error> fail(reason why, std::string doing, bool sent = true) {
    return std::unexpected<error>{error{why, std::move(doing), sent}};
}

}  // namespace weir
