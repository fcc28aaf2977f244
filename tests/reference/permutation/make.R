# Permutation test of metric invariance: semTools::permuteMeasEq. Run: Rscript make.R data.csv > expected.json
# data.csv: x1 ... x6, school (Holzinger and Swineford, 1939)
suppressMessages({library(lavaan); library(semTools); library(jsonlite)})
data <- read.csv(commandArgs(TRUE)[1])
model <- "visual =~ x1 + x2 + x3\ntextual =~ x4 + x5 + x6"
uncon <- cfa(model, data, group = "school")
metric <- cfa(model, data, group = "school", group.equal = "loadings")
scalar <- cfa(model, data, group = "school", group.equal = c("loadings", "intercepts"))
one <- function(con, uncon, n, seed) {
  set.seed(seed)
  found <- permuteMeasEq(n, con = con, uncon = uncon, AFIs = c("chisq", "cfi", "rmsea"), moreAFIs = NULL, showProgress = FALSE)
  list(observed = as.list(found@AFI.obs), pvalue = as.list(found@AFI.pval), permutations = n)
}
cat(toJSON(list(metric = one(metric, uncon, 400, 1), scalar = one(scalar, metric, 400, 2)), auto_unbox = TRUE, digits = 12, pretty = TRUE))
