# A second-order factor over three first-order ones, Holzinger and Swineford's data: Rscript reference.R > reference.json
# Data: lavaan::HolzingerSwineford1939 (the same values as semopy.examples.holzinger39).
suppressMessages({library(lavaan); library(jsonlite)})
# lavaan stops at a gradient of about 1e-6; four Newton steps bring the estimates to machine precision
at_optimum <- function(model, data) {
  fit <- cfa(model, data)
  for (step in 1:4) {
    table <- parTable(fit)
    free <- table$free > 0
    move <- solve(lavTech(fit, "hessian"), as.numeric(lavTech(fit, "gradient")))
    table$est[free] <- table$est[free] - move[table$free[free]]
    table$start <- table$est
    table$se <- NULL
    fit <- suppressWarnings(cfa(model, data, start = table, optim.method = "none", optim.force.converged = TRUE))
  }
  fit
}
model <- "visual =~ x1 + x2 + x3\ntextual =~ x4 + x5 + x6\nspeed =~ x7 + x8 + x9\ng =~ visual + textual + speed"
fit <- at_optimum(model, HolzingerSwineford1939)
beta <- with(standardizedSolution(fit), est.std[lhs == "g" & op == "=~"])
cat(toJSON(list(
  software = list(R = R.version.string, lavaan = as.character(packageVersion("lavaan"))),
  loadings = beta,
  composite_reliability = sum(beta)^2 / (sum(beta)^2 + sum(1 - beta^2)),
  ave = mean(beta^2)
), digits = NA, auto_unbox = TRUE, pretty = TRUE))
