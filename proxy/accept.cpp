#include "proxy/accept.hpp"

namespace weir {

task<std::optional<admitted>> client_stream::next() {
    while (true) {
        const bool somebody = co_await door_.pending();
        if (!somebody) co_return std::nullopt;
        // The listener's place first: a full listener must not hold a place of the process that another one could use.
        auto here = view_.gate.try_enter();
        if (!here) here = co_await view_.gate.enter(w_.time);
        auto overall = w_.shared.connections.try_enter();
        if (!overall) overall = co_await w_.shared.connections.enter(w_.time);
        if (auto client = door_.accept_now())
            co_return admitted{std::move(client), std::move(overall), std::move(here), w_.numbers};
    }
}

}  // namespace weir
