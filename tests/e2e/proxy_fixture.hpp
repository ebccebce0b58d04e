#pragma once
/// The real weir, started with a configuration, watched through its two logs and ended by its pid.
///
///     origin_process web;
///     proxy weir{"listen 127.0.0.1:0 { route / web; } backend web { server " + web.address() + "; }"};
///     CHECK(get(weir.address(), "/bytes/5").status == 200);
///     CHECK(weir.logged("/bytes/5")["status"] == "200");
///     CHECK(weir.stop() == 0);
///
/// What the text does not set is set so that tests are quick and repeatable: one worker, the access log as JSON on
/// stdout, the error log at level debug, a drain without lame duck, no shedding. A weir that does not start is a
/// std::runtime_error with what it said. An object belongs to one thread.
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tests/e2e/raw_client.hpp"
#include "tests/support/origin_process.hpp"

namespace weir::testing {

/// A directory of its own, removed with all that is in it.
class scratch_directory {
public:
    scratch_directory();
    scratch_directory(const scratch_directory&) = delete;
    ~scratch_directory();
    std::string file(std::string_view name) const { return path_ + "/" + std::string{name}; }
    /// Writes a file and returns its path.
    std::string write(std::string_view name, std::string_view text) const;

private:
    std::string path_;
};

/// One line of the access log: a flat JSON object. Strings without their quotation marks, all else as written.
class log_record {
public:
    explicit log_record(std::string_view line);                   ///< std::runtime_error if it is no such object
    const std::string& operator[](const std::string& key) const;  ///< std::runtime_error if it is not there
    const std::vector<std::string>& keys() const { return keys_; }
    long number(const std::string& key) const { return std::stol((*this)[key]); }

private:
    std::map<std::string, std::string> values_;
    std::vector<std::string> keys_;
};

class proxy {
public:
    /// `through` is put before the command line, as in {"/bin/sh", "-c", "ulimit -n 100; exec \"$@\"", "sh"}.
    explicit proxy(const std::string& configuration, std::vector<std::string> through = {});
    proxy(const proxy&) = delete;
    /// Ends it. One that has crashed, leaks under a sanitizer or cannot be ended fails the test.
    ~proxy();

    /// Where the listener listens, in the order of the file.
    const std::string& address(std::size_t listener = 0) const { return addresses_.at(listener); }

    /// The first line of the access log that contains `text`; std::runtime_error if none comes.
    log_record logged(std::string_view text);
    std::vector<log_record> log_lines() const;  ///< all so far
    /// The first line of the error log that contains `text`; std::runtime_error if none comes.
    std::string told(std::string_view text);

    void signal(int number) { process_->signal(number); }
    /// Exit code after `signal`, which may have been sent before; std::runtime_error if it does not end.
    int wait();
    int stop();  ///< TERM, then wait()
    bool running() { return process_->running(); }

    const scratch_directory& directory() const { return directory_; }
    const std::string& configuration_file() const { return file_; }
    long resident_kib() const;                   ///< VmRSS
    std::chrono::milliseconds cpu_time() const;  ///< user and system
    const child_process& process() const { return *process_; }

private:
    scratch_directory directory_;
    std::string file_;
    std::unique_ptr<child_process> process_;
    std::vector<std::string> addresses_;
    bool waited_for_ = false;
};

/// Runs weir to its end, as for `weir -c`.
struct finished {
    int status = -1;
    std::string output, errors;
};
finished run_weir(std::vector<std::string> arguments);

/// Asks again and again until it holds; false if it does not in time. Each question should be a round trip, so that
/// asking does not spin.
bool eventually(const std::function<bool()>& holds);

/// `listen 127.0.0.1:0 { <in_listener> } backend web { server <address>; ... <in_backend> }`, routed from / to web.
std::string simple(const std::vector<std::string>& servers, std::string_view in_listener = {},
                   std::string_view in_backend = {});

}  // namespace weir::testing
