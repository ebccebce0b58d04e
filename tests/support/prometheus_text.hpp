#pragma once
/// Reads a page of metrics in Prometheus' text format 0.0.4 as strictly as the format says; what is wrong is a
/// std::runtime_error with the line.
///
///     const auto page = prometheus_text::read(body);
///     CHECK(page.value("weir_requests_total") == 3);
///     CHECK(page.value("weir_responses_total{class=\"2xx\"}") == 2);       // labels in the order of the page
///     CHECK(page.types.at("weir_requests_total") == "counter");
///
/// Checked besides the grammar: HELP and TYPE come once, before the samples, which stand together; no series comes twice;
/// counters end in _total and are not negative; a histogram's buckets grow, end with +Inf, and agree with its _count.
#include <cmath>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>

namespace weir::testing {

struct prometheus_text {
    std::map<std::string, double> series;
    std::map<std::string, std::string> types, helps;

    double value(const std::string& name) const {
        const auto found = series.find(name);
        if (found == series.end()) throw std::runtime_error{"no series " + name};
        return found->second;
    }
    /// The sum of all series of a metric.
    double sum(const std::string& metric) const {
        double all = 0;
        for (const auto& [name, value] : series)
            if (name == metric || name.starts_with(metric + "{")) all += value;
        return all;
    }

    static prometheus_text read(const std::string& text) {
        prometheus_text page;
        if (!text.empty() && text.back() != '\n') throw std::runtime_error{"the last line has no end"};
        std::istringstream lines{text};
        std::string family;
        for (std::string line; std::getline(lines, line);) page.read_line(line, family);
        page.check_histograms();
        return page;
    }

private:
    static constexpr const char* name_pattern = "[a-zA-Z_:][a-zA-Z0-9_:]*";

    void read_line(const std::string& line, std::string& family) {
        static const std::regex comment{std::string{"# (HELP|TYPE) ("} + name_pattern + ") ([^\\n]+)"};
        static const std::regex sample{
            std::string{"("} + name_pattern +
            R"re()(\{[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\]|\\[\\n"])*"(?:,[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\]|\\[\\n"])*")*\})?)re" +
            " (NaN|[+-]Inf|[-+0-9.e]+)"};
        const auto fail = [&](const char* why) { throw std::runtime_error{std::string{why} + ": " + line}; };
        std::smatch parts;
        if (std::regex_match(line, parts, comment)) {
            auto& known = parts[1] == "HELP" ? helps : types;
            if (!known.emplace(parts[2], parts[3]).second) fail("twice");
            if (parts[1] == "HELP") family = parts[2];
            else if (family != parts[2]) fail("TYPE without HELP");
            return;
        }
        if (!std::regex_match(line, parts, sample)) fail("not a line of the format");
        if (!types.contains(family)) fail("a sample before its TYPE");
        const std::string name = parts[1];
        const auto& type = types[family];
        const bool belongs = type == "histogram"
                                 ? name == family + "_bucket" || name == family + "_sum" || name == family + "_count"
                                 : name == family;
        if (!belongs) fail("a sample among those of another metric");
        const auto& written = parts[3].str();
        const double value = written == "+Inf"   ? INFINITY
                             : written == "-Inf" ? -INFINITY
                             : written == "NaN"  ? NAN
                                                 : std::stod(written);
        if (type == "counter" && (!name.ends_with("_total") || !(value >= 0))) fail("not a counter");
        if (!series.emplace(name + parts[2].str(), value).second) fail("the same series twice");
    }

    void check_histograms() const {
        for (const auto& [name, value] : series) {
            const auto brace = name.find("le=\"");
            if (brace == name.npos || name.substr(brace) != "le=\"+Inf\"}") continue;
            const auto labels_at = name.find('{');
            const auto metric = name.substr(0, labels_at - std::string{"_bucket"}.size());
            auto labels = name.substr(labels_at, brace - labels_at);  // {a="b", or {
            std::map<double, double> buckets;
            for (const auto& [other, count] : series)
                if (other.starts_with(name.substr(0, brace + 4)) && other.find("+Inf") == other.npos)
                    buckets.emplace(std::stod(other.substr(brace + 4)), count);
            double last = 0;
            for (const auto& [bound, count] : buckets) {
                if (count < last) throw std::runtime_error{"the buckets of " + metric + " do not grow"};
                last = count;
            }
            labels.back() = '}';
            if (labels == "}") labels.clear();
            if (last > value || series.at(metric + "_count" + labels) != value ||
                !series.contains(metric + "_sum" + labels))
                throw std::runtime_error{"the histogram " + metric + " contradicts itself"};
        }
    }
};

}  // namespace weir::testing
