# Simulated pupils in schools for the cases on weights, clusters, strata, levels and imputation: Rscript simulate.R
# Schools differ in size (1 to 14 pupils), lie in four regions and are public or private; values are rounded to four digits.
file_arg <- grep("^--file=", commandArgs(FALSE), value = TRUE)[1]
here <- if (is.na(file_arg)) "." else dirname(normalizePath(sub("^--file=", "", file_arg)))
set.seed(20260301)
schools <- 56L
region <- rep(1:4, length.out = schools)
sector <- ifelse(runif(schools) < 0.45, "private", "public")
z <- rnorm(schools)
between <- 0.5 * z + rnorm(schools, sd = 0.6)
size <- 2L + rpois(schools, 5)
size[c(3, 17)] <- c(14L, 2L)
school <- rep(seq_len(schools), size)
n <- length(school)
x <- rnorm(n) + 0.3 * z[school]
within <- 0.5 * x + rnorm(n, sd = 0.9)
f <- within + between[school]
g <- 0.4 * within + 0.3 * x + 0.6 * between[school] + rnorm(n, sd = 0.8)
noise <- function(sd_within, sd_between) (rexp(n) - 1) * sd_within + rnorm(schools, sd = sd_between)[school]
pupils <- data.frame(
  school = school, region = region[school], sector = sector[school],
  schools_in_region = c(60L, 90L, 45L, 120L)[region[school]],
  weight = round(runif(n, 0.4, 2.2) * c(1, 1.5, 0.8, 2)[region[school]], 3),
  y1 = 2 + f + noise(0.8, 0.3), y2 = 1 + 0.9 * f + noise(0.9, 0.25), y3 = 3 + 1.1 * f + noise(0.7, 0.3),
  y4 = 1 + g + noise(0.8, 0.2), y5 = 0.8 * g + noise(0.9, 0.3), y6 = 2 + 1.2 * g + noise(0.8, 0.25),
  x = x, z = z[school])
items <- c(paste0("y", 1:6), "x", "z")
pupils[items] <- round(pupils[items], 4)
# an auxiliary variable that goes with the gaps and with the answers
pupils$a1 <- round(0.6 * g + rnorm(n), 4)
pupils$a2 <- round(0.5 * f + rnorm(n), 4)
write.csv(pupils, file.path(here, "pupils.csv"), row.names = FALSE)
gaps <- pupils
for (item in c("y2", "y4", "y6")) gaps[[item]][runif(n) < plogis(-1.8 + 0.8 * pupils$a1)] <- NA
gaps$a2[runif(n) < 0.1] <- NA
write.csv(gaps, file.path(here, "pupils_gaps.csv"), row.names = FALSE)
