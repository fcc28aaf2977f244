# Reference numbers by lavaan for the cases of cases.json: Rscript make.R [case ...]
# Rotated solutions, structural after measurement, composites and bifactor models. lavaan's gradient projection stops at a
# tolerance, so that rotated numbers are good to about 1e-6.
suppressPackageStartupMessages({library(lavaan); library(jsonlite)})
file_arg <- grep("^--file=", commandArgs(FALSE), value = TRUE)[1]
here <- dirname(normalizePath(sub("^--file=", "", file_arg)))
cases <- fromJSON(file.path(here, "cases.json"), simplifyDataFrame = FALSE, simplifyMatrix = FALSE)
tight <- list(rel.tol = 1e-15, x.tol = 1e-15, abs.tol = 0, iter.max = 50000L, eval.max = 50000L)
load_data <- function(name) switch(name, holzinger_swineford = HolzingerSwineford1939,
  political_democracy = PoliticalDemocracy, read.csv(file.path(here, name)))
columns <- function(d) lapply(as.list(as.data.frame(unclass(as.data.frame(d)))), function(v) if (is.factor(v)) as.character(v) else v)
plain <- function(o) {
  if (!is.list(o)) return(o)
  if (is.null(names(o))) return(unlist(o))
  o <- lapply(o, plain)
  if (!is.null(o$target)) o$target <- matrix(as.numeric(ifelse(o$target == "NA", NA, o$target)), ncol = o$target_columns, byrow = TRUE)
  o$target_columns <- NULL
  o
}
asked <- commandArgs(TRUE)
for (name in if (length(asked)) asked else names(cases)) {
  case <- cases[[name]]; options <- lapply(case$options, plain)
  if (case[["function"]] == "sam") {
    options$mm.args <- list(bounds = "none", se = "standard", control = tight)
    options$struc.args <- list(estimator = "ML", se = "standard", control = tight)
  } else options$control <- tight
  if (!is.null(options$rotation) && options$rotation != "none") {
    set.seed(1)
    options$rotation.args <- c(options$rotation.args, list(gpa.tol = 1e-5))
  }
  run <- function() suppressWarnings(do.call(case[["function"]], c(list(model = case$model, data = load_data(case$data)), options)))
  fit <- tryCatch(run(), error = function(e) NULL)
  if (is.null(fit) || !lavInspect(fit, "converged")) {  # nlminb may call its tightest end no convergence
    usual <- list(rel.tol = 1e-10)
    if (case[["function"]] == "sam") options$mm.args$control <- options$struc.args$control <- usual else options$control <- usual
    fit <- run()
  }
  out <- list(software = list(lavaan = as.character(packageVersion("lavaan"))),
              parameters = columns(parameterEstimates(fit, standardized = TRUE, remove.nonfree = FALSE)))
  if (case[["function"]] == "sam") {
    out$measurement <- columns(fit@internal$sam.mm.table)
    out$reliability <- lapply(fit@internal$sam.mm.rel, as.list)
    out$structural <- as.list(fit@internal$sam.struc.fit)
  } else out$fit_measures <- as.list(fitMeasures(fit))
  writeLines(toJSON(out, digits = I(15), auto_unbox = TRUE, na = "null", null = "null"), file.path(here, paste0(name, ".json")))
  cat(name, "converged", lavInspect(fit, "converged"), "\n")
}
