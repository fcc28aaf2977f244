# HTMT and HTMT2 of Holzinger and Swineford's pupils. Rscript validity.R holzinger39.csv > validity.json
library(semTools)
d <- read.csv(commandArgs(TRUE)[1])
m <- "visual =~ x1 + x2 + x3\ntextual =~ x4 + x5 + x6\nspeed =~ x7 + x8 + x9"
out <- lapply(list(htmt = FALSE, htmt2 = TRUE), function(k) unname(as.matrix(unclass(htmt(m, data = d, htmt2 = k)))))
full <- lapply(out, function(a) { a[upper.tri(a)] <- t(a)[upper.tri(a)]; a })
cat(jsonlite::toJSON(full, digits = 15), "\n")
