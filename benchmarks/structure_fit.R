# Times of lavaan for the cases of structure_fit.py: Rscript structure_fit.R FOLDER. CPU milliseconds, medians, as JSON.
suppressPackageStartupMessages({library(lavaan); library(jsonlite)})
folder <- commandArgs(TRUE)[1]
cases <- fromJSON(file.path(folder, "cases.json"), simplifyVector = FALSE)
whole <- function(case, data, more) {
  options <- c(list(model = case$model, data = data), lapply(case$options, unlist), more)
  fit <- suppressWarnings(do.call(case[["function"]], options))
  parameterEstimates(fit, standardized = TRUE); fitMeasures(fit)
}
seconds <- function(case) {
  data <- read.csv(file.path(folder, case$data))
  steps <- if (is.null(case$steps)) list(NULL) else case$steps
  run <- function() for (step in steps) whole(case, data, if (length(step)) list(group.equal = unlist(step)) else NULL)
  if (case$repetitions > 1) run()
  median(replicate(case$repetitions, { start <- proc.time(); run(); spent <- proc.time() - start; spent[[1]] + spent[[2]] }))
}
times <- lapply(cases, function(case) 1000 * seconds(case))
versions <- list(lavaan = as.character(packageVersion("lavaan")), R = as.character(getRversion()), BLAS = basename(extSoftVersion()[["BLAS"]]))
cat(toJSON(list(times = times, versions = versions), auto_unbox = TRUE, digits = 6))
