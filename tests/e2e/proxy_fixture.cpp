#include "tests/e2e/proxy_fixture.hpp"

#include <unistd.h>

#include <cctype>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include "tests/support/catch.hpp"

namespace weir::testing {
namespace {

constexpr std::chrono::seconds patience{patience_seconds};

std::string with_defaults(const std::string& text) {
    std::string out;
    const auto unless_there = [&](std::string_view name, std::string_view line) {
        if (!text.contains(name)) out.append(line).append("\n");
    };
    unless_there("workers ", "workers 1;");
    unless_there("access_log ", "access_log stdout format=json;");
    unless_there("error_log ", "error_log stderr level=debug;");
    unless_there("drain ", "drain lame_duck=0s deadline=10s;");
    unless_there("shed ", "shed off;");  // a busy machine makes any loop late
    return out + text;
}

std::string read_file(const std::string& path) {
    std::ifstream file{path};
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

}  // namespace

// ---- a directory ----

scratch_directory::scratch_directory() {
    char name[] = "/tmp/weir-e2e-XXXXXX";
    if (!mkdtemp(name)) throw std::runtime_error{"cannot make a directory in /tmp"};
    path_ = name;
}

scratch_directory::~scratch_directory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

std::string scratch_directory::write(std::string_view name, std::string_view text) const {
    auto path = file(name);
    std::ofstream{path} << text;
    return path;
}

// ---- a line of the log ----

log_record::log_record(std::string_view line) {
    const auto bad = [line](const char* what) {
        throw std::runtime_error{std::string{"log line: "} + what + ": " + std::string{line}};
    };
    std::size_t at = 0;
    const auto take = [&](char c) {
        if (at >= line.size() || line[at] != c) bad("not JSON");
        ++at;
    };
    const auto string = [&] {
        std::string out;
        take('"');
        while (at < line.size() && line[at] != '"') {
            if (static_cast<unsigned char>(line[at]) < 0x20 || static_cast<unsigned char>(line[at]) > 0x7e)
                bad("not plain ASCII");
            if (line[at] != '\\') {
                out += line[at++];
                continue;
            }
            unsigned code = 0;
            const auto digits = line.substr(at + 2, 4);
            if (line.substr(at, 2) != "\\u" || digits.size() != 4 ||
                std::from_chars(digits.data(), digits.data() + 4, code, 16).ptr != digits.data() + 4)
                bad("an escape");
            out += code < 256 ? static_cast<char>(code) : '?';
            at += 6;
        }
        take('"');
        return out;
    };
    take('{');
    for (bool first = true; at < line.size() && line[at] != '}'; first = false) {
        if (!first) take(',');
        auto key = string();
        take(':');
        std::string value;
        if (at < line.size() && line[at] == '"') {
            value = string();
        } else {
            while (at < line.size() && line[at] != ',' && line[at] != '}') value += line[at++];
            const bool number = !value.empty() && value.find_first_not_of("0123456789") == value.npos;
            if (!number && value != "null" && value != "true" && value != "false") bad("a value");
        }
        keys_.push_back(key);
        if (!values_.emplace(std::move(key), std::move(value)).second) bad("a key twice");
    }
    take('}');
    if (at != line.size()) bad("something behind it");
}

const std::string& log_record::operator[](const std::string& key) const {
    const auto found = values_.find(key);
    if (found == values_.end()) throw std::runtime_error{"log line without " + key};
    return found->second;
}

// ---- weir ----

proxy::proxy(const std::string& configuration, std::vector<std::string> through)
    : file_{directory_.write("proxy.conf", with_defaults(configuration))} {
    auto command = std::move(through);
    for (const auto& word : {program("WEIR"), std::string{"-f"}, file_}) command.push_back(word);
    process_ = std::make_unique<child_process>(command);
    if (!process_->wait_for_error(": ready: ", patience))
        throw std::runtime_error{"weir did not start:\n" + process_->errors() + read_file(file_)};

    constexpr std::string_view mark = ": listening on ";
    std::istringstream lines{process_->errors()};
    for (std::string line; std::getline(lines, line);) {
        const auto at = line.find(mark);
        if (at == line.npos) continue;
        const auto rest = line.substr(at + mark.size());
        addresses_.push_back(rest.substr(0, rest.rfind(" (")));
    }
}

proxy::~proxy() {
    if (waited_for_) return;
    constexpr int in_order = 0, some_were_cut = 4;
    auto status = process_->wait(std::chrono::milliseconds{0});
    for (int orders = 0; !status && orders < 2; ++orders) {  // the second one cuts
        signal(SIGTERM);
        status = process_->wait(orders == 0 ? std::chrono::seconds{3} : patience);
    }
    if (status == in_order || status == some_were_cut) return;
    FAIL_CHECK("weir ended with " << (status ? std::to_string(*status) : "nothing") << ":\n" << process_->errors());
}

log_record proxy::logged(std::string_view text) {
    const auto line = process_->wait_for(text, patience);
    if (!line)
        throw std::runtime_error{"no line of the access log holds '" + std::string{text} + "':\n" + process_->output()};
    return log_record{*line};
}

std::vector<log_record> proxy::log_lines() const {
    std::vector<log_record> all;
    std::istringstream lines{process_->output()};
    for (std::string line; std::getline(lines, line);) all.emplace_back(line);
    return all;
}

std::string proxy::told(std::string_view text) {
    auto line = process_->wait_for_error(text, patience);
    if (!line)
        throw std::runtime_error{"the error log does not say '" + std::string{text} + "':\n" + process_->errors()};
    return std::move(*line);
}

int proxy::wait() {
    const auto status = process_->wait(patience);
    if (!status) throw std::runtime_error{"weir does not end:\n" + process_->errors()};
    waited_for_ = true;
    return *status;
}

int proxy::stop() {
    signal(SIGTERM);
    return wait();
}

long proxy::resident_kib() const {
    std::ifstream status{"/proc/" + std::to_string(process_->pid()) + "/status"};
    for (std::string line; std::getline(status, line);)
        if (line.starts_with("VmRSS:")) return std::stol(line.substr(6));
    throw std::runtime_error{"no VmRSS"};
}

std::chrono::milliseconds proxy::cpu_time() const {
    const auto stat = read_file("/proc/" + std::to_string(process_->pid()) + "/stat");
    std::istringstream fields{stat.substr(stat.rfind(')') + 2)};  // from the third field on
    std::string skipped;
    for (int i = 3; i < 14; ++i) fields >> skipped;
    long user = 0, system = 0;
    fields >> user >> system;
    return std::chrono::milliseconds{(user + system) * 1000 / sysconf(_SC_CLK_TCK)};
}

finished run_weir(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), program("WEIR"));
    child_process process{arguments};
    const auto status = process.wait(patience);
    if (!status) throw std::runtime_error{"weir does not end"};
    return {*status, process.output(), process.errors()};
}

bool eventually(const std::function<bool()>& holds) {
    const auto end = std::chrono::steady_clock::now() + patience;
    while (std::chrono::steady_clock::now() < end)
        if (holds()) return true;
    return false;
}

std::string simple(const std::vector<std::string>& servers, std::string_view in_listener, std::string_view in_backend) {
    std::string text = "listen 127.0.0.1:0 {\n    ";
    text.append(in_listener).append("\n    route / web;\n}\nbackend web {\n");
    for (const auto& each : servers) text.append("    server ").append(each).append(";\n");
    return text.append("    ").append(in_backend).append("\n}\n");
}

}  // namespace weir::testing
