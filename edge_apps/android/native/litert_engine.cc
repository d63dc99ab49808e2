// Runs .tflite files with LiteRT on the CPU.
#include <cstdlib>
#include <cstring>

#include "engine.h"
#include "litert_c.h"

namespace {

void Must(LiteRtStatus status, const char* what) {
  if (status != 0) {
    throw std::runtime_error(std::string(what) + " failed, LiteRT status " +
                             std::to_string(status));
  }
}

// Bytes of a uint8 tensor of a fixed shape.
size_t Bytes(const LiteRtRankedTensorType& type, const char* name) {
  if (type.element_type != kLiteRtElementTypeUInt8) {
    throw BadModel(std::string(name) + " has element type " + std::to_string(type.element_type) +
                   ", expected uint8");
  }
  size_t bytes = 1;
  for (unsigned i = 0; i < type.rank; ++i) {
    if (type.dimensions[i] < 1) throw BadModel(std::string(name) + " has no fixed shape");
    bytes *= static_cast<size_t>(type.dimensions[i]);
  }
  return bytes;
}

class LiteRtEngine : public Engine {
 public:
  LiteRtEngine(const std::string& path, int threads, bool profile) {
    Must(LiteRtCreateEnvironment(0, nullptr, &environment_), "creating the environment");
    Must(LiteRtCreateModelFromFile(environment_, path.c_str(), &model_), "reading the model");
    LiteRtSubgraph graph;
    Must(LiteRtGetModelSubgraph(model_, 0, &graph), "reading the graph");
    size_t inputs = 0, outputs = 0;
    Must(LiteRtGetNumSubgraphInputs(graph, &inputs), "reading the graph");
    Must(LiteRtGetNumSubgraphOutputs(graph, &outputs), "reading the graph");
    if (inputs != 1 || outputs != 1) throw BadModel("expected one input and one output");
    LiteRtTensor photo, map;
    LiteRtRankedTensorType photo_type, map_type;
    Must(LiteRtGetSubgraphInput(graph, 0, &photo), "reading the input");
    Must(LiteRtGetSubgraphOutput(graph, 0, &map), "reading the output");
    Must(LiteRtGetRankedTensorType(photo, &photo_type), "reading the input's type");
    Must(LiteRtGetRankedTensorType(map, &map_type), "reading the output's type");
    photo_bytes_ = Bytes(photo_type, "input");
    map_bytes_ = Bytes(map_type, "output");

    Must(LiteRtCreateOptions(&options_), "creating options");
    Must(LiteRtSetOptionsHardwareAccelerators(options_, kLiteRtHwAcceleratorCpu), "choosing CPU");
    Set("xnnpack", "num_threads = " + std::to_string(threads) + "\n");
    if (profile) Set("runtime_options_string", "enable_profiling = true\n");
    Must(LiteRtCreateCompiledModel(environment_, model_, options_, &compiled_), "preparing it");
    if (profile) {
      Must(LiteRtCompiledModelGetProfiler(compiled_, &profiler_), "asking for the profiler");
    }

    LiteRtTensorBufferRequirements need;
    Must(LiteRtGetCompiledModelInputBufferRequirements(compiled_, 0, 0, &need), "asking for input");
    Must(LiteRtCreateManagedTensorBufferFromRequirements(environment_, &photo_type, need, &photo_),
         "allocating the input");
    Must(LiteRtGetCompiledModelOutputBufferRequirements(compiled_, 0, 0, &need),
         "asking for output");
    Must(LiteRtCreateManagedTensorBufferFromRequirements(environment_, &map_type, need, &map_),
         "allocating the output");
  }

  ~LiteRtEngine() override {
    if (photo_) LiteRtDestroyTensorBuffer(photo_);
    if (map_) LiteRtDestroyTensorBuffer(map_);
    if (compiled_) LiteRtDestroyCompiledModel(compiled_);
    if (options_) LiteRtDestroyOptions(options_);
    if (model_) LiteRtDestroyModel(model_);
    if (environment_) LiteRtDestroyEnvironment(environment_);
  }

  size_t photo_bytes() const override { return photo_bytes_; }
  size_t map_bytes() const override { return map_bytes_; }

  void Run(const uint8_t* photo, uint8_t* map) override {
    void* memory = nullptr;
    Must(LiteRtLockTensorBuffer(photo_, &memory, kLiteRtLockWrite), "opening the input");
    std::memcpy(memory, photo, photo_bytes_);
    Must(LiteRtUnlockTensorBuffer(photo_), "closing the input");
    if (profiler_) {
      Must(LiteRtResetProfiler(profiler_), "profiling");
      Must(LiteRtStartProfiler(profiler_), "profiling");
    }
    Must(LiteRtRunCompiledModel(compiled_, 0, 1, &photo_, 1, &map_), "running");
    if (profiler_) Must(LiteRtStopProfiler(profiler_), "profiling");
    Must(LiteRtLockTensorBuffer(map_, &memory, kLiteRtLockRead), "opening the output");
    std::memcpy(map, memory, map_bytes_);
    Must(LiteRtUnlockTensorBuffer(map_), "closing the output");
  }

  std::vector<Operation> Operations() override {
    std::vector<Operation> operations;
    if (!profiler_) return operations;
    int count = 0;
    Must(LiteRtGetNumProfilerEvents(profiler_, &count), "reading the profile");
    std::vector<LiteRtProfiledEvent> events(static_cast<size_t>(count));
    Must(LiteRtGetProfilerEvents(profiler_, count, events.data()), "reading the profile");
    for (const LiteRtProfiledEvent& event : events) {
      if (event.kind & (kLiteRtEventOperator | kLiteRtEventDelegated)) {
        operations.push_back({event.tag, static_cast<double>(event.elapsed)});
      }
    }
    return operations;
  }

 private:
  // LiteRT takes options as TOML under a group's name, and frees the string.
  void Set(const char* group, const std::string& toml) {
    LiteRtOpaqueOptions extra;
    Must(LiteRtCreateOpaqueOptions(group, strdup(toml.c_str()), std::free, &extra),
         "setting options");
    Must(LiteRtAddOpaqueOptions(options_, extra), "setting options");
  }

  LiteRtEnvironment environment_ = nullptr;
  LiteRtModel model_ = nullptr;
  LiteRtOptions options_ = nullptr;
  LiteRtCompiledModel compiled_ = nullptr;
  LiteRtProfiler profiler_ = nullptr;  // Belongs to the compiled model.
  LiteRtTensorBuffer photo_ = nullptr;
  LiteRtTensorBuffer map_ = nullptr;
  size_t photo_bytes_ = 0;
  size_t map_bytes_ = 0;
};

}  // namespace

std::unique_ptr<Engine> OpenEngine(const std::string& path, int threads, bool profile) {
  try {
    return std::make_unique<LiteRtEngine>(path, threads, profile);
  } catch (const std::runtime_error& error) {
    throw BadModel(error.what());
  }
}
