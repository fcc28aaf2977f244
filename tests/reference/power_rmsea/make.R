# Power of tests of fit and of likelihood-ratio tests: semTools 0.5-6, lavaan. Run: Rscript make.R > expected.json
suppressMessages({library(lavaan); library(semTools); library(jsonlite)})
cases <- expand.grid(df = c(3, 20, 60), n = c(80, 301, 1000), hypothesis = 1:4, groups = c(1, 3))
null <- c(0.05, 0.05, 0, 0.08)[cases$hypothesis]
alternative <- c(0.08, 0.01, 0.05, 0.02)[cases$hypothesis]
power <- mapply(findRMSEApower, null, alternative, cases$df, cases$n, group = cases$groups)
powers <- data.frame(df = cases$df, n = cases$n, null = null, alternative = alternative, groups = cases$groups, power = power)
sizes <- expand.grid(df = c(5, 20, 24, 50, 100), hypothesis = 1:3)
sizes$null <- null[match(sizes$hypothesis, cases$hypothesis)]
sizes$alternative <- alternative[match(sizes$hypothesis, cases$hypothesis)]
sizes$n <- mapply(function(a, b, d) findRMSEAsamplesize(a, b, d, .80), sizes$null, sizes$alternative, sizes$df)
# the statistic of a model fitted to the population itself, as Satorra and Saris (1985) have it
one <- function(population, model, restricted, n) {
  implied <- fitted(sem(population, do.fit = FALSE, meanstructure = FALSE))$cov
  chisq <- function(m) fitMeasures(sem(m, sample.cov = implied, sample.nobs = n, sample.cov.rescale = FALSE, meanstructure = FALSE), c("chisq", "df"))
  r <- chisq(restricted); whole <- if (model == "") c(0, 0) else chisq(model)
  ncp <- unname(r[1] - whole[1]); df <- unname(r[2] - whole[2])
  list(population = population, model = model, restricted = restricted, n = n, noncentrality = ncp, df = df,
       power = pchisq(qchisq(.95, df), df, ncp, lower.tail = FALSE))
}
f2 <- "f =~ .7*x1 + .8*x2 + .6*x3\ng =~ .7*y1 + .5*y2 + .9*y3\ng ~ .3*f\nf ~~ 1*f\ng ~~ .91*g\nx1 ~~ .51*x1\nx2 ~~ .36*x2\nx3 ~~ .64*x3\ny1 ~~ .51*y1\ny2 ~~ .75*y2\ny3 ~~ .19*y3"
m2 <- "f =~ x1 + x2 + x3\ng =~ y1 + y2 + y3\ng ~ f"
likelihood <- list(
  one(f2, m2, sub("g ~ f", "g ~ 0*f", m2, fixed = TRUE), 150),
  one(f2, m2, sub("f =~ x1 + x2 + x3", "f =~ x1 + a*x2 + a*x3", m2, fixed = TRUE), 250),
  one(paste0(f2, "\nx1 ~~ .2*y1"), "", m2, 200)
)
cat(toJSON(list(power = powers, n = sizes[, c("df", "null", "alternative", "n")], likelihood = likelihood), auto_unbox = TRUE, digits = 15, pretty = TRUE))
