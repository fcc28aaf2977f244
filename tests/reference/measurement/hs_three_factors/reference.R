# Reliability and validity of the three-factor model of Holzinger and Swineford's data: Rscript reference.R > reference.json
# Data: lavaan::HolzingerSwineford1939 (the same values as semopy.examples.holzinger39).
suppressMessages({library(lavaan); library(semTools); library(psych); library(jsonlite)})
data <- HolzingerSwineford1939
blocks <- list(visual = paste0("x", 1:3), textual = paste0("x", 4:6), speed = paste0("x", 7:9))
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
fit <- at_optimum(paste(names(blocks), "=~", sapply(blocks, paste, collapse = " + "), collapse = "\n"), data)
std <- lavInspect(fit, "std")$lambda
by_block <- function(f) sapply(names(blocks), function(b) f(blocks[[b]], b))
feldt <- function(items) unlist(psych::alpha(data[, items])$feldt[c("lower.ci", "upper.ci")])
cat(toJSON(list(
  software = list(R = R.version.string, lavaan = as.character(packageVersion("lavaan")),
                  semTools = as.character(packageVersion("semTools")), psych = as.character(packageVersion("psych"))),
  alpha = as.list(by_block(function(i, b) psych::alpha(data[, i])$total$raw_alpha)),
  alpha_ci_lower = as.list(by_block(function(i, b) unname(feldt(i)[1]))),
  alpha_ci_upper = as.list(by_block(function(i, b) unname(feldt(i)[2]))),
  omega = as.list(unlist(compRelSEM(fit))),
  omega_model_implied = as.list(unlist(compRelSEM(fit, obs.var = FALSE))),
  composite_reliability = as.list(by_block(function(i, b) sum(std[i, b])^2 / (sum(std[i, b])^2 + sum(1 - std[i, b]^2)))),
  ave = as.list(by_block(function(i, b) mean(std[i, b]^2))),
  ave_variance_weighted = as.list(unlist(AVE(fit))),
  latent_correlations = unname(apply(lavInspect(fit, "cor.lv"), 1, as.numeric, simplify = FALSE))
), digits = NA, auto_unbox = TRUE, pretty = TRUE))
