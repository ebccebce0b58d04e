#pragma once
/// What the process asks of the operating system: before it serves descriptors, a pid file, an unprivileged user, and
/// while it serves how much of the machine it uses.
///
/// Errors are texts for the operator. Main thread only; what changes the process, before the workers start.
#include <cstdint>
#include <expected>
#include <string>

namespace weir {

/// Cores that this process may use, at least 1: those that it may run on (taskset and cpusets count), or as many as its
/// control group's quota of processor time is worth, rounded up, if that is less. `root`: where /proc and /sys are.
unsigned usable_cores(const std::string& root = "");

/// Raises the soft limit on descriptors to the hard one; what it is then.
unsigned raise_descriptor_limit();

/// How many client connections the descriptors allow: workers and logs need some, a part stays in reserve so that accept
/// does not meet EMFILE, and a third of the rest is for connections to servers, of which idle clients need none.
unsigned connections_for(unsigned descriptors, unsigned workers, unsigned listeners);

/// Descriptors that the process has open.
unsigned open_descriptors();

/// Bytes of memory that the process occupies (resident).
std::uint64_t memory_used();

/// How many it may occupy: the least of the machine's memory and the limits of its control groups, version 1 or 2; 0:
/// nobody knows. `root`: where /proc and /sys are.
std::uint64_t memory_limit(const std::string& root = "");

/// The file is removed when this dies, if it still holds our pid.
class pid_file {
public:
    pid_file() = default;
    pid_file(pid_file&& other) noexcept;
    pid_file& operator=(pid_file&& other) noexcept;
    ~pid_file();
    static std::expected<pid_file, std::string> write(const std::string& path);

private:
    std::string path_;
};

/// The pid in a pid file.
std::expected<int, std::string> read_pid(const std::string& path);

/// Becomes `user` (and `group`, by default the user's own), for good. Nothing to do if `user` is empty.
std::expected<void, std::string> drop_privileges(const std::string& user, const std::string& group);

}  // namespace weir
