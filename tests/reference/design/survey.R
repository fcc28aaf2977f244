# Stratified and clustered samples: Rscript survey.R writes survey.json, from the data of ../sem/data/simulate.R.
# Gamma is the survey package's linearized covariance of the weighted moments, as lavaan.survey gives it to lavaan as NACOV; the
# moments' covariances with divisor n (lavaan.survey takes n - 1, which multiplies Gamma by (n / (n - 1))^2).
suppressPackageStartupMessages({library(lavaan); library(survey); library(jsonlite)})
file_arg <- grep("^--file=", commandArgs(FALSE), value = TRUE)[1]
here <- dirname(normalizePath(sub("^--file=", "", file_arg)))
pupils <- read.csv(file.path(here, "..", "sem", "data", "pupils.csv"))
model <- "f =~ y1 + y2 + y3\ng =~ y4 + y5 + y6"
tight <- list(rel.tol = 1e-13, iter.max = 50000L, eval.max = 50000L)
items <- paste0("y", 1:6)

moments <- function(design) {
  n <- nrow(design$variables)
  w <- weights(design)
  y <- as.matrix(design$variables[items])
  fit <- cov.wt(y, wt = w, method = "ML")
  d <- sweep(y, 2, fit$center)
  pairs <- which(lower.tri(diag(6), diag = TRUE), arr.ind = TRUE)
  z <- cbind(d, d[, pairs[, 1]] * d[, pairs[, 2]])
  colnames(z) <- paste0("z", seq_len(ncol(z)))
  at <- design
  at$variables <- cbind(at$variables, z)
  gamma <- vcov(svymean(reformulate(colnames(z)), at)) * n
  list(cov = fit$cov, mean = fit$center, gamma = gamma, n = n)
}
one <- function(design, estimator) {
  m <- moments(design)
  fit <- cfa(model, sample.cov = m$cov, sample.mean = m$mean, sample.nobs = m$n, sample.cov.rescale = FALSE,
             NACOV = m$gamma, estimator = estimator, control = tight, optim.force.converged = TRUE)
  p <- parameterEstimates(fit)
  keep <- c("chisq", "chisq.scaled", "df", "chisq.scaling.factor", "baseline.chisq.scaled", "cfi.scaled", "rmsea.scaled")
  list(lhs = p$lhs, op = p$op, rhs = p$rhs, est = p$est, se = p$se, fit = as.list(fitMeasures(fit)[keep]))
}
# maximum likelihood by the scores: bread observed information, meat the survey's variance of the weighted scores' total
scores <- function(design, w) {
  pupils$w_ <- w
  fit <- cfa(model, data = pupils, sampling.weights = "w_", meanstructure = TRUE, estimator = "MLR", control = tight, optim.force.converged = TRUE)
  s <- lavScores(fit)
  colnames(s) <- paste0("s", seq_len(ncol(s)))
  at <- design
  at$variables <- cbind(at$variables, s)  # lavScores() does not weight
  total <- vcov(svytotal(reformulate(colnames(s)), at)) / mean(w)^2
  bread <- solve(lavInspect(fit, "information.observed") * nrow(pupils))
  p <- parameterEstimates(fit)
  list(lhs = p$lhs, op = p$op, rhs = p$rhs, vcov = unname(bread %*% total %*% bread))
}
designs <- list(
  strata_cluster_weights = svydesign(ids = ~school, strata = ~region, weights = ~weight, data = pupils, nest = TRUE),
  strata_cluster_weights_fpc = svydesign(ids = ~school, strata = ~region, weights = ~weight, fpc = ~schools_in_region, data = pupils, nest = TRUE),
  strata_weights = svydesign(ids = ~1, strata = ~region, weights = ~weight, data = pupils),
  strata_cluster = svydesign(ids = ~school, strata = ~region, weights = ~1, data = pupils, nest = TRUE))
out <- lapply(designs, function(d) list(MLM = one(d, "MLM"), MLMV = one(d, "MLMV"), MLR = scores(d, weights(d))))
writeLines(toJSON(out, digits = I(15), auto_unbox = TRUE, matrix = "rowmajor"), file.path(here, "survey.json"))
