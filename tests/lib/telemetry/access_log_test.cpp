#include "lib/telemetry/access_log.hpp"

#include <map>
#include <optional>
#include <vector>

#include "tests/support/property.hpp"

using namespace weir;

namespace {

access_record typical() {
    access_record r;
    r.unix_us = 1'795'467'600'123'000;
    r.client = "203.0.113.7:51000";
    r.listener = "0.0.0.0:8080";
    r.method = "GET";
    r.host = "example.com";
    r.target = "/a?b=c";
    r.http_minor = 1;
    r.status = 200;
    r.bytes_in = 312;
    r.bytes_out = 1520;
    r.header_us = 85;
    r.first_byte_us = 1210;
    r.total_us = 1480;
    r.backend = "web";
    r.server = "127.0.0.1:9001";
    r.tries = 1;
    r.reused = true;
    r.tls_version = "TLSv1.3";
    r.tls_cipher = "TLS_AES_128_GCM_SHA256";
    r.tls_us = 902;
    r.request_id = "5c0f000000000000000000000000000a";
    return r;
}

std::string text_of(const access_record& r) {
    std::string line;
    access_formatter{}.append_text(r, line);
    return line;
}
std::string json_of(const access_record& r) {
    std::string line;
    access_formatter{}.append_json(r, line);
    return line;
}

const std::vector<std::string> keys{"time",      "client",     "listener",      "protocol",   "method",   "host",
                                    "target",    "version",    "status",        "reason",     "bytes_in", "bytes_out",
                                    "header_us", "connect_us", "first_byte_us", "total_us",   "backend",  "server",
                                    "tries",     "reused",     "tls",           "tls_cipher", "tls_us",   "id"};

constexpr auto cut_mark = "<cut>";

int hex_value(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return -1;
}

/// Two digits at the start of `text` as a byte.
std::optional<char> hex_byte(std::string_view text) {
    if (text.size() < 2 || hex_value(text[0]) < 0 || hex_value(text[1]) < 0) return std::nullopt;
    return static_cast<char>(hex_value(text[0]) * 16 + hex_value(text[1]));
}

struct field {
    std::string key;
    std::string value;  // unescaped; the cut shown as cut_mark
    bool absent = false;
    bool quoted = false;
    friend bool operator==(const field&, const field&) = default;
};

/// Reads a text line by the documented rules alone; nothing if it breaks them.
std::optional<std::vector<field>> read_text(std::string_view line) {
    if (!line.ends_with('\n')) return std::nullopt;
    line.remove_suffix(1);
    std::vector<field> fields;
    while (true) {
        const auto blank = line.find(' ');
        auto word = line.substr(0, blank);
        field f;
        if (fields.empty()) {
            f.key = "time";
        } else {
            const auto equals = word.find('=');
            if (equals == word.npos) return std::nullopt;
            f.key = word.substr(0, equals);
            word.remove_prefix(equals + 1);
        }
        if (word.empty()) return std::nullopt;
        f.absent = word == "-";
        for (std::size_t i = 0; i < word.size() && !f.absent; ++i) {
            const auto c = static_cast<unsigned char>(word[i]);
            if (c <= 0x20 || c >= 0x7f || c == '"') return std::nullopt;
            if (c != '\\') {
                f.value += word[i];
            } else if (word.substr(i) == "\\...") {
                f.value += cut_mark;
                break;
            } else {
                const auto byte = word.substr(i, 2) == "\\x" ? hex_byte(word.substr(i + 2)) : std::nullopt;
                if (!byte) return std::nullopt;
                f.value += *byte;
                i += 3;
            }
        }
        fields.push_back(f);
        if (blank == line.npos) return fields;
        line.remove_prefix(blank + 1);
    }
}

/// Reads one flat JSON object (RFC 8259) of strings, whole numbers, booleans and nulls; strict.
class json_reader {
public:
    explicit json_reader(std::string_view line) : rest_{line} {}

    std::optional<std::vector<field>> read() {
        std::vector<field> fields;
        if (!take("{")) return std::nullopt;
        do {
            field f;
            if (!string(f.key) || !take(":") || !value(f)) return std::nullopt;
            fields.push_back(f);
        } while (take(","));
        if (rest_ != "}\n") return std::nullopt;
        return fields;
    }

private:
    bool take(std::string_view word) {
        if (!rest_.starts_with(word)) return false;
        rest_.remove_prefix(word.size());
        return true;
    }
    bool value(field& f) {
        if (rest_.starts_with('"')) {
            f.quoted = true;
            return string(f.value);
        }
        if (take("null")) return f.absent = true;
        for (const auto* word : {"true", "false"})
            if (take(word)) {
                f.value = word;
                return true;
            }
        while (!rest_.empty() && rest_[0] >= '0' && rest_[0] <= '9') {
            f.value += rest_[0];
            rest_.remove_prefix(1);
        }
        return !f.value.empty() && (f.value == "0" || f.value[0] != '0');
    }
    bool string(std::string& into) {
        if (!take("\"")) return false;
        while (!take("\"")) {
            if (rest_.empty()) return false;
            const auto c = static_cast<unsigned char>(rest_[0]);
            if (take("\\u2026")) {
                into += cut_mark;
            } else if (take("\\u00")) {
                const auto byte = hex_byte(rest_);
                if (!byte) return false;
                into += *byte;
                rest_.remove_prefix(2);
            } else {
                if (c < 0x20 || c >= 0x7f || c == '\\') return false;
                into += rest_[0];
                rest_.remove_prefix(1);
            }
        }
        return true;
    }
    std::string_view rest_;
};

std::optional<std::vector<field>> read_json(std::string_view line) { return json_reader{line}.read(); }

/// Lengths around the sizes of the fast paths, and bytes that matter more often than chance would have them.
std::string nasty() {
    const auto length = *rc::gen::oneOf(rc::gen::inRange<std::size_t>(0, 40), rc::gen::inRange<std::size_t>(250, 260),
                                        rc::gen::inRange<std::size_t>(1020, 1030));
    const auto byte = *rc::gen::elementOf(std::vector<int>{0, 1, 2});  // all clean; few dirty; anything
    std::string value(length, 'a');
    for (auto& c : value) c = *rc::gen::inRange<char>('#', '[');
    if (byte == 1 && length > 0)
        value[*rc::gen::inRange<std::size_t>(0, length)] =
            *rc::gen::elementOf(std::string{"\n\r\0\t \"\\=-\x7f\x80\xff\x20\x1f\x21\x7e{}", 18});
    if (byte == 2)
        for (auto& c : value) c = *rc::gen::arbitrary<char>();
    return value;
}

std::string kept(const std::string& value, std::size_t bound) {
    return value.size() > bound ? value.substr(0, bound) + cut_mark : value;
}

}  // namespace

TEST_CASE("a text line looks as documented") {
    CHECK(
        text_of(typical()) ==
        "2026-11-23T21:00:00.123Z client=203.0.113.7:51000 listener=0.0.0.0:8080 protocol=http method=GET host=example.com "
        "target=/a?b=c version=1.1 status=200 reason=none bytes_in=312 bytes_out=1520 header_us=85 connect_us=- first_byte_us=1210 "
        "total_us=1480 backend=web server=127.0.0.1:9001 tries=1 reused=yes tls=TLSv1.3 tls_cipher=TLS_AES_128_GCM_SHA256 "
        "tls_us=902 id=5c0f000000000000000000000000000a\n");
}

TEST_CASE("a JSON line looks as documented") {
    CHECK(
        json_of(typical()) ==
        R"({"time":"2026-11-23T21:00:00.123Z","client":"203.0.113.7:51000","listener":"0.0.0.0:8080","protocol":"http",)"
        R"("method":"GET","host":"example.com","target":"/a?b=c","version":"1.1","status":200,"reason":"none","bytes_in":312,)"
        R"("bytes_out":1520,"header_us":85,"connect_us":null,"first_byte_us":1210,"total_us":1480,"backend":"web",)"
        R"("server":"127.0.0.1:9001","tries":1,"reused":true,"tls":"TLSv1.3","tls_cipher":"TLS_AES_128_GCM_SHA256","tls_us":902,"id":"5c0f000000000000000000000000000a"})"
        "\n");
}

TEST_CASE("a tcp connection leaves the fields of http absent") {
    access_record r;
    r.spoken = access_record::protocol::tcp;
    r.why = reason::connect_refused;
    CHECK(
        text_of(r) ==
        "1970-01-01T00:00:00.000Z client=- listener=- protocol=tcp method=- host=- target=- version=- status=- "
        "reason=connect_refused bytes_in=0 bytes_out=0 header_us=- connect_us=- first_byte_us=- total_us=- backend=- server=- "
        "tries=0 reused=no tls=- tls_cipher=- tls_us=- id=-\n");
    const auto fields = read_json(json_of(r));
    REQUIRE(fields);
    CHECK(fields->at(4) == field{"method", "", true, false});
    CHECK(fields->at(8) == field{"status", "", true, false});
}

TEST_CASE("a value cannot pass for a line, a field or an absence") {
    auto r = typical();
    r.target = "/x\n2026-11-23T21:00:00.123Z client=forged";
    r.host = "-";
    r.method = "G\"ET\\";
    const auto line = text_of(r);
    CHECK(line.find("target=/x\\x0a2026-11-23T21:00:00.123Z\\x20client=forged ") != line.npos);
    CHECK(line.find("host=\\x2d ") != line.npos);
    CHECK(line.find("method=G\\x22ET\\x5c ") != line.npos);
    const auto json = json_of(r);
    CHECK(json.find(R"("target":"/x\u000a2026-11-23T21:00:00.123Z client=forged")") != json.npos);
    CHECK(json.find(R"("method":"G\u0022ET\u005c")") != json.npos);
    CHECK(json.find(R"("host":"-")") != json.npos);
}

TEST_CASE("long values are cut and marked") {
    auto r = typical();
    const std::string exact(access_formatter::max_target_bytes, 'x'), longer = exact + 'x';
    r.target = exact;
    CHECK(text_of(r).find("\\...") == std::string::npos);
    r.target = longer;
    CHECK(text_of(r).find("=" + exact + "\\... version=") != std::string::npos);
    CHECK(json_of(r).find(exact + "\\u2026\",\"version\"") != std::string::npos);
    const std::string host(access_formatter::max_value_bytes + 1, 'h');
    r.host = host;
    CHECK(text_of(r).find("=" + host.substr(1) + "\\... ") != std::string::npos);
}

TEST_CASE("the worst record still fits its bound") {
    const std::string worst(5000, '\xff');
    access_record r;
    r.client = r.listener = r.method = r.host = r.target = r.backend = r.server = r.request_id = r.tls_version =
        r.tls_cipher = worst;
    r.unix_us = r.header_us = r.connect_us = r.first_byte_us = r.total_us = r.tls_us = INT64_MAX;
    r.bytes_in = r.bytes_out = UINT64_MAX;
    r.tries = ~0u;
    r.status = r.http_minor = INT32_MAX;
    r.why = reason::response_head_too_large;
    CHECK(text_of(r).size() <= access_formatter::max_line_bytes);
    CHECK(json_of(r).size() <= access_formatter::max_line_bytes);
    CHECK(read_text(text_of(r)));
    CHECK(read_json(json_of(r)));
}

TEST_CASE("a line goes behind what is there") {
    access_formatter format;
    std::string lines;
    format.append_text(typical(), lines);
    format.append_text(typical(), lines);
    CHECK(lines == text_of(typical()) + text_of(typical()));
}

TEST_CASE("whatever peers send, both forms give back the same bytes", "[property]") {
    rc::prop("read by the documented rules", [] {
        const std::string client = nasty(), host = nasty(), target = nasty(), server = nasty();
        auto r = typical();
        r.client = client;
        r.host = host;
        r.target = target;
        r.server = server;
        r.bytes_out = *rc::gen::arbitrary<std::uint64_t>();
        r.connect_us = *rc::gen::arbitrary<std::int64_t>();
        r.status = *rc::gen::inRange(0, 600);
        r.reused = *rc::gen::arbitrary<bool>();
        const std::map<std::string, std::pair<std::string, std::size_t>> sent{
            {"client", {client, access_formatter::max_value_bytes}},
            {"host", {host, access_formatter::max_value_bytes}},
            {"target", {target, access_formatter::max_target_bytes}},
            {"server", {server, access_formatter::max_value_bytes}}};

        const auto text = text_of(r), json = json_of(r);
        RC_ASSERT(text.find('\n') == text.size() - 1);
        RC_ASSERT(json.find('\n') == json.size() - 1);
        for (const auto& fields : {read_text(text), read_json(json)}) {
            RC_ASSERT(fields.has_value());
            RC_ASSERT(fields->size() == keys.size());
            for (std::size_t i = 0; i < keys.size(); ++i) {
                const auto& f = (*fields)[i];
                RC_ASSERT(f.key == keys[i]);
                if (const auto it = sent.find(f.key); it != sent.end()) {
                    const auto& [value, bound] = it->second;
                    RC_ASSERT(f.absent == value.empty());
                    RC_ASSERT(f.value == kept(value, bound));
                }
                if (f.key == "bytes_out") RC_ASSERT(f.value == std::to_string(r.bytes_out));
                if (f.key == "connect_us")
                    RC_ASSERT((r.connect_us < 0 ? f.absent : f.value == std::to_string(r.connect_us)));
                if (f.key == "status") RC_ASSERT((r.status == 0 ? f.absent : f.value == std::to_string(r.status)));
            }
        }
    });
}
