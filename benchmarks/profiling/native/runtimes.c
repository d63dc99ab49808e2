/* Switches XNNPACK's own profile on inside a library that does not ask for it.

   ExecuTorch's wheel is built without its event tracer, but its XNNPACK can time operations. This
   library is loaded before ExecuTorch's, so the calls that make and end XNNPACK's runtimes come
   here first; they are passed on, with the flag that keeps times. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stddef.h>
#include <stdint.h>

#define BASIC_PROFILING 0x8u /* XNN_FLAG_BASIC_PROFILING of xnnpack.h */
#define MOST 1024

typedef int (*create_t)(void *, void *, void *, void *, uint32_t, void **);
typedef int (*delete_t)(void *);

static create_t create;
static delete_t delete_;
static void *alive[MOST];
static size_t count;

/* Names the library that holds XNNPACK, once it is loaded; 0 on success. */
int runtimes_bind(const char *path)
{
    void *library = dlopen(path, RTLD_LAZY | RTLD_NOLOAD);
    if (!library) return 1;
    create = (create_t)dlsym(library, "xnn_create_runtime_v4");
    delete_ = (delete_t)dlsym(library, "xnn_delete_runtime");
    return create && delete_ ? 0 : 2;
}

size_t runtimes_count(void) { return count; }

/* Those that exist, in the order they were made. */
void *runtimes_get(size_t index) { return index < count ? alive[index] : NULL; }

int xnn_create_runtime_v4(void *graph, void *cache, void *workspace, void *pool, uint32_t flags,
                          void **made)
{
    int status = create(graph, cache, workspace, pool, flags | BASIC_PROFILING, made);
    if (status == 0 && count < MOST) alive[count++] = *made;
    return status;
}

int xnn_delete_runtime(void *runtime)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        if (alive[i] != runtime) alive[kept++] = alive[i];
    count = kept;
    return delete_(runtime);
}
