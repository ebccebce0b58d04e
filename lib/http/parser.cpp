/// The second of the two readers: it takes a complete head apart, and asks llhttp where framing is decided.
#include "lib/http/parser.hpp"

#include <llhttp.h>

#include <algorithm>
#include <cassert>

namespace weir::http {
namespace {

int on_complete(llhttp_t*) { return HPE_PAUSED; }  // the body is not llhttp's business

/// Parsers that have read a first line. The scanner's rules for it are the stricter ones, and nothing in it changes how
/// llhttp reads fields, so every head is continued from a copy of one of these.
struct begun_parsers {
    llhttp_settings_t settings;
    llhttp_t request, response;

    begun_parsers() {
        llhttp_settings_init(&settings);
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

/// Where one of these has a say in where the message or its connection ends, llhttp is asked.
constexpr field_set never_alone{field_id::transfer_encoding, field_id::connection, field_id::proxy_connection,
                                field_id::upgrade};

/// A Content-Length alone is one number, which read_framing() takes as strictly; but for a tab behind it, which some mind.
bool needs_second_opinion(const field_block& fields) {
    if (fields.has_any(never_alone)) return true;
    const auto length = fields.find(field_id::content_length);
    return length && length->data()[length->size()] != '\r';
}

/// Of the lines that llhttp, too, has a meaning for.
bool llhttp_agrees(const field_block& fields, sender from) {
    static const begun_parsers begun;
    llhttp_t parser = from == sender::client ? begun.request : begun.response;
    for (const field f : fields) {
        if (f.id != field_id::content_length && !never_alone.has(f.id)) continue;
        const auto rest = fields.bytes().substr(static_cast<std::size_t>(f.name.data() - fields.bytes().data()));
        if (llhttp_execute(&parser, rest.data(), rest.find('\n') + 1) != HPE_OK) return false;
    }
    return llhttp_execute(&parser, "\r\n", 2) == HPE_PAUSED;
}

/// Takes the fields apart that begin at `fields_at`. False if one of them is none, or they are not as many as the lines.
bool take_apart(field_block& fields, std::size_t fields_at, sender from, unsigned lines) {
    auto rest = fields.bytes().substr(fields_at);
    while (rest.size() > 2) {
        std::size_t name_size = 0;
        while (is_token_char(rest[name_size])) ++name_size;
        if (name_size == 0 || rest[name_size] != ':') return false;
        const auto end = rest.find('\r', name_size);  // no bare CR: the scanner has seen to that
        fields.add(rest.substr(0, name_size), rest.substr(name_size + 1, end - name_size - 1));
        rest.remove_prefix(end + 2);
    }
    return fields.size() == lines && (!needs_second_opinion(fields) || llhttp_agrees(fields, from));
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
