# How often lavaan converges on small samples: Rscript make.R FOLDER, which holds model.txt and stress_N_K.csv
# written by simulate.py; prints one line a size: n, samples, converged.
suppressWarnings(suppressMessages(library(lavaan)))
folder <- commandArgs(TRUE)[1]
model <- paste(readLines(file.path(folder, "model.txt")), collapse = "\n")
for (n in c(40, 70)) {
  files <- sort(list.files(folder, sprintf("^stress_%d_", n), full.names = TRUE))
  ok <- sapply(files, function(f) tryCatch(suppressWarnings(lavInspect(sem(model, read.csv(f)), "converged")), error = function(e) FALSE))
  cat(n, length(files), sum(ok), "\n")
}
