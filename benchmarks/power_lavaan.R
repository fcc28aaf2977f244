# CPU seconds of one lavaan replicate: draw data, fit, standard errors. Rscript power_lavaan.R population model n replicates
suppressMessages(library(lavaan))
given <- commandArgs(TRUE)
implied <- as.matrix(read.csv(given[1])); model <- paste(readLines(given[2]), collapse = "\n")
n <- as.integer(given[3]); replicates <- as.integer(given[4]); root <- chol(implied)
set.seed(1)
begin <- sum(proc.time()[1:2])
for (k in seq_len(replicates)) {
  data <- as.data.frame(matrix(rnorm(n * ncol(implied)), n) %*% root); names(data) <- colnames(implied)
  fit <- sem(model, data); found <- parameterEstimates(fit)
}
cat((sum(proc.time()[1:2]) - begin) / replicates)
