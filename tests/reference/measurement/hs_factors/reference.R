# KMO, Bartlett, MAP, extractions, Mardia. Rscript reference.R holzinger39.csv > reference.json
library(psych)
d <- read.csv(commandArgs(TRUE)[1])[, paste0("x", 1:9)]; r <- cor(d)
k <- KMO(r); b <- cortest.bartlett(r, n = nrow(d)); z <- mardia(d, plot = FALSE)
u <- lapply(c(minres = "minres", ml = "ml"), function(m) { f <- fa(r, 3, n.obs = nrow(d), fm = m, rotate = "varimax", min.err = 1e-12)
  list(communality = unname(f$communality), chisq = unname(f$STATISTIC), df = f$dof, rmsr = unname(f$rms)) })
out <- list(kmo = k$MSA, kmo_items = unname(k$MSAi), bartlett = b$chisq, map = vss(r, 8, n.obs = nrow(d), plot = FALSE)$map,
  factor = fa(r, 1, fm = "minres")$values, fits = u,
  mardia = list(b1p = z$b1p, skew = z$skew, small_skew = z$small.skew, b2p = z$b2p, z = z$kurtosis))
cat(jsonlite::toJSON(out, digits = 15, auto_unbox = TRUE), "\n")
