#pragma once
/// The one table of directives. Parsing, checking, diagnostics, the defaults, `-T` and the reference in
/// proxy.conf.example are all read from it, so a directive is added here and nowhere else.
///
///     {.name = "retry", .where = scope::backend, .why = "...",
///      .plain = {{.name = "N", .what = kind::number, .in = FIELD(backend->retry.times), .fallback = "2", .high = 10}}}
///
/// Times are milliseconds and sizes bytes, in the ranges here and in the fields of config.hpp. Constant after start;
/// safe from any thread.
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "conf/config.hpp"
#include "conf/units.hpp"

namespace weir::conf {

/// Where a directive may stand.
enum class scope : std::uint8_t { top, listen, listen_tls, route, backend, backend_tls };

/// The part of a config that a directive writes to or is read from: that of its scope and all around it.
struct target {
    config* whole = nullptr;
    conf::listener* listener = nullptr;
    conf::route* route = nullptr;
    conf::backend* backend = nullptr;
    conf::server* server = nullptr;
    header_action* action = nullptr;
    rate_limit* rate = nullptr;
    conf::server_tls* server_tls = nullptr;
    conf::client_tls* client_tls = nullptr;
    tls_algorithms* algorithms = nullptr;  // of either
    server_certificate* certificate = nullptr;
    sni_route* sni = nullptr;
};

/// An enumeration of config.hpp. All of them are one byte wide and count from 0 in the order of `words`.
struct choice {
    std::uint8_t* at;  // an unsigned char may look at any object
};

using field =
    std::variant<unsigned*, int*, std::uint64_t*, bool*, milliseconds*, std::string*, std::optional<unsigned>*,
                 std::optional<std::uint64_t>*, choice, endpoint*, text_template*, std::vector<network>*,
                 std::vector<std::string>*, std::optional<milliseconds>*, file_name*, target>;
static_assert(std::is_same_v<std::size_t, std::uint64_t>, "sizes and byte counts share one kind of field");

enum class kind : std::uint8_t {
    number,     // low..high
    duration,   // low..high, in milliseconds
    size,       // low..high, in bytes
    choice,     // one of `words`
    status,     // one of `words`, as a number
    name,       // of a backend, a user
    path,       // a file with a '/' in its name, or one of `words`
    file,       // a file of any name
    reference,  // the name of a backend of this file
    listen_address,
    server_address,
    networks,  // lists, separated by commas
    hosts,
    host,  // with a port if need be
    methods,
    tokens,
    alpn,
    prefix,
    request_path,  // with a query if need be
    url,
    header_name,
    header_value,  // with variables
    plain_value,   // a header value without variables
    text,          // anything
    shaped,        // a value with a shape of its own, which `read` and `print` know (values.hpp)
};

struct argument {
    std::string_view name;  // of key=value: the key; of a plain one: what stands for it in the reference
    kind what = kind::text;
    field (*in)(target) = nullptr;
    reading<void> (*read)(std::string_view, target) = nullptr;  // shaped
    std::string (*print)(target) = nullptr;                     // shaped
    std::string_view fallback = {};                             // the default, as one would write it
    std::string_view fallback_words = {};  // the default in words, where it depends on something else
    std::uint64_t low = 0, high = 0;
    std::vector<std::string_view> words = {};  // of a shaped one: those that a slip may have been meant for
    std::string_view none = {};                // the word for "nothing": auto, off, none, unlimited
    std::string_view why = {};
    std::string_view takes = {};  // shaped: what it may be, in words
    bool optional = false;        // may be left out though it has no default
    bool http_only = false;
    bool (*shown)(target) = nullptr;  // does it mean anything, so that `-T` prints it? always, when null
};

/// How a directive that makes something (a listener, a server) makes it, and finds it again.
struct making {
    target (*add)(target) = nullptr;
    std::size_t (*count)(target) = nullptr;
    target (*at)(target, std::size_t) = nullptr;
    bool once = false;  // at most one of it
};

enum class block : std::uint8_t { never, may, must };

struct directive {
    std::string_view name;
    scope where = scope::top;
    std::string_view why = {};
    std::vector<argument> plain = {};
    std::vector<argument> keyed = {};
    making makes = {};
    block has_block = block::never;
    scope opens = scope::top;  // with a block: what stands in it
    bool http_only = false;    // not in a listener with `protocol tcp`
};

std::span<const directive> schema();

// Its parts, in the order of the reference.
std::vector<directive> schema_of_top();
std::vector<directive> schema_of_listen();
std::vector<directive> schema_of_listen_tls();
std::vector<directive> schema_of_route();
std::vector<directive> schema_of_backend();
std::vector<directive> schema_of_backend_tls();

const directive* find_directive(scope where, std::string_view name);

/// "in 'backend'", "in 'tls' of 'listen'", "at the top of the file"
std::string_view in_words(scope where);

/// "a whole number from 0 to 10", "on or off"
std::string expectation(const argument& of);

}  // namespace weir::conf
