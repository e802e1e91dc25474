// What probe.cu computes, in C. The structs are its structs.
#pragma once
#include "state.h"

struct mix {
  uint32_t *to;
  int32_t n;
  uint8_t first;
  uint16_t second;
  float third;
  int64_t fourth;
  uint32_t last[40];
};

static void probe_mix(const void *params, const unsigned grid[3], const unsigned block[3], unsigned char *shared) {
  const struct mix *p = params;
  (void)shared;
  for (int32_t i = 0; i < p->n && (uint32_t)i < grid[0] * block[0]; i++)
    p->to[i] = p->to[i] * 3 + p->first + p->second + (uint32_t)p->third + (uint32_t)p->fourth + p->last[i % 40];
}

struct where {
  uint32_t *to;
};

static void probe_where(const void *params, const unsigned grid[3], const unsigned block[3], unsigned char *shared) {
  const struct where *p = params;
  (void)shared;
  uint32_t *to = p->to;
  for (unsigned z = 0; z < grid[2]; z++)
    for (unsigned y = 0; y < grid[1]; y++)
      for (unsigned x = 0; x < grid[0]; x++)
        for (unsigned tz = 0; tz < block[2]; tz++)
          for (unsigned ty = 0; ty < block[1]; ty++)
            for (unsigned tx = 0; tx < block[0]; tx++)
              *to++ = x | y << 4 | z << 8 | tx << 12 | ty << 20 | tz << 24;
}

struct reverse {
  const uint32_t *from;
  uint32_t *to;
  int32_t words;
};

static void probe_reverse(const void *params, const unsigned grid[3], const unsigned block[3], unsigned char *shared) {
  const struct reverse *p = params;
  (void)block;
  for (unsigned b = 0; b < grid[0]; b++) {
    memcpy(shared, p->from + (size_t)b * p->words, (size_t)p->words * 4);
    for (int32_t i = 0; i < p->words; i++) p->to[(size_t)b * p->words + i] = ((uint32_t *)shared)[p->words - 1 - i];
  }
}

_Static_assert(sizeof(struct mix) <= sizeof((struct op){0}.params), "an operation holds a kernel's parameters");

static const struct kernel kernels[] = {
    {"probe_mix", sizeof(struct mix), probe_mix},
    {"probe_where", sizeof(struct where), probe_where},
    {"probe_reverse", sizeof(struct reverse), probe_reverse},
};
