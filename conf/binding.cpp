#include "conf/binding.hpp"

#include <algorithm>
#include <concepts>

#include "conf/address.hpp"
#include "conf/diagnostic.hpp"
#include "conf/http_words.hpp"
#include "conf/suggest.hpp"

namespace weir::conf {
namespace {

using problem = std::string;  // what to write instead; may be empty

template <class... F> struct overloaded : F... {
    using F::operator()...;
};

template <class T>
concept list = requires(T t) { t.push_back(t.front()); } && !std::same_as<T, std::string>;

std::unexpected<problem> wrong(problem what = {}) { return std::unexpected{std::move(what)}; }

reading<void> store(const field& in, std::uint64_t value) {
    std::visit(overloaded{
                   [&](unsigned* of) { *of = static_cast<unsigned>(value); },
                   [&](int* of) { *of = static_cast<int>(value); },
                   [&](std::uint64_t* of) { *of = value; },
                   [&](bool* of) { *of = value != 0; },
                   [&](milliseconds* of) { *of = milliseconds{value}; },
                   [&](std::optional<unsigned>* of) { *of = static_cast<unsigned>(value); },
                   [&](std::optional<std::uint64_t>* of) { *of = value; },
                   [&](choice of) { *of.at = static_cast<std::uint8_t>(value); },
                   [&](std::optional<milliseconds>* of) { *of = milliseconds{value}; },
                   [](const target&) {},
                   [](auto*) {},
               },
               in);
    return {};
}

template <class T> reading<void> store(const field& in, reading<T> value) {
    if (!value) return wrong(value.error());
    *std::get<T*>(in) = std::move(*value);
    return {};
}

reading<void> store_text(const field& in, std::string_view text, problem what) {
    if (!what.empty()) return wrong(std::move(what));
    *std::get<std::string*>(in) = text;
    return {};
}

reading<void> store_in_range(const argument& to, const field& in, const reading<std::uint64_t>& value) {
    if (!value) return wrong(value.error());
    if (*value < to.low || *value > to.high) return wrong();
    return store(in, *value);
}

/// Reads each item by `read` (one item to reading<T>) and stores them all.
template <class T, class Read> reading<void> store_list(const field& in, std::string_view text, Read read) {
    std::vector<T> items;
    while (true) {
        const auto item = text.substr(0, text.find(','));
        if (item.empty()) return wrong("an item of the list is empty; lists are written without blanks");
        reading<T> made = read(item);
        if (!made) {
            const bool alone = items.empty() && item.size() == text.size();
            if (alone) return wrong(made.error());
            return wrong(quoted(item) + (made.error().empty() ? " is not one" : ": " + made.error()));
        }
        items.push_back(std::move(*made));
        if (item.size() == text.size()) break;
        text.remove_prefix(item.size() + 1);
    }
    *std::get<std::vector<T>*>(in) = std::move(items);
    return {};
}

std::string to_lower(std::string_view text) {
    std::string lower{text};
    for (char& c : lower)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return lower;
}

reading<std::string> read_method(std::string_view text) {
    if (auto what = problem_of_method(text); !what.empty()) return wrong(std::move(what));
    return std::string{text};
}

reading<std::string> read_protocol(std::string_view text) {
    if (!is_token(text)) return wrong("a protocol has letters, digits and -._ only");
    return to_lower(text);
}

/// The name of a protocol in ALPN: 1 to 255 bytes, of which all that are registered are visible ASCII (RFC 7301).
reading<std::string> read_alpn(std::string_view text) {
    const auto is_visible = [](char c) { return c > 0x20 && c < 0x7f; };
    if (text.size() > 255 || !std::ranges::all_of(text, is_visible)) return wrong();
    for (std::string_view name : {"http/1.1", "h2"})
        if (to_lower(text) == name && text != name) return wrong("it is written " + std::string{name});
    return std::string{text};
}

bool is_name(std::string_view text) {
    return !text.empty() && text.size() <= 64 && std::ranges::all_of(text, [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               std::string_view{"-._"}.contains(c);
    });
}

bool is_file(std::string_view text) {
    const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20; };
    return !text.empty() && std::ranges::none_of(text, is_control);
}
bool is_path(std::string_view text) { return text.contains('/') && is_file(text); }

reading<void> store_file(const field& in, std::string_view text) {
    if (!is_file(text)) return wrong();
    std::get<file_name*>(in)->path = text;
    return {};
}

reading<void> store_template(const field& in, std::string_view text, problem what) {
    if (!what.empty()) return wrong(std::move(what));
    return store<text_template>(in, read_template(text));
}

reading<void> read(const argument& to, const field& in, std::string_view text) {
    const auto word = std::ranges::find(to.words, text);
    switch (to.what) {
    case kind::number: return store_in_range(to, in, read_number(text));
    case kind::duration: return store_in_range(to, in, read_milliseconds(text));
    case kind::size: return store_in_range(to, in, read_bytes(text));
    case kind::choice:
        if (word == to.words.end()) return wrong();
        return store(in, static_cast<std::uint64_t>(word - to.words.begin()));
    case kind::status:
        if (word == to.words.end()) return wrong();
        return store(in, *read_number(text));
    case kind::name:
        if (!is_name(text)) return wrong();
        return store_text(in, text, {});
    case kind::path:
        if (word == to.words.end() && !is_path(text)) return wrong();
        return store_text(in, text, {});
    case kind::file: return store_file(in, text);
    case kind::listen_address: return store<endpoint>(in, read_listen_address(text));
    case kind::server_address: return store<endpoint>(in, read_server_address(text));
    case kind::networks: return store_list<network>(in, text, read_network);
    case kind::hosts: return store_list<std::string>(in, text, read_host_pattern);
    case kind::methods: return store_list<std::string>(in, text, read_method);
    case kind::tokens: return store_list<std::string>(in, text, read_protocol);
    case kind::alpn: return store_list<std::string>(in, text, read_alpn);
    case kind::host: return store_text(in, text, problem_of_host(text));
    case kind::prefix: return store_text(in, text, problem_of_prefix(text));
    case kind::request_path: return store_text(in, text, problem_of_request_path(text));
    case kind::url: return store_template(in, text, problem_of_url(text));
    case kind::header_name: return store_text(in, text, problem_of_header_name(text));
    case kind::header_value: return store_template(in, text, problem_of_header_value(text));
    case kind::plain_value: return store_text(in, text, problem_of_header_value(text));
    case kind::text: return store_text(in, text, {});
    case kind::shaped: return to.read(text, std::get<target>(in));
    case kind::reference: break;  // by assign, which knows the backends
    }
    return wrong();
}

std::string print_number(const argument& of, std::uint64_t value) {
    switch (of.what) {
    case kind::duration: return write_milliseconds(value);
    case kind::size: return write_bytes(value);
    case kind::choice: return std::string{of.words[value]};
    default: return std::to_string(value);
    }
}

std::string_view text_of(const network& item) { return item.text; }
std::string_view text_of(const std::string& item) { return item; }

}  // namespace

void clear(const field& in) {
    std::visit(overloaded{
                   [](choice of) { *of.at = 0; },
                   [](const target&) {},
                   [](auto* of) { *of = {}; },
               },
               in);
}

reading<void> assign(const argument& to, const field& in, std::string_view text, const surroundings& around) {
    if (to.what == kind::reference) {
        const auto found = std::ranges::find(around.backends, text);
        if (found == around.backends.end())
            return wrong("unknown backend " + quoted(text) + did_you_mean(text, around.backends));
        return store(in, static_cast<std::uint64_t>(found - around.backends.begin()));
    }
    if (!to.none.empty() && text == to.none) {
        clear(in);
        return {};
    }
    const auto done = read(to, in, text);
    if (done) return {};

    auto hint = done.error().empty() ? std::string{} : "; " + done.error();
    const bool is_numeric = !text.empty() && text[0] >= '0' && text[0] <= '9';  // no slip of letters
    if (hint.empty() && !is_numeric) {
        auto words = to.words;
        if (!to.none.empty()) words.push_back(to.none);
        hint = did_you_mean(text, words);
    }
    return wrong(quoted(around.subject) + " takes " + expectation(to) + ", not " + quoted(text) + hint);
}

std::string print(const argument& of, const field& in, const config& whole) {
    const auto number = [&of](std::uint64_t value) { return print_number(of, value); };
    const auto nothing = [&of] { return std::string{of.none}; };
    return std::visit(overloaded{
                          [&](const unsigned* at) { return *at == 0 && !of.none.empty() ? nothing() : number(*at); },
                          [&](const int* at) { return number(static_cast<std::uint64_t>(*at)); },
                          [&](const std::uint64_t* at) {
        if (of.what == kind::reference) return whole.backends[*at].name;
        return *at == 0 && !of.none.empty() ? nothing() : number(*at);
    },
                          [&](const bool* at) { return number(*at ? 1 : 0); },
                          [&](const target& at) { return of.print(at); },
                          [&](const std::optional<milliseconds>* at) {
        return *at ? number(static_cast<std::uint64_t>((*at)->count())) : nothing();
    },
                          [&](const milliseconds* at) {
        return at->count() == 0 && !of.none.empty() ? nothing() : number(static_cast<std::uint64_t>(at->count()));
    },
                          [&](const std::optional<unsigned>* at) { return *at ? number(**at) : nothing(); },
                          [&](const std::optional<std::uint64_t>* at) {
        if (!*at) return nothing();
        return of.what == kind::reference ? whole.backends[**at].name : number(**at);
    },
                          [&](choice at) { return number(*at.at); },
                          [&](const std::string* at) { return at->empty() && !of.none.empty() ? nothing() : *at; },
                          [&](const file_name* at) { return at->path.empty() ? nothing() : at->path; },
                          [&](const endpoint* at) { return at->text; },
                          [&](const text_template* at) { return at->text; },
                          [&]<list T>(const T* at) {
        std::string out;
        for (const auto& item : *at) out.append(out.empty() ? "" : ",").append(text_of(item));
        return out.empty() ? nothing() : out;
    },
                      },
                      in);
}

}  // namespace weir::conf
