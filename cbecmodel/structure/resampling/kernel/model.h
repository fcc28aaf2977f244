/* What the compiled engine is given: the model in reduced form (see reduced.py) and the moments of many samples. */
#ifndef CBEC_MODEL_H
#define CBEC_MODEL_H
#include <stdint.h>

enum { LOADING, REGRESSION, FACTOR_COV, RESIDUAL_COV, OBSERVED_MEAN, FACTOR_MEAN, N_KINDS };
enum { METHOD_ML, METHOD_FIML, METHOD_GLS, METHOD_DIAGONAL };

typedef struct {
    int64_t p, m;
    int64_t identity; /* no paths among the elements of eta: (I - B)^-1 is I */
    int64_t cyclic;   /* paths run in circles: the inverse needs pivots */
    const double *fixed[N_KINDS];
    int64_t n_free;
    const int64_t *kind, *row, *column, *parameter;
    int64_t n_given; /* elements taken from each sample */
    const int64_t *given_kind, *given_row, *given_column;
    int64_t n_loadings; /* places where the loading matrix can differ from zero, row by row */
    const int64_t *loading_row, *loading_column;
    /* a row a sample */
    const double *share, *cov, *mean, *given, *moment_weights, *mean_weights;
    /* incomplete data */
    int64_t n_cases, n_patterns, most_hidden;
    const double *deviations, *centre, *weights, *lost;
    const int64_t *hidden_start, *hidden, *case_start, *cases; /* of each pattern: starts into the lists behind them */
} Group;

typedef struct {
    int64_t method, means, q, r, n_groups;
    const double *offset; /* x = offset + basis z, the basis by rows: */
    const int64_t *basis_start, *basis_column;
    const double *basis_value;
    const double *preconditioner;
    Group *groups;
} Model;

typedef struct {
    int64_t samples, max_evaluations;
    double gradient_tolerance, decrement_tolerance;
    const double *start; /* samples x r */
    double *z, *value, *gradient; /* gradient: of `evaluate` samples x r, of `search` the largest element of each */
    int64_t *evaluations;
} Task;

/* return 0, or -1 if there is no memory */
typedef int (*Run)(const Model *, const Task *);

/* counts[g]: replicates x sizes[g]; the last of the words is each replicate's index. -1 where that cannot be computed */
int cbec_count_draws(uint32_t *words, int64_t n_words, const int64_t *indices, int64_t replicates, const int64_t *sizes,
                     int64_t groups, double **counts);

int cbec_search_base(const Model *, const Task *);
int cbec_evaluate_base(const Model *, const Task *);
#if (defined(__x86_64__) || defined(__i386__)) && defined(__GNUC__)
#define CBEC_X86 1
int cbec_search_avx2(const Model *, const Task *);
int cbec_evaluate_avx2(const Model *, const Task *);
int cbec_search_avx512(const Model *, const Task *);
int cbec_evaluate_avx512(const Model *, const Task *);
#endif
#endif
