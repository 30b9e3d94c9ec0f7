// What the kernels are written in, for a GPU. `real` is the type of the signals.
//
// EACH gives every number below `count` to one thread of all; TOGETHER gives it to one thread of
// the block, where a block works on one thing, and MEET waits for the whole block. A kernel is
// right with any number of threads, one included, and in whatever order they run.

typedef long long wide;

#define KERNEL extern "C" __global__ void
#define INLINE static __device__ __forceinline__
#define METHOD __device__ __forceinline__
#define EACH(i, count)                                                   \
    for (wide i = blockIdx.x * (wide)blockDim.x + threadIdx.x; i < (count); \
         i += gridDim.x * (wide)blockDim.x)
#define EACH_BLOCK(i, count) for (wide i = blockIdx.x; i < (count); i += gridDim.x)
#define TOGETHER(i, count) for (int i = threadIdx.x; i < (count); i += blockDim.x)
#define MEET __syncthreads()
#define SHARED __shared__
#define ONE_OF_THEM if (threadIdx.x == 0)
