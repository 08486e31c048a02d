/* The sums of a cosine. Base layer. */
#ifndef TERN_DOTS_H
#define TERN_DOTS_H

/* Of a[n] and b[n]: their product, and each one's with itself. What a cosine is where one of these is 0 is for the
   caller to say. */
struct tern_dots {
    double ab, aa, bb;
};
static inline struct tern_dots tern_dots_of(const float *a, const float *b, int n)
{
    struct tern_dots d = {0, 0, 0};
    for (int i = 0; i < n; i++) {
        d.ab += (double)a[i] * (double)b[i];
        d.aa += (double)a[i] * (double)a[i];
        d.bb += (double)b[i] * (double)b[i];
    }
    return d;
}

#endif
