# Scaled difference tests (Satorra 2000) by lavaan: Rscript difference.R; writes difference.json beside it.
suppressPackageStartupMessages({library(lavaan); library(jsonlite)})
here <- dirname(normalizePath(sub("^--file=", "", grep("--file=", commandArgs(FALSE), value = TRUE)[1])))
free <- "ind60 =~ x1 + x2 + x3
dem60 =~ y1 + y2 + y3 + y4
dem65 =~ y5 + y6 + y7 + y8
dem60 ~ ind60
dem65 ~ ind60 + dem60
y1 ~~ y5
y2 ~~ y4 + y6
y3 ~~ y7
y4 ~~ y8
y6 ~~ y8"
tied <- sub("y5 + y6 + y7 + y8", "y5 + a*y6 + b*y7 + c*y8", sub("y1 + y2 + y3 + y4", "y1 + a*y2 + b*y3 + c*y4", free, fixed = TRUE), fixed = TRUE)
factors <- "visual =~ x1 + x2 + x3
textual =~ x4 + x5 + x6
speed =~ x7 + x8 + x9"
pair <- function(data, a, b, estimator, more = list()) list(
  do.call("sem", c(list(a, data = data, estimator = estimator), more$a)), do.call("sem", c(list(b, data = data, estimator = estimator), more$b)))
out <- list(); add <- function(name, fits, a_method, shifted, shape) {
  x <- lavTestLRT(fits[[1]], fits[[2]], method = "satorra.2000", A.method = a_method, scaled.shifted = shifted)
  out[[length(out) + 1]] <<- list(case = name, restriction = a_method, shape = shape, chisq_diff = x[2, "Chisq diff"], df_diff = x[2, "Df diff"], pvalue = x[2, "Pr(>Chisq)"]) }
for (estimator in c("MLM", "MLR", "MLMV")) { fits <- pair(PoliticalDemocracy, free, tied, estimator)
  for (a_method in c("delta", "exact")) { add(estimator, fits, a_method, TRUE, "scaled_shifted")
    add(estimator, fits, a_method, FALSE, if (estimator == "MLMV") "mean_var_adjusted" else "scaled") } }
fits <- pair(HolzingerSwineford1939, factors, factors, "MLM", list(a = list(group = "school"), b = list(group = "school", group.equal = c("loadings", "intercepts"))))
add("groups", fits, "delta", TRUE, "scaled_shifted"); add("groups", fits, "delta", FALSE, "scaled")
ordinal <- HolzingerSwineford1939
for (v in paste0("x", 1:9)) { z <- (ordinal[[v]] - mean(ordinal[[v]])) / sd(ordinal[[v]]); ordinal[[v]] <- 1L + (z > -0.8) + (z > 0) + (z > 0.8) }
one <- "f =~ x1 + x2 + x3\ng =~ x4 + x5 + x6"; other <- "f =~ x1 + a*x2 + a*x3\ng =~ x4 + b*x5 + b*x6"
for (estimator in c("WLSMV", "WLSM")) {
  fits <- pair(ordinal, one, other, estimator, list(a = list(ordered = paste0("x", 1:6)), b = list(ordered = paste0("x", 1:6))))
  for (a_method in c("delta", "exact")) add(paste0("ordinal_", estimator), fits, a_method, TRUE, "scaled_shifted") }
writeLines(toJSON(list(ordinal = c(one, other), lavaan = as.character(packageVersion("lavaan")), free = free, tied = tied, factors = factors, tests = out), digits = I(12), auto_unbox = TRUE, pretty = TRUE), file.path(here, "difference.json"))
