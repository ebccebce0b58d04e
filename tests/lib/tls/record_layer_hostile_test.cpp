#include "lib/tls/record_layer.hpp"
#include "tests/support/property.hpp"
#include "tests/support/record_ends.hpp"

using namespace weir::tls;
using namespace weir::testing;
using namespace std::string_literals;

namespace {

using state = record_layer::state;
enum type : unsigned { change_cipher_spec = 20, alert = 21, handshake = 22, data = 23, heartbeat = 24 };

/// Makes bytes for the wire.
using crime = std::string (*)(record_forger&);

/// In a list they are made from left to right, as numbers of records demand.
std::string joined(std::initializer_list<std::string> records) {
    std::string wire;
    for (const auto& each : records) wire += each;
    return wire;
}

/// What the client is told, after the server has refused to go on in every way.
std::string verdict_on(crime commit) {
    record_ends both;
    auto forger = both.forger();
    const auto innocent = forger.record(data, "fine");
    const auto guilty = joined({innocent, commit(forger)});
    CHECK(both.server_reads(guilty) == "fine");
    CHECK(both.records->incoming() == state::broken);
    CHECK_FALSE(both.records->problem().empty());
    CHECK(both.server_reads(forger.record(data, "never seen")).empty());
    std::string more;
    CHECK_FALSE(both.records->seal("secret", {}, 100, more));
    both.records->seal_end(more);
    CHECK(more.empty());
    auto told = both.client_is_told();
    both.records->append_own(more);
    CHECK(more.empty());
    return told;
}

constexpr auto unexpected = "(the peer sent alert unexpected_message)";
constexpr auto overflow = "(the peer sent alert record_overflow)";
constexpr auto decode = "(the peer sent alert decode_error)";
constexpr auto bad_mac = "(the peer sent alert bad_record_mac)";

std::string plain(std::string_view header, std::size_t bytes) { return std::string{header} + std::string(bytes, 'x'); }

}  // namespace

TEST_CASE("record layer: what is no record of TLS 1.3 is refused", "[tls]") {
    CHECK(verdict_on([](auto&) { return plain("\x14\x03\x03\x00\x01"s, 1); }) == unexpected);
    CHECK(verdict_on([](auto&) { return plain("\x15\x03\x03\x00\x02"s, 2); }) == unexpected);
    CHECK(verdict_on([](auto&) { return plain("\x16\x03\x03\x00\x20"s, 32); }) == unexpected);
    CHECK(verdict_on([](auto&) { return "GET / HTTP/1.1\r\n\r\n"s; }) == unexpected);
    CHECK(verdict_on([](auto&) { return plain("\x17\x03\x04\x00\x20"s, 32); }) == decode);
    CHECK(verdict_on([](auto&) { return plain("\x17\x02\x03\x00\x20"s, 32); }) == decode);
    CHECK(verdict_on([](auto&) { return plain("\x17\x03\x03\x40\x12"s, 0); }) == overflow);  // before the rest has come
    CHECK(verdict_on([](auto&) { return plain("\x17\x03\x03\xff\xff"s, 0); }) == overflow);
    CHECK(verdict_on([](auto&) { return plain("\x17\x03\x03\x00\x00"s, 0); }) == bad_mac);
    CHECK(verdict_on([](auto& forger) { return forger.sealed(""); }) == bad_mac);
    CHECK(verdict_on([](auto&) { return plain("\x17\x03\x03\x00\x11"s, 17); }) == bad_mac);
}

TEST_CASE("record layer: what is sealed well, but must not be, is refused", "[tls]") {
    CHECK(verdict_on([](auto& forger) { return forger.sealed(std::string(10, '\0')); }) == unexpected);
    CHECK(verdict_on([](auto& forger) { return forger.record(change_cipher_spec, "\x01"); }) == unexpected);
    CHECK(verdict_on([](auto& forger) { return forger.record(heartbeat, "\x01"); }) == unexpected);
    CHECK(verdict_on([](auto& forger) { return forger.record(255, "\x01"); }) == unexpected);
    CHECK(verdict_on([](auto& forger) { return forger.record(data, std::string(16'385, 'x')); }) == overflow);
    CHECK(verdict_on([](auto& forger) { return forger.record(data, std::string(16'384, 'x'), 1); }) == overflow);
    CHECK(verdict_on([](auto& forger) { return forger.record(data, "x", 16'384); }) == overflow);

    CHECK(verdict_on([](auto& forger) { return forger.record(alert, ""); }) == decode);
    CHECK(verdict_on([](auto& forger) { return forger.record(alert, "\x01"s); }) == decode);
    CHECK(verdict_on([](auto& forger) { return forger.record(alert, "\x01\x00\x01\x00"s); }) == decode);

    CHECK(verdict_on([](auto& forger) { return forger.record(handshake, ""); }) == unexpected);
    CHECK(verdict_on([](auto& forger) { return forger.record(handshake, "\x01\x00\x00\x01\x00"s); }) == unexpected);
    CHECK(verdict_on([](auto& forger) { return forger.record(handshake, "\x0b\x00\x00\x00"s); }) == unexpected);
    CHECK(verdict_on([](auto& forger) { return forger.record(handshake, "\x18\x00\x00\x02\x00\x00"s); }) == decode);
    CHECK(verdict_on([](auto& forger) { return forger.record(handshake, "\x18\x00\x00\x01\x02"s); }) ==
          "(the peer sent alert illegal_parameter)");
    CHECK(verdict_on([](auto& forger) { return forger.record(handshake, "\x18\x00\x00\x01\x00\x18"s); }) == unexpected);
    CHECK(verdict_on([](auto& forger) {
        return forger.record(handshake, "\x18\x00\x00\x01\x00\x18\x00\x00\x01\x00"s);
    }) == unexpected);
    CHECK(verdict_on([](auto& forger) {  // what belongs together must not be parted
        return joined({forger.record(handshake, "\x18\x00"s), forger.record(data, "x")});
    }) == unexpected);
    CHECK(verdict_on([](auto& forger) {
        return joined({forger.record(handshake, "\x18\x00"s), forger.record(alert, "\x01\x00"s)});
    }) == unexpected);
    CHECK(verdict_on([](auto& forger) {  // the old keys are no longer good
        return joined({forger.record(handshake, "\x18\x00\x00\x01\x00"s), forger.record(data, "x")});
    }) == bad_mac);
    CHECK(verdict_on([](auto& forger) {  // nor are keys that nobody has announced
        forger.next_keys();
        return forger.record(data, "x");
    }) == bad_mac);
    CHECK(verdict_on([](auto& forger) {  // a record left out
        forger.record(data, "x");
        return forger.record(data, "y");
    }) == bad_mac);
    CHECK(verdict_on([](auto& forger) {  // a record twice
        const auto once = forger.record(handshake, "\x18"s);
        return once + once;
    }) == bad_mac);
}

TEST_CASE("record layer: what may be is taken", "[tls]") {
    const record_ends both;
    auto forger = both.forger();
    CHECK(both.server_reads(forger.record(data, std::string(16'384, 'x'))).size() == 16'384);
    CHECK(both.server_reads(forger.record(data, "x", 16'383)) == "x");
    CHECK(both.server_reads(forger.record(data, "x\0\0"s, 3)) == "x\0\0"s);
    CHECK(both.server_reads(forger.record(data, "")).empty());
    CHECK(both.server_reads(forger.record(alert, "\x01\x5a"s)).empty());  // user_canceled
    CHECK(both.server_reads(forger.record(data, "more")) == "more");
    CHECK(both.server_reads(forger.record(alert, "\x02\x00"s)).empty());  // of whatever level
    CHECK(both.records->incoming() == state::ended);
}

TEST_CASE("record layer: an alert is the last that is said, either way", "[tls]") {
    record_ends both;
    auto forger = both.forger();
    SECTION("fatal by its number, not by its level") {
        both.server_reads(joined({forger.record(alert, "\x01\x70"s), forger.record(data, "x")}));
        CHECK(both.records->problem() == "the peer sent alert unrecognized_name");
    }
    SECTION("an unknown one, too") {
        both.server_reads(forger.record(alert, "\x01\xfe"s));
        CHECK(both.records->problem() == "the peer sent alert unknown");
    }
    SECTION("OpenSSL's own") {
        both.client.reads("\x17\x03\x03\x00\x11"s + std::string(17, 'x'));
        both.server_reads(both.client.said());
        CHECK(both.records->problem() == "the peer sent alert bad_record_mac");
    }
    CHECK(both.records->incoming() == state::broken);
    std::string wire;
    both.records->append_own(wire);  // is not answered by another
    both.records->seal_end(wire);
    CHECK_FALSE(both.records->seal("x", {}, 100, wire));
    CHECK(wire.empty());
}

TEST_CASE("record layer: floods of records that bring nothing end", "[tls]") {
    constexpr auto limit = record_layer::max_idle_records;
    const auto flood = [](record_forger& forger, unsigned kind, std::string_view text, unsigned count) {
        std::string wire;
        for (unsigned i = 0; i < count; ++i) {
            wire += forger.record(kind, text);
            if (kind == handshake) forger.next_keys();
        }
        return wire;
    };
    for (const auto& [kind, text] : {std::pair{data, ""s}, std::pair{handshake, "\x18\x00\x00\x01\x01"s},
                                     std::pair{handshake, "\x18\x00\x00\x01\x00"s}, std::pair{alert, "\x01\x5a"s}}) {
        record_ends both;
        auto forger = both.forger();
        for (int i = 0; i < 3; ++i) {  // data in between makes it none
            const auto wire = joined({flood(forger, kind, text, limit), forger.record(data, "x")});
            CHECK(both.server_reads(wire, 100) == "x");
        }
        for (int i = 0; i < 3; ++i) {  // one who only listens may ask for new keys now and then
            CHECK(both.server_reads(flood(forger, kind, text, limit)).empty());
            CHECK(both.client.reads(both.server_seals("y")) == "y");
        }
        CHECK(both.server_reads(flood(forger, kind, text, limit)).empty());
        CHECK(both.records->incoming() == state::open);
        CHECK(both.server_reads(flood(forger, kind, text, 1)).empty());
        CHECK(both.records->problem() == "too many records without data");
        CHECK(both.client_is_told() == unexpected);
    }
}

TEST_CASE("record layer: one byte changed anywhere, and nothing from there on is given out", "[tls][property]") {
    rc::prop("tampering", [] {
        record_ends both{*rc::gen::elementOf(record_ends::suites())};
        std::string wire, before;
        std::vector<std::pair<std::size_t, std::string>> whole;
        for (int i = 0; i < 3; ++i) {
            const std::string text(*rc::gen::inRange<std::size_t>(1, 3000), static_cast<char>('a' + i));
            whole.emplace_back(wire.size(), before);
            wire += both.client.writes(text);
            before += text;
        }
        whole.emplace_back(wire.size(), before);
        wire += both.client.ends();
        const auto at = *rc::gen::inRange<std::size_t>(0, wire.size());
        wire[at] = static_cast<char>(wire[at] ^ *rc::gen::inRange(1, 256));
        const auto got = both.server_reads(wire, *rc::gen::inRange<std::size_t>(1, 4000));
        // Up to the record that was hit, and that one is not among them.
        const auto hit =
            std::ranges::find_if(whole.rbegin(), whole.rend(), [&](const auto& w) { return w.first <= at; });
        RC_ASSERT(got == hit->second);
        RC_ASSERT(both.records->incoming() != state::ended);
        // A length made larger may still wait for what will never come.
        RC_ASSERT(both.records->incoming() == state::broken || both.client_is_told().empty());
    });
}

TEST_CASE("record layer: garbage is never taken for anything", "[tls][property]") {
    rc::prop("any bytes, with or without the start of a record", [](const std::string& bytes) {
        record_ends both;
        const auto wire = *rc::gen::element(""s, "\x17"s, "\x17\x03\x03"s, "\x17\x03\x03\x00\x40"s) + bytes;
        RC_ASSERT(both.server_reads(wire, *rc::gen::inRange<std::size_t>(1, 50)).empty());
        RC_ASSERT(both.records->incoming() != state::ended);
        RC_ASSERT(!both.records->has_more());
    });
    rc::prop("any plain text, sealed", [](const std::string& bytes) {
        record_ends both;
        auto forger = both.forger();
        const auto got = both.server_reads(forger.sealed(bytes + *rc::gen::element(""s, "\x15"s, "\x16"s, "\x18"s)));
        const auto end = bytes.find_last_not_of('\0');
        RC_ASSERT(got.empty() || (bytes[end] == '\x17' && got == bytes.substr(0, end)));
    });
}
