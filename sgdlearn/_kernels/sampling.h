/* Random draws that depend on the data, by a counter and not by a state: the draw number `trial` of
 * update number t is the hash of (seed, t, trial), whichever thread asks for it and when.
 *
 *     h = mix(seed + t a + trial b)          (SplitMix64: Steele, Lea & Flood 2014)
 *     a draw below n:  floor(h / 2^32) n / 2^32
 */
#ifndef SGDLEARN_SAMPLING_H
#define SGDLEARN_SAMPLING_H

#include "vector.h"

#define SAMPLING_STEP 0x9E3779B97F4A7C15ULL
#define SAMPLING_TRIAL 0xD1B54A32D192ED03ULL

INLINED unsigned long long counter_hash(unsigned long long seed, unsigned long long t,
                                        unsigned long long trial)
{
    unsigned long long h = seed + t * SAMPLING_STEP + trial * SAMPLING_TRIAL;
    h = (h ^ (h >> 30)) * 0xBF58476D1CE4E5B9ULL;
    h = (h ^ (h >> 27)) * 0x94D049BB133111EBULL;
    return h ^ (h >> 31);
}

/* An integer in [0, n), n < 2^32. */
INLINED int draw_below(unsigned long long seed, unsigned long long t, unsigned long long trial,
                       int n)
{
    return (int)(((counter_hash(seed, t, trial) >> 32) * (unsigned long long)n) >> 32);
}

/* The items that each user has met: those of the fit in compressed rows, sorted; those since then
 * in a log, where each entry knows the one before it of the same user. */
typedef struct {
    const long long *start; /* n_users + 1 */
    const int *items;
    int n_users;            /* of the compressed rows */
    const int *last;        /* a user's last entry in the log, -1: none */
    const int *before;      /* the entry before it */
    const int *logged;      /* its item */
} Seen;

INLINED int has_seen(const Seen *seen, int user, int item)
{
    if (user < seen->n_users) {
        long long low = seen->start[user], high = seen->start[user + 1];
        while (low < high) {
            const long long middle = (low + high) / 2;
            if (seen->items[middle] < item)
                low = middle + 1;
            else
                high = middle;
        }
        if (low < seen->start[user + 1] && seen->items[low] == item)
            return 1;
    }
    if (seen->last)
        for (int entry = seen->last[user]; entry >= 0; entry = seen->before[entry])
            if (seen->logged[entry] == item)
                return 1;
    return 0;
}

/* How negatives are drawn: `count` of them for each rating, from n items; NULL: 0 .. n - 1. */
typedef struct {
    Seen seen;
    unsigned long long seed;
    const int *items;
    int count, n;
} Sampler;

#define DRAWS_A_NEGATIVE 8

/* Negative number `which` of update t: an item that the user has not met, -1 where so many draws
 * have found none. */
INLINED int draw_negative(const Sampler *sampler, int user, unsigned long long t, int which)
{
    for (int draw = 0; draw < DRAWS_A_NEGATIVE; draw++) {
        const unsigned long long trial = (unsigned long long)which * DRAWS_A_NEGATIVE + draw;
        const int place = draw_below(sampler->seed, t, trial, sampler->n);
        const int item = sampler->items ? sampler->items[place] : place;
        if (!has_seen(&sampler->seen, user, item))
            return item;
    }
    return -1;
}

#endif
