/* The batched engine, one sample a lane. Included once for every instruction set, with LANES and NAME defined.

   The algorithm is that of search.py and objective.py: limited-memory BFGS with one preconditioner for all samples. Nothing is
   summed across lanes, so that a sample's result depends neither on its neighbours nor on when a lane was refilled. */
#include "model.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MEMORY 24
#define SHORTEST 1e-8

typedef double v __attribute__((vector_size(LANES * 8)));
#define AT(M, i, j, ld) (M)[(size_t)(i) * (size_t)(ld) + (size_t)(j)]
#define EACH(l) for (int l = 0; l < LANES; l++)

static inline v all(double x) {
    v out;
    EACH(l) out[l] = x;
    return out;
}

/* ------------------------------------------------------------------ memory: one block, handed out in pieces */
typedef struct {
    char *block, *next;
    size_t size;
} Arena;

static v *take(Arena *arena, size_t count) {
    v *out = (v *)arena->next;
    arena->next += count * sizeof(v);
    return out;
}

/* ------------------------------------------------------------------ products of matrices of lanes, four by four */
#define TILE(FIRST, SECOND)                                                                                             \
    int64_t i = 0;                                                                                                      \
    for (; i + 4 <= n; i += 4) {                                                                                        \
        int64_t j = 0;                                                                                                  \
        for (; j + 4 <= w; j += 4) {                                                                                    \
            v c00 = {0}, c01 = {0}, c02 = {0}, c03 = {0}, c10 = {0}, c11 = {0}, c12 = {0}, c13 = {0};                   \
            v c20 = {0}, c21 = {0}, c22 = {0}, c23 = {0}, c30 = {0}, c31 = {0}, c32 = {0}, c33 = {0};                   \
            for (int64_t k = 0; k < inner; k++) {                                                                       \
                const v a0 = FIRST(i), a1 = FIRST(i + 1), a2 = FIRST(i + 2), a3 = FIRST(i + 3);                         \
                v b = SECOND(j);                                                                                        \
                c00 += a0 * b; c10 += a1 * b; c20 += a2 * b; c30 += a3 * b;                                             \
                b = SECOND(j + 1);                                                                                      \
                c01 += a0 * b; c11 += a1 * b; c21 += a2 * b; c31 += a3 * b;                                             \
                b = SECOND(j + 2);                                                                                      \
                c02 += a0 * b; c12 += a1 * b; c22 += a2 * b; c32 += a3 * b;                                             \
                b = SECOND(j + 3);                                                                                      \
                c03 += a0 * b; c13 += a1 * b; c23 += a2 * b; c33 += a3 * b;                                             \
            }                                                                                                           \
            AT(C, i, j, ldc) = c00; AT(C, i, j + 1, ldc) = c01; AT(C, i, j + 2, ldc) = c02; AT(C, i, j + 3, ldc) = c03; \
            AT(C, i + 1, j, ldc) = c10; AT(C, i + 1, j + 1, ldc) = c11;                                                 \
            AT(C, i + 1, j + 2, ldc) = c12; AT(C, i + 1, j + 3, ldc) = c13;                                             \
            AT(C, i + 2, j, ldc) = c20; AT(C, i + 2, j + 1, ldc) = c21;                                                 \
            AT(C, i + 2, j + 2, ldc) = c22; AT(C, i + 2, j + 3, ldc) = c23;                                             \
            AT(C, i + 3, j, ldc) = c30; AT(C, i + 3, j + 1, ldc) = c31;                                                 \
            AT(C, i + 3, j + 2, ldc) = c32; AT(C, i + 3, j + 3, ldc) = c33;                                             \
        }                                                                                                               \
        for (; j < w; j++) {                                                                                            \
            v c0 = {0}, c1 = {0}, c2 = {0}, c3 = {0};                                                                   \
            for (int64_t k = 0; k < inner; k++) {                                                                       \
                const v b = SECOND(j);                                                                                  \
                c0 += FIRST(i) * b; c1 += FIRST(i + 1) * b; c2 += FIRST(i + 2) * b; c3 += FIRST(i + 3) * b;             \
            }                                                                                                           \
            AT(C, i, j, ldc) = c0; AT(C, i + 1, j, ldc) = c1; AT(C, i + 2, j, ldc) = c2; AT(C, i + 3, j, ldc) = c3;     \
        }                                                                                                               \
    }                                                                                                                   \
    for (; i < n; i++)                                                                                                  \
        for (int64_t j = 0; j < w; j++) {                                                                               \
            v c = {0};                                                                                                  \
            for (int64_t k = 0; k < inner; k++) c += FIRST(i) * SECOND(j);                                              \
            AT(C, i, j, ldc) = c;                                                                                       \
        }

#define ROW_A(x) AT(A, x, k, lda)
#define COLUMN_A(x) AT(A, k, x, lda)
#define ROW_B(x) AT(B, x, k, ldb)
#define COLUMN_B(x) AT(B, k, x, ldb)
#define PRODUCT_ARGUMENTS                                                                                               \
    int64_t n, int64_t w, int64_t inner, const v *restrict A, int64_t lda, const v *restrict B, int64_t ldb,            \
        v *restrict C, int64_t ldc

static void product(PRODUCT_ARGUMENTS) { TILE(ROW_A, COLUMN_B) }      /* C = A B,  n x w */
static void product_bt(PRODUCT_ARGUMENTS) { TILE(ROW_A, ROW_B) }      /* C = A B' */
static void product_at(PRODUCT_ARGUMENTS) { TILE(COLUMN_A, COLUMN_B) } /* C = A' B */

/* ------------------------------------------------------------------ what a set of lanes works with */
typedef struct { /* the samples in the lanes, for one group */
    v share, lost, *cov, *mean, *given, *moment_weights, *mean_weights, *weights;
} Sample;

typedef struct {
    Sample *samples;
    v *lambda, *b, *psi, *a, *back, *inner, *reach, *spread; /* matrices of the model */
    v *low, *inverse_low, *precision, *moments, *standing, *through, *rest, *middle;
    v *nu, *alpha, *eta, *mu, *gap, *pull, *outer_pull, *shift, *first;
    v *hidden_low, *hidden_inverse, *hidden_cov, *expected, *turned;
    v *x, *gradient_x;
} Work;

#define SAMPLE_LANES ((sizeof(Sample) + sizeof(v) - 1) / sizeof(v))

static size_t biggest(const Model *model, int which) {
    size_t found = 1;
    for (int64_t g = 0; g < model->n_groups; g++) {
        const Group *group = &model->groups[g];
        const int64_t sizes[] = {group->p, group->m, group->most_hidden};
        if ((size_t)sizes[which] > found) found = (size_t)sizes[which];
    }
    return found;
}

static size_t needed(const Model *model) { /* in lanes */
    const size_t p = biggest(model, 0), m = biggest(model, 1), h = biggest(model, 2), r = (size_t)model->r;
    size_t total = 6 * p * m + 6 * m * m + 6 * p * p + 12 * (p + m) + 3 * h * h + 2 * h + 2 * (size_t)model->q;
    total += (8 + 2 * MEMORY) * r;
    for (int64_t g = 0; g < model->n_groups; g++) {
        const Group *group = &model->groups[g];
        const size_t own = (size_t)group->p;
        total += 2 * own * own + 2 * own + (size_t)group->n_given + (size_t)group->n_cases + SAMPLE_LANES;
    }
    return total + 64;
}

static int open_work(const Model *model, Arena *arena, Work *work) {
    const size_t p = biggest(model, 0), m = biggest(model, 1), h = biggest(model, 2);
    arena->size = (needed(model) + 1) * sizeof(v);
    arena->block = calloc(1, arena->size + 64);
    if (arena->block == NULL) return -1;
    arena->next = (char *)(((uintptr_t)arena->block + 63) & ~(uintptr_t)63);
    work->samples = (Sample *)take(arena, SAMPLE_LANES * (size_t)model->n_groups);
    v **tall[] = {&work->lambda, &work->reach, &work->spread, &work->through, &work->rest};
    v **small[] = {&work->b, &work->psi, &work->a, &work->back, &work->inner, &work->middle};
    v **square[] = {&work->low, &work->inverse_low, &work->precision, &work->moments, &work->standing};
    v **vectors[] = {&work->nu, &work->alpha, &work->eta, &work->mu, &work->gap, &work->pull, &work->outer_pull, &work->shift, &work->first};
    v **hidden[] = {&work->hidden_low, &work->hidden_inverse, &work->hidden_cov};
    for (int k = 0; k < 5; k++) *tall[k] = take(arena, p * m);
    for (int k = 0; k < 6; k++) *small[k] = take(arena, m * m);
    for (int k = 0; k < 5; k++) *square[k] = take(arena, p * p);
    for (int k = 0; k < 9; k++) *vectors[k] = take(arena, p + m);
    for (int k = 0; k < 3; k++) *hidden[k] = take(arena, h * h);
    work->expected = take(arena, h);
    work->turned = take(arena, h);
    work->x = take(arena, (size_t)model->q);
    work->gradient_x = take(arena, (size_t)model->q);
    for (int64_t g = 0; g < model->n_groups; g++) {
        const Group *group = &model->groups[g];
        Sample *sample = &work->samples[g];
        const size_t own = (size_t)group->p;
        sample->cov = take(arena, own * own);
        sample->moment_weights = take(arena, own * own);
        sample->mean = take(arena, own);
        sample->mean_weights = take(arena, own);
        sample->given = take(arena, (size_t)group->n_given);
        sample->weights = take(arena, (size_t)group->n_cases);
    }
    return 0;
}

static void copy_lane(v *to, const double *from, int64_t sample, int64_t count, int lane) {
    if (from == NULL) return;
    from += sample * count;
    for (int64_t i = 0; i < count; i++) to[i][lane] = from[i];
}

/* put sample number `sample` into a lane */
static void load(const Model *model, Work *work, int64_t sample, int lane) {
    for (int64_t g = 0; g < model->n_groups; g++) {
        const Group *group = &model->groups[g];
        Sample *to = &work->samples[g];
        const int64_t p = group->p;
        to->share[lane] = group->share[sample];
        to->lost[lane] = group->lost == NULL ? 0.0 : group->lost[sample];
        copy_lane(to->cov, group->cov, sample, p * p, lane);
        copy_lane(to->mean, group->mean, sample, p, lane);
        copy_lane(to->given, group->given, sample, group->n_given, lane);
        copy_lane(to->moment_weights, group->moment_weights, sample, p * p, lane);
        copy_lane(to->mean_weights, group->mean_weights, sample, p, lane);
        copy_lane(to->weights, group->weights, sample, group->n_cases, lane);
    }
}

/* ------------------------------------------------------------------ the matrices of the model */
static v *matrix_of(Work *work, int64_t kind) {
    v *matrices[] = {work->lambda, work->b, work->psi, work->low, work->nu, work->alpha};
    return matrices[kind];
}

static void put(Work *work, const Group *group, int64_t kind, int64_t row, int64_t column, v value) {
    const int64_t p = group->p, m = group->m, width[] = {m, m, m, p, 1, 1};
    v *matrix = matrix_of(work, kind);
    AT(matrix, row, column, width[kind]) = value;
    if (kind == FACTOR_COV || kind == RESIDUAL_COV) AT(matrix, column, row, width[kind]) = value;
}

static void fill(Work *work, const Group *group, const Sample *sample) {
    const int64_t p = group->p, m = group->m, size[] = {p * m, m * m, m * m, p * p, p, m};
    for (int64_t kind = 0; kind < N_KINDS; kind++) {
        v *matrix = matrix_of(work, kind);
        for (int64_t i = 0; i < size[kind]; i++) matrix[i] = all(group->fixed[kind][i]);
    }
    for (int64_t k = 0; k < group->n_free; k++)
        put(work, group, group->kind[k], group->row[k], group->column[k], work->x[group->parameter[k]]);
    for (int64_t k = 0; k < group->n_given; k++)
        put(work, group, group->given_kind[k], group->given_row[k], group->given_column[k], sample->given[k]);
}

/* invert I - B by elimination; acyclic paths have pivots of one in any order */
static void invert_acyclic(Work *work, int64_t m) {
    v *b = work->b, *a = work->a;
    for (int64_t i = 0; i < m * m; i++) {
        b[i] = -b[i];
        a[i] = all(0);
    }
    for (int64_t i = 0; i < m; i++) {
        AT(b, i, i, m) += all(1);
        AT(a, i, i, m) = all(1);
    }
    for (int64_t i = 0; i < m; i++)
        for (int64_t row = 0; row < m; row++) {
            if (row == i) continue;
            const v factor = AT(b, row, i, m);
            for (int64_t j = 0; j < m; j++) {
                AT(b, row, j, m) -= factor * AT(b, i, j, m);
                AT(a, row, j, m) -= factor * AT(a, i, j, m);
            }
        }
}

/* circles: one lane after the other, with pivots; a singular lane becomes impossible */
static void invert_cyclic(Work *work, int64_t m, v *possible) {
    EACH(l) {
        for (int64_t i = 0; i < m; i++)
            for (int64_t j = 0; j < m; j++) {
                AT(work->b, i, j, m)[l] = (i == j) - AT(work->b, i, j, m)[l];
                AT(work->a, i, j, m)[l] = (i == j);
            }
        for (int64_t i = 0; i < m; i++) {
            int64_t best = i;
            for (int64_t row = i + 1; row < m; row++)
                if (fabs(AT(work->b, row, i, m)[l]) > fabs(AT(work->b, best, i, m)[l])) best = row;
            double pivot = AT(work->b, best, i, m)[l];
            if (!(fabs(pivot) > 0)) {
                (*possible)[l] = 0;
                pivot = 1;
            }
            for (int64_t j = 0; j < m; j++) {
                const double old_b = AT(work->b, i, j, m)[l], old_a = AT(work->a, i, j, m)[l];
                AT(work->b, i, j, m)[l] = AT(work->b, best, j, m)[l] / pivot;
                AT(work->a, i, j, m)[l] = AT(work->a, best, j, m)[l] / pivot;
                if (best != i) {
                    AT(work->b, best, j, m)[l] = old_b;
                    AT(work->a, best, j, m)[l] = old_a;
                }
            }
            for (int64_t row = 0; row < m; row++) {
                const double factor = AT(work->b, row, i, m)[l];
                if (row == i) continue;
                for (int64_t j = 0; j < m; j++) {
                    AT(work->b, row, j, m)[l] -= factor * AT(work->b, i, j, m)[l];
                    AT(work->a, row, j, m)[l] -= factor * AT(work->a, i, j, m)[l];
                }
            }
        }
    }
}

/* reach = Lambda A, spread = Lambda A Psi A', and (added to the residual covariances) the lower triangle of Sigma */
static void imply(const Model *model, Work *work, const Group *group, v *possible) {
    const int64_t p = group->p, m = group->m, count = group->n_loadings;
    const v *inner = work->psi;
    if (!group->identity) {
        if (group->cyclic) invert_cyclic(work, m, possible);
        else invert_acyclic(work, m);
        product_bt(m, m, m, work->psi, m, work->a, m, work->back, m);
        product(m, m, m, work->a, m, work->back, m, work->inner, m);
        inner = work->inner;
    }
    for (int64_t i = 0; i < p * m; i++) work->reach[i] = work->spread[i] = all(0);
    for (int64_t z = 0; z < count; z++) {
        const int64_t i = group->loading_row[z], k = group->loading_column[z];
        const v loading = AT(work->lambda, i, k, m);
        for (int64_t j = 0; j < m; j++) AT(work->spread, i, j, m) += loading * AT(inner, k, j, m);
        if (group->identity) AT(work->reach, i, k, m) += loading;
        else
            for (int64_t j = 0; j < m; j++) AT(work->reach, i, j, m) += loading * AT(work->a, k, j, m);
    }
    for (int64_t z = 0; z < count; z++) {
        const int64_t j = group->loading_row[z], k = group->loading_column[z];
        const v loading = AT(work->lambda, j, k, m);
        for (int64_t i = j; i < p; i++) AT(work->low, i, j, p) += AT(work->spread, i, k, m) * loading;
    }
    if (!model->means) return;
    for (int64_t i = 0; i < m; i++) {
        v sum = group->identity ? work->alpha[i] : all(0);
        if (!group->identity)
            for (int64_t j = 0; j < m; j++) sum += AT(work->a, i, j, m) * work->alpha[j];
        work->eta[i] = sum;
    }
    for (int64_t i = 0; i < p; i++) work->mu[i] = work->nu[i];
    for (int64_t z = 0; z < count; z++) {
        const int64_t i = group->loading_row[z], k = group->loading_column[z];
        work->mu[i] += AT(work->lambda, i, k, m) * work->eta[k];
    }
}

/* Cholesky of the lower triangle; diagonals of the factor are stored inverted. Returns log-determinants. */
static v factor(v *low, int64_t p, int64_t ld, v *possible) {
    v logdet = all(0), held = all(1);
    for (int64_t j = 0; j < p; j++) {
        v pivot = AT(low, j, j, ld), inverse;
        for (int64_t k = 0; k < j; k++) pivot -= AT(low, j, k, ld) * AT(low, j, k, ld);
        EACH(l) {
            if (!(pivot[l] > 0) || !(pivot[l] <= DBL_MAX)) {
                (*possible)[l] = 0;
                pivot[l] = 1;
            }
        }
        EACH(l) inverse[l] = 1.0 / sqrt(pivot[l]);
        held *= pivot; /* logarithms are dear: one for a few pivots */
        if (j % 6 == 5 || j == p - 1) {
            EACH(l) logdet[l] += log(held[l]);
            held = all(1);
        }
        AT(low, j, j, ld) = inverse;
        int64_t i = j + 1;
        for (; i + 4 <= p; i += 4) {
            v c0 = AT(low, i, j, ld), c1 = AT(low, i + 1, j, ld), c2 = AT(low, i + 2, j, ld), c3 = AT(low, i + 3, j, ld);
            for (int64_t k = 0; k < j; k++) {
                const v b = AT(low, j, k, ld);
                c0 -= AT(low, i, k, ld) * b;
                c1 -= AT(low, i + 1, k, ld) * b;
                c2 -= AT(low, i + 2, k, ld) * b;
                c3 -= AT(low, i + 3, k, ld) * b;
            }
            AT(low, i, j, ld) = c0 * inverse;
            AT(low, i + 1, j, ld) = c1 * inverse;
            AT(low, i + 2, j, ld) = c2 * inverse;
            AT(low, i + 3, j, ld) = c3 * inverse;
        }
        for (; i < p; i++) {
            v c = AT(low, i, j, ld);
            for (int64_t k = 0; k < j; k++) c -= AT(low, i, k, ld) * AT(low, j, k, ld);
            AT(low, i, j, ld) = c * inverse;
        }
    }
    return logdet;
}

/* out = (L L')^-1 of a factor; `columns` holds the columns of L^-1 one after the other */
static void invert_factored(const v *low, int64_t p, int64_t ld, v *columns, v *out) {
    for (int64_t j = 0; j < p; j++) {
        v *x = columns + j * ld;
        x[j] = AT(low, j, j, ld);
        for (int64_t i = j + 1; i < p; i++) {
            v even = all(0), odd = all(0);
            int64_t k = j;
            for (; k + 1 < i; k += 2) {
                even += AT(low, i, k, ld) * x[k];
                odd += AT(low, i, k + 1, ld) * x[k + 1];
            }
            if (k < i) even += AT(low, i, k, ld) * x[k];
            x[i] = -(even + odd) * AT(low, i, i, ld);
        }
    }
    for (int64_t i = 0; i < p; i++) {
        int64_t j = 0;
        for (; j + 4 <= i + 1; j += 4) {
            v c0 = all(0), c1 = c0, c2 = c0, c3 = c0;
            for (int64_t k = i; k < p; k++) {
                const v a = AT(columns, i, k, ld);
                c0 += a * AT(columns, j, k, ld);
                c1 += a * AT(columns, j + 1, k, ld);
                c2 += a * AT(columns, j + 2, k, ld);
                c3 += a * AT(columns, j + 3, k, ld);
            }
            AT(out, i, j, ld) = c0;
            AT(out, i, j + 1, ld) = c1;
            AT(out, i, j + 2, ld) = c2;
            AT(out, i, j + 3, ld) = c3;
        }
        for (; j <= i; j++) {
            v c = all(0);
            for (int64_t k = i; k < p; k++) c += AT(columns, i, k, ld) * AT(columns, j, k, ld);
            AT(out, i, j, ld) = c;
        }
        for (j = 0; j < i; j++) AT(out, j, i, ld) = AT(out, i, j, ld);
    }
}

/* ------------------------------------------------------------------ discrepancies */
/* moments expected of incomplete data, about mu (both measured from the centre); returns the part of F that patterns add */
static v expect(Work *work, const Group *group, const Sample *sample, v *possible) {
    const int64_t p = group->p, h = group->most_hidden > 0 ? group->most_hidden : 1;
    const v *precision = work->precision;
    v *moments = work->moments, *first = work->first, value = -sample->lost;
    memcpy(moments, sample->cov, sizeof(v) * (size_t)(p * p)); /* the lower triangle is worked on */
    memcpy(first, sample->mean, sizeof(v) * (size_t)p);
    for (int64_t i = 0; i < p; i++) {
        v sum = all(0);
        for (int64_t j = 0; j < p; j++) sum += AT(precision, i, j, p) * work->mu[j];
        work->shift[i] = sum;
    }
    for (int64_t g = 0; g < group->n_patterns; g++) {
        const int64_t count = group->hidden_start[g + 1] - group->hidden_start[g];
        const int64_t *hidden = group->hidden + group->hidden_start[g];
        if (count == 0) continue;
        for (int64_t a = 0; a < count; a++)
            for (int64_t b = 0; b <= a; b++) AT(work->hidden_low, a, b, h) = AT(precision, hidden[a], hidden[b], p);
        const v logdet = factor(work->hidden_low, count, h, possible);
        invert_factored(work->hidden_low, count, h, work->hidden_inverse, work->hidden_cov);
        v total = all(0);
        for (int64_t c = group->case_start[g]; c < group->case_start[g + 1]; c++) {
            const int64_t i = group->cases[c];
            const double *answers = group->deviations + i * p; /* zero where there is none */
            const v weight = sample->weights[i];
            total += weight;
            for (int64_t a = 0; a < count; a++) {
                const v *row = precision + hidden[a] * p;
                v even = work->shift[hidden[a]], odd = all(0);
                int64_t j = 0;
                for (; j + 2 <= p; j += 2) {
                    even -= row[j] * answers[j];
                    odd -= row[j + 1] * answers[j + 1];
                }
                for (; j < p; j++) even -= row[j] * answers[j];
                work->turned[a] = even + odd;
            }
            for (int64_t a = 0; a < count; a++) {
                v sum = all(0);
                for (int64_t b = 0; b < count; b++) sum += AT(work->hidden_cov, a, b, h) * work->turned[b];
                work->expected[a] = sum;
            }
            for (int64_t a = 0; a < count; a++) {
                const int64_t r = hidden[a];
                const v weighted = weight * work->expected[a];
                first[r] += weighted;
                for (int64_t j = 0; j <= r; j++) AT(moments, r, j, p) += weighted * answers[j];
                for (int64_t j = r + 1; j < p; j++) AT(moments, j, r, p) += weighted * answers[j];
                for (int64_t b = 0; b <= a; b++) AT(moments, r, hidden[b], p) += weighted * work->expected[b];
            }
        }
        value += total * logdet;
        for (int64_t a = 0; a < count; a++)
            for (int64_t b = 0; b <= a; b++) AT(moments, hidden[a], hidden[b], p) += total * AT(work->hidden_cov, a, b, h);
    }
    for (int64_t i = 0; i < p; i++) {
        for (int64_t j = 0; j <= i; j++) {
            v x = AT(moments, i, j, p) - work->mu[i] * first[j] - first[i] * work->mu[j] + work->mu[i] * work->mu[j];
            AT(moments, i, j, p) = x;
            AT(moments, j, i, p) = x;
        }
        work->gap[i] = first[i] - work->mu[i];
    }
    return value;
}

/* likelihood: value, pull = V gap, rest = (V - V S V) reach; `standing` becomes S V */
static v likelihood(const Model *model, Work *work, const Group *group, const Sample *sample, v *possible) {
    const int64_t p = group->p, m = group->m;
    v value = factor(work->low, p, p, possible);
    invert_factored(work->low, p, p, work->inverse_low, work->precision);
    const v *moments = sample->cov;
    if (model->method == METHOD_FIML) {
        for (int64_t i = 0; i < p; i++) work->mu[i] -= all(group->centre[i]);
        value += expect(work, group, sample, possible);
        moments = work->moments;
    } else if (model->means) {
        for (int64_t i = 0; i < p; i++) work->gap[i] = sample->mean[i] - work->mu[i];
        for (int64_t i = 0; i < p; i++)
            for (int64_t j = 0; j < p; j++)
                AT(work->moments, i, j, p) = AT(sample->cov, i, j, p) + work->gap[i] * work->gap[j];
        moments = work->moments;
    }
    product_bt(p, p, p, moments, p, work->precision, p, work->standing, p);
    for (int64_t i = 0; i < p; i++) value += AT(work->standing, i, i, p);
    product(p, m, p, work->precision, p, work->reach, m, work->through, m);
    product_at(p, m, p, work->standing, p, work->through, m, work->rest, m);
    for (int64_t i = 0; i < p * m; i++) work->rest[i] = work->through[i] - work->rest[i];
    if (model->means)
        for (int64_t i = 0; i < p; i++) {
            v sum = all(0);
            for (int64_t j = 0; j < p; j++) sum += AT(work->precision, i, j, p) * work->gap[j];
            work->pull[i] = sum;
        }
    return value;
}

/* least squares: value, pull, rest = W reach; `standing` becomes W */
static v least_squares(const Model *model, Work *work, const Group *group, const Sample *sample) {
    const int64_t p = group->p, m = group->m;
    v value = all(0);
    for (int64_t i = 0; i < p; i++) {
        for (int64_t j = 0; j <= i; j++) {
            const v gap = AT(sample->cov, i, j, p) - AT(work->low, i, j, p);
            AT(work->moments, i, j, p) = gap;
            AT(work->moments, j, i, p) = gap;
        }
        if (model->means) work->gap[i] = sample->mean[i] - work->mu[i];
    }
    if (model->method == METHOD_GLS) { /* moment_weights holds the inverse of the sample covariances */
        product(p, p, p, sample->moment_weights, p, work->moments, p, work->precision, p);
        for (int64_t i = 0; i < p; i++)
            for (int64_t j = 0; j < p; j++) value += AT(work->precision, i, j, p) * AT(work->precision, j, i, p) * 0.5;
        product(p, p, p, work->precision, p, sample->moment_weights, p, work->standing, p);
        for (int64_t i = 0; i < p * p; i++) work->standing[i] = -work->standing[i];
        for (int64_t i = 0; model->means && i < p; i++) {
            v sum = all(0);
            for (int64_t j = 0; j < p; j++) sum += AT(sample->moment_weights, i, j, p) * work->gap[j];
            work->pull[i] = sum;
        }
    } else {
        for (int64_t i = 0; i < p * p; i++) {
            const v weighted = sample->moment_weights[i] * work->moments[i];
            value += weighted * work->moments[i];
            work->standing[i] = -2.0 * weighted;
        }
        for (int64_t i = 0; model->means && i < p; i++) work->pull[i] = sample->mean_weights[i] * work->gap[i];
    }
    for (int64_t i = 0; model->means && i < p; i++) value += work->pull[i] * work->gap[i];
    product(p, m, p, work->standing, p, work->reach, m, work->rest, m);
    return value;
}

/* add a group's share of the gradient by parameter */
static void add_slopes(const Model *model, Work *work, const Group *group, v share) {
    const int64_t p = group->p, m = group->m;
    const v *back = group->identity ? work->psi : work->back;
    const int explicit_weight = model->method == METHOD_GLS || model->method == METHOD_DIAGONAL;
    product_at(m, m, p, work->reach, m, work->rest, m, work->middle, m);
    for (int64_t i = 0; model->means && i < m; i++) {
        v sum = all(0);
        for (int64_t j = 0; j < p; j++) sum += AT(work->reach, j, i, m) * work->pull[j];
        work->outer_pull[i] = sum;
    }
    for (int64_t k = 0; k < group->n_free; k++) {
        const int64_t row = group->row[k], column = group->column[k], kind = group->kind[k];
        v slope = all(0);
        if (kind == LOADING || kind == REGRESSION) {
            const v *left = (kind == LOADING ? work->rest : work->middle) + row * m;
            for (int64_t j = 0; j < m; j++) slope += left[j] * AT(back, j, column, m);
            if (model->means) slope -= (kind == LOADING ? work->pull : work->outer_pull)[row] * work->eta[column];
            slope *= 2.0;
        } else if (kind == FACTOR_COV) {
            slope = AT(work->middle, row, column, m) * (row == column ? 1.0 : 2.0);
        } else if (kind == RESIDUAL_COV) {
            if (explicit_weight) slope = AT(work->standing, row, column, p);
            else {
                v even = AT(work->precision, row, column, p), odd = all(0);
                int64_t j = 0;
                for (; j + 2 <= p; j += 2) {
                    even -= AT(work->precision, row, j, p) * AT(work->standing, j, column, p);
                    odd -= AT(work->precision, row, j + 1, p) * AT(work->standing, j + 1, column, p);
                }
                for (; j < p; j++) even -= AT(work->precision, row, j, p) * AT(work->standing, j, column, p);
                slope = even + odd;
            }
            slope *= row == column ? 1.0 : 2.0;
        } else slope = -2.0 * (kind == OBSERVED_MEAN ? work->pull : work->outer_pull)[row];
        work->gradient_x[group->parameter[k]] += share * slope;
    }
}

/* values and gradients (in the space of the constraints) of the samples in the lanes, at z */
static v evaluate_lanes(const Model *model, Work *work, const v *z, v *gradient) {
    v value = all(0), possible = all(1);
    for (int64_t i = 0; i < model->q; i++) {
        v x = all(model->offset[i]);
        for (int64_t k = model->basis_start[i]; k < model->basis_start[i + 1]; k++)
            x += model->basis_value[k] * z[model->basis_column[k]];
        work->x[i] = x;
        work->gradient_x[i] = all(0);
    }
    for (int64_t g = 0; g < model->n_groups; g++) {
        const Group *group = &model->groups[g];
        const Sample *sample = &work->samples[g];
        fill(work, group, sample);
        imply(model, work, group, &possible);
        const int normal = model->method == METHOD_ML || model->method == METHOD_FIML;
        const v own = normal ? likelihood(model, work, group, sample, &possible) : least_squares(model, work, group, sample);
        value += sample->share * own;
        add_slopes(model, work, group, sample->share);
    }
    for (int64_t k = 0; k < model->r; k++) gradient[k] = all(0);
    for (int64_t i = 0; i < model->q; i++)
        for (int64_t k = model->basis_start[i]; k < model->basis_start[i + 1]; k++)
            gradient[model->basis_column[k]] += model->basis_value[k] * work->gradient_x[i];
    EACH(l) if (!(possible[l] > 0.5) || !(fabs(value[l]) <= DBL_MAX)) value[l] = HUGE_VAL;
    return value;
}

int NAME(cbec_evaluate)(const Model *model, const Task *task) {
    Arena arena;
    Work work;
    if (open_work(model, &arena, &work) < 0) return -1;
    v *z = take(&arena, (size_t)model->r), *gradient = take(&arena, (size_t)model->r);
    for (int64_t begin = 0; begin < task->samples; begin += LANES) {
        EACH(l) {
            const int64_t sample = begin + l < task->samples ? begin + l : task->samples - 1;
            load(model, &work, sample, l);
            copy_lane(z, task->start, sample, model->r, l);
        }
        const v value = evaluate_lanes(model, &work, z, gradient);
        EACH(l) {
            if (begin + l >= task->samples) break;
            task->value[begin + l] = value[l];
            for (int64_t k = 0; k < model->r; k++) task->gradient[(begin + l) * model->r + k] = gradient[k][l];
        }
    }
    free(arena.block);
    return 0;
}

/* ------------------------------------------------------------------ the search */
typedef struct {
    v *z, *there, *gradient, *next, *direction, *rest, *steps, *changes;
    v scale[MEMORY], value;
    double length[LANES], slope[LANES];
    int64_t sample[LANES], evaluations[LANES];
    int kept[LANES], fresh[LANES];
} Search;

static void begin(const Model *model, Work *work, const Task *task, Search *run, int lane, int64_t sample) {
    run->sample[lane] = sample;
    if (sample >= 0) load(model, work, sample, lane);
    const int64_t source = sample >= 0 ? sample : task->samples - 1; /* an idle lane computes something harmless */
    copy_lane(run->z, task->start, source, model->r, lane);
    copy_lane(run->there, task->start, source, model->r, lane);
    for (int h = 0; h < MEMORY; h++) run->scale[h][lane] = 0;
    run->length[lane] = 1;
    run->slope[lane] = 0;
    run->kept[lane] = 0;
    run->fresh[lane] = 1;
    run->evaluations[lane] = 0;
}

static double largest(const v *gradient, int64_t r, int lane) {
    double found = 0;
    for (int64_t k = 0; k < r; k++) {
        const double size = fabs(gradient[k][lane]);
        if (!(size <= found)) found = size; /* NaN stays */
    }
    return found;
}

static void remember(Search *run, int64_t r, int lane) {
    double inner = 0, step2 = 0, change2 = 0;
    for (int64_t k = 0; k < r; k++) {
        const double step = run->there[k][lane] - run->z[k][lane], change = run->next[k][lane] - run->gradient[k][lane];
        inner += step * change;
        step2 += step * step;
        change2 += change * change;
    }
    if (!(inner > 1e-10 * sqrt(step2 * change2))) return;
    int place = run->kept[lane];
    if (place == MEMORY) {
        for (int h = 0; h + 1 < MEMORY; h++) {
            for (int64_t k = 0; k < r; k++) {
                AT(run->steps, h, k, r)[lane] = AT(run->steps, h + 1, k, r)[lane];
                AT(run->changes, h, k, r)[lane] = AT(run->changes, h + 1, k, r)[lane];
            }
            run->scale[h][lane] = run->scale[h + 1][lane];
        }
        place = MEMORY - 1;
    }
    for (int64_t k = 0; k < r; k++) {
        AT(run->steps, place, k, r)[lane] = run->there[k][lane] - run->z[k][lane];
        AT(run->changes, place, k, r)[lane] = run->next[k][lane] - run->gradient[k][lane];
    }
    run->scale[place][lane] = 1 / inner;
    run->kept[lane] = place + 1;
}

/* take the step, or shorten it; returns whether it was taken */
static int judge(Search *run, int64_t r, int lane, double value) {
    if (!run->fresh[lane]) {
        const double enough = run->value[lane] + 1e-4 * run->length[lane] * run->slope[lane] + 1e-13 * fabs(run->value[lane]);
        if (!(value <= enough)) {
            run->length[lane] *= fabs(value) <= DBL_MAX ? 0.5 : 0.25;
            return 0;
        }
        remember(run, r, lane);
    }
    run->fresh[lane] = 0;
    run->value[lane] = value;
    for (int64_t k = 0; k < r; k++) {
        run->z[k][lane] = run->there[k][lane];
        run->gradient[k][lane] = run->next[k][lane];
    }
    run->length[lane] = 1;
    return 1;
}

/* rest becomes the preconditioned gradient of the limited-memory formula; returns its product with the gradient */
static v two_loops(const Model *model, Search *run) {
    const int64_t r = model->r;
    const double *preconditioner = model->preconditioner;
    int most = 0;
    v share[MEMORY], inner = all(0);
    EACH(l) if (run->kept[l] > most) most = run->kept[l];
    v *turned = run->rest + r;
    memcpy(run->rest, run->gradient, sizeof(v) * (size_t)r);
    for (int h = most - 1; h >= 0; h--) {
        v sum = all(0);
        for (int64_t k = 0; k < r; k++) sum += AT(run->steps, h, k, r) * run->rest[k];
        share[h] = sum * run->scale[h];
        for (int64_t k = 0; k < r; k++) run->rest[k] -= share[h] * AT(run->changes, h, k, r);
    }
    int64_t i = 0;
    for (; i + 4 <= r; i += 4) {
        v c0 = all(0), c1 = c0, c2 = c0, c3 = c0;
        for (int64_t k = 0; k < r; k++) {
            const v x = run->rest[k];
            c0 += preconditioner[i * r + k] * x;
            c1 += preconditioner[(i + 1) * r + k] * x;
            c2 += preconditioner[(i + 2) * r + k] * x;
            c3 += preconditioner[(i + 3) * r + k] * x;
        }
        turned[i] = c0;
        turned[i + 1] = c1;
        turned[i + 2] = c2;
        turned[i + 3] = c3;
    }
    for (; i < r; i++) {
        v sum = all(0);
        for (int64_t k = 0; k < r; k++) sum += preconditioner[i * r + k] * run->rest[k];
        turned[i] = sum;
    }
    for (int h = 0; h < most; h++) {
        v sum = all(0);
        for (int64_t k = 0; k < r; k++) sum += AT(run->changes, h, k, r) * turned[k];
        sum = share[h] - sum * run->scale[h];
        for (int64_t k = 0; k < r; k++) turned[k] += sum * AT(run->steps, h, k, r);
    }
    for (int64_t k = 0; k < r; k++) inner += run->gradient[k] * turned[k];
    return inner;
}

/* write a finished search down */
static void finish(const Model *model, const Task *task, Search *run, int lane, double size) {
    const int64_t sample = run->sample[lane], r = model->r;
    const int last = size <= task->gradient_tolerance; /* so near that one more step needs no evaluation */
    for (int64_t k = 0; k < r; k++) task->z[sample * r + k] = run->z[k][lane] + (last ? run->direction[k][lane] : 0.0);
    task->value[sample] = run->value[lane];
    task->gradient[sample] = size;
    task->evaluations[sample] = run->evaluations[lane];
}

static void open_search(const Model *model, Arena *arena, Search *run) {
    const size_t r = (size_t)model->r;
    v **vectors[] = {&run->z, &run->there, &run->gradient, &run->next, &run->direction};
    for (int k = 0; k < 5; k++) *vectors[k] = take(arena, r);
    run->rest = take(arena, 2 * r);
    run->steps = take(arena, MEMORY * r);
    run->changes = take(arena, MEMORY * r);
    run->value = all(0);
}

int NAME(cbec_search)(const Model *model, const Task *task) {
    Arena arena;
    Work work;
    Search run;
    if (task->samples == 0) return 0;
    if (open_work(model, &arena, &work) < 0) return -1;
    open_search(model, &arena, &run);
    const int64_t r = model->r;
    int64_t next = 0, active = 0;
    EACH(l) {
        load(model, &work, 0, l);
        begin(model, &work, task, &run, l, next < task->samples ? next : -1);
        active += next < task->samples;
        next++;
    }
    while (active > 0) {
        int taken[LANES] = {0};
        const v value = evaluate_lanes(model, &work, run.there, run.next);
        EACH(l) if (run.sample[l] >= 0) {
            run.evaluations[l]++;
            taken[l] = judge(&run, r, l, value[l]);
        }
        const v decrement = two_loops(model, &run);
        EACH(l) {
            if (run.sample[l] < 0) continue;
            if (taken[l]) {
                run.slope[l] = -decrement[l];
                for (int64_t k = 0; k < r; k++) run.direction[k][l] = -run.rest[r + k][l];
            }
            const double size = largest(run.gradient, r, l);
            const int lost = !(fabs(run.value[l]) <= DBL_MAX) || run.length[l] < SHORTEST;
            const int there = size <= task->gradient_tolerance || -run.slope[l] <= task->decrement_tolerance;
            if (there || lost || run.evaluations[l] >= task->max_evaluations) {
                finish(model, task, &run, l, size);
                begin(model, &work, task, &run, l, next < task->samples ? next : -1);
                active -= next >= task->samples;
                next++;
            } else
                for (int64_t k = 0; k < r; k++) run.there[k][l] = run.z[k][l] + run.length[l] * run.direction[k][l];
        }
    }
    free(arena.block);
    return 0;
}
