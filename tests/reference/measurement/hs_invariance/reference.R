# Invariance across sex, ML and MLR, and ordinal after Wu and Estabrook. Rscript reference.R holzinger39.csv > reference.json
library(lavaan); library(semTools)
d <- read.csv(commandArgs(TRUE)[1]); v <- paste0("x", 1:9)
m <- "visual =~ x1 + x2 + x3\ntextual =~ x4 + x5 + x6\nspeed =~ x7 + x8 + x9"
e <- c("loadings", "intercepts", "residuals", "means"); out <- list()
tight <- list(rel.tol = 1e-10)
table <- function(fits, names) {
  test <- as.data.frame(do.call(lavTestLRT, unname(fits)))
  c(lapply(setNames(names, gsub(".", "_", names, fixed = TRUE)), function(n) sapply(fits, function(f) unname(fitMeasures(f, n)))),
    list(delta_chisq = test[["Chisq diff"]], delta_df = test[["Df diff"]])) }
for (k in c("ML", "MLR")) {
  fits <- lapply(0:4, function(i) cfa(m, d, group = "sex", estimator = k, group.equal = if (i) e[1:i] else "", control = tight))
  out[[k]] <- table(fits, c("chisq", "df", "cfi", "rmsea", "srmr", if (k == "MLR") c("chisq.scaled", "cfi.robust", "rmsea.robust"))) }
o <- d; for (n in v) o[[n]] <- as.integer(cut(d[[n]], quantile(d[[n]], c(0, .25, .5, .75, 1)), include.lowest = TRUE))
s <- c("thresholds", "loadings", "intercepts", "residuals")
fits <- lapply(0:4, function(i) { y <- as.character(measEq.syntax(m, data = o, ordered = v, group = "sex", parameterization = "theta",
    ID.fac = "std.lv", ID.cat = "Wu.Estabrook.2016", group.equal = if (i) s[1:i] else ""))
  lavaan(y, data = o, ordered = v, group = "sex", estimator = "WLSMV", parameterization = "theta", meanstructure = TRUE, control = tight) })
out$WLSMV <- table(fits, c("chisq", "df", "srmr", "chisq.scaled", "cfi.scaled", "rmsea.scaled"))
cuts <- lapply(setNames(v, v), function(n) unname(quantile(d[[n]], c(.25, .5, .75))))
out$cuts <- cuts
cat(jsonlite::toJSON(out, digits = 15, na = "null"), "\n")
