#include "lib/async/frame_pool.hpp"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <thread>
#include <vector>

#include "tests/support/property.hpp"

using namespace weir;

TEST_CASE("frame pool: what is taken is whole and nobody else's, whatever the sizes", "[property]") {
    rc::prop("taken and given back at random", [](const std::vector<std::uint16_t>& script) {
        struct held {
            unsigned char* at;
            std::size_t bytes;
            unsigned char mark;
        };
        std::vector<held> all;
        unsigned char mark = 0;
        const auto give_back = [&all](std::size_t which) {
            const auto frame = all[which];
            for (std::size_t i = 0; i < frame.bytes; ++i) RC_ASSERT(frame.at[i] == frame.mark);
            frame_pool::give_back(frame.at, frame.bytes);
            all.erase(all.begin() + static_cast<std::ptrdiff_t>(which));
        };
        for (const auto drawn : script) {
            if (drawn % 3 == 0 && !all.empty()) {
                give_back(drawn % all.size());
                continue;
            }
            const std::size_t bytes = 1 + drawn % 3000;  // above and below what is pooled
            auto* memory = static_cast<unsigned char*>(frame_pool::take(bytes));
            std::memset(memory, ++mark, bytes);
            all.push_back({memory, bytes, mark});
        }
        while (!all.empty()) give_back(0);
        frame_pool::drop();
    });
}

TEST_CASE("frame pool: a frame may end on another thread") {
    std::vector<void*> frames;
    for (int i = 0; i < 1000; ++i) frames.push_back(frame_pool::take(200));
    std::thread other{[&frames] {
        for (auto* frame : frames) frame_pool::give_back(frame, 200);
        frame_pool::drop();
    }};
    other.join();
}
