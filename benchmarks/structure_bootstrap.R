# CPU milliseconds a replicate of lavaan's bootstrap: Rscript structure_bootstrap.R FOLDER TASK REPLICATES
suppressWarnings(suppressMessages(library(lavaan)))
a <- commandArgs(TRUE); folder <- a[1]; task <- a[2]; n <- as.integer(a[3])
read <- function(name) read.csv(file.path(folder, name))
model <- paste(readLines(file.path(folder, if (task == "A") "A.txt" else "B.txt")), collapse = "\n")
fit <- suppressWarnings(switch(task,
  A = sem(model, read("A.csv")), B = sem(model, read("B.csv")),
  fiml = sem(model, read("Bgaps.csv"), missing = "ml", se = "none", test = "none", baseline = FALSE),
  dwls = sem(model, read("B.csv"), estimator = "DWLS")))
set.seed(1)
begin <- proc.time()
b <- suppressWarnings(bootstrapLavaan(fit, R = n, FUN = "coef"))
used <- proc.time() - begin
cat(1000 * (used[[1]] + used[[2]]) / n, "\n")
