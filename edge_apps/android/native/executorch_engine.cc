// Runs .pte files with ExecuTorch and XNNPACK on the CPU.
#include <executorch/extension/module/module.h>
#include <executorch/extension/tensor/tensor.h>
#include <executorch/runtime/core/event_tracer.h>
#include <executorch/runtime/platform/platform.h>

#include <cstring>

#include "engine.h"

// The wheel ships this library without its header; names as in extension/threadpool/threadpool.h
// of https://github.com/pytorch/executorch (BSD).
namespace executorch::extension::threadpool {
class ThreadPool {
 public:
  bool _unsafe_reset_threadpool(uint32_t threads);
};
ThreadPool* get_threadpool();
}  // namespace executorch::extension::threadpool

// ExecuTorch tells of every step; only what went wrong belongs on standard error.
extern "C" void et_pal_emit_log_message(et_timestamp_t, et_pal_log_level_t level, const char*,
                                        const char*, size_t, const char* message, size_t length) {
  if (level != et_pal_log_level_t::kError && level != et_pal_log_level_t::kFatal) return;
  std::fprintf(stderr, "ERROR: %.*s\n", static_cast<int>(length), message);
}

namespace {

using executorch::aten::ArrayRef;
using executorch::aten::ScalarType;
using executorch::aten::Tensor;
using executorch::extension::Module;
using executorch::runtime::AllocatorID;
using executorch::runtime::ChainID;
using executorch::runtime::DebugHandle;
using executorch::runtime::DelegateDebugIntId;
using executorch::runtime::Error;
using executorch::runtime::EValue;
using executorch::runtime::EventTracerEntry;
using executorch::runtime::EventTracerFilterBase;
using executorch::runtime::LoggedEValueType;
using executorch::runtime::Result;
using executorch::runtime::TensorInfo;

// Collects the times of operations: XNNPACK's own, and those outside of it.
class Tracer : public executorch::runtime::EventTracer {
 public:
  std::vector<Operation> operations;

  EventTracerEntry start_profiling(const char* name, ChainID, DebugHandle) override {
    EventTracerEntry entry{};
    entry.event_id = static_cast<int64_t>(open_.size());
    entry.start_time = et_pal_current_ticks();
    open_.emplace_back(name);
    return entry;
  }
  void end_profiling(EventTracerEntry entry) override {
    const std::string& name = open_[static_cast<size_t>(entry.event_id)];
    // The other ones are about the whole, about loading, or about a delegate as one piece.
    if (name.rfind("native_call_", 0) == 0) {
      operations.push_back({name.substr(12), Microseconds(entry.start_time)});
    }
  }
  void log_profiling_delegate(const char* name, DelegateDebugIntId, et_timestamp_t start,
                              et_timestamp_t end, const void*, size_t) override {
    operations.push_back({name ? name : "?", static_cast<double>(end - start) * Unit()});
  }
  void Forget() {
    open_.clear();
    operations.clear();
  }

  void create_event_block(const char*) override {}
  EventTracerEntry start_profiling_delegate(const char*, DelegateDebugIntId) override { return {}; }
  void end_profiling_delegate(EventTracerEntry, const void*, size_t) override {}
  void track_allocation(AllocatorID, size_t) override {}
  AllocatorID track_allocator(const char*) override { return 0; }
  Result<bool> log_evalue(const EValue&, LoggedEValueType) override { return false; }
  Result<bool> log_intermediate_output_delegate(const char*, DelegateDebugIntId,
                                                const Tensor&) override {
    return false;
  }
  Result<bool> log_intermediate_output_delegate(const char*, DelegateDebugIntId,
                                                const ArrayRef<Tensor>) override {
    return false;
  }
  Result<bool> log_intermediate_output_delegate(const char*, DelegateDebugIntId,
                                                const int&) override {
    return false;
  }
  Result<bool> log_intermediate_output_delegate(const char*, DelegateDebugIntId,
                                                const bool&) override {
    return false;
  }
  Result<bool> log_intermediate_output_delegate(const char*, DelegateDebugIntId,
                                                const double&) override {
    return false;
  }
  void set_delegation_intermediate_output_filter(EventTracerFilterBase*) override {}

 private:
  static double Unit() {
    const auto ratio = et_pal_ticks_to_ns_multiplier();
    return static_cast<double>(ratio.numerator) / static_cast<double>(ratio.denominator) / 1000;
  }
  static double Microseconds(et_timestamp_t start) {
    return static_cast<double>(et_pal_current_ticks() - start) * Unit();
  }
  std::vector<std::string> open_;
};

// Bytes of a uint8 tensor of a fixed shape.
size_t Bytes(const Result<TensorInfo>& tensor, const char* name) {
  if (!tensor.ok()) throw BadModel(std::string(name) + " is no tensor");
  if (tensor->scalar_type() != ScalarType::Byte) {
    throw BadModel(std::string(name) + " has scalar type " +
                   std::to_string(static_cast<int>(tensor->scalar_type())) + ", expected uint8");
  }
  return tensor->nbytes();
}

std::string Status(const char* what, Error error) {
  return std::string(what) + " failed, ExecuTorch error " +
         std::to_string(static_cast<unsigned>(error));
}

class ExecuTorchEngine : public Engine {
 public:
  ExecuTorchEngine(const std::string& path, int threads, bool profile) {
    // Before the program is loaded, since XNNPACK keeps the pool that it finds then.
    executorch::extension::threadpool::get_threadpool()->_unsafe_reset_threadpool(
        static_cast<uint32_t>(threads));
    auto tracer = profile ? std::make_unique<Tracer>() : nullptr;
    tracer_ = tracer.get();
    module_ = std::make_unique<Module>(path, Module::LoadMode::File, std::move(tracer));
    if (const Error error = module_->load(); error != Error::Ok) {
      throw BadModel(Status("reading the program", error));
    }
    if (const Error error = module_->load_forward(); error != Error::Ok) {
      throw BadModel(Status("preparing it", error));
    }
    const auto meta = module_->method_meta("forward");
    if (!meta.ok()) throw BadModel(Status("reading its interface", meta.error()));
    if (meta->num_inputs() != 1 || meta->num_outputs() != 1) {
      throw BadModel("expected one input and one output");
    }
    const auto photo = meta->input_tensor_meta(0);
    photo_bytes_ = Bytes(photo, "input");
    map_bytes_ = Bytes(meta->output_tensor_meta(0), "output");
    photo_.resize(photo_bytes_);
    const std::vector<executorch::aten::SizesType> shape(photo->sizes().begin(),
                                                         photo->sizes().end());
    input_ = executorch::extension::from_blob(photo_.data(), shape, ScalarType::Byte);
  }

  size_t photo_bytes() const override { return photo_bytes_; }
  size_t map_bytes() const override { return map_bytes_; }

  void Run(const uint8_t* photo, uint8_t* map) override {
    if (tracer_) tracer_->Forget();
    std::memcpy(photo_.data(), photo, photo_bytes_);
    const auto outputs = module_->forward(EValue(input_));
    if (!outputs.ok()) throw std::runtime_error(Status("running", outputs.error()));
    std::memcpy(map, outputs->at(0).toTensor().const_data_ptr(), map_bytes_);
  }

  std::vector<Operation> Operations() override {
    return tracer_ ? tracer_->operations : std::vector<Operation>();
  }

 private:
  Tracer* tracer_ = nullptr;  // Belongs to the module.
  std::unique_ptr<Module> module_;
  std::vector<uint8_t> photo_;
  executorch::extension::TensorPtr input_;
  size_t photo_bytes_ = 0;
  size_t map_bytes_ = 0;
};

}  // namespace

std::unique_ptr<Engine> OpenEngine(const std::string& path, int threads, bool profile) {
  return std::make_unique<ExecuTorchEngine>(path, threads, profile);
}
