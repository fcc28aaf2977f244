# Data sets of the cases. Only simulated data, data that also come with a Python dependency, and changes of them anybody can repeat.
load_data <- function(name) {
  hs <- HolzingerSwineford1939
  items <- paste0("x", 1:9)
  if (grepl("\\.csv$", name)) return(read.csv(file.path(here, "data", name)))
  if (startsWith(name, "interaction_")) return(products(name))
  switch(name,
    political_democracy = PoliticalDemocracy,
    holzinger_swineford = hs,
    # every third case of the Holzinger-Swineford data has no answer on one item, taken in turn
    holzinger_swineford_missing = { for (i in seq(3, nrow(hs), 3)) hs[i, items[(i %/% 3) %% 9 + 1]] <- NA; hs },
    # the same, with a second gap in every fifth case
    holzinger_swineford_gaps = { for (i in seq(3, nrow(hs), 3)) hs[i, items[(i %/% 3) %% 9 + 1]] <- NA
                                 for (i in seq(5, nrow(hs), 5)) hs[i, items[(i %/% 5 + 4) %% 9 + 1]] <- NA; hs },
    # items cut at -0.8, 0 and 0.8 standard deviations (divisor n - 1) from their means: categories 1 to 4
    holzinger_swineford_ordinal = { for (v in items) { z <- (hs[[v]] - mean(hs[[v]])) / sd(hs[[v]])
                                    hs[[v]] <- 1L + (z > -0.8) + (z > 0) + (z > 0.8) }; hs },
    # the same for the first six items, the others left as they are
    holzinger_swineford_mixed = { for (v in items[1:6]) { z <- (hs[[v]] - mean(hs[[v]])) / sd(hs[[v]])
                                  hs[[v]] <- 1L + (z > -0.8) + (z > 0) + (z > 0.8) }; hs },
    # items cut at their means: 0 and 1
    holzinger_swineford_binary = { for (v in items) hs[[v]] <- as.integer(hs[[v]] > mean(hs[[v]])); hs },
    # categories with the gaps of holzinger_swineford_gaps
    holzinger_swineford_ordinal_gaps = { gaps <- is.na(load_data("holzinger_swineford_gaps")[items])
                                         hs <- load_data("holzinger_swineford_ordinal"); hs[items][gaps] <- NA; hs },
    given = NULL, stop("unknown data: ", name))
}
# interaction.csv with product indicators by semTools: interaction_<double|mean|residual>_<matched|all>_<xm|xx|xw>
products <- function(name) {
  part <- strsplit(name, "_")[[1]]
  data <- read.csv(file.path(here, "data", "interaction.csv"))
  first <- paste0("x", 1:3)
  if (part[4] == "xx") { data[paste0("copy", 1:3)] <- data[first] }
  second <- switch(part[4], xm = paste0("m", 1:3), xx = paste0("copy", 1:3), xw = "w")
  names <- if (part[3] == "matched") paste(first, sub("copy", "x", second), sep = ".")
           else as.vector(t(outer(first, second, paste, sep = ".")))
  semTools::indProd(data, first, second, match = part[3] == "matched", meanC = TRUE, residualC = part[2] == "residual",
                    doubleMC = part[2] == "double", namesProd = names)
}
