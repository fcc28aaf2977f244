# Two-level models by lavaan: Rscript twolevel.R writes twolevel.json, from the data of ../sem/data/simulate.R.
# lavaan 0.6-14 leaves out of a cluster's score what a path from a covariate of level 1 does to the mean, so that robust errors
# are right only where such covariates have mean zero: they are centred in the cases with MLR.
# Optima are polished by Newton steps. lavaan's own saturated model stops at 1e-4 (EM); its log-likelihood and that of the
# baseline are therefore taken from these models written out and polished too.
suppressPackageStartupMessages({library(lavaan); library(jsonlite)})
file_arg <- grep("^--file=", commandArgs(FALSE), value = TRUE)[1]
here <- dirname(normalizePath(sub("^--file=", "", file_arg)))
pupils <- read.csv(file.path(here, "..", "sem", "data", "pupils.csv"))
place <- ave(seq_len(nrow(pupils)), pupils$school, FUN = seq_along)
size <- ave(seq_len(nrow(pupils)), pupils$school, FUN = length)
balanced <- pupils[size >= 4 & place <= 4, ]

polished <- function(...) {
  fit <- suppressWarnings(sem(..., cluster = "school", optim.force.converged = TRUE, h1 = TRUE,
                              control = list(iter.max = 20000L, eval.max = 20000L, rel.tol = 1e-13)))
  for (round in 1:4) {
    g <- lavTech(fit, "gradient"); h <- lavTech(fit, "hessian")
    k <- if (isTRUE(fit@Model@eq.constraints)) fit@Model@eq.constraints.K else diag(length(g))
    if (max(abs(crossprod(k, g))) < 1e-11) break
    table <- as.list(parTable(fit)); free <- table$free > 0
    step <- -drop(k %*% solve(t(k) %*% h %*% k, t(k) %*% g))
    table$est[free] <- table$est[free] + step[table$free[free]]
    table$start <- table$ustart <- table$est
    o <- fit@Options; o$optim.method <- "none"; o$optim.force.converged <- TRUE
    fit <- suppressWarnings(lavaan(slotOptions = o, slotParTable = table, slotSampleStats = fit@SampleStats,
                                   slotData = fit@Data, slotCache = fit@Cache))
  }
  fit
}
cases <- list(
  covariates = list(model = "level: 1\nfw =~ y1 + y2 + y3\nfw ~ x\nlevel: 2\nfb =~ y1 + y2 + y3\nfb ~ z",
    saturated = "level: 1\ny1 + y2 + y3 ~ x\ny1 ~~ y2 + y3\ny2 ~~ y3\nlevel: 2\ny1 + y2 + y3 ~ z\ny1 ~~ y2 + y3\ny2 ~~ y3"),
  covariates_mlr = list(estimator = "MLR"),
  cross_level_equality = list(model = "level: 1\nfw =~ y1 + a*y2 + b*y3\nfw ~ x\nlevel: 2\nfb =~ y1 + a*y2 + b*y3\nfb ~ z\nratio := b/a"),
  cross_level_equality_mlr = list(model = "level: 1\nfw =~ y1 + a*y2 + b*y3\nfw ~ x\nlevel: 2\nfb =~ y1 + a*y2 + b*y3\nfb ~ z\nratio := b/a", estimator = "MLR"),
  balanced_mlr = list(data = "balanced", estimator = "MLR"),
  paths = list(model = "level: 1\ny1 ~ x\ny4 ~ p*y1\nlevel: 2\ny1 ~ z\ny4 ~ q*y1\ncontext := q - p",
    saturated = "level: 1\ny1 ~ x\ny4 ~ x\ny1 ~~ y4\nlevel: 2\ny1 ~ z\ny4 ~ z\ny1 ~~ y4"),
  two_factors = list(model = "level: 1\nfw =~ y1 + y2 + y3\ngw =~ y4 + y5 + y6\ngw ~ fw\nlevel: 2\nfb =~ y1 + y2 + y3 + y4 + y5 + y6",
    saturated = "level: 1\ny1 ~~ y2 + y3 + y4 + y5 + y6\ny2 ~~ y3 + y4 + y5 + y6\ny3 ~~ y4 + y5 + y6\ny4 ~~ y5 + y6\ny5 ~~ y6\nlevel: 2\ny1 ~~ y2 + y3 + y4 + y5 + y6\ny2 ~~ y3 + y4 + y5 + y6\ny3 ~~ y4 + y5 + y6\ny4 ~~ y5 + y6\ny5 ~~ y6"),
  within_covariate_mlr = list(model = "level: 1\nfw =~ y1 + y2 + y3\nfw ~ x\nlevel: 2\nfb =~ y1 + y2 + y3", estimator = "MLR",
    saturated = "level: 1\ny1 + y2 + y3 ~ x\ny1 ~~ y2 + y3\ny2 ~~ y3\nlevel: 2\ny1 ~~ y2 + y3\ny2 ~~ y3"),
  random_x = list(model = "level: 1\nfw =~ y1 + y2 + y3\nfw ~ x\nlevel: 2\nfb =~ y1 + y2 + y3\nfb ~ z", fixed.x = FALSE,
    saturated = "level: 1\ny1 + y2 + y3 ~ x\ny1 ~~ y2 + y3\ny2 ~~ y3\nlevel: 2\ny1 + y2 + y3 ~ z\ny1 ~~ y2 + y3\ny2 ~~ y3"))
first <- cases$covariates
out <- lapply(cases, function(case) {
  if (is.null(case$model)) case$model <- first$model
  if (is.null(case$saturated)) case$saturated <- first$saturated
  data <- if (identical(case$data, "balanced")) balanced else pupils
  if (identical(case$estimator, "MLR")) data$x <- data$x - mean(data$x)
  options <- list(estimator = if (is.null(case$estimator)) "ML" else case$estimator, fixed.x = !isFALSE(case$fixed.x))
  fit <- do.call(polished, c(list(case$model, data = data), options))
  full <- do.call(polished, c(list(case$saturated, data = data), options))
  p <- parameterEstimates(fit, standardized = TRUE, remove.nonfree = FALSE)
  m <- fitMeasures(fit)
  level <- p$level
  scores <- if (any(p$op == "=~")) list(within = unname(head(unclass(lavPredict(fit, level = 1L)), 5)),
                                        between = unname(head(unclass(lavPredict(fit, level = 2L)), 5))) else NULL
  list(data = if (is.null(case$data)) "pupils" else case$data, model = case$model, options = options,
       gradient = max(abs(lavTech(full, "gradient"))),
       parameters = list(lhs = p$lhs, op = p$op, rhs = p$rhs, level = level, est = p$est, se = p$se, std.all = p$std.all),
       df = unname(m["df"]), logl = unname(m["logl"]), saturated_logl = as.numeric(logLik(full)),
       loose = as.list(m[intersect(names(m), c("chisq.scaled", "chisq.scaling.factor", "cfi", "tli", "rmsea", "srmr_within", "srmr_between", "scaling.factor.h0", "scaling.factor.h1", "cfi.robust", "rmsea.robust", "baseline.chisq", "baseline.df", "baseline.chisq.scaled", "aic", "bic"))]),
       icc = as.list(lavInspect(fit, "icc")), scores = scores)
})
writeLines(toJSON(out, digits = I(15), auto_unbox = TRUE, matrix = "rowmajor", na = "null", null = "null"), file.path(here, "twolevel.json"))
for (name in names(out)) cat(name, out[[name]]$gradient, out[[name]]$logl, out[[name]]$saturated_logl, "\n")
