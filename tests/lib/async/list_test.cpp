#include "lib/async/list.hpp"

#include <string>

#include "tests/support/catch.hpp"

using namespace weir;

namespace {
struct entry : list_node {
    explicit entry(char c) : name{c} {}
    char name;
};
std::string drain(list<entry>& from) {
    std::string names;
    while (!from.empty()) names += from.pop_front().name;
    return names;
}
}  // namespace

TEST_CASE("list: first in, first out") {
    entry a{'a'}, b{'b'}, c{'c'};
    list<entry> queue;
    for (auto* e : {&a, &b, &c}) queue.push_back(*e);
    CHECK(drain(queue) == "abc");
    CHECK_FALSE(a.linked());
}

TEST_CASE("list: a node that dies leaves the list, wherever it stands") {
    entry a{'a'}, c{'c'};
    list<entry> queue;
    queue.push_back(a);
    {
        entry b{'b'};
        queue.push_back(b);
        queue.push_back(c);
    }
    CHECK(drain(queue) == "ac");
}

TEST_CASE("list: a list that dies lets its nodes go") {
    entry a{'a'};
    {
        list<entry> queue;
        queue.push_back(a);
    }
    CHECK_FALSE(a.linked());
}

TEST_CASE("list: taking all of another keeps the order and empties it") {
    entry a{'a'}, b{'b'}, c{'c'}, d{'d'};
    list<entry> to, from;
    to.take_all(from);
    CHECK(to.empty());
    to.push_back(a);
    to.push_back(b);
    from.push_back(c);
    from.push_back(d);
    to.take_all(from);
    CHECK(from.empty());
    from.push_back(d.linked() ? (d.unlink(), d) : d);
    CHECK(drain(to) == "abc");
    CHECK(drain(from) == "d");
}
