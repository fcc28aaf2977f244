# Pooled results by semTools: Rscript imputed.R writes imputed.json, from the five files of impute.py.
suppressPackageStartupMessages({library(lavaan); library(semTools); library(jsonlite)})
file_arg <- grep("^--file=", commandArgs(FALSE), value = TRUE)[1]
here <- dirname(normalizePath(sub("^--file=", "", file_arg)))
stacked <- read.csv(file.path(here, "imputed.csv"))
sets <- lapply(split(stacked, stacked$imputation), function(d) d)
model <- "f =~ y1 + y2 + y3\ng =~ y4 + y5 + y6\ng ~ b*f\ndouble := 2*b"
equal <- "f =~ y1 + y2 + y3\ng =~ y4 + a*y5 + a*y6\ng ~ b*f\ndouble := 2*b"
tight <- list(iter.max = 20000L, eval.max = 20000L, rel.tol = 1e-14)
fit <- sem.mi(model, data = sets, control = tight, optim.force.converged = TRUE)
nested <- sem.mi(equal, data = sets, control = tight, optim.force.converged = TRUE)
invisible(capture.output(s <- summary(fit, asymptotic = TRUE, fmi = TRUE, output = "data.frame")))
quiet <- function(x) { invisible(capture.output(v <- suppressMessages(x))); as.list(unclass(v)) }
out <- list(parameters = as.list(as.data.frame(unclass(s))[c("lhs", "op", "rhs", "est", "se")]),
  vcov = unname(vcov(fit, scale.W = FALSE)),
  D3 = quiet(lavTestLRT.mi(fit, test = "D3")), D2 = quiet(lavTestLRT.mi(fit, test = "D2")),
  D3_nested = quiet(lavTestLRT.mi(nested, h1 = fit, test = "D3")), D2_nested = quiet(lavTestLRT.mi(nested, h1 = fit, test = "D2")),
  fit = quiet(fitMeasures(fit, asymptotic = TRUE, fit.measures = c("chisq", "df", "cfi", "tli", "rmsea", "baseline.chisq"))))
writeLines(toJSON(out, digits = I(15), auto_unbox = TRUE, matrix = "rowmajor", na = "null"), file.path(here, "imputed.json"))
