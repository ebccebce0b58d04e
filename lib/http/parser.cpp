/// The second of the two readers: llhttp over a complete head, and the checks of what it lets through.
#include "lib/http/parser.hpp"

#include <llhttp.h>

#include <algorithm>
#include <cassert>

namespace weir::http {
namespace {

/// What llhttp's callbacks fill in.
struct collector {
    llhttp_t parser;
    field_block& fields;
    std::string_view name, value;

    void flush() {
        if (!name.empty()) fields.add(name, value);
        name = value = {};
    }
};

collector& of(llhttp_t* parser) { return *static_cast<collector*>(parser->data); }

int on_field(llhttp_t* parser, const char* at, std::size_t size) {
    auto& c = of(parser);
    c.flush();
    c.name = {at, size};
    return 0;
}
int on_value(llhttp_t* parser, const char* at, std::size_t size) {
    auto& c = of(parser);
    c.value = c.value.empty() ? std::string_view{at, size}
                              : std::string_view{c.value.data(), static_cast<std::size_t>(at + size - c.value.data())};
    return 0;
}
int on_complete(llhttp_t*) { return HPE_PAUSED; }  // the body is not llhttp's business

/// Parsers that have read a first line. The scanner's rules for it are the stricter ones, and nothing in it changes how
/// llhttp reads fields, so every head is continued from a copy of one of these: half of llhttp's work on a short head.
struct begun_parsers {
    llhttp_settings_t settings;
    llhttp_t request, response;

    begun_parsers() {
        llhttp_settings_init(&settings);
        settings.on_header_field = on_field;
        settings.on_header_value = on_value;
        settings.on_headers_complete = on_complete;
        begin(request, HTTP_REQUEST, "GET / HTTP/1.1\r\n");
        begin(response, HTTP_RESPONSE, "HTTP/1.1 200 OK\r\n");
    }
    void begin(llhttp_t& parser, llhttp_type_t type, std::string_view line) const {
        llhttp_init(&parser, type, &settings);
        [[maybe_unused]] const auto good = llhttp_execute(&parser, line.data(), line.size());
        assert(good == HPE_OK);
    }
};

/// Takes the fields apart that begin at `fields_at`. False if llhttp refuses them, or sees others than there are lines.
bool take_apart(field_block& fields, std::size_t fields_at, sender from, unsigned lines) {
    static const begun_parsers begun;
    collector c{from == sender::client ? begun.request : begun.response, fields, {}, {}};
    c.parser.data = &c;
    const auto rest = fields.bytes().substr(fields_at);
    if (llhttp_execute(&c.parser, rest.data(), rest.size()) != HPE_PAUSED) return false;
    c.flush();
    return llhttp_get_error_pos(&c.parser) == rest.data() + rest.size() && fields.size() == lines;
}

/// Why a head was refused, found without llhttp, whose versions differ in what they object to first.
[[gnu::cold]] error diagnose(field_block& fields, std::string_view lines, int minor, sender from) {
    const auto why = from == sender::client ? reason::bad_request : reason::bad_response;
    fields.assign(lines);
    auto rest = fields.bytes();
    while (rest.size() > 2) {
        const auto line = rest.substr(0, rest.find("\r\n"));
        const auto colon = line.find(':');
        if (colon == line.npos) return {why, "a line without a colon"};
        if (!is_token(line.substr(0, colon))) return {why, "a field name that is not a token"};
        fields.add(line.substr(0, colon), line.substr(colon + 1));
        rest.remove_prefix(line.size() + 2);
    }
    if (auto framing = read_framing(fields, minor, from); !framing) return std::move(framing.error());
    return {why, "the head is not well formed"};
}

bool has_overlong_name(const field_block& fields, std::size_t head_bytes) {
    if (head_bytes <= UINT16_MAX) return false;
    auto rest = fields.bytes();
    while (!rest.empty()) {
        const auto line = rest.substr(0, rest.find("\r\n"));
        if (line.find(':') != line.npos && line.find(':') > UINT16_MAX) return true;
        rest.remove_prefix(std::min(rest.size(), line.size() + 2));
    }
    return false;
}

template <class Head>
[[gnu::cold, gnu::noinline]] std::unexpected<error> refuse(Head& out, head_scanner& scanner, sender from, error why) {
    out.clear();
    scanner = head_scanner{from};
    return std::unexpected{std::move(why).during(from == sender::client ? "parse request" : "parse response")};
}

}  // namespace

result<std::size_t> request_parser::parse(std::string_view input, const head_limits& limits, request_head& out) {
    if (input.empty()) return 0;
    const auto refused = [&](error why) { return refuse(out, scanner_, sender::client, std::move(why)); };
    const auto size = scanner_.scan(input, limits);
    if (!size) return refused(size.error());
    if (*size == 0) return 0;

    const auto start = scanner_.skipped();
    out.clear();
    out.fields_.assign(input.substr(start, *size - start));
    const auto line = out.fields_.bytes().substr(0, scanner_.first_line_end() - start);
    const auto fields_at = line.size() + 2;
    const auto method_size = scanner_.method_size();
    const auto target = line.substr(method_size + 1, line.size() - method_size - 1 - sizeof " HTTP/1.1" + 1);
    const int minor = line.back() - '0';

    if (auto good = out.settle_request(line.substr(0, method_size), target, minor); !good)
        return refused(std::move(good.error()));
    if (has_overlong_name(out.fields_, *size)) return refused({reason::bad_request, "a field name is too long"});
    if (!take_apart(out.fields_, fields_at, sender::client, scanner_.fields()))
        return refused(
            diagnose(out.fields_, input.substr(start + fields_at, *size - start - fields_at), minor, sender::client));
    if (auto good = out.settle(minor, sender::client); !good) return refused(std::move(good.error()));
    if (auto good = out.settle_host(); !good) return refused(std::move(good.error()));
    if (out.has(field_id::expect) || out.has(field_id::te))
        if (auto good = out.settle_expectation(); !good) return refused(std::move(good.error()));
    if (out.verb() == method::trace && out.framing().has_body())
        return refused({reason::bad_request, "TRACE with a body"});
    scanner_ = head_scanner{sender::client};
    return *size;
}

result<std::size_t> response_parser::parse(std::string_view input, const head_limits& limits, response_head& out) {
    if (input.empty()) return 0;  // whoever waits for a response asks before anything has come
    const auto refused = [&](error why) { return refuse(out, scanner_, sender::server, std::move(why)); };
    const auto size = scanner_.scan(input, limits);
    if (!size) return refused(size.error());
    if (*size == 0) return 0;

    out.clear();
    out.fields_.assign(input.substr(0, *size));
    const auto line = out.fields_.bytes().substr(0, scanner_.first_line_end());
    const auto fields_at = line.size() + 2;
    const int minor = line[7] - '0';
    const int status = (line[9] - '0') * 100 + (line[10] - '0') * 10 + (line[11] - '0');

    if (has_overlong_name(out.fields_, *size)) return refused({reason::bad_response, "a field name is too long"});
    if (!take_apart(out.fields_, fields_at, sender::server, scanner_.fields()))
        return refused(diagnose(out.fields_, input.substr(fields_at, *size - fields_at), minor, sender::server));
    const auto phrase = line.size() > 13 ? line.substr(13) : std::string_view{};
    if (auto good = out.settle_response(status, phrase, minor); !good) return refused(std::move(good.error()));
    scanner_ = head_scanner{sender::server};
    return *size;
}

}  // namespace weir::http
