#include <algorithm>
#include <iterator>

#include "conf/schema_fields.hpp"

namespace weir::conf {
namespace {

/// "a", "a or b", "a, b or c"
std::string listed(const std::vector<std::string_view>& words) {
    std::string out;
    for (std::size_t i = 0; i < words.size(); ++i) {
        if (i > 0) out += i + 1 == words.size() ? " or " : ", ";
        out += words[i];
    }
    return out;
}

}  // namespace

std::span<const directive> schema() {
    static const std::vector<directive> table = [] {
        auto all = schema_of_top();
        for (auto part : {schema_of_listen(), schema_of_listen_tls(), schema_of_route(), schema_of_backend(),
                          schema_of_backend_tls()})
            std::ranges::move(part, std::back_inserter(all));
        return all;
    }();
    return table;
}

const directive* find_directive(scope where, std::string_view name) {
    for (const auto& each : schema())
        if (each.where == where && each.name == name) return &each;
    return nullptr;
}

std::string_view in_words(scope where) {
    switch (where) {
    case scope::top: return "at the top of the file";
    case scope::listen: return "in 'listen'";
    case scope::listen_tls: return "in 'tls' of 'listen'";
    case scope::route: return "in 'route'";
    case scope::backend: return "in 'backend'";
    case scope::backend_tls: return "in 'tls' of 'backend'";
    }
    return {};
}

std::string expectation(const argument& of) {
    const auto range = [&of](auto write) { return " from " + write(of.low) + " to " + write(of.high); };
    std::string out;
    switch (of.what) {
    case kind::number: out = "a whole number" + range([](std::uint64_t n) { return std::to_string(n); }); break;
    case kind::duration: out = "a time" + range(write_milliseconds); break;
    case kind::size: out = "a size" + range(write_bytes); break;
    case kind::choice:
    case kind::status: return of.words == on_off ? "on or off" : listed(of.words);
    case kind::name: out = "a name of at most 64 letters, digits and -._"; break;
    case kind::path: {
        auto words = of.words;
        if (!of.none.empty()) words.push_back(of.none);
        words.push_back("a path with a '/' in it");
        return listed(words);
    }
    case kind::file: out = "the path of a file"; break;
    case kind::reference: out = "the name of a backend"; break;
    case kind::listen_address: out = "an IP address and port, a port, or unix:/path"; break;
    case kind::server_address: out = "a host and port, or unix:/path"; break;
    case kind::networks: out = "a list of networks such as 10.0.0.0/8,::1,unix"; break;
    case kind::hosts: out = "a list of host names such as example.com,*.example.com"; break;
    case kind::host: out = "a host such as example.com or example.com:8080"; break;
    case kind::methods: out = "a list of methods such as GET,HEAD"; break;
    case kind::tokens: out = "a list of protocols such as websocket"; break;
    case kind::alpn: out = "a list of protocols such as http/1.1"; break;
    case kind::prefix: out = "the start of a path"; break;
    case kind::request_path: out = "a path such as /healthz"; break;
    case kind::url: out = "a URL"; break;
    case kind::header_name: out = "the name of a header"; break;
    case kind::header_value:
    case kind::plain_value: out = "the value of a header"; break;
    case kind::text: out = "a text"; break;
    case kind::shaped: return std::string{of.takes};
    }
    if (!of.none.empty()) out.insert(0, std::string{of.none} + " or ");
    return out;
}

}  // namespace weir::conf
