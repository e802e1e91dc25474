// A libnvrtc that compiles nothing: what it is asked for is what it answers.
// Built by fake_test.go, with MAJOR and MINOR, and NO_CUBIN to leave out a
// function, NO_ARCHS to know no architecture, NO_BUILD to hide the build.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT = 1 << 16 };

typedef struct {
  char source[TEXT], image[TEXT], log[TEXT];
  size_t image_bytes;
} program;

static int compilations;

static void add(char* to, const char* text) {
  strncat(to, text, TEXT - 1 - strlen(to));
  strncat(to, "\n", TEXT - 1 - strlen(to));
}

const char* nvrtcGetErrorString(int result) {
  switch (result) {
    case 3: return "NVRTC_ERROR_INVALID_INPUT";
    case 5: return "NVRTC_ERROR_INVALID_OPTION";
    case 6: return "NVRTC_ERROR_COMPILATION";
    case 7: return "NVRTC_ERROR_BUILTIN_OPERATION_FAILURE";
  }
  return "NVRTC_ERROR unknown";
}

int nvrtcVersion(int* major, int* minor) {
  *major = MAJOR, *minor = MINOR;
  return 0;
}

#ifdef NO_ARCHS
int nvrtcGetNumSupportedArchs(int* n) { return *n = 0, 0; }
#else
int nvrtcGetNumSupportedArchs(int* n) { return *n = 3, 0; }
#endif

int nvrtcGetSupportedArchs(int* archs) {
  archs[0] = 75, archs[1] = 80, archs[2] = 90;
  return 0;
}

int nvrtcCreateProgram(program** out, const char* source, const char* name, int headers, const char* const* texts,
                       const char* const* names) {
  program* p = calloc(1, sizeof(program));
  add(p->source, source);
  add(p->image, name);
  for (int i = 0; i < headers; i++) add(p->image, names[i]), add(p->image, texts[i]);
  *out = p;
  return 0;
}

int nvrtcDestroyProgram(program** p) {
  free(*p);
  *p = 0;
  return 0;
}

int nvrtcCompileProgram(program* p, int n, const char* const* options) {
#ifdef NO_BUILTINS
  add(p->log, "nvrtc: error: failed to open libnvrtc-builtins.so.13.0.");
  return 7;
#endif
  for (int i = 0; i < n; i++) {
    add(p->image, options[i]);
    if (strstr(options[i], "BAD_OPTION")) return 5;
  }
  if (strstr(p->source, "syntax error")) {
    for (int i = 1; i <= 20; i++) {
      char line[64];
      snprintf(line, sizeof line, "bad.cu(%d): error: expected a \";\"", i);
      add(p->log, line);
    }
    return 6;
  }
  char line[64];
  snprintf(line, sizeof line, "compilation %d", ++compilations);
  add(p->log, line);
  p->image_bytes = strstr(p->source, "empty image") ? 0 : strlen(p->image);
  return 0;
}

int nvrtcGetProgramLogSize(program* p, size_t* n) { return *n = strlen(p->log) + 1, 0; }
int nvrtcGetProgramLog(program* p, char* log) { return strcpy(log, p->log), 0; }

#ifdef NO_BUILD
static const char ptx[] = ".version 9.0\n";
#else
#define STRING(x) #x
#define NUMBER(x) STRING(x)
static const char ptx[] = "// Cuda compilation tools, release " NUMBER(MAJOR) "." NUMBER(MINOR) ", V" NUMBER(MAJOR) "." NUMBER(MINOR) ".77\n";
#endif

int nvrtcGetPTXSize(program* p, size_t* n) { return *n = sizeof ptx, (void)p, 0; }
int nvrtcGetPTX(program* p, char* to) { return memcpy(to, ptx, sizeof ptx), (void)p, 0; }

int nvrtcGetCUBINSize(program* p, size_t* n) { return *n = p->image_bytes, 0; }
#ifndef NO_CUBIN
int nvrtcGetCUBIN(program* p, char* image) { return memcpy(image, p->image, p->image_bytes), 0; }
#endif
