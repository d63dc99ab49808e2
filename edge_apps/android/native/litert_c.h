// The part of LiteRT 2.3's C interface that the runner calls.
//
// The wheel ships the library without headers. Names and layouts below follow litert/c of
// https://github.com/google-ai-edge/LiteRT (Apache-2.0); every name is exported by libLiteRt.so.
#pragma once

#include <cstddef>
#include <cstdint>

extern "C" {

using LiteRtStatus = int;  // 0 is success.
using LiteRtEnvironment = struct LiteRtEnvironmentT*;
using LiteRtModel = struct LiteRtModelT*;
using LiteRtSubgraph = struct LiteRtSubgraphT*;
using LiteRtTensor = struct LiteRtTensorT*;
using LiteRtOptions = struct LiteRtOptionsT*;
using LiteRtOpaqueOptions = struct LiteRtOpaqueOptionsT*;
using LiteRtCompiledModel = struct LiteRtCompiledModelT*;
using LiteRtProfiler = struct LiteRtProfilerT*;
using LiteRtTensorBuffer = struct LiteRtTensorBufferT*;
using LiteRtTensorBufferRequirements = struct LiteRtTensorBufferRequirementsT*;

constexpr int kLiteRtElementTypeUInt8 = 3;
constexpr int kLiteRtHwAcceleratorCpu = 1;
// Kinds of events, as bits: an operation of the interpreter, one of a delegate.
constexpr int kLiteRtEventOperator = 2;
constexpr int kLiteRtEventDelegated = 4 | 8;
constexpr int kLiteRtLockRead = 0;
constexpr int kLiteRtLockWrite = 1;

struct LiteRtRankedTensorType {
  int element_type;
  unsigned rank : 7;
  bool has_strides : 1;
  int32_t dimensions[8];
  uint32_t strides[8];
};
static_assert(sizeof(LiteRtRankedTensorType) == 72, "the library's own size");

struct LiteRtProfiledEvent {
  const char* tag;
  int kind;
  uint64_t start;
  uint64_t elapsed;  // Both in microseconds.
  int64_t memory[6];
  uint64_t node;
  uint64_t status;
  int source;
};
static_assert(sizeof(LiteRtProfiledEvent) == 104, "the library's own size");

LiteRtStatus LiteRtCreateEnvironment(int count, const void* options, LiteRtEnvironment*);
void LiteRtDestroyEnvironment(LiteRtEnvironment);

LiteRtStatus LiteRtCreateModelFromFile(LiteRtEnvironment, const char* path, LiteRtModel*);
void LiteRtDestroyModel(LiteRtModel);
LiteRtStatus LiteRtGetModelSubgraph(LiteRtModel, size_t index, LiteRtSubgraph*);
LiteRtStatus LiteRtGetNumSubgraphInputs(LiteRtSubgraph, size_t*);
LiteRtStatus LiteRtGetNumSubgraphOutputs(LiteRtSubgraph, size_t*);
LiteRtStatus LiteRtGetSubgraphInput(LiteRtSubgraph, size_t index, LiteRtTensor*);
LiteRtStatus LiteRtGetSubgraphOutput(LiteRtSubgraph, size_t index, LiteRtTensor*);
LiteRtStatus LiteRtGetRankedTensorType(LiteRtTensor, LiteRtRankedTensorType*);

LiteRtStatus LiteRtCreateOptions(LiteRtOptions*);
void LiteRtDestroyOptions(LiteRtOptions);
LiteRtStatus LiteRtSetOptionsHardwareAccelerators(LiteRtOptions, int accelerators);
LiteRtStatus LiteRtCreateOpaqueOptions(const char* identifier, void* payload,
                                       void (*destroy)(void*), LiteRtOpaqueOptions*);
LiteRtStatus LiteRtAddOpaqueOptions(LiteRtOptions, LiteRtOpaqueOptions);

LiteRtStatus LiteRtCreateCompiledModel(LiteRtEnvironment, LiteRtModel, LiteRtOptions,
                                       LiteRtCompiledModel*);
void LiteRtDestroyCompiledModel(LiteRtCompiledModel);
LiteRtStatus LiteRtGetCompiledModelInputBufferRequirements(LiteRtCompiledModel, size_t signature,
                                                           size_t index,
                                                           LiteRtTensorBufferRequirements*);
LiteRtStatus LiteRtGetCompiledModelOutputBufferRequirements(LiteRtCompiledModel, size_t signature,
                                                            size_t index,
                                                            LiteRtTensorBufferRequirements*);
LiteRtStatus LiteRtRunCompiledModel(LiteRtCompiledModel, size_t signature, size_t inputs,
                                    LiteRtTensorBuffer*, size_t outputs, LiteRtTensorBuffer*);

LiteRtStatus LiteRtCompiledModelGetProfiler(LiteRtCompiledModel, LiteRtProfiler*);
LiteRtStatus LiteRtResetProfiler(LiteRtProfiler);
LiteRtStatus LiteRtStartProfiler(LiteRtProfiler);
LiteRtStatus LiteRtStopProfiler(LiteRtProfiler);
LiteRtStatus LiteRtGetNumProfilerEvents(LiteRtProfiler, int*);
LiteRtStatus LiteRtGetProfilerEvents(LiteRtProfiler, int count, LiteRtProfiledEvent*);

LiteRtStatus LiteRtCreateManagedTensorBufferFromRequirements(LiteRtEnvironment,
                                                             const LiteRtRankedTensorType*,
                                                             LiteRtTensorBufferRequirements,
                                                             LiteRtTensorBuffer*);
LiteRtStatus LiteRtLockTensorBuffer(LiteRtTensorBuffer, void** memory, int mode);
LiteRtStatus LiteRtUnlockTensorBuffer(LiteRtTensorBuffer);
void LiteRtDestroyTensorBuffer(LiteRtTensorBuffer);
}
