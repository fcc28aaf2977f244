/* cbecmodel.structure.resampling._kernel: the compiled engine as a Python module.

   search(isa, model, groups, task) and evaluate(isa, model, groups, task) take buffers of float64 and int64; kernel.py says in
   what order. Sizes and indices are checked here, so that a wrong call raises instead of reading elsewhere. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <string.h>

#include "model.h"

#define MOST_VIEWS 1024

typedef struct {
    Py_buffer views[MOST_VIEWS];
    int count;
} Views;

static void release(Views *views) {
    while (views->count > 0) PyBuffer_Release(&views->views[--views->count]);
}

/* get `length` numbers ('d' or 'q') out of a buffer; None gives NULL */
static int numbers(Views *views, PyObject *object, char kind, int64_t length, int writable, void *out) {
    void **target = out;
    *target = NULL;
    if (object == Py_None) return 0;
    if (views->count == MOST_VIEWS) {
        PyErr_SetString(PyExc_ValueError, "too many groups");
        return -1;
    }
    Py_buffer *view = &views->views[views->count];
    const int flags = PyBUF_C_CONTIGUOUS | PyBUF_FORMAT | (writable ? PyBUF_WRITABLE : 0);
    if (PyObject_GetBuffer(object, view, flags) < 0) return -1;
    views->count++;
    const char *format = view->format == NULL ? "B" : view->format;
    const int right = kind == 'd' ? strcmp(format, "d") == 0 : (strcmp(format, "l") == 0 || strcmp(format, "q") == 0);
    if (!right || view->itemsize != 8 || view->len != (Py_ssize_t)(length * 8)) {
        PyErr_Format(PyExc_ValueError, "a buffer of %lld numbers of kind %c was expected, not of %zd bytes of kind %s",
                     (long long)length, kind, view->len, format);
        return -1;
    }
    *target = view->buf;
    return 0;
}

static int within(const int64_t *values, int64_t count, int64_t end) {
    for (int64_t i = 0; i < count; i++)
        if (values[i] < 0 || values[i] >= end) {
            PyErr_SetString(PyExc_ValueError, "an index is out of range");
            return -1;
        }
    return 0;
}

static int cells_within(const Group *g, int64_t count, const int64_t *kind, const int64_t *row, const int64_t *column) {
    const int64_t p = g->p, m = g->m, rows[] = {p, m, m, p, p, m}, columns[] = {m, m, m, p, 1, 1};
    if (within(kind, count, N_KINDS) < 0) return -1;
    for (int64_t i = 0; i < count; i++)
        if (within(row + i, 1, rows[kind[i]]) < 0 || within(column + i, 1, columns[kind[i]]) < 0) return -1;
    return 0;
}

static int starts_within(const int64_t *starts, int64_t count, int64_t end) {
    for (int64_t i = 0; i < count; i++)
        if (starts[i] < 0 || starts[i + 1] < starts[i] || starts[i + 1] > end) {
            PyErr_SetString(PyExc_ValueError, "starts are not in order");
            return -1;
        }
    return 0;
}

static int read_incomplete(Views *views, PyObject *tuple, Group *g, int64_t samples) {
    PyObject *o[8];
    long long cases, patterns, n_hidden, n_members, most;
    if (!PyArg_ParseTuple(tuple, "LLLLLOOOOOOOO", &cases, &patterns, &n_hidden, &n_members, &most, &o[0], &o[1], &o[2], &o[3],
                          &o[4], &o[5], &o[6], &o[7]))
        return -1;
    g->n_cases = cases;
    g->n_patterns = patterns;
    g->most_hidden = most;
    if (numbers(views, o[0], 'd', cases * g->p, 0, &g->deviations) < 0 || numbers(views, o[1], 'd', g->p, 0, &g->centre) < 0 ||
        numbers(views, o[2], 'd', samples * cases, 0, &g->weights) < 0 || numbers(views, o[3], 'd', samples, 0, &g->lost) < 0 ||
        numbers(views, o[4], 'q', patterns + 1, 0, &g->hidden_start) < 0 ||
        numbers(views, o[5], 'q', n_hidden, 0, &g->hidden) < 0 ||
        numbers(views, o[6], 'q', patterns + 1, 0, &g->case_start) < 0 ||
        numbers(views, o[7], 'q', n_members, 0, &g->cases) < 0)
        return -1;
    if (g->hidden_start == NULL || g->case_start == NULL) {
        PyErr_SetString(PyExc_ValueError, "patterns are missing");
        return -1;
    }
    if (starts_within(g->hidden_start, patterns, n_hidden) < 0 || starts_within(g->case_start, patterns, n_members) < 0 ||
        within(g->hidden, n_hidden, g->p) < 0 || within(g->cases, n_members, cases) < 0)
        return -1;
    for (int64_t i = 0; i < patterns; i++)
        if (g->hidden_start[i + 1] - g->hidden_start[i] > most) {
            PyErr_SetString(PyExc_ValueError, "a pattern hides more than said");
            return -1;
        }
    return 0;
}

static int read_group(Views *views, PyObject *tuple, Group *g, int64_t samples, int64_t q) {
    PyObject *fixed[N_KINDS], *o[15], *incomplete;
    long long p, m, identity, cyclic, n_free, n_given, n_loadings;
    if (!PyArg_ParseTuple(tuple, "LLLLLLLOOOOOOOOOOOOOOOOOOOOOO", &p, &m, &identity, &cyclic, &n_free, &n_given, &n_loadings,
                          &fixed[0], &fixed[1], &fixed[2], &fixed[3], &fixed[4], &fixed[5], &o[0], &o[1], &o[2], &o[3], &o[4],
                          &o[5], &o[6], &o[7], &o[8], &o[9], &o[10], &o[11], &o[12], &o[13], &o[14], &incomplete))
        return -1;
    if (p < 1 || m < 0 || n_free < 0 || n_given < 0 || n_loadings < 0) {
        PyErr_SetString(PyExc_ValueError, "a size is negative");
        return -1;
    }
    g->p = p, g->m = m, g->identity = identity, g->cyclic = cyclic;
    g->n_free = n_free, g->n_given = n_given, g->n_loadings = n_loadings;
    const int64_t sizes[] = {p * m, m * m, m * m, p * p, p, m};
    for (int kind = 0; kind < N_KINDS; kind++)
        if (numbers(views, fixed[kind], 'd', sizes[kind], 0, &g->fixed[kind]) < 0) return -1;
    const int64_t **index[] = {&g->kind, &g->row, &g->column, &g->parameter, &g->given_kind,
                               &g->given_row, &g->given_column, &g->loading_row, &g->loading_column};
    const int64_t index_sizes[] = {n_free, n_free, n_free, n_free, n_given, n_given, n_given, n_loadings, n_loadings};
    for (int k = 0; k < 9; k++)
        if (numbers(views, o[k], 'q', index_sizes[k], 0, index[k]) < 0) return -1;
    const double **data[] = {&g->share, &g->cov, &g->mean, &g->given, &g->moment_weights, &g->mean_weights};
    const int64_t data_sizes[] = {samples, samples * p * p, samples * p, samples * n_given, samples * p * p, samples * p};
    for (int k = 0; k < 6; k++)
        if (numbers(views, o[9 + k], 'd', data_sizes[k], 0, data[k]) < 0) return -1;
    if (cells_within(g, n_free, g->kind, g->row, g->column) < 0 || within(g->parameter, n_free, q) < 0 ||
        cells_within(g, n_given, g->given_kind, g->given_row, g->given_column) < 0 ||
        within(g->loading_row, n_loadings, p) < 0 || within(g->loading_column, n_loadings, m) < 0)
        return -1;
    return incomplete == Py_None ? 0 : read_incomplete(views, incomplete, g, samples);
}

static int read_model(Views *views, PyObject *tuple, Model *model) {
    PyObject *o[5];
    long long method, means, q, r, stored;
    if (!PyArg_ParseTuple(tuple, "LLLLLOOOOO", &method, &means, &q, &r, &stored, &o[0], &o[1], &o[2], &o[3], &o[4])) return -1;
    if (q < 1 || r < 1 || method < METHOD_ML || method > METHOD_DIAGONAL) {
        PyErr_SetString(PyExc_ValueError, "a model without parameters or of an unknown method");
        return -1;
    }
    model->method = method, model->means = means, model->q = q, model->r = r;
    if (numbers(views, o[0], 'd', q, 0, &model->offset) < 0 || numbers(views, o[1], 'q', q + 1, 0, &model->basis_start) < 0 ||
        numbers(views, o[2], 'q', stored, 0, &model->basis_column) < 0 ||
        numbers(views, o[3], 'd', stored, 0, &model->basis_value) < 0 ||
        numbers(views, o[4], 'd', r * r, 0, &model->preconditioner) < 0)
        return -1;
    return starts_within(model->basis_start, q, stored) < 0 || within(model->basis_column, stored, r) < 0 ? -1 : 0;
}

static int read_task(Views *views, PyObject *tuple, Task *task, int64_t r, int gradients) {
    PyObject *o[5];
    long long samples, most;
    if (!PyArg_ParseTuple(tuple, "LLddOOOOO", &samples, &most, &task->gradient_tolerance, &task->decrement_tolerance, &o[0], &o[1],
                          &o[2], &o[3], &o[4]))
        return -1;
    task->samples = samples, task->max_evaluations = most;
    if (numbers(views, o[0], 'd', samples * r, 0, &task->start) < 0 || numbers(views, o[1], 'd', samples * r, 1, &task->z) < 0 ||
        numbers(views, o[2], 'd', samples, 1, &task->value) < 0 ||
        numbers(views, o[3], 'd', gradients ? samples * r : samples, 1, &task->gradient) < 0)
        return -1;
    return numbers(views, o[4], 'q', samples, 1, &task->evaluations);
}

static Run chosen(const char *isa, int gradients) {
#ifdef CBEC_X86
    if (strcmp(isa, "avx512") == 0 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vl"))
        return gradients ? cbec_evaluate_avx512 : cbec_search_avx512;
    if (strcmp(isa, "avx2") == 0 && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return gradients ? cbec_evaluate_avx2 : cbec_search_avx2;
#endif
    if (strcmp(isa, "base") == 0) return gradients ? cbec_evaluate_base : cbec_search_base;
    return NULL;
}

static PyObject *run(PyObject *arguments, int gradients) {
    const char *isa;
    PyObject *model_tuple, *group_list, *task_tuple, *result = NULL;
    if (!PyArg_ParseTuple(arguments, "sO!O!O!", &isa, &PyTuple_Type, &model_tuple, &PyList_Type, &group_list, &PyTuple_Type,
                          &task_tuple))
        return NULL;
    const Run function = chosen(isa, gradients);
    if (function == NULL) return PyErr_Format(PyExc_ValueError, "this processor has no instruction set called %s", isa);
    Model model = {0};
    Task task = {0};
    model.n_groups = PyList_GET_SIZE(group_list);
    Views *views = PyMem_Calloc(1, sizeof(Views));
    model.groups = PyMem_Calloc(model.n_groups > 0 ? (size_t)model.n_groups : 1, sizeof(Group));
    if (views == NULL || model.groups == NULL) {
        PyErr_NoMemory();
        goto done;
    }
    if (read_model(views, model_tuple, &model) < 0 || read_task(views, task_tuple, &task, model.r, gradients) < 0) goto done;
    for (int64_t g = 0; g < model.n_groups; g++) {
        PyObject *one = PyList_GET_ITEM(group_list, g);
        if (!PyTuple_Check(one)) {
            PyErr_SetString(PyExc_TypeError, "a group is a tuple");
            goto done;
        }
        if (read_group(views, one, &model.groups[g], task.samples, model.q) < 0) goto done;
    }
    int failed;
    Py_BEGIN_ALLOW_THREADS
    failed = function(&model, &task);
    Py_END_ALLOW_THREADS
    if (failed < 0) {
        PyErr_NoMemory();
        goto done;
    }
    result = Py_NewRef(Py_None);
done:
    if (views != NULL) release(views);
    PyMem_Free(views);
    PyMem_Free(model.groups);
    return result;
}

static PyObject *search(PyObject *self, PyObject *arguments) {
    (void)self;
    return run(arguments, 0);
}

static PyObject *evaluate(PyObject *self, PyObject *arguments) {
    (void)self;
    return run(arguments, 1);
}

static PyObject *count_draws(PyObject *self, PyObject *arguments) {
    PyObject *words_object, *indices_object, *sizes_object, *counts_list, *result = NULL;
    long long n_words, replicates;
    (void)self;
    if (!PyArg_ParseTuple(arguments, "OLOLOO!", &words_object, &n_words, &indices_object, &replicates, &sizes_object,
                          &PyList_Type, &counts_list))
        return NULL;
    const int64_t *words64, *indices, *sizes, groups = PyList_GET_SIZE(counts_list);
    Views *views = PyMem_Calloc(1, sizeof(Views));
    double **counts = PyMem_Calloc(groups > 0 ? (size_t)groups : 1, sizeof(double *));
    uint32_t *words = PyMem_Calloc(n_words > 0 ? (size_t)n_words : 1, sizeof(uint32_t));
    if (views == NULL || counts == NULL || words == NULL) {
        PyErr_NoMemory();
        goto done;
    }
    if (numbers(views, words_object, 'q', n_words, 0, &words64) < 0 || words64 == NULL || n_words < 5 ||
        numbers(views, indices_object, 'q', replicates, 0, &indices) < 0 || indices == NULL ||
        numbers(views, sizes_object, 'q', groups, 0, &sizes) < 0 || sizes == NULL)
        goto done;
    for (int64_t g = 0; g < groups; g++) {
        if (sizes[g] < 1 || sizes[g] > UINT32_MAX) {
            PyErr_SetString(PyExc_ValueError, "a group of no cases, or too many");
            goto done;
        }
        if (numbers(views, PyList_GET_ITEM(counts_list, g), 'd', replicates * sizes[g], 1, &counts[g]) < 0 || counts[g] == NULL)
            goto done;
    }
    for (int64_t i = 0; i < n_words; i++) words[i] = (uint32_t)words64[i];
    int failed;
    Py_BEGIN_ALLOW_THREADS
    failed = cbec_count_draws(words, n_words, indices, replicates, sizes, groups, counts);
    Py_END_ALLOW_THREADS
    result = PyBool_FromLong(failed == 0);
done:
    if (result == NULL && !PyErr_Occurred()) PyErr_SetString(PyExc_ValueError, "words, indices and sizes are needed");
    if (views != NULL) release(views);
    PyMem_Free(views);
    PyMem_Free(counts);
    PyMem_Free(words);
    return result;
}

static PyObject *instruction_sets(PyObject *self, PyObject *nothing) {
    static const char *names[] = {"avx512", "avx2", "base"};
    (void)self, (void)nothing;
    PyObject *found = PyList_New(0);
    for (int k = 0; found != NULL && k < 3; k++) {
        if (chosen(names[k], 0) == NULL) continue;
        PyObject *name = PyUnicode_FromString(names[k]);
        if (name == NULL || PyList_Append(found, name) < 0) Py_CLEAR(found);
        Py_XDECREF(name);
    }
    return found;
}

static PyMethodDef methods[] = {
    {"search", search, METH_VARARGS, "search(isa, model, groups, task): minimise many discrepancies; results go into the task's buffers."},
    {"evaluate", evaluate, METH_VARARGS, "evaluate(isa, model, groups, task): values and gradients at the task's starting points."},
    {"count_draws", count_draws, METH_VARARGS, "count_draws(words, n, indices, n, sizes, counts): how often each case is drawn."},
    {"instruction_sets", instruction_sets, METH_NOARGS, "Return the instruction sets this processor has, the widest first."},
    {NULL, NULL, 0, NULL}};

static PyModuleDef definition = {
    .m_base = PyModuleDef_HEAD_INIT,
    .m_name = "_kernel",
    .m_doc = "The batched engine, compiled: one sample a SIMD lane.",
    .m_size = 0,
    .m_methods = methods,
};

PyMODINIT_FUNC PyInit__kernel(void) { return PyModuleDef_Init(&definition); }
