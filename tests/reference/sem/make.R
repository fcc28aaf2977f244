# Reference numbers by lavaan for every <case>/case.json here: Rscript make.R [case ...]
# A case says function, data (a data set of lavaan, or "given"), model and options; the numbers go to <case>/numbers.json.
# nlminb is run to its tightest tolerances and then polished by Newton steps, so that the numbers are good to 1e-8 or better.
suppressPackageStartupMessages({library(lavaan); library(jsonlite)})
file_arg <- grep("^--file=", commandArgs(FALSE), value = TRUE)[1]
here <- dirname(normalizePath(sub("^--file=", "", file_arg)))
source(file.path(here, "data.R"))

tight <- list(rel.tol = 1e-15, x.tol = 1e-15, abs.tol = 0, iter.max = 50000L, eval.max = 50000L)

project <- function(fit, g) if (isTRUE(fit@Model@eq.constraints)) drop(crossprod(fit@Model@eq.constraints.K, g)) else drop(g)

# one Newton step from a fit: the same model, data and table with new values, no further optimisation
newton <- function(fit) {
  g <- lavTech(fit, "gradient"); h <- lavTech(fit, "hessian")
  k <- if (isTRUE(fit@Model@eq.constraints)) fit@Model@eq.constraints.K else diag(length(g))
  step <- -drop(k %*% solve(t(k) %*% h %*% k, t(k) %*% g))
  table <- as.list(parTable(fit))
  free <- table$free > 0
  table$est[free] <- table$est[free] + step[table$free[free]]
  table$start <- table$ustart <- table$est
  options <- fit@Options
  options$optim.method <- "none"; options$optim.force.converged <- TRUE
  suppressWarnings(lavaan(slotOptions = options, slotParTable = table, slotSampleStats = fit@SampleStats,
                          slotData = fit@Data, slotCache = fit@Cache))
}

fit_case <- function(case) {
  options <- case$options
  data <- load_data(case$data)
  call_fit <- function(more, control = tight) {
    args <- c(list(model = case$model, control = control), options, more)
    if (!is.null(case$summary)) {
      s <- case$summary
      args$sample.cov <- matrix(unlist(s$cov), length(s$names), dimnames = list(s$names, s$names))
      args$sample.nobs <- s$n
    } else args$data <- data
    if (isTRUE(options$missing %in% c("fiml", "two.stage", "robust.two.stage"))) args <- c(args, list(em.h1.iter.max = 20000L, em.h1.tol = 1e-13))
    suppressWarnings(do.call(case[["function"]], args))
  }
  # nonlinear constraints: lavaan's augmented Lagrangian stops early under the tightest tolerances
  fit <- if (isTRUE(case$no_polish)) call_fit(NULL, list(iter.max = 50000L, eval.max = 50000L, rel.tol = 1e-12)) else call_fit(NULL)
  if (!lavInspect(fit, "converged")) fit <- call_fit(NULL, list(iter.max = 50000L, eval.max = 50000L))
  if (!lavInspect(fit, "converged")) fit <- call_fit(NULL, list())
  for (round in 1:3) {
    size <- max(abs(project(fit, lavTech(fit, "gradient"))))
    if (size < 1e-13 || isTRUE(case$no_polish)) break
    next_fit <- tryCatch(newton(fit), error = function(e) NULL)
    if (is.null(next_fit) || next_fit@Model@nx.free != fit@Model@nx.free) break
    if (!(max(abs(project(next_fit, lavTech(next_fit, "gradient")))) < size)) break
    fit <- next_fit
  }
  fit
}

matrix_of <- function(m) list(names = rownames(m), values = unname(split(unclass(m), row(m))))
columns <- function(d) { d <- as.data.frame(unclass(as.data.frame(d))); lapply(as.list(d), function(v) if (is.factor(v)) as.character(v) else v) }

numbers <- function(fit, case) {
  out <- list(
    parameters = columns(parameterEstimates(fit, standardized = TRUE, remove.nonfree = FALSE)),
    standardized = columns(standardizedSolution(fit)),
    fit_measures = as.list(fitMeasures(fit)),
    vcov = unname(split(unclass(vcov(fit)), row(vcov(fit)))),
    gradient = max(abs(project(fit, lavTech(fit, "gradient")))))
  if (lavInspect(fit, "ngroups") == 1L && !isTRUE(case$no_rsquare)) out$r_squared <- as.list(lavInspect(fit, "rsquare"))
  for (extra in case$extras) out[[extra]] <- switch(extra,
    modification_indices = columns(modindices(fit)),
    scores_regression = matrix_of(head(lavPredict(fit, method = "regression"), 5)),
    scores_bartlett = matrix_of(head(lavPredict(fit, method = "Bartlett"), 5)),
    residual_cor = matrix_of(residuals(fit, type = "cor.bollen")$cov),
    score = score_of(lavTestScore(fit, cumulative = TRUE, epc = TRUE)),
    score_add = score_of(lavTestScore(fit, add = case$add, cumulative = TRUE, epc = TRUE)),
    residuals_standardized =, residuals_normalized =, residuals_standardized_mplus = {
      r <- lavResiduals(fit, type = gsub("_", ".", sub("residuals_", "", extra)), zstat = FALSE, summary = FALSE)
      list(cov = matrix_of(r$cov), mean = as.numeric(r$mean)) },
    residual_summary = , residual_summary_cor_bollen = , residual_summary_raw = {
      type <- c(residual_summary = "cor.bentler", residual_summary_cor_bollen = "cor.bollen", residual_summary_raw = "raw")[[extra]]
      r <- lavResiduals(fit, type = type, se = TRUE)
      list(stat = rownames(r$summary), summary = columns(r$summary), cov_se = matrix_of(r$cov.se), cov_z = matrix_of(r$cov.z)) },
    wald = { w <- lavTestWald(fit, case$wald); list(statistic = w$stat, df = w$df, pvalue = w$p.value) })
  out
}

score_of <- function(s) list(total = s$test$X2, total_df = s$test$df, uni = columns(s$uni), cumulative = columns(s$cumulative),
                             changes = columns(s$epc[s$epc$op != "==", c("lhs", "op", "rhs", "epc", "epv", "sepc.lv", "sepc.all")]))

asked <- commandArgs(TRUE)
cases <- if (length(asked)) asked else basename(dirname(Sys.glob(file.path(here, "*", "case.json"))))
for (name in cases) {
  case <- fromJSON(file.path(here, name, "case.json"), simplifyDataFrame = FALSE, simplifyMatrix = FALSE)
  case$options <- lapply(case$options, function(o) if (is.list(o)) unlist(o) else o)
  fit <- fit_case(case)
  out <- c(list(software = list(lavaan = as.character(packageVersion("lavaan")), R = paste(R.version$major, R.version$minor, sep = "."))),
           numbers(fit, case))
  writeLines(toJSON(out, digits = I(15), auto_unbox = TRUE, na = "null", null = "null", pretty = FALSE), file.path(here, name, "numbers.json"))
  cat(sprintf("%-32s converged %s, gradient %.1e\n", name, lavInspect(fit, "converged"), out$gradient))
}
