// What the runner needs of a runtime: one photo in, one map out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

// A model that cannot be opened, or does not take one photo and give one map, both uint8.
struct BadModel : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// One operation of a run, as the runtime names it.
struct Operation {
  std::string name;
  double microseconds;
};

class Engine {
 public:
  virtual ~Engine() = default;

  // Bytes of a photo (1, S, S, 3) and of a map (1, M, M) or (1, M, M, 1).
  virtual size_t photo_bytes() const = 0;
  virtual size_t map_bytes() const = 0;

  // Runs the network once; throws std::runtime_error if the runtime refuses.
  virtual void Run(const uint8_t* photo, uint8_t* map) = 0;

  // What the last run consisted of, in order; empty unless opened with `profile`.
  virtual std::vector<Operation> Operations() = 0;
};

// Opens a model; throws BadModel. Each runtime has a file of its own that defines this.
std::unique_ptr<Engine> OpenEngine(const std::string& path, int threads, bool profile);
