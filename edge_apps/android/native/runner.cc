// samnet_runner [--profile] MODEL LIST PHOTOS MAPS THREADS WARM_UP REPETITIONS
//
// Runs a network on raw photos. LIST holds a name a line; the photo PHOTOS/NAME holds S * S * 3
// bytes of RGB, its map is written to MAPS/NAME, M * M bytes. A line of JSON a photo goes to
// standard output: {"name": "…", "latency_us": [one figure a repetition]}, the runs alone, without
// reading and writing. WARM_UP runs on the first photo come before and are not counted. With
// --profile a line an operation follows at last, {"operation": "…", "us": [one figure a run]}, in
// their order within a run; the latencies then include the profiler's own work.
//
// Exit status: 0; 2 wrong arguments; 3 the model cannot be used; 4 a photo cannot be read; 5 a map
// cannot be written; 6 the runtime failed. All but 0 come with a line on standard error.
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

#include "engine.h"

namespace {

enum Status { kOk = 0, kUsage = 2, kModel = 3, kPhoto = 4, kMap = 5, kRuntime = 6 };

struct Failure {
  Status status;
  std::string message;
};

std::vector<std::string> ReadNames(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw Failure{kPhoto, path + ": cannot be read: " + std::strerror(errno)};
  std::vector<std::string> names;
  for (std::string line; std::getline(file, line);) {
    if (!line.empty()) names.push_back(line);
  }
  return names;
}

void ReadPhoto(const std::string& path, std::vector<uint8_t>* photo) {
  std::FILE* file = std::fopen(path.c_str(), "rb");
  if (!file) throw Failure{kPhoto, path + ": cannot be read: " + std::strerror(errno)};
  const size_t found = std::fread(photo->data(), 1, photo->size(), file);
  const bool more = std::fgetc(file) != EOF;
  std::fclose(file);
  if (found != photo->size() || more) {
    throw Failure{kPhoto, path + ": " + (more ? "more than " : std::to_string(found) + " of ") +
                              std::to_string(photo->size()) + " bytes"};
  }
}

// Written beside its name first, so that no half a map is ever taken for one.
void WriteMap(const std::string& path, const std::vector<uint8_t>& map) {
  const std::string partial = path + ".part";
  std::FILE* file = std::fopen(partial.c_str(), "wb");
  bool written = file && std::fwrite(map.data(), 1, map.size(), file) == map.size();
  if (file) written = std::fclose(file) == 0 && written;
  if (!written || std::rename(partial.c_str(), path.c_str()) != 0) {
    const std::string reason = std::strerror(errno);
    std::remove(partial.c_str());
    throw Failure{kMap, path + ": cannot be written: " + reason};
  }
}

int Count(const char* text, int least) {
  char* end = nullptr;
  const long value = std::strtol(text, &end, 10);
  if (*end != '\0' || value < least || value > 1000000) {
    throw Failure{kUsage, std::string(text) + ": expected a count of at least " +
                              std::to_string(least)};
  }
  return static_cast<int>(value);
}

std::string Quoted(const std::string& text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  }
  return quoted + '"';
}

// The times of each operation over all runs.
class Profile {
 public:
  void Add(const std::vector<Operation>& operations) {
    if (names_.empty()) {
      for (const Operation& it : operations) names_.push_back(it.name);
      times_.resize(operations.size());
    }
    bool same = operations.size() == names_.size();
    for (size_t i = 0; same && i < operations.size(); ++i) same = operations[i].name == names_[i];
    if (!same) throw std::runtime_error("the operations changed between two runs");
    for (size_t i = 0; i < operations.size(); ++i) {
      times_[i] += (times_[i].empty() ? "" : ", ") + std::to_string(operations[i].microseconds);
    }
  }
  void Print() const {
    for (size_t i = 0; i < names_.size(); ++i) {
      std::printf("{\"operation\": %s, \"us\": [%s]}\n", Quoted(names_[i]).c_str(),
                  times_[i].c_str());
    }
  }

 private:
  std::vector<std::string> names_, times_;
};

void RunAll(char** arguments, bool profile) {
  const std::string photos = std::string(arguments[3]) + "/", maps = std::string(arguments[4]) + "/";
  const int threads = Count(arguments[5], 1);
  int warm_up = Count(arguments[6], 0);
  const int repetitions = Count(arguments[7], 1);
  const std::vector<std::string> names = ReadNames(arguments[2]);
  const std::unique_ptr<Engine> engine = OpenEngine(arguments[1], threads, profile);
  std::vector<uint8_t> photo(engine->photo_bytes()), map(engine->map_bytes());
  Profile operations;
  for (const std::string& name : names) {
    ReadPhoto(photos + name, &photo);
    for (; warm_up > 0; --warm_up) engine->Run(photo.data(), map.data());
    std::string latencies;
    for (int i = 0; i < repetitions; ++i) {
      const auto start = std::chrono::steady_clock::now();
      engine->Run(photo.data(), map.data());
      const std::chrono::duration<double, std::micro> taken =
          std::chrono::steady_clock::now() - start;
      latencies += (i ? ", " : "") + std::to_string(taken.count());
      if (profile) operations.Add(engine->Operations());
    }
    WriteMap(maps + name, map);
    std::printf("{\"name\": %s, \"latency_us\": [%s]}\n", Quoted(name).c_str(),
                latencies.c_str());
    std::fflush(stdout);
  }
  operations.Print();
}

int Fail(Status status, const std::string& message) {
  std::fprintf(stderr, "samnet_runner: %s\n", message.c_str());
  return status;
}

}  // namespace

int main(int count, char** arguments) {
  const bool profile = count > 1 && std::strcmp(arguments[1], "--profile") == 0;
  count -= profile;
  arguments += profile;
  if (count != 8) {
    return Fail(kUsage, "expected [--profile] MODEL LIST PHOTOS MAPS THREADS WARM_UP REPETITIONS");
  }
  try {
    RunAll(arguments, profile);
  } catch (const Failure& failure) {
    return Fail(failure.status, failure.message);
  } catch (const BadModel& error) {
    return Fail(kModel, std::string(arguments[1]) + ": " + error.what());
  } catch (const std::exception& error) {
    return Fail(kRuntime, error.what());
  }
  return kOk;
}
