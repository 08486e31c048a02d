/* Sorted ranges of code points, as the generated tables of characters have them, and how they are searched. */
#ifndef TERN_RANGES_H
#define TERN_RANGES_H

#include <stddef.h>
#include <stdint.h>

struct tern_range {
    uint32_t first, last;
};

struct tern_range_value {
    uint32_t first, last;
    int32_t value;
};

#define TERN_COUNT(table) (sizeof(table) / sizeof(table)[0])

static inline int tern_in_ranges(const struct tern_range *ranges, size_t n, uint32_t c)
{
    size_t low = 0, high = n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (c > ranges[middle].last)
            low = middle + 1;
        else if (c < ranges[middle].first)
            high = middle;
        else
            return 1;
    }
    return 0;
}

#endif
