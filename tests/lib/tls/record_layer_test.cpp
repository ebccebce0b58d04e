#include "lib/tls/record_layer.hpp"

#include "tests/support/property.hpp"
#include "tests/support/record_ends.hpp"

using namespace weir::tls;
using namespace weir::testing;

namespace {

using state = record_layer::state;

std::string pattern(std::size_t size, std::size_t seed = 0) {
    std::string text(size, '\0');
    for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>((i + seed) * 31 + i / 251);
    return text;
}

}  // namespace

TEST_CASE("record layer: what OpenSSL sealed it opens, and the other way, with every suite", "[tls]") {
    for (const auto& suite : record_ends::suites()) {
        record_ends both{suite};
        CHECK(both.server_reads(both.client.writes("hello")) == "hello");
        CHECK(both.client.reads(both.server_seals("good ", "day")) == "good day");
        const auto large = pattern(100'000);
        CHECK(both.server_reads(both.client.writes(large)) == large);
        CHECK(both.client.reads(both.server_seals(large, large)) == large + large);
        CHECK(both.records->incoming() == state::open);
        CHECK_FALSE(both.records->has_more());
    }
}

TEST_CASE("record layer: records are as large as asked", "[tls]") {
    const record_ends both;
    CHECK(both.server_seals("abc", "de").size() == 5 + record_layer::overhead_bytes);
    CHECK(both.server_seals("abc", "de", 2).size() == 5 + 3 * record_layer::overhead_bytes);
    CHECK(both.server_seals({}, {}).empty());
    CHECK(both.server_seals(pattern(40'000), {}, 1 << 20).size() == 40'000 + 3 * record_layer::overhead_bytes);
}

TEST_CASE("record layer: any conversation, in any slices and any space, with new keys in between", "[tls][property]") {
    rc::prop("both sides", [] {
        const auto suite = *rc::gen::elementOf(record_ends::suites());
        record_ends both{suite, *rc::gen::element<std::uint64_t>(1, 2, 5, record_layer::records_per_key)};
        SSL_set_block_padding(both.client.ssl(), *rc::gen::element<std::size_t>(0, 64, 1000, 16384));
        const auto slice = *rc::gen::inRange<std::size_t>(1, 20'000);
        const auto space = *rc::gen::inRange<std::size_t>(1, 20'000);
        std::string sent, got, wire;
        const auto steps = *rc::gen::inRange(1, 20);
        for (int i = 0; i < steps; ++i) {
            const auto size = *rc::gen::weightedOneOf<std::size_t>(
                {{3, rc::gen::inRange<std::size_t>(1, 300)}, {1, rc::gen::inRange<std::size_t>(1, 40'000)}});
            const auto text = pattern(size, static_cast<std::size_t>(i));
            switch (*rc::gen::inRange(0, 5)) {
            case 0:
            case 1:
                sent += text;
                wire += both.client.writes(text);
                break;
            case 2:
                wire +=
                    both.client.updates_keys(*rc::gen::element(SSL_KEY_UPDATE_REQUESTED, SSL_KEY_UPDATE_NOT_REQUESTED));
                break;
            case 3: got += both.server_reads(std::exchange(wire, {}), slice, space); break;
            case 4: {
                const auto cut = std::min(*rc::gen::inRange<std::size_t>(0, 40'000), size);
                const std::string_view all{text};
                RC_ASSERT(both.client.reads(both.server_seals(all.substr(0, cut), all.substr(cut),
                                                              *rc::gen::inRange<std::size_t>(1, 20'000))) == text);
                wire += both.client.said();
                break;
            }
            }
        }
        wire += both.client.ends();
        got += both.server_reads(wire, slice, space);
        RC_ASSERT(got == sent);
        RC_ASSERT(both.records->incoming() == state::ended);
        RC_ASSERT(!both.records->has_more());
    });
}

TEST_CASE("record layer: however often a client asks for new keys, one answer is owed", "[tls]") {
    record_ends both;
    std::string wire;
    for (unsigned i = 0; i < record_layer::max_idle_records; ++i)
        wire += both.client.updates_keys(SSL_KEY_UPDATE_REQUESTED);
    CHECK(both.server_reads(wire + both.client.writes("new")) == "new");
    const auto answer = both.server_seals("keys");
    CHECK(answer.size() == 5 + 4 + 2 * record_layer::overhead_bytes);
    CHECK(both.client.reads(answer) == "keys");
    CHECK(both.server_seals("keys").size() == 4 + record_layer::overhead_bytes);
}

TEST_CASE("record layer: a worn key is replaced", "[tls]") {
    record_ends worn{record_ends::suites()[1], 3};
    for (int i = 0; i < 10; ++i) {
        const auto wire = worn.server_seals("x");
        CHECK((wire.size() > 1 + record_layer::overhead_bytes) == (i > 0 && i % 3 == 0));
        CHECK(worn.client.reads(wire) == "x");
    }
    CHECK(worn.server_reads(worn.client.writes("fine")) == "fine");
}

TEST_CASE("record layer: a KeyUpdate may come in parts", "[tls]") {
    const record_ends both;
    auto forger = both.forger();
    std::string wire;
    for (const char byte : {'\x18', '\0', '\0', '\1', '\1'}) wire += forger.record(0x16, {&byte, 1});
    forger.next_keys();
    wire += forger.record(0x17, "new");
    CHECK(both.server_reads(wire) == "new");
    CHECK(both.server_seals("x").size() > 1 + record_layer::overhead_bytes);  // it was asked for ours, too
}

TEST_CASE("record layer: the end is told both ways", "[tls]") {
    record_ends both;
    std::string wire = both.client.writes("last");
    wire += both.client.ends();
    SECTION("the other way stays open until we end it, too") {
        CHECK(both.server_reads(wire) == "last");
        CHECK(both.records->incoming() == state::ended);
        std::string answer = both.server_seals("answer");
        both.records->seal_end(answer);
        CHECK(both.client.reads(answer) == "answer(end)");
        std::string more;
        CHECK_FALSE(both.records->seal("more", {}, 100, more));
        both.records->seal_end(more);
        both.records->append_own(more);
        CHECK(more.empty());
    }
    SECTION("what follows an end is not read") {
        CHECK(both.server_reads(wire + wire) == "last");
        CHECK(both.records->incoming() == state::ended);
    }
    SECTION("ours first") {
        std::string end;
        both.records->seal_end(end);
        CHECK(both.client.reads(end) == "(end)");
        CHECK(both.server_reads(wire) == "last");
        CHECK(both.records->incoming() == state::ended);
    }
}

TEST_CASE("record layer: a stream cut anywhere gives what came whole, and no end", "[tls][property]") {
    rc::prop("cut", [] {
        record_ends both;
        std::vector<std::pair<std::size_t, std::string>> whole{{0, ""}};  // by bytes of the wire
        std::string wire;
        for (int i = 0; i < 4; ++i) {
            const auto text = pattern(*rc::gen::inRange<std::size_t>(1, 2000));
            wire += both.client.writes(text);
            whole.emplace_back(wire.size(), whole.back().second + text);
        }
        wire += both.client.ends();
        const auto cut = *rc::gen::inRange<std::size_t>(0, wire.size());
        const auto last =
            std::ranges::find_if(whole.rbegin(), whole.rend(), [&](const auto& w) { return w.first <= cut; });
        RC_ASSERT(both.server_reads(wire.substr(0, cut), *rc::gen::inRange<std::size_t>(1, 3000)) == last->second);
        RC_ASSERT(both.records->incoming() == state::open);
    });
}
