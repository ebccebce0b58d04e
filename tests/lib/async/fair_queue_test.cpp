#include "lib/async/fair_queue.hpp"

#include <map>
#include <vector>

#include "tests/support/catch.hpp"
#include "tests/support/property.hpp"

using namespace weir;

namespace {

std::vector<int> drain(fair_queue<int>& queue) {
    std::vector<int> order;
    while (!queue.empty()) order.push_back(queue.pop());
    return order;
}

}  // namespace

TEST_CASE("fair_queue: keys take turns, each in the order of its coming") {
    fair_queue<int> queue;
    for (int n = 1; n <= 4; ++n) queue.push(1, 10 + n);
    queue.push(2, 21);
    queue.push(2, 22);
    queue.push(3, 31);
    CHECK(queue.size() == 7);
    CHECK(drain(queue) == std::vector{11, 21, 31, 12, 22, 13, 14});
}

TEST_CASE("fair_queue: whoever comes back after his turn queues behind those who wait") {
    fair_queue<int> queue;
    queue.push(1, 1);
    queue.push(2, 2);
    CHECK(queue.pop() == 1);
    queue.push(1, 3);
    CHECK(drain(queue) == std::vector{2, 3});
}

TEST_CASE("fair_queue: the newest of the longest line is pushed out, for one whose line is shorter") {
    fair_queue<int> queue;
    for (int n = 1; n <= 3; ++n) queue.push(1, n);
    queue.push(2, 20);
    CHECK(queue.push_out(2) == 3);
    CHECK_FALSE(queue.push_out(1));  // his own is the longest
    CHECK(queue.push_out(9) == 2);   // one who has no line yet
    CHECK(drain(queue) == std::vector{1, 20});
    CHECK_FALSE(queue.push_out(9));
}

TEST_CASE("fair_queue: what is taken out by a rule leaves the others in their order") {
    fair_queue<int> queue;
    for (int n = 1; n <= 6; ++n) queue.push(static_cast<std::uint64_t>(n % 2), n);
    std::vector<int> out;
    queue.remove_if([](int n) { return n % 2 == 0 || n == 3; }, [&](int n) { out.push_back(n); });
    CHECK(out.size() == 4);
    CHECK(queue.size() == 2);
    CHECK(drain(queue) == std::vector{1, 5});
}

TEST_CASE("fair_queue: nobody gets a second turn while another waits for his first", "[property]") {
    rc::prop("turns", [](const std::vector<std::uint8_t>& keys) {
        fair_queue<std::pair<std::uint64_t, int>> queue;
        std::map<std::uint64_t, int> lengths;
        for (const auto key : keys) {
            const std::uint64_t k = key % 5;
            queue.push(k, {k, lengths[k]++});
        }
        std::map<std::uint64_t, int> served;
        while (!queue.empty()) {
            const auto [key, number] = queue.pop();
            RC_ASSERT(number == served[key]);  // first come, first served
            ++served[key];
            for (const auto& [other, length] : lengths)
                RC_ASSERT(served[other] == length || served[other] + 1 >= served[key]);
        }
        RC_ASSERT(served == lengths || keys.empty());
    });
}
